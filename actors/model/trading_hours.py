"""The sessions of an account as a whole: its own windows, and those of products that differ."""

from datetime import time
from functools import lru_cache

import msgspec

from actors.model.aliases import BUT, canonical, check_pattern, matches, most_specific, rank
from actors.model.calendar import Calendar, clock, wall_time
from actors.model.sessions import WEEK, Ending, Timetable, Window
from protocol.units import Nanos

EVERYTHING = "*"
DAY_MINUTES = 24 * 60


class TradingHours(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An account's windows, and those of products that have their own in their place."""

    account: Timetable
    products: dict[str, Timetable] = {}
    """By root or pattern, in any case and under any name; the most specific one governs."""

    def __post_init__(self) -> None:
        """Raise ValueError("key: what is wrong; how to mend it")."""
        seen: dict[str, str] = {}
        for pattern in self.products:
            try:
                check_pattern(pattern)
            except ValueError as error:
                raise ValueError(f"products: {error}") from None
            twin = seen.setdefault(canonical(pattern), pattern)
            if twin != pattern:
                raise ValueError(f"products: {pattern!r} is the same as {twin!r}; keep one of them")

    def pattern(self, root: str) -> str | None:
        """Return the pattern whose windows govern a product; None if the account's do."""
        return most_specific(self.products, root)

    def timetable(self, root: str) -> Timetable:
        """Return the windows that govern a product."""
        pattern = self.pattern(root)
        return self.account if pattern is None else self.products[pattern]

    def next_change(self, now: Nanos) -> Nanos | None:
        """Return the next instant at which an answer changes, for the account or any product."""
        tables = (self.account, *self.products.values())
        instants = [table.state(now).until for table in tables]
        return min((each for each in instants if each is not None), default=None)

    def scope(self, pattern: str | None) -> str | None:
        """Return the scope of a lock on just the products that a pattern's windows govern.

        None as a pattern stands for the account's own, and as a scope for all products.
        """
        stronger = self.products if pattern is None else self._stronger(pattern)
        name = EVERYTHING if pattern is None else canonical(pattern)
        if not stronger:
            return None if pattern is None else name
        return f"{name}{BUT}{', '.join(map(canonical, stronger))}"

    def _stronger(self, pattern: str) -> list[str]:
        """Return the other patterns that may govern a product that this one covers."""
        order = sorted(self.products, key=rank, reverse=True)
        earlier = order[: order.index(pattern)]
        return [one for one in earlier if "*" in one or matches(pattern, one)]

    @property
    def calendars(self) -> tuple[Calendar, ...]:
        """Return every calendar that is read."""
        tables = (self.account, *self.products.values())
        return tuple(dict.fromkeys(table.calendar for table in tables))


@lru_cache(maxsize=256)
def timetable(
    calendar: Calendar, windows: tuple[Window, ...], zone: str, ending: Ending
) -> Timetable:
    """Return a timetable, one for all accounts that have the same: it is worked out once."""
    return Timetable(calendar=calendar, windows=windows, zone=zone, ending=ending)


def narrower(held: tuple[Window, ...], wanted: tuple[Window, ...]) -> tuple[Window, ...]:
    """Return the windows wanted if they lie within those that are held, else the latter."""
    return wanted if minutes(wanted) <= minutes(held) else held


@lru_cache(maxsize=256)
def minutes(windows: tuple[Window, ...]) -> frozenset[int]:
    """Return the minutes of the week that windows take in, Monday's midnight being the first."""
    found: set[int] = set()
    for window in windows:
        start, end = (minute(wall_time(one)) for one in (window.start, window.end))
        span = (end - start) % DAY_MINUTES
        for day in window.days:
            first = WEEK.index(day) * DAY_MINUTES + start
            found.update(one % (7 * DAY_MINUTES) for one in range(first, first + span))
    return frozenset(found)


def minute(at: time) -> int:
    """Return the minute of the day."""
    return 60 * at.hour + at.minute


def check_windows(windows: tuple[Window, ...], zone: str | None) -> None:
    """Raise ValueError("key: what is wrong; how to mend it")."""
    if not windows:
        raise ValueError("windows: names none; for the whole session write its own times")
    if zone is not None:
        clock(zone)
