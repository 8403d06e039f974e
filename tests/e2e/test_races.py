"""The trader, the broker and the desk act at the same time."""

from decimal import Decimal
from typing import Any

import pytest

from protocol.decisions import EnforcementFailing, EnforcementRequested
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade, never_opens, one_at_a_time
from tests.e2e.stand import (
    CANCEL,
    CLOSE,
    FIRST,
    MES,
    MNQ,
    PARTIAL,
    Stand,
    contracts,
    plan,
    realized,
    unrealized,
)

SIDES = [pytest.param("buy", -1, id="long"), pytest.param("sell", +1, id="short")]


async def breach_while_the_close_is_slow(stand: Stand, side: str, against: int) -> None:
    """Leave the desk's close on the wire for a while."""
    await stand.enter(side, 2, at=21000)
    stand.sim.faults.rest(kind="latency", seconds=0.25, endpoint=CLOSE)
    await stand.price(MNQ, 21000 + against * 50)
    await stand.until(stand.mutations, "the close to be on its way")


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_lesson_79_the_traders_exit_is_faster_than_our_close(
    build: Build, side: str, against: int
) -> None:
    stand = await build(plan(unrealized(-200)))
    await breach_while_the_close_is_slow(stand, side, against)

    await stand.sim.close(FIRST, MNQ)
    assert stand.mutations()[0].outcome == "pending"
    await stand.proven()

    assert stand.holdings() == {}
    assert [call.outcome for call in stand.mutations()] == ["refused"]
    assert stand.decided(EnforcementFailing) == []  # there was nothing left to do
    never_opens(stand)


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_lesson_79_the_traders_part_exit_is_faster_than_our_close(
    build: Build, side: str, against: int
) -> None:
    stand = await build(plan(unrealized(-200)))
    await breach_while_the_close_is_slow(stand, side, against)
    since = last_trade(stand)

    await stand.sim.close(FIRST, MNQ, 1)
    await stand.proven()

    assert stand.holdings() == {}
    holds(stand, since=since)


async def test_lesson_79_the_traders_reversal_is_faster_than_our_close(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await breach_while_the_close_is_slow(stand, "buy", -1)

    await stand.sim.order(FIRST, MNQ, "sell", 5)
    await stand.proven()

    assert stand.holdings() == {}
    one_at_a_time(stand)
    never_opens(stand)


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_lesson_79_the_traders_exit_is_faster_than_our_reduction(
    build: Build, side: str, against: int
) -> None:
    assert against
    stand = await build(plan(contracts(5)))
    stand.sim.faults.rest(kind="latency", seconds=0.25, endpoint=PARTIAL)
    await stand.sim.order(FIRST, MNQ, side, 6)
    since = last_trade(stand)
    await stand.until(stand.mutations, "the reduction to be on its way")

    await stand.sim.close(FIRST, MNQ)
    await stand.until(stand.idle, "the end of it")
    await stand.seen()

    assert stand.holdings() == {}
    holds(stand, since=since)


@pytest.mark.parametrize("pending", ["refuse", "overshoot"])
async def test_i1_a_close_that_fills_late_is_not_sent_twice(build: Build, pending: str) -> None:
    stand = await build(plan(realized(-200)), fill_delay_ms=0)
    await stand.enter("buy", 2, at=21000)
    since = last_trade(stand)
    stand.sim.faults.set(fill_delay_ms=1_200, close_while_pending=pending)

    await stand.price(MNQ, 20950)
    await stand.proven()

    assert stand.holdings() == {}
    assert stand.deeds() == [(CLOSE, MNQ)]
    holds(stand, since=since)


@pytest.mark.parametrize("pending", ["refuse", "overshoot"])
async def test_i1_a_reduction_that_fills_late_is_not_sent_twice(build: Build, pending: str) -> None:
    stand = await build(plan(contracts(5)))
    stand.sim.faults.set(close_while_pending=pending)
    await stand.enter("buy", 5, at=21000)
    stand.sim.faults.set(fill_delay_ms=1_200)
    await stand.sim.order(FIRST, MNQ, "buy", 2)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}
    assert stand.deeds() == [(PARTIAL, MNQ)]


async def test_lesson_80_a_stop_that_the_broker_leaves_behind_is_cancelled(build: Build) -> None:
    stand = await build(plan(unrealized(-200)))
    await stand.enter("buy", 2, at=21000)
    stop = await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20900))
    await stand.seen()

    await stand.price(MNQ, 20950)
    await stand.proven()
    await stand.price(MNQ, 20900)
    await stand.seen()

    assert (stand.holdings(), stand.orders()) == ({}, {})
    assert sorted(stand.deeds(), key=str) == sorted([(CLOSE, MNQ), (CANCEL, stop)], key=str)


