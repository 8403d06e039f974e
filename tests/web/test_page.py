"""The screen in a real browser, showing the real service; its pictures are kept in out/screen."""

import os
import shutil
import signal
import struct
from pathlib import Path

import pytest

from ops.desk.lockfile import holder
from ops.sim.server import SimServer
from tests.guardian.service import MNQ, Service, account, login, until
from tests.web.chromium import ROOT, binary, browser
from tests.web.conftest import HOSTILE, RULES, Watched

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("chromium")]
PICTURE = ROOT / "ops" / "web" / "screen.png"
SIZE = (1180, 900)
MINUS = "\N{MINUS SIGN}"
FIRST = "#account-1001"
SHARE = f"document.querySelector('{FIRST} [aria-label=\"Daily realized loss\"]').ariaValueNow"
FOCUSED = """(() => {
  const one = document.activeElement;
  return one.className || one.id || one.getAttribute("href") || one.textContent;
})()"""
TOO_WIDE = """[...document.querySelectorAll("*")].filter((one) =>
  one.checkVisibility() && !one.closest(".unseen, .skip")
  && one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.outerHTML.slice(0, 120))"""
CONTRASTS = """(() => {
  const parse = (said) => said.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.checkVisibility() && !one.closest(".unseen, .skip")
      && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((one) => {
      const both = [light(parse(getComputedStyle(one).color)), light(behind(one))];
      const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
      return [ratio, `${one.className} ${one.textContent.slice(0, 30)}`];
    })
    .filter(([ratio]) => ratio < 4.5);
})()"""
PATTERNS = """(() => {
  const [card] = document.querySelectorAll(".account");
  const tones = ["armed", "locked", "blind", "shadow", "unprotected", "unknown"];
  const before = card.dataset.tone;
  const found = tones.map((tone) => {
    card.dataset.tone = tone;
    const { backgroundImage } = getComputedStyle(card, "::before");
    return backgroundImage.replace(/rgba?\\([^)]*\\)/g, "colour");
  });
  card.dataset.tone = before;
  return found;
})()"""


async def test_the_screen_shows_a_day_until_it_is_locked(watched: Watched) -> None:
    sim, _, tab, _ = watched
    await watched.shows(f"{FIRST} .word", "ARMED")
    assert await tab.text("#account-1003 .name") == f"{HOSTILE} · 1003"
    await trades(watched)
    assert "long 2 MNQ Z26" in await tab.text(f"{FIRST} .held")
    assert "stop at 20700.00" in await tab.text(f"{FIRST} .held")
    assert "buy 1 MES Z26" in await tab.text(f"{FIRST} .held")

    await sim.price(MNQ, 20_980)
    await until(lambda: meter_is(watched, 16), 10)
    await sim.price(MNQ, 20_890)
    await until(lambda: meter_is(watched, 88), 10)
    assert "88 % near" in await tab.text(f"{FIRST} .gauge[data-level=near]")
    assert f"{MINUS}440.74 of {MINUS}500.00, 59.26 left" in await tab.text(
        f"{FIRST} .gauge[data-level=near]"
    )

    await sim.price(MNQ, 20_870)
    await watched.shows(f"{FIRST} .word", "LOCKED")
    await watched.shows(f"{FIRST} .steps", "proven after")
    assert "Locked by daily realized loss" in await tab.text(f"{FIRST} .lock")
    assert f"at or below {MINUS}500.00" in await tab.text(f"{FIRST} .reason")
    assert "PRACTICE-1001: LOCKED. By Daily realized loss." in await tab.run(
        "document.getElementById('said').textContent"
    )
    assert await tab.run("document.title") == "LOCKED · riskwarden"
    before = await tab.text(f"{FIRST} .lock .left")
    assert before.startswith("11:")
    await until(lambda: differs(watched, f"{FIRST} .lock .left", before), 10)
    await looks_well(watched)
    assert tab.complaints == []


