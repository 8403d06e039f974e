"""The reset actor: exactly one reset per account and trading day.

A reset is due when last_reset < instant <= now, so one that was missed is caught up, once, and a
clock set back cannot repeat one.  No day ends before the Gateway's clock says so too, so none ends
before the account has heard of it; and the day of a first start, which this machine's clock alone
has named, is named again then, or what was lost today could be left behind in it.

The instants come from a cron expression in a zone; the trading day is the half-open span between
two of them, and is named by the date on which it ends.
"""

from typing import Any

import msgspec

from actors.behaviour import Step
from actors.model.schedule import ResetSchedule
from protocol.effects import PARENT, Effect, Send
from protocol.message import Message
from protocol.schedule import (
    Clock,
    ClockSkewed,
    DayKnown,
    Purpose,
    ResetDue,
    StartTimer,
    TimerFired,
)
from protocol.units import Nanos, Now

TIMER = "reset/next"


class Kept(msgspec.Struct, frozen=True):
    """The instant of the reset that was done last: the start of the trading day."""

    last_reset: Nanos
    guessed: bool = False
    """Whether it is by this machine's clock alone."""


class State(msgspec.Struct, frozen=True):
    """What is kept, and how far the wall clock is ahead of the Gateway's; None if nobody said."""

    kept: Kept
    ahead: Nanos | None = None


class Reset:
    """One account's trading days."""

    kept = Kept

    def __init__(self, schedule: ResetSchedule) -> None:
        self._schedule = schedule

    def begin(self, kept: Any, now: Now) -> Step[State]:
        """Say which day it is; one that was missed is caught up as the clock is known."""
        if kept is None:
            kept = Kept(last_reset=self._schedule.previous(now.wall), guessed=True)
        state = State(kept)
        return Step(state, (self._known(kept.last_reset), self._timer(state)))

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:
        """Reset when the time has come."""
        match message:
            case TimerFired(purpose=Purpose.RESET):
                return self._due(state, (), now)
            case ClockSkewed(ahead=ahead):
                return self._due(*self._confirmed(State(state.kept, ahead), now), now)
            case _:
                return Step(state)

    def keep(self, state: State) -> Kept:
        """Keep the last reset."""
        return state.kept

    def _confirmed(self, state: State, now: Now) -> tuple[State, tuple[Effect, ...]]:
        """Go back to the day that it is by the Gateway's clock, if the guess was ahead of it."""
        kept, ahead = state.kept, state.ahead
        if not kept.guessed:
            return state, ()
        assert ahead is not None, "the account has just said"
        first = min(kept.last_reset, self._schedule.previous(Nanos(now.wall - ahead)))
        said = () if first == kept.last_reset else (self._known(first),)
        return State(Kept(last_reset=first), ahead), said

    def _due(self, state: State, said: tuple[Effect, ...], now: Now) -> Step[State]:
        if state.ahead is None:
            return Step(state)  # the account will say, and then it is looked at again
        instant = self._schedule.previous(Nanos(now.wall - state.ahead))
        if instant <= state.kept.last_reset:
            return Step(state, (*said, self._timer(state)))
        after = State(Kept(last_reset=instant), state.ahead)
        day = self._known(instant).message
        assert isinstance(day, DayKnown)
        due = ResetDue(instant=instant, day=day.day, next_reset=day.next_reset)
        return Step(after, (*said, Send(PARENT, due), self._timer(after)))

    def _known(self, started: Nanos) -> Send:
        following = self._schedule.following(started)
        day = DayKnown(started=started, day=self._schedule.day(started), next_reset=following)
        return Send(PARENT, day)

    def _timer(self, state: State) -> Effect:
        deadline = Nanos(self._schedule.following(state.kept.last_reset) + (state.ahead or 0))
        timer = StartTimer(name=TIMER, purpose=Purpose.RESET, clock=Clock.WALL, deadline=deadline)
        return Send("timer", timer)
