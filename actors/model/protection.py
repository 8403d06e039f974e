"""Which working orders protect a position: which would take it off as it loses.

1. By side and kind: an order of the same account and contract, on the opposite side, that waits
   for a price to be reached against the position: a stop, a stop-limit or a trailing stop.  A stop
   on the position's own side is an entry, and a limit is a target or an entry.
2. By status: open, pending, or suspended, which is a bracket that waits for its entry.  An order
   whose cancellation is under way protects no more.
3. By price: on the losing side of the market or of the average price.  So a stop that has been
   drawn into the profit counts, and one that the market has just run over, for it is on its way
   to a fill.  A price that is not known speaks against no order: unknown is never none, and the
   broker itself takes no sell stop above its market.
4. By size: what is left of it.  Of a bracket whose entry still works, no more than has been filled
   of that entry: the rest of it protects contracts that are not there yet.
"""

from typing import Final

import msgspec

from protocol.account_facts import OrderSeen, OrderStatus, OrderType, Side
from protocol.book import BookView, Holding
from protocol.units import OrderId

PROTECTING_TYPES: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
PROTECTING_STATUSES: Final = frozenset(
    {OrderStatus.OPEN, OrderStatus.PENDING, OrderStatus.SUSPENDED}
)


class Protection(msgspec.Struct, frozen=True):
    """How many contracts there are, how many of them are covered, and by which orders."""

    size: int
    covered: int
    orders: tuple[OrderId, ...]

    def suffices(self, *, full_coverage: bool) -> bool:
        """Tell whether this protects the position: all of it, or at least some."""
        return self.covered >= self.size if full_coverage else self.covered > 0


def protection(view: BookView, holding: Holding) -> Protection:
    """Return how a position of this view is protected."""
    working = {order.order_id: order for order in view.orders}
    found = {
        order.order_id: covers(order, working)
        for order in view.orders
        if order.account_id == view.account_id and protects(order, holding)
    }
    size = abs(holding.size)
    orders = tuple(sorted(key for key, covered in found.items() if covered))
    return Protection(size, min(size, sum(found.values())), orders)


def protects(order: OrderSeen, holding: Holding) -> bool:
    """Tell whether an order is one that takes this position off as it loses."""
    return (
        order.contract_id == holding.contract_id
        and against(order, holding.size)
        and order.type in PROTECTING_TYPES
        and order.status in PROTECTING_STATUSES
        and loses(order, holding)
    )


def against(order: OrderSeen, size: int) -> bool:
    """Tell whether an order is on the other side of a position of this signed size."""
    return size != 0 and (order.side is Side.SELL) == (size > 0)


def loses(order: OrderSeen, holding: Holding) -> bool:
    """Tell whether a stop lies where the position loses, as far as prices are known."""
    if order.stop_price is None or holding.mark is None:
        return True
    if holding.size > 0:
        return order.stop_price < max(holding.mark, holding.average)
    return order.stop_price > min(holding.mark, holding.average)


def covers(order: OrderSeen, working: dict[OrderId, OrderSeen]) -> int:
    """Return how many contracts an order would take off."""
    left = max(0, order.size - order.filled)
    entry = None if order.parent_id is None else working.get(order.parent_id)
    if order.status is not OrderStatus.SUSPENDED or entry is None:
        return left
    return min(left, entry.filled)
