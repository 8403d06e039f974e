"""The exact money vectors, through the wire: positions and prices in, money in the status out."""

from decimal import Decimal

import pytest

from protocol.decisions import AlarmKind, AlarmRaised
from protocol.units import ContractId
from tests.e2e.conftest import Build
from tests.e2e.invariants import alarms
from tests.e2e.stand import ES, FIRST, MNQ, NQ, RTY, contracts, plan, realized, unrealized

FEES = Decimal("0.37")
VECTORS = [
    pytest.param(MNQ, 2, "25900.00", "25898.25", "-7.00", id="MNQ-long-2"),
    pytest.param(MNQ, 1, "25935.50", "25926.50", "-18.00", id="MNQ-long-1"),
    pytest.param(MNQ, 5, "25924.50", "25925.50", "10.00", id="MNQ-long-5"),
    pytest.param(MNQ, 4, "25925.50", "25922.75", "-22.00", id="MNQ-long-4"),
    pytest.param(MNQ, 4, "26258.50", "26254.75", "-30.00", id="MNQ-long-4-higher"),
    pytest.param(NQ, 1, "26232.50", "26231.50", "-20.00", id="NQ-long-1"),
    pytest.param(MNQ, -1, "26000.00", "26010.00", "-20.00", id="MNQ-short-1"),
    pytest.param(MNQ, 2, "21000.00", "20970.00", "-120.00", id="MNQ-long-2-lower"),
    pytest.param(ES, 1, "6000.00", "6010.00", "500.00", id="ES-long-1"),
    pytest.param(ES, -1, "5800.00", "5790.00", "500.00", id="ES-short-1"),
    pytest.param(RTY, 3, "2400.0", "2399.9", "-15.00", id="RTY-long-3"),
]


@pytest.mark.parametrize(("contract", "size", "entry", "mark", "money"), VECTORS)
async def test_lessons_43_48_a_vector_is_exact_while_open_and_once_closed(
    build: Build, *, contract: ContractId, size: int, entry: str, mark: str, money: str
) -> None:
    stand = await build(plan(realized(-10_000)))
    await stand.enter("buy" if size > 0 else "sell", abs(size), contract=contract, at=entry)

    await stand.price(contract, mark)
    await stand.until(lambda: stand.report().unrealized == money, f"unrealized {money}")
    (held,) = stand.report().positions
    assert (held.side, held.size) == ("long" if size > 0 else "short", abs(size))
    assert Decimal(held.average) == Decimal(entry)
    await stand.sim.close(FIRST, contract)
    await stand.seen()

    net = f"{Decimal(money) - 2 * FEES * abs(size):.2f}"
    await stand.until(lambda: stand.report().realized == net, f"realized {net}")
    assert stand.report().unrealized == "0.00"
    balance = stand.sim.exchange.account(FIRST).balance
    assert balance == 50_000 + Decimal(net)


async def test_an_average_off_the_tick_grid_is_exact(build: Build) -> None:
    stand = await build(plan(unrealized(-10_000)))
    await stand.enter("buy", 2, at="26000.00")
    await stand.enter("buy", 1, at="26000.25")

    await stand.price(MNQ, "26000.25")

    await stand.until(lambda: stand.report().unrealized == "1.00", "unrealized 1.00")
    assert stand.report().positions[0].average.startswith("26000.08333")


async def test_lesson_49_scaling_in_and_out_books_each_part(build: Build) -> None:
    stand = await build(plan(realized(-10_000)), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at="26000.00")

    await stand.price(MNQ, "26010.00")
    await stand.sim.close(FIRST, MNQ, 1)
    await stand.until(lambda: stand.report().realized == "20.00", "the first part")
    await stand.price(MNQ, "25990.00")
    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.report().realized == "0.00", "the second part")


async def test_a_reversal_books_what_it_closed_and_values_what_it_opened(build: Build) -> None:
    stand = await build(plan(realized(-10_000)), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at="26000.00")

    await stand.price(MNQ, "26010.00")
    await stand.sim.order(FIRST, MNQ, "sell", 5)
    await stand.until(lambda: stand.report().realized == "40.00", "what it closed")
    await stand.price(MNQ, "26020.00")
    await stand.until(lambda: stand.report().unrealized == "-60.00", "what it opened")

    assert stand.report().positions[0].side == "short"


