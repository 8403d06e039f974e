"""Keep an entry's stop and target: asleep until it fills, then one cancels the other."""

from decimal import Decimal

from ops.sim.book import Book
from ops.sim.model import LIVE, WORKING, Due, Order, OrderType, Status


def add(
    book: Book, parent: Order, ticks: int, kind: OrderType, *, suffix: str, linked: int | None
) -> Order:
    """Create one suspended child, `ticks` of profit (of loss, if negative) away from the entry."""
    child = Order(
        order_id=book.order_id(),
        account_id=parent.account_id,
        contract_id=parent.contract_id,
        symbol_id=parent.symbol_id,
        type=kind,
        side=parent.side.other,
        size=parent.size,
        created_ns=parent.created_ns,
        updated_ns=parent.created_ns,
        status=Status.SUSPENDED,
        tag=f"{parent.tag or parent.order_id}{suffix}",
        parent_id=parent.order_id,
        linked_id=linked,
        bracket_ticks=ticks,
    )
    reference = parent.limit or parent.stop or book.markets[parent.contract_id].last
    _price(book, child, reference, parent)
    book.tell_order(child)
    return child


def _price(book: Book, child: Order, reference: Decimal, parent: Order) -> None:
    tick = book.contracts[child.contract_id].tick_size
    level = (reference / tick).to_integral_value() * tick
    level += tick * child.bracket_ticks * parent.side.sign
    if child.type is OrderType.LIMIT:
        child.limit = level
        return
    child.stop = level
    if child.type is OrderType.TRAILING_STOP:
        child.trail = tick * abs(child.bracket_ticks)


def activate(book: Book, parent: Order, now: int) -> None:
    """Wake the children of an entry that has filled, for as much as has filled."""
    woken = book.children(parent.order_id)
    for child in woken:
        if child.status is Status.SUSPENDED:
            _price(book, child, parent.filled_value / parent.filled, parent)
        child.size = parent.filled
        child.status = Status.OPEN
        child.updated_ns = now
        book.tell_order(child)
    held = book.positions.get((parent.account_id, parent.contract_id))
    if woken and held and book.switches.resend_position_on_bracket:
        book.tell_position(held)


def cancel(book: Book, order: Order, now: int) -> None:
    """Cancel one order, and the children it will never wake."""
    order.status = Status.CANCELLED
    order.updated_ns = now
    book.tell_order(order)
    for child in book.children(order.order_id):
        if child.status is Status.SUSPENDED:
            cancel(book, child, now)


def cancel_sibling(book: Book, order: Order, now: int) -> None:
    """Cancel the other half of a bracket once one half is filled, if and when the broker does."""
    if order.parent_id is None or order.status is not Status.FILLED:
        return
    for sibling in book.children(order.parent_id):
        if sibling is not order:
            _cancel_as(book, sibling, book.switches.sibling_cancel, now)


def position_gone(book: Book, order: Order, now: int) -> None:
    """Cancel the brackets of a position that goes flat, if the broker does."""
    for other in list(book.working.values()):
        same = (other.account_id, other.contract_id) == (order.account_id, order.contract_id)
        if same and other is not order and other.parent_id is not None and other.status in LIVE:
            _cancel_as(book, other, book.switches.flat_cancels_brackets, now)


def _cancel_as(book: Book, order: Order, how: str, now: int) -> None:
    if how == "auto" and order.status in WORKING:
        cancel(book, order, now)
    elif how == "late":
        delay = book.switches.late_cancel_ms
        book.due.append(Due(delay_ms=delay, order_id=order.order_id, kind="cancel"))
