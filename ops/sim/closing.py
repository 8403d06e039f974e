"""Position/closeContract and partialCloseContract: refusals, then one market order.

Neither touches resting orders.  The two endpoints number their refusals differently from 5 on.
"""

from ops.sim import placing
from ops.sim.book import Book
from ops.sim.model import LIVE, Account, Order, OrderType, Outcome

ACCOUNT_NOT_FOUND, POSITION_NOT_FOUND, CONTRACT_NOT_FOUND, CONTRACT_NOT_ACTIVE = 1, 2, 3, 4
PARTIAL_INVALID_SIZE = 5
ORDER_PENDING = 6
ACCOUNT_REJECTED = 8


def close(
    book: Book, account_id: int, contract_id: str, size: int | None, now: int, *, by_api: bool
) -> Outcome:
    """Close a position, or `size` of it."""
    shift = 0 if size is None else 1
    account = book.accounts.get(account_id)
    if account is None:
        return Outcome(code=ACCOUNT_NOT_FOUND, message="Account not found.")
    contract = book.contracts.get(contract_id)
    if contract is None:
        return Outcome(code=CONTRACT_NOT_FOUND, message="Contract not found.")
    if by_api and _refuses(book, account):
        return Outcome(code=ACCOUNT_REJECTED + shift, message="Account rejected.")
    held = book.positions.get((account_id, contract_id))
    if held is None:
        return Outcome(code=POSITION_NOT_FOUND, message="Position not found.")
    if not contract.active:
        return Outcome(code=CONTRACT_NOT_ACTIVE, message="Contract is not active.")
    if size is not None and not 0 < size <= held.size:
        return Outcome(code=PARTIAL_INVALID_SIZE, message="Invalid close size.")
    if book.switches.close_while_pending == "refuse" and _pending(book, account_id, contract_id):
        return Outcome(code=ORDER_PENDING + shift, message="A closing order is pending.")
    placing.closing_order(book, held, size or held.size, now)
    return Outcome()


def _refuses(book: Book, account: Account) -> bool:
    if account.follower and book.switches.follower_close == "refuse":
        return True
    return not account.can_trade and book.switches.untradable_close == "refuse"


def _pending(book: Book, account_id: int, contract_id: str) -> bool:
    return any(
        order.account_id == account_id and order.type is OrderType.MARKET and order.status in LIVE
        for order in book.live(contract_id)
    )


def overtaken(book: Book, order: Order) -> bool:
    """Say whether a delayed close has nothing left to close; shrink it to what is left."""
    if not order.closes or book.switches.close_while_pending == "overshoot":
        return False
    held = book.positions.get((order.account_id, order.contract_id))
    if held is None or held.side is order.side:
        return True
    order.size = min(order.size, held.size)
    return False
