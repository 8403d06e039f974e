// One account's card: its word first, then what ends it, then the figures behind it.

import { attribute, element, icon, keep, show, text } from "./dom.js";
import { clock, contract, figure, moment, money, title, took } from "./words.js";

const SHOWN = 5;
const LEVELS = { near: "near", close: "close", reached: "AT LIMIT", unknown: "unknown" };
const ENDINGS = {
  requested: "under way",
  failing: "FAILING, tried again",
  withdrawn: "withdrawn: no longer needed",
};

export function makeAccount() {
  const card = element("article", { class: "account" });
  const id = `account-${(makeAccount.count = (makeAccount.count ?? 0) + 1)}`;
  card.setAttribute("aria-labelledby", `${id}-name`);
  card.append(
    element(
      "header",
      {},
      element("div", { class: "mark" }),
      element(
        "div",
        { class: "judged" },
        element("h2", { id: `${id}-name`, class: "name" }),
        element("p", { class: "word" }),
        element("p", { class: "why" }),
      ),
      element("ul", { class: "chips" }),
    ),
    element("ul", { class: "alarms", "aria-label": "Alarms" }),
    element("div", { class: "locks" }),
    element("dl", { class: "money" }),
    element("section", { class: "limits" }, element("h3", {}, "Limits"), element("ul", { class: "gauges" }),
      element("ul", { class: "plain" }), element("ul", { class: "waits", "aria-label": "Waits for the next reset" })),
    part("held", "Positions and working orders", "ul", "rows"),
    part("done", "Enforcements today", "ol", "steps"),
    element("details", { class: "older" }, element("summary"), element("ol", { class: "steps" })),
    element("details", { class: "feed" }, element("summary"), element("ul")),
  );
  return card;
}

function part(name, heading, list, kind) {
  return element("section", { class: name }, element("h3", {}, heading), element(list, { class: kind }),
    element("p", { class: "none" }));
}

export function changeAccount(card, view, screen) {
  const { status } = view;
  const find = (selector) => card.querySelector(selector);
  card.id = `account-${status.id ?? status.name}`;
  card.tabIndex = -1;
  if (card.dataset.tone !== view.tone) {
    card.dataset.tone = view.tone;
    find(".mark").replaceChildren(icon(view.tone));
  }
  card.dataset.old = view.tone === "unknown" || status.state === "stale";
  text(find(".name"), status.id === null || view.who.includes(status.id) ? view.who : `${view.who} · ${status.id}`);
  text(find(".word"), view.word);
  text(find(".why"), view.why);
  const chips = [`mode ${status.mode}`, `desk ${status.login}`];
  keep(find(".chips"), chips, String, () => element("li"), text);
  keep(find(".alarms"), status.alarms, String, () => element("li"), (node, said) => text(node, `Alarm: ${said}`));
  keep(find(".locks"), status.lockouts, (one) => `${one.rule} ${one.scope}`, makeLock, (node, one) =>
    changeLock(node, one, screen));
  changeMoney(find(".money"), status);
  changeRules(card, view.rules);
  keep(find(".waits"), status.waits, String, () => element("li"), (node, said) =>
    text(node, `Waits for the next reset: ${said}`));
  changeHeld(find(".held"), status);
  changeDone(card, status);
  changeFeed(find(".feed"), status, screen);
}

function makeLock() {
  return element(
    "section",
    { class: "lock" },
    element("h3"),
    element("p", { class: "left", role: "timer" }),
    element("p", { class: "until" }),
    element("p", { class: "reason" }),
  );
}

function changeLock(node, lock, screen) {
  const scope = lock.scope === "account" ? "" : ` (${contract(lock.scope)} only)`;
  text(node.querySelector("h3"), `Locked by ${title(lock.rule).toLowerCase()}${scope}`);
  attribute(node.querySelector(".left"), "data-until", lock.until);
  if (lock.until === null) text(node.querySelector(".left"), "no end time");
  text(
    node.querySelector(".until"),
    lock.until === null ? "ends when its condition ends" : `until ${moment(lock.until, screen.at)}`,
  );
  text(node.querySelector(".reason"), figure(lock.reason));
}

