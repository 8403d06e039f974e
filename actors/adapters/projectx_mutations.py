"""The five deeds, as requests, and what their answers mean.

Accepted and refused are the Gateway's own words.  Everything else is uncertain: the deed may have
been done, and only a read of truth can tell.
"""

from actors.adapters.projectx_answers import Refusal, accepted
from actors.adapters.projectx_rest import Rest
from actors.model.budget import spare
from protocol.account_facts import OrderType
from protocol.answers import RESERVED, Answered, Outcome
from protocol.commands import (
    CancelOrder,
    CloseContract,
    ModifyOrder,
    Mutation,
    PartialClose,
    PlaceStop,
)
from protocol.units import PRICE, Price

CLOSE, PARTIAL, CANCEL, MODIFY, PLACE = (
    "Position/closeContract",
    "Position/partialCloseContract",
    "Order/cancel",
    "Order/modify",
    "Order/place",
)
NAMES: dict[str, tuple[str, ...]] = {
    CLOSE: (
        *("Success", "AccountNotFound", "PositionNotFound", "ContractNotFound"),
        *("ContractNotActive", "OrderRejected", "OrderPending", "UnknownError", "AccountRejected"),
    ),
    PARTIAL: (
        *("Success", "AccountNotFound", "PositionNotFound", "ContractNotFound"),
        *("ContractNotActive", "InvalidCloseSize", "OrderRejected", "OrderPending"),
        *("UnknownError", "AccountRejected"),
    ),
    CANCEL: (
        *("Success", "AccountNotFound", "OrderNotFound", "Rejected", "Pending"),
        *("UnknownError", "AccountRejected"),
    ),
    MODIFY: (
        *("Success", "AccountNotFound", "OrderNotFound", "Rejected", "Pending"),
        *("UnknownError", "AccountRejected", "ContractNotFound"),
    ),
    PLACE: (
        *("Success", "AccountNotFound", "OrderRejected", "InsufficientFunds", "AccountViolation"),
        *("OutsideTradingHours", "OrderPending", "UnknownError", "ContractNotFound"),
        *("ContractNotActive", "AccountRejected"),
    ),
}
"""The Gateway's names of its error codes, by endpoint."""


def request(command: Mutation) -> tuple[str, dict[str, object]]:
    """Return the endpoint and the body of a deed; the account is always named."""
    match command:
        case CloseContract():
            return CLOSE, {"accountId": command.account_id, "contractId": command.contract_id}
        case PartialClose():
            body: dict[str, object] = {
                "accountId": command.account_id,
                "contractId": command.contract_id,
                "size": command.size,
            }
            return PARTIAL, body
        case CancelOrder():
            return CANCEL, {"accountId": command.account_id, "orderId": command.order_id}
        case ModifyOrder():
            return MODIFY, changes(command)
        case PlaceStop():
            body = {
                "accountId": command.account_id,
                "contractId": command.contract_id,
                "type": int(OrderType.STOP),
                "side": int(command.side),
                "size": command.size,
                "stopPrice": number(command.stop_price),
                "customTag": command.tag,
            }
            return PLACE, body


def changes(command: ModifyOrder) -> dict[str, object]:
    """Return the body of a modification: only what changes is named."""
    body: dict[str, object] = {"accountId": command.account_id, "orderId": command.order_id}
    if command.stop_price is not None:
        body["stopPrice"] = number(command.stop_price)
    if command.limit_price is not None:
        body["limitPrice"] = number(command.limit_price)
    if command.size is not None:
        body["size"] = command.size
    return body


def number(price: Price) -> float:
    """Return a price on the grid as JSON writes it: the nearest double prints as the same."""
    return price / PRICE


async def perform(rest: Rest, command: Mutation) -> Answered:
    """Send a deed once, and say what is known of it."""
    endpoint, body = request(command)
    why = ""
    yields = isinstance(command, ModifyOrder | PlaceStop) and command.yields
    closes = isinstance(command, CloseContract | PartialClose)
    waits = yields and not spare(rest.meter.spent())
    if waits or not rest.turns.take(command.account_id, command.claim, closes=closes):
        return Answered(
            command_id=command.command_id,
            account_id=command.account_id,
            outcome=Outcome.REFUSED,
            why=RESERVED,
        )
    try:
        accepted(endpoint, await rest.send(endpoint, body))
        outcome = Outcome.ACCEPTED
    except Refusal as error:
        outcome = Outcome.REFUSED
        names = NAMES[endpoint]
        known = 0 < error.code < len(names)
        why = f"{names[error.code]}: {rest.why(error)}" if known else rest.why(error)
    except Exception as error:  # noqa: BLE001  (whatever it was, the deed may have been done)
        outcome, why = Outcome.UNCERTAIN, rest.why(error)
    return Answered(
        command_id=command.command_id, account_id=command.account_id, outcome=outcome, why=why
    )
