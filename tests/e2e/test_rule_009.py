"""RULE-009, with the real SDK: the clock reaches a boundary, and nobody need say anything."""

import asyncio
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from actors.model.calendar import Calendar
from actors.model.sessions import Window
from actors.rules import session_block_outside, trade_frequency_limit
from actors.rules.rule import Mode
from actors.rules.session_block_outside import Instrument
from config.calendars import load_shipped
from protocol.decisions import AlarmKind, AlarmRaised, LockedAttempt, LockEnded, LockSet, WouldHave
from protocol.lockouts import LockKind
from protocol.units import SECOND, Nanos
from tests.e2e.conftest import Build
from tests.e2e.invariants import READS, holds, last_trade
from tests.e2e.stand import CANCEL, CLOSE, ES, FIRST, MES, MNQ, MORNING, Rules, Stand, plan

RULE = "session_block_outside"
CHICAGO, HONOLULU = "America/Chicago", "Pacific/Honolulu"
CALENDAR = replace(
    load_shipped("cme_equity"), valid_from=date(2026, 10, 26), valid_to=date(2027, 3, 31)
)
"""Quicker to work out; with both changes of clocks and Thanksgiving."""
DAY = Window("08:30", "15:00")
HOUR = 3600


def sessions(*windows: Window, calendar: Calendar = CALENDAR, **keys: Any) -> Rules:
    if windows:
        keys["windows"] = windows
    return (
        session_block_outside.NAME,
        session_block_outside.Params(calendar=calendar, **keys),
    )


def at(text: str, zone: str = CHICAGO) -> Nanos:
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return Nanos(int(wall.timestamp()) * SECOND)


async def standing(build: Build, when: str, *rules: Rules, **options: Any) -> Stand:
    """Build a stand that has not started yet, at another time of another day."""
    stand = await build(plan(*rules), idle=True, **options)
    stand.clock.move((at(when) - MORNING) / SECOND)
    return stand


def clock_to(stand: Stand, when: str, zone: str = CHICAGO) -> None:
    """Let time pass until then, in which nothing happens: no quote, no event, no call."""
    left = (at(when, zone) - stand.clock().wall) / SECOND
    assert left > 0, "time does not go back"
    stand.clock.skip(left)


def lock(stand: Stand) -> tuple[str, str | None]:
    (found,) = stand.report().lockouts
    return found.scope, found.until


async def locked_flat(stand: Stand, count: int = 1) -> None:
    """Wait until the account is locked and so many enforcements have proven it flat."""
    await stand.until(lambda: stand.report().locked, "the lock")
    await stand.proven(count)
    assert stand.holdings() == {}


async def test_009_outside_at_boot_all_is_closed_and_locked(build: Build) -> None:
    stand = await standing(build, "2026-11-18T20:00", sessions(DAY))
    await stand.sim.order(FIRST, MNQ, "buy", 2)
    await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))
    since = last_trade(stand)

    await stand.start()
    await locked_flat(stand)

    assert lock(stand) == ("account", "2026-11-19T14:30:00.000Z")
    assert stand.orders() == {}
    (said,) = stand.decided(LockSet)
    assert said.lock.kind is LockKind.HARD
    assert f"{MNQ}: outside the session" in said.lock.reason
    holds(stand, since=since)


async def test_009_lesson_76_the_clock_alone_brings_it_flat_by_stages(build: Build) -> None:
    stand = await build(plan(sessions(DAY)))
    await stand.enter("buy", 2, at=21000)
    stop = await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20900))
    entry = await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))
    await stand.seen()

    clock_to(stand, "2026-11-18T14:49:50")
    await asyncio.sleep(0.05)
    assert (stand.report().locked, stand.mutations()) == (False, [])
    clock_to(stand, "2026-11-18T14:50:00")
    await stand.until(lambda: stand.report().locked, "T-10")
    await stand.until(lambda: set(stand.orders()) == {stop}, "the entry to be cancelled")
    await stand.until(stand.idle, "the proof")
    assert stand.holdings() == {MNQ: 2}
    assert stand.deeds() == [(CANCEL, entry)]
    assert lock(stand) == ("account", "2026-11-18T21:00:00.000Z")

    clock_to(stand, "2026-11-18T14:58:00")
    await stand.until(lambda: stand.holdings() == {}, "T-2")
    await stand.until(lambda: stand.orders() == {}, "the stop to go too")
    await stand.until(stand.idle, "the proof")
    assert lock(stand) == ("account", "2026-11-19T14:30:00.000Z")
    (kinds,) = {tuple(one.lock.kind for one in stand.decided(LockSet))}
    assert kinds == (LockKind.COOLDOWN, LockKind.HARD)

    reads = len(stand.calls(READS))
    clock_to(stand, "2026-11-18T15:00:00")
    await stand.until(lambda: verified(stand) == at("2026-11-18T15:00"), "T-0 to be verified")
    assert len(stand.calls(READS)) >= reads + 2
    assert stand.holdings() == {}


