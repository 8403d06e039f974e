"""When an account may trade: windows on a wall clock, within the sessions of the exchange.

A window holds its start and not its end.  One that starts later than it ends crosses midnight,
and belongs to the weekday on which it starts.  Windows that touch or overlap are one.  What counts
is the time in which both a window and the exchange are open, so a window ends with the exchange
on days of early closes, and is not there at all on closed days.

Before each end come two stages: no new exposure, then flatten; then it is closed.  A window
shorter than a stage begins in that stage.

A wall time that comes twice, as clocks are set back, counts when it comes first: a window that
ends at such a time ends early rather than late, and each window comes once a day.  A wall time
that never comes, as clocks are set forward, counts at the moment after the gap: a window that lies
within the gap is not there on that day.

Where the calendar does not reach, the stage is `unknown`, which is never open.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import msgspec

from actors.model.calendar import Calendar, clock, place, wall_time
from protocol.units import SECOND, Nanos

MINUTE = 60 * SECOND
_DAY = timedelta(days=1)
type _Span = tuple[Nanos, Nanos]


class Weekday(StrEnum):
    """A day of the week, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEK = tuple(Weekday)


class Stage(StrEnum):
    """What the clock allows."""

    OPEN = "open"
    NO_NEW_EXPOSURE = "no_new_exposure"
    FLATTEN = "flatten"
    CLOSED = "closed"
    UNKNOWN = "unknown"
    """The calendar does not reach: an error, and to be treated as anything but open."""


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A time of day in which trading is allowed, on some weekdays."""

    start: str
    """When it starts, as "HH:MM"; that moment is within."""
    end: str
    """When it ends, as "HH:MM"; that moment is outside. Earlier than the start is the next day."""
    days: tuple[Weekday, ...] = WEEK
    """The weekdays on which it starts; the exchange's closed days go without saying."""

    def __post_init__(self) -> None:
        """Raise ValueError("key: what is wrong; how to mend it")."""
        for key, text in (("start", self.start), ("end", self.end)):
            try:
                wall_time(text)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        if self.start == self.end:
            raise ValueError(
                f"end: {self.end!r} is also the start; for the whole session write its own times"
            )
        if not self.days:
            raise ValueError('days: names no weekday; write for example ["mon", "tue"]')


WHOLE = Window("17:00", "16:00")
"""The whole session of a Globex day, in Chicago."""


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long before a window's end its last two stages begin."""

    no_new_exposure: Nanos = Nanos(10 * MINUTE)
    flatten: Nanos = Nanos(2 * MINUTE)

    def __post_init__(self) -> None:
        """Raise ValueError("key: what is wrong; how to mend it")."""
        if self.flatten < 0:
            raise ValueError("flatten: lies after the end; write a duration, or 0s for none")
        if self.no_new_exposure < self.flatten:
            raise ValueError(
                "no_new_exposure: begins later than flatten; it must be as long or longer"
            )


class Phase(NamedTuple):
    """A stretch of time, [since, until), in which every answer stays the same."""

    stage: Stage
    since: Nanos | None
    until: Nanos | None
    """When an answer changes next: the instant to set a timer to."""
    opened: Nanos | None
    """When the window began that is open now."""
    closes: Nanos | None
    """The next end of a window, of this one if it is open."""
    opens: Nanos | None
    """The next start of a window, of the following one if this one is open."""

    @property
    def is_open(self) -> bool:
        """Tell whether positions may stand."""
        return self.stage in _WITHIN


_WITHIN = frozenset({Stage.OPEN, Stage.NO_NEW_EXPOSURE, Stage.FLATTEN})


