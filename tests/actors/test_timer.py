"""Timers: named, kept, fired once, in an order that makes sense."""

from typing import Any

import pytest

from actors.behaviour import Step
from actors.timer import State, Timer
from protocol.codec import decode_state, encode_state
from protocol.effects import PARENT, Effect, Send, Wake
from protocol.message import Message
from protocol.schedule import CancelTimer, Clock, Purpose, StartTimer, Tick, TimerFired
from protocol.units import SECOND, Nanos, Now
from tests.actors.rig import START, later

WALL, MONO = Clock.WALL, Clock.MONO


class TimerBench:
    """A timer actor at a time of one's choosing."""

    def __init__(self, kept: Any = None, now: Now = START) -> None:
        self.logic = Timer()
        self.now = now
        self.effects: list[Effect] = []
        self.take(self.logic.begin(kept, now))

    def take(self, step: Step[State]) -> None:
        self.state = step.state
        self.effects += step.effects

    def tell(self, message: Message) -> None:
        self.take(self.logic.handle(self.state, message, self.now))

    def start(
        self, seconds: int, name: str = "x", clock: Clock = WALL, purpose: Purpose = Purpose.RESET
    ) -> None:
        due = later(START, seconds * SECOND)
        deadline = due.wall if clock is WALL else due.mono
        self.tell(StartTimer(name=name, purpose=purpose, clock=clock, deadline=deadline))

    def tick(self, seconds: int) -> None:
        self.now = later(START, seconds * SECOND)
        self.tell(Tick())

    @property
    def fired(self) -> list[tuple[str, str]]:
        sent = [one for one in self.effects if isinstance(one, Send)]
        return [(one.to, one.message.name) for one in sent if isinstance(one.message, TimerFired)]

    @property
    def wakes(self) -> list[Wake]:
        return [one for one in self.effects if isinstance(one, Wake)]

    def kept(self) -> Any:
        return decode_state(encode_state(self.logic.keep(self.state)), self.logic.kept)


@pytest.mark.parametrize("clock", Clock)
@pytest.mark.parametrize(
    ("seconds", "fires"), [(9, False), (10, True), (11, True)], ids=["before", "at", "after"]
)
def test_a_timer_fires_when_its_deadline_has_come(
    clock: Clock, seconds: int, *, fires: bool
) -> None:
    bench = TimerBench()
    bench.start(10, clock=clock)
    bench.tick(seconds)

    assert bool(bench.fired) is fires


def test_a_timer_fires_once() -> None:
    bench = TimerBench()
    bench.start(10)
    bench.tick(10)
    bench.tick(20)

    assert bench.fired == [("reset", "x")]


def test_a_deadline_in_the_past_fires_at_once() -> None:
    bench = TimerBench()
    bench.start(-1)

    assert bench.fired == [("reset", "x")]


def test_starting_it_again_replaces_the_deadline_lesson_69() -> None:
    bench = TimerBench()
    bench.start(10)
    bench.start(30)
    bench.tick(10)
    assert bench.fired == []
    bench.tick(30)

    assert len(bench.fired) == 1


def test_a_cancelled_timer_never_fires() -> None:
    bench = TimerBench()
    bench.start(10)
    bench.tell(CancelTimer(name="x"))
    bench.tell(CancelTimer(name="never heard of"))
    bench.tick(99)

    assert bench.fired == []


def test_timers_of_one_instant_fire_in_the_order_that_makes_sense() -> None:
    """The day ends before its locks do, and the enforcer acts on what is left."""
    bench = TimerBench()
    for purpose in reversed(Purpose):
        bench.start(10, purpose.value, purpose=purpose)
    bench.start(9, "earlier", purpose=Purpose.SWEEP)
    bench.tick(10)

    names = [name for _, name in bench.fired]
    assert bench.fired[:3] == [
        ("reset", "reset"),
        ("lockout", "lock_end"),
        ("enforcer", "enforcer"),
    ]
    assert {to for to, _ in bench.fired[3:]} == {PARENT}
    assert names.index("sweep") == names.index("earlier") + 1
    assert sorted(names) == sorted([*Purpose, "earlier"])


def test_an_overdue_timer_fires_once_at_the_restart_lesson_66() -> None:
    before = TimerBench()
    before.start(10)
    after = TimerBench(before.kept(), later(START, 3_600 * SECOND))
    assert after.fired == [("reset", "x")]

    again = TimerBench(after.kept(), later(START, 7_200 * SECOND))
    assert again.fired == []


def test_a_timer_that_is_not_due_survives_the_restart() -> None:
    before = TimerBench()
    before.start(10)
    after = TimerBench(before.kept(), later(START, 5 * SECOND))
    assert after.fired == []
    assert Wake(wall=Nanos(START.wall + 10 * SECOND)) in after.effects

    after.tick(10)
    assert after.fired == [("reset", "x")]


def test_a_stopwatch_of_another_process_is_overdue() -> None:
    before = TimerBench()
    before.start(1_000, clock=MONO)
    after = TimerBench(before.kept(), Now(wall=START.wall, mono=Nanos(1)))

    assert after.fired == [("reset", "x")]


def test_one_tick_is_asked_for_at_a_time_on_each_clock() -> None:
    bench = TimerBench()
    for number, seconds in enumerate((30, 20, 40, 10)):
        bench.start(seconds, str(number))
        bench.start(seconds, f"m{number}", clock=MONO)

    walls = [one.wall for one in bench.wakes if one.wall is not None]
    monos = [one.mono for one in bench.wakes if one.mono is not None]
    assert walls == [START.wall + seconds * SECOND for seconds in (30, 20, 10)]
    assert monos == [START.mono + seconds * SECOND for seconds in (30, 20, 10)]


def test_the_calendar_set_back_delays_only_the_calendars_timers() -> None:
    bench = TimerBench()
    bench.start(10, "wall")
    bench.start(10, "mono", clock=MONO)
    bench.now = Now(wall=Nanos(START.wall - SECOND), mono=Nanos(START.mono + 10 * SECOND))
    bench.tell(Tick())

    assert bench.fired == [("reset", "mono")]
