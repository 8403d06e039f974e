"""Take, change and cancel orders, and close positions, with the Gateway's own refusals.

Codes are per endpoint: the same number means different things in different tables.
"""

from decimal import Decimal
from enum import IntEnum

import msgspec

from ops.sim import brackets, matching
from ops.sim.book import Book
from ops.sim.model import (
    WORKING,
    Account,
    Due,
    Order,
    OrderType,
    Outcome,
    Position,
    Side,
    Status,
)


class Place(IntEnum):
    """Refusals of Order/place."""

    ACCOUNT_NOT_FOUND = 1
    ORDER_REJECTED = 2
    INSUFFICIENT_FUNDS = 3
    ACCOUNT_VIOLATION = 4
    CONTRACT_NOT_FOUND = 8
    CONTRACT_NOT_ACTIVE = 9
    ACCOUNT_REJECTED = 10


class Bracket(msgspec.Struct, frozen=True):
    """A stop or a target asked for with its entry; the sign of the ticks is ignored."""

    ticks: int
    type: OrderType | None = None


class Wish(msgspec.Struct, kw_only=True, rename="camel"):
    """What Order/place is asked for."""

    account_id: int
    contract_id: str
    type: OrderType
    side: Side
    size: int
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    custom_tag: str | None = None
    stop_loss_bracket: Bracket | None = None
    take_profit_bracket: Bracket | None = None


class Change(msgspec.Struct, kw_only=True, rename="camel"):
    """What Order/modify is asked for."""

    account_id: int
    order_id: int
    size: int | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None


def place(book: Book, wish: Wish, now: int, *, by_api: bool, chunks: list[int]) -> Outcome:
    """Accept an order or refuse it; a refused one has an id, too."""
    account = book.accounts.get(wish.account_id)
    if account is None:
        return Outcome(code=Place.ACCOUNT_NOT_FOUND, message="Account not found.")
    if wish.contract_id not in book.contracts:
        return Outcome(code=Place.CONTRACT_NOT_FOUND, message="Contract not found.")
    order = _order(book, wish, now)
    order.chunks = chunks
    refusal = _refusal(book, account, wish, by_api=by_api)
    if refusal is not None:
        order.status = Status.REJECTED
        book.tell_order(order)
        code, message = refusal
        return Outcome(code=code, message=message, order_id=order.order_id)
    _accept(book, order, wish, now)
    return Outcome(order_id=order.order_id)


def _accept(book: Book, order: Order, wish: Wish, now: int) -> None:
    if book.switches.pending_first:
        order.status = Status.PENDING
        book.tell_order(order)
        order.status = Status.OPEN
    book.tell_order(order)
    stop, target = wish.stop_loss_bracket, wish.take_profit_bracket
    stop_id = None
    if stop is not None:
        kind = stop.type or OrderType.STOP
        stop_id = brackets.add(
            book, order, -abs(stop.ticks), kind, suffix="-SL", linked=None
        ).order_id
    if target is not None:
        brackets.add(book, order, abs(target.ticks), OrderType.LIMIT, suffix="-TP", linked=stop_id)
    run(book, order, now)


def run(book: Book, order: Order, now: int) -> None:
    """Let a new order meet the market, at once or after the broker's delay."""
    delay = book.switches.fill_delay_ms
    if delay and order.type is OrderType.MARKET:
        book.due.append(Due(delay_ms=delay, order_id=order.order_id, kind="execute"))
        return
    matching.attempt(book, order, now, resting=False)


def _order(book: Book, wish: Wish, now: int) -> Order:
    market = book.markets[wish.contract_id]
    limit, stop, trail = wish.limit_price, wish.stop_price, None
    if wish.type is OrderType.TRAILING_STOP:
        stop = wish.trail_price if wish.trail_price is not None else stop
        trail = None if stop is None else abs(market.last - stop)
    if wish.type in matching.JOINS:
        limit = market.bid if wish.type is OrderType.JOIN_BID else market.ask
    return Order(
        order_id=book.order_id(),
        account_id=wish.account_id,
        contract_id=wish.contract_id,
        symbol_id=book.contracts[wish.contract_id].symbol_id,
        type=wish.type,
        side=wish.side,
        size=wish.size,
        created_ns=now,
        updated_ns=now,
        limit=limit,
        stop=stop,
        trail=trail,
        tag=wish.custom_tag,
    )