class Timetable(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The windows of an account or a product, as far as the calendar reaches."""

    calendar: Calendar
    windows: tuple[Window, ...]
    zone: str = "America/Chicago"
    """An IANA name: the wall clock that the windows are read on."""
    ending: Ending = Ending()

    def __post_init__(self) -> None:
        """Raise ValueError("key: what is wrong; how to mend it")."""
        clock(self.zone)
        if not self.windows:
            raise ValueError("windows: names none; for the whole session write its own times")

    def state(self, now: Nanos) -> Phase:
        """Return what holds at this instant: less than a microsecond, but for the first time."""
        starts, phases = self._table
        return phases[bisect_right(starts, now)]

    def is_open(self, now: Nanos) -> bool:
        """Tell whether positions may stand."""
        return self.state(now).is_open

    def closes(self, now: Nanos) -> Nanos | None:
        """Return the next end of a window; None if the calendar knows of none."""
        return self.state(now).closes

    def opens(self, now: Nanos) -> Nanos | None:
        """Return the next start of a window; None if the calendar knows of none."""
        return self.state(now).opens

    def began(self, now: Nanos) -> Nanos | None:
        """Return the latest start that is not after this instant, None if there was none."""
        found = bisect_right(self._starts, now)
        return self._starts[found - 1] if found else None

    def changes(self, now: Nanos) -> list[Nanos]:
        """Return every instant after this one at which an answer changes, the next one first."""
        starts, _ = self._table
        return starts[bisect_right(starts, now) :]

    @cached_property
    def spans(self) -> tuple[tuple[Nanos, Nanos], ...]:
        """Every stretch of time in which both a window and the exchange are open."""
        sessions = [(session.start, session.end) for session in self.calendar.sessions]
        return tuple(_merge(_overlap(sessions, list(_merge(self._windows())))))

    @cached_property
    def _starts(self) -> list[Nanos]:
        return [start for start, _ in self.spans]

    @cached_property
    def _table(self) -> tuple[list[Nanos], list[Phase]]:
        """The instants at which an answer changes, and one phase more than there are of these.

        Worked out at once, as years of windows take a few milliseconds only.
        """
        begins = {self.calendar.since: Stage.CLOSED}
        for start, end in self.spans:
            begins[start] = Stage.OPEN
            begins[_within(start, end, self.ending.no_new_exposure)] = Stage.NO_NEW_EXPOSURE
            begins[_within(start, end, self.ending.flatten)] = Stage.FLATTEN
            begins[end] = Stage.CLOSED
        begins[self.calendar.until] = Stage.UNKNOWN
        return list(begins), list(_phases(begins, self.spans))

    def _windows(self) -> Iterator[_Span]:
        zone = clock(self.zone)
        # A date more at each end, since the zone need not be the exchange's.
        first, last = self.calendar.valid_from - 2 * _DAY, self.calendar.valid_to + _DAY
        for window in self.windows:
            start, end = wall_time(window.start), wall_time(window.end)
            nights = _DAY if start > end else timedelta()
            weekdays = {WEEK.index(day) for day in window.days}
            for day in _dates(first, last):
                if day.weekday() in weekdays:
                    yield place(day, start, zone), place(day + nights, end, zone)


def _within(start: Nanos, end: Nanos, before: Nanos) -> Nanos:
    return Nanos(max(start, end - before))


def _dates(first: date, last: date) -> Iterator[date]:
    return (first + n * _DAY for n in range((last - first).days + 1))


def _merge(spans: Iterable[_Span]) -> Iterator[_Span]:
    """Yield the time that any span covers, in order; empty spans cover none."""
    reach: _Span | None = None
    for start, end in sorted(spans):
        if start >= end:
            continue
        if reach is None or start > reach[1]:
            if reach is not None:
                yield reach
            reach = start, end
        else:
            reach = reach[0], max(reach[1], end)
    if reach is not None:
        yield reach


def _overlap(some: list[_Span], others: list[_Span]) -> Iterator[_Span]:
    """Yield the time that both cover; each must be in order and apart."""
    one = other = 0
    while one < len(some) and other < len(others):
        yield max(some[one][0], others[other][0]), min(some[one][1], others[other][1])
        if some[one][1] < others[other][1]:
            one += 1
        else:
            other += 1


def _phases(begins: dict[Nanos, Stage], spans: tuple[_Span, ...]) -> Iterator[Phase]:
    """Yield the phase before the first beginning, and the one after each."""
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    stages = (Stage.UNKNOWN, *begins.values())
    for stage, (since, until) in zip(stages, pairwise((None, *begins, None)), strict=True):
        ended = 0 if since is None else bisect_right(ends, since)
        begun = 0 if since is None else bisect_right(starts, since)
        yield Phase(
            stage=stage,
            since=since,
            until=until,
            opened=starts[ended] if stage in _WITHIN else None,
            closes=ends[ended] if ended < len(ends) else None,
            opens=starts[begun] if begun < len(starts) else None,
        )
