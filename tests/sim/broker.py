"""What is true at the broker: positions, orders and trades of an account, prices of them all.

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
NEXT = ContractId("CON.F.US.MNQ.H27")
"""The same product, an expiry later."""
ES = ContractId("CON.F.US.EP.Z26")
JUNK = ContractId("CON.F.US.QQX.Z26")
"""A product of which the Gateway's record tells no value; the broker knows it."""
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
INSTRUMENTS[NEXT] = replace(INSTRUMENTS[MNQ], contract_id=NEXT, name="MNQH7")
INSTRUMENTS[JUNK] = replace(INSTRUMENTS[ES], contract_id=JUNK, root="QQX", name="QQXZ6")
FEE = Usd(37 * USD // 100)

type Fact = PositionSeen | OrderSeen | TradeSeen


class Refusal(Exception):
    """The broker said no, and did nothing."""


class Exchange:
    """The prices, and the numbers that the platform gives out."""

    def __init__(self) -> None:
        self.prices = {
            MNQ: Price(26_000 * PRICE),
            NEXT: Price(26_050 * PRICE),
            ES: Price(6_000 * PRICE),
            JUNK: Price(50 * PRICE),
        }
        self.turns_in_two = False
        """Whether a reversal is told as the end of one position and the beginning of another."""
        self.frees = True
        """Whether the brackets of a position go when it is flat."""
        self._serial = 100

    def move(self, contract_id: ContractId, ticks: int) -> None:
        """Move a price."""
        moved = self.prices[contract_id] + ticks * INSTRUMENTS[contract_id].tick_size
        self.prices[contract_id] = Price(max(moved, 10 * PRICE))

    def number(self) -> int:
        """Return a number that was never given out before."""
        self._serial += 1
        return self._serial


class Broker:
    """One account, and the market it trades in."""

    def __init__(self, account_id: AccountId = ACCOUNT, exchange: Exchange | None = None) -> None:
        self.account_id = account_id
        self.exchange = Exchange() if exchange is None else exchange
        self.prices = self.exchange.prices
        self.positions: dict[ContractId, PositionSeen] = {}
        self.orders: dict[OrderId, OrderSeen] = {}
        self.trades: dict[TradeId, TradeSeen] = {}
        self.can_trade = True
        self.tags: set[str] = set()
        self.trails: dict[OrderId, int] = {}
        """How far behind the best price each trailing stop follows."""

    # What the trader and the market do.

    def market(self, contract_id: ContractId, signed: int, at: Nanos) -> list[Fact]:
        """Fill a market order at once."""
        return self._fill(self._order(contract_id, signed, OrderType.MARKET, None, at), at)

    def market_in_parts(self, contract_id: ContractId, signed: int, at: Nanos) -> list[Fact]:
        """Fill a market order one contract at a time."""
        order = self._order(contract_id, signed, OrderType.MARKET, None, at)
        facts: list[Fact] = []
        for _ in range(order.size):
            facts += self._fill(order, at, 1)
            order = replace(order, filled=order.filled + 1)
        return facts

    def rest(
        self, contract_id: ContractId, signed: int, kind: OrderType, price: Price, at: Nanos
    ) -> list[Fact]:
        """Take an order that waits for its price."""
        order = self._order(contract_id, signed, kind, price, at)
        if kind is OrderType.STOP_LIMIT:
            room = 8 * INSTRUMENTS[contract_id].tick_size
            order = replace(order, limit_price=Price(price + (room if signed > 0 else -room)))
        if kind is OrderType.TRAILING_STOP:
            self.trails[order.order_id] = abs(self.prices[contract_id] - price)
        self.orders[order.order_id] = order
        return [order]

    def bracket(
        self, contract_id: ContractId, signed: int, limit: Price, stop: Price, at: Nanos
    ) -> list[Fact]:
        """Take an entry that waits for its price, and a stop that waits for the entry."""
        entry = self._order(contract_id, signed, OrderType.LIMIT, limit, at)
        child = self._order(contract_id, -signed, OrderType.STOP, stop, at)
        child = replace(child, status=OrderStatus.SUSPENDED, parent_id=entry.order_id)
        self.orders |= {entry.order_id: entry, child.order_id: child}
        return [entry, child]

    def redraw(self, order_id: OrderId, price: Price, at: Nanos) -> list[Fact]:
        """Move the price of a working order, as the trader does on the chart."""
        order = self.orders[order_id]
        limit, stop = order.limit_price, order.stop_price
        if limit is not None:
            limit = price if stop is None else Price(limit + price - stop)
        stop = None if stop is None else price
        moved = replace(order, limit_price=limit, stop_price=stop, updated=at)
        self.orders[order_id] = moved
        return [moved]

    def move(self, contract_id: ContractId, ticks: int, at: Nanos) -> list[Fact]:
        """Move a price, and fill the orders that it reaches."""
        self.exchange.move(contract_id, ticks)
        return self.reach(contract_id, at)

    def reach(self, contract_id: ContractId, at: Nanos) -> list[Fact]:
        """Fill the orders that the price has reached."""
        facts: list[Fact] = []
        for order in tuple(self.orders.values()):
            waits = order.order_id in self.orders and order.type is not OrderType.MARKET
            if not waits or order.contract_id != contract_id:
                continue
            if order.order_id in self.trails:
                facts += self._trailed(order, at)
            now = self.orders[order.order_id]
            if now.status is OrderStatus.OPEN and reached(now, self.prices[contract_id]):
                facts += self._fill(now, at)
        return facts

    def _trailed(self, order: OrderSeen, at: Nanos) -> list[Fact]:
        """Have a trailing stop follow the price, if that has gone its way."""
        off, price, old = (
            self.trails[order.order_id],
            self.prices[order.contract_id],
            order.stop_price,
        )
        assert old is not None
        buys = order.side is Side.BUY
        new = min(old, price + off) if buys else max(old, price - off)
        if new == old:
            return []
        moved = replace(order, stop_price=Price(new), updated=at)
        self.orders[order.order_id] = moved
        return [moved]

    def void(self, trade_id: TradeId) -> list[Fact]:
        """Take a trade back; positions are left to another department."""
        self.trades[trade_id] = replace(self.trades[trade_id], voided=True)
        return [self.trades[trade_id]]

    # What riskwarden may ask for.

    def close(
        self, contract_id: ContractId, size: int | None, at: Nanos, *, late: bool = False
    ) -> list[Fact]:
        """Close a position, or so much of it; I1: nothing here can raise or turn one.

        One that was `late` on its way may meet another that was sent when it seemed lost.
        """
        off = self._closable(contract_id, size, late=late)
        return self.market(contract_id, off, at)

    def close_later(
        self, contract_id: ContractId, size: int | None, at: Nanos
    ) -> tuple[OrderId, list[Fact]]:
        """Take a close as a market order that has not filled yet."""
        off = self._closable(contract_id, size)
        order = self._order(contract_id, off, OrderType.MARKET, None, at)
        self.orders[order.order_id] = order
        return order.order_id, [order]

    def complete(self, order_id: OrderId, at: Nanos) -> list[Fact]:
        """Fill a market order that waits, unless it was cancelled."""
        order = self.orders.get(order_id)
        return [] if order is None else self._fill(order, at)

    def _closable(self, contract_id: ContractId, size: int | None, *, late: bool = False) -> int:
        held = self.positions.get(contract_id)
        if held is None:
            raise Refusal("PositionNotFound")
        off = abs(held.size) if size is None else size
        if not 0 < off <= abs(held.size):
            raise Refusal("InvalidCloseSize")
        under_way = sum(
            one.size - one.filled
            for one in self.orders.values()
            if one.contract_id == contract_id
            and one.type is OrderType.MARKET
            and (one.side is Side.SELL) == (held.size > 0)
        )
        if not late and under_way <= abs(held.size):  # or the trader was faster than that exit
            assert under_way + off <= abs(held.size), f"I1 {off} and {under_way} of {held}"
        return -off if held.size > 0 else off

    def cancel(self, order_id: OrderId, at: Nanos) -> list[Fact]:
        """Cancel a working order, and the brackets that wait for it."""
        if order_id not in self.orders:
            raise Refusal("OrderNotFound")
        waiting = [
            one.order_id
            for one in self.orders.values()
            if one.parent_id == order_id and one.status is OrderStatus.SUSPENDED
        ]
        return [self._ended(one, at) for one in (order_id, *waiting)]

    def _ended(self, order_id: OrderId, at: Nanos) -> OrderSeen:
        return replace(self.orders.pop(order_id), status=OrderStatus.CANCELLED, updated=at)

    def modify(self, command: ModifyOrder, at: Nanos) -> list[Fact]:
        """Change a working order; one that has been reached fills."""
        order = self.orders.get(command.order_id)
        if order is None:
            raise Refusal("OrderNotFound")
        before = order.stop_price
        changed = replace(
            order,
            stop_price=before if command.stop_price is None else command.stop_price,
            limit_price=order.limit_price if command.limit_price is None else command.limit_price,
            size=order.size if command.size is None else command.size,
            updated=at,
        )
        self.orders[order.order_id] = changed
        return [changed, *self.reach(order.contract_id, at)]

    def place(self, command: PlaceStop, at: Nanos) -> list[Fact]:
        """Take a stop; a tag is taken once."""
        if command.tag in self.tags:
            raise Refusal("OrderRejected: Custom tag is already in use.")
        self.tags.add(command.tag)
        signed = command.size if command.side is Side.BUY else -command.size
        order = self._order(command.contract_id, signed, OrderType.STOP, command.stop_price, at)
        order = replace(order, tag=command.tag)
        self.orders[order.order_id] = order
        return [order, *self.reach(command.contract_id, at)]

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
            account_id=self.account_id,
            order_id=OrderId(self.exchange.number()),
            contract_id=contract_id,
            status=OrderStatus.OPEN,
            type=kind,
            side=Side.BUY if signed > 0 else Side.SELL,
            size=abs(signed),
            limit_price=price if limit else None,
            stop_price=None if limit else price,
            updated=at,
        )

    def _fill(self, order: OrderSeen, at: Nanos, size: int | None = None) -> list[Fact]:
        """Fill an order, or so much of it: order, trade and position change together."""
        contract_id, price = order.contract_id, self.prices[order.contract_id]
        size = order.size - order.filled if size is None else size
        whole = order.filled + size == order.size
        signed = size if order.side is Side.BUY else -size
        status = OrderStatus.FILLED if whole else OrderStatus.OPEN
        filled = replace(order, status=status, filled=order.filled + size, updated=at)
        self.orders.pop(order.order_id, None)
        if not whole:
            self.orders[order.order_id] = filled
        held = self.positions.pop(contract_id, None)
        rows = self._moved(held, contract_id, signed, at)
        if rows[-1].size:
            self.positions[contract_id] = rows[-1]
        realized = None
        if held is not None and held.size * signed < 0:
            closed = min(abs(held.size), size)
            sized = closed if held.size > 0 else -closed
            realized = Usd(gain(contract_id, sized, held.average, price))
        trade = TradeSeen(
            account_id=self.account_id,
            trade_id=TradeId(self.exchange.number()),
            contract_id=contract_id,
            order_id=order.order_id,
            side=order.side,
            size=size,
            price=price,
            realized=realized,
            fees=Usd(FEE * size),
            at=at,
        )
        self.trades[trade.trade_id] = trade
        return [filled, trade, *rows, *self._brackets(filled, at)]

    def _moved(
        self, held: PositionSeen | None, contract_id: ContractId, signed: int, at: Nanos
    ) -> list[PositionSeen]:
        """Return what the hub says of a position after a fill, its row as it is now last."""
        if held is None:
            return [self._opened(contract_id, signed, at)]
        left = held.size + signed
        if left * held.size < 0 and self.exchange.turns_in_two:
            return [replace(held, size=0), self._opened(contract_id, left, at)]
        return [grown(held, signed, self.prices[contract_id])]

    def _brackets(self, filled: OrderSeen, at: Nanos) -> list[Fact]:
        """Wake the brackets of an entry that has filled; those of a position that is flat go."""
        facts: list[Fact] = []
        for one in tuple(self.orders.values()):
            if one.parent_id == filled.order_id and filled.status is OrderStatus.FILLED:
                awake = replace(one, status=OrderStatus.OPEN, updated=at)
                self.orders[one.order_id] = awake
                facts.append(awake)
            flat = one.parent_id is not None and one.contract_id not in self.positions
            awake = self.orders[one.order_id]
            freed = flat and awake.contract_id == filled.contract_id and self.exchange.frees
            if freed and awake.status is OrderStatus.OPEN:
                facts.append(self._ended(one.order_id, at))
        return facts

    def _opened(self, contract_id: ContractId, signed: int, at: Nanos) -> PositionSeen:
        return PositionSeen(
            account_id=self.account_id,
            position_id=PositionId(self.exchange.number()),
            contract_id=contract_id,
            size=signed,
            average=self.prices[contract_id],
            opened=at,
        )


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
    buys, limit, stop = order.side is Side.BUY, order.limit_price, order.stop_price
    assert limit is not None or stop is not None
    allowed = limit is None or (price <= limit if buys else price >= limit)
    return allowed and (stop is None or (price >= stop if buys else price <= stop))
