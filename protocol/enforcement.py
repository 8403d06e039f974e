"""What a breach asks for, what the enforcer does about it, and what came of it."""

from enum import IntEnum, StrEnum

import msgspec

from protocol.account_facts import Side
from protocol.book import BookView
from protocol.lockouts import LockRequest
from protocol.message import Message
from protocol.units import AccountId, ContractId, Nanos, PositionId, Price, RuleName


class Priority(IntEnum):
    """Order of service: the lowest value goes first."""

    KILL_SWITCH = 0
    """What protects an account will not stay up."""
    HARD_LOCKOUT = 1
    COOLDOWN = 3
    POSITION = 5
    AUTOMATION = 7


class Aim(StrEnum):
    """What a goal wants of its scope."""

    FLATTEN = "flatten"
    """No position and no working order."""
    REDUCE = "reduce"
    """At most `keep` contracts of position, either side; orders stay."""
    WITHHOLD = "withhold"
    """No working order that could increase exposure; positions and their exits stay."""
    TIGHTEN = "tighten"
    """The stops that protect a position at `stop`, or nearer to the market: never farther away."""
    PROTECT = "protect"
    """Stops that cover all of a position: what lacks is placed, at `stop`."""
    FIT = "fit"
    """Of the stops that riskwarden placed, no more than there is to protect."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A state of the account that a rule demands; the scope is one contract, or None for all.

    One about stops names the position it is for, and their side: it is void with any other.
    """

    aim: Aim
    contract_id: ContractId | None = None
    keep: int = 0
    position_id: PositionId | None = None
    side: Side | None = None
    stop: Price | None = None


class Breach(Message, frozen=True, kw_only=True):
    """A rule's verdict that a limit is crossed: why, what must be, and the lock, if any."""

    rule: RuleName
    priority: Priority
    goals: tuple[Goal, ...]
    lock: LockRequest | None = None
    why: str
    doubtful: bool = False
    """It hangs on a price that not all of bid, ask and last trade bear out, for a whole account."""
    stays: dict[ContractId, int] | None = None
    """Under a lock that lets positions stay: the most of them; None is all that is held."""


class Verdict(Message, frozen=True, kw_only=True):
    """From a rule to its account after each evaluation; no breaches means that all is well.

    `limit` and `used` are text for people; `unknown` says what the rule could not judge, and why.
    """

    rule: RuleName
    breaches: tuple[Breach, ...] = ()
    limit: str
    used: str
    unknown: str | None = None


class Enforce(Message, frozen=True, kw_only=True):
    """Command to the enforcer: bring this about.  It replaces the rule's earlier reductions.

    No goals means that the rule's reductions are needed no more; flattens stand until proven.
    """

    rule: RuleName
    priority: Priority
    goals: tuple[Goal, ...]
    why: str
    view: BookView


class BookChanged(Message, frozen=True, kw_only=True):
    """To the enforcer: the account's book, after a fact changed it."""

    view: BookView


class TruthSeen(Message, frozen=True, kw_only=True):
    """To the enforcer: the broker's own answer to one of its reads."""

    command_id: str
    view: BookView
    """The book with it, and with what the hub has said since."""
    read: BookView
    """What the read shows by itself: only that is proof."""
    asked: Nanos
    """Monotonic time at which the read left."""


class TruthUnknown(Message, frozen=True, kw_only=True):
    """To the enforcer: a read failed.  Unknown is never flat.

    `asked` is false when the Gateway was never asked, as the minute's requests are kept for more.
    """

    command_id: str
    why: str
    asked: bool = True


class FlatCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """Proof that a scope was as demanded: two reads of broker truth across a quiet window."""

    account_id: AccountId
    contract_id: ContractId | None
    reads: tuple[str, ...]
    """Command ids of the two reads."""
    at: Nanos


class Enforced(Message, frozen=True, kw_only=True):
    """The demand is met, and this is the proof."""

    enforcement_id: str
    rule: RuleName
    certificate: FlatCertificate


class Evaluate(Message, frozen=True, kw_only=True):
    """From an account to a rule: judge this; `afresh` also rests unchanged triggers again."""

    view: BookView
    afresh: bool = False


class WantsTruth(Message, frozen=True, kw_only=True):
    """From a rule to its account: read positions and orders afresh, then ask me again.

    An `urgent` read is enforcement's: it leaves although the minute's requests are spent.
    """

    rule: RuleName
    urgent: bool = False


class Observed(Message, frozen=True, kw_only=True):
    """A shadow rule's verdict: figures, and what it would have done.  It carries no breach."""

    rule: RuleName
    would: tuple[str, ...] = ()
    limit: str
    used: str
    unknown: str | None = None
