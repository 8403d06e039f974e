"""Statuses as the guardian publishes them, with what a test is about."""

from typing import Any

from msgspec.structs import replace

from protocol.control import (
    AccountStatus,
    DeskStatus,
    EnforcementStatus,
    LockoutStatus,
    RuleStatus,
    ServiceStatus,
)

RESET = "2026-11-24T23:00:00.000Z"
NEXT_RESET = "2026-11-25T23:00:00.000Z"
BEFORE, AFTER = "2026-11-24T15:00:00.000Z", "2026-11-24T23:00:01.000Z"
ACCOUNT = AccountStatus(
    id=1001,
    name="PRACTICE-1",
    login="main",
    state="armed",
    mode="enforce",
    locked=False,
    lockouts=[],
    realized="-351.84",
    unrealized="-102.00",
    positions=[],
    rules=[],
    enforcements=[],
    attempts_while_locked=0,
    next_reset=RESET,
    alarms=[],
)
DESK = DeskStatus(
    login="main",
    state="armed",
    pid=1,
    hubs="open",
    restarts=0,
    refused=0,
    calls_last_minute=0,
    commit_ms=0.0,
    alarms=[],
    heartbeat=None,
    checkpoints={},
)
LOCK = LockoutStatus(
    rule="daily_realized_loss",
    scope="account",
    reason="realized -351.84 and unrealized -156.00 are -507.84, at or below -500.00",
    since="2026-11-24T14:59:59.123Z",
    until=RESET,
)


def account(**changes: Any) -> AccountStatus:
    return replace(ACCOUNT, **changes)


def status(*accounts: AccountStatus, **desk: Any) -> ServiceStatus:
    return ServiceStatus(accounts=list(accounts) or [ACCOUNT], desks=[replace(DESK, **desk)])


def rule(used: str, limit: str = "-500.00", name: str = "daily_realized_loss") -> RuleStatus:
    return RuleStatus(
        rule=name,
        armed=True,
        mode="enforce",
        limit=limit,
        used=used,
        unknown=None,
        evaluated=BEFORE,
        enforcing=True,
    )


def enforcement(state: str, number: int = 1, requested: str = BEFORE) -> EnforcementStatus:
    return EnforcementStatus(
        id=f"1001/daily_realized_loss/{number}",
        rule="daily_realized_loss",
        requested=requested,
        confirmed=None,
        state=state,
        why="the broker refuses: market closed",
    )