async def test_a_looser_setting_is_said_to_wait_beside_the_limit_that_holds(
    watched: Watched,
) -> None:
    one = watched.service
    await watched.shows(f"{FIRST} .gauges", "of 8, 8 left")
    one.file.write_text(one.file.read_text("utf-8").replace("limit = 8", "limit = 9"), "utf-8")
    assert one.process is not None
    one.process.send_signal(signal.SIGHUP)

    await watched.shows(
        f"{FIRST} .waits", "Waits for the next reset: rules.max_contracts.limit: 8 -> 9"
    )
    assert "of 8, 8 left" in await watched.tab.text(f"{FIRST} .gauges")


async def trades(watched: Watched) -> None:
    """Have the first account hold a position, protect it, and ask for another."""
    await watched.sim.price(MNQ, 21_000)
    await watched.sim.order(1001, MNQ, "buy", 2)
    await watched.sim.order(1001, MNQ, "sell", 2, type="stop", stop=20_700)
    await watched.sim.order(1001, "CON.F.US.MES.Z26", "buy", 1, type="limit", limit=5_900)
    await watched.shows(f"{FIRST} .held", "MES Z26")
    await watched.shows(f"{FIRST} .held", "long 2")


async def meter_is(watched: Watched, percent: int) -> bool:
    return bool(await watched.tab.run(SHARE) == str(percent))


async def differs(watched: Watched, selector: str, before: str) -> bool:
    return await watched.tab.text(selector) != before


async def looks_well(watched: Watched) -> None:
    """Look at it wide and narrow, dark and light: it fits, and every word can be read."""
    _, _, tab, _ = watched
    sizes = (("desktop", 1280, 900), ("phone", 375, 812), ("small", 320, 640))
    for name, width, height in sizes:
        for scheme in ("dark", "light"):
            await tab.look(width, height, scheme)
            await tab.picture(f"{name}-{scheme}")
            assert await tab.run("document.documentElement.scrollWidth") <= width, (name, scheme)
            assert await tab.run(TOO_WIDE) == [], (name, scheme)
            assert await tab.run(CONTRASTS) == [], (name, scheme)
    patterns = await tab.run(PATTERNS)
    assert len(set(patterns)) == len(patterns), "a tone without a pattern of its own"


async def test_a_keyboard_reaches_everything_and_news_disturb_nobody(watched: Watched) -> None:
    _, _, tab, _ = watched
    await watched.shows(f"{FIRST} .word", "ARMED")
    await watched.shows("#account-1003 .word", "ARMED")
    visited = []
    for _ in range(20):
        await tab.press("Tab")
        visited.append(await tab.run(FOCUSED))
        if len(visited) > 1 and visited[-1] == "skip":
            break
    summaries = [one for one in visited if one.startswith("Feed live")]
    assert visited[:3] == ["skip", "#account-1001", "#account-1003"]
    assert len(summaries) == 2

    await tab.run(f"document.querySelector('{FIRST} .feed summary').focus()")
    await tab.press("Enter")
    said = await tab.text(f"{FIRST} .feed")
    assert "Attempts to trade while locked: 0" in said
    await until(lambda: differs(watched, "#heard", ""), 5)
    before = await tab.text("#heard")
    await until(lambda: differs(watched, "#heard", before), 5)
    assert await tab.run(f"document.querySelector('{FIRST} .feed').open")
    assert (await tab.run(FOCUSED)).startswith("Feed live")

    await tab.run("document.querySelector('.skip').focus()")
    await tab.press("Enter")
    assert await tab.run(FOCUSED) == "accounts"
    assert await tab.run("getComputedStyle(document.getElementById('dot')).animationName") == "none"
    assert tab.complaints == []