function changeMoney(list, status) {
  const sum = status.realized === null || status.unrealized === null
    ? null
    : (Number(status.realized) + Number(status.unrealized)).toFixed(2);
  const cells = [
    ["Realized today", money(status.realized), sign(status.realized)],
    ["Open", money(status.unrealized), sign(status.unrealized)],
    ["Together", money(sum), sign(sum)],
    ["Next reset in", status.next_reset === null ? "unknown" : null, null, status.next_reset],
  ];
  keep(list, cells, (one) => one[0],
    (one) => element("div", {}, element("dt", {}, one[0]), element("dd")),
    (node, [, said, tone, until]) => {
      const figures = node.lastElementChild;
      if (said !== null) text(figures, said);
      attribute(figures, "data-sign", tone);
      attribute(figures, "data-until", until ?? null);
    });
}

function sign(said) {
  return said === null ? "unknown" : Number(said) < 0 ? "minus" : Number(said) > 0 ? "plus" : null;
}

function changeRules(card, rules) {
  const barred = rules.flatMap((rule) => rule.gauges.map((gauge, place) => ({ rule, gauge, place })));
  const plain = rules.filter((rule) => !rule.gauges.length);
  show(card.querySelector(".limits"), rules.length > 0);
  keep(card.querySelector(".gauges"), barred, (one) => `${one.rule.status.rule} ${one.place}`, makeGauge, changeGauge);
  keep(card.querySelector(".plain"), plain, (one) => one.status.rule,
    () => element("li", {}, element("span", { class: "title" }), element("span", { class: "said" }),
      element("span", { class: "standing" })),
    (node, rule) => {
      text(node.querySelector(".title"), rule.title);
      text(node.querySelector(".said"), plainly(rule.status));
      standing(node, rule);
    });
}

function plainly({ unknown, used, limit }) {
  if (unknown !== null) return `unknown: ${unknown}`;
  const told = [...new Set([used, limit])].filter(Boolean);
  return told.length ? figure(told.join(" · limit ")) : "nothing told yet";
}

function standing(node, rule) {
  node.dataset.standing = rule.status.lacks ? "not" : rule.status.enforcing ? "enforcing" : "shadow";
  text(node.querySelector(".standing"), rule.status.enforcing ? "" : rule.standing);
}

function makeGauge() {
  const bar = element("div", { class: "bar", role: "meter", "aria-valuemin": 0, "aria-valuemax": 100 },
    element("div", { class: "fill" }));
  return element("li", { class: "gauge" }, element("span", { class: "title" }), element("span", { class: "figures" }),
    element("span", { class: "standing" }), bar, element("span", { class: "share" }));
}

function changeGauge(node, { rule, gauge }) {
  const percent = gauge.share === null ? null : Math.floor(gauge.share * 100);
  const name = gauge.label ? `${rule.title}, ${gauge.label}` : rule.title;
  const left = gauge.left ? `, ${figure(gauge.left)} left` : "";
  const said = rule.status.unknown ?? `${figure(gauge.used)} of ${figure(gauge.limit)}${left}`;
  node.dataset.level = gauge.level;
  text(node.querySelector(".title"), name);
  text(node.querySelector(".figures"), said);
  standing(node, rule);
  const word = LEVELS[gauge.level];
  text(node.querySelector(".share"), percent === null || percent >= 100 ? word : `${percent} %${word ? ` ${word}` : ""}`);
  const bar = node.querySelector(".bar");
  attribute(bar, "aria-label", name);
  attribute(bar, "aria-valuenow", percent === null ? null : Math.min(100, percent));
  attribute(bar, "aria-valuetext", percent === null ? "unknown" : `${percent} %, ${said}`);
  bar.firstElementChild.style.setProperty("--share", percent === null ? 1 : Math.min(1, gauge.share));
}

