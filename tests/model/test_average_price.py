"""The second opinion: recorded sessions, scale-ins, scale-outs, reversals, and money conserved."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.average_price import AveragePrice, signed
from actors.model.money import unrealized
from protocol.account_facts import Instrument, Side, TradeSeen
from protocol.units import (
    PRICE,
    AccountId,
    ContractId,
    Nanos,
    OrderId,
    Price,
    TradeId,
    Usd,
    usd_text,
)


def price(points: float) -> Price:
    return Price(round(Decimal(str(points)) * PRICE))


def instrument(root: str, tick_value: int) -> Instrument:
    return Instrument(
        contract_id=ContractId(f"CON.F.US.{root}.Z25"),
        root=root,
        name=root,
        tick_size=price(0.25),
        tick_value=Usd(tick_value),
    )


MNQ, ENQ = instrument("MNQ", 5_000), instrument("ENQ", 50_000)


def run(
    fills: list[tuple[int, float]], product: Instrument = MNQ
) -> tuple[AveragePrice, list[str | None]]:
    """Return the position after fills, and what each one realized."""
    position, realized = AveragePrice(), list[str | None]()
    for size, points in fills:
        position, closing = position.filled(size, price(points))
        realized.append(None if closing is None else usd_text(closing.gross(product)))
    return position, realized


@pytest.mark.parametrize(
    ("product", "fills", "realized"),
    [
        pytest.param(MNQ, [(2, 25900.0), (-2, 25898.25)], [None, "-7.00"], id="T1"),
        pytest.param(MNQ, [(1, 25935.5), (-1, 25926.5)], [None, "-18.00"], id="T2"),
        pytest.param(
            MNQ,
            [(5, 25924.5), (-5, 25925.5), (4, 25925.5), (-4, 25922.75)],
            [None, "10.00", None, "-22.00"],
            id="T3",
        ),
        pytest.param(
            MNQ,
            [(1, 26259.0), (-1, 26258.75), (4, 26258.5), (-4, 26254.75)],
            [None, "-0.50", None, "-30.00"],
            id="T4",
        ),
        pytest.param(MNQ, [(5, 26271.5), (-5, 26270.75)], [None, "-7.50"], id="T5"),
        pytest.param(MNQ, [(1, 26233.25), (-1, 26233.75)], [None, "1.00"], id="T6, micro"),
        pytest.param(ENQ, [(1, 26232.5), (-1, 26231.5)], [None, "-20.00"], id="T6, mini"),
        pytest.param(MNQ, [(1, 26244.25), (-1, 26242.25)], [None, "-4.00"], id="T7"),
        pytest.param(MNQ, [(1, 25897.75), (-1, 25898.25)], [None, "1.00"], id="T8"),
        pytest.param(
            MNQ, [(-1, 26000.0), (1, 26010.0)], [None, "-20.00"], id="lesson 48: a short that lost"
        ),
        pytest.param(
            MNQ, [(-2, 26000.0), (2, 25990.0)], [None, "40.00"], id="lesson 48: a short that won"
        ),
        pytest.param(
            MNQ,
            [(2, 26000.0), (-1, 26010.0), (-1, 25995.0)],
            [None, "20.00", "-10.00"],
            id="lesson 49: scaled out at two prices",
        ),
        pytest.param(
            MNQ,
            [(-2, 26000.0), (1, 26010.0), (1, 25995.0)],
            [None, "-20.00", "10.00"],
            id="lesson 49: scaled out, short",
        ),
        pytest.param(
            MNQ,
            [(1, 26000.0), (1, 26010.0), (-2, 26010.0)],
            [None, None, "20.00"],
            id="lesson 49: scaled in moves the average",
        ),
        pytest.param(
            MNQ,
            [(2, 26000.0), (-5, 26010.0), (3, 26000.0)],
            [None, "40.00", "60.00"],
            id="reversed, and back to flat",
        ),
        pytest.param(
            MNQ,
            [(-2, 26000.0), (5, 26010.0), (-3, 26000.0)],
            [None, "-40.00", "-60.00"],
            id="reversed from short",
        ),
        pytest.param(
            MNQ,
            [(1, 26000.0), (1, 26000.25), (1, 26000.0), (-1, 26000.25), (-2, 26000.25)],
            [None, None, None, "0.3333", "0.6667"],
            id="an average off every grid",
        ),
        pytest.param(
            MNQ,
            [(1, 26000.0), (1, 26000.0), (-1, 25999.0), (-1, 25998.75)],
            [None, None, "-2.00", "-2.50"],
            id="one order in partial fills",
        ),
        pytest.param(MNQ, [(0, 26000.0), (1, 26000.0)], [None, None], id="a fill of nothing"),
    ],
)
def test_fills_realize_what_was_booked(
    product: Instrument, fills: list[tuple[int, float]], realized: list[str | None]
) -> None:
    assert run(fills, product)[1] == realized


@pytest.mark.parametrize(
    ("fills", "size", "average"),
    [
        pytest.param([], 0, None, id="nothing yet"),
        pytest.param([(2, 26000.0)], 2, 26000.0, id="opened"),
        pytest.param([(2, 26000.0), (-1, 26010.0)], 1, 26000.0, id="scaled out: it stays"),
        pytest.param([(1, 26000.0), (3, 26010.0)], 4, 26007.5, id="scaled in: it moves"),
        pytest.param([(-1, 26000.0), (-3, 26010.0)], -4, 26007.5, id="scaled in, short"),
        pytest.param([(2, 26000.0), (-5, 26010.0)], -3, 26010.0, id="reversed: it starts anew"),
        pytest.param([(2, 26000.0), (-2, 26010.0)], 0, None, id="flat"),
        pytest.param(
            [(2, 26000.0), (1, 26000.25)], 3, 26000.083333333, id="a third of a tick, rounded"
        ),
    ],
)
def test_a_position_has_the_average_of_what_is_still_open(
    fills: list[tuple[int, float]], size: int, average: float | None
) -> None:
    position, _ = run(fills)

    assert position.size == size
    assert position.price == (None if average is None else price(average))


def test_a_closing_says_how_much_it_closed() -> None:
    position, _ = AveragePrice().filled(2, price(26000.0))

    _, closing = position.filled(-5, price(26001.0))

    assert closing is not None
    assert (closing.size, closing.gain) == (2, Fraction(2 * PRICE))


@pytest.mark.parametrize(("side", "size"), [(Side.BUY, 3), (Side.SELL, -3)])
def test_what_is_bought_counts_up_and_what_is_sold_down(side: Side, size: int) -> None:
    trade = TradeSeen(
        account_id=AccountId(1),
        trade_id=TradeId(1),
        contract_id=MNQ.contract_id,
        order_id=OrderId(1),
        side=side,
        size=3,
        price=price(26000.0),
        realized=None,
        at=Nanos(1),
    )

    assert signed(trade) == size


prices = st.integers(1, 200_000).map(lambda ticks: Price(ticks * PRICE // 4))
fills = st.lists(st.tuples(st.integers(-9, 9), prices), max_size=40)


@given(fills, prices)
def test_what_closings_made_and_what_is_open_is_the_cash_that_moved(
    history: list[tuple[int, Price]], mark: Price
) -> None:
    position, made = AveragePrice(), Fraction(0)
    for size, at in history:
        position, closing = position.filled(size, at)
        made += closing.gain if closing else 0

    cash = -sum(size * at for size, at in history)
    assert position.size == sum(size for size, _ in history)
    assert made + (mark - position.average) * position.size == cash + position.size * mark


@given(fills)
def test_shorts_mirror_longs(history: list[tuple[int, Price]]) -> None:
    long, short = AveragePrice(), AveragePrice()
    for size, at in history:
        long, won = long.filled(size, at)
        short, lost = short.filled(-size, at)
        assert (short.size, short.average) == (-long.size, long.average)
        assert (won is None) == (lost is None)
        assert won is None or lost is None or won.gain == -lost.gain


@given(st.integers(-9, 9).filter(bool), prices, prices)
def test_closing_all_realizes_what_was_unrealized(size: int, entry: Price, leave: Price) -> None:
    position, _ = AveragePrice().filled(size, entry)
    _, closing = position.filled(-size, leave)

    assert closing is not None
    assert closing.gross(MNQ) == unrealized(MNQ, size, entry, leave)


@given(st.integers(-9, 9).filter(bool), prices, st.lists(st.integers(1, 3), max_size=9))
def test_partial_fills_at_one_price_make_what_one_fill_makes(
    size: int, entry: Price, parts: list[int]
) -> None:
    direction = 1 if size > 0 else -1
    whole, _ = AveragePrice().filled(sum(parts) * direction, entry)
    split = AveragePrice()
    for part in parts:
        split, _ = split.filled(part * direction, entry)

    assert split == whole
