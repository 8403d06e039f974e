"""Turn an execution into a trade, a position and a balance.

P&L belongs to the half-turn that closes; an opening half-turn has none, only costs.  A fill that
reverses a position is two half-turns.
"""

from decimal import Decimal

from ops.sim.book import Book
from ops.sim.model import Order, Position, Side, Trade

CENT = Decimal("0.01")


def execute(book: Book, order: Order, quantity: int, price: Decimal, now: int) -> None:
    """Book the half-turns of one execution; tell trades, position and account, in this order."""
    key = (order.account_id, order.contract_id)
    held = book.positions.get(key)
    closing = min(quantity, held.size) if held and held.side is not order.side else 0
    opening = quantity - closing
    if held is not None and closing:
        _close(book, order, held, closing, price=price, now=now)
    if opening:
        _trade(book, order, opening, price, pnl=None, now=now)
    if held is not None and closing:
        _after_close(book, held, closing, reverses=opening > 0)
    if opening:
        _open(book, order, opening, price, now, flipped=held if closing else None)
    book.tell_account(book.accounts[order.account_id])


def profit(book: Book, held: Position, quantity: int, price: Decimal) -> Decimal:
    """Return the P&L of closing a quantity of a position, to the cent."""
    entry = held.cost if quantity == held.size else held.cost * quantity / held.size
    points = (price * quantity - entry) * held.side.sign
    return (points * book.contracts[held.contract_id].point_value).quantize(CENT)


def _close(
    book: Book, order: Order, held: Position, quantity: int, *, price: Decimal, now: int
) -> None:
    pnl = profit(book, held, quantity, price)
    book.accounts[order.account_id].balance += pnl
    _trade(book, order, quantity, price, pnl=pnl, now=now)


def _after_close(book: Book, held: Position, quantity: int, *, reverses: bool) -> None:
    if quantity < held.size:
        held.cost -= held.cost * quantity / held.size
        held.size -= quantity
        book.tell_position(held)
        return
    del book.positions[held.account_id, held.contract_id]
    if not reverses or book.switches.reversal == "two":
        book.tell_flat(held)


def _open(
    book: Book,
    order: Order,
    quantity: int,
    price: Decimal,
    now: int,
    *,
    flipped: Position | None,
) -> None:
    key = (order.account_id, order.contract_id)
    held = book.positions.get(key)
    if held is None:
        same = flipped is not None and book.switches.reversal == "same_id"
        held = Position(
            position_id=flipped.position_id if flipped and same else book.position_id(),
            account_id=order.account_id,
            contract_id=order.contract_id,
            created_ns=now,
            side=order.side,
            size=0,
            cost=Decimal(0),
        )
        book.positions[key] = held
    held.cost += price * quantity
    held.size += quantity
    book.tell_position(held)


def _trade(
    book: Book, order: Order, quantity: int, price: Decimal, *, pnl: Decimal | None, now: int
) -> None:
    trade = Trade(
        trade_id=book.trade_id(),
        account_id=order.account_id,
        contract_id=order.contract_id,
        order_id=order.order_id,
        created_ns=now,
        price=price,
        side=order.side,
        size=quantity,
        fees=book.switches.fees_per_side * quantity,
        commissions=(book.switches.commissions_per_side or Decimal(0)) * quantity,
        pnl=pnl,
    )
    book.trades[trade.trade_id] = trade
    book.accounts[order.account_id].balance -= trade.fees + trade.commissions
    book.tell_trade(trade)


def void(book: Book, trade: Trade) -> None:
    """Take a trade back: its P&L and costs leave the balance, the position stays."""
    trade.voided = True
    account = book.accounts[trade.account_id]
    account.balance += trade.fees + trade.commissions - (trade.pnl or 0)
    book.tell_trade(trade)
    book.tell_account(account)


def opposite(position: Position) -> Side:
    """Return the side that closes a position."""
    return position.side.other
