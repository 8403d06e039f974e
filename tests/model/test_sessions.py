"""When an account may trade: windows, the exchange's sessions, and the stages before an end."""

import timeit
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.calendar import Calendar
from actors.model.sessions import (
    MINUTE,
    WHOLE,
    Ending,
    Phase,
    Stage,
    Timetable,
    Weekday,
    Window,
)
from actors.model.trading_hours import TradingHours
from config.calendars import load_shipped
from protocol.units import SECOND, Nanos

CALENDAR = load_shipped("cme_equity")
CHICAGO = "America/Chicago"
LONDON = "Europe/London"
HOUR = 60 * MINUTE
NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WITHIN = {Stage.OPEN, Stage.NO_NEW_EXPOSURE, Stage.FLATTEN}
DAY = Window("08:30", "15:00", tuple(map(Weekday, NAMES[:5])))
SUMMER = replace(CALENDAR, valid_from=date(2026, 6, 1), valid_to=date(2026, 12, 31))
"""Quicker to work out; with Thanksgiving, Christmas and a change of clocks."""


def table(*windows: Window, zone: str = CHICAGO, calendar: Calendar = CALENDAR) -> Timetable:
    return Timetable(calendar=calendar, windows=windows, zone=zone)


def window(text: str) -> Window:
    """Read '17:00-16:00 sun mon', or without weekdays for all of them."""
    hours, *days = text.split()
    start, end = hours.split("-")
    return Window(start, end, tuple(map(Weekday, days or NAMES)))


def at(text: str, zone: str = CHICAGO) -> Nanos:
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return Nanos(int(wall.timestamp()) * SECOND)


def local(instant: Nanos | None, zone: str = CHICAGO) -> str | None:
    if instant is None:
        return None
    return datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone)).strftime("%a %m-%d %H:%M")


@pytest.mark.parametrize(
    ("windows", "instant", "is_open"),
    [
        pytest.param("08:30-15:00", "2026-11-17T08:29:59", False, id="a second before the start"),
        pytest.param("08:30-15:00", "2026-11-17T08:30:00", True, id="the start is included"),
        pytest.param("08:30-15:00", "2026-11-17T14:59:59", True, id="the last second"),
        pytest.param("08:30-15:00", "2026-11-17T15:00:00", False, id="the end is not"),
        pytest.param("08:30-15:00 mon", "2026-11-17T10:00:00", False, id="Tuesday is not allowed"),
        pytest.param("08:30-15:00 tue", "2026-11-17T10:00:00", True, id="Tuesday is allowed"),
        pytest.param("08:30-15:00", "2026-11-21T10:00:00", False, id="no session on Saturday"),
        pytest.param("08:30-15:00", "2026-12-25T10:00:00", False, id="none at Christmas"),
        pytest.param("22:00-02:00", "2026-11-17T23:59:59", True, id="overnight, before midnight"),
        pytest.param("22:00-02:00", "2026-11-18T00:00:00", True, id="overnight, at midnight"),
        pytest.param("22:00-02:00", "2026-11-18T01:59:59", True, id="overnight, the last second"),
        pytest.param("22:00-02:00", "2026-11-18T02:00:00", False, id="overnight, the end"),
        pytest.param("22:00-02:00", "2026-11-18T12:00:00", False, id="overnight, by day"),
        pytest.param("22:00-02:00 tue", "2026-11-18T01:00:00", True, id="Tuesday's night"),
        pytest.param("22:00-02:00 wed", "2026-11-18T01:00:00", False, id="not yet Wednesday's"),
        pytest.param("22:00-00:00", "2026-11-17T23:59:59", True, id="until midnight"),
        pytest.param("22:00-00:00", "2026-11-18T00:00:00", False, id="until midnight, the end"),
        pytest.param("00:00-02:00 wed", "2026-11-18T00:00:00", True, id="from midnight"),
        pytest.param("17:00-16:00 sun", "2026-11-15T17:00:00", True, id="Sunday evening"),
        pytest.param("17:00-16:00", "2026-11-15T16:59:59", False, id="Sunday afternoon"),
        pytest.param("17:00-16:00 mon", "2026-11-15T18:00:00", False, id="Sunday is not Monday"),
        pytest.param("17:00-16:00 sun", "2026-11-16T15:59:59", True, id="Sunday's until Monday"),
        pytest.param("17:00-16:00 thu", "2026-11-20T15:59:59", True, id="Thursday's until Friday"),
        pytest.param("17:00-16:00", "2026-11-20T16:00:00", False, id="Friday's close"),
        pytest.param("17:00-16:00 fri", "2026-11-20T17:00:00", False, id="no Friday evening"),
        pytest.param("15:30-17:30", "2026-11-17T15:59:59", True, id="up to the halt"),
        pytest.param("15:30-17:30", "2026-11-17T16:00:00", False, id="the halt cuts a hole"),
        pytest.param("15:30-17:30", "2026-11-17T17:00:00", True, id="after the halt"),
    ],
)
def test_a_window_is_open(windows: str, instant: str, *, is_open: bool) -> None:
    assert table(window(windows)).is_open(at(instant)) is is_open