def verified(stand: Stand) -> Nanos:
    found: Nanos = stand.desk.runtime.states[f"account/{FIRST}/rule/{RULE}"].rule.verified
    return found


async def test_009_before_the_end_what_is_added_goes_and_exits_stay_possible(
    build: Build,
) -> None:
    stand = await build(plan(sessions(DAY)))
    await stand.enter("buy", 2, at=21000)
    clock_to(stand, "2026-11-18T14:51:00")
    await stand.until(lambda: stand.report().locked, "T-10")
    since = last_trade(stand)

    await stand.sim.order(FIRST, MNQ, "buy", 3)
    await stand.until(lambda: stand.decided(LockedAttempt), "the attempt")
    await stand.proven()
    assert stand.holdings() == {MNQ: 2}
    await stand.sim.close(FIRST, MNQ, 1)
    await stand.seen()
    assert stand.holdings() == {MNQ: 1}
    await stand.sim.order(FIRST, ES, "sell", 1)
    await stand.proven(2)

    assert stand.holdings() == {MNQ: 1}
    assert len(stand.decided(LockSet)) == 1
    assert since


@pytest.mark.parametrize(
    ("saturday", "opens", "utc"),
    [
        pytest.param("2026-11-14T12:00", "2026-11-15T17:00", "23:00", id="lesson-75-sunday-open"),
        pytest.param("2026-10-31T12:00", "2026-11-01T17:00", "23:00", id="lesson-63-into-winter"),
        pytest.param("2027-03-13T12:00", "2027-03-14T17:00", "22:00", id="lesson-63-into-summer"),
    ],
)
async def test_009_opens_on_sunday_evening_also_when_clocks_changed_that_night(
    build: Build, saturday: str, opens: str, utc: str
) -> None:
    stand = await standing(build, saturday, sessions())
    await stand.start()
    await locked_flat(stand)
    assert lock(stand) == ("account", f"{opens[:10]}T{utc}:00.000Z")

    clock_to(stand, f"{opens[:10]}T16:59:30")
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.decided(LockedAttempt), "the attempt")
    await locked_flat(stand, 2)
    clock_to(stand, opens)
    await stand.until(lambda: stand.decided(LockEnded), "the open")
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.seen()

    await stand.until(stand.idle, "nothing to be enforced")
    assert stand.holdings() == {MNQ: 1}
    assert not stand.report().locked
    assert stand.deeds().count((CLOSE, MNQ)) == 1


async def test_009_an_early_close_comes_early(build: Build) -> None:
    stand = await standing(build, "2026-11-26T11:00", sessions(DAY))  # Thanksgiving: 12:00
    await stand.start()
    await stand.enter("sell", 1, at=21000)
    clock_to(stand, "2026-11-26T11:57:00")
    await stand.until(lambda: stand.report().locked, "T-10")
    assert stand.holdings() == {MNQ: -1}

    clock_to(stand, "2026-11-26T11:58:00")
    await stand.until(lambda: stand.holdings() == {}, "T-2")
    await stand.until(stand.idle, "the proof")

    assert lock(stand) == ("account", "2026-11-27T14:30:00.000Z")
    holds(stand, since=last_trade(stand) - 1)


async def test_009_a_closed_day_is_locked_all_day(build: Build) -> None:
    stand = await standing(build, "2026-12-25T10:00", sessions(DAY))
    await stand.start()
    await locked_flat(stand)

    assert lock(stand) == ("account", "2026-12-28T14:30:00.000Z")


