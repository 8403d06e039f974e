"""RULE-002, from the trader's fill to the close at the broker, product by product."""

from decimal import Decimal
from typing import Any

import pytest

from actors.rules.max_contracts_per_instrument import NAME, OnBreach, Params
from protocol.decisions import LockSet
from protocol.units import ContractId
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import (
    CANCEL,
    CLOSE,
    ES,
    FIRST,
    GOLD,
    MES,
    MNQ,
    NQ,
    PARTIAL,
    Rules,
    Stand,
    plan,
)

SIDES = [pytest.param("buy", 1, id="long"), pytest.param("sell", -1, id="short")]


def limits(unknown: str = "block", on_breach: OnBreach = OnBreach.REDUCE, **named: int) -> Rules:
    return NAME, Params(limits=named, unknown_symbol=unknown, on_breach=on_breach)


async def trade(stand: Stand, side: str, size: int, contract: str = MNQ) -> None:
    """Let the trader trade, and wait until the desk has taken it in or undone it."""
    await stand.sim.order(FIRST, contract, side, size)
    await stand.seen()


async def entry(stand: Stand, contract: ContractId, price: int, side: str = "buy") -> int:
    return await stand.sim.order(FIRST, contract, side, 1, type="limit", limit=Decimal(price))


def closed(stand: Stand) -> list[tuple[str, object, object]]:
    """Return the closes: how, what, and how much of it."""
    bodies: list[tuple[str, Any]] = [
        (call.endpoint, call.body) for call in stand.mutations() if call.endpoint != CANCEL
    ]
    return [(name, body["contractId"], body.get("size")) for name, body in bodies]


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_002_allows_the_limit_and_takes_exactly_the_excess_away(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(limits(MNQ=2, MES=5)))
    await trade(stand, side, 5, MES)
    await trade(stand, side, 2)
    await stand.until(lambda: stand.used(NAME) == "MES 5, MNQ 2", "the limit itself to be judged")
    assert stand.mutations() == []

    await stand.sim.order(FIRST, MNQ, side, 3)
    since = last_trade(stand)
    await stand.proven()

    assert stand.holdings() == {MNQ: 2 * sign, MES: 5 * sign}
    assert closed(stand) == [(PARTIAL, MNQ, 3)]
    assert stand.requested() == [NAME]
    assert stand.decided(LockSet) == []
    holds(stand, since=since)


@pytest.mark.parametrize(("side", "sign"), SIDES)
@pytest.mark.parametrize(("written", "contract"), [("ES", ES), ("EP", ES), ("NQ", NQ), ("enq", NQ)])
async def test_002_knows_a_product_by_either_name(
    build: Build, *, side: str, sign: int, written: str, contract: ContractId
) -> None:
    stand = await build(plan((NAME, Params(limits={written: 1}))))
    await trade(stand, side, 1, contract)
    name = "ES" if contract == ES else "NQ"
    await stand.until(lambda: stand.used(NAME) == f"{name} 1", "the limit itself to be judged")
    assert stand.mutations() == []

    await stand.sim.order(FIRST, contract, side, 1)
    await stand.proven()

    assert stand.holdings() == {contract: sign}
    assert closed(stand) == [(PARTIAL, contract, 1)]


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_002_counts_two_expiries_together_and_takes_from_what_grew_last(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(limits(MNQ=3)))
    march = await stand.add_contract("MNQ", "H27", 21100)
    await trade(stand, side, 2)
    await trade(stand, side, 1, march)
    await stand.until(lambda: stand.used(NAME) == "MNQ 3", "the limit itself to be judged")
    assert stand.mutations() == []

    await stand.sim.order(FIRST, march, side, 1)
    await stand.proven()
    assert stand.holdings() == {MNQ: 2 * sign, march: sign}
    await stand.sim.order(FIRST, MNQ, side, 4)
    since = last_trade(stand)
    await stand.proven(2)

    assert stand.holdings() == {MNQ: 2 * sign, march: sign}
    assert closed(stand) == [(PARTIAL, march, 1), (PARTIAL, MNQ, 4)]
    holds(stand, since=since)


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_002_a_spread_cancels_out_until_one_leg_of_it_is_closed(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(limits(ES=1)))
    march = await stand.add_contract("ES", "H27", 6050)
    other = "sell" if side == "buy" else "buy"
    await trade(stand, side, 1, ES)
    await trade(stand, other, 2, march)
    await trade(stand, side, 2, ES)
    await stand.until(lambda: stand.used(NAME) == "ES 1", "the spread to be judged")
    assert stand.mutations() == []

    await stand.sim.close(FIRST, march)
    await stand.proven()

    assert stand.holdings() == {ES: sign}
    assert closed(stand) == [(PARTIAL, ES, 2)]