@pytest.mark.parametrize(
    ("instant", "is_open", "closes", "opens"),
    [
        # 08:30-15:00 from Monday to Friday, in Chicago.
        pytest.param(
            "2026-11-17T07:00", False, "Tue 11-17 15:00", "Tue 11-17 08:30", id="in the morning"
        ),
        pytest.param(
            "2026-11-17T08:30", True, "Tue 11-17 15:00", "Wed 11-18 08:30", id="at the start"
        ),
        pytest.param(
            "2026-11-17T15:00", False, "Wed 11-18 15:00", "Wed 11-18 08:30", id="at the end"
        ),
        pytest.param("2026-11-20T15:00", False, "Mon 11-23 15:00", "Mon 11-23 08:30", id="Friday"),
        pytest.param(
            "2026-11-25T16:00", False, "Thu 11-26 12:00", "Thu 11-26 08:30", id="Thanksgiving"
        ),
        pytest.param(
            "2026-11-27T09:00", True, "Fri 11-27 12:15", "Mon 11-30 08:30", id="the day after it"
        ),
        pytest.param(
            "2026-12-24T12:15", False, "Mon 12-28 15:00", "Mon 12-28 08:30", id="Christmas Eve"
        ),
        pytest.param(
            "2026-04-02T15:00", False, "Mon 04-06 15:00", "Mon 04-06 08:30", id="Good Friday"
        ),
        pytest.param(
            "2026-12-31T15:00", False, "Mon 01-04 15:00", "Mon 01-04 08:30", id="New Year"
        ),
        pytest.param("2027-12-31T14:00", True, "Fri 12-31 15:00", None, id="the last day"),
        pytest.param("2027-12-31T15:00", False, None, None, id="after it"),
        pytest.param("2028-01-04T10:00", False, None, None, id="past the calendar"),
        pytest.param(
            "2024-12-30T10:00", False, "Thu 01-02 15:00", "Thu 01-02 08:30", id="before it"
        ),
    ],
)
def test_when_it_closes_and_opens_next(
    instant: str, closes: str | None, opens: str | None, *, is_open: bool
) -> None:
    day = table(DAY)

    assert day.is_open(at(instant)) is is_open
    assert (local(day.closes(at(instant))), local(day.opens(at(instant)))) == (closes, opens)


@pytest.mark.parametrize(
    ("instant", "stage"),
    [
        pytest.param("2026-11-17T14:49:59", Stage.OPEN, id="before T-10"),
        pytest.param("2026-11-17T14:50:00", Stage.NO_NEW_EXPOSURE, id="at T-10"),
        pytest.param("2026-11-17T14:57:59", Stage.NO_NEW_EXPOSURE, id="before T-2"),
        pytest.param("2026-11-17T14:58:00", Stage.FLATTEN, id="at T-2"),
        pytest.param("2026-11-17T14:59:59", Stage.FLATTEN, id="before T-0"),
        pytest.param("2026-11-17T15:00:00", Stage.CLOSED, id="at T-0"),
        pytest.param("2026-11-27T12:04:59", Stage.OPEN, id="an early close, before T-10"),
        pytest.param("2026-11-27T12:05:00", Stage.NO_NEW_EXPOSURE, id="an early close, T-10"),
        pytest.param("2026-11-27T12:13:00", Stage.FLATTEN, id="an early close, T-2"),
        pytest.param("2026-11-27T12:15:00", Stage.CLOSED, id="an early close, T-0"),
        pytest.param("2027-12-31T16:59:59", Stage.CLOSED, id="the calendar's last second"),
        pytest.param("2027-12-31T17:00:00", Stage.UNKNOWN, id="past the calendar"),
        pytest.param("2024-12-31T16:59:59", Stage.UNKNOWN, id="before the calendar"),
        pytest.param("2024-12-31T17:00:00", Stage.CLOSED, id="the calendar's first second"),
    ],
)
def test_the_stages_before_the_end(instant: str, stage: Stage) -> None:
    assert table(DAY).state(at(instant)).stage is stage