function changeHeld(section, status) {
  const rows = [
    ...status.positions.map((one) => ({
      key: `p ${one.contract}`,
      kind: one.side,
      what: `${one.side} ${one.size} ${contract(one.contract)}`,
      how: `at ${one.average}, now ${one.mark ?? "no price"}`,
      worth: one.unrealized,
    })),
    ...status.orders.map((one) => ({
      key: `o ${one.id}`,
      kind: "order",
      what: `${one.side} ${one.size - one.filled} ${contract(one.contract)}`,
      how: priced(one),
      worth: undefined,
    })),
  ];
  keep(section.querySelector("ul"), rows, (one) => one.key,
    () => element("li", {}, element("span", { class: "what" }), element("span", { class: "how" }),
      element("span", { class: "worth" })),
    (node, one) => {
      node.dataset.kind = one.kind;
      text(node.children[0], one.what);
      text(node.children[1], one.how);
      text(node.children[2], one.worth === undefined ? "" : money(one.worth));
      attribute(node.children[2], "data-sign", one.worth === undefined ? null : sign(one.worth));
    });
  const known = status.unrealized !== null;
  text(section.querySelector(".none"), rows.length ? "" : known ? "flat, no working orders" : "not known yet");
}

function priced({ type, stop, limit, filled }) {
  const prices = [stop, limit].filter((price) => price !== null).join(", limit ");
  const part = filled ? ` · ${filled} filled` : "";
  return `${type.replaceAll("_", " ")}${prices ? ` at ${prices}` : ""} · working${part}`;
}

function changeDone(card, status) {
  const newest = [...status.enforcements].reverse();
  keep(card.querySelector(".done ol"), newest.slice(0, SHOWN), (one) => one.id, makeStep, changeStep);
  text(card.querySelector(".done .none"), newest.length ? "" : "none");
  const older = card.querySelector(".older");
  show(older, newest.length > SHOWN);
  text(older.firstElementChild, `${newest.length - SHOWN} earlier`);
  keep(older.lastElementChild, newest.slice(SHOWN), (one) => one.id, makeStep, changeStep);
}

function makeStep() {
  return element("li", {}, element("time"), element("span", { class: "what" }), element("span", { class: "ending" }),
    element("span", { class: "because" }));
}

function changeStep(node, one) {
  node.dataset.state = one.state;
  attribute(node.children[0], "datetime", one.requested);
  text(node.children[0], clock(one.requested));
  text(node.children[1], title(one.rule));
  text(node.children[2], one.confirmed === null
    ? ENDINGS[one.state] ?? one.state
    : `proven after ${took(one.requested, one.confirmed)}`);
  text(node.children[3], figure(one.why));
}

function changeFeed(details, status, screen) {
  const { feed } = status;
  const [summary, list] = details.children;
  details.dataset.state = feed?.state ?? "none";
  const read = feed === null ? "" : feed.truth_age_s === null ? ", positions never read" : `, positions read ${feed.truth_age_s} s ago`;
  text(summary, feed === null ? "Feed: nothing heard" : `Feed ${feed.state}${read}`);
  const lines = (feed?.prices ?? []).map((one) => {
    const ignored = Object.entries(one.ignored).map(([reason, count]) => `${count} ${reason}`).join(", ");
    const age = one.age_s === null ? "no good price yet" : `price ${one.age_s} s old`;
    return { key: one.contract, said: `${contract(one.contract)}: ${age}${ignored ? `, not believed: ${ignored}` : ""}` };
  });
  lines.push(...status.waits.map((one) => ({ key: `w ${one}`, said: `Waits for the reset: ${one}` })));
  if (status.next_reset !== null) lines.push({ key: "r", said: `Next reset ${moment(status.next_reset, screen.at)}` });
  lines.push({ key: "a", said: `Attempts to trade while locked: ${status.attempts_while_locked}` });
  keep(list, lines, (one) => one.key, () => element("li"), (node, one) => text(node, one.said));
}