async def test_009_a_product_goes_by_its_own_sessions(build: Build) -> None:
    own = {"MNQ": Instrument(windows=(Window("08:30", "11:00"),))}
    stand = await build(plan(sessions(DAY, instruments=own)))
    await stand.enter("buy", 1, at=21000)
    await stand.enter("buy", 1, contract=ES)

    clock_to(stand, "2026-11-18T10:59:00")
    await stand.until(lambda: stand.holdings() == {ES: 1}, "the product to be closed")
    await stand.until(stand.idle, "the proof")
    assert lock(stand) == ("MNQ", "2026-11-19T14:30:00.000Z")
    clock_to(stand, "2026-11-18T12:00:00")
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.decided(LockedAttempt), "the attempt")
    await stand.until(lambda: stand.holdings() == {ES: 1}, "it to be closed again")
    await stand.until(stand.idle, "the proof")

    clock_to(stand, "2026-11-18T14:58:00")
    await stand.until(lambda: stand.holdings() == {}, "the account's own end")
    scopes = {(one.lock.scope, one.lock.kind) for one in stand.decided(LockSet)}
    assert scopes == {
        ("MNQ", LockKind.SYMBOL),
        ("* but MNQ", LockKind.SYMBOL),
    }


async def test_009_a_product_may_stay_after_the_accounts_own_end(build: Build) -> None:
    own = {"MNQ": Instrument(windows=(Window("17:00", "16:00"),))}
    stand = await build(plan(sessions(DAY, instruments=own)))
    await stand.enter("buy", 1, at=21000)
    await stand.enter("buy", 1, contract=ES)

    clock_to(stand, "2026-11-18T14:52:00")
    await stand.until(lambda: stand.report().lockouts, "T-10 of the others")
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.sim.order(FIRST, ES, "buy", 1)
    await stand.until(lambda: stand.holdings() == {MNQ: 2, ES: 1}, "just the other to be undone")
    clock_to(stand, "2026-11-18T14:58:00")
    await stand.until(lambda: stand.holdings() == {MNQ: 2}, "just the other to be closed")
    await stand.until(stand.idle, "the proof")
    clock_to(stand, "2026-11-18T15:51:00")
    await stand.until(lambda: len(stand.report().lockouts) == 2, "T-10 of the product")
    assert stand.holdings() == {MNQ: 2}, "what is held as its own stage begins may stay"

    clock_to(stand, "2026-11-18T15:58:00")
    await stand.until(lambda: stand.holdings() == {}, "T-2 of the product")


@pytest.mark.parametrize("how", ["crash", "stop"])
@pytest.mark.parametrize("zone", [CHICAGO, HONOLULU])
async def test_009_lesson_64_a_restart_keeps_the_lock_in_a_zone_west_of_utc(
    build: Build, how: str, zone: str
) -> None:
    window = DAY if zone == CHICAGO else Window("03:00", "09:00")
    stand = await build(plan(sessions(window, zone=zone)))
    await stand.enter("buy", 1, at=21000)
    clock_to(stand, "2026-11-18T22:30:00")
    await locked_flat(stand)
    before = lock(stand)
    assert before[1] == ("2026-11-19T14:30" if zone == CHICAGO else "2026-11-19T13:00") + ":00.000Z"
    await stand.until(
        lambda: any(isinstance(one.message, LockSet) for one in stand.journal()), "the disk"
    )

    await (stand.crash() if how == "crash" else stand.stop())
    await stand.sim.order(FIRST, MNQ, "sell", 2)
    stand.clock.skip(3 * HOUR)
    stand.boot()
    assert lock(stand) == before, "before the broker is asked anything"
    await stand.armed()
    await stand.until(lambda: stand.holdings() == {}, "what was opened meanwhile to be closed")
    await stand.until(stand.idle, "the proof")

    assert lock(stand) == before
    clock_to(stand, "2026-11-19T08:30:00")
    await stand.until(lambda: stand.decided(LockEnded), "the start")
    assert not stand.report().locked