@pytest.mark.parametrize("late", ["none", "auto", "late"])
async def test_lesson_80_brackets_are_gone_however_the_broker_treats_them(
    build: Build, late: str
) -> None:
    stand = await build(plan(unrealized(-200)), flat_cancels_brackets=late, sibling_cancel=late)
    await stand.sim.order(FIRST, MNQ, "buy", 2, stop_ticks=400, target_ticks=400)
    await stand.seen()
    await stand.until(lambda: stand.watched(MNQ), "the quotes")

    await stand.price(MNQ, 20950)
    await stand.proven()

    assert (stand.holdings(), stand.orders()) == ({}, {})
    never_opens(stand)


async def test_lesson_80_an_orphan_stop_that_fills_before_its_cancel_is_undone(
    build: Build,
) -> None:
    stand = await build(plan(unrealized(-200)))
    await stand.enter("buy", 2, at=21000)
    await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20940))
    await stand.seen()
    stand.sim.faults.rest(kind="latency", seconds=0.25, endpoint=CANCEL)

    await stand.price(MNQ, 20950)
    await stand.until(lambda: stand.holdings() == {}, "the close")
    await stand.price(MNQ, 20940)
    assert stand.holdings() == {MNQ: -2}
    await stand.proven()

    assert (stand.holdings(), stand.orders()) == ({}, {})
    one_at_a_time(stand)


async def test_i3_what_is_opened_in_the_middle_of_a_flatten_is_closed_too(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await breach_while_the_close_is_slow(stand, "buy", -1)

    await stand.sim.order(FIRST, MES, "sell", 3)
    await stand.sim.order(FIRST, MNQ, "buy", 3)
    await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))
    await stand.proven()

    assert (stand.holdings(), stand.orders()) == ({}, {})
    one_at_a_time(stand)
    never_opens(stand)


async def test_a_price_that_comes_back_does_not_call_off_a_flatten(build: Build) -> None:
    stand = await build(plan(unrealized(-200)))
    stand.sim.faults.rest(kind="reject", endpoint=CLOSE, count=2)
    await stand.enter("buy", 2, at=21000)

    await stand.price(MNQ, 20950)
    await stand.until(stand.mutations, "the first close")
    await stand.price(MNQ, 21100)
    await stand.proven()

    assert stand.holdings() == {}
    assert len(stand.decided(EnforcementRequested)) == 1


async def test_lesson_33_a_quote_after_the_close_gives_no_verdict(build: Build) -> None:
    stand = await build(plan(unrealized(-200), realized(-900)))
    await stand.enter("buy", 2, at=21000)
    await stand.sim.close(FIRST, MNQ)
    await stand.seen()

    await stand.price(MNQ, 20700)
    await stand.sim.order(FIRST, MES, "buy", 1)
    await stand.seen()

    assert stand.requested() == []
    assert stand.mutations() == []


STORMS: list[Any] = [
    pytest.param({"copies": 3}, id="thrice"),
    pytest.param({"copies": 3, "shuffle_streams": True}, id="thrice-and-shuffled"),
    pytest.param({"order_of_streams": ["position", "trade", "order"]}, id="position-first"),
    pytest.param({"order_of_streams": ["trade", "position", "order"]}, id="trade-first"),
    pytest.param({"delay_ms": {"position": 400}}, id="positions-late"),
    pytest.param({"delay_ms": {"order": 400, "trade": 250}}, id="orders-and-trades-late"),
    pytest.param({"copies": 2, "delay_ms": {"position": 150}}, id="twice-and-late"),
    pytest.param({"answers_after_events": True}, id="answers-after-events"),
    pytest.param({"fill_chunk_max": 1}, id="filled-one-by-one"),
    pytest.param({"pending_first": True, "copies": 2}, id="pending-first"),
]


@pytest.mark.parametrize("storm", STORMS)
async def test_lessons_2_42_78_duplicates_and_permutations_are_one_close(
    build: Build, storm: dict[str, Any]
) -> None:
    stand = await build(plan(unrealized(-200), contracts(5), realized(-5000)))
    stand.sim.faults.set(**storm)
    await stand.enter("sell", 2, at=21000)
    since = last_trade(stand)

    await stand.price(MNQ, 21050)
    await stand.proven()
    await stand.seen()

    assert stand.holdings() == {}
    # Told after the position is gone, our own close looks like an order that could open one.
    assert [deed for deed in stand.deeds() if deed[0] != CANCEL] == [(CLOSE, MNQ)]
    assert stand.requested() == ["daily_unrealized_loss"]
    await stand.until(lambda: stand.report().realized == "-201.48", "every trade, once")
    holds(stand, since=since)


@pytest.mark.parametrize("storm", STORMS)
async def test_lessons_2_42_78_duplicates_and_permutations_are_one_reduction(
    build: Build, storm: dict[str, Any]
) -> None:
    stand = await build(plan(contracts(5)))
    await stand.enter("buy", 4, at=21000)
    stand.sim.faults.set(**storm)

    await stand.sim.order(FIRST, MNQ, "buy", 3)
    await stand.proven()
    await stand.seen()

    assert stand.holdings() == {MNQ: 5}
    one_at_a_time(stand)
    never_opens(stand)
