"""Stops that are moved, placed, and taken back: nearer to the market, never farther, never too big.

1. A stop is only ever moved toward the market, and stays clear of it by a tick at least: the
   broker would fill one beyond it at once.  A market that is not known is crossed by every price.
2. Together the moved stops are never more than the position.  If one alone is more, as a partial
   exit leaves it, it is made as small while it is moved: nearer to the market it would sooner fill,
   and turn the position around.
3. A stop that riskwarden placed says in its tag whose it is, for as long as it works.  It may be
   there for that very position, on its losing side, for no more contracts than the trader's own
   stops leave uncovered.  Whatever else it is, it goes: an orphan would open a position.
   That is judged from the broker's own list alone, so neither an answer that never came nor a
   restart can hide one.
4. A broker's trailing stop moves by itself, and a suspended bracket waits for its entry: they
   protect, and are left alone.  So is a stop that is being filled.
"""

from collections.abc import Iterator

from actors.model.deeds import Cancel, Move, Place
from actors.model.protection import covers, protection, protects
from protocol.account_facts import OrderSeen, OrderStatus, OrderType, Side
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Goal
from protocol.units import ContractId, OrderId, PositionId, Price

OWN = "riskwarden-stop-"
"""How the tag of every stop begins that riskwarden placed; the position and a number follow."""
MOVABLE_TYPES = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
MOVABLE_STATUSES = frozenset({OrderStatus.OPEN, OrderStatus.PENDING})


def tag_of(position_id: PositionId, serial: int) -> str:
    """Return the tag of a stop that is about to be placed for a position."""
    return f"{OWN}{position_id}-{serial}"


def is_own(order: OrderSeen) -> bool:
    """Tell whether riskwarden placed an order."""
    return order.tag is not None and order.tag.startswith(OWN)


def placed_for(tag: str, position_id: PositionId) -> bool:
    """Tell whether a tag is that of a stop for this position."""
    return tag.startswith(f"{OWN}{position_id}-")


def stop_side(holding: Holding) -> Side:
    """Return the side of a position's stops."""
    return Side.SELL if holding.size > 0 else Side.BUY


def away(holding: Holding, ticks: int, tick: Price) -> Price:
    """Return the stop so many ticks from a position's entry, rounded away from the market."""
    if holding.size > 0:
        exact = holding.average - ticks * tick
        return Price(exact - exact % tick)
    exact = holding.average + ticks * tick
    return Price(exact + -exact % tick)


def about(aim: Aim, stop: Price, holding: Holding) -> Goal:
    """Return a goal about the stops of this very position."""
    return Goal(
        aim=aim,
        contract_id=holding.contract_id,
        position_id=holding.position_id,
        side=stop_side(holding),
        stop=stop,
    )


def meant(goal: Goal, view: BookView) -> Holding | None:
    """Return the position that a goal is about, if it is still that one, on that side."""
    holding = None if goal.contract_id is None else view.holding(goal.contract_id)
    if holding is None or holding.position_id != goal.position_id:
        return None
    return holding if stop_side(holding) is goal.side else None


def is_tighter(one: Price, other: Price, holding: Holding) -> bool:
    """Tell whether a stop's price is nearer to the market than another."""
    return one > other if holding.size > 0 else one < other


def is_clear(stop: Price, holding: Holding) -> bool:
    """Tell whether a stop lies beyond the market by a tick at least, as far as that is known."""
    if holding.mark is None or holding.instrument is None:
        return False
    away = holding.mark - stop if holding.size > 0 else stop - holding.mark
    return away >= holding.instrument.tick_size


def is_movable(order: OrderSeen) -> bool:
    """Tell whether an order can be moved: it works, whole, at a price."""
    return (
        order.type in MOVABLE_TYPES
        and order.status in MOVABLE_STATUSES
        and order.stop_price is not None
        and not order.filled
    )


