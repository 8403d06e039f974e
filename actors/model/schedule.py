"""When a trading day ends: a cron expression in a time zone, one date at a time.

The expression names wall times; croniter finds them, and we place them in time ourselves.  A wall
time that comes twice, as clocks are set back, counts when it comes first.  One that never comes,
as they are set forward, counts at the moment after the gap.  So there is exactly one end for each
date that the expression names, and the date is the trading day's name.

croniter places them otherwise (a repeated wall time fires twice), and reads more than cron does:
`17-17` is every hour to it, `59/15` changed its meaning between two versions.  Such fields are
refused.
"""

import re
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from croniter import croniter
from croniter.croniter import CroniterError

from protocol.units import SECOND, Nanos

FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
USUAL = 'write "0 17 * * *" for every day at 17:00'
_VALUE = r"(?:\d{1,2}|[a-z]{3})"
_PLAIN = re.compile(rf"(?:\*|{_VALUE}|(?P<low>{_VALUE})-(?P<high>{_VALUE}))(?P<step>/\d{{1,2}})?")
_FOLD_MAX = timedelta(hours=26)
"""More than any clock was ever set forward or back."""
_SPAN_S = 7 * 86_400
_TRIAL = datetime(2026, 1, 1, tzinfo=UTC)


class ResetSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When an account's trading days end, at most once on each date."""

    at: str = "0 17 * * *"
    """Minute, hour, day of the month, month, day of the week, as cron has them."""
    zone: str = "America/Chicago"
    """An IANA name: the wall clock that `at` is read on."""

    def __post_init__(self) -> None:
        """Raise ValueError("key: what is wrong, and how to mend it")."""
        _check_zone(self.zone)
        _check_at(self.at)

    def previous(self, now: Nanos) -> Nanos:
        """Return the latest end that is not after this instant."""
        ends = _ends(self.at, self.zone, now // SECOND // _SPAN_S)
        return ends[bisect_right(ends, now, key=_instant) - 1].instant

    def following(self, now: Nanos) -> Nanos:
        """Return the first end after this instant."""
        return self._first_after(now).instant

    def day(self, started: Nanos) -> str:
        """Return the name of the trading day that starts at this instant: the date it ends on.

        An end that was put off by a gap at midnight keeps the date that the expression names.
        """
        return self._first_after(started).date

    def _first_after(self, now: Nanos) -> "_End":
        ends = _ends(self.at, self.zone, now // SECOND // _SPAN_S)
        return ends[bisect_right(ends, now, key=_instant)]


class _End(NamedTuple):
    instant: Nanos
    date: str


def _instant(end: _End) -> Nanos:
    return end.instant


@lru_cache(maxsize=1_024)
def _ends(at: str, zone: str, span: int) -> tuple[_End, ...]:
    """Return the ends within one span of UTC, the last before it and the first after it.

    Asking croniter takes a millisecond or two, and who asks will ask again about the same week:
    1.5 microseconds then.
    """
    clock = ZoneInfo(zone)
    first, last = span * _SPAN_S * SECOND, (span + 1) * _SPAN_S * SECOND
    # From a wall time that is certainly too early, whichever way the clocks were set.
    start = datetime.fromtimestamp(span * _SPAN_S, clock).replace(tzinfo=UTC) - _FOLD_MAX
    walk = croniter(at, start, ret_type=datetime)
    named = walk.get_prev()
    found = {_place(named, clock): named}
    while max(found) <= last:
        named = walk.get_next()
        found[_place(named, clock)] = named
    instants = sorted(found)
    kept = instants[max(0, bisect_right(instants, first) - 1) :]
    return tuple(_End(instant, found[instant].date().isoformat()) for instant in kept)


def _place(named: datetime, clock: ZoneInfo) -> Nanos:
    """Return the instant of a wall time (which is written as if it were UTC)."""
    earlier = named.replace(tzinfo=clock, fold=0).astimezone(UTC)
    if earlier.astimezone(clock).replace(tzinfo=UTC) != named:
        earlier = _gap_end(named, clock)
    return Nanos(int(earlier.timestamp()) * SECOND)


def _gap_end(named: datetime, clock: ZoneInfo) -> datetime:
    """Return the moment after the gap that swallows this wall time."""
    low = named.replace(tzinfo=clock, fold=1).astimezone(UTC)
    high = named.replace(tzinfo=clock, fold=0).astimezone(UTC)
    offset = low.astimezone(clock).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(clock).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        known = sorted(available_timezones())
        names = {name.casefold(): name for name in known}
        cities = {name.casefold().rpartition("/")[2]: name for name in known if "/" in name}
        wanted = zone.casefold().replace(" ", "_")
        close = [names[near] for near in get_close_matches(wanted, names, n=1, cutoff=0.7)]
        close += [cities[near] for near in get_close_matches(wanted, cities, n=1, cutoff=0.8)]
        mend = f"did you mean {close[0]!r}?" if close else 'write a name like "America/Chicago"'
        raise ValueError(f"zone: {zone!r} is no time zone; {mend}") from None


@lru_cache
def _check_at(at: str) -> None:
    """Raise ValueError; what is right is read once: a start decodes it with every kept plan."""
    fields = at.split()
    if len(fields) != len(FIELDS):
        raise ValueError(
            f"at: {at!r} has {len(fields)} fields and needs 5, {', '.join(FIELDS)}; {USUAL}"
        )
    for name, field in zip(FIELDS, fields, strict=True):
        for part in field.casefold().split(","):
            _check_part(at, name, part)
    try:
        minutes, hours = croniter.expand(at)[0][:2]
        croniter(at, _TRIAL, ret_type=datetime).get_next()
    except CroniterError as error:
        what = "never comes" if "find next" in str(error) else "is no date or time of day"
        raise ValueError(f"at: {at!r} {what}; {USUAL}") from error
    if len(minutes) != 1 or len(hours) != 1 or "*" in (*minutes, *hours):
        raise ValueError(
            f"at: {at!r} comes more than once on a date, and a trading day is named by the date "
            f"it ends on; name one minute and one hour, or {USUAL}"
        )


def _check_part(at: str, name: str, part: str) -> None:
    plain = _PLAIN.fullmatch(part)
    if plain is None:
        raise ValueError(
            f"at: {at!r} has {part!r} as {name}; write *, a number, a range or a list of them, "
            f"or {USUAL}"
        )
    if plain["step"] and plain["low"] is None and not part.startswith("*"):
        raise ValueError(
            f"at: {at!r} has {part!r} as {name}, which programs read differently; "
            f"write the range, as in 1-31{plain['step']}, or leave {plain['step']!r} away"
        )
    if plain["low"] is not None and plain["low"] == plain["high"]:
        raise ValueError(
            f"at: {at!r} has {part!r} as {name}, which is read as every {name}; "
            f"write {plain['low']}"
        )
