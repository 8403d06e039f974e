"""Turn what the Gateway sends into messages: pure, strict, and never an exception.

Theory: a payload comes in envelopes (a list, `{action, data}`, `{contract_id, data}`), in any
nesting that was ever observed or documented.  `hub` takes them off, remembers what they said (the
action, the contract), and hands each bare object to the one function that reads its kind.  An
object that cannot be read exactly becomes `Refused`: the desk then knows that it does not know.
"""

from collections.abc import Callable, Iterator
from typing import Any

from actors.adapters import decode_account, decode_market
from actors.adapters.decode_fields import Odd, Raw, account_id, sample
from protocol.account_facts import (
    AccountSeen,
    Instrument,
    Listing,
    OrderSeen,
    PositionSeen,
    TradeSeen,
)
from protocol.answers import RefusalReason, Refused
from protocol.message import Message
from protocol.units import AccountId

SHAPE = RefusalReason.SHAPE
ADDED_OR_CHANGED = (0, 1)
REMOVED = 2
ENVELOPES_MAX = 4
"""How many envelopes one object may wear: two are known."""
OBJECTS_MAX = 5_000
"""How many objects one payload may hold: a snapshot of every order of the day, and then some."""


def hub(event: str, payload: object) -> Message | tuple[Message, ...]:
    """Return the message in a hub's payload, or a tuple of them when the payload is a list."""
    if event == "quote_update" and type(payload) is dict:
        data = payload.get("data")
        if type(data) is dict and "action" not in data:  # nearly every message there is
            return _read_quote(data, payload.get("contract_id"))
    found = tuple(_unwrapped(event, payload, removed=False, contract=None, depth=0))
    if not found:
        return _refused(event, payload, "an empty list", SHAPE)
    return found[0] if len(found) == 1 and not isinstance(payload, list | tuple) else found


def _unwrapped(
    event: str, payload: object, *, removed: bool, contract: object, depth: int
) -> Iterator[Message]:
    """Take one envelope off, or read the object that wears none."""
    if depth > ENVELOPES_MAX:
        yield _refused(event, payload, "too many envelopes", SHAPE)
    elif isinstance(payload, list | tuple):
        yield from _listed(event, payload, removed=removed, contract=contract, depth=depth)
    elif not isinstance(payload, dict):
        yield _refused(event, payload, f"{sample(payload)} is not an object", SHAPE)
    elif "data" in payload and "id" not in payload:
        action = payload.get("action", ADDED_OR_CHANGED[0])
        if type(action) is not int or action not in (*ADDED_OR_CHANGED, REMOVED):
            yield _refused(event, payload["data"], f"action is {sample(action)}", SHAPE)
            return
        yield from _unwrapped(
            event,
            payload["data"],
            removed=removed or action == REMOVED,
            contract=payload.get("contract_id", contract),
            depth=depth + 1,
        )
    else:
        yield _read(event, payload, removed=removed, contract=contract)


def _listed(
    event: str, payload: list[Any] | tuple[Any, ...], *, removed: bool, contract: object, depth: int
) -> Iterator[Message]:
    """Read each object of a list; `[contract, object]` is the market hub's way to say one."""
    if len(payload) > OBJECTS_MAX:
        yield _refused(event, payload, "too many objects at once", SHAPE)
        return
    if event == "quote_update" and payload and isinstance(payload[0], str):
        contract, payload = payload[0], payload[1:]
    for each in payload:
        yield from _unwrapped(event, each, removed=removed, contract=contract, depth=depth + 1)


def _read(event: str, row: Raw, *, removed: bool, contract: object) -> Message:
    if event == "quote_update":
        return _read_quote(row, contract)
    try:
        match event:
            case "account_update":
                return decode_account.account(row)
            case "position_update":
                return decode_account.position(row, removed=removed)
            case "order_update":
                return decode_account.order(row, removed=removed)
            case "trade_execution":
                return decode_account.trade(row, removed=removed)
            case _:
                why = "an event nobody subscribed to"
                return _refused(event, row, why, RefusalReason.EVENT)
    except Odd as error:
        return _refused(event, row, str(error))


def _read_quote(row: Raw, contract: object) -> Message:
    try:
        return decode_market.quote(row, contract)
    except Odd as error:
        return _refused("quote_update", row, str(error))


def _refused(
    event: str, payload: object, why: str, reason: RefusalReason = RefusalReason.FIELD
) -> Refused:
    return Refused(
        account_id=_readable_account(event, payload),
        event=sample(event)[1:-1],
        why=why,
        reason=reason,
    )


def _readable_account(event: str, payload: object) -> AccountId | None:
    """Name the account that the rest of the object is about, if that much can be read."""
    if not isinstance(payload, dict):
        return None
    try:
        return account_id(payload, "id" if event in {"account", "account_update"} else "accountId")
    except Odd:
        return None


def _rest[T](what: str, row: object, read: Callable[[Raw], T]) -> T | Refused:
    if not isinstance(row, dict):
        return _refused(what, row, f"{sample(row)} is not an object", SHAPE)
    try:
        return read(row)
    except Odd as error:
        return _refused(what, row, str(error))


def account(row: object) -> AccountSeen | Refused:
    """Read a row of Account/search; here an account has a name."""
    seen = _rest("account", row, decode_account.account)
    if isinstance(seen, AccountSeen) and not seen.name:
        return Refused(account_id=seen.account_id, event="account", why="name is missing")
    return seen


def position(row: object) -> PositionSeen | Refused:
    """Read a row of Position/searchOpen; one that both is and is not open is refused."""
    seen = _rest("position", row, decode_account.position)
    if (
        isinstance(seen, PositionSeen)
        and seen.size == 0
        and isinstance(row, dict)
        and row.get("size")
    ):
        return Refused(account_id=seen.account_id, event="position", why="type 0 yet not empty")
    return seen


def order(row: object) -> OrderSeen | Refused:
    """Read a row of Order/v2/query."""
    return _rest("order", row, decode_account.order)


def trade(row: object) -> TradeSeen | Refused:
    """Read a row of Trade/search."""
    return _rest("trade", row, decode_account.trade)


def instrument(row: object) -> Instrument | Refused:
    """Read the record of Contract/searchById."""
    return _rest("instrument", row, decode_account.instrument)


def listing(row: object) -> Listing | Refused:
    """Read a row of Contract/search or Contract/available."""
    return _rest("contract", row, decode_account.listing)
