// Hear the guardian, draw what it says, and say loudly when it says nothing any more.

import { changeAccount, makeAccount } from "./account.js";
import { attribute, element, icon, keep, show, text } from "./dom.js";
import { clock, countdown, title } from "./words.js";

const OLD_MS = 3000;
const AGAIN_MS = 1000;
const TICK_MS = 250;

const at = (id) => document.getElementById(id);
const heard = { wall: null, steady: 0, skew: 0 };
let screen = null;
let edition = null;
let broken = false;
let failed = false;
let words = new Map();

function listen() {
  const events = new EventSource("events");
  events.addEventListener("edition", (event) => {
    edition ??= event.data;
    if (edition !== event.data) location.reload();
  });
  events.addEventListener("state", (event) => {
    broken = failed = false;
    try {
      take(JSON.parse(event.data));
      draw();
    } catch (error) {
      failed = true;
      tick();
      throw error;
    }
  });
  events.onerror = () => {
    broken = true;
    tick();
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS);
  };
}

function take(said) {
  screen = said;
  heard.wall = Date.now();
  heard.steady = performance.now();
  heard.skew = new Date(screen.at) - heard.wall;
}

// Both clocks: one stands still while the machine sleeps, the other can be set.
function silence() {
  if (heard.wall === null) return performance.now();
  return Math.max(Date.now() - heard.wall, performance.now() - heard.steady);
}

function isLost() {
  return failed || silence() > OLD_MS || (broken && heard.wall !== null);
}

function draw() {
  const lost = isLost();
  const views = screen.accounts.map((one) => (lost ? forgotten(one) : one));
  text(at("summary"), lost ? "nobody says whether you are protected" : screen.summary);
  keep(at("accounts"), views, key, makeAccount, (node, one) => changeAccount(node, one, screen));
  show(at("overview"), views.length > 1);
  keep(at("overview").firstElementChild, views, key, makeLink, changeLink);
  show(at("desks"), screen.desks.length > 0);
  keep(at("desks").lastElementChild, screen.desks, (one) => one.status.login, makeDesk, changeDesk);
  announce(views);
  tick();
}

function key(view) {
  return view.status.id ?? view.status.name;
}

// What was last known is no longer what is so.
function forgotten(view) {
  return { ...view, word: "UNKNOWN", tone: "unknown", why: `last known: ${view.word}, at ${clock(screen.at)}` };
}

function makeLink() {
  return element("li", {}, element("a", {}, element("span", { class: "mark" }), element("span", { class: "who" }),
    element("span", { class: "state" })));
}

function changeLink(node, view) {
  const link = node.firstElementChild;
  attribute(link, "href", `#account-${key(view)}`);
  if (link.dataset.tone !== view.tone) {
    link.dataset.tone = view.tone;
    link.children[0].replaceChildren(icon(view.tone));
  }
  text(link.children[1], view.who);
  text(link.children[2], view.word);
}

function makeDesk() {
  return element("li", {}, element("h3"), element("p", { class: "figures" }), element("ul", { class: "alarms" }));
}

function changeDesk(node, { status, age_s: age, gone }) {
  node.dataset.tone = gone === null && status.state === "armed" ? "armed" : gone === null ? "blind" : "unprotected";
  text(node.children[0], `${status.login}: ${gone ?? status.state}`);
  const ping = status.ping_ms === null ? "no ping" : `ping ${Math.round(status.ping_ms)} ms`;
  text(node.children[1], [
    `hubs ${status.hubs}`, ping, beat(age), `${status.restarts} restarts`, `${status.calls_last_minute} requests/min`,
    status.pid === null ? "no process" : `process ${status.pid}`,
  ].join(" · "));
  keep(node.children[2], status.alarms, String, () => element("li"), (one, said) => text(one, `Alarm: ${said}`));
}

function beat(age) {
  return age === null ? "not heard yet" : `heard ${Math.max(0, age).toFixed(1)} s ago`;
}

function announce(views) {
  const now = new Map(views.map((one) => [key(one), one]));
  const changed = [...now].filter(([name, one]) => words.size && words.get(name)?.word !== one.word);
  if (changed.length) {
    text(at("said"), changed.map(([, one]) => `${one.who}: ${one.word}. ${spoken(one)}`).join(" "));
  }
  words = now;
  const worst = views.filter((one) => one.tone !== "armed").map((one) => one.word);
  document.title = worst.length ? `${[...new Set(worst)].join(", ")} · riskwarden` : "riskwarden";
}

function spoken({ status, word, why }) {
  const [lock] = status.lockouts;
  return word === "LOCKED" && lock ? `By ${title(lock.rule)}. ${lock.reason}.` : `${why}.`;
}

// The passing of time: countdowns, the age of what is shown, the banner.
function tick() {
  const now = Date.now() + heard.skew;
  for (const node of document.querySelectorAll("[data-until]")) {
    text(node, countdown(new Date(node.dataset.until) - now));
  }
  const lost = isLost();
  const gone = screen === null ? [] : screen.desks.filter((one) => one.gone !== null);
  const why = failed
    ? "This page cannot draw what the service says. Load it again; `riskwarden top` shows the same."
    : lost
    ? "No word from the service. Nothing on this page proves that you are protected."
    : gone.map((one) => `Desk ${one.status.login} ${one.gone}: its accounts are not protected.`).join(" ");
  show(at("stale"), why !== "");
  text(at("stale-why"), why);
  text(at("stale-age"), lost
    ? `Silent for ${Math.floor(silence() / 1000)} s. ${last()}`
    : gone.map((one) => `${one.status.login}: ${beat(one.age_s)}.`).join(" "));
  text(at("heard"), heard.wall === null ? "connecting" : lost ? last() : `live, ${clock(screen.at)}`);
  const state = lost ? "lost" : "live";
  if (document.body.dataset.heard !== state) {
    document.body.dataset.heard = state;
    if (screen !== null) draw();
  }
}

function last() {
  return heard.wall === null ? "Never heard." : `Last word at ${clock(screen.at)}.`;
}

listen();
setInterval(tick, TICK_MS);
