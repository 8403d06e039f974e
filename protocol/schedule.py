"""Time as messages: ticks, named timers, the daily reset."""

from enum import StrEnum

from protocol.message import Message
from protocol.units import Nanos


class Purpose(StrEnum):
    """What a timer is for; each is answered by exactly one actor."""

    LOCK_END = "lock_end"
    RESET = "reset"
    ENFORCER = "enforcer"
    SWEEP = "sweep"
    READ = "read"
    RULE = "rule"
    CALENDAR = "calendar"


class Clock(StrEnum):
    """Which clock a deadline is on: the calendar's or the stopwatch's."""

    WALL = "wall"
    MONO = "mono"


class Tick(Message, frozen=True, kw_only=True):
    """The desk says that a deadline has come; `now` is the news."""


class ClockJumped(Message, frozen=True, kw_only=True):
    """The wall clock and the stopwatch disagree by this many nanoseconds since the last input."""

    by: Nanos


class ClockSkewed(Message, frozen=True, kw_only=True):
    """The wall clock is ahead of the Gateway's by so much: nothing ends before both say so."""

    ahead: Nanos


class StartTimer(Message, frozen=True, kw_only=True):
    """Command to the timer actor; the same name again replaces the deadline."""

    name: str
    purpose: Purpose
    clock: Clock
    deadline: Nanos


class CancelTimer(Message, frozen=True, kw_only=True):
    """Command to the timer actor; an unknown name is no error."""

    name: str


class TimerFired(Message, frozen=True, kw_only=True):
    """The deadline has come: now >= deadline."""

    name: str
    purpose: Purpose
    deadline: Nanos


class ResetDue(Message, frozen=True, kw_only=True):
    """A reset instant has come, or was missed and is caught up; once per instant."""

    instant: Nanos
    day: str
    next_reset: Nanos


class DayKnown(Message, frozen=True, kw_only=True):
    """From the reset actor as it starts: the trading day that `now` belongs to."""

    started: Nanos
    day: str
    next_reset: Nanos