@pytest.mark.parametrize(
    ("ending", "stages"),
    [
        pytest.param(Ending(), ["open 08:30", "no_new_exposure 14:50", "flatten 14:58"], id="10 2"),
        pytest.param(
            Ending(Nanos(30 * MINUTE), Nanos(5 * MINUTE)),
            ["open 08:30", "no_new_exposure 14:30", "flatten 14:55"],
            id="both can be set",
        ),
        pytest.param(
            Ending(Nanos(5 * MINUTE), Nanos(5 * MINUTE)),
            ["open 08:30", "flatten 14:55"],
            id="the same: flatten at once",
        ),
        pytest.param(
            Ending(Nanos(5 * MINUTE), Nanos(0)),
            ["open 08:30", "no_new_exposure 14:55"],
            id="no time to flatten",
        ),
        pytest.param(Ending(Nanos(0), Nanos(0)), ["open 08:30"], id="no stage"),
        pytest.param(
            Ending(Nanos(9 * HOUR), Nanos(MINUTE)),
            ["no_new_exposure 08:30", "flatten 14:59"],
            id="longer than the window",
        ),
        pytest.param(
            Ending(Nanos(9 * HOUR), Nanos(9 * HOUR)), ["flatten 08:30"], id="never more than that"
        ),
    ],
)
def test_the_spans_before_the_end_can_be_set(ending: Ending, stages: list[str]) -> None:
    day = replace(table(DAY, calendar=SUMMER), ending=ending)
    instant = at("2026-11-17T08:30")
    seen: list[str] = []
    while (phase := day.state(instant)).is_open:
        assert phase.since == instant
        assert phase.opened == at("2026-11-17T08:30")
        seen.append(f"{phase.stage} {str(local(instant))[-5:]}")
        assert phase.until is not None
        instant = phase.until

    assert seen == stages
    assert instant == at("2026-11-17T15:00")


@pytest.mark.parametrize(
    ("windows", "spans"),
    [
        pytest.param(["09:00-11:00", "13:00-15:00"], ["09:00 11:00", "13:00 15:00"], id="apart"),
        pytest.param(["13:00-15:00", "09:00-11:00"], ["09:00 11:00", "13:00 15:00"], id="unsorted"),
        pytest.param(["09:00-11:00", "11:00-15:00"], ["09:00 15:00"], id="touching"),
        pytest.param(["09:00-12:00", "11:00-15:00"], ["09:00 15:00"], id="overlapping"),
        pytest.param(["09:00-15:00", "11:00-12:00"], ["09:00 15:00"], id="one in the other"),
        pytest.param(["09:00-11:00", "11:00-12:00 mon"], ["09:00 11:00"], id="another day's"),
    ],
)
def test_several_windows(windows: list[str], spans: list[str]) -> None:
    several = table(*map(window, windows), calendar=SUMMER)
    tuesday = at("2026-11-17T00:00"), at("2026-11-18T00:00")
    found = [
        f"{str(local(start))[-5:]} {str(local(end))[-5:]}"
        for start, end in several.spans
        if tuesday[0] <= start < tuesday[1]
    ]

    assert found == spans


def test_no_stage_comes_where_one_window_takes_over_from_another() -> None:
    both = table(window("09:00-11:00"), window("11:00-15:00"), calendar=SUMMER)

    assert both.state(at("2026-11-17T10:59:59")).stage is Stage.OPEN


