"""Spans as a desk notes them: no OpenTelemetry here, so that a desk without tracing loads none.

A span keeps the message or command it is about as it is.  What becomes of that for others to read
is decided here as well, field by field: ids, rule names, outcomes and reasons go out; names of
accounts and people stay.
"""

from enum import StrEnum

import msgspec

from protocol.answers import Answered, Outcome
from protocol.decisions import (
    Checkpoint,
    Decision,
    EnforcementConfirmed,
    LockEnded,
    LockSet,
    checkpoint_of,
)
from protocol.message import Message
from protocol.units import AccountId

PREFIX = "riskwarden."
SAID = {
    "account_id": "account",
    "contract_id": "contract",
    "order_id": "order",
    "size": "size",
    "command_id": "command",
    "enforcement_id": "enforcement",
    "rule": "rule",
    "outcome": "outcome",
    "why": "reason",
    "reason": "reason",
    "unknown": "unknown",
    "breached": "breached",
    "limit": "limit",
    "used": "used",
    "scope": "scope",
    "kind": "kind",
    "attempt": "attempt",
    "attempts": "attempts",
    "what": "what",
    "took_ms": "took_ms",
    "rules": "rules",
    "enabled": "enabled",
    "day": "day",
    "realized": "realized",
}
"""The fields that may be told, and as what; there is no other way out."""

type Value = str | bool | int | list[str]


class Kind(StrEnum):
    """Where a span's work comes from, or goes to."""

    HEARD = "heard"
    OWN = "own"
    ASKED = "asked"


class Context(msgspec.Struct, frozen=True):
    """What names a span."""

    trace_id: int
    span_id: int


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of work that is over; `start` and `end` are wall-clock nanoseconds."""

    name: str
    context: Context
    parent: Context | None = None
    links: tuple[Context, ...] = ()
    kind: Kind = Kind.OWN
    start: int
    end: int
    account_id: AccountId | None = None
    about: Message | None = None
    answer: Message | None = None
    failed: bool = False
    outcome: str | None = None
    told: tuple[Decision, ...] = ()
    """What was decided at `told_at`: these become the span's events."""
    told_at: int = 0


def attributes(span: Span) -> dict[str, Value]:
    """Return what a span tells."""
    found: dict[str, Value] = {}
    if span.about is not None:
        found |= {"message": type(span.about).__name__, **fields(span.about)}
    if span.account_id is not None:
        found["account"] = span.account_id
    if span.answer is not None:
        found |= {"answer": type(span.answer).__name__, **fields(span.answer)}
    if span.kind is Kind.HEARD:
        found["checkpoint"] = Checkpoint.EVENT_RECEIVED.word
    if span.outcome is not None:
        found["outcome"] = span.outcome
    return {PREFIX + name: value for name, value in found.items()}


def event(decision: Decision) -> tuple[str, dict[str, Value]]:
    """Return a decision as the name and attributes of an event."""
    found = fields(decision)
    if isinstance(decision, LockSet | LockEnded):
        found = {**fields(decision.lock), **found}
    elif isinstance(decision, EnforcementConfirmed):
        found["reads"] = list(decision.certificate.reads)
    checkpoint = checkpoint_of(decision)
    if checkpoint is not None:
        found["checkpoint"] = checkpoint.word
    told = {PREFIX + name: value for name, value in found.items()}
    return type(decision).__name__, told


def fields(of: object) -> dict[str, Value]:
    """Return the fields of a struct that may be told, without those that say nothing."""
    found: dict[str, Value] = {}
    for field, name in SAID.items():
        value: object = getattr(of, field, None)
        if isinstance(value, StrEnum):
            found[name] = value.value
        elif isinstance(value, bool | int) or (isinstance(value, str) and value):
            found[name] = value
    return found


def outcome(answer: Message | None) -> str:
    """Return in a word how a request ended."""
    if answer is None:
        return "sent"
    if isinstance(answer, Answered):
        return answer.outcome.value
    return "failed" if getattr(answer, "why", "") else "answered"


def went_well(answer: Message | None) -> bool:
    """Tell whether a request got what it asked for."""
    return outcome(answer) in {"sent", "answered", Outcome.ACCEPTED.value}
