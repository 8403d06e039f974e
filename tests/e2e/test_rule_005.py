"""RULE-005, from the quote on the wire to the close at the broker, and how it may end the day."""

from decimal import Decimal

import pytest

from actors.rules import daily_realized_profit
from actors.rules.max_unrealized_profit import NAME, Params
from protocol.decisions import LockSet
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import CANCEL, CLOSE, ES, FIRST, MES, MNQ, Rules, plan, unrealized

DAY = daily_realized_profit.NAME
SIDES = [pytest.param("buy", 1, id="long"), pytest.param("sell", -1, id="short")]


def target(amount: int | str) -> Rules:
    return NAME, Params(target=Decimal(amount))


def day(amount: int | str, *, combined: bool = True) -> Rules:
    return DAY, daily_realized_profit.Params(target=Decimal(amount), combined=combined)


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_005_closes_exactly_at_the_target_and_not_one_tick_before(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(target(200)))
    await stand.enter(side, 2, at=21000)

    await stand.price(MNQ, str(21000 + sign * Decimal("49.75")))
    await stand.until(lambda: stand.report().unrealized == "199.00", "one tick short of it")
    assert (stand.mutations(), stand.requested()) == ([], [])
    since = last_trade(stand)
    await stand.price(MNQ, 21000 + sign * 50)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]
    assert stand.holdings() == {}
    assert stand.requested() == [NAME]
    assert stand.decided(LockSet) == []
    holds(stand, since=since)


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_lesson_55_005_catches_a_price_that_walks_in_small_steps(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(target(200), unrealized(-200)))
    await stand.enter(side, 2, at=21000)

    for ticks in range(1, 240):
        await stand.price(MNQ, str(21000 + sign * ticks * Decimal("0.25")))
        if ticks == 199:
            await stand.until(lambda: stand.report().unrealized == "199.00", "the last step")
            assert stand.mutations() == []
        if ticks == 200:
            await stand.until(stand.mutations, "the close")
    await stand.proven()

    assert (stand.deeds(), stand.holdings()) == ([(CLOSE, MNQ)], {})


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_i8_005_closes_its_contract_and_orders_and_leaves_the_others_alone(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(target(200)))
    other = "sell" if side == "buy" else "buy"
    await stand.enter(side, 2, at=21000)
    await stand.enter(other, 1, contract=MES, at=6000)
    far = Decimal(21000 - sign * 100)
    mine = [
        await stand.sim.order(FIRST, MNQ, other, 2, type="stop", stop=far),
        await stand.sim.order(FIRST, MNQ, side, 1, type="limit", limit=far),
    ]
    theirs = [
        await stand.sim.order(FIRST, MES, side, 1, type="stop", stop=Decimal(6000 + sign * 20)),
        await stand.sim.order(FIRST, ES, side, 1, type="limit", limit=Decimal(6000 - sign * 99)),
    ]
    await stand.seen()
    since = last_trade(stand)

    await stand.price(MNQ, 21000 + sign * 50)
    await stand.proven()

    assert stand.holdings() == {MES: -sign}
    assert sorted(stand.orders()) == sorted(theirs)
    assert {deed for name, deed in stand.deeds() if name == CANCEL} == set(mine)
    holds(stand, since=since)


async def test_005_judges_each_position_by_itself(build: Build) -> None:
    stand = await build(plan(target(200)))
    await stand.enter("buy", 2, at=21000)
    await stand.enter("sell", 2, contract=MES, at=6000)

    await stand.price(MNQ, "21049.75")
    await stand.price(MES, "5980.25")
    await stand.until(lambda: stand.report().unrealized == "396.50", "almost twice the target")
    assert stand.mutations() == []
    await stand.price(MES, 5980)
    await stand.proven()

    assert (stand.holdings(), stand.deeds()) == ({MNQ: 2}, [(CLOSE, MES)])


async def test_005_locks_nothing_and_acts_again_on_the_next_position(build: Build) -> None:
    stand = await build(plan(target(200)))
    for number in (1, 2):
        await stand.enter("sell", 2, at=21000)
        await stand.price(MNQ, 20950)
        await stand.proven(number)

    assert (stand.holdings(), stand.deeds()) == ({}, [(CLOSE, MNQ)] * 2)
    assert not stand.report().locked
    await stand.enter("buy", 1, at=20950)
    assert stand.holdings() == {MNQ: 1}


async def test_005_a_target_crossed_while_nobody_looked_is_taken_at_the_start(
    build: Build,
) -> None:
    stand = await build(plan(target(200)))
    await stand.enter("buy", 2, at=21000)
    await stand.crash()
    await stand.price(MNQ, 21060)

    await stand.start()
    await stand.until(lambda: stand.watched(MNQ), "quotes again")
    await stand.price(MNQ, 21060)
    await stand.proven()

    assert (stand.holdings(), stand.requested()) == ({}, [NAME])


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_005_then_013_the_profit_that_a_close_books_may_end_the_day(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(target(200), day("198.52", combined=False)))
    await stand.enter(side, 2, at=21000)
    await stand.enter(side, 1, contract=MES, at=6000)

    await stand.price(MNQ, 21000 + sign * 50)  # 200.00 gross, 198.52 net of four half-turns
    await stand.until(lambda: stand.report().locked or stand.holdings() == {MES: sign}, "005")
    costs = "198.15"  # the other position's entry cost 0.37
    await stand.until(lambda: stand.report().realized == costs, "the profit to be booked")
    assert not stand.report().locked, "0.37 short of the day's target"
    await stand.price(MES, str(6000 + sign * Decimal("0.25")))
    await stand.sim.close(FIRST, MES)  # 1.25 more, less 0.37
    await stand.until(lambda: stand.report().locked, "the lock")
    await stand.until(stand.idle, "the proof")

    report = stand.report()
    assert (report.realized, report.positions) == ("199.03", [])
    assert [one.rule for one in report.lockouts] == [DAY]
    assert set(stand.requested()) == {NAME, DAY}


async def test_005_then_013_in_one_close(build: Build) -> None:
    stand = await build(plan(target(200), day("198.52", combined=False)))
    await stand.enter("buy", 2, at=21000)

    await stand.price(MNQ, 21050)
    await stand.until(lambda: stand.report().locked, "the lock")
    await stand.proven(2)

    assert stand.requested() == [NAME, DAY]
    assert [name for name, _ in stand.deeds()].count(CLOSE) == 1
    assert stand.report().realized == "198.52"
    assert stand.holdings() == {}
