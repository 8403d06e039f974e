"""Who hears what, and with which figures: the way of a message from outside to its actor."""

from collections.abc import Container

from msgspec.structs import replace

from protocol.answers import (
    AccountsFailed,
    AccountsRead,
    Answered,
    HubsLost,
    HubsOpened,
    LoggedIn,
    LoginFailed,
    Refused,
)
from protocol.market_facts import QuoteSeen
from protocol.message import Message
from protocol.units import AccountId

QUOTES = "quote_update"


def desk_actor(message: Message) -> str | None:
    """Return the desk's own actor that a message is for; None if it is an account's."""
    match message:
        case QuoteSeen():
            return "market_data"
        case (
            LoggedIn()
            | LoginFailed()
            | AccountsRead()
            | AccountsFailed()
            | HubsOpened()
            | HubsLost()
        ):
            return "gateway"
        case Refused(account_id=None, event=event) if event != QUOTES:
            return "gateway"  # whose it was cannot be told: all are read again
        case _:
            return None


def priced(message: Message, spent: int) -> Message:
    """Return a message with what the login's last minute has spent, where somebody plans by it."""
    if isinstance(message, AccountsFailed | AccountsRead | Answered | HubsOpened | LoggedIn):
        return replace(message, spent=spent)
    return message


def account_actor(account_id: AccountId | None, alive: Container[str]) -> str:
    """Return who takes an account's messages: the account, or its last resort."""
    path = f"account/{account_id}"
    resort = f"{path}/last_resort"
    return resort if resort in alive else path
