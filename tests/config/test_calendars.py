"""A calendar is read strictly: a holiday that is misread is a day without protection."""

from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import pytest

from actors.model.calendar import EarlyClose
from config.calendars import load_calendar, load_shipped, shipped
from config.errors import ConfigError, Problem, render_text

META = """
zone = "America/Chicago"
open = "17:00"
close = "16:00"
valid_from = 2026-01-01
valid_to = 2026-12-31
reviewed = 2026-06-01
products = ["ES", "ENQ"]
"""
CLOSED = "dates = [2026-12-25]"
EARLY = '"12:00" = [2026-09-07, 2026-11-26]\n"12:15" = [2026-11-27]'
CARRIED = "dates = [2026-09-07]"

type Write = Callable[..., Path]
type Judge = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a calendar with some of its tables replaced; None leaves one out."""

    def written(
        *,
        meta: str | None = META,
        closed: str | None = CLOSED,
        early: str | None = EARLY,
        carried: str | None = CARRIED,
        end: str = "",
    ) -> Path:
        tables = {"meta": meta, "closed": closed, "early_close": early, "carried": carried}
        parts = [f"[{name}]\n{text}" for name, text in tables.items() if text is not None]
        path = tmp_path / "exchange.toml"
        path.write_text("\n".join([*parts, end]), encoding="utf-8")
        return path

    return written


@pytest.fixture
def judge(write: Write) -> Judge:
    """Return the problems of a calendar, none if it loads."""

    def judged(**parts: str | None) -> tuple[Problem, ...]:
        try:
            load_calendar(write(**parts))
        except ConfigError as error:
            return error.problems
        return ()

    return judged


def test_a_calendar_is_read_whole(write: Write) -> None:
    calendar = load_calendar(write())

    assert calendar.name == "exchange"
    assert calendar.zone == "America/Chicago"
    assert (calendar.open, calendar.close) == (time(17), time(16))
    assert (calendar.valid_from, calendar.valid_to) == (date(2026, 1, 1), date(2026, 12, 31))
    assert calendar.reviewed == date(2026, 6, 1)
    assert calendar.products == ("ES", "NQ")
    assert calendar.closed == (date(2026, 12, 25),)
    assert calendar.early_closes == (
        EarlyClose(date(2026, 9, 7), time(12)),
        EarlyClose(date(2026, 11, 26), time(12)),
        EarlyClose(date(2026, 11, 27), time(12, 15)),
    )
    assert calendar.carried == (date(2026, 9, 7),)


def test_lists_may_be_empty(judge: Judge) -> None:
    assert judge(closed="dates = []", early="", carried="dates = []") == ()


@pytest.mark.parametrize(
    ("parts", "key", "what"),
    [
        pytest.param({"meta": None}, "meta", "is missing", id="no meta"),
        pytest.param({"closed": None}, "closed", "is missing", id="no closed days"),
        pytest.param({"early": None, "carried": None}, "early_close", "is missing", id="no early"),
        pytest.param({"carried": None}, "carried", "is missing", id="no carried"),
        pytest.param({"closed": "date = []"}, "closed.date", "unknown key", id="misspelt"),
        pytest.param({"end": "[halts]"}, "halts", "unknown key", id="an unknown table"),
        pytest.param(
            {"meta": META + 'tz = "UTC"'}, "meta.tz", "unknown key", id="an unknown key of meta"
        ),
        pytest.param(
            {"closed": 'dates = ["Christmas"]'}, "closed.dates", "form it needs", id="no date"
        ),
        pytest.param(
            {"closed": "dates = [2026-12-25T00:00:00]"}, "closed.dates", "", id="a date and time"
        ),
        pytest.param(
            {"closed": "dates = 2026-12-25"}, "closed.dates", "expected a list", id="no list"
        ),
        pytest.param(
            {"meta": META.replace("America/Chicago", "Chicago")},
            "meta.zone",
            "'Chicago' is no time zone",
            id="no zone",
        ),
        pytest.param(
            {"meta": META.replace("17:00", "5pm")}, "meta.open", "is no time of day", id="no time"
        ),
        pytest.param(
            {"meta": META.replace('"16:00"', "16:00:00")},
            "meta.close",
            "expected text",
            id="a time without quotes",
        ),
        pytest.param(
            {"meta": META.replace("17:00", "16:00")}, "meta.open", "not later", id="no halt"
        ),
        pytest.param(
            {"meta": META.replace("valid_to = 2026", "valid_to = 2025")},
            "meta.valid_to",
            "is before valid_from",
            id="ends before it begins",
        ),
        pytest.param(
            {"meta": META.replace("valid_to = 2026", "valid_to = 2206")},
            "meta.valid_to",
            "more than 30 years",
            id="a misspelt year",
        ),
        pytest.param(
            {"meta": META.replace('"ES", "ENQ"', "")}, "meta.products", "none", id="no product"
        ),
        pytest.param(
            {"meta": META.replace("ENQ", "M*")}, "meta.products", '"M*" is not', id="a pattern"
        ),
        pytest.param(
            {"closed": "dates = [2027-12-24]"}, "closed.dates[2027-12-24]", "outside", id="too late"
        ),
        pytest.param(
            {"closed": "dates = [2026-12-26]"},
            "closed.dates[2026-12-26]",
            "is a Saturday",
            id="closed on a Saturday",
        ),
        pytest.param(
            {"closed": "dates = [2026-12-25, 2026-12-25]"},
            "closed.dates[2026-12-25]",
            "is named twice",
            id="twice in one list",
        ),
        pytest.param(
            {"closed": "dates = [2026-11-27]"},
            'early_close."12:15"[2026-11-27]',
            "is named twice",
            id="both closed and early",
        ),
        pytest.param(
            {"early": '"noon" = [2026-09-07]'}, "early_close.noon", "no time", id="no time of day"
        ),
        pytest.param(
            {"early": '"16:00" = [2026-09-07]'},
            'early_close."16:00"',
            "is not before the usual close",
            id="not early",
        ),
        pytest.param(
            {"carried": "dates = [2026-09-08]"},
            "carried.dates[2026-09-08]",
            "has no early close",
            id="carried, but not early",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    judge: Judge, tmp_path: Path, parts: dict[str, str | None], key: str, what: str
) -> None:
    problem = judge(**parts)[0]

    assert problem.file == str(tmp_path / "exchange.toml")
    assert problem.key == key
    assert what in problem.what
    assert problem.mend


def test_everything_wrong_with_the_dates_is_said_at_once(judge: Judge) -> None:
    problems = judge(
        closed="dates = [2026-12-26, 2025-12-25]", carried="dates = [2026-11-29, 2026-09-07]"
    )

    assert [(problem.key, problem.what) for problem in problems] == [
        ("closed.dates[2026-12-26]", "is a Saturday"),
        ("closed.dates[2025-12-25]", "is outside the calendar"),
        ("carried.dates[2026-11-29]", "is a Sunday"),
        ("carried.dates[2026-11-29]", "has no early close"),
    ]


def test_a_misspelt_table_is_both_unknown_and_missing(judge: Judge) -> None:
    problems = judge(closed=None, end=f"[close]\n{CLOSED}")

    assert [(problem.key, problem.what) for problem in problems] == [
        ("closed", "is missing"),
        ("close", "unknown key"),
    ]
    assert problems[1].mend == "did you mean closed?"


def test_every_key_of_meta_is_needed(judge: Judge) -> None:
    keys = [line.split(" ")[0] for line in META.split("\n") if line]
    problems = judge(meta="")

    assert [problem.key for problem in problems] == [f"meta.{key}" for key in keys]
    assert {problem.what for problem in problems} == {"is missing"}
    assert all(problem.why and problem.mend for problem in problems)


def test_a_file_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_calendar(tmp_path / "nowhere.toml")

    (problem,) = caught.value.problems
    assert problem.what == "there is no such calendar"
    assert "cme_equity" in problem.mend


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"dates = [2026-02-30]", "line 1", id="a date that never comes"),
        pytest.param(b"[closed\n", "line 1", id="no TOML"),
        pytest.param(b"[closed]\n[closed]\n", "line 2", id="a table twice"),
        pytest.param(b"x = " + b"[" * 9_000, "", id="nested without end"),
        pytest.param("# Käse".encode("latin-1"), "is not UTF-8", id="another encoding"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "exchange.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_calendar(path)

    assert what in caught.value.problems[0].what


def test_a_folder_is_no_calendar(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_calendar(tmp_path)


def test_a_file_without_end_is_no_calendar() -> None:
    with pytest.raises(ConfigError, match="larger than 4 MB"):
        load_calendar(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("name", "mend"),
    [("cme_equities", "did you mean cme_equity?"), ("nyse", "known: cme_equity"), ("", "known: ")],
)
def test_an_unknown_name_is_answered_with_the_known_ones(name: str, mend: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_shipped(name)

    assert caught.value.problems[0].mend.startswith(mend)
    assert f'there is no calendar "{name}"' in render_text(caught.value.problems)


def test_a_name_is_no_path() -> None:
    with pytest.raises(ConfigError, match="there is no calendar"):
        load_shipped("../defaults/practice")


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_calendar_loads(name: str) -> None:
    calendar = load_shipped(name)

    assert calendar.name == name
    assert calendar.sessions


def test_the_equity_calendar_holds_what_the_exchange_published() -> None:
    calendar = load_shipped("cme_equity")
    early = dict(calendar.early_closes)

    assert shipped() == ("cme_equity",)
    assert calendar.valid_to == date(2027, 12, 31)
    assert sorted(day for day in calendar.closed if day.year == 2026) == [
        date(2026, 1, 1),
        date(2026, 12, 25),
    ]
    assert early[date(2025, 1, 9)] == time(8, 30)
    assert early[date(2026, 4, 3)] == time(8, 15)
    assert [
        day.isoformat() for day, at in early.items() if at == time(12) and day.year == 2026
    ] == [
        "2026-01-19",
        "2026-02-16",
        "2026-05-25",
        "2026-06-19",
        "2026-07-03",
        "2026-09-07",
        "2026-11-26",
    ]
    assert {day for day, at in early.items() if at == time(12)} == set(calendar.carried)