@pytest.mark.parametrize(
    ("text", "zone", "day", "span"),
    [
        # By the exchange's own hours: an hour earlier in UTC, as Chicago's clocks go forward.
        pytest.param(WHOLE, CHICAGO, "2026-03-05", "03-05 23:00 03-06 22:00", id="Chicago winter"),
        pytest.param(WHOLE, CHICAGO, "2026-03-08", "03-08 22:00 03-09 21:00", id="forward 2026"),
        pytest.param(WHOLE, CHICAGO, "2026-11-01", "11-01 23:00 11-02 22:00", id="back 2026"),
        pytest.param(WHOLE, CHICAGO, "2027-03-14", "03-14 22:00 03-15 21:00", id="forward 2027"),
        pytest.param(WHOLE, CHICAGO, "2027-11-07", "11-07 23:00 11-08 22:00", id="back 2027"),
        # London's clocks are set on other Sundays: three weeks, and one, in between.
        pytest.param(DAY, LONDON, "2026-03-06", "03-06 08:30 03-06 15:00", id="London winter"),
        pytest.param(DAY, LONDON, "2026-03-27", "03-27 08:30 03-27 15:00", id="Chicago was first"),
        pytest.param(DAY, LONDON, "2026-03-30", "03-30 07:30 03-30 14:00", id="London follows"),
        pytest.param(DAY, LONDON, "2026-10-26", "10-26 08:30 10-26 15:00", id="London goes back"),
        pytest.param(DAY, LONDON, "2026-11-02", "11-02 08:30 11-02 15:00", id="Chicago follows"),
        pytest.param(DAY, LONDON, "2027-03-29", "03-29 07:30 03-29 14:00", id="London in 2027"),
        pytest.param(DAY, LONDON, "2027-11-01", "11-01 08:30 11-01 15:00", id="and in autumn"),
        # A London evening that begins before the exchange opens on Sunday.
        pytest.param(
            Window("22:00", "23:30"), LONDON, "2026-03-08", "03-08 22:00 03-08 23:30", id="just"
        ),
        pytest.param(
            Window("22:00", "23:30"), LONDON, "2026-03-01", "03-01 23:00 03-01 23:30", id="late"
        ),
        pytest.param(
            Window("22:00", "23:30"), LONDON, "2026-03-29", "03-29 22:00 03-29 22:30", id="cut"
        ),
    ],
)
def test_windows_keep_to_their_own_clock(text: Window, zone: str, day: str, span: str) -> None:
    found = [
        f"{str(local(start, 'UTC'))[4:]} {str(local(end, 'UTC'))[4:]}"
        for start, end in table(text, zone=zone).spans
        if at(day, "UTC") <= start < at(day, "UTC") + 24 * HOUR
    ]

    assert found == [span]


@pytest.mark.parametrize(
    "zone", [CHICAGO, "Pacific/Honolulu", "Pacific/Pago_Pago", "Asia/Tokyo", "Pacific/Kiritimati"]
)
@pytest.mark.parametrize("hours", [("13:00-12:30", "12:30-13:00"), ("00:00-23:59", "23:00-00:00")])
def test_the_first_session_and_the_last_are_whole_by_any_clock(
    zone: str, hours: tuple[str, str]
) -> None:
    tuesday = replace(CALENDAR, valid_from=date(2026, 11, 17), valid_to=date(2026, 11, 17))
    always = table(*map(window, hours), zone=zone, calendar=tuesday)

    assert always.spans == ((at("2026-11-16T17:00"), at("2026-11-17T16:00")),)


@pytest.mark.parametrize(
    ("text", "zone", "day", "spans"),
    [
        # Clocks there are set while the exchange is open.
        pytest.param(
            "02:15-02:45 fri", "Asia/Jerusalem", "2026-03-27", [], id="a window within the gap"
        ),
        pytest.param(
            "02:30-05:00 fri", "Asia/Jerusalem", "2026-03-27", ["00:00 02:00"], id="start in gap"
        ),
        pytest.param(
            "01:00-02:30 fri",
            "Asia/Jerusalem",
            "2026-03-26",
            ["23:00 00:00"],
            id="end in gap: until the gap",
        ),
        pytest.param(
            "20:00-23:30 thu", "Africa/Cairo", "2026-10-29", ["17:00 20:30"], id="ends twice: first"
        ),
        pytest.param(
            "23:30-23:45 thu",
            "Africa/Cairo",
            "2026-10-29",
            ["20:30 20:45"],
            id="within the repeated hour: once",
        ),
    ],
)
def test_times_that_never_come_or_come_twice(
    text: str, zone: str, day: str, spans: list[str]
) -> None:
    named = date.fromisoformat(day)
    near = replace(
        CALENDAR, valid_from=named - timedelta(days=2), valid_to=named + timedelta(days=2)
    )
    found = [
        f"{str(local(start, 'UTC'))[-5:]} {str(local(end, 'UTC'))[-5:]}"
        for start, end in table(window(text), zone=zone, calendar=near).spans
    ]

    assert found == spans


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Window("8:30", "15:00"), r"^start: '8:30' is no time of day; write it as"),
        (lambda: Window("08:30", "24:00"), r"^end: '24:00' is no time of day; write it as"),
        (lambda: Window("08:30", "08:30"), r"^end: '08:30' is also the start; for the whole"),
        (lambda: Window("08:30", "15:00", ()), r"^days: names no weekday; write"),
        (lambda: Ending(Nanos(MINUTE), Nanos(-1)), r"^flatten: lies after the end; write"),
        (lambda: Ending(Nanos(MINUTE)), r"^no_new_exposure: begins later than flatten; it must"),
        (table, r"^windows: names none; for the whole session"),
        (lambda: table(DAY, zone="Chicago"), r"^zone: 'Chicago' is no time zone; write an IANA"),
    ],
)
def test_what_makes_no_sense_is_refused(make: object, told: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=told):
        make()