async def test_i8_002_cancels_what_could_add_and_leaves_exits_and_other_products(
    build: Build,
) -> None:
    stand = await build(plan(limits(MNQ=2, MES=1, ES=1)))
    march = await stand.add_contract("MNQ", "H27", 21100)
    await trade(stand, "sell", 1, MES)
    await trade(stand, "buy", 2)
    stop = await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20900))
    theirs = await entry(stand, ES, 5900)
    mine = [await entry(stand, MNQ, 20800), await entry(stand, march, 20900)]
    await stand.seen()

    await stand.sim.order(FIRST, MNQ, "buy", 1)
    since = last_trade(stand)
    await stand.proven()

    assert stand.holdings() == {MNQ: 2, MES: -1}
    assert set(stand.orders()) == {stop, theirs}
    assert {deed for name, deed in stand.deeds() if name == CANCEL} == set(mine)
    assert closed(stand) == [(PARTIAL, MNQ, 1)]
    holds(stand, since=since)


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_002_blocks_a_product_that_is_not_named(build: Build, side: str, sign: int) -> None:
    stand = await build(plan(limits(MNQ=2)))
    await trade(stand, side, 2)
    working = await entry(stand, GOLD, 2500)
    await stand.seen()

    await stand.sim.order(FIRST, GOLD, side, 1)
    await stand.proven()

    assert stand.holdings() == {MNQ: 2 * sign}
    assert working not in stand.orders()
    assert closed(stand) == [(CLOSE, GOLD, None)]


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_002_limits_each_product_that_is_not_named(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(limits("limit:2", MNQ=1)))
    await trade(stand, side, 2, GOLD)
    await trade(stand, side, 2, ES)
    await stand.until(lambda: stand.used(NAME) == "ES 2, GC 2", "both to be judged")
    assert stand.mutations() == []

    await stand.sim.order(FIRST, GOLD, side, 1)
    await stand.proven()

    assert stand.holdings() == {GOLD: 2 * sign, ES: 2 * sign}
    assert closed(stand) == [(PARTIAL, GOLD, 1)]


async def test_002_allows_others_where_asked_to(build: Build) -> None:
    stand = await build(plan(limits("allow", MNQ=1)))
    await trade(stand, "buy", 9, GOLD)
    await stand.until(lambda: stand.used(NAME) == "GC 9", "it to be judged")

    assert stand.mutations() == []
    await stand.sim.order(FIRST, MNQ, "buy", 2)
    await stand.proven()
    assert stand.holdings() == {GOLD: 9, MNQ: 1}


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_002_closes_whole_expiries_where_asked_to(build: Build, side: str, sign: int) -> None:
    stand = await build(plan(limits(on_breach=OnBreach.CLOSE, MNQ=2)))
    march = await stand.add_contract("MNQ", "H27", 21100)
    await trade(stand, side, 2)

    await stand.sim.order(FIRST, march, side, 3)
    await stand.proven()

    assert stand.holdings() == {MNQ: 2 * sign}
    assert closed(stand) == [(CLOSE, march, None)]


async def test_002_a_limit_of_none_closes_even_a_spread(build: Build) -> None:
    stand = await build(plan(limits("allow", MNQ=0)), idle=True)
    march = await stand.add_contract("MNQ", "H27", 21100)
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.sim.order(FIRST, march, "sell", 1)
    await stand.sim.order(FIRST, ES, "sell", 1)

    await stand.start()
    await stand.proven()

    assert stand.holdings() == {ES: -1}
    assert sorted(closed(stand), key=str) == [(CLOSE, march, None), (CLOSE, MNQ, None)]


@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_002_takes_back_what_was_added_while_nobody_looked(build: Build, how: str) -> None:
    stand = await build(plan(limits(MNQ=2)))
    await trade(stand, "sell", 2)
    await (stand.crash() if how == "crash" else stand.stop())
    await stand.sim.order(FIRST, MNQ, "sell", 2)

    await stand.start()
    await stand.proven()

    assert stand.holdings() == {MNQ: -2}
    assert closed(stand) == [(PARTIAL, MNQ, 2)]


async def test_002_undoes_a_fill_in_pieces_with_no_more_than_the_excess(build: Build) -> None:
    stand = await build(plan(limits(MNQ=5)))

    await stand.sim.order(FIRST, MNQ, "sell", 9, chunks=[4, 3, 2])
    since = last_trade(stand)
    await stand.proven()

    assert stand.holdings() == {MNQ: -5}
    assert sum(int(str(size)) for _, _, size in closed(stand)) == 4
    holds(stand, since=since)
