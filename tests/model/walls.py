"""Where wall times lie, worked out the slow way: what the schedule and the resets are held to."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from protocol.units import SECOND, Nanos


def first_showing(named: datetime, zone: ZoneInfo) -> Nanos:
    """Find by trying when a clock on the wall first shows this time, or a later one."""
    low = int((named - timedelta(hours=27)).timestamp()) // 60
    for minute in range(low, low + 54 * 60):
        if datetime.fromtimestamp(minute * 60, zone).replace(tzinfo=UTC) >= named:
            return Nanos(minute * 60 * SECOND)
    raise AssertionError(named)


def place(named: datetime, zone: ZoneInfo) -> Nanos:
    """Place a wall time the short way, but by trying where a clock is set within a day."""
    at = named.replace(tzinfo=zone)
    offsets = {(at + timedelta(days=days)).utcoffset() for days in (-1, 0, 1)}
    if len(offsets) == 1:
        return Nanos(int(at.timestamp()) * SECOND)
    return first_showing(named, zone)
