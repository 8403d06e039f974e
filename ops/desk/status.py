"""How a desk stands, for people: read off the actors' last states, asking nobody.

A projection only.  It runs a few times a second on the loop, between inputs.
"""

import os
from collections import deque

from actors.account_feed import hearing
from actors.model.account_state import State as AccountState
from actors.model.account_state import in_force
from actors.model.feed import FeedState
from actors.plan import AccountPlan, planned
from actors.settings import waiting
from actors.tree import SETTINGS
from ops.desk.armed import rule
from ops.desk.desk import Desk
from ops.desk.hearing import feed
from ops.desk.prices import live
from protocol.account_facts import OrderSeen
from protocol.book import Holding
from protocol.codec import Recorded
from protocol.control import (
    AccountStatus,
    DeskReport,
    DeskStatus,
    EnforcementStatus,
    LockoutStatus,
    OrderStatus,
    PositionStatus,
)
from protocol.decisions import (
    AlarmCleared,
    AlarmKind,
    AlarmRaised,
    Decision,
    EnforcementConfirmed,
    EnforcementFailing,
    EnforcementRequested,
    EnforcementWithdrawn,
)
from protocol.lifecycle import Phase
from protocol.lockouts import Lock
from protocol.settings import KeptSettings
from protocol.units import AccountId, Nanos, Now, price_text, usd_text
from protocol.words import instant_text

ENFORCEMENTS_MAX = 50
BLIND = FeedState.BLIND.value
MOMENTARY = (AlarmKind.ACTOR_DIED, AlarmKind.CLOCK_JUMPED, AlarmKind.PAYLOAD_REFUSED)
"""Alarms of what has happened, not of what is so: they are logged, and do not stand."""

type Alarms = dict[tuple[AccountId | None, str], str]
"""Why each alarm stands, by account and kind."""


class History:
    """The enforcements and alarms that the decisions told of."""

    def __init__(self) -> None:
        self.enforcements: dict[AccountId, deque[EnforcementStatus]] = {}
        self.alarms: Alarms = {}

    def take(self, decision: Decision, now: Now) -> None:
        """Note what a decision changes."""
        match decision:
            case EnforcementRequested():
                status = EnforcementStatus(
                    id=decision.enforcement_id,
                    rule=decision.rule,
                    requested=instant_text(now.wall),
                    confirmed=None,
                    state="requested",
                    why=decision.why,
                )
                kept = self.enforcements.setdefault(
                    decision.account_id, deque(maxlen=ENFORCEMENTS_MAX)
                )
                kept.append(status)
            case EnforcementConfirmed():
                self._change(decision, "confirmed", now.wall)
            case EnforcementWithdrawn():
                self._change(decision, "withdrawn", None)
            case EnforcementFailing():
                self._change(decision, "failing", None)
            case AlarmRaised() if decision.kind not in MOMENTARY:
                self.alarms[decision.account_id, decision.kind.value] = decision.why
            case AlarmCleared():
                self.alarms.pop((decision.account_id, decision.kind.value), None)
            case _:
                pass

    def recall(self, record: Recorded) -> None:
        """Take a decision of an earlier life from the journal; its alarms are over."""
        message = record.message
        if isinstance(message, EnforcementRequested | EnforcementConfirmed | EnforcementWithdrawn):
            self.take(message, record.now)

    def _change(
        self,
        decision: EnforcementConfirmed | EnforcementWithdrawn | EnforcementFailing,
        state: str,
        confirmed: Nanos | None,
    ) -> None:
        kept = self.enforcements.get(decision.account_id, deque())
        for number, status in enumerate(kept):
            if status.id == decision.enforcement_id:
                text = instant_text(confirmed) if confirmed is not None else None
                kept[number] = EnforcementStatus(
                    id=status.id,
                    rule=status.rule,
                    requested=status.requested,
                    confirmed=text,
                    state=state,
                    why=status.why,
                )


