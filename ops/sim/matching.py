"""Decide when a working order fills, at what price and in how many pieces.

A resting limit order fills at its price, a marketable one at the market.  A stop fills at its stop
price without slip (observed), or at the market when `stop_slip` is "gap".  Siblings follow a fill.
"""

from decimal import Decimal

from ops.sim import brackets, fills
from ops.sim.book import Book
from ops.sim.model import LIVE, Order, OrderType, Side, Status

STOPS = frozenset({OrderType.STOP, OrderType.TRAILING_STOP, OrderType.STOP_LIMIT})
JOINS = frozenset({OrderType.JOIN_BID, OrderType.JOIN_ASK})


def reached(side: Side, price: Decimal, last: Decimal) -> bool:
    """Say whether a stop at this price is triggered by the last price."""
    return last >= price if side is Side.BUY else last <= price


def marketable(side: Side, price: Decimal, last: Decimal) -> bool:
    """Say whether a limit at this price can trade at the last price."""
    return last <= price if side is Side.BUY else last >= price


def sweep(book: Book, contract_id: str, now: int) -> None:
    """Let every live order of a contract see the new price, oldest first."""
    for order in book.live(contract_id):
        if order.status in LIVE and order.type is not OrderType.MARKET:
            attempt(book, order, now, resting=True)


def attempt(book: Book, order: Order, now: int, *, resting: bool) -> None:
    """Fill an order if the market allows it."""
    last = book.markets[order.contract_id].last
    if order.type is OrderType.TRAILING_STOP:
        _trail(book, order, last, now)
    if order.type in STOPS and not order.triggered:
        if order.stop is None or not reached(order.side, order.stop, last):
            return
        order.triggered = True
        if order.type is not OrderType.STOP_LIMIT:
            fill(book, order, _stop_price(book, order), now)
            return
        resting = False
    if order.limit is not None and order.type is not OrderType.MARKET:
        if marketable(order.side, order.limit, last):
            price = order.limit if resting else book.market_price(order.contract_id, order.side)
            fill(book, order, price, now)
        return
    fill(book, order, book.market_price(order.contract_id, order.side), now)


def fill(book: Book, order: Order, price: Decimal, now: int) -> None:
    """Fill the rest of an order, in one piece or as its chunks say."""
    if order.type in STOPS and book.switches.stop_trigger == "becomes_market":
        order.type, order.stop, order.trail = OrderType.MARKET, None, None
        order.status, order.updated_ns = Status.PENDING, now
        book.tell_order(order)
    for quantity in _pieces(book, order):
        if order.status in LIVE:
            fill_piece(book, order, quantity, price, now)


def fill_piece(book: Book, order: Order, quantity: int, price: Decimal, now: int) -> None:
    """Fill some of an order: order message, cancelled siblings, trades, position, account."""
    quantity = min(quantity, order.rest)
    order.filled += quantity
    order.filled_value += price * quantity
    order.status = Status.OPEN if order.rest else Status.FILLED
    order.updated_ns = now
    book.tell_order(order)
    brackets.cancel_sibling(book, order, now)
    before = book.positions.get((order.account_id, order.contract_id))
    if before and before.side is not order.side and before.size <= quantity:
        brackets.position_gone(book, order, now)
    fills.execute(book, order, quantity, price, now)
    brackets.activate(book, order, now)


def _pieces(book: Book, order: Order) -> list[int]:
    if order.chunks:
        return list(order.chunks)
    most = book.switches.fill_chunk_max or order.rest
    full, rest = divmod(order.rest, most)
    return [most] * full + ([rest] if rest else [])


def _stop_price(book: Book, order: Order) -> Decimal:
    market = book.market_price(order.contract_id, order.side)
    if order.stop is None or book.switches.stop_slip == "gap":
        return market
    return order.stop


def _trail(book: Book, order: Order, last: Decimal, now: int) -> None:
    if order.trail is None or order.stop is None:
        return
    ahead = last + order.trail * order.side.sign
    better = ahead < order.stop if order.side is Side.BUY else ahead > order.stop
    if better:
        order.stop, order.updated_ns = ahead, now
        book.tell_order(order)
