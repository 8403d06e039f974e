"""Locks: who set one, over what, until when, and why."""

from enum import StrEnum

import msgspec

from protocol.message import Message
from protocol.units import AccountId, Nanos, RuleName


class LockKind(StrEnum):
    """What ends a lock: an instant, a duration gone by, a broker state, or the configuration."""

    HARD = "hard"
    COOLDOWN = "cooldown"
    CONDITION = "condition"
    SYMBOL = "symbol"
    PAUSE = "pause"
    """Ends with its condition; what there is may stay, as under a cooldown."""


class LockRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The lock that a breach asks for; `until` None means until a condition ends."""

    kind: LockKind
    until: Nanos | None
    scope: str | None = None
    """None is the whole account; otherwise a contract's id, or a pattern of product roots."""


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """One lock in force.  Its key is (scope, rule): two rules lock side by side."""

    account_id: AccountId
    rule: RuleName
    kind: LockKind
    scope: str | None
    reason: str
    since: Nanos
    until: Nanos | None
    certified: Nanos | None = None
    """When the scope was proven flat under this lock."""

    @property
    def key(self) -> tuple[str | None, RuleName]:
        """Return what tells this lock from the others of its account."""
        return (self.scope, self.rule)


class SetLock(Message, frozen=True, kw_only=True):
    """Command: lock, or lock longer.  A shorter request changes nothing."""

    rule: RuleName
    request: LockRequest
    reason: str


class EndLock(Message, frozen=True, kw_only=True):
    """The condition that this rule's locks waited for has come: not for locks that end by time."""

    rule: RuleName
    why: str
    standing: tuple[str | None, ...] = ()
    """The scopes in which it has not come."""


class CertifyLock(Message, frozen=True, kw_only=True):
    """The scopes under this rule's locks were proven flat."""

    rule: RuleName
    at: Nanos


class LocksChanged(Message, frozen=True, kw_only=True):
    """From the lockout actor to its account: every lock in force."""

    locks: tuple[Lock, ...]
