"""Follow fills from flat to flat: what each round trip made, and what each order closed.

1. The fills are those that stand, each once, in the order of their time and id (see ledger): so
   what results depends on the set of messages, never on their order or number.
2. Which part of a fill closes is counted from sizes, for a fill that goes through zero does both.
   Its costs are shared by size.  What a closing made is the broker's own figure.
3. A round trip may last over a reset: what the day before left under way is `carried`.  Where
   that is not known the broker still tells: a fill that realized something and yet finds nothing
   to close is a closing by itself, of a position that nobody saw open.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from actors.model.average_price import signed
from protocol.account_facts import TradeSeen
from protocol.units import ContractId, Nanos, OrderId, TradeId, Usd

type Sizes = dict[ContractId, int]
"""Signed sizes by contract, none of them zero."""


class Basis(StrEnum):
    """What one closing is: all from flat to flat, or what one order closed."""

    ROUND_TRIP = "round_trip"
    ORDER = "order"


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """What one closing made: a round trip with its entries' costs, or an order with its own."""

    contract_id: ContractId
    order_id: OrderId
    """The order that closed, or closed the rest."""
    trade_id: TradeId
    """The fill that closed, or closed the rest."""
    opened: Nanos | None
    """None is before anything that was told."""
    closed: Nanos
    size: int
    gross: Usd
    costs: Usd

    def net(self, *, include_fees: bool) -> Usd:
        """Return what was made, with or without what it cost."""
        return Usd(self.gross - self.costs) if include_fees else self.gross


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A round trip under way: its signed size, and what its closings made so far."""

    size: int
    opened: Nanos | None
    closed: int = 0
    gross: Usd = Usd(0)
    costs: Usd = Usd(0)


class RoundTrips:
    """The fills of a day so far, and what they amount to; it goes on with each more.

    `carried` is what was under way before the day's first fill.
    """

    def __init__(self, carried: Mapping[ContractId, int]) -> None:
        self.under_way = {key: Trip(size=size, opened=None) for key, size in carried.items()}
        self.entries: list[Nanos] = []
        """When each order first opened or increased exposure, oldest first."""
        self.orders: list[Nanos] = []
        """When each order was first filled."""
        self.fills: list[Nanos] = []
        self.flat: dict[ContractId, Nanos] = {}
        """When a closing left nothing of a contract the last time."""
        self._entered: set[OrderId] = set()
        self._filled: set[OrderId] = set()
        self._trips: list[Closed] = []
        self._closed: dict[OrderId, Closed] = {}

    def closings(self, basis: Basis = Basis.ROUND_TRIP) -> Sequence[Closed]:
        """Return what was closed, oldest first; an order that may still close more stands in it.

        The round trips are a list to which the day's later ones are added.
        """
        return self._trips if basis is Basis.ROUND_TRIP else tuple(self._closed.values())

    def take(self, fill: TradeSeen) -> None:
        """Follow one more fill, later than those before: what it closes, and what it opens."""
        trip = self.under_way.get(fill.contract_id)
        size = 0 if trip is None else trip.size
        against = size * signed(fill) < 0
        closed = min(fill.size, abs(size)) if against else 0
        if not against and fill.realized is not None:
            closed = fill.size
        self.fills.append(fill.at)
        if fill.order_id not in self._filled:
            self._filled.add(fill.order_id)
            self.orders.append(fill.at)
        # An opening half-turn realized nothing: so says the broker, also where the sizes do not.
        opens = fill.realized is None or closed < fill.size
        if opens and fill.order_id not in self._entered:
            self._entered.add(fill.order_id)
            self.entries.append(fill.at)
        costs = (fill.fees + fill.commissions) * closed // max(fill.size, 1)
        if closed:
            self._close(fill, closed, costs, unseen=not against)
            if size + signed(fill) == 0:
                self.flat[fill.contract_id] = fill.at
        if closed < fill.size:
            self._open(fill, fill.size - closed, fill.fees + fill.commissions - costs)

    def _open(self, fill: TradeSeen, size: int, costs: int) -> None:
        """Begin a round trip, or scale in."""
        trip = self.under_way.get(fill.contract_id) or Trip(size=0, opened=fill.at)
        grown = trip.size + (size if signed(fill) > 0 else -size)
        grown_trip = replace(trip, size=grown, costs=Usd(trip.costs + costs))
        self.under_way[fill.contract_id] = grown_trip

    def _close(self, fill: TradeSeen, size: int, costs: int, *, unseen: bool) -> None:
        """Scale out, or end the round trip; `unseen` is a position that nobody saw open."""
        under_way = None if unseen else self.under_way.get(fill.contract_id)
        trip = under_way or Trip(size=0, opened=None)
        part = Closed(
            contract_id=fill.contract_id,
            order_id=fill.order_id,
            trade_id=fill.trade_id,
            opened=trip.opened,
            closed=fill.at,
            size=size,
            gross=fill.realized or Usd(0),
            costs=Usd(costs),
        )
        # Put at the end, for the order closed last.
        held = self._closed.pop(fill.order_id, None)
        self._closed[fill.order_id] = part if held is None else _joined(held, part)
        made = replace(
            part,
            size=trip.closed + size,
            gross=Usd(trip.gross + part.gross),
            costs=Usd(trip.costs + costs),
        )
        left = abs(trip.size) - size
        if left <= 0:
            self._trips.append(made)
            if not unseen:
                del self.under_way[fill.contract_id]
            return
        self.under_way[fill.contract_id] = replace(
            trip,
            size=left if trip.size > 0 else -left,
            closed=made.size,
            gross=made.gross,
            costs=made.costs,
        )


def add_up(sizes: Sizes, fill: TradeSeen) -> None:
    """Count what a fill bought, less what it sold, to that of the fills before."""
    sizes[fill.contract_id] = sizes.get(fill.contract_id, 0) + signed(fill)


def carried_over(held: Mapping[ContractId, int], filled: Mapping[ContractId, int]) -> Sizes:
    """Return what was under way before fills that add up to these, if truth shows this after."""
    before = dict(held)
    for key, size in filled.items():
        before[key] = before.get(key, 0) - size
    return {key: size for key, size in before.items() if size}


def left_standing(carried: Sizes, fills: Iterable[TradeSeen], at: Nanos) -> Sizes:
    """Return what stood at an instant, less what later fills took off: none of them adds to it."""
    sizes, stood = dict(carried), None
    for fill in fills:
        if stood is None and fill.at > at:
            stood = dict(sizes)
        add_up(sizes, fill)
        if stood is not None:
            key = fill.contract_id
            stood[key] = nearer_to_zero(stood.get(key, 0), sizes[key])
    return {key: size for key, size in (sizes if stood is None else stood).items() if size}


def nearer_to_zero(allowed: int, held: int) -> int:
    """Return the smaller of two sizes of one side, 0 if they are on different sides."""
    if allowed * held <= 0:
        return 0
    return min(allowed, held, key=abs)


def _joined(held: Closed, part: Closed) -> Closed:
    """Return what an order has closed with this part of it."""
    return replace(
        part,
        opened=held.opened,
        size=held.size + part.size,
        gross=Usd(held.gross + part.gross),
        costs=Usd(held.costs + part.costs),
    )
