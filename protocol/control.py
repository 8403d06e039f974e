"""What people and their tools see of a running service: `riskwarden status --json`, /status.

Money and prices are decimal text, instants are UTC ISO text: nothing here is computed with.
"""

import msgspec

from protocol.metrics import Figures

ARMED = frozenset({"armed", "blind"})
"""States of an account whose rules are armed; a blind one says so in its alarm."""


class LockoutStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A lock in force; `until` None means until its condition ends."""

    rule: str
    scope: str
    reason: str
    since: str
    until: str | None


class PositionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An open position."""

    contract: str
    side: str
    size: int
    average: str
    mark: str | None
    unrealized: str | None


class OrderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A working order; `limit` and `stop` are its prices, None where its type has none."""

    id: int
    contract: str
    side: str
    type: str
    size: int
    filled: int
    limit: str | None
    stop: str | None


class PriceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A watched contract's prices: the last good one's age, and those not believed, by reason."""

    contract: str
    age_s: int | None
    ignored: dict[str, int] = {}


class FeedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What an account hears: live, gap or blind; ages are None while there is nothing yet."""

    state: str
    truth_age_s: int | None
    prices: list[PriceStatus]


class RuleStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A rule at work: what it allows, what is used of it, when it last judged.

    A rule protects only if it is all of these: `enabled` (configured, and in force), `loaded` (its
    actor lives), `subscribed` (its account tells it what it hears of), `evaluated` (it has judged,
    and not long ago), `enforcing` (what it finds is acted upon).  `armed` is all but the last: a
    rule in shadow is armed too.  `lacks` is the first of them that it is not and should be, and
    `since` when it was first seen so.
    """

    rule: str
    armed: bool
    mode: str
    limit: str
    used: str
    unknown: str | None
    evaluated: str | None
    remaining: str = ""
    """What is left of the limit; empty where there is nothing to subtract."""
    enabled: bool = True
    loaded: bool = False
    subscribed: bool = False
    enforcing: bool = False
    lacks: str = ""
    since: str | None = None


class EnforcementStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An enforcement of the day; `state` is requested, confirmed, failing or withdrawn."""

    id: str
    rule: str
    requested: str
    confirmed: str | None
    state: str
    why: str


class AccountChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an account's settings became: what changed at once, and what waits until the reset."""

    id: int
    applied: list[str]
    waits: list[str]
    until: str | None
    instead: str = ""
    """Why it took nothing, what holds in its place and until when; empty for one that did."""


class AccountStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One account; `realized` and `unrealized` are None while they are unknown."""

    id: int | None
    name: str
    login: str
    state: str
    mode: str
    locked: bool
    lockouts: list[LockoutStatus]
    realized: str | None
    unrealized: str | None
    positions: list[PositionStatus]
    rules: list[RuleStatus]
    enforcements: list[EnforcementStatus]
    attempts_while_locked: int
    next_reset: str | None
    alarms: list[str]
    waits: list[str] = []
    """What is looser in the configuration than in force, and waits for the next reset."""
    orders: list[OrderStatus] = []
    """The working orders."""
    feed: FeedStatus | None = None
    """None while there is no actor to hear anything."""


class DeskStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One desk process and its connection; the guardian adds what it knows of the process."""

    login: str
    state: str
    pid: int | None
    hubs: str
    restarts: int
    refused: int
    calls_last_minute: int
    commit_ms: float
    alarms: list[str]
    heartbeat: str | None
    checkpoints: dict[str, str]
    """When each checkpoint was last passed, in the process's life."""
    ping_ms: float | None = None
    """The newest round trip over both hubs; None while there are none."""
    last_end: str | None = None
    """How its last life ended; None in its first."""


class ReloadStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt to reload: refused, with its problems, or accepted, with what each account did."""

    serial: int
    at: str
    accepted: bool
    problems: list[str]
    warnings: list[str]
    accounts: list[AccountChange]
    added: list[str]
    """Accounts that were not guarded before."""


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The whole service."""

    accounts: list[AccountStatus]
    desks: list[DeskStatus]
    reload: ReloadStatus | None = None
    """The last attempt to reload."""
    alarms: list[str] = []
    """The guardian's own: notices that do not get through."""


class DeskReload(msgspec.Struct, frozen=True, kw_only=True):
    """A desk's answer to the guardian's last question."""

    serial: int
    accounts: list[AccountChange]
    problem: str


class DeskReport(msgspec.Struct, frozen=True, kw_only=True):
    """One line up the pipe from a desk to its guardian: that it lives, and how it stands."""

    desk: DeskStatus
    accounts: list[AccountStatus]
    armed: bool
    figures: Figures | None = None
    reload: DeskReload | None = None
