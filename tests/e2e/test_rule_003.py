"""RULE-003, from the fill or the quote on the wire to the lock and the flat account."""

from decimal import Decimal
from itertools import permutations

import pytest

from protocol.decisions import EnforcementRequested, LockSet
from protocol.units import USD, usd
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import (
    CLOSE,
    FIRST,
    MES,
    MNQ,
    PARTIAL,
    RTY,
    Stand,
    contracts,
    plan,
    realized,
    unrealized,
)

RULE = "daily_realized_loss"
SIDES = [pytest.param("buy", -1, id="long"), pytest.param("sell", +1, id="short")]


async def lose_five_points(stand: Stand, side: str, against: int) -> None:
    """One MNQ, five points: -10.00 gross, and 0.37 of costs for each of two half-turns."""
    await stand.enter(side, 1, at=21000)
    await stand.price(MNQ, 21000 + against * 5)
    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.report().realized == "-10.74", "the loss to be booked")


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_003_lesson_52_fees_tip_the_limit(build: Build, side: str, against: int) -> None:
    stand = await build(plan(realized("-10.74")))

    await lose_five_points(stand, side, against)
    await stand.proven()

    report = stand.report()
    assert report.locked
    assert report.lockouts[0].until == "2026-11-18T23:00:00.000Z"
    # The trade tells of the loss before the position is told flat: a close may come too late.
    assert {call.outcome for call in stand.mutations()} <= {"refused"}
    assert stand.holdings() == {}


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_003_does_nothing_a_cent_short_of_the_limit(
    build: Build, side: str, against: int
) -> None:
    stand = await build(plan(realized("-10.75")))

    await lose_five_points(stand, side, against)
    await stand.until(lambda: stand.used(RULE) == "-10.74", "the loss to be judged")

    assert not stand.report().locked
    assert stand.requested() == []


@pytest.mark.parametrize("order", list(permutations(["trade", "position", "order"])))
@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_003_counts_an_exit_once_although_its_trade_is_told_first(
    build: Build, side: str, against: int, order: tuple[str, ...]
) -> None:
    stand = await build(plan(realized("-15.00")), order_of_streams=list(order))
    await stand.enter(side, 1, at=21000)
    await stand.enter(side, 1, contract=MES, at=6000)
    await stand.price(MNQ, 21000 + against * 5)  # more than half of what is left: it is looked at
    await stand.until(lambda: stand.state().view.unrealized == -10 * USD, "the open loss")

    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.used(RULE) == "-11.11", "the loss to be judged")

    assert not stand.report().locked, "-21.11 were its loss realized and unrealized"
    assert stand.requested() == []


@pytest.mark.parametrize("order", list(permutations(["trade", "position", "order"])))
@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_003_a_winner_that_is_seen_to_go_before_its_trade_is_told_ends_no_day(
    build: Build, side: str, against: int, order: tuple[str, ...]
) -> None:
    late = {"trade": 30, "position": 0, "order": 0} if order[0] == "position" else {}
    stand = await build(plan(realized("-15.00")), order_of_streams=list(order), delay_ms=late)
    await stand.enter(side, 1, at=21000)
    await stand.enter(side, 1, contract=MES, at=6000)
    await stand.price(MNQ, 21000 - against * 10)
    await stand.price(MES, 6000 + against * 4)
    await stand.until(lambda: stand.used(RULE) == "-0.74", "20.00 won, and as much lost")

    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.used(RULE) == "-1.11", "the profit to be judged")

    assert not stand.report().locked, "-20.74 were it without its winner"
    assert stand.requested() == []


async def test_003_leaves_costs_out_where_asked_to(build: Build) -> None:
    stand = await build(plan(realized("-10.01"), include_fees=False))
    await stand.enter("buy", 1, at=21000)

    await stand.price(MNQ, 20995)
    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.report().realized == "-10.00", "the loss without its costs")

    assert not stand.report().locked


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_003_combines_two_contracts_exactly_at_the_limit_and_not_one_tick_before(
    build: Build, side: str, against: int
) -> None:
    other = "sell" if side == "buy" else "buy"
    stand = await build(plan(realized(-400)), fees_per_side=Decimal(0))
    await stand.enter(side, 2, at=21000)
    await stand.enter(other, 1, contract=MES, at=6000)
    since = last_trade(stand)

    await stand.price(MNQ, 21000 + against * 50)
    await stand.price(MES, str(6000 - against * Decimal("39.75")))
    await stand.until(lambda: stand.report().unrealized == "-398.75", "one tick short of it")
    assert stand.requested() == []
    await stand.price(MES, 6000 - against * 40)
    await stand.proven()

    assert stand.holdings() == {}
    assert sorted(stand.deeds()) == [(CLOSE, MES), (CLOSE, MNQ)]
    assert [one.rule for one in stand.report().lockouts] == [RULE]
    assert stand.report().realized == "-400.00"
    holds(stand, since=since)


