"""The feed, over the real SDK: a server that answers and pushes nothing, garbage, and one price."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from actors.adapters.projectx_hubs import Timings
from actors.model.feed import FeedPolicy, OnBlind
from actors.rules.daily_unrealized_loss import Scope
from config.calendars import load_shipped
from ops.commands.status import render_account
from ops.desk.narrate import line
from protocol.decisions import (
    AccountArmed,
    AlarmCleared,
    AlarmKind,
    AlarmRaised,
    LockEnded,
    LockSet,
)
from protocol.units import Nanos
from tests.e2e.conftest import Build, Figure
from tests.e2e.invariants import alarms, holds, last_trade
from tests.e2e.stand import (
    CLOSE,
    FIRST,
    MNQ,
    PARTIAL,
    RTY,
    Rules,
    Stand,
    contracts,
    plan,
    realized,
    unrealized,
)

WATCHFUL = Timings(ping_every=0.2, ping_answer=0.5)
STILL = 5.0
"""Seconds of virtual time between looks: a clock that leaps would hide what happens in between."""


def policy(on_blind: OnBlind = OnBlind.ALARM, **more: Any) -> dict[str, Any]:
    feed = FeedPolicy(on_blind=on_blind, **more)
    return {"feed": feed, "calendars": (load_shipped("cme_equity"),)}


async def silence(stand: Stand, seconds: float) -> None:
    """Let time pass in which the market hub is as alive as ever, and tells nothing."""
    for _ in range(round(seconds / STILL)):
        before = stand.state().swept
        stand.clock.skip(STILL)
        await stand.until(partial(swept_since, stand, before), "the next sweep")


def swept_since(stand: Stand, before: Nanos) -> bool:
    """Tell whether the desk has looked again, or has nothing left to look at."""
    now = stand.state()
    return now.swept > before or not now.watched


def blind(stand: Stand) -> bool:
    return AlarmKind.FEED_BLIND in alarms(stand)


async def held(build: Build, policy: dict[str, Any], **more: Any) -> Stand:
    """Return a stand with a position, whose Gateway answers everything and pushes no quotes."""
    stand = await build(plan(contracts(5), **policy), **more)
    await stand.enter("buy", 2, at=21000)
    stand.sim.faults.set(quotes_silent=True)
    return stand


async def test_i7_a_server_that_answers_and_pushes_nothing_is_an_alarm(build: Build) -> None:
    stand = await held(build, policy())
    await silence(stand, 30)  # real time passes as well, on a busy machine a lot of it
    assert stand.report().state == "armed"

    await silence(stand, 35)
    await stand.until(lambda: blind(stand), "the alarm")
    report = stand.report()
    assert (report.state, report.locked) == ("blind", False)
    assert report.feed is not None
    assert report.feed.state == "blind"
    assert [one.contract for one in report.feed.prices] == [MNQ]
    assert (report.feed.prices[0].age_s or 0) >= 60
    assert any(f"feed_blind: blind: {MNQ} has had no good price for" in a for a in report.alarms)
    shown = "\n".join(render_account(report))
    assert "BLIND" in shown
    assert "feed blind, truth" in shown
    told = [str(line(one)) for one in stand.decided(AlarmRaised)]
    assert [one for one in told if "ALARM feed_blind" in one and f"[{FIRST}]" in one]
    assert stand.mutations() == []
    assert AlarmKind.HUBS_LOST not in alarms(stand), "the hubs answer their pings"

    stand.sim.faults.set(quotes_silent=False)
    await stand.price(MNQ, 21001)
    await silence(stand, 5)
    await stand.until(lambda: alarms(stand, AlarmCleared) == [AlarmKind.FEED_BLIND], "its end")
    assert stand.report().state == "armed"
    assert all("feed" not in alarm for alarm in stand.report().alarms)


async def test_blind_and_paused_new_exposure_is_taken_back_until_prices_come(
    build: Build,
) -> None:
    stand = await held(build, policy(OnBlind.PAUSE))
    stop = await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20900))
    await stand.seen()
    await silence(stand, 65)
    await stand.until(lambda: stand.report().locked, "the pause")
    assert stand.mutations() == []

    await stand.sim.order(FIRST, MNQ, "buy", 1)
    since = last_trade(stand)
    await stand.sim.order(FIRST, RTY, "buy", 1, type="limit", limit=2300)
    await stand.until(lambda: stand.holdings() == {MNQ: 2}, "the third contract to go")
    await stand.until(lambda: list(stand.orders()) == [stop], "the entry to go, the stop to stay")
    assert PARTIAL in {name for name, _ in stand.deeds()}
    await stand.proven()
    holds(stand, since=since)

    stand.sim.faults.set(quotes_silent=False)
    await stand.price(MNQ, 21001)
    await silence(stand, 5)
    await stand.until(lambda: stand.decided(LockEnded), "the pause to end")
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.seen()
    await silence(stand, 5)
    assert stand.holdings() == {MNQ: 3}


async def test_blind_and_flattened_what_has_no_price_is_closed(build: Build) -> None:
    stand = await held(build, policy(OnBlind.FLATTEN))
    since = last_trade(stand)
    await silence(stand, 65)
    await stand.proven()

    assert stand.holdings() == {}
    assert stand.deeds() == [(CLOSE, MNQ)]
    assert stand.requested() == ["feed"]
    assert stand.decided(LockSet) == []
    await stand.until(lambda: AlarmKind.FEED_BLIND in alarms(stand, AlarmCleared), "the end")
    holds(stand, since=since)


async def test_no_price_is_missed_in_the_daily_halt(build: Build) -> None:
    stand = await held(build, policy(OnBlind.FLATTEN))
    stand.clock.move(7 * 3600 + 60)  # 16:01 in Chicago
    await silence(stand, 70)

    assert not blind(stand)
    assert stand.holdings() == {MNQ: 2}


async def test_a_frozen_server_is_a_gap_then_blind_and_seen_through_when_it_thaws(
    build: Build,
) -> None:
    stand = await held(build, policy(), timeout_seconds=1, timings=WATCHFUL)
    stand.sim.faults.set(frozen=True)
    await stand.until(lambda: AlarmKind.HUBS_LOST in alarms(stand), "the silence to be noticed")
    report = stand.report()
    assert report.feed is not None
    assert report.feed.state == "gap"
    await silence(stand, 65)
    await stand.until(lambda: blind(stand), "blind")

    stand.sim.faults.set(frozen=False, quotes_silent=False)
    await stand.until(lambda: len(stand.decided(AccountArmed)) == 2, "armed again")
    await stand.until(lambda: stand.watched(MNQ), "the quotes")
    await stand.price(MNQ, 21001)
    await silence(stand, 5)
    await stand.until(lambda: AlarmKind.FEED_BLIND in alarms(stand, AlarmCleared), "its end")
    report = stand.report()
    assert report.feed is not None
    assert report.feed.state == "live"
    assert stand.holdings() == {MNQ: 2}


GARBAGE: dict[str, tuple[dict[str, object], str]] = {
    "zero": ({"lastPrice": 0.0, "bestBid": 0.0, "bestAsk": 0.0}, "zero"),
    "crossed": ({"bestBid": 20950.25, "bestAsk": 20950.0}, "crossed"),
    "off the grid": ({"lastPrice": 20899.9}, "off_grid"),
    "negative": ({"lastPrice": -20900.0}, "no_price"),
    "beyond the band": ({"lastPrice": 2090.0}, "beyond_band"),
}


@pytest.mark.parametrize("what", GARBAGE)
async def test_i7_garbage_is_counted_by_reason_and_ages(build: Build, what: str) -> None:
    data, reason = GARBAGE[what]
    stand = await build(plan(unrealized(-200), realized(-200), **policy()))
    await stand.enter("buy", 2, at=21000)
    for number in range(13):
        wild = {key: value * (1 + number % 2) if reason == "beyond_band" else value
                for key, value in data.items() if isinstance(value, float)}  # fmt: skip
        await stand.quote(MNQ, {**wild, "timestamp": f"2026-11-18T15:00:{number:02}+00:00"})
        await silence(stand, 5)

    await stand.until(lambda: blind(stand), "the alarm")
    assert stand.requested() == []
    report = stand.report()
    assert report.feed is not None
    assert report.feed.prices[0].ignored.get(reason, 0) >= 13
    assert "ignored: " in "\n".join(render_account(report))


# One price is not enough to close an account on


async def test_003_waits_for_a_second_price_and_acts_on_it(build: Build, figure: Figure) -> None:
    stand = await build(plan(realized(-200), **policy(confirm="5s")), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at=21000)
    await stand.quote(MNQ, {"lastPrice": 20950.0})
    await stand.until(lambda: stand.report().rules[0].unknown, "the doubt")
    assert stand.requested() == []

    at = stand.clock().mono
    await stand.quote(MNQ, {"lastPrice": 20949.75})
    await stand.until(stand.mutations, "the close")
    figure("second quote to close (ms)", (stand.mutations()[0].received_ns - at) / 1e6)
    await stand.proven()
    assert stand.holdings() == {}
    assert [one.rule for one in stand.report().lockouts] == ["daily_realized_loss"]


async def test_003_acts_on_one_price_that_stands_until_its_time_is_over(build: Build) -> None:
    stand = await build(plan(realized(-200), **policy()), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at=21000)
    await stand.quote(MNQ, {"lastPrice": 20950.0})
    await stand.proven()

    assert stand.holdings() == {}
    assert stand.report().locked


@pytest.mark.parametrize("rules", [(realized(-200),), (unrealized(-200, scope=Scope.ACCOUNT),)],
                         ids=["003", "004 account"])  # fmt: skip
async def test_one_absurd_price_that_is_contradicted_closes_no_account(
    build: Build, rules: tuple[Rules, ...]
) -> None:
    stand = await build(plan(*rules, **policy(confirm="5s")), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at=21000)
    await stand.quote(MNQ, {"lastPrice": 20500.0})
    await stand.until(lambda: stand.report().rules[0].unknown, "the doubt")
    await stand.price(MNQ, 21000)
    await stand.until(lambda: not stand.report().rules[0].unknown, "the doubt to be over")
    stand.clock.skip(10)
    await stand.quote(MNQ, {"lastPrice": 21000.25})
    await stand.until(lambda: stand.report().unrealized == "1.00", "the next price")

    assert stand.requested() == []
    assert stand.holdings() == {MNQ: 2}


async def test_003_acts_at_once_when_bid_ask_and_last_all_cross(
    build: Build, figure: Figure
) -> None:
    stand = await build(plan(realized(-200), **policy(confirm="5s")), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at=21000)
    at = stand.clock().mono
    await stand.price(MNQ, 20949)
    await stand.until(stand.mutations, "the close")
    figure("quote to close, all three cross (ms)", (stand.mutations()[0].received_ns - at) / 1e6)

    assert stand.state().verdicts["daily_realized_loss"].unknown is None  # type: ignore[index]
    await stand.proven()
    assert stand.holdings() == {}


async def test_004_closes_one_position_on_its_first_price(build: Build) -> None:
    stand = await build(plan(unrealized(-200), **policy(confirm="5s")))
    await stand.enter("buy", 2, at=21000)
    await stand.quote(MNQ, {"lastPrice": 20950.0})
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]


async def test_lesson_55_a_crossing_amid_a_burst_is_not_swallowed(build: Build) -> None:
    """The SDK would keep only the newest quote of a contract: the one that crosses is not it."""
    stand = await build(plan(unrealized(-200), **policy()))
    await stand.enter("buy", 2, at=21000)
    for number in range(200):
        low = number == 100
        await stand.quote(MNQ, {"lastPrice": 20950.0 if low else 21000.0 + number % 3})
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]


async def test_the_round_trip_over_the_hubs_is_measured(build: Build) -> None:
    stand = await build(plan(contracts(5)), timings=WATCHFUL)

    await stand.until(lambda: stand.broker.ping_ms is not None, "the first ping")
    assert 0 < (stand.broker.ping_ms or 0) < 500
    stand.sim.faults.set(refuse_hubs=["user", "market"])
    stand.sim.faults.drop()
    await stand.until(lambda: stand.broker.ping_ms is None, "no hubs, no round trip")


@pytest.mark.parametrize("rules", [(realized(-200),), (unrealized(-200),)], ids=["003", "004"])
async def test_a_first_price_that_is_garbage_closes_nothing_and_a_true_one_does(
    build: Build, rules: tuple[Rules, ...]
) -> None:
    stand = await build(plan(*rules, **policy()), idle=True, fees_per_side=Decimal(0))
    await stand.sim.order(FIRST, MNQ, "buy", 2)
    await stand.start()
    await stand.until(lambda: stand.watched(MNQ), "the quotes")
    garbage: dict[str, object] = {"lastPrice": 2100.0, "bestBid": 2100.0, "bestAsk": 2100.25}

    await stand.quote(MNQ, garbage)
    await stand.until(lambda: ignored(stand) == {"beyond_band": 3}, "it to be doubted")
    stand.clock.skip(10)
    await stand.price(MNQ, 21000)
    await stand.until(lambda: stand.report().unrealized is not None, "a price")
    assert stand.requested() == []
    assert stand.holdings() == {MNQ: 2}

    await stand.price(MNQ, 20940)
    await stand.proven()
    assert stand.holdings() == {}


def ignored(stand: Stand) -> dict[str, int]:
    feed = stand.report().feed
    assert feed is not None
    return feed.prices[0].ignored if feed.prices else {}
