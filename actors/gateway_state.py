"""What the gateway actor knows of its connection, and what follows from it wherever it stands.

Plain functions on the gateway's state, used by actors/gateway.py alone.
"""

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from actors.behaviour import Step
from actors.model.readings import Reading, Readings
from protocol.account_facts import AccountSeen
from protocol.answers import AccountsFailed
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised
from protocol.effects import Effect, Journal, Send, Wake
from protocol.lifecycle import Resync
from protocol.schedule import ClockSkewed
from protocol.units import SECOND, AccountId, Nanos, Now

BEFORE_HUBS = 20
"""Accounts read before the hubs open: they will all be read again right after."""
CATCH_UP = 10 * SECOND
"""How often it is asked what the minute has left while accounts wait to be read."""

LISTED_MAX = 90 * SECOND
"""How old the list of accounts may grow while our own budget puts it off."""


class Hubs(StrEnum):
    """Whether events are heard."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    LOST = "lost"


class State(msgspec.Struct, frozen=True):
    """The connection as far as this life knows it."""

    logged_in: bool = False
    hubs: Hubs = Hubs.CLOSED
    found: dict[AccountId, AccountSeen] = msgspec.field(default_factory=dict)
    evaluated: frozenset[AccountId] = frozenset()
    fails: int = 0
    retry_at: Nanos | None = None
    open_at: Nanos | None = None
    poll_at: Nanos | None = None
    listed_at: Nanos | None = None
    """When the accounts were last listed (monotonic)."""
    catch_up_at: Nanos | None = None
    """When to look again whether those who wait can be read."""
    opened: Nanos = Nanos(0)
    readings: Readings = Readings()
    alarms: frozenset[tuple[AlarmKind, AccountId | None]] = frozenset()
    ahead: ClockSkewed | None = None
    """How far our clock is ahead, as the accounts were told last."""


def read_on(
    state: State, now: Now, said: tuple[Effect, ...] = (), *, all_heard: bool = True
) -> Step[State]:
    """Read those whose turn it is; look again soon if somebody still has to wait."""
    most = len(state.found)
    if state.hubs is Hubs.CLOSED:
        most = BEFORE_HUBS - len(state.readings.under_way)
    readings, going = state.readings.due(now, most, all_heard=all_heard)
    effects = [*said, *map(resync, going)]
    if readings.waiting and state.catch_up_at is None:
        state = replace(state, catch_up_at=Nanos(now.mono + CATCH_UP))
        effects.append(Wake(mono=state.catch_up_at))
    return Step(replace(state, readings=readings), tuple(effects))


def unlisted(state: State, failed: AccountsFailed, now: Now) -> tuple[State, tuple[Effect, ...]]:
    """Say that the accounts could not be listed.

    A list that our own budget put off is late, and asked for again soon; then it is too old.
    """
    if failed.asked:
        return raise_(state, AlarmKind.TRUTH_UNKNOWN, None, failed.why)
    soon = Nanos(now.mono + CATCH_UP)
    said: tuple[Effect, ...] = (Wake(mono=soon),)
    state = replace(state, poll_at=soon if state.poll_at is None else min(state.poll_at, soon))
    if state.listed_at is not None and now.mono - state.listed_at < LISTED_MAX:
        return state, said
    why = f"the accounts were last listed {LISTED_MAX // SECOND} s ago or more: {failed.why}"
    state, raised = raise_(state, AlarmKind.TRUTH_UNKNOWN, None, why)
    return state, (*raised, *said)


def resync(one: Reading) -> Send:
    """Return the word that it is an account's turn to be read."""
    return Send(f"account/{one.account_id}", Resync(gap=one.gap, trades=one.trades))


def raise_(
    state: State, kind: AlarmKind, account_id: AccountId | None, why: str
) -> tuple[State, tuple[Effect, ...]]:
    """Raise an alarm, once until it is cleared."""
    if (kind, account_id) in state.alarms:
        return state, ()
    state = replace(state, alarms=state.alarms | {(kind, account_id)})
    return state, (Journal(AlarmRaised(account_id=account_id, kind=kind, why=why)),)


def clear(
    state: State, which: tuple[AlarmKind, AccountId | None] = (AlarmKind.CANNOT_ENFORCE, None)
) -> tuple[State, tuple[Effect, ...]]:
    """Clear an alarm, if it stands."""
    if which not in state.alarms:
        return state, ()
    state = replace(state, alarms=state.alarms - {which})
    return state, (Journal(AlarmCleared(account_id=which[1], kind=which[0])),)
