"""A reset comes exactly once for each date that its expression names, whatever the clocks do."""

import timeit
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.schedule import ResetSchedule
from protocol.units import SECOND, Nanos
from tests.model.walls import place

DAY = 86_400 * SECOND
ZONES = ["America/Chicago", "Europe/London", "Australia/Lord_Howe", "Asia/Tokyo"]


def utc(text: str) -> Nanos:
    return Nanos(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND)


def text(instant: Nanos) -> str:
    return datetime.fromtimestamp(instant // SECOND, UTC).isoformat()[:16]


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("America/Chicago", "0 17 * * *"),
        ("America/Chicago", "30 2 * * *"),
        ("Europe/London", "30 1 * * *"),
        ("Australia/Lord_Howe", "45 1 * * *"),
        ("Australia/Lord_Howe", "15 2 * * *"),
        ("Asia/Tokyo", "0 0 * * *"),
    ],
)
def test_a_daily_reset_comes_once_on_each_date_of_twenty_years(zone: str, at: str) -> None:
    schedule = ResetSchedule(at, zone)
    minute, hour = map(int, at.split()[:2])
    first = datetime(2020, 1, 1, hour, minute, tzinfo=UTC)
    dates = [first + timedelta(days=days) for days in range(20 * 365 + 5)]

    instant = Nanos(place(dates[0], ZoneInfo(zone)) - 1)
    found: list[Nanos] = []
    days: list[str] = []
    for _ in dates:
        days.append(schedule.day(instant))
        instant = schedule.following(instant)
        found.append(instant)

    assert found == [place(named, ZoneInfo(zone)) for named in dates]
    assert days == [named.date().isoformat() for named in dates]
    locally = [datetime.fromtimestamp(each // SECOND, ZoneInfo(zone)).date() for each in found]
    assert locally == [named.date() for named in dates]


@pytest.mark.parametrize(
    ("zone", "at", "before", "expected"),
    [
        pytest.param(
            "America/Chicago",
            "0 17 * * *",
            "2026-03-07T00:00",
            ["2026-03-07T23:00", "2026-03-08T22:00", "2026-03-09T22:00"],
            id="a day of 23 hours",
        ),
        pytest.param(
            "America/Chicago",
            "0 17 * * *",
            "2026-10-31T00:00",
            ["2026-10-31T22:00", "2026-11-01T23:00", "2026-11-02T23:00"],
            id="a day of 25 hours",
        ),
        pytest.param(
            "America/Chicago",
            "30 2 * * *",
            "2026-03-07T10:00",
            ["2026-03-08T08:00", "2026-03-09T07:30"],
            id="a time that never comes: the moment after the gap",
        ),
        pytest.param(
            "America/Chicago",
            "30 1 * * *",
            "2026-10-31T10:00",
            ["2026-11-01T06:30", "2026-11-02T07:30"],
            id="a time that comes twice: the first",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-03T00:00",
            ["2026-10-03T15:30", "2026-10-04T15:15"],
            id="a gap of half an hour",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2026-04-04T00:00",
            ["2026-04-04T14:45", "2026-04-05T15:15"],
            id="half an hour twice",
        ),
        pytest.param(
            "Asia/Tokyo",
            "0 7 * * 1-5",
            "2026-11-20T00:00",
            ["2026-11-22T22:00", "2026-11-23T22:00"],
            id="weekdays only",
        ),
        pytest.param(
            "UTC",
            "0 17 29 2 *",
            "2026-01-01T00:00",
            ["2028-02-29T17:00", "2032-02-29T17:00"],
            id="years between",
        ),
    ],
)
def test_resets_by_hand(zone: str, at: str, before: str, expected: list[str]) -> None:
    schedule = ResetSchedule(at, zone)
    instant, found = utc(before), list[str]()
    for _ in expected:
        instant = schedule.following(instant)
        found.append(text(instant))

    assert found == expected


def test_a_day_is_named_by_the_date_it_ends_on() -> None:
    schedule = ResetSchedule()
    started = utc("2026-11-22T23:00")  # a Sunday at 17:00 in Chicago

    assert schedule.previous(started) == started
    assert schedule.following(started) == utc("2026-11-23T23:00")
    assert schedule.day(started) == "2026-11-23"
    assert schedule.day(Nanos(started - 1)) == "2026-11-22"


def test_a_gap_at_midnight_takes_no_date_away() -> None:
    # In Nuuk the clocks go from Saturday 23:00 to Sunday 00:00.
    schedule = ResetSchedule("30 23 * * *", "America/Nuuk")
    saturday = schedule.following(utc("2026-03-28T12:00"))

    assert text(saturday) == "2026-03-29T01:00"
    assert schedule.day(Nanos(saturday - 1)) == "2026-03-28"
    assert schedule.day(saturday) == "2026-03-29"


def test_a_date_that_never_was_ends_with_the_next() -> None:
    # Apia went from 29 to 31 December 2011.
    midnight = ResetSchedule("0 0 * * *", "Pacific/Apia")
    evening = ResetSchedule("0 17 * * *", "Pacific/Apia")
    started = midnight.previous(utc("2011-12-29T20:00"))

    assert text(midnight.following(started)) == "2011-12-30T10:00"
    assert midnight.day(started) == "2011-12-31"
    instant, days = utc("2011-12-29T00:00"), list[str]()
    for _ in range(4):
        days.append(evening.day(instant))
        instant = evening.following(instant)
    assert days == ["2011-12-28", "2011-12-29", "2011-12-30", "2011-12-31"]


SCHEDULES = st.builds(
    ResetSchedule,
    at=st.builds(
        "{} {} {}".format,
        st.integers(0, 59),
        st.integers(0, 23),
        st.sampled_from(["* * *", "* * 1-5", "* * sun", "1,15 * *", "*/2 * *", "31 * *", "29 2 *"]),
    ),
    zone=st.sampled_from([*ZONES, "UTC", "Africa/Casablanca", "America/Nuuk", "Asia/Kathmandu"]),
)
INSTANTS = st.integers(0, utc("2060-01-01T00:00")).map(Nanos)


@given(SCHEDULES, INSTANTS)
def test_every_instant_lies_in_one_day(schedule: ResetSchedule, now: Nanos) -> None:
    started, ended = schedule.previous(now), schedule.following(now)

    assert started <= now < ended
    assert schedule.previous(Nanos(ended - 1)) == started
    assert schedule.following(started) == ended
    assert schedule.previous(ended) == ended
    assert schedule.day(started) == schedule.day(now) < schedule.day(ended)
    assert date.fromisoformat(schedule.day(now)).isoformat() == schedule.day(now)
    assert started % (60 * SECOND) == 0


@given(SCHEDULES, INSTANTS)
def test_days_follow_each_other_without_end(schedule: ResetSchedule, now: Nanos) -> None:
    instants = [now]
    for _ in range(10):
        instants.append(schedule.following(instants[-1]))

    assert all(before < after for before, after in pairwise(instants))
    assert len({schedule.day(instant) for instant in instants[1:]}) == 10
    back = [schedule.previous(Nanos(instant - 1)) for instant in instants[2:]]
    assert back == instants[1:-1]


def test_asking_again_about_the_same_day_is_cheap() -> None:
    schedule, now = ResetSchedule(), utc("2026-11-23T12:00")
    schedule.following(now)

    best = min(timeit.repeat(lambda: schedule.following(now), number=1_000, repeat=5))
    assert best / 1_000 < 20e-6, "2 microseconds where it was written"


@pytest.mark.parametrize(
    ("at", "complaint"),
    [
        ("0 17 * *", "has 4 fields and needs 5, minute, hour"),
        ("0 0 17 * * *", "has 6 fields"),
        ("", "has 0 fields"),
        ("@daily", "has 1 fields"),
        ("59/15 17 * * *", "'59/15' as minute, which programs read differently; write the range"),
        ("0 17 * * 6/1", "'6/1' as day of the week, which programs"),
        ("0 6/1 * * *", "'6/1' as hour"),
        ("0 17 * dec/1 *", "'dec/1' as month"),
        ("0 17-17 * * *", "'17-17' as hour, which is read as every hour; write 17"),
        ("0 17 * JAN-jan *", "'jan-jan' as month"),
        ("0 17 L * *", "'l' as day of the month; write \\*, a number"),
        ("0 17 15W * *", "'15w'"),
        ("0 17 * * 1#1", "'1#1'"),
        ("0 17 ? * *", "'\\?'"),
        ("r 17 * * *", "'r' as minute"),
        ("0 17 30 2 *", "never comes; write"),
        ("0 17 31 2,4 *", "never comes"),
        ("0 24 * * *", "no date or time of day"),
        ("60 17 * * *", "no date or time of day"),
        ("mon 17 * * *", "no date or time of day"),
        ("0 17 * * 1-x", "'1-x'"),
        ("0 9,17 * * *", "more than once on a date"),
        ("0,30 17 * * *", "more than once"),
        ("* * * * *", "more than once"),
        ("*/15 17 * * *", "more than once"),
        ("0 */24 * * ;", "';'"),
    ],
)
def test_an_expression_that_means_nothing_certain_is_refused(at: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=rf"^at: .*{complaint}"):
        ResetSchedule(at)


@pytest.mark.parametrize("at", ["0 17 * * *", "0  17 * * *", "0 17 * * MON-fri", "5 0 1-31/2 * *"])
def test_a_plain_expression_is_taken(at: str) -> None:
    assert ResetSchedule(at).following(Nanos(0)) > 0


@pytest.mark.parametrize(
    ("zone", "complaint"),
    [
        ("America/Chicgo", "did you mean 'America/Chicago'"),
        ("america/chicago", "did you mean 'America/Chicago'"),
        ("New York", "did you mean 'America/New_York'"),
        ("Tokio", "did you mean 'Asia/Tokyo'"),
        ("CT/nowhere/at all", 'write a name like "America/Chicago"'),
        ("../etc/passwd", "zone: '../etc/passwd' is no time zone"),
        ("America", "is no time zone"),
        ("", "is no time zone"),
    ],
)
def test_an_unknown_zone_is_refused_with_a_suggestion(zone: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"^zone: ") as caught:
        ResetSchedule(zone=zone)
    assert complaint in str(caught.value)


def test_it_can_be_read_from_a_configuration() -> None:
    raw = '{"at": "0 16 * * *", "zone": "Europe/London"}'

    assert msgspec.json.decode(raw, type=ResetSchedule) == ResetSchedule(
        "0 16 * * *", "Europe/London"
    )
    with pytest.raises(msgspec.ValidationError, match="at: 'x' has 1 fields"):
        msgspec.json.decode('{"at": "x"}', type=ResetSchedule)
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode('{"when": "x"}', type=ResetSchedule)
