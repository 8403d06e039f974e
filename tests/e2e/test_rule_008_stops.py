"""RULE-008 with a stop instead of the close: placed once, and never left behind."""

from decimal import Decimal
from typing import Any

import pytest

from actors.rules.no_stop_loss_grace import NAME, OnExpiry, Params
from ops.sim.model import Order
from protocol.decisions import EnforcementFailing
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import CANCEL, CLOSE, FIRST, MNQ, MODIFY, PLACE, Rules, Stand, plan, unrealized
from tests.e2e.test_rule_008 import passes

GRACE = 600


def placing(**more: Any) -> Rules:
    return NAME, Params(grace="10m", on_expiry=OnExpiry.PLACE_STOP, stop_ticks=40, **more)


def orders(stand: Stand) -> list[Order]:
    return [stand.sim.exchange.book.orders[one] for one in stand.orders()]


async def placed(stand: Stand, side: str = "buy", size: int = 2) -> Order:
    """Let a position stand without a stop until it is given one."""
    await stand.enter(side, size, at=21000)
    await passes(stand, GRACE)
    await stand.until(stand.orders, "the stop")
    await stand.seen()
    await stand.proven()
    (found,) = orders(stand)
    return found


@pytest.mark.parametrize(("side", "at"), [("buy", 20990), ("sell", 21010)])
async def test_008_places_one_stop_when_the_grace_is_over(build: Build, side: str, at: int) -> None:
    stand = await build(plan(placing()))
    there = await placed(stand, side)
    since = last_trade(stand)
    await passes(stand, 3 * GRACE)

    assert (there.stop, there.size, there.type.name) == (Decimal(at), 2, "STOP")
    assert stand.deeds() == [(PLACE, MNQ)]
    await stand.price(MNQ, at)
    await stand.until(lambda: stand.holdings() == {}, "the stop to fill")
    await stand.seen()
    assert stand.orders() == {}
    holds(stand, stops=True, since=since)


async def test_008_places_what_the_traders_own_stop_leaves_open(build: Build) -> None:
    stand = await build(plan(placing()))
    await stand.enter("buy", 3, at=21000)
    await stand.sim.order(FIRST, MNQ, "sell", 1, type="stop", stop=Decimal(20950))
    await passes(stand, GRACE)
    await stand.until(lambda: len(stand.orders()) == 2, "the stop")
    await stand.proven()

    assert [one.size for one in orders(stand)] == [1, 2]
    assert stand.deeds() == [(PLACE, MNQ)]


async def test_008_closes_if_the_market_is_where_the_stop_would_be(build: Build) -> None:
    stand = await build(plan(placing()))
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20980)
    await stand.until(lambda: "-80" in str(stand.report().positions[0].unrealized), "the price")
    await passes(stand, GRACE)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]
    assert (stand.holdings(), stand.orders()) == ({}, {})


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["reset", "hang"])
async def test_008_a_stop_whose_answer_was_lost_is_there_once(
    build: Build, kind: str, when: str
) -> None:
    stand = await build(plan(placing(unknown_timeout="5m")), timeout_seconds=1.0)
    stand.sim.faults.rest(kind=kind, endpoint=PLACE, when=when, count=1)
    await placed(stand)

    tags = [call.body["customTag"] for call in stand.calls((PLACE,))]  # type: ignore[index]
    assert (len(tags), len(set(tags))) == (2 if when == "before" else 1, 1)
    assert stand.holdings() == {MNQ: 2}
    holds(stand, stops=True, since=last_trade(stand))


