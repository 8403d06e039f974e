"""Follow fills from flat to flat: what each round trip made, and what each order closed.

1. A fill is its trade id.  The first telling counts; a voided one never counts, whenever its void
   comes.  Fills are followed in the order of their time and id, not of their arrival: so what
   results depends on the set of messages, never on their order or number.
2. Which part of a fill closes is counted from sizes, for a fill that goes through zero does both.
   Its costs are shared by size.  What a closing made is the broker's own figure.
3. A round trip may last over a reset: what the day before left under way is `carried`.  Where
   that is not known the broker still tells: a fill that realized something and yet finds nothing
   to close is a closing by itself, of a position that nobody saw open.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from actors.model.average_price import signed
from protocol.account_facts import TradeSeen
from protocol.units import ContractId, Nanos, OrderId, TradeId, Usd

FILLS_MAX: Final = 16_384
"""How many fills are followed: beyond it the older half and its closings are forgotten."""


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


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One contract's day."""

    fills: tuple[TradeSeen, ...] = ()
    trip: Trip | None = None
    trips: tuple[Closed, ...] = ()
    orders: dict[OrderId, Closed] = {}
    entries: dict[OrderId, Nanos] = {}
    """When each order first opened or increased exposure."""


class RoundTrips(msgspec.Struct, frozen=True, kw_only=True):
    """The fills of a day, and what they amount to; `carried` is what was under way before it."""

    started: Nanos = Nanos(0)
    """What was filled before this instant is kept out."""
    carried: dict[ContractId, Trip] = {}
    lanes: dict[ContractId, Lane] = {}
    known: frozenset[TradeId] = frozenset()
    voided: frozenset[TradeId] = frozenset()

    @property
    def fills(self) -> tuple[TradeSeen, ...]:
        """Return the fills that stand, oldest first."""
        fills = (one for lane in self.lanes.values() for one in lane.fills)
        return tuple(sorted(fills, key=_when))

    @property
    def under_way(self) -> dict[ContractId, Trip]:
        """Return the round trips under way."""
        return {key: lane.trip for key, lane in self.lanes.items() if lane.trip is not None}

    @property
    def entries(self) -> dict[OrderId, Nanos]:
        """Return the orders that opened or increased exposure, and when they first did."""
        return {key: at for lane in self.lanes.values() for key, at in lane.entries.items()}

    def closings(self, basis: Basis = Basis.ROUND_TRIP) -> tuple[Closed, ...]:
        """Return what was closed, oldest first; an order that may still close more stands in it."""
        found: list[Closed] = []
        for lane in self.lanes.values():
            found.extend(lane.trips if basis is Basis.ROUND_TRIP else lane.orders.values())
        return tuple(sorted(found, key=lambda one: (one.closed, one.trade_id)))

    def add(self, fill: TradeSeen) -> "RoundTrips":
        """Follow one more fill, or take it out if it is voided; return self if nothing changes."""
        lane = self.lanes.get(fill.contract_id) or _fresh(self.carried, fill.contract_id)
        if fill.voided:
            return self._without(fill, lane)
        if fill.trade_id in self.known or fill.trade_id in self.voided or fill.at < self.started:
            return self
        if len(self.known) >= FILLS_MAX:
            oldest = self.fills[: FILLS_MAX // 2]
            return self.next_day(Nanos(oldest[-1].at + 1)).add(fill)
        if lane.fills and _when(fill) < _when(lane.fills[-1]):
            again = sorted((*lane.fills, fill), key=_when)
            after = _followed(_fresh(self.carried, fill.contract_id), again)
        else:
            after = _followed(lane, (fill,))
        lanes = {**self.lanes, fill.contract_id: after}
        return replace(self, lanes=lanes, known=self.known | {fill.trade_id})

    def following(self, fills: tuple[TradeSeen, ...]) -> "RoundTrips":
        """Stand on exactly these fills, oldest first: by adding, if that is all it takes."""
        mine = self.fills
        if fills[: len(mine)] != mine:
            return rebuilt(fills, self.carried, self.started)
        trips = self
        for fill in fills[len(mine) :]:
            trips = trips.add(fill)
        return trips

    def next_day(self, started: Nanos) -> "RoundTrips":
        """Begin another day: what is under way at its start stays under way."""
        fills = self.fills
        before = rebuilt([one for one in fills if one.at < started], self.carried)
        after = rebuilt(fills, before.under_way, started)
        return replace(after, voided=self.voided)

    def _without(self, void: TradeSeen, lane: Lane) -> "RoundTrips":
        if void.trade_id in self.voided:
            return self
        after = replace(self, voided=self.voided | {void.trade_id})
        if void.trade_id not in self.known:
            return after
        kept = [one for one in lane.fills if one.trade_id != void.trade_id]
        lanes = {key: one for key, one in self.lanes.items() if key != void.contract_id}
        if kept or void.contract_id in self.carried:
            again = _followed(_fresh(self.carried, void.contract_id), kept)
            lanes[void.contract_id] = again
        return replace(after, lanes=lanes, known=self.known - {void.trade_id})


def rebuilt(
    fills: Iterable[TradeSeen],
    carried: Mapping[ContractId, Trip] | None = None,
    started: Nanos = Nanos(0),  # noqa: B008 - a number
) -> RoundTrips:
    """Follow a day's fills from its start, in whatever order and number they are told."""
    told = tuple(fills)
    voided = frozenset(one.trade_id for one in told if one.voided)
    standing: dict[TradeId, TradeSeen] = {}
    for one in told:
        if one.trade_id not in voided and one.at >= started:
            standing.setdefault(one.trade_id, one)
    begun = dict(carried or {})
    days: dict[ContractId, list[TradeSeen]] = {key: [] for key in begun}
    for one in sorted(standing.values(), key=_when):
        days.setdefault(one.contract_id, []).append(one)
    lanes = {key: _followed(_fresh(begun, key), day) for key, day in days.items()}
    return RoundTrips(
        started=started, carried=begun, lanes=lanes, known=frozenset(standing), voided=voided
    )


def carried_over(
    sizes: Mapping[ContractId, int], fills: Iterable[TradeSeen]
) -> dict[ContractId, Trip]:
    """Return what was under way before these fills, if truth shows these sizes after them."""
    before = dict(sizes)
    for one in fills:
        before[one.contract_id] = before.get(one.contract_id, 0) - signed(one)
    return {key: Trip(size=size, opened=None) for key, size in before.items() if size}


def _fresh(carried: Mapping[ContractId, Trip], contract_id: ContractId) -> Lane:
    return Lane(trip=carried.get(contract_id))


def _when(fill: TradeSeen) -> tuple[Nanos, TradeId]:
    return (fill.at, fill.trade_id)


class _Walk(msgspec.Struct):
    """A lane while fills are followed: it may change, so that a day costs no copy per fill."""

    trip: Trip | None
    trips: list[Closed]
    orders: dict[OrderId, Closed]
    entries: dict[OrderId, Nanos]


def _followed(lane: Lane, fills: Iterable[TradeSeen]) -> Lane:
    """Follow these fills, each later than those before."""
    told = tuple(fills)
    walk = _Walk(lane.trip, list(lane.trips), dict(lane.orders), dict(lane.entries))
    for fill in told:
        _step(walk, fill)
    return Lane(
        fills=lane.fills + told,
        trip=walk.trip,
        trips=tuple(walk.trips),
        orders=walk.orders,
        entries=walk.entries,
    )


def _step(walk: _Walk, fill: TradeSeen) -> None:
    """Take one fill apart into what it closes and what it opens."""
    size = 0 if walk.trip is None else walk.trip.size
    against = size * signed(fill) < 0
    closed = min(fill.size, abs(size)) if against else 0
    if not against and fill.realized is not None:
        closed = fill.size
    # An opening half-turn realized nothing: so says the broker, also where the sizes do not.
    if fill.realized is None or closed < fill.size:
        walk.entries.setdefault(fill.order_id, fill.at)
    costs = (fill.fees + fill.commissions) * closed // max(fill.size, 1)
    if closed:
        _close(walk, fill, closed, costs, unseen=not against)
    if closed < fill.size:
        _open(walk, fill, fill.size - closed, fill.fees + fill.commissions - costs)


def _open(walk: _Walk, fill: TradeSeen, size: int, costs: int) -> None:
    """Begin a round trip, or scale in."""
    trip = walk.trip or Trip(size=0, opened=fill.at)
    grown = trip.size + (size if signed(fill) > 0 else -size)
    walk.trip = replace(trip, size=grown, costs=Usd(trip.costs + costs))


def _close(walk: _Walk, fill: TradeSeen, size: int, costs: int, *, unseen: bool) -> None:
    """Scale out, or end the round trip; `unseen` is a position that nobody saw open."""
    under_way = None if unseen else walk.trip
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
    held = walk.orders.get(fill.order_id)
    walk.orders[fill.order_id] = part if held is None else _joined(held, part)
    made = replace(
        part,
        size=trip.closed + size,
        gross=Usd(trip.gross + part.gross),
        costs=Usd(trip.costs + costs),
    )
    left = abs(trip.size) - size
    if left <= 0:
        walk.trips.append(made)
        walk.trip = walk.trip if unseen else None
        return
    left = left if trip.size > 0 else -left
    walk.trip = replace(trip, size=left, closed=made.size, gross=made.gross, costs=made.costs)


def _joined(held: Closed, part: Closed) -> Closed:
    """Return what an order has closed with this part of it."""
    return replace(
        part,
        opened=held.opened,
        size=held.size + part.size,
        gross=Usd(held.gross + part.gross),
        costs=Usd(held.costs + part.costs),
    )
