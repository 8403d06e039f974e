"""What the market says, and the price triggers that rest in it."""

from enum import StrEnum

import msgspec

from protocol.message import Message
from protocol.units import AccountId, ContractId, Nanos, Price, RuleName


class MarkSource(StrEnum):
    """Which price values a position: the last trade, the mid, or the side one exits at."""

    LAST = "last"
    MID = "mid"
    EXIT_SIDE = "exit_side"


class Fault(StrEnum):
    """Why a price was not believed."""

    ZERO = "zero"
    """None at all: many a message carries 0 for a last trade that it does not know."""
    NO_PRICE = "no_price"
    """Negative, or not a number."""
    CROSSED = "crossed"
    """The bid lies above the ask."""
    OFF_GRID = "off_grid"
    """No multiple of the contract's tick size."""
    BEYOND_BAND = "beyond_band"
    """Too far from what was known, and not borne out by a second print."""


class QuoteSeen(Message, frozen=True, kw_only=True):
    """A partial quote: None means that this message did not carry the price."""

    contract_id: ContractId
    last: Price | None = None
    bid: Price | None = None
    ask: Price | None = None
    at: Nanos | None = None
    faults: tuple[Fault, ...] = ()
    """Why prices that the message carried are none."""


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """The prices that value a contract's positions; None is unknown, never zero."""

    contract_id: ContractId
    long: Price | None
    short: Price | None
    seen: Nanos
    """Monotonic time of the newest price behind them."""
    low: Price | None = None
    """The lowest of bid, ask and last trade; None unless all three are known."""
    high: Price | None = None
    prints: int = 0
    """How many messages have borne a price: one more tells a second quote from the first."""


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """Prices at which a rule would act: at or below `low`, at or above `high`.

    `short` says whose mark to compare: the price that values short positions, or longs.
    """

    contract_id: ContractId
    short: bool
    low: Price | None = None
    high: Price | None = None


class RestTriggers(Message, frozen=True, kw_only=True):
    """A rule rests its triggers with the market; they replace those it had."""

    account_id: AccountId
    rule: RuleName
    triggers: tuple[Trigger, ...]


class WatchMarks(Message, frozen=True, kw_only=True):
    """An account says which contracts it needs valued, and by which price.

    `ticks` holds the tick sizes it knows: a price off that grid is no price.  `averages` are those
    of what it holds: a first price far from them is doubtful.
    """

    account_id: AccountId
    source: MarkSource
    contracts: tuple[ContractId, ...]
    ticks: dict[ContractId, Price] = msgspec.field(default_factory=dict[ContractId, Price])
    averages: dict[ContractId, Price] = msgspec.field(default_factory=dict[ContractId, Price])


class PriceCrossed(Message, frozen=True, kw_only=True):
    """A quote reached a trigger: the marks of every contract the account watches."""

    account_id: AccountId
    contract_id: ContractId
    marks: tuple[Marks, ...]


class MarksRead(Message, frozen=True, kw_only=True):
    """The marks of every contract the account watches, unasked: for people and for the sweep."""

    account_id: AccountId
    marks: tuple[Marks, ...]
