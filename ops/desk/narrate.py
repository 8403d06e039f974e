"""Decisions in words: one line each, under the eight checkpoints.

The same line serves the log, the demonstration and, later, the notifications.
"""

import logging
from typing import NamedTuple, assert_never

from ops.desk.meters import is_automation
from protocol.decisions import (
    AccountArmed,
    AlarmCleared,
    AlarmRaised,
    Checkpoint,
    ConfigurationRefused,
    ConfigurationTaken,
    DayReset,
    Decision,
    EnforcementConfirmed,
    EnforcementFailing,
    EnforcementMerged,
    EnforcementRequested,
    EnforcementWithdrawn,
    LockedAttempt,
    LockEnded,
    LockSet,
    VerdictChanged,
    WouldHave,
    checkpoint_of,
)
from protocol.units import AccountId, price_text, usd_text
from protocol.words import instant_text

MARKS = {
    Checkpoint.START: "\N{ROCKET}",
    Checkpoint.CONFIGURATION: "\N{WHITE HEAVY CHECK MARK}",
    Checkpoint.CONNECTED: "\N{WHITE HEAVY CHECK MARK}",
    Checkpoint.RULES_ARMED: "\N{WHITE HEAVY CHECK MARK}",
    Checkpoint.RUNNING: "\N{WHITE HEAVY CHECK MARK}",
    Checkpoint.EVENT_RECEIVED: "\N{INCOMING ENVELOPE}",
    Checkpoint.RULE_EVALUATED: "\N{LEFT-POINTING MAGNIFYING GLASS}",
    Checkpoint.ENFORCEMENT: "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}",
}


class Line(NamedTuple):
    """One decision for people: where it belongs, how loud it is, and what it says."""

    checkpoint: Checkpoint | None
    level: int
    account_id: AccountId | None
    text: str

    def __str__(self) -> str:
        mark = f"{self.checkpoint.value} {MARKS[self.checkpoint]} " if self.checkpoint else ""
        account = f"[{self.account_id}] " if self.account_id is not None else ""
        return f"{mark}{account}{self.text}"


def line(decision: Decision) -> Line:
    """Return a decision as a line."""
    match decision:
        case LockSet() | LockEnded():
            return _lock(decision)
        case AlarmRaised():
            said = f"ALARM {decision.kind.value}: {decision.why}"
            return _say(decision, logging.ERROR, decision.account_id, said)
        case AlarmCleared():
            return _say(
                decision, logging.INFO, decision.account_id, f"cleared {decision.kind.value}"
            )
        case AccountArmed():
            text = f"{decision.rules} of {decision.enabled} rules armed"
            return _say(decision, logging.INFO, decision.account_id, text)
        case VerdictChanged():
            text = f"{decision.rule}: {_verdict(decision)}"
            return _say(decision, logging.INFO, decision.account_id, text)
        case DayReset():
            realized = "unknown" if decision.realized is None else usd_text(decision.realized)
            text = f"reset: trading day {decision.day} ends, realized {realized}"
            return _say(decision, logging.INFO, decision.account_id, text)
        case LockedAttempt():
            text = f"attempt {decision.attempts} while locked: {decision.what}"
            return _say(decision, logging.WARNING, decision.account_id, text)
        case WouldHave():
            text = f"shadow {decision.rule} would have acted: {decision.why}"
            return _say(decision, logging.WARNING, decision.account_id, text)
        case ConfigurationTaken() | ConfigurationRefused():
            return _configuration(decision)
        case _:
            return _enforcement(decision)


def about(decision: Decision) -> dict[str, object]:
    """Return what a program wants to know of a decision's line without reading it."""
    told = decision.lock if isinstance(decision, LockSet | LockEnded) else decision
    return {
        "checkpoint": checkpoint_of(decision),
        "event": type(decision).__name__,
        "account": getattr(told, "account_id", None),
        "rule": getattr(told, "rule", None),
        "enforcement": getattr(told, "enforcement_id", None),
        "alarm": decision.kind.value if isinstance(decision, AlarmRaised | AlarmCleared) else None,
    }


def _say(decision: Decision, level: int, account_id: AccountId | None, text: str) -> Line:
    return Line(checkpoint_of(decision), level, account_id, text)


def _configuration(decision: ConfigurationTaken | ConfigurationRefused) -> Line:
    if isinstance(decision, ConfigurationRefused):
        text = f"configuration refused, nothing changes: {'; '.join(decision.problems)}"
        return _say(decision, logging.ERROR, decision.account_id, text)
    said = [f"{decision.on}: {'; '.join(decision.applied) or 'nothing changes now'}"]
    if decision.waits and decision.until is not None:
        said.append(f"waits until {instant_text(decision.until)}: {'; '.join(decision.waits)}")
    text = f"configuration at {'. '.join(said)}"
    return _say(decision, logging.WARNING, decision.account_id, text)


def _lock(decision: LockSet | LockEnded) -> Line:
    lock = decision.lock
    scope = lock.scope or "account"
    until = instant_text(lock.until) if lock.until is not None else "its condition ends"
    if isinstance(decision, LockSet):
        text = f"locked by {lock.rule} ({scope}) until {until}: {lock.reason}"
        return _say(decision, logging.WARNING, lock.account_id, text)
    text = f"lock of {lock.rule} ({scope}) ended: {decision.why}"
    return _say(decision, logging.INFO, lock.account_id, text)


def _verdict(decision: VerdictChanged) -> str:
    figures = f"used {decision.used} of {decision.limit}"
    if decision.breached:
        return f"{'acts' if is_automation(decision.rule) else 'BREACH'}, {decision.why}"
    return f"unknown, {decision.unknown}" if decision.unknown else f"within its limit, {figures}"


def _enforcement(
    decision: EnforcementRequested
    | EnforcementMerged
    | EnforcementConfirmed
    | EnforcementWithdrawn
    | EnforcementFailing,
) -> Line:
    level = logging.WARNING
    match decision:
        case EnforcementRequested():
            goals = ", ".join(
                f"{goal.aim.value} {goal.contract_id or 'account'}"
                + (f" to {goal.keep}" if goal.keep else "")
                + (f" at {price_text(goal.stop)}" if goal.stop is not None else "")
                for goal in decision.goals
            )
            text = f"requested {decision.enforcement_id}: {goals}, {decision.why}"
        case EnforcementMerged():
            text = f"merged into {decision.enforcement_id}: {decision.why}"
        case EnforcementConfirmed():
            text = f"confirmed {decision.enforcement_id}: proven in {decision.took_ms} ms"
        case EnforcementWithdrawn():
            text = f"withdrawn {decision.enforcement_id}: needed no more"
        case EnforcementFailing():
            number, name = decision.attempt, decision.enforcement_id
            text = f"attempt {number} of {name} did not do: {decision.why}"
            level = logging.ERROR
        case _:
            assert_never(decision)
    return _say(decision, level, decision.account_id, text)
