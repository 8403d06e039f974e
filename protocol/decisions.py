"""What was decided: the journal's words, which logs, status and notifications use as well.

Each names the checkpoint it belongs to; `ops/desk/narrate.py` turns it into a line for people.
"""

from enum import IntEnum, StrEnum

from protocol.enforcement import FlatCertificate, Goal, Priority
from protocol.lockouts import Lock
from protocol.message import Message
from protocol.units import AccountId, Nanos, RuleName, Usd


class Checkpoint(IntEnum):
    """The eight points every episode passes, from start to enforcement."""

    START = 1
    CONFIGURATION = 2
    CONNECTED = 3
    RULES_ARMED = 4
    RUNNING = 5
    EVENT_RECEIVED = 6
    RULE_EVALUATED = 7
    ENFORCEMENT = 8

    @property
    def word(self) -> str:
        """Return its name as logs, traces, metrics and status write it."""
        return self.name.lower()


class AccountArmed(Message, frozen=True, kw_only=True):
    """Checkpoint 4: `rules` of `enabled` rules are armed."""

    account_id: AccountId
    rules: int
    enabled: int


class VerdictChanged(Message, frozen=True, kw_only=True):
    """Checkpoint 7: a rule judges otherwise than before."""

    account_id: AccountId
    rule: RuleName
    breached: bool
    limit: str
    used: str
    unknown: str | None
    why: str


class EnforcementRequested(Message, frozen=True, kw_only=True):
    """Checkpoint 8: something must be brought about, from now on."""

    account_id: AccountId
    enforcement_id: str
    rule: RuleName
    priority: Priority
    goals: tuple[Goal, ...]
    why: str


class EnforcementMerged(Message, frozen=True, kw_only=True):
    """A second rule asks for what is already being done."""

    account_id: AccountId
    enforcement_id: str
    rule: RuleName
    why: str


class EnforcementConfirmed(Message, frozen=True, kw_only=True):
    """Checkpoint 8: it is so, and here is the proof."""

    account_id: AccountId
    enforcement_id: str
    rule: RuleName
    certificate: FlatCertificate
    took_ms: int


class EnforcementWithdrawn(Message, frozen=True, kw_only=True):
    """A reduction is needed no more: the trader did it, or another rule."""

    account_id: AccountId
    enforcement_id: str
    rule: RuleName


class EnforcementFailing(Message, frozen=True, kw_only=True):
    """Checkpoint 8: an attempt did not do; the enforcer goes on trying."""

    account_id: AccountId
    enforcement_id: str
    rule: RuleName
    attempt: int
    why: str


class WouldHave(Message, frozen=True, kw_only=True):
    """A rule or account in shadow mode says what it would have demanded."""

    account_id: AccountId
    rule: RuleName
    goals: tuple[Goal, ...]
    why: str


class LockSet(Message, frozen=True, kw_only=True):
    """A lock came into force, or was made longer."""

    lock: Lock


class LockEnded(Message, frozen=True, kw_only=True):
    """A lock ran out."""

    lock: Lock
    why: str


class LockedAttempt(Message, frozen=True, kw_only=True):
    """Exposure appeared while the account was locked; `attempts` counts since the day began."""

    account_id: AccountId
    attempts: int
    what: str


class DayReset(Message, frozen=True, kw_only=True):
    """A trading day ended with this much realized (None if it was not known)."""

    account_id: AccountId
    instant: Nanos
    day: str
    realized: Usd | None


class ConfigurationTaken(Message, frozen=True, kw_only=True):
    """Settings were asked for, at a start, by a reload, or by the reset that they waited for."""

    account_id: AccountId
    on: str
    """What they came with: start, reload or reset."""
    applied: tuple[str, ...]
    """What changes with this decision, key by key."""
    waits: tuple[str, ...]
    """What is looser, and waits until then."""
    until: Nanos | None


class ConfigurationRefused(Message, frozen=True, kw_only=True):
    """A configuration is not fit to be used: everything stays as it was."""

    account_id: AccountId
    problems: tuple[str, ...]


class AlarmKind(StrEnum):
    """What a person must hear of."""

    CANNOT_ENFORCE = "cannot_enforce"
    TRUTH_UNKNOWN = "truth_unknown"
    CONTRACT_UNKNOWN = "contract_unknown"
    """The Gateway has no record of a contract that would value it: what is held of it must go."""
    CONTRACT_UNREAD = "contract_unread"
    """A contract's record could not be read yet, so that what is held of it is not valued."""
    RULE_NOT_ARMED = "rule_not_armed"
    ACTOR_DIED = "actor_died"
    ACTOR_GAVE_UP = "actor_gave_up"
    LEDGER_DIFFERS = "ledger_differs"
    """The broker's balance has not moved as the day's trades say."""
    PAYLOAD_REFUSED = "payload_refused"
    CLOCK_JUMPED = "clock_jumped"
    CLOCK_SKEW = "clock_skew"
    """This machine's clock and the Gateway's are too far apart."""
    STORE_SLOW = "store_slow"
    STORE_FAILED = "store_failed"
    MARK_FAILED = "mark_failed"
    """A mark, by which an older or deleted store is noticed, cannot be written."""
    HUBS_LOST = "hubs_lost"
    LOGIN_CONTESTED = "login_contested"
    FEED_BLIND = "feed_blind"
    ACCOUNT_MISSING = "account_missing"
    PRODUCT_UNKNOWN = "product_unknown"
    """A rule names a product that the Gateway does not list."""
    CALENDAR_ENDS = "calendar_ends"
    """A calendar that sessions hang on has run out, or soon will."""


class AlarmRaised(Message, frozen=True, kw_only=True):
    """Something is wrong; `account_id` None is the whole desk."""

    account_id: AccountId | None
    kind: AlarmKind
    why: str


class AlarmCleared(Message, frozen=True, kw_only=True):
    """It is right again."""

    account_id: AccountId | None
    kind: AlarmKind


type Decision = (
    AccountArmed
    | VerdictChanged
    | EnforcementRequested
    | EnforcementMerged
    | EnforcementConfirmed
    | EnforcementWithdrawn
    | EnforcementFailing
    | WouldHave
    | LockSet
    | LockEnded
    | LockedAttempt
    | DayReset
    | ConfigurationTaken
    | ConfigurationRefused
    | AlarmRaised
    | AlarmCleared
)

CHECKPOINTS: dict[type[Message], Checkpoint] = {
    ConfigurationTaken: Checkpoint.CONFIGURATION,
    ConfigurationRefused: Checkpoint.CONFIGURATION,
    AccountArmed: Checkpoint.RULES_ARMED,
    VerdictChanged: Checkpoint.RULE_EVALUATED,
    EnforcementRequested: Checkpoint.ENFORCEMENT,
    EnforcementMerged: Checkpoint.ENFORCEMENT,
    EnforcementConfirmed: Checkpoint.ENFORCEMENT,
    EnforcementWithdrawn: Checkpoint.ENFORCEMENT,
    EnforcementFailing: Checkpoint.ENFORCEMENT,
    WouldHave: Checkpoint.ENFORCEMENT,
    LockSet: Checkpoint.ENFORCEMENT,
    LockEnded: Checkpoint.ENFORCEMENT,
    LockedAttempt: Checkpoint.ENFORCEMENT,
}
"""Which point each decision passes; resets and alarms are none of the eight."""


def checkpoint_of(decision: Message) -> Checkpoint | None:
    """Return the point that a decision passes, if it is one."""
    return CHECKPOINTS.get(type(decision))
