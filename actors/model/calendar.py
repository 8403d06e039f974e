"""When an exchange trades: its sessions, closed days and early closes, as instants.

A session opens on the evening before the date that names it, and closes on that date: Globex from
17:00 until 16:00 in Chicago, so that its week runs from Sunday evening to Friday afternoon with
an hour's halt each day.  A session holds its start and not its end.

On a holiday the exchange may halt at noon without settling: the session that opens that evening
goes on with the same trading day.  Such dates are `carried`.

A calendar ends.  Past its end nothing is known, and nothing is ever said to be open.
"""

import re
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from actors.model.aliases import canonical
from protocol.units import SECOND, Nanos

ALARM_DAYS = 60
"""So long before a calendar ends, somebody should be told."""
SATURDAY = 5
_DAY = timedelta(days=1)
_WALL_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


class Session(NamedTuple):
    """One opening of the exchange: [start, end)."""

    day: date
    """The date it closes on, which names it."""
    trading_day: date
    """The date that its trades are settled under."""
    start: Nanos
    end: Nanos


class EarlyClose(NamedTuple):
    """A date on which the session ends before its usual time."""

    day: date
    at: time


class Horizon(StrEnum):
    """How far a calendar still reaches."""

    AHEAD = "ahead"
    NEAR = "near"
    """It ends within 60 days: an alarm."""
    OUTSIDE = "outside"
    """It has ended, or not begun: an error, and no session is known."""


class Calendar(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The sessions of one exchange's products, from one date to another, both included."""

    name: str
    zone: str
    open: time
    """On the evening before."""
    close: time
    valid_from: date
    valid_to: date
    reviewed: date
    """When somebody last compared it to what the exchange publishes."""
    closed: tuple[date, ...] = ()
    """In order, as the other dates and names: two that say the same are the same bytes."""
    early_closes: tuple[EarlyClose, ...] = ()
    carried: tuple[date, ...] = ()
    products: tuple[str, ...] = ()
    """The exchange's names of the products whose sessions these are."""

    def __post_init__(self) -> None:
        clock(self.zone)
        assert self.close < self.open, "a session opens on the evening before"
        assert self.valid_from <= self.valid_to, "a calendar reaches from a date to a later one"

    def knows(self, root: str) -> bool:
        """Tell whether the calendar is this product's own; another's holidays may differ."""
        return canonical(root) in self.products

    def covers(self, now: Nanos) -> bool:
        """Tell whether the calendar reaches this instant."""
        return self.since <= now < self.until

    def session(self, day: date) -> Session | None:
        """Return the session that closes on a date; None if there is none, or none is known."""
        found = bisect_left(self.sessions, day, key=_day)
        near = self.sessions[found : found + 1]
        return near[0] if near and near[0].day == day else None

    def session_at(self, now: Nanos) -> Session | None:
        """Return the session that this instant lies in."""
        latest = self.sessions[: bisect_right(self.sessions, now, key=_start)][-1:]
        return latest[0] if latest and now < latest[0].end else None

    def following(self, now: Nanos) -> Session | None:
        """Return the first session that starts after this instant; None past the last one."""
        found = bisect_right(self.sessions, now, key=_start)
        return self.sessions[found] if found < len(self.sessions) else None

    def trading_day(self, now: Nanos) -> date | None:
        """Return the exchange's trading day; None where the calendar does not reach.

        A day lasts until the next one's session may open: the daily halt belongs to the day that
        has closed, a weekend to the Monday after it.
        """
        return self._settled(self._named(now)) if self.covers(now) else None

    def horizon_days(self, now: Nanos) -> int:
        """Return how many dates the calendar still knows after this one: negative once it ended."""
        return (self.valid_to - self._named(now)).days

    def horizon(self, now: Nanos) -> Horizon:
        """Return how far the calendar still reaches."""
        if not self.covers(now):
            return Horizon.OUTSIDE
        return Horizon.NEAR if self.horizon_days(now) <= ALARM_DAYS else Horizon.AHEAD

    def horizon_changes(self, now: Nanos) -> Nanos | None:
        """Return the next instant at which `horizon` answers otherwise."""
        near = self._opening(self.valid_to - ALARM_DAYS * _DAY)
        return next((each for each in (self.since, near, self.until) if each > now), None)

    @cached_property
    def since(self) -> Nanos:
        """The evening on which the first date's session opens, or would."""
        return self._opening(self.valid_from)

    @cached_property
    def until(self) -> Nanos:
        """The evening on which a session may open that is no longer known."""
        return self._opening(self.valid_to + _DAY)

    @cached_property
    def sessions(self) -> tuple[Session, ...]:
        """Every session, worked out once: ten microseconds each."""
        early = dict(self.early_closes)
        days = (
            self.valid_from + n * _DAY for n in range((self.valid_to - self.valid_from).days + 1)
        )
        return tuple(
            Session(
                day=day,
                trading_day=self._settled(day),
                start=self._opening(day),
                end=place(day, early.get(day, self.close), clock(self.zone)),
            )
            for day in days
            if day.weekday() < SATURDAY and day not in self.closed
        )

    def _opening(self, day: date) -> Nanos:
        return place(day - _DAY, self.open, clock(self.zone))

    def _named(self, now: Nanos) -> date:
        """Return the date that a session would have that lasts all day."""
        today = datetime.fromtimestamp(now // SECOND, clock(self.zone)).date()
        return today + _DAY if now >= self._opening(today + _DAY) else today

    def _settled(self, day: date) -> date:
        while day.weekday() >= SATURDAY or day in self.closed or day in self.carried:
            day += _DAY
        return day


def place(day: date, at: time, zone: ZoneInfo) -> Nanos:
    """Return the instant of a wall time.

    One that comes twice, as clocks are set back, counts when it comes first.  One that never
    comes, as they are set forward, counts at the moment after the gap.  Resets are placed alike.
    """
    wall = datetime.combine(day, at, UTC)  # as if it were UTC, so that it compares

    def shown(second: int) -> datetime:
        return datetime.fromtimestamp(second, zone).replace(tzinfo=UTC)

    second = int(wall.replace(tzinfo=zone, fold=0).timestamp())
    if shown(second) != wall:
        gap = range(int(wall.replace(tzinfo=zone, fold=1).timestamp()), second)
        second = gap.start + bisect_left(gap, wall, key=shown)
    return Nanos(second * SECOND)


def clock(zone: str) -> ZoneInfo:
    """Return a time zone; raise ValueError("zone: what is wrong; how to mend it")."""
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        mend = 'write an IANA name like "America/Chicago"'
        raise ValueError(f"zone: {zone!r} is no time zone; {mend}") from None


def wall_time(text: str) -> time:
    """Return a time of day; raise ValueError("what is wrong; how to mend it")."""
    if not _WALL_TIME.fullmatch(text):
        raise ValueError(f'{text!r} is no time of day; write it as "HH:MM", from 00:00 to 23:59')
    return time.fromisoformat(text)


def _day(session: Session) -> date:
    return session.day


def _start(session: Session) -> Nanos:
    return session.start