async def test_lesson_80_008_a_stop_that_arrives_after_its_position_went_is_taken_back(
    build: Build,
) -> None:
    stand = await build(plan(placing(unknown_timeout="5m")), timeout_seconds=2.0)
    stand.sim.faults.rest(kind="latency", endpoint=PLACE, seconds=0.5, count=1)
    await stand.enter("buy", 2, at=21000)
    await passes(stand, GRACE)
    await stand.until(lambda: stand.calls((PLACE,)), "the wish")
    since = last_trade(stand)
    await stand.sim.close(FIRST, MNQ)
    tag = stand.calls((PLACE,))[0].body["customTag"]  # type: ignore[index]
    book = stand.sim.exchange.book.orders
    await stand.until(
        lambda: [one.status.name for one in book.values() if one.tag == tag] == ["CANCELLED"],
        "the stop to come and go",
    )
    await stand.proven()

    assert [name for name, _ in stand.deeds()] == [PLACE, CANCEL]
    assert stand.holdings() == {}
    assert since < last_trade(stand)


async def test_lesson_80_008_the_stop_goes_with_its_position_also_behind_the_hubs_back(
    build: Build,
) -> None:
    stand = await build(plan(placing()))
    there = await placed(stand)
    stand.sim.faults.set(lose={"position": 1, "order": 1, "trade": 1})
    await stand.sim.close(FIRST, MNQ)
    assert stand.orders() == {there.order_id: MNQ}
    await passes(stand, 30)
    await stand.until(lambda: stand.orders() == {}, "a poll to find the orphan")

    assert stand.holdings() == {}


async def test_008_a_partial_exit_makes_the_stop_as_small(build: Build) -> None:
    stand = await build(plan(placing()))
    there = await placed(stand, size=3)
    await stand.sim.order(FIRST, MNQ, "sell", 1)
    await stand.until(lambda: there.size == 2, "the stop to shrink")
    await stand.proven(2)
    await stand.sim.order(FIRST, MNQ, "sell", 2)
    await stand.until(lambda: stand.orders() == {}, "the stop to go")
    await stand.proven(3)

    assert stand.deeds() == [(PLACE, MNQ), (MODIFY, there.order_id), (CANCEL, there.order_id)]


async def test_008_a_stop_goes_when_the_position_turns_around(build: Build) -> None:
    stand = await build(plan(placing()))
    there = await placed(stand)
    await stand.sim.order(FIRST, MNQ, "sell", 5)
    await stand.until(lambda: there.status.name == "CANCELLED", "the stop to go")
    await stand.proven(2)

    assert stand.holdings() == {MNQ: -3}


async def test_008_a_close_by_another_rule_takes_the_stop_with_it(build: Build) -> None:
    stand = await build(plan(placing(), unrealized(-15)))
    there = await placed(stand)
    since = last_trade(stand)
    await stand.price(MNQ, 20992)
    await stand.proven(2)

    assert (stand.holdings(), stand.orders()) == ({}, {})
    assert (CLOSE, MNQ) in stand.deeds()
    assert there.status.name == "CANCELLED"
    holds(stand, stops=True, since=since)


async def test_008_closes_if_the_broker_takes_no_stop(build: Build) -> None:
    stand = await build(plan(placing(unknown_timeout="1m")))
    await stand.enter("buy", 2, at=21000)
    stand.sim.faults.rest(kind="reject", code=2, endpoint=PLACE, count=None)
    await passes(stand, GRACE)
    await stand.until(lambda: stand.decided(EnforcementFailing), "a refusal")
    assert stand.holdings() == {MNQ: 2}
    await passes(stand, 120)
    await stand.proven()

    assert stand.holdings() == {}
    assert 1 <= len(stand.calls((PLACE,))) <= 4
    assert "OrderRejected" in stand.decided(EnforcementFailing)[0].why


async def test_lesson_80_008_an_orphan_is_taken_back_though_the_rule_is_gone(build: Build) -> None:
    stand = await build(plan(placing()))
    there = await placed(stand)
    await stand.stop()
    stand.plans = (plan(unrealized(-500)),)
    await stand.sim.close(FIRST, MNQ)
    await stand.start()
    await stand.until(lambda: there.status.name == "CANCELLED", "the orphan to go")

    assert stand.holdings() == {}