def test_a_window_is_read_as_it_is_written() -> None:
    text = b'{"start": "17:00", "end": "16:00", "days": ["sun", "mon"]}'

    assert msgspec.json.decode(text, type=Window) == window("17:00-16:00 sun mon")
    with pytest.raises(msgspec.ValidationError, match="unknown field `day`"):
        msgspec.json.decode(b'{"start": "17:00", "end": "16:00", "day": "sun"}', type=Window)
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'sunday'"):
        msgspec.json.decode(b'{"start": "17:00", "end": "16:00", "days": ["sunday"]}', type=Window)


HOURS = TradingHours(
    account=table(DAY, calendar=SUMMER),
    products={
        "ep": table(window("09:00-10:00"), calendar=SUMMER),
        "M*": table(window("17:00-16:00"), calendar=SUMMER),
        "MNQ": table(window("12:00-13:00"), calendar=SUMMER),
    },
)


@pytest.mark.parametrize(
    ("root", "pattern", "instant", "is_open"),
    [
        pytest.param("NQ", None, "2026-11-17T14:00", True, id="no windows of its own"),
        pytest.param("NQ", None, "2026-11-17T20:00", False, id="no windows of its own, outside"),
        pytest.param("ES", "ep", "2026-11-17T09:30", True, id="its own, under another name"),
        pytest.param("ES", "ep", "2026-11-17T14:00", False, id="its own are narrower"),
        pytest.param("MES", "M*", "2026-11-17T20:00", True, id="by a pattern, wider"),
        pytest.param("MNQ", "MNQ", "2026-11-17T20:00", False, id="the very name governs"),
        pytest.param("mnq", "MNQ", "2026-11-17T12:30", True, id="in any case"),
    ],
)
def test_a_product_may_have_windows_of_its_own(
    root: str, pattern: str | None, instant: str, *, is_open: bool
) -> None:
    assert HOURS.pattern(root) == pattern
    assert HOURS.timetable(root).is_open(at(instant)) is is_open


def test_the_next_change_is_the_earliest_of_all() -> None:
    instant = at("2026-11-17T07:00")
    seen: list[str] = []
    while instant < at("2026-11-17T10:00"):
        change = HOURS.next_change(instant)
        assert change is not None
        instant = change
        seen.append(str(local(instant))[-5:])

    assert seen == ["08:30", "09:00", "09:50", "09:58", "10:00"]
    assert HOURS.next_change(SUMMER.until) is None


