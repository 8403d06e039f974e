"""Fills to follow, written as a trader's log: when, how many, at what price."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.average_price import AveragePrice, signed
from actors.model.round_trips import RoundTrips
from protocol.account_facts import Instrument, Side, TradeSeen
from protocol.units import PRICE, SECOND, AccountId, ContractId, Nanos, OrderId, Price, TradeId, Usd


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
COSTS = 3_700
"""Fees per side and contract: 0.37 dollars."""


def at(clock: str | float) -> Nanos:
    """Return an instant, of "12:21:11" or of seconds."""
    if isinstance(clock, str):
        hours, minutes, seconds = clock.split(":")
        clock = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    return Nanos(round(clock * SECOND))


def fill(
    number: int,
    clock: str | float,
    size: int,
    points: float = 26_000.0,
    *,
    order: int | None = None,
    realized: int | None = None,
    fees: int = 0,
    product: Instrument = MNQ,
) -> TradeSeen:
    """Return one fill; bought > 0, and an order of its own unless one is given."""
    return TradeSeen(
        account_id=AccountId(1),
        trade_id=TradeId(number),
        contract_id=product.contract_id,
        order_id=OrderId(order if order is not None else 1_000 + number),
        side=Side.BUY if size > 0 else Side.SELL,
        size=abs(size),
        price=price(points),
        realized=None if realized is None else Usd(realized),
        fees=Usd(fees),
        at=at(clock),
    )


def valued(*fills: TradeSeen) -> tuple[TradeSeen, ...]:
    """Return the fills as the broker tells them: closing ones with what they realized."""
    positions: dict[ContractId, AveragePrice] = {}
    told: list[TradeSeen] = []
    for one in fills:
        product = MNQ if one.contract_id == MNQ.contract_id else ENQ
        position = positions.get(one.contract_id, AveragePrice())
        positions[one.contract_id], closing = position.filled(signed(one), one.price)
        told.append(replace(one, realized=closing and closing.gross(product)))
    return tuple(told)


def log(*lines: tuple[str, int, float], product: Instrument = MNQ) -> tuple[TradeSeen, ...]:
    """Return the fills of a log: when, how many, at what price."""
    return valued(
        *(
            fill(number, clock, size, points, product=product)
            for number, (clock, size, points) in enumerate(lines, start=1)
        )
    )


def void(one: TradeSeen) -> TradeSeen:
    return replace(one, voided=True)


@st.composite
def any_day(draw: st.DrawFn) -> tuple[TradeSeen, ...]:
    """Draw a day of both products: orders in several fills, sizes that cross zero, costs."""
    lines = st.tuples(
        st.sampled_from((MNQ, ENQ)),
        st.integers(-4, 4).filter(bool),
        st.integers(25_900, 26_100),
        st.integers(0, 3),
        st.integers(0, 20_000),
    )
    clock, fills = 0, list[TradeSeen]()
    for number, (product, size, points, gap, fees) in enumerate(draw(st.lists(lines, max_size=14))):
        clock += gap
        order = 1_000 + (number // 2 if gap < 2 else number)
        fills.append(fill(number, clock, size, points, order=order, fees=fees, product=product))
    return valued(*fills)


def follow(
    fills: Iterable[TradeSeen], carried: Mapping[ContractId, int] | None = None
) -> RoundTrips:
    """Follow a day's fills from its start."""
    trips = RoundTrips(carried or {})
    for one in fills:
        trips.take(one)
    return trips


def shuffled(fills: Iterable[TradeSeen]) -> st.SearchStrategy[list[TradeSeen]]:
    """Draw an order of these fills, with some of them told again."""
    told = list(fills)
    if not told:
        return st.just(told)
    again = st.lists(st.sampled_from(told), max_size=6)
    return again.flatmap(lambda more: st.permutations([*told, *more]))
