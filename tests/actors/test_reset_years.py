"""I6: exactly one reset per account and trading day, over twenty years of a machine's life.

The machine starts at any time, sleeps, crashes, and has its clock set wrong and right again.  What
should have happened is worked out beside it, by placing each date's wall time in the zone.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from actors.behaviour import Step
from actors.model.schedule import ResetSchedule
from actors.reset import Kept, Reset
from actors.timer import Kept as Timers
from actors.timer import Timer
from protocol.codec import decode_state, encode_state
from protocol.effects import PARENT, Send, Wake
from protocol.message import Message
from protocol.schedule import ClockSkewed, DayKnown, ResetDue, Tick
from protocol.units import SECOND, Nanos, Now
from tests.model.walls import place

YEARS = 20
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
SCHEDULES = [
    ("America/Chicago", "0 17 * * *"),
    ("America/Chicago", "30 2 * * *"),  # does not come once a year
    ("Europe/London", "30 1 * * *"),  # comes twice once a year
    ("Australia/Lord_Howe", "15 2 * * *"),  # clocks change by half an hour
    ("Asia/Tokyo", "0 0 * * *"),
]
EVERY_SCHEDULE = pytest.mark.parametrize(("zone", "at"), SCHEDULES)


class Truth:
    """Every end of a day in those years, and the date that names it."""

    def __init__(self, zone: str, at: str) -> None:
        minute, hour = map(int, at.split()[:2])
        first = datetime(2023, 12, 1, hour, minute, tzinfo=UTC)
        dates = [first + timedelta(days=days) for days in range(YEARS * 366 + 90)]
        self.ends = [place(named, ZoneInfo(zone)) for named in dates]
        self.names = [named.date().isoformat() for named in dates]

    def day(self, wall: Nanos) -> str:
        """Return the day that an instant belongs to: it ends with the first end after it."""
        return self.names[bisect_right(self.ends, wall)]

    def between(self, since: Nanos, until: Nanos) -> list[Nanos]:
        """Return the ends in (since, until]."""
        return self.ends[bisect_right(self.ends, since) : bisect_right(self.ends, until)]


class Machine:
    """The reset actor and the timer that wakes it, in lives that end without warning."""

    def __init__(self, zone: str, at: str, wall: Nanos) -> None:
        self.schedule = ResetSchedule(at, zone)
        self.wall = wall
        self.day = ""
        self.done: list[tuple[Nanos, Nanos]] = []
        """Each reset's instant, and when it was done."""
        self._wake: Nanos | None = None
        self._disk: tuple[bytes, bytes] | None = None
        self.start()

    def start(self) -> None:
        """Begin a life with what the disk holds."""
        timers, days = (None, None) if self._disk is None else self._disk
        self._wake = None
        self.timer, self.reset = Timer(), Reset(self.schedule)
        begun = self.timer.begin(None if timers is None else decode_state(timers, Timers), self.now)
        self._timer = begun.state
        dated = self.reset.begin(None if days is None else decode_state(days, Kept), self.now)
        self._reset = dated.state
        self._take(dated)
        self._take(begun)
        known = self.reset.handle(self._reset, ClockSkewed(ahead=Nanos(0)), self.now)
        self._reset = known.state
        self._take(known)
        self._save()

    @property
    def now(self) -> Now:
        return Now(wall=self.wall, mono=self.wall)

    def run(self, span: int) -> None:
        """Live on, and wake up whenever the timer asked for it."""
        end = Nanos(self.wall + span)
        while self._wake is not None and self._wake <= end:
            self.wall = max(self.wall, self._wake)
            self.look()
        self.wall = end

    def look(self) -> None:
        """Tick, as the desk does when a deadline has come, and when its clock has jumped."""
        if self._wake is not None and self._wake <= self.wall:
            self._wake = None
            self._tell_timer(Tick())

    def _tell_timer(self, message: Message) -> None:
        step = self.timer.handle(self._timer, message, self.now)
        self._timer = step.state
        self._take(step)

    def _take(self, step: Step[Any]) -> None:
        for effect in step.effects:
            match effect:
                case Send("timer", message):
                    self._tell_timer(message)
                case Send("reset", message):
                    judged = self.reset.handle(self._reset, message, self.now)
                    self._reset = judged.state
                    self._take(judged)
                case Send(to, DayKnown(day=day)):
                    assert to == PARENT
                    self.day = day
                case Send(to, ResetDue(instant=instant, day=day)):
                    assert to == PARENT
                    self.day = day
                    self.done.append((instant, self.wall))
                case Wake(wall=wall) if wall is not None:
                    self._wake = wall if self._wake is None else min(self._wake, wall)
                case _:
                    raise AssertionError(effect)
        self._save()

    def _save(self) -> None:
        kept = self.timer.keep(self._timer), self.reset.keep(self._reset)
        self._disk = encode_state(kept[0]), encode_state(kept[1])


