"""The clocks: the only place where time enters, as the `Now` of an input."""

import time
from collections.abc import Callable

from protocol.units import Nanos, Now

type Clock = Callable[[], Now]
"""Whatever reads the time: `now`, or a ShiftedClock in its place."""


def now() -> Now:
    """Read the calendar's clock and the stopwatch."""
    return Now(wall=Nanos(time.time_ns()), mono=Nanos(time.monotonic_ns()))


class ShiftedClock:
    """A clock that starts at a chosen wall time and runs at the real pace.

    Demonstrations and tests live through a reset or an expiry with it, and need not wait for five
    in the afternoon.  The stopwatch is the real one: durations are true.
    """

    def __init__(self, wall: Nanos) -> None:
        self._shift = wall - time.monotonic_ns()

    def __call__(self) -> Now:
        """Read both clocks."""
        mono = time.monotonic_ns()
        return Now(wall=Nanos(mono + self._shift), mono=Nanos(mono))
