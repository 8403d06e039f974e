"""The reset actor: exactly one reset per account and trading day.

A reset is due when last_reset < instant <= now, so one that was missed is caught up, once, and a
clock set back cannot repeat one.  The instants come from a cron expression in a zone; the trading
day is the half-open span between two of them, and is named by the date on which it ends.
"""

from typing import Any

import msgspec

from actors.behaviour import Step
from actors.model.schedule import ResetSchedule
from protocol.effects import PARENT, Effect, Send
from protocol.message import Message
from protocol.schedule import Clock, DayKnown, Purpose, ResetDue, StartTimer, TimerFired
from protocol.units import Nanos, Now

TIMER = "reset/next"


class Kept(msgspec.Struct, frozen=True):
    """The instant of the reset that was done last: the start of the trading day."""

    last_reset: Nanos


class Reset:
    """One account's trading days."""

    kept = Kept

    def __init__(self, schedule: ResetSchedule) -> None:
        self._schedule = schedule

    def begin(self, kept: Any, now: Now) -> Step[Kept]:
        """Say which day it is, then catch up a reset that was missed."""
        if kept is None:
            state = Kept(last_reset=self._schedule.previous(now.wall))
            return Step(state, (self._known(state.last_reset), self._timer(state)))
        after = self._due(kept, now)
        return Step(after.state, (self._known(kept.last_reset), *after.effects))

    def handle(self, state: Kept, message: Message, now: Now) -> Step[Kept]:
        """Reset when the time has come."""
        match message:
            case TimerFired(purpose=Purpose.RESET):
                return self._due(state, now)
            case _:
                return Step(state)

    def keep(self, state: Kept) -> Kept:
        """Keep the last reset."""
        return state

    def _due(self, state: Kept, now: Now) -> Step[Kept]:
        instant = self._schedule.previous(now.wall)
        if instant <= state.last_reset:
            return Step(state, (self._timer(state),))
        after = Kept(last_reset=instant)
        day = self._known(instant).message
        assert isinstance(day, DayKnown)
        due = ResetDue(instant=instant, day=day.day, next_reset=day.next_reset)
        return Step(after, (Send(PARENT, due), self._timer(after)))

    def _known(self, started: Nanos) -> Send:
        following = self._schedule.following(started)
        day = DayKnown(started=started, day=self._schedule.day(started), next_reset=following)
        return Send(PARENT, day)

    def _timer(self, state: Kept) -> Effect:
        deadline = self._schedule.following(state.last_reset)
        timer = StartTimer(name=TIMER, purpose=Purpose.RESET, clock=Clock.WALL, deadline=deadline)
        return Send("timer", timer)
