"""Locks: a set, never shorter, each ending by itself, and nobody can unlock."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from actors.lockout import TIMER, Kept, Lockout, State
from protocol.decisions import LockEnded, LockSet
from protocol.effects import PARENT
from protocol.lockouts import CertifyLock, Lock, LockKind, LockRequest, LocksChanged, SetLock
from protocol.schedule import Clock, ClockSkewed, Purpose, TimerFired
from protocol.units import SECOND, Nanos, Now, RuleName
from tests.actors.rig import ACCOUNT, COUNT, ES, LOSS, MNQ, START, Bench, later

HARD, COOLDOWN = LockKind.HARD, LockKind.COOLDOWN
CONDITION, PAUSE = LockKind.CONDITION, LockKind.PAUSE


def end(seconds: int) -> Nanos:
    return Nanos(START.wall + seconds * SECOND)


class LockBench(Bench):
    """A lockout actor, and what it told its account last."""

    def __init__(self, kept: Any = None, now: Now = START, *, clocked: bool = True) -> None:
        super().__init__(Lockout(ACCOUNT), kept, now)
        if clocked:
            self.tell(ClockSkewed(ahead=Nanos(0)))

    def set(
        self,
        until: Nanos | None,
        rule: RuleName = LOSS,
        scope: str | None = None,
        kind: LockKind = HARD,
    ) -> None:
        request = LockRequest(kind=kind, until=until, scope=scope)
        self.tell(SetLock(rule=rule, request=request, reason="so it is"))

    def fire(self) -> None:
        self.tell(TimerFired(name=TIMER, purpose=Purpose.LOCK_END, deadline=Nanos(0)))

    @property
    def locks(self) -> dict[tuple[str | None, RuleName], Nanos | None]:
        """Return the locks that the account knows of."""
        told = [one for to, one in self.sent if to == PARENT and isinstance(one, LocksChanged)]
        assert told[-1].locks == self.state.locks
        return {lock.key: lock.until for lock in told[-1].locks}


@pytest.mark.parametrize(
    ("first", "second", "then"),
    [
        pytest.param(end(60), end(90), end(90), id="longer"),
        pytest.param(end(60), end(60), end(60), id="the same"),
        pytest.param(end(60), end(30), end(60), id="I5: never shorter"),
        pytest.param(end(60), None, None, id="without end is longer"),
        pytest.param(None, end(60), None, id="I5: without end stays without end"),
        pytest.param(end(60), end(-5), end(60), id="I5: an end in the past ends nothing"),
    ],
)
def test_setting_a_lock_again(
    first: Nanos | None, second: Nanos | None, then: Nanos | None
) -> None:
    bench = LockBench()
    bench.set(first)
    bench.set(second)

    assert bench.locks == {(None, LOSS): then}
    assert len([one for one in bench.said if isinstance(one, LockSet)]) == (
        1 if then == first else 2
    )


@pytest.mark.parametrize(
    ("held", "asked", "then"),
    [
        pytest.param((COOLDOWN, end(90)), (HARD, end(60)), (HARD, end(90)), id="harder"),
        pytest.param((COOLDOWN, end(60)), (HARD, end(90)), (HARD, end(90)), id="and longer"),
        pytest.param((COOLDOWN, end(60)), (HARD, end(60)), (HARD, end(60)), id="as long"),
        pytest.param((PAUSE, None), (CONDITION, None), (CONDITION, None), id="without end"),
        pytest.param((PAUSE, None), (HARD, end(60)), (PAUSE, None), id="not for ever"),
        pytest.param((HARD, end(90)), (COOLDOWN, end(60)), (HARD, end(90)), id="I5: not softer"),
    ],
)
def test_a_lock_that_is_asked_for_as_a_harder_one_is_one(
    held: tuple[LockKind, Nanos | None],
    asked: tuple[LockKind, Nanos | None],
    then: tuple[LockKind, Nanos | None],
) -> None:
    """So it is where a clock is set back over the end that a session's last minutes waited for."""
    bench = LockBench()
    bench.set(held[1], kind=held[0])
    bench.tell(CertifyLock(rule=LOSS, at=Nanos(7)))
    bench.set(asked[1], kind=asked[0])

    lock = bench.state.locks[0]
    assert (lock.kind, lock.until) == then
    assert lock.certified == (7 if then == held else None), "another kind asks for another proof"


