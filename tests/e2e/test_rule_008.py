"""RULE-008, from a position without a stop to its close at the broker."""

from decimal import Decimal
from typing import Any

import pytest

from actors.rules.no_stop_loss_grace import NAME, OnUnknown, Params, State
from ops.sim import actions
from protocol.account_facts import OrderStatus
from protocol.decisions import AlarmKind, AlarmRaised, LockSet
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import CANCEL, CLOSE, FIRST, MES, MNQ, Rules, Stand, plan

ORDERS = "Order/v2/query"
GRACE = 600
"""Ten minutes: no test is so slow that the rest of them goes by itself."""


def stops(**more: Any) -> Rules:
    return NAME, Params(grace="10m", **more)


def clocks(stand: Stand) -> set[str]:
    """Return the contracts whose clocks run."""
    state = stand.desk.runtime.states[f"account/{FIRST}/rule/{NAME}"].rule
    assert isinstance(state, State)
    return set(state.bare)


async def stop(stand: Stand, side: str, size: int, at: int) -> int:
    """Let the trader place a stop in the broker's own screen."""
    placed = await stand.sim.order(FIRST, MNQ, side, size, type="stop", stop=Decimal(at))
    await stand.seen()
    return placed


def unread(stand: Stand) -> bool:
    return AlarmKind.TRUTH_UNKNOWN in {one.kind for one in stand.decided(AlarmRaised)}


async def passes(stand: Stand, seconds: float) -> None:
    """Let time pass, and wait until the desk has looked at its clocks."""
    stand.clock.skip(seconds)
    at = stand.clock().mono
    await stand.until(
        lambda: (stand.desk._now.last or stand.clock()).mono >= at, "a look at the clock"
    )


@pytest.mark.parametrize(("side", "size"), [("buy", 2), ("sell", 3)], ids=["long", "short"])
async def test_008_closes_a_naked_position_when_its_grace_is_over_and_not_before(
    build: Build, side: str, size: int
) -> None:
    stand = await build(plan(stops()))
    await stand.enter("buy", 1, contract=MES, at=6000)
    await stand.sim.order(FIRST, MES, "sell", 1, type="stop", stop=Decimal(5990))
    await stand.enter(side, size, at=21000)
    target = {"limit": Decimal(21100 if side == "buy" else 20900)}
    other = "sell" if side == "buy" else "buy"
    order = await stand.sim.order(FIRST, MNQ, other, size, type="limit", **target)
    await stand.seen()

    await passes(stand, GRACE - 60)
    assert (stand.requested(), clocks(stand)) == ([], {MNQ})
    since = last_trade(stand)
    await passes(stand, 60)
    await stand.proven()

    assert stand.holdings() == {MES: 1}
    assert list(stand.orders().values()) == [MES]
    assert stand.deeds() == [(CLOSE, MNQ), (CANCEL, order)]
    assert stand.requested() == [NAME]
    assert stand.decided(LockSet) == []
    assert clocks(stand) == set()
    holds(stand, since=since)


async def test_008_a_stop_of_the_brokers_own_screen_protects_and_its_end_starts_the_clock(
    build: Build,
) -> None:
    stand = await build(plan(stops()))
    await stand.enter("buy", 2, at=21000)
    await passes(stand, GRACE - 60)
    placed = await stop(stand, "sell", 2, 20950)
    assert clocks(stand) == set()

    await passes(stand, 3 * GRACE)
    assert stand.mutations() == []
    await stand.sim.cancel(FIRST, placed)
    await stand.until(lambda: clocks(stand) == {MNQ}, "the clock to start")
    await passes(stand, GRACE - 60)
    assert stand.mutations() == []
    await passes(stand, 60)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]


async def test_lesson_95_008_a_stop_for_part_of_the_position_is_not_enough(build: Build) -> None:
    stand = await build(plan(stops()))
    await stand.enter("buy", 2, at=21000)
    half = await stop(stand, "sell", 1, 20950)

    await passes(stand, GRACE)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ), (CANCEL, half)]
    assert (stand.holdings(), stand.orders()) == ({}, {})