async def test_commissions_come_off_beside_fees(build: Build) -> None:
    stand = await build(plan(realized(-10_000)), commissions_per_side=Decimal("0.50"))
    await stand.enter("buy", 2, at="26000.00")

    await stand.sim.close(FIRST, MNQ)

    await stand.until(lambda: stand.report().realized == "-3.48", "four half-turns' costs")


async def test_a_voided_trade_is_taken_out_again(build: Build) -> None:
    stand = await build(plan(realized(-10_000)), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at="26000.00")
    await stand.price(MNQ, "25990.00")
    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.report().realized == "-40.00", "the loss")

    await stand.void()

    await stand.until(lambda: stand.report().realized == "0.00", "the loss to be gone")


async def test_lesson_114_the_ledger_at_start_is_rebuilt_from_the_days_trades(
    build: Build,
) -> None:
    stand = await build(plan(realized(-10_000)), idle=True)
    stand.clock.move(-24 * 3600)
    await stand.sim.order(FIRST, MNQ, "buy", 3)
    await stand.sim.close(FIRST, MNQ)
    stand.clock.move(24 * 3600)
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.price(MNQ, 20990)
    await stand.sim.close(FIRST, MNQ)

    await stand.start()

    assert stand.report().realized == "-20.74"  # yesterday's costs are yesterday's


async def test_lesson_37_quotes_of_another_symbol_value_nothing(build: Build) -> None:
    stand = await build(plan(unrealized(-200)))
    await stand.enter("buy", 2, at=21000)
    await stand.enter("buy", 1, contract=NQ, at=21000)

    await stand.price(NQ, 20995)

    await stand.until(lambda: stand.report().unrealized == "-100.00", "the loss of the other")
    worth = {one.contract: one.unrealized for one in stand.report().positions}
    assert worth == {MNQ: "0.00", NQ: "-100.00"}


@pytest.mark.parametrize("published", ["null", "missing", "zero"])
async def test_i12_lesson_50_a_contract_without_a_tick_value_is_closed_with_an_alarm(
    build: Build, published: str
) -> None:
    stand = await build(plan(contracts(5), unrealized(-200)))
    strange = await stand.add_contract("GC", "G27", 2600, published=published)

    await stand.sim.order(FIRST, strange, "sell", 1)
    await stand.proven()

    assert stand.holdings() == {}
    assert stand.requested() == ["unvalued_contract"]
    alarms = [one for one in stand.decided(AlarmRaised) if one.account_id == FIRST]
    assert [one.kind for one in alarms] == [AlarmKind.CONTRACT_UNKNOWN]
    assert strange in alarms[0].why


async def test_i12_a_record_that_fails_once_is_asked_for_again(build: Build) -> None:
    stand = await build(plan(unrealized(-200)))
    record = ("Contract/searchById",)
    stand.sim.faults.rest(kind="status", status=500, endpoint=record[0], count=1)
    await stand.sim.order(FIRST, MNQ, "buy", 2)
    await stand.until(lambda: alarms(stand), "the alarm")
    assert stand.report().rules[0].unknown

    stand.clock.skip(5)
    await stand.until(lambda: len(stand.calls(record)) == 2, "the second try")
    await stand.price(MNQ, 20950)
    await stand.proven()

    assert stand.holdings() == {}


@pytest.mark.parametrize(
    "quote",
    [
        pytest.param({"lastPrice": 0.0}, id="zero"),
        pytest.param({"lastPrice": 20_949.93}, id="off the grid"),
        pytest.param({"lastPrice": 2.0}, id="implausibly far"),
        pytest.param({"bestBid": 21_000.0, "bestAsk": 20_900.0}, id="crossed"),
        pytest.param({"volume": 3}, id="no price"),
    ],
)
async def test_i7_lesson_38_a_bad_price_moves_nothing(
    build: Build, quote: dict[str, object]
) -> None:
    stand = await build(plan(unrealized(-200)))
    await stand.enter("buy", 2, at=21000)
    await stand.quote(MNQ, quote)
    await stand.price(MNQ, "20950.25")
    await stand.until(lambda: stand.report().unrealized == "-199.00", "the next good price")

    assert stand.requested() == []
    await stand.price(MNQ, "20950")
    await stand.proven()
