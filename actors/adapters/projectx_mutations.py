"""The three deeds, as requests, and what their answers mean.

Accepted and refused are the Gateway's own words.  Everything else is uncertain: the deed may have
been done, and only a read of truth can tell.
"""

from actors.adapters.projectx_answers import Refusal, accepted
from actors.adapters.projectx_rest import Rest
from protocol.answers import Answered, Outcome
from protocol.commands import CancelOrder, CloseContract, Mutation, PartialClose

CLOSE, PARTIAL, CANCEL = (
    "Position/closeContract",
    "Position/partialCloseContract",
    "Order/cancel",
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


async def perform(rest: Rest, command: Mutation) -> Answered:
    """Send a deed once, and say what is known of it."""
    endpoint, body = request(command)
    why = ""
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