def report(
    desk: Desk, history: History, login: str, spent: int, ping_ms: float | None = None
) -> DeskReport:
    """Return everything a guardian publishes of a desk."""
    now = desk.clock()
    accounts = [account(desk, history, plan, login, now) for plan in desk.plans]
    gateway = desk.runtime.states.get("gateway")
    hubs = gateway.hubs.value if gateway is not None else "closed"
    states = {one.state for one in accounts}
    armed = bool(accounts) and all(
        one.state in (Phase.ARMED.value, BLIND) and not any(rule.lacks for rule in one.rules)
        for one in accounts
    )
    figures = desk.journal.figures()
    status = DeskStatus(
        login=login,
        state="armed"
        if armed and BLIND not in states
        else "starting"
        if hubs == "closed"
        else "degraded",
        pid=os.getpid(),
        hubs=hubs,
        restarts=0,
        refused=desk.refused,
        calls_last_minute=spent,
        commit_ms=round(figures.p99_ms, 3),
        alarms=[f"{kind}: {why}" for (who, kind), why in history.alarms.items() if who is None],
        heartbeat=instant_text(now.wall),
        checkpoints=dict(desk.counts.checkpoints.last),
        ping_ms=ping_ms,
    )
    return DeskReport(desk=status, accounts=accounts, armed=armed)


def account(desk: Desk, history: History, plan: AccountPlan, login: str, now: Now) -> AccountStatus:
    """Return how an account stands."""
    path = f"account/{plan.account_id}"
    state: AccountState | None = desk.runtime.states.get(path)
    alarms = [
        f"{kind}: {why}" for (who, kind), why in history.alarms.items() if who == plan.account_id
    ]
    current = state.plan if state is not None else plan
    view = live(desk.runtime.states.get("market_data"), current, state.view, now) if state else None
    positions = [position(one) for one in view.holdings] if view is not None else []
    locks = in_force(state, now) if state is not None else ()
    worths = [one.unrealized for one in positions]
    return AccountStatus(
        id=plan.account_id,
        name=state.seen.name if state is not None and state.seen is not None else plan.name,
        login=login,
        state=standing(state),
        mode=plan.mode.value,
        locked=bool(locks),
        lockouts=[lockout(one) for one in locks],
        realized=None if state is None or state.view.realized is None
        else usd_text(state.view.realized),
        unrealized=None if state is None or not state.known else total(worths),
        positions=positions,
        orders=[order(one) for one in state.view.orders] if state is not None else [],
        rules=[rule(desk.runtime, current, path, name, now, view=view) for name in current.rules],
        enforcements=list(history.enforcements.get(plan.account_id, ())),
        attempts_while_locked=state.kept.attempts if state is not None else 0,
        next_reset=instant_text(state.day.next_reset) if state is not None else None,
        alarms=alarms,
        waits=waits(desk, plan, path),
        feed=None if state is None
        else feed(plan, state, desk.runtime.states.get("market_data"), now),
    )  # fmt: skip


def waits(desk: Desk, plan: AccountPlan, path: str) -> list[str]:
    """Return what of the configuration waits for the next reset."""
    kept: KeptSettings | None = desk.runtime.states.get(f"{path}/{SETTINGS}")
    if kept is None or kept.wanted is None:
        return []
    return list(waiting(planned(kept.held, plan.account_id, plan.name), kept))


def standing(state: AccountState | None) -> str:
    """Return how far an account has come, or that it is armed and blind."""
    if state is None:
        return "last_resort"
    armed = state.phase is Phase.ARMED
    return BLIND if armed and hearing(state) is FeedState.BLIND else state.phase.value


def total(worths: list[str | None]) -> str | None:
    """Return the sum of money texts; one unknown makes it unknown."""
    known = [round(float(one) * 10_000) for one in worths if one is not None]
    return usd_text(sum(known)) if len(known) == len(worths) else None  # type: ignore[arg-type]


def position(held: Holding) -> PositionStatus:
    """Return an open position."""
    return PositionStatus(
        contract=held.contract_id,
        side="long" if held.size > 0 else "short",
        size=abs(held.size),
        average=price_text(held.average),
        mark=None if held.mark is None else price_text(held.mark),
        unrealized=None if held.unrealized is None else usd_text(held.unrealized),
    )


def order(seen: OrderSeen) -> OrderStatus:
    """Return a working order."""
    return OrderStatus(
        id=seen.order_id,
        contract=seen.contract_id,
        side=seen.side.name.lower(),
        type=seen.type.name.lower(),
        size=seen.size,
        filled=seen.filled,
        limit=None if seen.limit_price is None else price_text(seen.limit_price),
        stop=None if seen.stop_price is None else price_text(seen.stop_price),
    )


def lockout(lock: Lock) -> LockoutStatus:
    """Return a lock in force."""
    return LockoutStatus(
        rule=lock.rule,
        scope=lock.scope or "account",
        reason=lock.reason,
        since=instant_text(lock.since),
        until=None if lock.until is None else instant_text(lock.until),
    )
