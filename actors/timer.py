"""The timer actor: named, purpose-typed deadlines, kept through restarts.

A timer fires once, when now >= deadline; an overdue one fires as the actor starts.  Starting one
again replaces its deadline.  A timer never locks anything: it tells the actor its purpose names.

Wall-clock deadlines survive a restart as they are.  A stopwatch means nothing to another process,
so stopwatch timers are overdue after a restart: whoever waits looks again, early rather than late.
"""

from typing import Any

import msgspec

from actors.behaviour import Step
from protocol.effects import PARENT, Effect, Send, Wake
from protocol.message import Message
from protocol.schedule import CancelTimer, Clock, Purpose, StartTimer, Tick, TimerFired
from protocol.units import Nanos, Now

OWNER = {
    Purpose.RESET: "reset",
    Purpose.LOCK_END: "lockout",
    Purpose.ENFORCER: "enforcer",
    Purpose.SWEEP: PARENT,
    Purpose.READ: PARENT,
    Purpose.RULE: PARENT,
    Purpose.CALENDAR: PARENT,
}
"""Who is told.  In this order when several are due at once: the day ends before its locks do."""
ORDER = tuple(OWNER)

TIMERS_MAX = 256


class Kept(msgspec.Struct, frozen=True):
    """Every timer that has not fired, by name."""

    timers: tuple[StartTimer, ...] = ()


class State(msgspec.Struct, frozen=True):
    """What is kept, and the tick that has been asked for on each clock."""

    kept: Kept
    wall: Nanos | None = None
    mono: Nanos | None = None


class Timer:
    """One account's deadlines."""

    kept = Kept

    def begin(self, kept: Any, now: Now) -> Step[State]:
        """Fire what came due while nobody looked."""
        timers: tuple[StartTimer, ...] = kept.timers if kept is not None else ()
        stale = tuple(
            msgspec.structs.replace(one, deadline=now.mono) if one.clock is Clock.MONO else one
            for one in timers
        )
        return fire(State(kept=Kept(stale)), now)

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:
        """Start, cancel, or look which are due."""
        match message:
            case StartTimer():
                others = tuple(one for one in state.kept.timers if one.name != message.name)
                assert len(others) < TIMERS_MAX, f"more than {TIMERS_MAX} timers"
                return fire(msgspec.structs.replace(state, kept=Kept((*others, message))), now)
            case CancelTimer(name=name):
                others = tuple(one for one in state.kept.timers if one.name != name)
                if len(others) == len(state.kept.timers):
                    return Step(state)
                return Step(msgspec.structs.replace(state, kept=Kept(others)))
            case Tick():
                return fire(msgspec.structs.replace(state, wall=None, mono=None), now)
            case _:
                return Step(state)

    def keep(self, state: State) -> Kept:
        """Keep every timer."""
        return state.kept


def fire(state: State, now: Now) -> Step[State]:
    """Tell the owners of what is due, and ask for a tick at the next deadline."""
    effects: list[Effect] = []
    due = [one for one in state.kept.timers if one.deadline <= clock(one, now)]
    if due:
        due.sort(key=lambda one: (ORDER.index(one.purpose), one.deadline, one.name))
        effects += map(fired, due)
        left = tuple(one for one in state.kept.timers if one not in due)
        state = msgspec.structs.replace(state, kept=Kept(left))
    wall = earliest(state, Clock.WALL)
    mono = earliest(state, Clock.MONO)
    if wall is not None and (state.wall is None or wall < state.wall):
        effects.append(Wake(wall=wall))
        state = msgspec.structs.replace(state, wall=wall)
    if mono is not None and (state.mono is None or mono < state.mono):
        effects.append(Wake(mono=mono))
        state = msgspec.structs.replace(state, mono=mono)
    return Step(state, tuple(effects))


def fired(timer: StartTimer) -> Send:
    """Return the news that a timer is due, for whom its purpose names."""
    news = TimerFired(name=timer.name, purpose=timer.purpose, deadline=timer.deadline)
    return Send(OWNER[timer.purpose], news)


def clock(timer: StartTimer, now: Now) -> Nanos:
    """Return the time on the clock that a timer is on."""
    return now.wall if timer.clock is Clock.WALL else now.mono


def earliest(state: State, on: Clock) -> Nanos | None:
    """Return the next deadline on one clock."""
    return min([one.deadline for one in state.kept.timers if one.clock is on], default=None)
