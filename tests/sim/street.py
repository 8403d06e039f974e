"""The traders, who do rash things, locked or not, and the market, which does what it wants."""

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from protocol.account_facts import OrderType
from protocol.market_facts import QuoteSeen
from protocol.units import MILLISECOND, SECOND, ContractId, Nanos, Price
from tests.sim.broker import ES, INSTRUMENTS, JUNK, MNQ, NEXT, Broker

if TYPE_CHECKING:
    from tests.sim.kernel import Kernel

DEEDS = {
    "market": 40,
    "parts": 8,
    "rest": 18,
    "bracket": 8,
    "protect": 10,
    "close": 14,
    "cancel": 7,
    "modify": 6,
    "void": 2,
    "standing": 2,
}
CONTRACTS = {MNQ: 45, ES: 35, NEXT: 16, JUNK: 4}
STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
EXCESSES = (3, 7, 2, 11)
"""By how much a price that is none is too high; no two in a row bear each other out."""


class Street:
    """Everybody who trades."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._weather = kernel.weather
        self._dice = kernel.random
        self._drift = self._dice.choice((-4, -1, 0, 0, 1, 4))
        self._garbage = 0
        prices = kernel.exchange.prices
        self.range = {key: (price, price) for key, price in prices.items()}
        """The lowest and the highest price that was ever true."""
        self.misprints: set[Price] = set()
        self._twist = kernel.twists.dice("market")
        self._kinds = kernel.twists.dice("kinds")
        self._silent: dict[ContractId, int] = {}
        """Until when nothing is told of a contract's price."""

    def open(self) -> None:
        """Start the session."""
        self._kernel.at(0, self._move)
        for broker in self._kernel.brokers.values():
            self._kernel.at(0, partial(self._trade, broker))
        if "feed" in self._kernel.twists:
            self._twisted()

    def _twisted(self) -> None:
        """Draw when the market falls silent, or else when it prints what was never true."""
        at, dice = self._kernel.at, self._twist
        if dice.random() < 1 / 2:
            for contract_id in INSTRUMENTS:
                at(dice.randrange(5 * SECOND, 25 * SECOND), partial(self._hush, contract_id))
            return
        for _ in range(16):
            at(dice.randrange(30 * SECOND), self._misprint)

    def close(self) -> None:
        """Send everyone home; the last quotes come."""
        for broker in self._kernel.brokers.values():
            if self._dice.random() < 0.7 and not broker.can_trade:
                self._stand(broker)
        often = range(4, 76, 4) if "feed" in self._kernel.twists else ()
        for seconds in (1, 20, 40, *often):
            for contract_id in INSTRUMENTS:
                self._kernel.at(seconds * SECOND, partial(self.quote, contract_id))

    def quote(self, contract_id: ContractId) -> None:
        """Have the market hub say where a contract is: partly, or nonsense, now and then."""
        life = self._kernel.life
        if life is None or contract_id not in life.watched:
            return
        if self._kernel.time < self._silent.get(contract_id, 0):
            return
        # One market, whichever account's book is asked for it.
        broker = next(iter(self._kernel.brokers.values()))
        quote = broker.quote(contract_id, Nanos(self._kernel.time))
        if self._weather.happens(0.2):
            left_out = self._dice.choice(("last", "bid", "ask"))
            quote = replace(quote, **{left_out: None})
        self._kernel.doors.publish(quote)
        if self._weather.happens(0.03):
            self._kernel.doors.publish(self._nonsense(quote), nonsense=True)

    def _hush(self, contract_id: ContractId) -> None:
        """Have nobody tell of a contract's price for a while, though it moves."""
        span = self._twist.choice((15, 30, 30, 40)) * SECOND
        self._silent[contract_id] = self._kernel.time + span

    def _misprint(self) -> None:
        """Print a price that was never true, though it may be believed; a true one follows soon."""
        brokers = self._kernel.brokers.values()
        held = sorted({one for broker in brokers for one in broker.positions} - {JUNK})
        life, contract_id = self._kernel.life, self._twist.choice(held or [MNQ])
        after = self._twist.randrange(20, 400) * MILLISECOND
        tick = INSTRUMENTS[contract_id].tick_size
        price = self._kernel.exchange.prices[contract_id]
        off = price * self._twist.choice((-3, -2, -1, 1, 2, 3)) // 100
        if life is None or self._weather.calm or contract_id not in life.watched:
            return
        wrong = Price((price + off) // tick * tick)
        self.misprints.add(wrong)
        at = Nanos(self._kernel.time)
        self._kernel.doors.publish(QuoteSeen(contract_id=contract_id, last=wrong, at=at))
        self._kernel.at(after, partial(self.quote, contract_id))

    def _nonsense(self, quote: QuoteSeen) -> QuoteSeen:
        """Return a quote that says nothing of the market."""
        self._garbage += 1
        last, tick = quote.last or quote.bid, INSTRUMENTS[quote.contract_id].tick_size
        assert last is not None
        far = Price(last * EXCESSES[self._garbage % len(EXCESSES)])
        match self._garbage % 5:
            case 0:
                return replace(quote, last=Price(0), bid=None, ask=None)
            case 1:
                return replace(quote, last=far, bid=None, ask=None)
            case 2:
                return replace(quote, last=Price(last + tick // 3), bid=None, ask=None)
            case 3:
                return replace(quote, last=None, bid=Price(last + 9 * tick), ask=last)
            case _:
                return replace(quote, last=Price(-last), bid=Price(0), ask=far)

    def _move(self) -> None:
        if self._weather.calm:
            return
        exchange, at = self._kernel.exchange, Nanos(self._kernel.time)
        for contract_id in INSTRUMENTS:
            wild = self._dice.random() < 0.02
            ticks = self._dice.randint(-80, 80) if wild else self._dice.randint(-9, 9)
            exchange.move(contract_id, ticks + self._drift)
            price = exchange.prices[contract_id]
            low, high = self.range[contract_id]
            self.range[contract_id] = (min(low, price), max(high, price))
            for broker in self._kernel.brokers.values():
                self._kernel.doors.tell(broker.reach(contract_id, at))
            self.quote(contract_id)
        self._kernel.at(self._weather.within(700 * MILLISECOND), self._move)

    def _trade(self, broker: Broker) -> None:
        """Do something rash, locked or not."""
        if self._weather.calm:
            return
        at, dice, tell = Nanos(self._kernel.time), self._dice, self._kernel.doors.tell
        contract_id = dice.choices(tuple(CONTRACTS), tuple(CONTRACTS.values()))[0]
        signed = dice.choice((-3, -2, -1, -1, 1, 1, 2, 3))
        held = broker.positions.get(contract_id)
        tick, price = INSTRUMENTS[contract_id].tick_size, broker.prices[contract_id]
        away = dice.randint(2, 40) * tick
        match dice.choices(tuple(DEEDS), tuple(DEEDS.values()))[0]:
            case "market":
                tell(broker.market(contract_id, signed, at))
            case "parts":
                tell(broker.market_in_parts(contract_id, signed, at))
            case "rest":
                kind = self._kind(dice.choice((OrderType.LIMIT, OrderType.STOP)))
                below = (signed > 0) == (kind is OrderType.LIMIT)
                waits = Price(price + (-away if below else away))
                tell(broker.rest(contract_id, signed, kind, waits, at))
            case "bracket":
                side = 1 if signed > 0 else -1
                limit = Price(price - side * away // 10 // tick * tick)
                stop = Price(limit - side * away)
                tell(broker.bracket(contract_id, signed, limit, stop, at))
            case "protect" if held is not None:
                stop = Price(price - away if held.size > 0 else price + away)
                kind = self._kind(OrderType.STOP)
                tell(broker.rest(contract_id, -held.size, kind, stop, at))
            case "close" if held is not None:
                off = dice.choice((-held.size, -held.size, 1 if held.size < 0 else -1))
                tell(broker.market(contract_id, off, at))
            case "cancel" if broker.orders:
                tell(broker.cancel(dice.choice(tuple(broker.orders)), at))
            case "modify":
                self._modify(broker, dice.choice((-1, 1)) * away)
            case "void" if broker.trades:
                tell(broker.void(dice.choice(tuple(broker.trades))))
            case "standing":
                self._stand(broker)
            case _:
                pass
        wait = self._weather.within(dice.choice((300, 1_500, 4_000)) * MILLISECOND)
        self._kernel.at(wait, partial(self._trade, broker))

    def _kind(self, kind: OrderType) -> OrderType:
        """Return the kind of an order: a stop may be one of the other kinds."""
        if kind is not OrderType.STOP or "kinds" not in self._kernel.twists:
            return kind
        self._kernel.happened.add("kinds")
        return self._kinds.choice(STOPS)

    def _modify(self, broker: Broker, by: int) -> None:
        waiting = [one for one in broker.orders.values() if one.type is not OrderType.MARKET]
        if not waiting:
            return
        order = self._dice.choice(waiting)
        moved = Price((order.stop_price or order.limit_price or 0) + by)
        at = Nanos(self._kernel.time)
        self._kernel.doors.tell(broker.redraw(order.order_id, moved, at))

    def _stand(self, broker: Broker) -> None:
        """Have the firm take away the account's leave to trade, or give it back."""
        broker.can_trade = not broker.can_trade
        self._kernel.note("..", f"{broker.account_id} may trade: {broker.can_trade}")
        self._kernel.doors.publish(self._kernel.doors.account(broker.account_id))