@pytest.mark.parametrize(
    ("products", "told"),
    [
        (("ES", "EP"), "products: 'EP' is the same as 'ES'; keep one of them"),
        (("m*", "M*"), r"products: 'M\*' is the same as 'm\*'; keep one of them"),
        (("F.US.EP",), "products: 'F.US.EP' is no product; write a root"),
    ],
)
def test_products_are_named_once(products: tuple[str, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        TradingHours(account=HOURS.account, products=dict.fromkeys(products, HOURS.account))


def test_walking_from_change_to_change_visits_each_session_once() -> None:
    whole = table(WHOLE)
    first, last = at("2026-01-01T00:00"), at("2027-12-31T16:00")
    expected = [each for each in CALENDAR.sessions if first <= each.start]
    visited: list[tuple[Nanos | None, Nanos]] = []
    instant: Nanos | None = first
    while instant is not None and instant < last:
        phase = whole.state(instant)
        if phase.stage is Stage.FLATTEN:
            assert phase.until == phase.closes
            visited.append((phase.opened, phase.until or instant))
        instant = phase.until

    assert visited == [(each.start, each.end) for each in expected]
    assert len(visited) == 522 - 5


def test_all_changes_are_those_found_one_by_one() -> None:
    day = table(DAY, calendar=SUMMER)
    walked: list[Nanos] = []
    instant: Nanos | None = day.state(Nanos(0)).until
    while instant is not None:
        walked.append(instant)
        instant = day.state(instant).until

    assert day.changes(Nanos(0)) == walked
    assert day.changes(walked[0]) == walked[1:]
    assert day.changes(walked[-1]) == []


def test_asking_again_is_cheap() -> None:
    whole = table(WHOLE)
    now = at("2026-11-17T10:00")
    whole.state(now)

    def ask() -> Phase:
        return whole.state(now)

    assert min(timeit.repeat(ask, number=2_000, repeat=5)) / 2_000 < 5e-6


def a_window(hours: tuple[str, str], days: list[Weekday]) -> Window:
    return Window(*hours, days=tuple(days))


def an_ending(minutes: tuple[int, int]) -> Ending:
    return Ending(Nanos(max(minutes) * MINUTE), Nanos(min(minutes) * MINUTE))


def a_table(some: list[Window], zone: str, ending: Ending) -> Timetable:
    return Timetable(calendar=SUMMER, windows=tuple(some), zone=zone, ending=ending)


times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
windows = st.builds(
    a_window,
    st.tuples(times, times).filter(lambda hours: hours[0] != hours[1]),
    st.lists(st.sampled_from(Weekday), min_size=1, max_size=7, unique=True),
)
# Where clocks are set only while the exchange is closed, so that a wall clock tells all.
zones = st.sampled_from([CHICAGO, LONDON, "America/New_York", "Asia/Tokyo", "Asia/Kolkata"])
endings = st.builds(an_ending, st.tuples(st.integers(0, 90), st.integers(0, 90)))
tables = st.builds(a_table, st.lists(windows, min_size=1, max_size=3), zones, endings)
instants = st.integers(SUMMER.since - 10 * 24 * HOUR, SUMMER.until + 10 * 24 * HOUR).map(Nanos)


def allows(window: Window, wall: datetime) -> bool:
    """Read a window off a clock on the wall, with none of the code under test."""
    start, end = time.fromisoformat(window.start), time.fromisoformat(window.end)
    today, before = NAMES[wall.weekday()], NAMES[wall.weekday() - 1]
    if start < end:
        return today in window.days and start <= wall.time() < end
    evening = today in window.days and wall.time() >= start
    return evening or (before in window.days and wall.time() < end)


@given(tables, instants)
def test_it_is_open_when_a_window_and_the_exchange_are(some: Timetable, now: Nanos) -> None:
    wall = datetime.fromtimestamp(now // SECOND, ZoneInfo(some.zone))
    allowed = any(allows(each, wall) for each in some.windows)

    assert some.is_open(now) == (allowed and SUMMER.session_at(now) is not None)
    assert (some.state(now).stage is Stage.UNKNOWN) == (not SUMMER.covers(now))


@given(tables, instants)
def test_every_instant_has_one_state_that_lasts_until_it_says(some: Timetable, now: Nanos) -> None:
    phase = some.state(now)

    assert phase.since is None or phase.since <= now
    assert phase.until is None or now < phase.until
    if phase.since is not None:
        assert some.state(phase.since) == phase
        assert some.state(Nanos(phase.since - 1)).until == phase.since
    if phase.until is not None:
        assert some.state(Nanos(phase.until - 1)) == phase
        after = some.state(phase.until)
        assert after.since == phase.until
        assert (after.stage, after.closes, after.opens) != (phase.stage, phase.closes, phase.opens)


@given(tables, instants)
def test_the_answers_agree_with_one_another(some: Timetable, now: Nanos) -> None:
    phase = some.state(now)
    if phase.closes is not None:
        assert some.is_open(Nanos(phase.closes - 1))
        assert not some.is_open(phase.closes)
    if phase.opens is not None:
        assert some.is_open(phase.opens)
        assert not some.is_open(Nanos(phase.opens - 1))
    if phase.is_open:
        assert phase.stage in WITHIN
        assert phase.opened is not None
        assert phase.closes is not None
        assert phase.opened <= now < phase.closes
        left = phase.closes - now
        assert (phase.stage is Stage.FLATTEN) == (left <= some.ending.flatten)
        assert (phase.stage is Stage.OPEN) == (left > some.ending.no_new_exposure)
    else:
        assert phase.opened is None
        assert phase.opens is None or phase.closes is None or phase.opens < phase.closes


@given(tables)
def test_spans_are_apart_and_within_sessions(some: Timetable) -> None:
    for start, end in some.spans:
        session = SUMMER.session_at(start)
        assert session is not None
        assert start < end <= session.end
    for one, after in pairwise(some.spans):
        assert one[1] < after[0]