def test_a_lock_that_would_be_over_at_once_is_none() -> None:
    bench = LockBench()
    bench.set(START.wall)

    assert bench.locks == {}


def test_locks_of_two_rules_and_scopes_stand_side_by_side_lesson_61() -> None:
    bench = LockBench()
    bench.set(end(60))
    bench.set(end(30), COUNT, kind=COOLDOWN)
    bench.set(end(20), LOSS, MNQ, LockKind.SYMBOL)
    assert bench.locks == {(None, LOSS): end(60), (None, COUNT): end(30), (MNQ, LOSS): end(20)}

    bench.now = later(START, 30 * SECOND)
    bench.fire()
    assert bench.locks == {(None, LOSS): end(60)}


@pytest.mark.parametrize(
    ("seconds", "locked"), [(59, True), (60, False), (61, False)], ids=["before", "at", "after"]
)
def test_a_lock_ends_when_its_instant_has_come(seconds: int, *, locked: bool) -> None:
    bench = LockBench()
    bench.set(end(60))
    bench.now = later(START, seconds * SECOND)
    bench.fire()

    assert bool(bench.locks) is locked
    assert any(isinstance(one, LockEnded) for one in bench.said) is not locked


def test_the_timer_is_set_to_the_next_end_on_the_calendar() -> None:
    bench = LockBench()
    bench.set(end(60))
    bench.set(end(30), COUNT)
    timer = bench.timers[TIMER]
    assert (timer.deadline, timer.clock) == (end(30), Clock.WALL)

    bench.now = later(START, 30 * SECOND)
    bench.fire()
    assert bench.timers[TIMER].deadline == end(60)


def test_a_restart_tells_the_locks_before_anything_else_i5() -> None:
    before = LockBench()
    before.set(end(60))
    before.set(None, COUNT, kind=CONDITION)
    after = LockBench(before.kept(), later(START, 10 * SECOND))

    to, first = after.sent[0]
    assert (to, first) == (PARENT, LocksChanged(locks=before.state.locks))
    assert after.timers[TIMER].deadline == end(60)
    assert after.said == []


def test_what_ran_out_while_nobody_looked_ends_at_the_restart() -> None:
    before = LockBench()
    before.set(end(60))
    before.set(None, COUNT, kind=CONDITION)
    after = LockBench(before.kept(), later(START, 3_600 * SECOND))

    assert after.locks == {(None, COUNT): None}
    assert [type(one) for one in after.said] == [LockEnded]


def test_a_clock_set_back_ends_nothing_early_i5() -> None:
    bench = LockBench()
    bench.set(end(60))
    bench.now = Now(wall=Nanos(START.wall - 86_400 * SECOND), mono=bench.now.mono)
    bench.fire()

    assert bench.locks == {(None, LOSS): end(60)}


def test_the_first_certificate_is_noted() -> None:
    bench = LockBench()
    bench.set(end(60))
    bench.set(end(60), COUNT)
    bench.tell(CertifyLock(rule=LOSS, at=Nanos(7)))
    bench.tell(CertifyLock(rule=LOSS, at=Nanos(9)))

    certified = {lock.rule: lock.certified for lock in bench.state.locks}
    assert certified == {LOSS: 7, COUNT: None}


RULES = st.sampled_from((LOSS, COUNT, RuleName("symbol_blocks")))
SCOPES = st.sampled_from((None, MNQ, ES))
ENDS = st.none() | st.integers(-20, 200)


