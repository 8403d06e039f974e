"""What a desk asks of the Gateway.  Reads and mutations are different types on purpose.

A shadow account's behaviours can only be given the reads: that no mutation can leave them is a
matter of types.
"""

from enum import StrEnum

from protocol.account_facts import Side
from protocol.message import Message
from protocol.units import AccountId, ContractId, Nanos, OrderId, Price


class Claim(StrEnum):
    """What enforcement may claim of the minute's requests: who goes first when they run out."""

    AT_ONCE = "at once"
    """It leaves whatever has been spent."""
    FIRST = "first"
    """It is tried for the first time: of what is left, it leaves some to first closes."""
    ONCE_MORE = "once more"
    """It was tried once in vain: a close leaves less to others than the rest."""
    AGAIN = "again"
    """It was tried in vain: it leaves what others may need for their first try."""


class CloseContract(Message, frozen=True, kw_only=True):
    """Close whatever is left of a contract's position."""

    command_id: str
    account_id: AccountId
    contract_id: ContractId
    claim: Claim = Claim.AT_ONCE


class PartialClose(Message, frozen=True, kw_only=True):
    """Close `size` contracts of a position; the broker refuses more than there are."""

    command_id: str
    account_id: AccountId
    contract_id: ContractId
    size: int
    claim: Claim = Claim.AT_ONCE


class CancelOrder(Message, frozen=True, kw_only=True):
    """Cancel one working order."""

    command_id: str
    account_id: AccountId
    contract_id: ContractId
    order_id: OrderId
    claim: Claim = Claim.AT_ONCE


class ModifyOrder(Message, frozen=True, kw_only=True):
    """Move a stop nearer to the market, or make it smaller; None leaves a thing as it is."""

    command_id: str
    account_id: AccountId
    contract_id: ContractId
    order_id: OrderId
    stop_price: Price | None = None
    limit_price: Price | None = None
    size: int | None = None
    """Of the whole order, filled contracts included."""
    yields: bool = False
    """Do not send it when the minute's requests run low: others need them more."""
    claim: Claim = Claim.AT_ONCE


class PlaceStop(Message, frozen=True, kw_only=True):
    """Place a stop against a position: the only order there is that riskwarden places itself."""

    command_id: str
    account_id: AccountId
    contract_id: ContractId
    side: Side
    size: int
    stop_price: Price
    tag: str
    """Ours, and never used before: by it the stop is known again, and a copy is refused."""
    yields: bool = False
    claim: Claim = Claim.AT_ONCE


type Mutation = CloseContract | PartialClose | CancelOrder | ModifyOrder | PlaceStop


class Login(Message, frozen=True, kw_only=True):
    """Log in, and list the accounts this login may see."""


class ReadAccounts(Message, frozen=True, kw_only=True):
    """List the accounts again: balances and whether they can trade."""


class ReadTruth(Message, frozen=True, kw_only=True):
    """Read an account's positions and working orders, and its trades since an instant if given.

    An `urgent` one is enforcement's: it leaves although polls may not, and as it may `claim`.
    """

    command_id: str
    account_id: AccountId
    trades_since: Nanos | None = None
    urgent: bool = False
    claim: Claim = Claim.AT_ONCE


class ReadInstrument(Message, frozen=True, kw_only=True):
    """Read a contract's record: its tick size and value."""

    account_id: AccountId
    contract_id: ContractId


class SearchContracts(Message, frozen=True, kw_only=True):
    """Search the Gateway's contracts for a text; without one, list all that can be traded."""

    text: str = ""


class OpenHubs(Message, frozen=True, kw_only=True):
    """Connect both hubs and subscribe to the user events of these accounts."""

    accounts: tuple[AccountId, ...]


class WatchContract(Message, frozen=True, kw_only=True):
    """Subscribe to a contract's quotes; a second time is no error."""

    account_id: AccountId
    contract_id: ContractId


type Read = (
    Login | ReadAccounts | ReadTruth | ReadInstrument | SearchContracts | OpenHubs | WatchContract
)
