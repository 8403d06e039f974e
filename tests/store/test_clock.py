"""The clocks run, and a shifted one runs from where it was put."""

import time

from actors.adapters.clock import Clock, ShiftedClock, now
from protocol.units import Nanos

FIVE_PM = Nanos(1_793_570_400_000_000_000)


def test_the_clock_reads_both_of_the_machines() -> None:
    before = (time.time_ns(), time.monotonic_ns())
    read = now()
    after = (time.time_ns(), time.monotonic_ns())

    assert before[0] <= read.wall <= after[0]
    assert before[1] <= read.mono <= after[1]


def test_a_shifted_clock_starts_where_told_and_keeps_the_pace() -> None:
    clock: Clock = ShiftedClock(FIVE_PM)
    first = clock()
    time.sleep(0.01)
    second = clock()

    assert 0 <= first.wall - FIVE_PM < 1_000_000_000
    assert second.wall - first.wall == second.mono - first.mono >= 10_000_000
    assert abs(second.mono - time.monotonic_ns()) < 1_000_000_000
