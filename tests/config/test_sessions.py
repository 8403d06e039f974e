"""How trading sessions are written: calendars, windows, products, and what is said of mistakes."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from actors.rules import session_block_outside as sessions
from config.calendars import load_shipped
from config.check_sessions import calendar_warnings
from config.errors import Problem, render_text
from config.load import load
from protocol.units import SECOND, Nanos

RULE = "[accounts.rules.session_block_outside]\n"
CALENDAR = 'calendar = "cme_equity"\n'
KEY = "accounts[1001].rules.session_block_outside"
GOLD = "[accounts.rules.session_block_outside.instruments.GC]\n"
SHIPPED = Path(__file__).parents[2] / "config/calendars/cme_equity.toml"


def params(path: Path) -> sessions.Params:
    found = load(path).config.accounts[0].rules[sessions.NAME]
    assert isinstance(found, sessions.Params)
    return found


def test_a_name_stands_for_a_calendar_that_comes_with_the_product(write: Any) -> None:
    found = params(write(rules=RULE + CALENDAR))

    assert found.calendar == load_shipped("cme_equity")
    assert (found.hours.account.ending.flatten, found.hours.products) == (120 * SECOND, {})


def test_a_path_leads_from_the_configurations_folder(write: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    shutil.copy(SHIPPED, tmp_path / "mine/metals.toml")
    own = 'windows = [{ start = "17:00", end = "16:00" }]\ncalendar = "mine/metals.toml"'
    found = params(write(rules=RULE + CALENDAR + GOLD + own))

    assert [one.name for one in found.hours.calendars] == ["cme_equity", "metals"]


@pytest.mark.parametrize(
    ("rules", "key", "told"),
    [
        (RULE, f"{KEY}.calendar", "is missing"),
        (RULE + 'calendar = "cme_equty"', f"{KEY}.calendar", "did you mean cme_equity?"),
        (RULE + 'calendar = "nyse"', f"{KEY}.calendar", "write one of cme_equity, or the path"),
        (RULE + "calendar = 5", f"{KEY}.calendar", "expected text in quotes"),
        (RULE + CALENDAR + "windows = 5", f"{KEY}.windows", "expected a list of tables"),
        (RULE + CALENDAR + "windows = []", f"{KEY}.windows", "names none"),
        (RULE + CALENDAR + "windows = [5]", f"{KEY}.windows[#1]", "expected a table"),
        (RULE + CALENDAR + 'windows = [{ start = "08:30" }]', f"{KEY}.windows[#1].end",
         "is missing"),
        (RULE + CALENDAR + 'windows = [{ start = "8:30", end = "15:00" }]',
         f"{KEY}.windows[#1].start", 'write it as "HH:MM"'),
        (RULE + CALENDAR + 'windows = [{ start = "08:30", end = "08:30" }]',
         f"{KEY}.windows[#1].end", "is also the start"),
        (RULE + CALENDAR + 'windows = [{ start = "08:30", end = "15:00", day = "mon" }]',
         f"{KEY}.windows[#1].day", "did you mean days?"),
        (RULE + CALENDAR + 'windows = [{ start = "08:30", end = "15:00", days = "mon" }]',
         f"{KEY}.windows[#1].days", "expected a list"),
        (RULE + CALENDAR + 'windows = [{ start = "08:30", end = "15:00", days = ["Mon"] }]',
         f"{KEY}.windows[#1].days", "did you mean mon?"),
        (RULE + CALENDAR + 'windows = [{ start = "08:30", end = "15:00", days = [] }]',
         f"{KEY}.windows[#1].days", "names no weekday"),
        (RULE + CALENDAR + 'zone = "Chicago"', f"{KEY}.zone", "is no time zone"),
        (RULE + CALENDAR + 'no_new_exposure = "1m"', f"{KEY}.no_new_exposure", "is shorter than"),
        (RULE + CALENDAR + 'flatten_before_end = "2 m"', f"{KEY}.flatten_before_end", "duration"),
        (RULE + CALENDAR + GOLD, f"{KEY}.instruments.GC.windows", "is missing"),
        (RULE + CALENDAR + GOLD + 'windows = [{ start = "17:00", end = "25:00" }]',
         f"{KEY}.instruments.GC.windows[#1].end", "from 00:00 to 23:59"),
        (RULE + CALENDAR + GOLD.replace("GC", '"G C"')
         + 'windows = [{ start = "17:00", end = "16:00" }]', f"{KEY}.instruments", "is no product"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_where_it_stands(judge: Any, rules: str, key: str, told: str) -> None:
    problems: tuple[Problem, ...] = judge(rules=rules)

    assert [problem.key for problem in problems] == [key]
    assert told in f"{problems[0].what} {problems[0].why} {problems[0].mend}"


def test_a_calendar_that_is_not_there_or_not_sound_is_named_with_its_file(
    judge: Any, tmp_path: Path
) -> None:
    (tmp_path / "bad.toml").write_text(SHIPPED.read_text().replace('"17:00"', '"15:00"'))
    missing = judge(rules=RULE + 'calendar = "none.toml"')
    broken = judge(rules=RULE + 'calendar = "bad.toml"')

    assert [one.key for one in missing] == ["", f"{KEY}.calendar"]
    assert missing[0].file == str(tmp_path / "none.toml")
    assert [one.key for one in broken] == ["meta.open", f"{KEY}.calendar"]


@pytest.mark.parametrize(
    ("rules", "key", "told"),
    [
        (RULE + CALENDAR + 'windows = [{ start = "17:00", end = "18:00", days = ["sat"] }]',
         f"{KEY}.windows", "no window is ever open while cme_equity is"),
        (RULE + CALENDAR + GOLD + 'windows = [{ start = "16:10", end = "16:50" }]',
         f"{KEY}.instruments.GC.windows", "the account is locked all the time"),
        (RULE + CALENDAR + GOLD + 'windows = [{ start = "17:00", end = "16:00" }]',
         f"{KEY}.instruments.GC", "does not list GC"),
    ],
)  # fmt: skip
def test_what_is_odd_is_a_warning(write: Any, rules: str, key: str, told: str) -> None:
    warnings = load(write(rules=rules)).warnings

    assert key in [warning.key for warning in warnings]
    assert told in render_text(warnings, "warning")


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (date(2027, 10, 1), None),
        (date(2027, 11, 5), "the calendar cme_equity ends on 2027-12-31, within 60 days"),
        (date(2028, 1, 3), "does not know today, only 2025-01-01 to 2027-12-31"),
    ],
)
def test_the_check_tells_how_far_the_calendar_reaches(
    write: Any, day: date, told: str | None
) -> None:
    noon = datetime(day.year, day.month, day.day, 18, tzinfo=UTC)
    config = load(write(rules=RULE + CALENDAR)).config
    found = calendar_warnings(config, "a.toml", Nanos(int(noon.timestamp()) * SECOND))

    assert [one.key for one in found] == ([] if told is None else [f"{KEY}.calendar"])
    assert told is None or told in render_text(found, "warning")