def _refusal(book: Book, account: Account, wish: Wish, *, by_api: bool) -> tuple[int, str] | None:
    if not book.contracts[wish.contract_id].active:
        return Place.CONTRACT_NOT_ACTIVE, "Contract is not active."
    if not account.can_trade:
        return Place.ACCOUNT_VIOLATION, "Account is not permitted to trade."
    if by_api and account.follower:
        return Place.ACCOUNT_REJECTED, "Account is a follower."
    if account.balance <= 0:
        return Place.INSUFFICIENT_FUNDS, "Insufficient funds."
    fault = _fault(wish)
    if fault is not None:
        return Place.ORDER_REJECTED, fault
    if wish.custom_tag is not None:
        if (wish.account_id, wish.custom_tag) in book.tags:
            return Place.ORDER_REJECTED, "Custom tag is already in use."
        book.tags.add((wish.account_id, wish.custom_tag))
    return None


def _fault(wish: Wish) -> str | None:
    if wish.size <= 0:
        return "Invalid order size."
    if wish.type in {OrderType.LIMIT, OrderType.STOP_LIMIT} and wish.limit_price is None:
        return "Limit price is required."
    if wish.type in {OrderType.STOP, OrderType.STOP_LIMIT} and wish.stop_price is None:
        return "Stop price is required."
    prices = (wish.trail_price, wish.stop_price)
    if wish.type is OrderType.TRAILING_STOP and prices == (None, None):
        return "Trail price is required."
    return None


def _shut(account: Account) -> bool:
    return account.follower or not account.simulated


def cancel(book: Book, account_id: int, order_id: int, now: int, *, by_api: bool) -> Outcome:
    """Cancel a working order."""
    account = book.accounts.get(account_id)
    if account is None:
        return Outcome(code=1, message="Account not found.")
    order = book.orders.get(order_id)
    if order is None or order.account_id != account_id:
        return Outcome(code=2, message="Order not found.")
    if by_api and _shut(account):
        return Outcome(code=6, message="Account rejected.")
    if order.status not in WORKING:
        return Outcome(code=3, message=f"Order is {order.status.name.lower()}.")
    brackets.cancel(book, order, now)
    _brackets_changed(book, order)
    return Outcome()


def modify(book: Book, change: Change, now: int, *, by_api: bool) -> Outcome:
    """Change a working order, without asking whether the change is sane."""
    account = book.accounts.get(change.account_id)
    if account is None:
        return Outcome(code=1, message="Account not found.")
    order = book.orders.get(change.order_id)
    if order is None or order.account_id != change.account_id:
        return Outcome(code=2, message="Order not found.")
    if by_api and _shut(account):
        return Outcome(code=6, message="Account rejected.")
    if order.status not in WORKING or (change.size is not None and change.size <= order.filled):
        return Outcome(code=3, message="Order cannot be modified.")
    _apply(book, order, change)
    order.updated_ns = now
    book.tell_order(order)
    _brackets_changed(book, order)
    if order.status is not Status.SUSPENDED and order.type is not OrderType.MARKET:
        matching.attempt(book, order, now, resting=False)
    return Outcome()


def _apply(book: Book, order: Order, change: Change) -> None:
    order.size = order.size if change.size is None else change.size
    order.limit = order.limit if change.limit_price is None else change.limit_price
    order.stop = order.stop if change.stop_price is None else change.stop_price
    if order.type is OrderType.TRAILING_STOP and change.trail_price is not None:
        order.stop = change.trail_price
        order.trail = abs(book.markets[order.contract_id].last - change.trail_price)


def _brackets_changed(book: Book, order: Order) -> None:
    held = book.positions.get((order.account_id, order.contract_id))
    if held and held.side is not order.side and book.switches.resend_position_on_bracket:
        book.tell_position(held)


def closing_order(book: Book, held: Position, size: int, now: int) -> Order:
    """Create the market order with which the broker closes; it has no tag."""
    order = Order(
        order_id=book.order_id(),
        account_id=held.account_id,
        contract_id=held.contract_id,
        symbol_id=book.contracts[held.contract_id].symbol_id,
        type=OrderType.MARKET,
        side=held.side.other,
        size=size,
        created_ns=now,
        updated_ns=now,
        closes=True,
    )
    book.tell_order(order)
    run(book, order, now)
    return order