def begin(random: Random, zone: str, at: str) -> Machine:
    """Start a machine at any second of the first year."""
    first = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    return Machine(zone, at, Nanos((first + random.randrange(365 * 86_400)) * SECOND))


@EVERY_SCHEDULE
def test_a_machine_that_never_sleeps_resets_at_each_instant_i6(zone: str, at: str) -> None:
    truth = Truth(zone, at)
    machine = begin(Random(at), zone, at)
    since = machine.wall
    for _ in range(12 * (YEARS - 1)):
        machine.run(30 * DAY)
        assert machine.day == truth.day(machine.wall)

    ends = truth.between(since, machine.wall)
    assert machine.done == [(each, each) for each in ends]
    assert len(ends) > 365 * (YEARS - 2)
    spans = {later - earlier for earlier, later in pairwise(ends)}
    assert all(22 * HOUR < span < 26 * HOUR for span in spans)
    assert len(spans) == (1 if zone == "Asia/Tokyo" else 3), "both changes of clocks"


@EVERY_SCHEDULE
@pytest.mark.parametrize("seed", [1, 2])
def test_sleeps_crashes_and_late_starts_reset_each_day_once_i6(
    zone: str, at: str, seed: int
) -> None:
    random, truth = Random(f"{seed} {zone} {at}"), Truth(zone, at)
    machine = begin(random, zone, at)
    since = machine.wall
    end = Nanos(since + (YEARS - 1) * 365 * DAY)
    away: list[tuple[Nanos, Nanos]] = []
    while machine.wall < end:
        machine.run(random.randrange(4 * DAY))
        left = machine.wall
        longest = random.choice((MINUTE, DAY, 9 * DAY))
        span = random.randrange(longest)
        machine.wall = Nanos(machine.wall + span)
        away.append((left, machine.wall))
        if random.random() < 1 / 2:
            machine.look()  # it slept, and the desk sees that its clock has jumped
        else:
            machine.start()
        assert machine.day == truth.day(machine.wall)

    instants = [instant for instant, _ in machine.done]
    assert instants == sorted(set(instants)), "none twice"
    missed = [ends for gap in away if (ends := truth.between(*gap))]
    latest = [ends[-1] for ends in missed]
    skipped = {one for ends in missed for one in ends[:-1]}
    assert set(instants) == set(truth.between(since, machine.wall)) - skipped
    assert len(skipped) > 100, "also several at once"
    late = {instant: done for instant, done in machine.done if instant != done}
    assert set(late) <= set(latest), "what was lived through came at its instant"
    assert all(truth.between(instant, done) == [] for instant, done in late.items())


@EVERY_SCHEDULE
def test_a_clock_set_wrong_and_right_again_repeats_none_i6(zone: str, at: str) -> None:
    random, truth = Random(f"set {zone} {at}"), Truth(zone, at)
    machine = begin(random, zone, at)
    since = machine.wall
    for _ in range(1_000):
        machine.run(random.randrange(3 * DAY))
        back = random.randrange(2 * DAY)
        machine.wall = Nanos(machine.wall - back)
        machine.look()
        if random.random() < 1 / 4:
            machine.start()
        machine.run(random.randrange(DAY))
        machine.wall = Nanos(machine.wall + back)
        machine.look()

    instants = [instant for instant, _ in machine.done]
    assert instants == sorted(set(instants)), "none twice"
    assert set(instants) <= set(truth.between(since, max(machine.wall, *instants)))
    machine.run(3 * DAY)
    assert machine.day == truth.day(machine.wall), "and it is where it should be"