async def test_008_a_bracket_protects_awake_and_asleep(build: Build) -> None:
    stand = await build(plan(stops()))
    await stand.price(MNQ, 21000)
    entry = await stand.sim.order(
        FIRST, MNQ, "buy", 2, type="limit", limit=Decimal(20990), stop_ticks=40, target_ticks=40
    )
    await stand.seen()
    statuses = {one.status for one in stand.state().book.orders.values()}
    assert OrderStatus.SUSPENDED in statuses
    await stand.sim.do(actions.Fill(order=entry, size=1, price=Decimal(20990)))
    await stand.seen()

    await passes(stand, GRACE)
    assert (stand.holdings(), stand.mutations()) == ({MNQ: 1}, [])
    await stand.sim.do(actions.Fill(order=entry, size=1, price=Decimal(20990)))
    await stand.seen()
    await passes(stand, 2 * GRACE)

    assert stand.holdings() == {MNQ: 2}
    assert (stand.mutations(), clocks(stand)) == ([], set())


async def test_008_the_read_at_the_end_finds_a_stop_that_the_hub_did_not_tell_of(
    build: Build,
) -> None:
    stand = await build(plan(stops()))
    await stand.enter("buy", 2, at=21000)
    stand.sim.faults.set(lose={"order": 1})
    await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20950))
    assert clocks(stand) == {MNQ}

    await passes(stand, GRACE)
    await stand.until(lambda: clocks(stand) == set(), "the read to show it")

    assert (stand.mutations(), stand.holdings()) == ([], {MNQ: 2})


async def test_lesson_93_008_without_an_answer_it_asks_again_and_then_decides(
    build: Build,
) -> None:
    stand = await build(plan(stops(unknown_timeout="5m")))
    await stand.enter("buy", 2, at=21000)
    asked = len(stand.calls((ORDERS,)))
    stand.sim.faults.rest(kind="status", status=500, endpoint=ORDERS, count=None)

    await passes(stand, GRACE)
    await stand.until(lambda: unread(stand), "the alarm")
    await passes(stand, 60)
    await stand.until(lambda: len(stand.calls((ORDERS,))) > asked + 1, "a second try")
    assert stand.mutations() == []
    (rule,) = stand.report().rules
    assert rule.unknown == f"stops of {MNQ} have not been read"

    await passes(stand, 300)
    await stand.until(lambda: stand.holdings() == {}, "the close")
    stand.sim.faults.clear()
    await passes(stand, 60)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]


async def test_008_may_be_told_to_wait_for_the_answer(build: Build) -> None:
    stand = await build(plan(stops(unknown_timeout="1m", on_unknown=OnUnknown.WAIT)))
    await stand.enter("buy", 2, at=21000)
    stand.sim.faults.rest(kind="status", status=500, endpoint=ORDERS, count=None)
    await passes(stand, GRACE)
    await passes(stand, 600)
    await stand.until(lambda: unread(stand), "the alarm")
    assert (stand.mutations(), stand.holdings()) == ([], {MNQ: 2})

    stand.sim.faults.clear()
    await passes(stand, 60)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]


async def test_lesson_71_008_closed_and_opened_again_has_all_of_its_grace(build: Build) -> None:
    stand = await build(plan(stops()))
    await stand.enter("buy", 2, at=21000)
    await passes(stand, GRACE - 60)
    await stand.sim.close(FIRST, MNQ)
    await stand.seen()
    await stand.enter("buy", 2, at=21000)

    await passes(stand, GRACE - 60)
    assert stand.mutations() == []
    await passes(stand, 60)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]


async def test_008_the_clock_goes_on_while_the_desk_is_dead(build: Build) -> None:
    stand = await build(plan(stops()))
    await stand.enter("buy", 2, at=21000)
    await stand.until(stand.stores[FIRST].load_states, "the clock to be on the disk")
    await stand.stop()
    stand.clock.skip(GRACE - 60)
    await stand.start()
    assert (stand.mutations(), clocks(stand)) == ([], {MNQ})

    await stand.crash()
    stand.clock.skip(60)
    await stand.start()
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]
    assert stand.holdings() == {}