async def test_003_adds_what_is_realized_to_what_is_open(build: Build) -> None:
    stand = await build(plan(realized(-300)), fees_per_side=Decimal(0))
    await stand.enter("sell", 2, at=21000)
    await stand.price(MNQ, 21050)
    await stand.sim.close(FIRST, MNQ)
    await stand.enter("buy", 1, contract=RTY, at=2400)

    await stand.price(RTY, "2398.1")  # -95.00 of open loss beside -200.00
    await stand.until(lambda: stand.report().unrealized == "-95.00", "the open loss")
    assert stand.requested() == []
    await stand.price(RTY, "2398")
    await stand.proven()

    assert stand.report().locked
    assert stand.report().realized == "-300.00"


async def test_003_without_the_combined_check_lets_open_losses_run(build: Build) -> None:
    stand = await build(plan(realized(-100, combined=False)), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at=21000)

    await stand.price(MNQ, 20900)
    await stand.until(lambda: stand.report().unrealized == "-400.00", "the open loss")
    assert stand.requested() == []
    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.report().locked, "the lock")


async def test_003_cancels_every_order_of_the_account(build: Build) -> None:
    stand = await build(plan(realized(-200)), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at=21000)
    for contract, price in ((MNQ, 20800), (MES, 5900)):
        await stand.sim.order(FIRST, contract, "buy", 1, type="limit", limit=Decimal(price))
    await stand.sim.order(FIRST, RTY, "buy", 1, type="limit", limit=2300, stop_ticks=20)
    await stand.seen()

    await stand.price(MNQ, 20950)
    await stand.proven()

    assert (stand.holdings(), stand.orders()) == ({}, {})


async def test_lesson_84_003_flattens_a_contract_that_is_named_nowhere(build: Build) -> None:
    stand = await build(plan(realized(-200)), fees_per_side=Decimal(0))
    june = await stand.add_contract("MNQ", "M27", 21000)
    await stand.enter("buy", 2, at=21000)
    await stand.enter("sell", 1, contract=june, at=21000)

    await stand.price(MNQ, 20950)
    await stand.proven()

    assert stand.holdings() == {}
    assert sorted(stand.deeds()) == [(CLOSE, june), (CLOSE, MNQ)]


@pytest.mark.parametrize("first", ["trade", "position"])
async def test_lesson_88_001_and_003_at_once_are_one_flatten(build: Build, first: str) -> None:
    stand = await build(plan(contracts(5), realized("-2.22")), order_of_streams=["order", first])

    await stand.sim.order(FIRST, MNQ, "buy", 6)  # six half-turns cost 2.22: both rules at once
    since = last_trade(stand)
    await stand.until(lambda: stand.report().locked, "the lock")
    await stand.proven()

    assert stand.holdings() == {}
    assert [name for name, _ in stand.deeds()].count(CLOSE) == 1
    assert len(stand.decided(LockSet)) == 1
    holds(stand, since=since)


async def test_lesson_88_two_breaches_in_one_judgement_are_one_close(build: Build) -> None:
    stand = await build(plan(contracts(5), realized("-2.22"), unrealized(-9)), idle=True)
    await stand.sim.order(FIRST, MNQ, "buy", 6)

    await stand.start()
    await stand.proven(2)

    assert stand.deeds() == [(CLOSE, MNQ)]
    assert PARTIAL not in {name for name, _ in stand.deeds()}
    assert sorted(set(stand.requested())) == [RULE, "max_contracts"]
    assert stand.holdings() == {}


async def test_lesson_45_two_rules_read_one_ledger_and_nobody_books_twice(build: Build) -> None:
    stand = await build(plan(realized(-5000), unrealized(-5000), contracts(9)), copies=3)
    await stand.enter("buy", 2, at=21000)

    await stand.price(MNQ, 20950)
    await stand.sim.close(FIRST, MNQ)
    await stand.seen()
    await stand.until(lambda: stand.report().realized != "-0.74", "the loss to be booked")

    balance = stand.sim.exchange.account(FIRST).balance
    assert stand.report().realized == f"{balance - 50_000:.2f}" == "-201.48"
    assert stand.state().ledger.gross == usd(Decimal(-200))


async def test_003_a_profit_after_the_lock_does_not_end_it(build: Build) -> None:
    stand = await build(plan(realized(-200)), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20950)
    await stand.proven()

    await stand.sim.order(FIRST, MNQ, "buy", 5)
    await stand.price(MNQ, 21040)
    await stand.until(lambda: stand.holdings() == {}, "the position to be closed")
    await stand.seen()

    assert stand.report().locked
    assert len(stand.decided(LockSet)) == 1
    assert {one.rule for one in stand.decided(EnforcementRequested)} == {RULE}
