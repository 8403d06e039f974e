"""The exchange's sessions: every day of the week, holidays, nights on which clocks are set."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.calendar import Calendar, EarlyClose, Horizon, Session, clock, place, wall_time
from actors.model.schedule import ResetSchedule
from config.calendars import load_shipped
from protocol.units import SECOND, Nanos

CALENDAR = load_shipped("cme_equity")
CHICAGO = ZoneInfo("America/Chicago")
HOUR = 3_600 * SECOND
instants = st.integers(CALENDAR.since - 400 * 24 * HOUR, CALENDAR.until + 400 * 24 * HOUR)


def at(text: str, zone: ZoneInfo = CHICAGO) -> Nanos:
    """Read a wall time, to the second, in Chicago unless said otherwise."""
    return Nanos(int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * SECOND)


def utc(text: str) -> Nanos:
    return at(text, ZoneInfo("UTC"))


def local(instant: Nanos) -> str:
    return datetime.fromtimestamp(instant // SECOND, CHICAGO).strftime("%a %Y-%m-%d %H:%M")


def shown(session: Session | None) -> tuple[str, str] | None:
    return None if session is None else (local(session.start), local(session.end))


@pytest.mark.parametrize(
    ("day", "session"),
    [
        pytest.param(
            "2026-11-17", ("Mon 2026-11-16 17:00", "Tue 2026-11-17 16:00"), id="a Tuesday"
        ),
        pytest.param(
            "2026-11-16", ("Sun 2026-11-15 17:00", "Mon 2026-11-16 16:00"), id="Monday is Sunday's"
        ),
        pytest.param(
            "2026-11-20", ("Thu 2026-11-19 17:00", "Fri 2026-11-20 16:00"), id="Friday ends a week"
        ),
        pytest.param("2026-11-21", None, id="Saturday"),
        pytest.param("2026-11-22", None, id="Sunday: its evening is Monday's"),
        pytest.param("2026-12-25", None, id="Christmas, a Friday"),
        pytest.param(
            "2026-12-28", ("Sun 2026-12-27 17:00", "Mon 2026-12-28 16:00"), id="after Christmas"
        ),
        pytest.param("2026-01-01", None, id="New Year's Day, a Thursday"),
        pytest.param(
            "2026-01-02", ("Thu 2026-01-01 17:00", "Fri 2026-01-02 16:00"), id="New Year's evening"
        ),
        pytest.param(
            "2026-04-03", ("Thu 2026-04-02 17:00", "Fri 2026-04-03 08:15"), id="Good Friday's jobs"
        ),
        pytest.param("2027-03-26", None, id="Good Friday without jobs"),
        pytest.param(
            "2025-01-09", ("Wed 2025-01-08 17:00", "Thu 2025-01-09 08:30"), id="day of mourning"
        ),
        pytest.param(
            "2026-09-07", ("Sun 2026-09-06 17:00", "Mon 2026-09-07 12:00"), id="Labor Day"
        ),
        pytest.param(
            "2026-09-08", ("Mon 2026-09-07 17:00", "Tue 2026-09-08 16:00"), id="Labor Day's evening"
        ),
        pytest.param(
            "2026-11-26", ("Wed 2026-11-25 17:00", "Thu 2026-11-26 12:00"), id="Thanksgiving"
        ),
        pytest.param(
            "2026-11-27", ("Thu 2026-11-26 17:00", "Fri 2026-11-27 12:15"), id="the day after it"
        ),
        pytest.param("2024-12-31", None, id="before the calendar"),
        pytest.param("2028-01-03", None, id="after the calendar"),
    ],
)
def test_the_session_of_a_day(day: str, session: tuple[str, str] | None) -> None:
    assert shown(CALENDAR.session(date.fromisoformat(day))) == session


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        pytest.param("2026-11-15T16:59:59", None, id="Sunday, a second too early"),
        pytest.param("2026-11-15T17:00:00", "2026-11-16", id="Sunday evening"),
        pytest.param("2026-11-16T00:00:00", "2026-11-16", id="midnight"),
        pytest.param("2026-11-16T15:59:59", "2026-11-16", id="the last second"),
        pytest.param("2026-11-16T16:00:00", None, id="the halt"),
        pytest.param("2026-11-16T16:59:59", None, id="the halt's last second"),
        pytest.param("2026-11-16T17:00:00", "2026-11-17", id="after the halt"),
        pytest.param("2026-11-20T15:59:59", "2026-11-20", id="Friday afternoon"),
        pytest.param("2026-11-20T16:00:00", None, id="Friday's close"),
        pytest.param("2026-11-20T17:00:00", None, id="Friday evening"),
        pytest.param("2026-11-21T12:00:00", None, id="Saturday"),
        pytest.param("2026-11-27T12:14:59", "2026-11-27", id="a short day's last second"),
        pytest.param("2026-11-27T12:15:00", None, id="a short day's close"),
        pytest.param("2026-12-24T18:00:00", None, id="Christmas Eve"),
        pytest.param("2026-12-25T10:00:00", None, id="Christmas Day"),
        pytest.param("2027-12-31T15:59:59", "2027-12-31", id="the calendar's last second"),
        pytest.param("2027-12-31T16:00:00", None, id="after the last session"),
        pytest.param("2028-01-04T10:00:00", None, id="a Tuesday that nobody knows of"),
        pytest.param("2024-12-31T10:00:00", None, id="a Tuesday before the calendar"),
    ],
)
def test_a_session_holds_its_start_and_not_its_end(instant: str, day: str | None) -> None:
    session = CALENDAR.session_at(at(instant))

    assert (session and session.day.isoformat()) == day


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        pytest.param("2024-06-01T10:00:00", "2025-01-02", id="long before the first"),
        pytest.param("2026-11-16T16:59:59", "2026-11-17", id="in the halt"),
        pytest.param("2026-11-16T17:00:00", "2026-11-18", id="a session does not follow itself"),
        pytest.param("2026-11-20T16:30:00", "2026-11-23", id="over a weekend"),
        pytest.param("2026-12-24T12:15:00", "2026-12-28", id="over Christmas"),
        pytest.param("2027-12-30T16:59:59", "2027-12-31", id="the last one"),
        pytest.param("2027-12-30T17:00:00", None, id="none after the last one"),
    ],
)
def test_the_session_that_follows(instant: str, day: str | None) -> None:
    session = CALENDAR.following(at(instant))

    assert (session and session.day.isoformat()) == day


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        pytest.param("2026-11-16T16:59:59", "2026-11-16", id="the halt is still the day's"),
        pytest.param("2026-11-16T17:00:00", "2026-11-17", id="the evening is the next day's"),
        pytest.param("2026-11-20T16:30:00", "2026-11-20", id="Friday's halt"),
        pytest.param("2026-11-20T17:00:00", "2026-11-23", id="a weekend is Monday's"),
        pytest.param("2026-11-22T17:00:00", "2026-11-23", id="Sunday evening"),
        pytest.param("2026-09-04T16:59:59", "2026-09-04", id="before Labor Day's weekend"),
        pytest.param("2026-09-05T12:00:00", "2026-09-08", id="Labor Day's weekend is Tuesday's"),
        pytest.param("2026-09-06T17:00:00", "2026-09-08", id="its Sunday evening"),
        pytest.param("2026-09-07T11:00:00", "2026-09-08", id="its morning"),
        pytest.param("2026-09-07T14:00:00", "2026-09-08", id="its halt"),
        pytest.param("2026-09-07T17:00:00", "2026-09-08", id="its evening"),
        pytest.param("2026-09-08T17:00:00", "2026-09-09", id="Tuesday's evening"),
        pytest.param("2026-11-26T10:00:00", "2026-11-27", id="Thanksgiving is Friday's"),
        pytest.param("2026-06-19T10:00:00", "2026-06-22", id="Juneteenth on a Friday is Monday's"),
        pytest.param("2026-12-24T10:00:00", "2026-12-24", id="Christmas Eve is its own"),
        pytest.param("2026-12-25T10:00:00", "2026-12-28", id="Christmas belongs to what follows"),
        pytest.param("2027-12-31T16:59:59", "2027-12-31", id="the last day"),
        pytest.param("2027-12-31T17:00:00", None, id="past the calendar"),
        pytest.param("2024-12-31T16:59:59", None, id="before the calendar"),
    ],
)
def test_the_trading_day(instant: str, day: str | None) -> None:
    found = CALENDAR.trading_day(at(instant))

    assert (found and found.isoformat()) == day


@pytest.mark.parametrize(
    ("weekend", "before", "after"),
    [
        # The Sunday; the sessions of Friday and Monday, in UTC.
        pytest.param(
            "2026-03-08",
            ("2026-03-05T23:00", "2026-03-06T22:00"),
            ("2026-03-08T22:00", "2026-03-09T21:00"),
            id="forward in 2026",
        ),
        pytest.param(
            "2026-11-01",
            ("2026-10-29T22:00", "2026-10-30T21:00"),
            ("2026-11-01T23:00", "2026-11-02T22:00"),
            id="back in 2026",
        ),
        pytest.param(
            "2027-03-14",
            ("2027-03-11T23:00", "2027-03-12T22:00"),
            ("2027-03-14T22:00", "2027-03-15T21:00"),
            id="forward in 2027",
        ),
        pytest.param(
            "2027-11-07",
            ("2027-11-04T22:00", "2027-11-05T21:00"),
            ("2027-11-07T23:00", "2027-11-08T22:00"),
            id="back in 2027",
        ),
    ],
)
def test_sessions_keep_to_the_clock_in_chicago(
    weekend: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    sunday = date.fromisoformat(weekend)
    friday = CALENDAR.session(sunday - timedelta(days=2))
    monday = CALENDAR.session(sunday + timedelta(days=1))

    assert friday is not None
    assert monday is not None
    assert (friday.start, friday.end) == tuple(map(utc, before))
    assert (monday.start, monday.end) == tuple(map(utc, after))
    assert CALENDAR.following(friday.end) == monday


@pytest.mark.parametrize(
    ("instant", "days", "horizon"),
    [
        pytest.param("2024-12-31T16:59:59", 1095, Horizon.OUTSIDE, id="before it begins"),
        pytest.param("2024-12-31T17:00:00", 1094, Horizon.AHEAD, id="as it begins"),
        pytest.param("2027-10-31T16:59:59", 61, Horizon.AHEAD, id="61 days left"),
        pytest.param("2027-10-31T17:00:00", 60, Horizon.NEAR, id="60 days left"),
        pytest.param("2027-12-31T16:59:59", 0, Horizon.NEAR, id="the last day"),
        pytest.param("2027-12-31T17:00:00", -1, Horizon.OUTSIDE, id="it has ended"),
        pytest.param("2028-06-01T10:00:00", -153, Horizon.OUTSIDE, id="long ago"),
    ],
)
def test_the_end_of_the_calendar_is_seen_coming(instant: str, days: int, horizon: Horizon) -> None:
    assert CALENDAR.horizon_days(at(instant)) == days
    assert CALENDAR.horizon(at(instant)) is horizon


def test_the_horizon_changes_when_it_says() -> None:
    instant = CALENDAR.horizon_changes(Nanos(CALENDAR.since - HOUR))
    seen: list[tuple[str, Horizon]] = []
    while instant is not None:
        assert CALENDAR.horizon(Nanos(instant - 1)) is not CALENDAR.horizon(instant)
        seen.append((local(instant), CALENDAR.horizon(instant)))
        instant = CALENDAR.horizon_changes(instant)

    assert seen == [
        ("Tue 2024-12-31 17:00", Horizon.AHEAD),
        ("Sun 2027-10-31 17:00", Horizon.NEAR),
        ("Fri 2027-12-31 17:00", Horizon.OUTSIDE),
    ]


def test_a_short_calendar_is_near_its_end_from_the_start() -> None:
    short = replace(CALENDAR, valid_from=date(2027, 12, 1))

    assert short.horizon(short.since) is Horizon.NEAR
    assert short.session(date(2027, 11, 30)) is None


@pytest.mark.parametrize("root", ["ES", "EP", "enq", "MNQ", "RTY"])
def test_the_equity_calendar_knows_its_products(root: str) -> None:
    assert CALENDAR.knows(root)


@pytest.mark.parametrize("root", ["GC", "GCE", "CL", "6E", ""])
def test_other_products_have_other_holidays(root: str) -> None:
    assert not CALENDAR.knows(root)


def test_a_carried_day_before_closed_ones_waits_for_them() -> None:
    calendar = replace(
        CALENDAR,
        closed=(date(2026, 9, 8),),
        early_closes=(EarlyClose(date(2026, 9, 7), time(12)),),
        carried=(date(2026, 9, 7),),
    )

    assert calendar.trading_day(at("2026-09-07T10:00:00")) == date(2026, 9, 9)


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        pytest.param("America/Chicago", "2026-07-01T17:00", "2026-07-01T22:00", id="in summer"),
        pytest.param("America/Chicago", "2026-01-05T17:00", "2026-01-05T23:00", id="in winter"),
        pytest.param("America/Chicago", "2026-11-01T01:30", "2026-11-01T06:30", id="twice: first"),
        pytest.param("America/Chicago", "2026-11-01T02:00", "2026-11-01T08:00", id="after it"),
        pytest.param("America/Chicago", "2026-03-08T02:00", "2026-03-08T08:00", id="a gap begins"),
        pytest.param("America/Chicago", "2026-03-08T02:30", "2026-03-08T08:00", id="never: after"),
        pytest.param("America/Chicago", "2026-03-08T03:00", "2026-03-08T08:00", id="a gap ends"),
        pytest.param("Europe/London", "2026-03-29T01:30", "2026-03-29T01:00", id="London's gap"),
        pytest.param("Europe/London", "2026-10-25T01:30", "2026-10-25T00:30", id="London's fold"),
        pytest.param(
            "Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30", id="half an hour"
        ),
        pytest.param("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00", id="a day left out"),
    ],
)
def test_a_wall_time_is_placed_once(zone: str, wall: str, instant: str) -> None:
    named = datetime.fromisoformat(wall)

    assert place(named.date(), named.time(), ZoneInfo(zone)) == utc(instant)


@given(
    st.dates(date(2020, 1, 1), date(2035, 1, 1)),
    st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    st.sampled_from(["America/Chicago", "Europe/London", "Australia/Lord_Howe", "Africa/Cairo"]),
)
def test_wall_times_are_placed_as_resets_are(day: date, wall: time, zone: str) -> None:
    placed = place(day, wall, ZoneInfo(zone))
    schedule = ResetSchedule(f"{wall.minute} {wall.hour} * * *", zone)

    assert schedule.previous(placed) == placed
    assert schedule.day(Nanos(placed - 1)) == day.isoformat()


def test_the_chicago_weekends_are_found_by_trying_too() -> None:
    for sunday in ("2026-03-08", "2026-11-01", "2027-03-14", "2027-11-07"):
        first = at(f"{sunday}T00:00") // SECOND
        seen: dict[datetime, Nanos] = {}
        for second in range(first, first + 8 * 3_600, 60):
            wall = datetime.fromtimestamp(second, CHICAGO).replace(tzinfo=UTC)
            seen.setdefault(wall, Nanos(second * SECOND))
        for wall, instant in seen.items():
            assert place(wall.date(), wall.time(), CHICAGO) == instant


@pytest.mark.parametrize("text", ["17:00", "00:00", "23:59", "08:15"])
def test_a_time_of_day_is_read(text: str) -> None:
    assert wall_time(text).isoformat("minutes") == text


@pytest.mark.parametrize(
    "text", ["24:00", "8:15", "0815", "08:60", "08:15:00", "", "0\u0668:15", "8am"]
)
def test_other_texts_are_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match='is no time of day; write it as "HH:MM"'):
        wall_time(text)


@pytest.mark.parametrize("zone", ["America/Chigaco", "", "/etc/passwd", "../UTC", "America"])
def test_a_zone_must_exist(zone: str) -> None:
    with pytest.raises(ValueError, match=r"^zone: .* is no time zone; write an IANA name"):
        clock(zone)


def open_by_the_clock(calendar: Calendar, now: Nanos) -> bool:
    """Read the rule off a clock on the wall in Chicago, with none of the code under test."""
    wall = datetime.fromtimestamp(now // SECOND, CHICAGO)
    evening = wall.time() >= time(17)
    day = wall.date() + timedelta(days=evening)
    if day in calendar.closed or day.weekday() >= 5:
        return False
    if not calendar.valid_from <= day <= calendar.valid_to:
        return False
    return evening or wall.time() < dict(calendar.early_closes).get(day, time(16))


@given(instants)
def test_it_is_open_as_a_clock_on_the_wall_says(now: int) -> None:
    session = CALENDAR.session_at(Nanos(now))

    assert (session is not None) == open_by_the_clock(CALENDAR, Nanos(now))
    if session is not None:
        assert session.start <= now < session.end
        assert CALENDAR.session(session.day) == session
        assert CALENDAR.trading_day(Nanos(now)) == session.trading_day


@given(instants)
def test_outside_the_calendar_nothing_is_known(now: int) -> None:
    if CALENDAR.horizon(Nanos(now)) is Horizon.OUTSIDE:
        assert not CALENDAR.covers(Nanos(now))
        assert CALENDAR.session_at(Nanos(now)) is None
        assert CALENDAR.trading_day(Nanos(now)) is None
    else:
        assert CALENDAR.trading_day(Nanos(now)) is not None


@given(instants, st.integers(0, 30 * 24 * HOUR))
def test_trading_days_never_go_back(now: int, later: int) -> None:
    first = CALENDAR.trading_day(Nanos(now))
    second = CALENDAR.trading_day(Nanos(now + later))

    assert first is None or second is None or first <= second


def test_sessions_follow_one_another_with_a_halt_between() -> None:
    assert len(CALENDAR.sessions) == 3 * 261 - len(CALENDAR.closed)
    for one, after in pairwise(CALENDAR.sessions):
        assert one.start < one.end < after.start
        assert after.start - one.end >= HOUR
        assert one.trading_day <= after.trading_day
        assert CALENDAR.following(one.start) == after


def test_only_carried_sessions_belong_to_another_day() -> None:
    moved = {session.day for session in CALENDAR.sessions if session.day != session.trading_day}

    assert moved == set(CALENDAR.carried)
    assert moved <= {each.day for each in CALENDAR.early_closes}
    traded = {session.day for session in CALENDAR.sessions} - set(CALENDAR.carried)
    assert {session.trading_day for session in CALENDAR.sessions} == traded