class Locking(RuleBasedStateMachine):
    """I5: whatever is asked and however often it restarts, no lock ends before its time."""

    @initialize()
    def start(self) -> None:
        self.bench = LockBench()
        self.owed: dict[tuple[str | None, RuleName], Nanos | None] = {}

    @rule(name=RULES, scope=SCOPES, seconds=ENDS, kind=st.sampled_from(LockKind))
    def lock(self, name: RuleName, scope: str | None, seconds: int | None, kind: LockKind) -> None:
        until = None if seconds is None else later(self.bench.now, seconds * SECOND).wall
        self.bench.set(until, name, scope, kind)
        key = (scope, name)
        if until is None:
            self.owed[key] = None
        elif until > self.bench.now.wall and key in self.owed:
            held = self.owed[key]
            self.owed[key] = None if held is None else max(held, until)
        elif until > self.bench.now.wall:
            self.owed[key] = until

    @rule(seconds=st.integers(1, 90))
    def wait(self, seconds: int) -> None:
        self.bench.now = later(self.bench.now, seconds * SECOND)
        timer = self.bench.timers.get(TIMER)
        if timer is not None and timer.deadline <= self.bench.now.wall:
            self.bench.fire()
        now = self.bench.now.wall
        self.owed = {key: one for key, one in self.owed.items() if one is None or one > now}

    @rule()
    def fire_early(self) -> None:
        self.bench.fire()

    @rule(seconds=st.integers(0, 90))
    def restart(self, seconds: int) -> None:
        now = later(self.bench.now, seconds * SECOND)
        self.bench = LockBench(self.bench.kept(), now)
        self.owed = {key: one for key, one in self.owed.items() if one is None or one > now.wall}

    @rule(name=RULES)
    def certify(self, name: RuleName) -> None:
        self.bench.tell(CertifyLock(rule=name, at=self.bench.now.wall))

    @invariant()
    def every_lock_stands_until_its_own_end(self) -> None:
        assert self.bench.locks == self.owed

    @invariant()
    def the_timer_is_set_to_the_first_end(self) -> None:
        ends = [one for one in self.owed.values() if one is not None]
        if ends:
            assert self.bench.timers[TIMER].deadline == min(ends)


TestLocking = Locking.TestCase


def test_what_is_kept_is_the_locks_and_nothing_else() -> None:
    lock = Lock(
        account_id=ACCOUNT,
        rule=LOSS,
        kind=HARD,
        scope=None,
        reason="",
        since=START.wall,
        until=end(60),
    )
    kept = Kept((lock,))

    assert Lockout(ACCOUNT).keep(State(kept)) is kept
    assert LockBench(replace(kept)).kept() == kept


def test_i5_before_the_clock_is_known_no_lock_ends() -> None:
    kept = LockBench()
    kept.set(end(60))
    bench = Bench(Lockout(ACCOUNT), kept.kept(), later(START, 61 * SECOND))
    assert bench.state.locks
    bench.tell(TimerFired(name=TIMER, purpose=Purpose.LOCK_END, deadline=Nanos(0)))
    assert bench.state.locks, "a clock that was set forward meanwhile ends nothing"

    bench.tell(ClockSkewed(ahead=Nanos(30 * SECOND)))
    assert bench.state.locks
    assert bench.timers[TIMER].deadline == end(90)
    bench.tell(ClockSkewed(ahead=Nanos(0)))
    assert bench.state.locks == ()


@pytest.mark.parametrize(("ahead", "locked"), [(0, False), (100, True)])
def test_i5_before_the_clock_is_known_no_lock_is_over_before_it_begins(
    ahead: int, *, locked: bool
) -> None:
    bench = LockBench(clocked=False)
    bench.set(end(-60))
    bench.fire()
    assert bench.locks == {(None, LOSS): end(-60)}

    bench.tell(ClockSkewed(ahead=Nanos(ahead * SECOND)))
    assert bool(bench.locks) == locked


def test_i5_a_clock_that_is_ahead_ends_a_lock_when_both_say_so() -> None:
    bench = LockBench()
    bench.set(end(60))
    bench.tell(ClockSkewed(ahead=Nanos(100 * SECOND)))
    bench.now = later(START, 159 * SECOND)
    bench.fire()
    assert list(bench.locks.values()) == [end(60)]
    assert bench.timers[TIMER].deadline == end(160)
    bench.set(end(60), rule=COUNT)
    assert len(bench.locks) == 2, "it is not over by the Gateway's clock"

    bench.now = later(START, 160 * SECOND)
    bench.fire()
    assert bench.locks == {}
