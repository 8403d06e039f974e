"""The exact vectors of the rule book, and what fees do to a balance."""

from decimal import Decimal

import pytest

from ops.sim.model import Side
from tests.sim_gateway.rig import Bench, bench_for


@pytest.mark.parametrize(
    ("product", "side", "size", "entry", "leave", "pnl"),
    [
        ("MNQ", Side.BUY, 2, "25900.00", "25898.25", -7.00),
        ("MNQ", Side.BUY, 1, "25935.50", "25926.50", -18.00),
        ("MNQ", Side.BUY, 5, "25924.50", "25925.50", 10.00),
        ("MNQ", Side.BUY, 4, "25925.50", "25922.75", -22.00),
        ("MNQ", Side.BUY, 4, "26258.50", "26254.75", -30.00),
        ("ENQ", Side.BUY, 1, "26232.50", "26231.50", -20.00),
        ("MNQ", Side.SELL, 1, "26000.00", "26010.00", -20.00),
        ("MNQ", Side.BUY, 2, "21000.00", "20970.00", -120.00),
        ("EP", Side.BUY, 1, "6000.00", "6010.00", 500.00),
        ("EP", Side.SELL, 1, "5800.00", "5790.00", 500.00),
        ("RTY", Side.BUY, 3, "2400.0", "2399.9", -15.00),
        ("CL", Side.SELL, 1, "70.00", "70.01", -10.00),
        ("GC", Side.BUY, 1, "2600.0", "2600.1", 10.00),
        ("YM", Side.BUY, 1, "40000", "40001", 5.00),
        ("MYM", Side.SELL, 2, "40000", "39999", 1.00),
        ("M2K", Side.BUY, 1, "2400.0", "2400.1", 0.50),
        ("MES", Side.BUY, 1, "6000.00", "6000.25", 1.25),
    ],
)
def test_a_round_trip_earns_exactly(  # noqa: PLR0917
    product: str, side: Side, size: int, entry: str, leave: str, pnl: float
) -> None:
    bench = bench_for(product, entry)

    bench.order(side, size)
    bench.at(leave)
    bench.close()

    assert bench.pnl == [None, pnl]
    assert bench.exchange.account(1001).balance == Decimal(50_000) + Decimal(str(pnl))


def test_an_average_off_the_tick_grid_stays_exact() -> None:
    bench = Bench()
    for price in ("26000.00", "26000.00", "26000.25"):
        bench.buy(1, price)

    assert bench.position == (1, 3, 78_000.25 / 3)

    bench.at("26000.25").close()

    assert bench.pnl[-1] == 1.00


def test_fees_and_commissions_leave_the_balance_per_side() -> None:
    bench = Bench(fees_per_side=Decimal("0.37"), commissions_per_side=Decimal("0.25"))

    bench.buy(2, "21000")
    bench.close()

    trades = [event.data for event in bench.said("GatewayUserTrade")]
    assert [(trade["fees"], trade["commissions"]) for trade in trades] == [(0.74, 0.5)] * 2
    assert bench.exchange.account(1001).balance == Decimal("49997.52")


def test_commissions_are_within_the_fees_unless_told_apart() -> None:
    bench = Bench(fees_per_side=Decimal("0.37"))

    bench.buy(1)

    (trade,) = (event.data for event in bench.said("GatewayUserTrade"))
    assert "commissions" not in trade
    assert trade["fees"] == 0.37


def test_a_voided_trade_gives_back_its_loss_and_its_costs() -> None:
    bench = Bench(fees_per_side=Decimal("0.37"))
    bench.buy(1, "21000")
    bench.at("20990").close()
    closing = list(bench.exchange.book.trades)[-1]
    bench.said()

    bench.exchange.void(closing)

    trade, account = bench.said()
    assert (trade.data["voided"], trade.data["profitAndLoss"]) == (True, -20.0)
    assert account.data["balance"] == 49_999.63
    with pytest.raises(KeyError):
        bench.exchange.void(closing)
