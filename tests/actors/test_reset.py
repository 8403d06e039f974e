"""The daily reset: exactly one per account and trading day, whatever the clock does."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from actors.model.schedule import ResetSchedule
from actors.reset import TIMER, Kept, Reset
from protocol.effects import PARENT
from protocol.schedule import Clock, ClockSkewed, DayKnown, Purpose, ResetDue, TimerFired
from protocol.units import SECOND, Nanos, Now
from tests.actors.rig import Bench

SCHEDULE = ResetSchedule()
HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND


def utc(text: str) -> Now:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return Now(wall=Nanos(int(moment.timestamp()) * SECOND), mono=Nanos(1))


BEFORE, AT, AFTER = (
    utc("2026-11-23T22:59:59"),
    utc("2026-11-23T23:00:00"),
    utc("2026-11-23T23:00:01"),
)
"""Around 17:00 in Chicago."""


class ResetBench(Bench):
    """A reset actor, and what it told its account."""

    def __init__(self, kept: Kept | None = None, now: Now = BEFORE) -> None:
        super().__init__(Reset(SCHEDULE), kept, now)
        self.tell(ClockSkewed(ahead=Nanos(0)))

    def look(self, now: Now) -> None:
        self.now = now
        self.tell(TimerFired(name=TIMER, purpose=Purpose.RESET, deadline=Nanos(0)))

    @property
    def resets(self) -> list[Nanos]:
        return [one.instant for _, one in self.sent if isinstance(one, ResetDue)]


def test_the_first_start_says_the_day_and_resets_nothing() -> None:
    bench = ResetBench()

    ((to, known),) = bench.sent
    assert isinstance(known, DayKnown)
    assert (to, known.day, known.next_reset) == (PARENT, "2026-11-23", AT.wall)
    assert known.started == utc("2026-11-22T23:00:00").wall
    timer = bench.timers[TIMER]
    assert (timer.deadline, timer.clock, timer.purpose) == (AT.wall, Clock.WALL, Purpose.RESET)


def test_the_instant_itself_belongs_to_the_new_day() -> None:
    bench = ResetBench()
    bench.look(AT)

    (due,) = [one for _, one in bench.sent if isinstance(one, ResetDue)]
    assert (due.instant, due.day) == (AT.wall, "2026-11-24")
    assert due.next_reset == utc("2026-11-24T23:00:00").wall
    assert bench.timers[TIMER].deadline == due.next_reset


def test_a_look_too_early_resets_nothing_and_looks_again() -> None:
    bench = ResetBench()
    del bench.timers[TIMER]
    bench.look(BEFORE)

    assert bench.resets == []
    assert bench.timers[TIMER].deadline == AT.wall


def test_looking_again_does_not_reset_again_i6() -> None:
    bench = ResetBench()
    for now in (AT, AT, AFTER, AFTER):
        bench.look(now)

    assert bench.resets == [AT.wall]


def test_a_clock_set_back_does_not_repeat_a_reset_i6() -> None:
    bench = ResetBench()
    for now in (AFTER, BEFORE, AT, AFTER):
        bench.look(now)

    assert bench.resets == [AT.wall]


def test_a_reset_that_was_missed_is_caught_up_once_lesson_66() -> None:
    before = ResetBench()
    after = ResetBench(before.kept(), AFTER)
    assert after.resets == [AT.wall]

    again = ResetBench(after.kept(), AFTER)
    assert again.resets == []


def test_of_several_missed_the_latest_counts() -> None:
    before = ResetBench()
    after = ResetBench(before.kept(), utc("2026-11-27T12:00:00"))

    assert after.resets == [utc("2026-11-26T23:00:00").wall]


def test_the_old_day_is_told_before_the_reset_that_ends_it() -> None:
    before = ResetBench()
    after = ResetBench(before.kept(), AFTER)

    known, due = (one for _, one in after.sent)
    assert isinstance(known, DayKnown)
    assert isinstance(due, ResetDue)
    assert (known.day, due.day) == ("2026-11-23", "2026-11-24")


def test_a_year_has_a_reset_for_each_of_its_days_i6() -> None:
    bench = ResetBench(None, utc("2026-01-01T00:00:00"))
    for _ in range(365):
        bench.look(Now(wall=bench.timers[TIMER].deadline, mono=Nanos(1)))

    dates = [one.day for _, one in bench.sent if isinstance(one, ResetDue)]
    spans = {
        (later - earlier) // HOUR
        for earlier, later in zip(bench.resets, bench.resets[1:], strict=False)
    }
    assert len(set(dates)) == 365
    assert spans == {23, 24, 25}


def test_a_clock_that_is_ahead_of_the_gateways_ends_no_day_i6() -> None:
    bench = ResetBench()
    bench.tell(ClockSkewed(ahead=Nanos(HOUR)))
    bench.look(AFTER)
    assert bench.resets == []
    assert bench.timers[TIMER].deadline == AT.wall + HOUR

    bench.look(Now(wall=Nanos(AT.wall + HOUR), mono=Nanos(1)))
    assert bench.resets == [AT.wall]


def test_before_the_clock_is_known_no_day_ends() -> None:
    bench = Bench(Reset(SCHEDULE), ResetBench().kept(), AFTER)
    bench.tell(TimerFired(name=TIMER, purpose=Purpose.RESET, deadline=Nanos(0)))
    assert [one for _, one in bench.sent if isinstance(one, ResetDue)] == []

    bench.tell(ClockSkewed(ahead=Nanos(0)))
    assert [one.instant for _, one in bench.sent if isinstance(one, ResetDue)] == [AT.wall]


@given(st.lists(st.tuples(st.integers(-2 * DAY, 3 * DAY), st.booleans()), max_size=12))
def test_no_walk_of_the_clock_resets_an_instant_twice_i6(walk: list[tuple[int, bool]]) -> None:
    bench = ResetBench()
    wall, resets = BEFORE.wall, list[Nanos]()
    for by, restarts in walk:
        wall = Nanos(wall + by)
        if restarts:
            resets += bench.resets
            bench = ResetBench(bench.kept(), Now(wall=wall, mono=Nanos(1)))
        else:
            bench.look(Now(wall=wall, mono=Nanos(1)))
    resets += bench.resets

    assert resets == sorted(set(resets))


def test_the_day_of_a_first_start_is_named_again_by_the_gateways_clock() -> None:
    bench = Bench(Reset(SCHEDULE), None, AFTER)
    assert days(bench) == ["2026-11-24"]

    bench.tell(ClockSkewed(ahead=Nanos(HOUR)))
    assert days(bench) == ["2026-11-24", "2026-11-23"], "it is the day before's last hour"
    assert bench.timers[TIMER].deadline == AT.wall + HOUR

    bench.tell(ClockSkewed(ahead=Nanos(2 * HOUR)))
    assert len(days(bench)) == 2, "only the first word about the clock names the day"


def test_a_guessed_day_is_kept_as_a_guess_through_a_restart() -> None:
    before = Bench(Reset(SCHEDULE), None, AFTER)
    kept = before.kept()

    bench = Bench(Reset(SCHEDULE), kept, AFTER)
    bench.tell(ClockSkewed(ahead=Nanos(HOUR)))

    assert days(bench)[-1] == "2026-11-23"
    again = Bench(Reset(SCHEDULE), bench.kept(), BEFORE)
    again.tell(ClockSkewed(ahead=Nanos(DAY)))
    assert days(again) == ["2026-11-23"], "what two clocks have said is not taken back"


def days(bench: Bench) -> list[str]:
    return [one.day for _, one in bench.sent if isinstance(one, DayKnown)]
