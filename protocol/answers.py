"""What came back from the Gateway: to a command, to a read, and of the connection itself."""

from enum import StrEnum

from protocol.account_facts import (
    AccountSeen,
    Instrument,
    Listing,
    OrderSeen,
    PositionSeen,
    TradeSeen,
)
from protocol.message import Message
from protocol.units import AccountId, ContractId, Nanos


class Outcome(StrEnum):
    """How a mutation ended, as far as the answer tells."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The broker said no: it did nothing."""
    UNCERTAIN = "uncertain"
    """No usable answer: it may have happened.  Read again, never re-send blindly."""


RESERVED = "the minute's requests are kept for what is more urgent"
"""Why something was refused before it left: the Gateway has not been asked, and will not be."""


class Answered(Message, frozen=True, kw_only=True):
    """The answer to one mutation; `spent` counts the requests of the last minute."""

    command_id: str
    account_id: AccountId
    outcome: Outcome
    why: str = ""
    spent: int = 0


class TruthRead(Message, frozen=True, kw_only=True):
    """Broker truth; `trades` None means that they were not asked for."""

    command_id: str
    account_id: AccountId
    positions: tuple[PositionSeen, ...]
    orders: tuple[OrderSeen, ...]
    trades: tuple[TradeSeen, ...] | None = None
    asked: Nanos
    """Monotonic time at which the read left; what the hub said later is newer."""


class TruthFailed(Message, frozen=True, kw_only=True):
    """A read of truth failed, timed out or made no sense: it tells nothing, and nothing is flat.

    `asked` is false when the Gateway was never asked, as the minute's requests are kept for more.
    """

    command_id: str
    account_id: AccountId
    why: str
    asked: bool = True


class InstrumentRead(Message, frozen=True, kw_only=True):
    """A contract's record."""

    account_id: AccountId
    instrument: Instrument


class InstrumentFailed(Message, frozen=True, kw_only=True):
    """A contract's record could not be had; `final` when the Gateway has none that values it.

    `asked` is false when the Gateway was never asked, as the minute's requests are kept for more.
    """

    account_id: AccountId
    contract_id: ContractId
    why: str
    final: bool
    asked: bool = True


class ContractsRead(Message, frozen=True, kw_only=True):
    """The contracts that a search found, of any product that its text touches."""

    text: str
    contracts: tuple[Listing, ...]


class ContractsFailed(Message, frozen=True, kw_only=True):
    """A search brought nothing usable: whether there is such a contract is not known."""

    text: str
    why: str


class LoggedIn(Message, frozen=True, kw_only=True):
    """The login stands; these are its accounts."""

    accounts: tuple[AccountSeen, ...]
    spent: int = 0


class LoginFailed(Message, frozen=True, kw_only=True):
    """No login; `refused` when the Gateway answered and said no to the credentials."""

    why: str
    refused: bool


class AccountsRead(Message, frozen=True, kw_only=True):
    """The accounts, listed again; `spent` counts the requests of the last minute."""

    accounts: tuple[AccountSeen, ...]
    spent: int = 0


class AccountsFailed(Message, frozen=True, kw_only=True):
    """The accounts could not be listed: nothing is known of them; `asked` as with truth."""

    why: str
    spent: int = 0
    asked: bool = True


class HubsOpened(Message, frozen=True, kw_only=True):
    """Both hubs are connected and subscribed.  What happened before is not known."""

    spent: int = 0


class HubsLost(Message, frozen=True, kw_only=True):
    """A hub is down, silent or half-open: nothing that happens now is heard.

    `contested` when another session fights for the login, and wins: ours comes back more slowly.
    """

    why: str
    contested: bool = False


class RefusalReason(StrEnum):
    """Why a payload was refused, in a word."""

    FIELD = "field"
    """A field is missing or makes no sense."""
    SHAPE = "shape"
    """It is no object, or is wrapped in a way that nobody knows."""
    EVENT = "event"
    """Nobody subscribed to such an event."""
    WATCH = "watch"
    """Quotes were asked for, and will not come."""


class Refused(Message, frozen=True, kw_only=True):
    """A payload that decode would not accept; the account it names, if it names one."""

    account_id: AccountId | None
    event: str
    why: str
    reason: RefusalReason = RefusalReason.FIELD