def loose(view: BookView, holding: Holding, stop: Price) -> Iterator[tuple[OrderSeen, Price, int]]:
    """Return each stop that is to be moved to this price, where it is, and its size there.

    The tightest count first: what they cover needs no second stop that close.
    """
    working = {order.order_id: order for order in view.orders}
    ours = (
        order
        for order in view.orders
        if order.account_id == view.account_id and protects(order, holding)
    )
    left = abs(holding.size)
    for order in sorted(ours, key=lambda one: _tightness(one, holding)):
        price, covered = order.stop_price, covers(order, working)
        if left <= 0:
            return
        if price is not None and is_movable(order) and is_tighter(stop, price, holding):
            yield order, price, min(covered, left)
        left -= covered


def _tightness(order: OrderSeen, holding: Holding) -> tuple[bool, int, OrderId]:
    """Rank a stop: the one nearest to the market first; one without a price may be that near."""
    price = order.stop_price
    nearness = 0 if price is None else -price if holding.size > 0 else price
    return (price is not None, nearness, order.order_id)


def moves(goal: Goal, view: BookView, *, yields: bool = False) -> tuple[Move, ...]:
    """Return what brings a position's stops to where a goal wants them."""
    holding = meant(goal, view)
    if holding is None or goal.stop is None:
        return ()
    found: list[Move] = []
    for order, price, size in loose(view, holding, goal.stop):
        limit = None
        if order.type is OrderType.STOP_LIMIT and order.limit_price is not None:
            limit = Price(order.limit_price + goal.stop - price)
        smaller = size if size < order.size else None
        found.append(
            Move(order.contract_id, order.order_id, goal.stop, limit, smaller, yields=yields)
        )
    return tuple(found)


def uncovered(goal: Goal, view: BookView) -> int:
    """Return how many contracts of the position that a goal is about have no stop."""
    holding = meant(goal, view)
    if holding is None:
        return 0
    found = protection(view, holding)
    return found.size - found.covered


def placing(goal: Goal, view: BookView, *, yields: bool = False) -> tuple[Place, ...]:
    """Return the stop that a goal lacks, if the market leaves room for it."""
    holding, size = meant(goal, view), uncovered(goal, view)
    if holding is None or goal.stop is None or not size or not is_clear(goal.stop, holding):
        return ()
    side, where = stop_side(holding), holding.contract_id
    return (Place(where, holding.position_id, side, size, goal.stop, yields),)


def misfits(view: BookView) -> tuple[Cancel | Move, ...]:
    """Return what takes back or makes smaller the stops of ours that there is no need for."""
    own = [order for order in view.orders if is_own(order)]
    found: list[Cancel | Move] = []
    for contract_id in dict.fromkeys(order.contract_id for order in own):
        left = room(view, contract_id)
        for order in own:
            if order.contract_id != contract_id:
                continue
            rest = order.size - order.filled
            fits = min(rest, left) if _belongs(order, view.holding(contract_id)) else 0
            left -= fits
            if fits < rest and order.status is not OrderStatus.PENDING_CANCELLATION:
                found.append(
                    Move(contract_id, order.order_id, None, None, order.filled + fits)
                    if fits
                    else Cancel(contract_id, order.order_id)
                )
    return tuple(found)


def room(view: BookView, contract_id: ContractId) -> int:
    """Return how many contracts of a position the trader's own stops leave uncovered."""
    holding = view.holding(contract_id)
    if holding is None:
        return 0
    working = {order.order_id: order for order in view.orders}
    theirs = sum(
        covers(order, working)
        for order in view.orders
        if order.account_id == view.account_id and not is_own(order) and protects(order, holding)
    )
    return max(0, abs(holding.size) - theirs)


def _belongs(order: OrderSeen, holding: Holding | None) -> bool:
    return (
        holding is not None
        and order.side is stop_side(holding)
        and order.tag is not None
        and placed_for(order.tag, holding.position_id)
    )
