"""When a trading day ends, judged by the days it would make."""

import re
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import msgspec
from croniter import croniter
from croniter.croniter import CroniterError

from config.errors import Invalid, printable

# A year with both changes of the clock, and a day at each end.
FROM, UNTIL = datetime(2026, 12, 31), datetime(2028, 1, 2)  # noqa: DTZ001  (in the schedule's zone)
STEP = r"(?:\d{1,2}|[A-Za-z]{3})"
PART = rf"(?:\*(?:/\d{{1,2}})?|{STEP}(?:-{STEP}(?:/\d{{1,2}})?)?)"
FORM = re.compile(rf"{PART}(?:,{PART})*(?: +{PART}(?:,{PART})*){{4}}")
DAILY = 'write at = "0 17 * * *": every day at 17:00'


class ResetSchedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a trading day ends: a cron expression in a time zone."""

    at: str = "0 17 * * *"
    zone: str = "America/Chicago"

    def __post_init__(self) -> None:
        if not croniter.is_valid(self.at):
            raise ValueError(f"at: {self.at!r} is no cron expression")
        ZoneInfo(self.zone)


@cache
def longest_day(at: str, zone: str) -> timedelta:
    """Return the longest trading day of a year; raise `Invalid` where a date would end two.

    Only plain expressions are taken: libraries differ in what the others mean, among them 59/15
    and a field for seconds.
    """
    if not FORM.fullmatch(at):
        raise Invalid(
            "at",
            f'"{printable(at)}" is no plain cron expression',
            why="it takes minute, hour, day, month and weekday: *, 5, 1-5, 1-10/2, */2, 1,3, mon",
            mend=DAILY,
        )
    try:
        ends = croniter(at, FROM.replace(tzinfo=ZoneInfo(zone)))
        before: datetime = ends.get_next(datetime)
        longest = timedelta()
        while before.replace(tzinfo=None) < UNTIL:
            after: datetime = ends.get_next(datetime)
            if after.date() == before.date():
                raise Invalid(
                    "at",
                    f'"{at}" ends two trading days on {after:%d %B}',
                    why="a trading day is known by the date on which it ends; "
                    "at night the clock's changes can repeat an hour",
                    mend=DAILY,
                )
            longest = max(longest, after - before)
            before = after
    except CroniterError as error:
        told = f'"{at}" never comes' if "find next" in str(error) else f'"{at}" is no time of day'
        raise Invalid("at", told, mend=DAILY) from error
    return longest