async def test_a_page_that_cannot_draw_the_news_says_so_and_a_foreign_file_is_not_loaded(
    watched: Watched,
) -> None:
    _, _, tab, _ = watched
    await watched.shows(f"{FIRST} .word", "ARMED")
    await tab.run("new Image().src = 'http://127.0.0.1:1/spy.png'; 0")
    await until(lambda: complains(watched, "Content Security Policy"), 10)

    await tab.run(
        "window.parse = JSON.parse; JSON.parse = () => { throw new Error('strange'); }; 0"
    )
    await watched.shows("#stale", "This page cannot draw what the service says.")
    assert await tab.text(f"{FIRST} .word") == "UNKNOWN"
    await until(lambda: complains(watched, "strange"), 10)
    await tab.run("JSON.parse = window.parse; 0")
    await watched.shows(f"{FIRST} .word", "ARMED")
    assert await tab.text("#stale") == ""


async def complains(watched: Watched, said: str) -> bool:
    return any(said in one for one in watched.tab.complaints)


async def test_nothing_looks_armed_once_the_desk_or_the_guardian_is_gone(watched: Watched) -> None:
    _, service, tab, _ = watched
    await watched.shows(f"{FIRST} .word", "ARMED")
    assert await tab.text("#stale") == ""

    hung = await service.desk_pid()
    os.kill(hung, signal.SIGSTOP)
    await watched.shows("#stale", "Desk main does not answer: its accounts are not protected.")
    assert await tab.text(f"{FIRST} .word") == "NOT PROTECTED"
    await tab.picture("stale-desk", whole=False)
    await watched.shows("#stale", "has died and starts again")
    await watched.shows(f"{FIRST} .word", "ARMED", 40)
    assert await tab.text("#stale") == ""

    os.kill(await service.desk_pid(), signal.SIGKILL)
    await watched.shows("#stale", "Desk main")
    assert await tab.text(f"{FIRST} .word") == "NOT PROTECTED"
    await watched.shows(f"{FIRST} .word", "ARMED", 40)
    assert tab.complaints == []

    assert service.process is not None
    service.process.send_signal(signal.SIGSTOP)
    try:
        await watched.shows("#stale", "No word from the service.")
    finally:
        service.process.send_signal(signal.SIGCONT)
    await watched.shows(f"{FIRST} .word", "ARMED", 40)

    await service.end(signal.SIGKILL)
    await watched.shows("#stale", "Nothing on this page proves that you are protected.")
    assert await tab.text(f"{FIRST} .word") == "UNKNOWN"
    assert "last known: ARMED" in await tab.text(f"{FIRST} .why")
    assert await tab.text("#summary") == "nobody says whether you are protected"
    await tab.picture("stale-guardian", whole=False)


async def test_the_picture_in_the_readme_shows_the_screen_as_it_is(tmp_path: Path) -> None:
    """With RISKWARDEN_PICTURE=1 it is taken anew; otherwise it must be there, and of this size."""
    binary()
    async with SimServer() as sim, browser(tmp_path / "profile") as tab:
        one = Service(
            tmp_path, login(sim.url), account(rules=RULES), account("id = 1002", rules=RULES)
        )
        await one.start()
        try:
            await one.armed(40)
            said = holder(one.data_dir / "lock")
            assert said is not None
            await tab.look(*SIZE, "dark")
            await tab.open(f"http://{said.http}")
            shown = Watched(sim, one, tab, "")
            await shown.shows(f"{FIRST} .word", "ARMED")
            await sim.price(MNQ, 21_000)
            await sim.order(1002, MNQ, "buy", 3)
            await shown.shows("#account-1002 .held", "long 3")
            await sim.price(MNQ, 20_915)
            await shown.shows("#account-1002 .word", "LOCKED")
            await trades(shown)
            await sim.price(MNQ, 20_895)
            await until(lambda: meter_is(shown, 84), 10)
            await shown.shows("#account-1002 .steps", "proven after")
            taken = await tab.picture("readme", whole=False)
            assert tab.complaints == []
        finally:
            await one.end()
    if os.environ.get("RISKWARDEN_PICTURE"):
        shutil.copyfile(taken, PICTURE)
    assert size(PICTURE) == size(taken) == SIZE
    assert "(ops/web/screen.png)" in (ROOT / "README.md").read_text("utf-8")


def size(picture: Path) -> tuple[int, int]:
    """Return a PNG's width and height."""
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return width, height
