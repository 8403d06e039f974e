"""RULE-001, from the trader's fill to the close at the broker."""

from decimal import Decimal

import pytest

from actors.rules.max_contracts import Count, OnBreach
from ops.sim.calls import Call
from protocol.decisions import LockSet
from tests.e2e.conftest import Build, Figure
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import (
    CLOSE,
    ES,
    FIRST,
    MES,
    MNQ,
    NQ,
    PARTIAL,
    Stand,
    contracts,
    plan,
)

RULE = "max_contracts"
SIDES = [pytest.param("buy", 1, id="long"), pytest.param("sell", -1, id="short")]


async def trade(stand: Stand, side: str, size: int, contract: str = MNQ) -> None:
    """Let the trader trade, and wait until the desk has taken it in or undone it."""
    await stand.sim.order(FIRST, contract, side, size)
    await stand.seen()


def sizes(calls: list[Call]) -> list[object]:
    bodies = [call.body for call in calls]
    return [body.get("size") for body in bodies if isinstance(body, dict)]


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_001_allows_the_limit_and_takes_one_more_away(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(contracts(5)))

    await trade(stand, side, 5)
    await stand.until(lambda: stand.used(RULE) == "5 net", "exactly the limit to be judged")
    assert stand.mutations() == []
    await stand.sim.order(FIRST, MNQ, side, 1)
    since = last_trade(stand)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5 * sign}
    assert stand.deeds() == [(PARTIAL, MNQ)]
    assert sizes(stand.mutations()) == [1]
    assert stand.decided(LockSet) == []
    holds(stand, since=since)


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_001_reduces_the_contract_that_grew_last_then_the_next(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(contracts(5)))
    await trade(stand, side, 4, MNQ)

    await trade(stand, side, 1, NQ)
    await stand.sim.order(FIRST, MES, side, 3)
    await stand.proven()

    assert stand.holdings() == {MNQ: 4 * sign, NQ: sign}
    assert stand.deeds() == [(CLOSE, MES)]
    await stand.sim.order(FIRST, MNQ, side, 6)
    await stand.proven(2)
    assert stand.holdings() == {MNQ: 4 * sign, NQ: sign}
    assert stand.deeds()[1:] == [(PARTIAL, MNQ)]


async def test_001_leaves_orders_alone(build: Build) -> None:
    stand = await build(plan(contracts(5)))
    await stand.sim.order(FIRST, MNQ, "buy", 6)
    stop = await stand.sim.order(FIRST, MNQ, "sell", 5, type="stop", stop=Decimal(20900))

    await stand.proven()

    assert stand.holdings() == {MNQ: 5}
    assert list(stand.orders()) == [stop]


async def test_001_counts_net_so_a_hedge_is_allowed(build: Build) -> None:
    stand = await build(plan(contracts(5)))

    await trade(stand, "sell", 4, MES)
    await trade(stand, "buy", 6, MNQ)
    await stand.until(lambda: stand.used(RULE) == "2 net", "the hedge to be judged")

    assert stand.mutations() == []


async def test_001_hears_the_close_of_a_hedge_leg(build: Build) -> None:
    stand = await build(plan(contracts(5)))
    await trade(stand, "sell", 4, MES)
    await trade(stand, "buy", 7, MNQ)

    await stand.sim.close(FIRST, MES)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}
    assert stand.deeds() == [(PARTIAL, MNQ)]
    assert sizes(stand.mutations()) == [2]


async def test_001_counts_gross_where_asked_to(build: Build) -> None:
    stand = await build(plan(contracts(5, count=Count.GROSS)))
    await trade(stand, "buy", 3, MNQ)
    await trade(stand, "sell", 2, MES)
    await stand.until(lambda: stand.used(RULE) == "5 gross", "exactly the limit to be judged")
    assert stand.mutations() == []

    await stand.sim.order(FIRST, MES, "sell", 1)
    await stand.proven()

    assert stand.holdings() == {MNQ: 3, MES: -2}
    assert stand.deeds() == [(PARTIAL, MES)]


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_001_closes_whole_contracts_where_asked_to(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(contracts(5, on_breach=OnBreach.CLOSE)))
    await trade(stand, side, 4, MNQ)

    await stand.sim.order(FIRST, MES, side, 2)
    await stand.proven()

    assert stand.holdings() == {MNQ: 4 * sign}
    assert stand.deeds() == [(CLOSE, MES)]


async def test_001_weighs_micros_where_asked_to(build: Build) -> None:
    stand = await build(plan(contracts(1, weights={"MNQ": Decimal("0.1")})))

    await trade(stand, "buy", 10)
    await stand.until(lambda: stand.used(RULE) == "1 net", "exactly the limit to be judged")
    assert stand.mutations() == []
    await stand.sim.order(FIRST, MNQ, "buy", 3)
    await stand.proven()

    assert stand.holdings() == {MNQ: 10}


@pytest.mark.parametrize("written", ["ES", "EP", "ep"])
async def test_001_weighs_a_product_by_either_name(build: Build, written: str) -> None:
    stand = await build(plan(contracts(20, weights={written: Decimal(10), "MES": Decimal(1)})))

    await trade(stand, "buy", 2, ES)
    await stand.until(lambda: stand.used(RULE) == "20 net", "exactly the limit to be judged")
    assert stand.mutations() == []
    await stand.sim.order(FIRST, ES, "buy", 1)
    await stand.proven()

    assert stand.holdings() == {ES: 2}


async def test_lesson_84_001_counts_a_contract_that_is_named_nowhere(build: Build) -> None:
    stand = await build(plan(contracts(5)))
    june = await stand.add_contract("MNQ", "M27", 21000)

    await trade(stand, "buy", 5, MNQ)
    await stand.sim.order(FIRST, june, "buy", 2)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}
    assert stand.deeds() == [(CLOSE, june)]


async def test_001_undoes_a_reversal_beyond_the_limit(build: Build) -> None:
    stand = await build(plan(contracts(2)))
    await trade(stand, "buy", 2)

    await stand.sim.order(FIRST, MNQ, "sell", 5)
    await stand.proven()

    assert stand.holdings() == {MNQ: -2}
    assert sizes(stand.mutations()) == [1]


async def test_001_undoes_a_fill_in_pieces_with_no_more_than_the_excess(build: Build) -> None:
    stand = await build(plan(contracts(5)))

    await stand.sim.order(FIRST, MNQ, "buy", 9, chunks=[4, 3, 2])
    since = last_trade(stand)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}
    holds(stand, since=since)


async def test_001_fill_to_close_at_the_broker_is_fast(build: Build, figure: Figure) -> None:
    stand = await build(plan(contracts(5)))
    await trade(stand, "buy", 5)
    took: list[float] = []
    for number in range(1, 6):
        at = stand.clock().mono
        await stand.sim.order(FIRST, MNQ, "buy", 1)
        await stand.proven(number)
        took.append((stand.mutations()[-1].received_ns - at) / 1e6)

    figure("fill to close, best of 5 (ms)", min(took))
    figure("fill to close, worst of 5 (ms)", max(took))
    assert min(took) < 100
