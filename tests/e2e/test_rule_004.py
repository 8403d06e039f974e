"""RULE-004, from the quote on the wire to the close at the broker."""

from decimal import Decimal

import pytest

from actors.rules.daily_unrealized_loss import Scope
from protocol.decisions import LockSet
from tests.e2e.conftest import Build, Figure
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import CLOSE, ES, FIRST, MES, MNQ, contracts, plan, realized, unrealized

RULE = "daily_unrealized_loss"
SIDES = [
    pytest.param("buy", -1, id="long"),
    pytest.param("sell", +1, id="short"),
]


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_004_closes_exactly_at_the_limit_and_not_one_tick_before(
    build: Build, side: str, against: int
) -> None:
    stand = await build(plan(unrealized(-200)))
    await stand.enter(side, 2, at=21000)

    await stand.price(MNQ, str(21000 + against * Decimal("49.75")))
    await stand.until(lambda: stand.report().unrealized == "-199.00", "one tick short of it")
    assert stand.mutations() == []
    assert stand.requested() == []
    since = last_trade(stand)
    await stand.price(MNQ, 21000 + against * 50)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]
    assert stand.holdings() == {}
    assert stand.requested() == [RULE]
    assert stand.decided(LockSet) == []
    holds(stand, since=since)


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_lesson_55_a_price_that_walks_in_small_steps_is_caught_at_the_limit(
    build: Build, side: str, against: int
) -> None:
    stand = await build(plan(unrealized(-200), realized(-1000)))
    await stand.enter(side, 2, at=21000)

    for ticks in range(1, 240):
        await stand.price(MNQ, str(21000 + against * ticks * Decimal("0.25")))
        if ticks == 199:
            await stand.until(lambda: stand.report().unrealized == "-199.00", "the last step")
            assert stand.mutations() == []
        if ticks == 200:
            await stand.until(stand.mutations, "the close")
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]
    assert stand.holdings() == {}


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_004_sees_a_gap_through_the_limit(build: Build, side: str, against: int) -> None:
    stand = await build(plan(unrealized(-200)))
    await stand.enter(side, 2, at=21000)

    await stand.price(MNQ, 21000 + against * 400)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]
    assert stand.holdings() == {}


async def test_i8_004_closes_its_contract_and_orders_and_leaves_the_others_alone(
    build: Build,
) -> None:
    stand = await build(plan(unrealized(-200)))
    await stand.enter("buy", 2, at=21000)
    await stand.enter("sell", 1, contract=MES, at=6000)
    mine = [
        await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20900)),
        await stand.sim.order(FIRST, MNQ, "buy", 1, type="limit", limit=Decimal(20800)),
    ]
    theirs = [
        await stand.sim.order(FIRST, MES, "buy", 1, type="stop", stop=Decimal(6020)),
        await stand.sim.order(FIRST, ES, "buy", 1, type="limit", limit=Decimal(5900)),
    ]
    await stand.seen()
    since = last_trade(stand)

    await stand.price(MNQ, 20950)
    await stand.proven()

    assert stand.holdings() == {MES: -1}
    assert sorted(stand.orders()) == sorted(theirs)
    cancelled = {deed for name, deed in stand.deeds() if name != CLOSE}
    assert cancelled == set(mine)
    holds(stand, since=since)


async def test_004_locks_nothing_so_the_trader_trades_on(build: Build) -> None:
    stand = await build(plan(unrealized(-200)))
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20950)
    await stand.proven()
    done = len(stand.mutations())

    await stand.enter("sell", 1, at=20950)

    assert stand.holdings() == {MNQ: -1}
    assert len(stand.mutations()) == done
    assert not stand.report().locked


async def test_004_acts_again_on_the_next_position(build: Build) -> None:
    stand = await build(plan(unrealized(-200)))
    for number in (1, 2):
        await stand.enter("buy", 2, at=21000)
        await stand.price(MNQ, 20950)
        await stand.proven(number)

    assert stand.deeds() == [(CLOSE, MNQ)] * 2
    assert stand.holdings() == {}


async def test_004_with_account_scope_sums_all_positions(build: Build) -> None:
    stand = await build(plan(unrealized(-200, scope=Scope.ACCOUNT)))
    await stand.enter("buy", 2, at=21000)
    await stand.enter("sell", 2, contract=MES, at=6000)

    await stand.price(MNQ, 20975)
    await stand.until(lambda: stand.report().unrealized == "-100.00", "half of it")
    await stand.price(MES, "6009.75")
    await stand.until(lambda: stand.report().unrealized == "-197.50", "one tick short of it")
    assert stand.mutations() == []
    await stand.price(MES, 6010)
    await stand.proven()

    assert stand.holdings() == {}
    assert sorted(stand.deeds()) == [(CLOSE, MES), (CLOSE, MNQ)]


async def test_004_then_003_the_loss_that_a_close_books_may_end_the_day(build: Build) -> None:
    stand = await build(plan(unrealized(-200), realized(-201), contracts(5)))
    await stand.enter("buy", 2, at=21000)

    await stand.price(MNQ, 20950)  # -200.00, and -0.74 of costs: 003 is not at its limit yet
    await stand.until(lambda: stand.report().locked, "the lock")
    await stand.proven(2)

    assert stand.requested() == [RULE, "daily_realized_loss"]
    assert stand.deeds() == [(CLOSE, MNQ)]
    report = stand.report()
    assert (report.realized, report.positions) == ("-201.48", [])
    assert [one.rule for one in report.lockouts] == ["daily_realized_loss"]


async def test_breach_quote_to_close_at_the_broker_is_fast(build: Build, figure: Figure) -> None:
    stand = await build(plan(unrealized(-200)))
    took: list[float] = []
    for number in range(1, 6):
        await stand.enter("buy", 2, at=21000)
        before = len(stand.mutations())
        at = stand.clock().mono
        await stand.price(MNQ, 20950)
        await stand.proven(number)
        took.append((stand.mutations()[before].received_ns - at) / 1e6)

    figure("quote to close, best of 5 (ms)", min(took))
    figure("quote to close, worst of 5 (ms)", max(took))
    assert min(took) < 100
