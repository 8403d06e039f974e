"""Count what a trader does: over the last minute, the last hour and the session.

The windows roll: what is exactly as old as the window has left it.  A session is half-open, and
what happened at its very start is in it.  What the broker dates in the future counts already.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from actors.model.round_trips import RoundTrips
from protocol.units import SECOND, Nanos

MINUTE: Final = Nanos(60 * SECOND)
HOUR: Final = Nanos(3_600 * SECOND)


class Count(StrEnum):
    """What is counted."""

    ENTRIES = "entries"
    """Orders that opened or increased exposure, each when it first did."""
    ORDERS = "orders"
    """Orders that were filled, each when it first was."""
    FILLS = "fills"
    ROUND_TRIPS = "round_trips"
    """Each when it was flat again."""


class Tally(msgspec.Struct, frozen=True):
    """A count, and the instant at which it next falls by itself; None if it does not."""

    count: int
    falls: Nanos | None


class Frequency(msgspec.Struct, frozen=True):
    """The counts at one instant; that of the session does not fall before its end."""

    minute: Tally
    hour: Tally
    session: Tally


def instants(trips: RoundTrips, count: Count) -> Sequence[Nanos]:
    """Return when each of what is counted happened, oldest first; a list grows with the day."""
    match count:
        case Count.ENTRIES:
            return trips.entries
        case Count.ORDERS:
            return trips.orders
        case Count.FILLS:
            return trips.fills
        case Count.ROUND_TRIPS:
            return tuple(one.closed for one in trips.closings())


def frequency(happened: Sequence[Nanos], session: Nanos, now: Nanos) -> Frequency:
    """Count instants, oldest first, as of now; `session` is the session's first instant."""
    return Frequency(
        minute=rolling(happened, MINUTE, now),
        hour=rolling(happened, HOUR, now),
        session=Tally(len(happened) - bisect_left(happened, session), None),
    )


def rolling(happened: Sequence[Nanos], window: Nanos, now: Nanos) -> Tally:
    """Count the instants that are younger than the window."""
    left = bisect_right(happened, now - window)
    falls = Nanos(happened[left] + window) if left < len(happened) else None
    return Tally(len(happened) - left, falls)
