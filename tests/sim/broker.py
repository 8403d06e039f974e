"""What is true at the broker: positions, orders, trades and prices of one account.

Every method does one thing at one instant and returns the facts that the user hub would tell of
it.  Nothing here is random, late or lost: that is the weather's business.
"""

from msgspec.structs import replace

from protocol.account_facts import (
    Instrument,
    OrderSeen,
    OrderStatus,
    OrderType,
    PositionSeen,
    Side,
    TradeSeen,
)
from protocol.commands import ModifyOrder, PlaceStop
from protocol.market_facts import QuoteSeen
from protocol.units import (
    PRICE,
    USD,
    AccountId,
    ContractId,
    Nanos,
    OrderId,
    PositionId,
    Price,
    TradeId,
    Usd,
)

ACCOUNT = AccountId(1001)
MNQ = ContractId("CON.F.US.MNQ.Z26")
ES = ContractId("CON.F.US.EP.Z26")
INSTRUMENTS = {
    MNQ: Instrument(
        contract_id=MNQ,
        root="MNQ",
        name="MNQZ6",
        tick_size=Price(PRICE // 4),
        tick_value=Usd(USD // 2),
    ),
    ES: Instrument(
        contract_id=ES,
        root="EP",
        name="EPZ6",
        tick_size=Price(PRICE // 4),
        tick_value=Usd(25 * USD // 2),
    ),
}
FEE = Usd(37 * USD // 100)

type Fact = PositionSeen | OrderSeen | TradeSeen


class Refusal(Exception):
    """The broker said no, and did nothing."""


class Broker:
    """One account, and the market it trades in."""

    def __init__(self) -> None:
        self.positions: dict[ContractId, PositionSeen] = {}
        self.orders: dict[OrderId, OrderSeen] = {}
        self.trades: dict[TradeId, TradeSeen] = {}
        self.prices = {MNQ: Price(26_000 * PRICE), ES: Price(6_000 * PRICE)}
        self.tags: set[str] = set()
        self._serial = 100

    # What the trader and the market do.

    def market(self, contract_id: ContractId, signed: int, at: Nanos) -> list[Fact]:
        """Fill a market order at once."""
        return self._fill(self._order(contract_id, signed, OrderType.MARKET, None, at), at)

    def rest(
        self, contract_id: ContractId, signed: int, kind: OrderType, price: Price, at: Nanos
    ) -> list[Fact]:
        """Take an order that waits for its price."""
        order = self._order(contract_id, signed, kind, price, at)
        self.orders[order.order_id] = order
        return [order]

    def move(self, contract_id: ContractId, ticks: int, at: Nanos) -> list[Fact]:
        """Move a price, and fill the orders that it reaches."""
        moved = self.prices[contract_id] + ticks * INSTRUMENTS[contract_id].tick_size
        self.prices[contract_id] = Price(moved)
        facts: list[Fact] = []
        for order in tuple(self.orders.values()):
            if order.contract_id == contract_id and reached(order, Price(moved)):
                del self.orders[order.order_id]
                facts += self._fill(order, at)
        return facts

    def void(self, trade_id: TradeId) -> list[Fact]:
        """Take a trade back; positions are left to another department."""
        self.trades[trade_id] = replace(self.trades[trade_id], voided=True)
        return [self.trades[trade_id]]

    # What riskwarden may ask for.

    def close(self, contract_id: ContractId, size: int | None, at: Nanos) -> list[Fact]:
        """Close a position, or so much of it; I1: nothing here can raise or turn one."""
        held = self.positions.get(contract_id)
        if held is None:
            raise Refusal("PositionNotFound")
        off = abs(held.size) if size is None else size
        if not 0 < off <= abs(held.size):
            raise Refusal("InvalidCloseSize")
        facts = self.market(contract_id, -off if held.size > 0 else off, at)
        left = self.positions.get(contract_id)
        assert abs(left.size if left else 0) < abs(held.size), "I1"
        return facts

    def cancel(self, order_id: OrderId, at: Nanos) -> list[Fact]:
        """Cancel a working order."""
        order = self.orders.pop(order_id, None)
        if order is None:
            raise Refusal("OrderNotFound")
        return [replace(order, status=OrderStatus.CANCELLED, updated=at)]

    def modify(self, command: ModifyOrder, at: Nanos) -> list[Fact]:
        """Change a working order; one that has been reached fills."""
        order = self.orders.get(command.order_id)
        if order is None:
            raise Refusal("OrderNotFound")
        before = order.stop_price
        changed = replace(
            order,
            stop_price=before if command.stop_price is None else command.stop_price,
            size=order.size if command.size is None else command.size,
            updated=at,
        )
        self.orders[order.order_id] = changed
        return [changed, *self.move(order.contract_id, 0, at)]

    def place(self, command: PlaceStop, at: Nanos) -> list[Fact]:
        """Take a stop; a tag is taken once."""
        if command.tag in self.tags:
            raise Refusal("OrderRejected: Custom tag is already in use.")
        self.tags.add(command.tag)
        signed = command.size if command.side is Side.BUY else -command.size
        order = self._order(command.contract_id, signed, OrderType.STOP, command.stop_price, at)
        order = replace(order, tag=command.tag)
        self.orders[order.order_id] = order
        return [order, *self.move(command.contract_id, 0, at)]

    # What can be read.

    def quote(self, contract_id: ContractId, at: Nanos) -> QuoteSeen:
        """Return the market, a tick wide around the last price."""
        last, tick = self.prices[contract_id], INSTRUMENTS[contract_id].tick_size
        return QuoteSeen(
            contract_id=contract_id,
            last=last,
            bid=Price(last - tick),
            ask=Price(last + tick),
            at=at,
        )

    def realized(self, since: Nanos) -> Usd:
        """Return what the trades since an instant made, net of costs."""
        total = 0
        for one in self.trades.values():
            if one.at >= since and not one.voided:
                total += (one.realized or 0) - one.fees - one.commissions
        return Usd(total)

    def unrealized(self, contract_id: ContractId) -> int:
        """Return what a position would make if it were closed now."""
        held = self.positions[contract_id]
        return gain(contract_id, held.size, held.average, self.prices[contract_id])

    def _order(
        self,
        contract_id: ContractId,
        signed: int,
        kind: OrderType,
        price: Price | None,
        at: Nanos,
    ) -> OrderSeen:
        limit = kind is OrderType.LIMIT
        return OrderSeen(
            account_id=ACCOUNT,
            order_id=OrderId(self._number()),
            contract_id=contract_id,
            status=OrderStatus.OPEN,
            type=kind,
            side=Side.BUY if signed > 0 else Side.SELL,
            size=abs(signed),
            limit_price=price if limit else None,
            stop_price=None if limit else price,
            updated=at,
        )

    def _fill(self, order: OrderSeen, at: Nanos) -> list[Fact]:
        """Fill an order whole: the order, the trade and the position change together."""
        contract_id, price = order.contract_id, self.prices[order.contract_id]
        signed = order.size if order.side is Side.BUY else -order.size
        filled = replace(order, status=OrderStatus.FILLED, filled=order.size, updated=at)
        held = self.positions.pop(contract_id, None)
        after = self._opened(order, at) if held is None else grown(held, signed, price)
        if after.size:
            self.positions[contract_id] = after
        realized = None
        if held is not None and held.size * signed < 0:
            closed = min(abs(held.size), abs(signed))
            sized = closed if held.size > 0 else -closed
            realized = Usd(gain(contract_id, sized, held.average, price))
        trade = TradeSeen(
            account_id=ACCOUNT,
            trade_id=TradeId(self._number()),
            contract_id=contract_id,
            order_id=order.order_id,
            side=order.side,
            size=order.size,
            price=price,
            realized=realized,
            fees=Usd(FEE * order.size),
            at=at,
        )
        self.trades[trade.trade_id] = trade
        return [filled, trade, after]

    def _opened(self, order: OrderSeen, at: Nanos) -> PositionSeen:
        return PositionSeen(
            account_id=ACCOUNT,
            position_id=PositionId(self._number()),
            contract_id=order.contract_id,
            size=order.size if order.side is Side.BUY else -order.size,
            average=self.prices[order.contract_id],
            opened=at,
        )

    def _number(self) -> int:
        self._serial += 1
        return self._serial


def grown(held: PositionSeen, signed: int, price: Price) -> PositionSeen:
    """Return a contract's row after a fill; size 0 is closed, and keeps the entry's average."""
    size = held.size + signed
    average = held.average
    if held.size * signed > 0:
        average = Price((held.average * abs(held.size) + price * abs(signed)) // abs(size))
    elif size * held.size < 0:
        average = price
    return replace(held, size=size, average=average)


def gain(contract_id: ContractId, size: int, average: Price, price: Price) -> int:
    """Return what a position makes from its average to a price."""
    one = INSTRUMENTS[contract_id]
    return (price - average) * one.tick_value * size // one.tick_size


def reached(order: OrderSeen, price: Price) -> bool:
    """Tell whether a price fills an order that waits for it."""
    buys = order.side is Side.BUY
    if order.limit_price is not None:
        return price <= order.limit_price if buys else price >= order.limit_price
    assert order.stop_price is not None
    return price >= order.stop_price if buys else price <= order.stop_price