async def test_009_i5_a_clock_set_back_before_the_start_leaves_no_softer_lock(build: Build) -> None:
    short = Window("09:30", "09:35")  # its last ten minutes begin before it does
    stand = await build(plan(sessions(short)))
    await locked_flat(stand)
    clock_to(stand, "2026-11-18T09:30:30")
    softer = "nothing may be added in the last minutes"
    await stand.until(lambda: kind(stand) is LockKind.COOLDOWN, softer)
    ends = lock(stand)

    stand.clock.move(-60)
    await stand.until(lambda: kind(stand) is LockKind.HARD, "the lock to be as hard as outside")

    assert lock(stand) == ends, "and no shorter than it was"
    await stand.proven(2)


def kind(stand: Stand) -> LockKind | None:
    """Return of what kind the account's lock is."""
    locks = stand.desk.runtime.states[f"account/{FIRST}/lockout"].locks
    return locks[0].kind if locks else None


async def test_009_lesson_72_a_resume_from_sleep_past_the_end_is_noticed(build: Build) -> None:
    stand = await build(plan(sessions(DAY)))
    await stand.enter("buy", 2, at=21000)

    stand.clock.move(10 * HOUR)  # the wall clock went on, the stopwatch stood still
    await locked_flat(stand)

    assert AlarmKind.CLOCK_JUMPED in {one.kind for one in stand.decided(AlarmRaised)}
    assert lock(stand) == ("account", "2026-11-19T14:30:00.000Z")
    stand.clock.move(-10 * HOUR)  # somebody sets it back: no lock ends earlier
    await stand.until(
        lambda: sum(one.kind is AlarmKind.CLOCK_JUMPED for one in stand.decided(AlarmRaised)) == 2,
        "the jump back",
    )
    assert lock(stand) == ("account", "2026-11-19T14:30:00.000Z")
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await locked_flat(stand, 2)


async def test_009_a_calendar_that_ends_alarms_and_is_never_open(build: Build) -> None:
    short = replace(CALENDAR, valid_to=date(2026, 11, 18))
    stand = await build(plan(sessions(calendar=short)))
    await stand.enter("buy", 1, at=21000)
    (alarm,) = [one for one in stand.decided(AlarmRaised) if one.kind is AlarmKind.CALENDAR_ENDS]
    assert "ends with 2026-11-18, within 60 days" in alarm.why
    assert any("calendar" in one for one in stand.report().alarms)

    clock_to(stand, "2026-11-18T17:00:00")
    await locked_flat(stand)
    await stand.until(
        lambda: any("no session is known now" in one.why for one in stand.decided(AlarmRaised)),
        "the alarm",
    )
    assert lock(stand) == ("account", None)

    await stand.stop()  # a newer calendar is installed
    stand.plans = (plan(sessions(calendar=CALENDAR)),)
    await stand.start()
    await stand.until(lambda: not stand.report().locked, "the lock to end")
    assert not any("calendar" in one for one in stand.report().alarms)


async def test_009_in_shadow_it_says_so_and_touches_nothing(build: Build) -> None:
    stand = await build(plan(sessions(DAY, mode=Mode.SHADOW)))
    await stand.enter("buy", 1, at=21000)
    clock_to(stand, "2026-11-18T15:00:00")
    await stand.until(lambda: stand.decided(WouldHave), "its word")

    assert not stand.report().locked
    assert (stand.mutations(), stand.holdings()) == ([], {MNQ: 1})


async def test_006_with_009_the_session_begins_with_the_window(build: Build) -> None:
    twice = (Window("08:30", "11:00"), Window("13:00", "15:00"))
    count = trade_frequency_limit.Params(per_session=5)
    frequency = (trade_frequency_limit.NAME, count)
    stand = await build(plan(sessions(*twice), frequency))
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.sim.order(FIRST, MNQ, "sell", 2)
    await stand.seen()
    await stand.until(lambda: stand.used(frequency[0]) == "2 in the session", "two entries")

    clock_to(stand, "2026-11-18T12:00:00")
    await locked_flat(stand)
    assert stand.used(frequency[0]) == "2 in the session", "until the next one begins"
    clock_to(stand, "2026-11-18T13:00:00")
    await stand.until(lambda: stand.used(frequency[0]) == "0 in the session", "the next session")
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.used(frequency[0]) == "1 in the session", "one entry")
