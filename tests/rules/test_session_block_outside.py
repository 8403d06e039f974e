"""RULE-009: flat outside the sessions, by the clock alone, and staged before the end."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.aliases import within
from actors.model.contract import root
from actors.model.schedule import ResetSchedule
from actors.model.sessions import Weekday, Window
from actors.model.tightening import differences, stricter
from actors.plan import AccountPlan, planned, settings_of
from actors.rules.rule import Hears, Judgement, RuleParams, Wake
from actors.rules.session_block_outside import (
    NAME,
    RULE,
    Instrument,
    Params,
    State,
    decide,
)
from config.calendars import load_shipped
from protocol.codec import decode_state, encode_state
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.schedule import Clock
from protocol.units import MILLISECOND, SECOND, AccountId, ContractId, Nanos, Now, RuleName
from tests.actors.rig import order
from tests.rules.books import ES, MNQ, NQ, RTY, holding, view

CHICAGO, LONDON = "America/Chicago", "Europe/London"
GOLD = ContractId("CON.F.US.GCE.Z26")
MICRO = ContractId("CON.F.US.MGC.Z26")
CALENDAR = replace(
    load_shipped("cme_equity"), valid_from=date(2026, 2, 2), valid_to=date(2026, 12, 31)
)
"""Quicker to work out; with both changes of clocks, Good Friday, Thanksgiving and Christmas."""
FLATTEN = (Goal(aim=Aim.FLATTEN),)
WEEKDAYS = tuple(map(Weekday, ("mon", "tue", "wed", "thu", "fri")))


def window(text: str) -> Window:
    """Read '08:30-15:00 mon tue', or without weekdays for all of them."""
    hours, *days = text.split()
    start, end = hours.split("-")
    return Window(start, end, tuple(map(Weekday, days))) if days else Window(start, end)


def hours(*windows: str, **more: Any) -> Params:
    settings: dict[str, Any] = {"calendar": CALENDAR, **more}
    if windows:
        settings["windows"] = tuple(map(window, windows))
    return Params(**settings)


DAY = hours("08:30-15:00 mon tue wed thu fri")
GLOBEX = hours()
NIGHT = hours("22:00-02:00 mon tue wed thu")


def at(text: str, zone: str = CHICAGO) -> Nanos:
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return Nanos(round(wall.timestamp() * 1_000) * MILLISECOND)


def moment(wall: Nanos, mono: int = 7) -> Now:
    return Now(wall=wall, mono=Nanos(mono * SECOND))


def ask(params: Params, instant: str | Nanos, **fields: Any) -> Judgement[State]:
    wall = at(instant) if isinstance(instant, str) else instant
    return decide(params, State(), replace(view(), **fields), moment(wall))


def lock_of(breach: Breach) -> LockRequest:
    assert breach.lock is not None
    return breach.lock


def told(params: Params, instant: str) -> tuple[LockKind, str | None] | None:
    """Return the lock that is asked for and its end by the clock in Chicago, if any is."""
    breaches = ask(params, instant).breaches
    if not breaches:
        return None
    (lock,) = map(lock_of, breaches)
    assert lock.scope is None
    return lock.kind, None if lock.until is None else text(lock.until)


def text(instant: Nanos, zone: str = CHICAGO) -> str:
    return datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone)).strftime("%m-%d %H:%M")


HARD, COOLDOWN = LockKind.HARD, LockKind.COOLDOWN


@pytest.mark.parametrize(
    ("params", "instant", "lock"),
    [
        # A window by day, Wednesday to Thursday
        pytest.param(DAY, "2026-11-18T08:29:59.999", (HARD, "11-18 08:30"), id="just before"),
        pytest.param(DAY, "2026-11-18T08:30:00", None, id="the start is within"),
        pytest.param(DAY, "2026-11-18T14:49:59.999", None, id="the last moment of all freedom"),
        pytest.param(DAY, "2026-11-18T14:50:00", (COOLDOWN, "11-18 15:00"), id="T-10"),
        pytest.param(DAY, "2026-11-18T14:57:59.999", (COOLDOWN, "11-18 15:00"), id="before T-2"),
        pytest.param(DAY, "2026-11-18T14:58:00", (HARD, "11-19 08:30"), id="T-2"),
        pytest.param(DAY, "2026-11-18T14:59:59.999", (HARD, "11-19 08:30"), id="before the end"),
        pytest.param(DAY, "2026-11-18T15:00:00", (HARD, "11-19 08:30"), id="the end is outside"),
        pytest.param(DAY, "2026-11-20T15:00:00", (HARD, "11-23 08:30"), id="over the weekend"),
        pytest.param(DAY, "2026-11-21T12:00:00", (HARD, "11-23 08:30"), id="Saturday"),
        # Globex
        pytest.param(GLOBEX, "2026-11-15T16:59:59.999", (HARD, "11-15 17:00"), id="Sunday 16:59"),
        pytest.param(GLOBEX, "2026-11-15T17:00:00", None, id="Sunday's open, lesson 75"),
        pytest.param(GLOBEX, "2026-11-15T23:59:59.999", None, id="before midnight"),
        pytest.param(GLOBEX, "2026-11-16T00:00:00", None, id="at midnight"),
        pytest.param(GLOBEX, "2026-11-16T15:50:00", (COOLDOWN, "11-16 16:00"), id="the halt, T-10"),
        pytest.param(GLOBEX, "2026-11-16T16:00:00", (HARD, "11-16 17:00"), id="the daily halt"),
        pytest.param(GLOBEX, "2026-11-16T17:00:00", None, id="after the halt"),
        pytest.param(GLOBEX, "2026-11-20T16:00:00", (HARD, "11-22 17:00"), id="Friday's close"),
        # Overnight windows belong to the day on which they start
        pytest.param(NIGHT, "2026-11-16T21:59:59.999", (HARD, "11-16 22:00"), id="night: before"),
        pytest.param(NIGHT, "2026-11-16T22:00:00", None, id="night: Monday's starts"),
        pytest.param(NIGHT, "2026-11-17T01:49:59.999", None, id="night: Tuesday morning"),
        pytest.param(NIGHT, "2026-11-17T01:50:00", (COOLDOWN, "11-17 02:00"), id="night: T-10"),
        pytest.param(NIGHT, "2026-11-17T02:00:00", (HARD, "11-17 22:00"), id="night: its end"),
        pytest.param(NIGHT, "2026-11-20T01:00:00", None, id="night: Thursday's, on Friday"),
        pytest.param(NIGHT, "2026-11-20T23:00:00", (HARD, "11-23 22:00"), id="night: not Friday's"),
        pytest.param(NIGHT, "2026-11-22T23:00:00", (HARD, "11-23 22:00"), id="night: not Sunday's"),
        # Early closes and closed days
        pytest.param(GLOBEX, "2026-11-26T11:49:59.999", None, id="Thanksgiving morning"),
        pytest.param(GLOBEX, "2026-11-26T11:50:00", (COOLDOWN, "11-26 12:00"), id="early: T-10"),
        pytest.param(GLOBEX, "2026-11-26T11:58:00", (HARD, "11-26 17:00"), id="early: T-2"),
        pytest.param(GLOBEX, "2026-11-26T12:00:00", (HARD, "11-26 17:00"), id="early: the end"),
        pytest.param(DAY, "2026-11-27T12:05:00", (COOLDOWN, "11-27 12:15"), id="early: the window"),
        pytest.param(DAY, "2026-11-27T12:15:00", (HARD, "11-30 08:30"), id="early: it has ended"),
        pytest.param(GLOBEX, "2026-12-24T12:13:00", (HARD, "12-27 17:00"), id="Christmas Eve"),
        pytest.param(DAY, "2026-12-25T10:00:00", (HARD, "12-28 08:30"), id="Christmas"),
        pytest.param(GLOBEX, "2026-04-03T08:13:00", (HARD, "04-05 17:00"), id="Good Friday 2026"),
        # Clocks change on Sunday 03-08 and 11-01
        pytest.param(GLOBEX, "2026-03-07T12:00:00", (HARD, "03-08 17:00"), id="into summer"),
        pytest.param(GLOBEX, "2026-03-08T16:59:59.999", (HARD, "03-08 17:00"), id="summer: before"),
        pytest.param(GLOBEX, "2026-03-08T17:00:00", None, id="summer: the open"),
        pytest.param(GLOBEX, "2026-10-31T12:00:00", (HARD, "11-01 17:00"), id="into winter"),
        pytest.param(GLOBEX, "2026-11-01T16:59:59.999", (HARD, "11-01 17:00"), id="winter: before"),
        pytest.param(GLOBEX, "2026-11-01T17:00:00", None, id="winter: the open"),
        # A window shorter than a stage begins in it
        pytest.param(hours("09:00-09:05"), "2026-11-18T09:00", (COOLDOWN, "11-18 09:05"), id="5 m"),
        pytest.param(hours("09:00-09:01"), "2026-11-18T09:00", (HARD, "11-19 09:00"), id="1 m"),
        # Two a day
        pytest.param(hours("09:00-11:00", "13:00-15:00"), "2026-11-18T10:58", (HARD, "11-18 13:00"),
                     id="until the day's second"),
        pytest.param(hours("09:00-11:00", "11:00-15:00"), "2026-11-18T10:59", None,
                     id="windows that touch are one"),
    ],
)  # fmt: skip
def test_the_clock_says_what_may_be(
    params: Params, instant: str, lock: tuple[LockKind, str] | None
) -> None:
    assert told(params, instant) == lock


def test_lesson_63_the_open_is_an_hour_earlier_by_utc_in_summer() -> None:
    summer, winter = (
        lock_of(ask(GLOBEX, f"2026-{day}T12:00").breaches[0]) for day in ("03-07", "10-31")
    )
    assert summer.until is not None
    assert winter.until is not None
    assert (text(summer.until, "UTC"), text(winter.until, "UTC")) == ("03-08 22:00", "11-01 23:00")


@pytest.mark.parametrize(
    ("instant", "stage"),
    [
        pytest.param("2026-11-18T12:00", None, id="open"),
        pytest.param("2026-11-18T14:52", (), id="exits and stops stay"),
        pytest.param("2026-11-18T14:58", FLATTEN, id="flatten"),
        pytest.param("2026-11-18T15:00", FLATTEN, id="outside"),
    ],
)
def test_what_each_stage_demands(instant: str, stage: tuple[Goal, ...] | None) -> None:
    breaches = ask(DAY, instant, holdings=(holding(MNQ, 2),), orders=(order(1),)).breaches

    assert [one.goals for one in breaches] == ([] if stage is None else [stage])
    assert all(one.priority is Priority.HARD_LOCKOUT and one.rule == NAME for one in breaches)


def test_it_says_why_and_until_when() -> None:
    held, later = (holding(MNQ, 2),), "the next one starts Thu 2026-11-19 08:30 CST"
    said = [
        ask(DAY, f"2026-11-18T{clock}", holdings=held).breaches[0].why
        for clock in ("14:50", "14:58", "15:00")
    ]

    assert said == [
        "the session ends Wed 2026-11-18 15:00 CST: nothing may be added any more",
        f"the session ends Wed 2026-11-18 15:00 CST, all is closed 2m before; {later}",
        f"{MNQ}: outside the session; {later}",
    ]
    judged = ask(DAY, "2026-11-18T09:00")
    assert judged.limit == "08:30-15:00 America/Chicago"
    assert judged.used == "open until Wed 2026-11-18 14:50 CST"


# The calendar's end


def test_the_last_session_has_no_next_one_so_its_lock_waits_for_a_calendar() -> None:
    assert told(GLOBEX, "2026-12-31T15:50") == (COOLDOWN, "12-31 16:00")
    assert told(GLOBEX, "2026-12-31T15:58") == (LockKind.CONDITION, None)
    assert told(GLOBEX, "2026-12-31T16:30") == (LockKind.CONDITION, None)


@pytest.mark.parametrize("instant", ["2027-03-03T10:00", "2026-01-05T10:00", "2031-01-01T00:00"])
def test_what_the_calendar_does_not_know_is_not_open(instant: str) -> None:
    judged = ask(GLOBEX, instant, holdings=(holding(MNQ, 1),))

    (breach,) = judged.breaches
    assert breach.goals == FLATTEN
    assert lock_of(breach).until is None or instant < "2026-02"
    assert "what is not known is not open" in breach.why


def test_before_the_calendar_begins_the_lock_lasts_until_it_does() -> None:
    assert told(GLOBEX, "2026-01-05T10:00") == (HARD, "02-01 17:00")


# Products with sessions of their own

SPLIT = hours(
    "08:30-15:00",
    instruments={
        "GC": Instrument(windows=(window("07:00-12:00"),)),
        "M*": Instrument(windows=(window("09:00-14:00"),), zone=LONDON),
        "MNQ": Instrument(windows=(window("17:00-16:00"),)),
    },
)


@pytest.mark.parametrize(
    ("instant", "scopes"),
    [
        pytest.param("10:00", {"M* but MNQ"}, id="London has closed"),
        pytest.param("07:30", {"* but GC, M*, MNQ"}, id="the account has not opened"),
        pytest.param("12:00", {"GC", "M* but MNQ"}, id="gold has closed"),
        pytest.param("02:30", {"* but GC, M*, MNQ", "GC", "M* but MNQ"}, id="only MNQ is open"),
        pytest.param("16:30", {"* but GC, M*, MNQ", "GC", "M* but MNQ", "MNQ"}, id="the halt"),
    ],
)
def test_own_sessions_lock_their_products_alone(instant: str, scopes: set[str]) -> None:
    breaches = ask(SPLIT, f"2026-11-18T{instant}").breaches
    locks = [lock_of(one) for one in breaches]

    assert {one.scope for one in locks} == scopes
    assert {one.kind for one in locks} <= {LockKind.SYMBOL}


def test_a_lock_closes_just_what_its_sessions_govern() -> None:
    held = tuple(holding(one, 1, known=False) for one in (ES, GOLD, MICRO, MNQ, RTY))
    resting = order(1, NQ)
    found = ask(SPLIT, "2026-11-18T02:30", holdings=held, orders=(resting,)).breaches

    goals = {lock_of(one).scope: [goal.contract_id for goal in one.goals] for one in found}
    assert goals == {"* but GC, M*, MNQ": [NQ, ES, RTY], "GC": [GOLD], "M* but MNQ": [MICRO]}


@pytest.mark.parametrize("written", ["ES", "EP", "es", "ep"])
def test_own_sessions_govern_a_product_by_either_of_its_names(written: str) -> None:
    own = {written: Instrument(windows=(window("09:00-10:00"),))}
    params = hours("08:30-15:00", instruments=own)
    held = (holding(ES, 1, known=False), holding(NQ, 1, known=False))

    (breach,) = ask(params, "2026-11-18T11:00", holdings=held).breaches

    assert [goal.contract_id for goal in breach.goals] == [ES]
    assert lock_of(breach).scope == "ES"


PATTERNS = st.sampled_from(["ES", "NQ", "MNQ", "GC", "M*", "MN*", "*NQ", "E*", "*", "CL", "G*"])
ROOTS = st.sampled_from(["ES", "EP", "NQ", "ENQ", "MNQ", "MES", "GCE", "GC", "CLE", "RTY", "MGC"])


@given(st.lists(PATTERNS, unique=True, max_size=6), ROOTS)
def test_every_product_lies_in_exactly_one_scope_that_of_its_windows(
    patterns: list[str], product: str
) -> None:
    own = Instrument(windows=(window("09:00-14:00"),))
    found = hours(instruments=dict.fromkeys(patterns, own)).hours
    scopes = {one: found.scope(one) for one in (None, *patterns)}

    covering = [one for one, scope in scopes.items() if scope is None or within(scope, product)]
    assert covering == [found.pattern(product)]


# Verified at the end


def test_the_end_is_verified_by_a_read_that_left_after_it() -> None:
    state, book = State(), replace(view(), truth_asked=Nanos(1 * SECOND))
    before = decide(DAY, state, book, moment(at("2026-11-18T14:58")))
    assert not before.wants_truth, "not yet"

    end = decide(DAY, before.state, book, moment(at("2026-11-18T15:00"), 100))
    assert end.wants_truth
    again = decide(DAY, end.state, book, moment(at("2026-11-18T15:00"), 100))
    assert not again.wants_truth, "once is enough: the account asks until it is answered"
    assert again.state.verified == 0, "what was read before proves nothing"

    late = replace(book, truth_asked=Nanos(100 * SECOND))
    done = decide(DAY, again.state, late, moment(at("2026-11-18T15:01"), 101))
    assert (done.state, done.wants_truth) == (State(verified=at("2026-11-18T15:00")), False)
    kept = decode_state(encode_state(done.state), State)
    assert not decide(DAY, kept, late, moment(at("2026-11-18T20:00"), 102)).wants_truth
    assert decide(DAY, kept, late, moment(at("2026-11-19T15:00"), 103)).wants_truth, "the next end"


def test_a_machine_that_came_back_asks_anew() -> None:
    asked = State(asked=Nanos(5_000 * SECOND))
    judged = decide(DAY, asked, view(), moment(at("2026-11-18T15:00"), 3))

    assert (judged.wants_truth, judged.state.asked) == (True, 3 * SECOND)


def test_an_account_that_was_not_read_is_unknown_and_not_outside() -> None:
    judged = ask(DAY, "2026-11-18T20:00", known=False)

    assert judged.unknown == "the account has not been read"
    assert judged.breaches == ()
    assert judged.wake == Wake(Clock.WALL, at("2026-11-19T08:30"))


# The clock


def test_lesson_76_it_asks_for_every_boundary() -> None:
    instant, seen = at("2026-11-18T06:00"), list[str]()
    for _ in range(6):
        wake = ask(DAY, instant).wake
        assert wake is not None
        assert wake.clock is Clock.WALL
        instant = wake.at
        seen.append(text(instant))

    assert seen == [f"11-18 {one}" for one in ("08:30", "14:50", "14:58", "15:00")] + [
        "11-19 08:30",
        "11-19 14:50",
    ]


def test_it_asks_for_the_boundaries_of_products_too() -> None:
    wake = ask(SPLIT, "2026-11-18T06:00").wake

    assert wake == Wake(Clock.WALL, at("2026-11-18T07:00"))


def test_it_hears_positions_orders_and_the_clock() -> None:
    assert RULE.hears == Hears.POSITIONS | Hears.ORDERS | Hears.CLOCK
    assert RULE.priority is Priority.HARD_LOCKOUT


CLOCK_TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))


def any_window(start: str, end: str, days: list[Weekday]) -> Window:
    return Window(start, end if end != start else "12:34", tuple(days))


def any_hours(windows: list[Window], zone: str, early: int, last: int) -> Params:
    return hours(
        windows=tuple(windows), zone=zone, no_new_exposure=f"{early + last}m",
        flatten_before_end=f"{last}m",
    )  # fmt: skip


WINDOWS = st.builds(
    any_window,
    CLOCK_TIMES,
    CLOCK_TIMES,
    st.lists(st.sampled_from(list(Weekday)), min_size=1, unique=True),
)
SETTINGS = st.builds(
    any_hours,
    st.lists(WINDOWS, min_size=1, max_size=2),
    st.sampled_from([CHICAGO, LONDON, "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Honolulu"]),
    st.integers(0, 20),
    st.integers(0, 20),
)  # fmt: skip


@given(SETTINGS, st.integers(at("2026-02-03T00:00"), at("2026-12-30T00:00")), st.data())
def test_asked_only_when_it_wished_it_knows_every_instant_and_no_lock_has_a_gap(
    params: Params, start: int, data: st.DataObject
) -> None:
    """I5 and lesson 76: from one wish to the next nothing changes, and every lock is followed."""
    now, locked = Nanos(start), Nanos(0)
    for _ in range(8):
        judged = ask(params, now)
        if judged.wake is None:
            break
        assert judged.wake.at > now
        between = data.draw(st.integers(now, judged.wake.at - 1).map(Nanos))
        assert ask(params, between).breaches == judged.breaches
        table = params.hours.account
        assert bool(judged.breaches) == (table.state(now).stage.value != "open")
        for lock in map(lock_of, judged.breaches):
            assert lock.until is None or lock.until >= judged.wake.at, "until it judges again"
            if lock.kind is HARD:
                assert lock.until is None or table.is_open(lock.until)
                assert locked <= (lock.until or 1 << 63), "never earlier than before"
                locked = lock.until or locked
        now = judged.wake.at


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"windows": (window("08:30-14:00"),)}, id="windows"),
        pytest.param({"zone": LONDON}, id="zone"),
        pytest.param({"no_new_exposure": "20m"}, id="no_new_exposure"),
        pytest.param({"flatten_before_end": "5m"}, id="flatten_before_end"),
        pytest.param({"calendar": replace(CALENDAR, closed=(date(2026, 11, 18),))},
                     id="calendar"),
        pytest.param({"instruments": {"ES": Instrument(windows=(window("09:00-10:00"),))}},
                     id="instruments"),
    ],
)  # fmt: skip
def test_lessons_62_and_74_every_setting_is_obeyed(changed: dict[str, Any]) -> None:
    def day(**more: Any) -> list[object]:
        settings = {"windows": DAY.windows, **more}
        instants = [at(f"2026-11-18T{hour:02}:{minute:02}") for hour in range(24)
                    for minute in (0, 45, 52, 56)]  # fmt: skip
        return [ask(hours(**settings), one).breaches for one in instants]

    assert day() != day(**changed)


def test_stages_may_be_left_out() -> None:
    abrupt = hours("08:30-15:00", no_new_exposure="0s", flatten_before_end="0s")

    assert told(abrupt, "2026-11-18T14:59:59.999") is None
    assert told(abrupt, "2026-11-18T15:00") == (HARD, "11-19 08:30")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"windows": ()}, "windows: names none"),
        ({"zone": "Chicago"}, "zone: 'Chicago' is no time zone"),
        ({"no_new_exposure": "soon"}, "no_new_exposure: 'soon' is no duration"),
        ({"flatten_before_end": "2"}, "flatten_before_end: '2' is no duration"),
        ({"no_new_exposure": "1m"}, "no_new_exposure: 1m is shorter than flatten_before_end, 2m"),
        ({"instruments": {"F.US.EP": Instrument(windows=(window("09:00-10:00"),))}},
         "instruments: 'F.US.EP' is no product"),
        ({"instruments": dict.fromkeys(("ES", "ep"), Instrument(windows=(window("09:00-10:00"),)))},
         "instruments: 'ep' is the same as 'ES'"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        hours(**settings)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"windows": ()}, "windows: names none"),
        ({"windows": (window("09:00-10:00"),), "zone": "Mars"}, "zone: 'Mars' is no time zone"),
    ],
)
def test_a_product_is_judged_alike(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Instrument(**settings)


def test_a_product_may_have_a_calendar_of_its_own() -> None:
    own = replace(CALENDAR, name="metals", products=("GC",), closed=())
    params = hours(instruments={"GC": Instrument(windows=(window("17:00-16:00"),), calendar=own)})

    scopes = [lock_of(one).scope for one in ask(params, "2026-12-25T10:00").breaches]
    assert scopes == ["* but GC"], "at Christmas, by a calendar that does not know it"
    assert params.hours.calendars == (CALENDAR, own)
    assert root(GOLD) == "GCE"


# Reload: tighten at once, loosen at the next reset

GOLD_LATE = {"GC": Instrument(windows=(window("09:00-12:00"),))}
GOLD_LONG = {"GC": Instrument(windows=(window("08:00-13:00"),))}
GOLD_LATE_BY_THE_BROKER = {"GCE": GOLD_LATE["GC"]}


@pytest.mark.parametrize(
    ("loose", "strict"),
    [
        (hours("08:30-15:00"), hours("09:00-11:00", "13:00-15:00")),
        (hours("08:30-15:00"), hours("08:30-15:00 mon tue")),
        (hours("22:00-02:00"), hours("23:00-00:00 sun")),
        (hours("17:00-16:00 sun"), hours("00:00-06:00 mon")),
        (hours(), hours(no_new_exposure="11m")),
        (hours(), hours(flatten_before_end="3m")),
        (hours(instruments=GOLD_LONG), hours(instruments=GOLD_LATE)),
    ],
)
def test_what_is_stricter_applies_at_once_and_what_is_looser_waits(
    loose: Params, strict: Params
) -> None:
    assert stricter(loose, strict) == strict
    assert stricter(strict, loose) == strict


def test_a_product_is_the_same_by_its_other_name() -> None:
    held, wanted = hours(instruments=GOLD_LONG), hours(instruments=GOLD_LATE_BY_THE_BROKER)

    assert stricter(held, wanted) == hours(instruments=GOLD_LATE)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(hours("08:00-14:00"), id="windows that only overlap"),
        pytest.param(hours("09:00-10:00", zone=LONDON), id="another clock"),
        pytest.param(hours("08:30-15:00", instruments=GOLD_LONG), id="other products"),
        pytest.param(hours("08:30-15:00", calendar=load_shipped("cme_equity")), id="calendar"),
    ],
)
def test_what_cannot_be_compared_waits_for_the_reset(wanted: Params) -> None:
    held = hours("08:30-15:00")

    assert stricter(held, wanted) == held


def test_settings_come_back_from_the_tables_they_are_kept_in() -> None:
    rules: dict[RuleName, RuleParams] = {NAME: SPLIT}
    plan = AccountPlan(
        account_id=AccountId(1001), name="practice", reset=ResetSchedule(), rules=rules
    )
    settings = settings_of(plan)
    kept = decode_state(encode_state(settings), type(settings))

    assert planned(kept, AccountId(1001), "practice") == plan
    told = differences(plan, replace(plan, rules={NAME: hours("08:30-15:00")}))
    assert [one.partition(":")[0] for one in told] == ["rules.session_block_outside.instruments"]
    other = replace(plan, rules={NAME: replace(SPLIT, calendar=load_shipped("cme_equity"))})
    (said,) = differences(plan, other)
    assert said.endswith("-> cme_equity (reviewed 2026-11-22, until 2027-12-31)")
