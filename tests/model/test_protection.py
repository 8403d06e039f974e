"""RULE-008's question: which working orders protect a position, and how much of it."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.protection import Protection, loses, protection, protects
from protocol.account_facts import OrderSeen, OrderStatus, OrderType, Side
from protocol.book import BookView, Holding
from protocol.units import (
    PRICE,
    AccountId,
    ContractId,
    Nanos,
    OrderId,
    PositionId,
    Price,
    Usd,
)

ACCOUNT = AccountId(1)
MNQ, ES = ContractId("CON.F.US.MNQ.Z26"), ContractId("CON.F.US.EP.Z26")
BUY, SELL = Side.BUY, Side.SELL
LONG, SHORT = 2, -2
MARKET = 26_000.0


def price(points: float) -> Price:
    return Price(round(points * PRICE))


def holding(size: int, *, average: float = MARKET, mark: float | None = MARKET) -> Holding:
    return Holding(
        position_id=PositionId(1),
        contract_id=MNQ,
        size=size,
        average=price(average),
        opened=Nanos(0),
        grew=1,
        instrument=None,
        mark=None if mark is None else price(mark),
        unrealized=None,
    )


def order(
    side: Side,
    stop: float | None,
    *,
    number: int = 1,
    kind: OrderType = OrderType.STOP,
    status: OrderStatus = OrderStatus.OPEN,
    size: int = 2,
    filled: int = 0,
    parent: int | None = None,
) -> OrderSeen:
    return OrderSeen(
        account_id=ACCOUNT,
        order_id=OrderId(number),
        contract_id=MNQ,
        status=status,
        type=kind,
        side=side,
        size=size,
        filled=filled,
        stop_price=None if stop is None else price(stop),
        parent_id=None if parent is None else OrderId(parent),
    )


def entry(*, filled: int, number: int = 50, size: int = 2, side: Side = BUY) -> OrderSeen:
    return order(side, None, number=number, kind=OrderType.LIMIT, size=size, filled=filled)


def protected(held: Holding, *orders: OrderSeen) -> Protection:
    view = BookView(
        account_id=ACCOUNT,
        known=True,
        day="2026-11-23",
        next_reset=Nanos(9_000),
        realized=Usd(0),
        holdings=(held,),
        orders=orders,
    )
    return protection(view, held)


def covered(held: Holding, *orders: OrderSeen) -> int:
    return protected(held, *orders).covered


BELOW, HERE, ABOVE = MARKET - 10, MARKET, MARKET + 10


@pytest.mark.parametrize(
    ("size", "side", "stop", "wanted"),
    [
        pytest.param(LONG, SELL, BELOW, True, id="long, sell below: a stop"),
        pytest.param(LONG, SELL, HERE, False, id="long, sell at the market"),
        pytest.param(LONG, SELL, ABOVE, False, id="long, sell above"),
        pytest.param(LONG, BUY, BELOW, False, id="long, buy below: adds"),
        pytest.param(LONG, BUY, HERE, False, id="long, buy at the market: adds"),
        pytest.param(LONG, BUY, ABOVE, False, id="long, buy above: a stop entry"),
        pytest.param(SHORT, SELL, BELOW, False, id="short, sell below: a stop entry"),
        pytest.param(SHORT, SELL, HERE, False, id="short, sell at the market: adds"),
        pytest.param(SHORT, SELL, ABOVE, False, id="short, sell above: adds"),
        pytest.param(SHORT, BUY, BELOW, False, id="short, buy below"),
        pytest.param(SHORT, BUY, HERE, False, id="short, buy at the market"),
        pytest.param(SHORT, BUY, ABOVE, True, id="short, buy above: a stop"),
    ],
)
@pytest.mark.parametrize("kind", [OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP])
def test_side_and_price_tell_a_stop_from_an_entry(
    size: int,
    side: Side,
    stop: float,
    wanted: bool,  # noqa: FBT001 - a column
    kind: OrderType,
) -> None:
    """Lesson 92."""
    assert protects(order(side, stop, kind=kind), holding(size)) is wanted


@pytest.mark.parametrize("kind", OrderType)
@pytest.mark.parametrize("size", [LONG, SHORT])
def test_only_what_waits_for_a_loss_protects(kind: OrderType, size: int) -> None:
    exit_side, losing = (SELL, BELOW) if size > 0 else (BUY, ABOVE)
    stops = {OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP}

    assert protects(order(exit_side, losing, kind=kind), holding(size)) is (kind in stops)


@pytest.mark.parametrize(
    ("size", "side", "limit"),
    [
        pytest.param(LONG, SELL, ABOVE, id="long, a target"),
        pytest.param(LONG, SELL, BELOW, id="long, a limit that fills at once"),
        pytest.param(LONG, BUY, BELOW, id="long, a limit entry"),
        pytest.param(SHORT, BUY, BELOW, id="short, a target"),
        pytest.param(SHORT, BUY, ABOVE, id="short, a limit that fills at once"),
        pytest.param(SHORT, SELL, ABOVE, id="short, a limit entry"),
    ],
)
def test_a_limit_is_no_protection(size: int, side: Side, limit: float) -> None:
    target = replace(order(side, None, kind=OrderType.LIMIT), limit_price=price(limit))

    assert protected(holding(size), target) == Protection(2, 0, ())


@pytest.mark.parametrize("status", OrderStatus)
def test_open_pending_and_suspended_orders_protect(status: OrderStatus) -> None:
    counts = {OrderStatus.OPEN, OrderStatus.PENDING, OrderStatus.SUSPENDED}

    assert protects(order(SELL, BELOW, status=status), holding(LONG)) is (status in counts)


@pytest.mark.parametrize(
    ("size", "average", "mark", "stop", "wanted"),
    [
        pytest.param(LONG, 26000, 26100, 26050, True, id="long, drawn into the profit"),
        pytest.param(LONG, 26000, 26100, 26000, True, id="long, at breakeven"),
        pytest.param(LONG, 26000, 26100, 26100, False, id="long, at the market in profit"),
        pytest.param(LONG, 26000, 25900, 25950, True, id="long, run over: it is filling"),
        pytest.param(LONG, 26000, 25900, 26000, False, id="long, beyond both"),
        pytest.param(LONG, 26000, None, 25950, True, id="long, no price known"),
        pytest.param(LONG, 26000, None, 26050, True, id="long, the market may be above"),
        pytest.param(LONG, 26000, 26100, None, True, id="long, a stop without its price"),
        pytest.param(SHORT, 26000, 25900, 25950, True, id="short, drawn into the profit"),
        pytest.param(SHORT, 26000, 25900, 26000, True, id="short, at breakeven"),
        pytest.param(SHORT, 26000, 25900, 25900, False, id="short, at the market in profit"),
        pytest.param(SHORT, 26000, 26100, 26050, True, id="short, run over: it is filling"),
        pytest.param(SHORT, 26000, 26100, 26000, False, id="short, beyond both"),
        pytest.param(SHORT, 26000, None, 26050, True, id="short, no price known"),
        pytest.param(SHORT, 26000, None, 25950, True, id="short, the market may be below"),
        pytest.param(SHORT, 26000, 25900, None, True, id="short, a stop without its price"),
    ],
)
def test_the_losing_side_is_that_of_the_market_or_of_the_average(
    size: int,
    average: float,
    mark: float | None,
    stop: float | None,
    wanted: bool,  # noqa: FBT001 - a column
) -> None:
    held = holding(size, average=average, mark=mark)

    assert loses(order(SELL if size > 0 else BUY, stop), held) is wanted


@pytest.mark.parametrize(
    ("size", "orders", "wanted", "full", "some"),
    [
        pytest.param(3, [], 0, False, False, id="no order"),
        pytest.param(3, [(1, 0)], 1, False, True, id="a stop for part of it"),
        pytest.param(3, [(3, 0)], 3, True, True, id="a stop for all of it"),
        pytest.param(3, [(5, 0)], 3, True, True, id="more than there is covers what there is"),
        pytest.param(3, [(1, 0), (2, 0)], 3, True, True, id="two share it"),
        pytest.param(3, [(1, 0), (1, 0)], 2, False, True, id="two leave one bare"),
        pytest.param(3, [(3, 1)], 2, False, True, id="what has been filled covers no more"),
        pytest.param(3, [(3, 3)], 0, False, False, id="nothing is left of it"),
        pytest.param(3, [(0, 0)], 0, False, False, id="an order of nothing"),
        pytest.param(1, [(1, 0)], 1, True, True, id="one of one"),
    ],
)
@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
def test_what_is_left_of_the_orders_covers_the_position(
    *,
    size: int,
    orders: list[tuple[int, int]],
    wanted: int,
    full: bool,
    some: bool,
    sign: int,
) -> None:
    """Lesson 95."""
    side, stop = (SELL, BELOW) if sign > 0 else (BUY, ABOVE)
    stops = [
        order(side, stop, number=number, size=each, filled=filled)
        for number, (each, filled) in enumerate(orders)
    ]
    found = protected(holding(sign * size), *stops)

    assert (found.size, found.covered) == (size, wanted)
    assert found.suffices(full_coverage=True) is full
    assert found.suffices(full_coverage=False) is some


def bracket(*, parent: int | None, size: int = 2, number: int = 51) -> OrderSeen:
    return order(SELL, BELOW, number=number, status=OrderStatus.SUSPENDED, size=size, parent=parent)


@pytest.mark.parametrize(
    ("size", "orders", "wanted"),
    [
        pytest.param(2, [bracket(parent=50)], 2, id="its entry is filled and gone"),
        pytest.param(2, [bracket(parent=None)], 2, id="of an entry it does not name"),
        pytest.param(2, [entry(filled=2), bracket(parent=50)], 2, id="its entry is all filled"),
        pytest.param(1, [entry(filled=1), bracket(parent=50)], 1, id="half of its entry is filled"),
        pytest.param(2, [entry(filled=1), bracket(parent=50)], 1, id="no more than that half"),
        pytest.param(
            2, [entry(filled=0), bracket(parent=50)], 0, id="an entry that may never be filled"
        ),
        pytest.param(
            3,
            [entry(filled=0), bracket(parent=50), order(SELL, BELOW, size=3)],
            3,
            id="beside a stop of the position's own",
        ),
        pytest.param(
            2,
            [entry(filled=0), replace(bracket(parent=50), status=OrderStatus.OPEN)],
            2,
            id="a bracket at work asks for no entry",
        ),
        pytest.param(
            1,
            [entry(filled=0), bracket(parent=49, size=1)],
            1,
            id="another entry's bracket",
        ),
        pytest.param(
            2,
            [replace(bracket(parent=None), type=OrderType.LIMIT, stop_price=None)],
            0,
            id="the bracket's target",
        ),
        pytest.param(
            2,
            [replace(bracket(parent=50), stop_price=None)],
            2,
            id="its price comes later",
        ),
    ],
)
def test_a_suspended_bracket_protects_what_its_entry_has_opened(
    size: int, orders: list[OrderSeen], wanted: int
) -> None:
    assert covered(holding(size), *orders) == wanted


def test_another_contracts_stop_is_none() -> None:
    assert covered(holding(LONG), replace(order(SELL, BELOW), contract_id=ES)) == 0


def test_another_accounts_stop_is_none() -> None:
    assert covered(holding(LONG), replace(order(SELL, BELOW), account_id=AccountId(2))) == 0


def test_it_names_the_orders_that_protect() -> None:
    found = protected(
        holding(3),
        order(SELL, BELOW, number=9, size=1),
        order(SELL, ABOVE, number=5, size=1),
        order(SELL, BELOW, number=2, size=1),
        order(SELL, BELOW, number=1, size=1, filled=1),
    )

    assert found == Protection(3, 2, (OrderId(2), OrderId(9)))


@pytest.mark.parametrize("stop", [25910.50, 26242.25])
def test_the_recorded_stop_protects_the_recorded_position(stop: float) -> None:
    """T2 and T7: a stop of type 4, working below a long of one."""
    held = holding(1, average=stop + 25, mark=stop + 20)

    assert protected(held, order(SELL, stop, size=1)).suffices(full_coverage=True)


any_order = st.builds(
    order,
    st.sampled_from(Side),
    st.one_of(st.none(), st.integers(25_980, 26_020).map(float)),
    number=st.integers(1, 9),
    kind=st.sampled_from(OrderType),
    status=st.sampled_from(OrderStatus),
    size=st.integers(0, 4),
    filled=st.integers(0, 4),
    parent=st.one_of(st.none(), st.integers(1, 9)),
)
any_orders = st.lists(any_order, max_size=4, unique_by=lambda one: one.order_id)
any_holding = st.builds(
    holding,
    st.integers(-4, 4).filter(bool),
    average=st.integers(25_980, 26_020).map(float),
    mark=st.one_of(st.none(), st.integers(25_980, 26_020).map(float)),
)


@given(any_holding, any_orders)
def test_only_exits_that_wait_ever_protect(held: Holding, orders: list[OrderSeen]) -> None:
    found = protected(held, *orders)
    exit_side = SELL if held.size > 0 else BUY

    assert 0 <= found.covered <= found.size == abs(held.size)
    assert bool(found.orders) is (found.covered > 0)
    for one in orders:
        if one.order_id in found.orders:
            assert one.side is exit_side
            assert one.type in {OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP}
            assert one.filled < one.size


@given(any_holding, any_orders)
def test_the_order_of_orders_makes_no_difference(held: Holding, orders: list[OrderSeen]) -> None:
    assert len({protected(held, *one) for one in permutations(orders)}) == 1


@given(any_holding, any_orders)
def test_a_short_is_a_long_in_the_mirror(held: Holding, orders: list[OrderSeen]) -> None:
    def mirrored(points: Price | None) -> Price | None:
        return None if points is None else Price(price(2 * MARKET) - points)

    opposite = replace(
        held,
        size=-held.size,
        average=Price(price(2 * MARKET) - held.average),
        mark=mirrored(held.mark),
    )
    turned = [
        replace(one, side=BUY if one.side is SELL else SELL, stop_price=mirrored(one.stop_price))
        for one in orders
    ]

    assert protected(opposite, *turned) == protected(held, *orders)


@given(any_holding, any_orders, any_order)
def test_one_more_order_never_uncovers(
    held: Holding, orders: list[OrderSeen], more: OrderSeen
) -> None:
    added = replace(more, order_id=OrderId(77))  # no bracket's entry

    assert covered(held, *orders, added) >= covered(held, *orders)
