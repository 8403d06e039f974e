"""How the tables of trading sessions are read: windows, weekdays, and which calendar is meant."""

from functools import lru_cache
from pathlib import Path
from typing import cast

from actors.model.calendar import Calendar
from actors.model.sessions import WEEK, WHOLE, Weekday, Window
from config.calendars import judge_time, load_calendar, load_shipped, shipped
from config.errors import ConfigError, did_you_mean, printable
from config.kinds import found
from config.read import Reader, Special, Steps, Table

SUFFIX = ".toml"


def read_calendar(reader: Reader, raw: object, path: Steps) -> Calendar | None:
    """Read the calendar that a name stands for, or the file that a path leads to."""
    if not isinstance(raw, str):
        reader.refuse(path, f"expected text in quotes, got {found(raw)}", mend=choice())
        return None
    if raw in shipped():
        return load_once(raw)
    if not raw.endswith(SUFFIX):
        what = f'there is no calendar "{printable(raw)}"'
        reader.refuse(path, what, mend=did_you_mean(raw, shipped()) or choice())
        return None
    try:
        return load_calendar(Path(reader.file).parent / raw)
    except (ConfigError, ValueError) as error:
        if not isinstance(error, ConfigError):  # a path that no file can have
            reader.refuse(path, f'"{printable(raw)}" is no path', mend=choice())
            return None
        reader.problems.extend(error.problems)
        what = f'the calendar "{printable(raw)}" cannot be used'
        reader.refuse(path, what, why="of what is said of that file", mend=choice())
        return None


@lru_cache(maxsize=16)
def load_once(name: str) -> Calendar:
    """Return a calendar that comes with the product."""
    return load_shipped(name)


def choice() -> str:
    """Say what may be written."""
    return f"write one of {', '.join(shipped())}, or the path of a file that ends in {SUFFIX}"


def read_windows(reader: Reader, raw: object, path: Steps) -> tuple[Window, ...] | None:
    """Read every window, whatever is wrong with the others."""
    mend = f'write {path[-1]} = [{{ start = "08:30", end = "15:00" }}]'
    if not isinstance(raw, list):
        reader.refuse(path, f"expected a list of tables, got {found(raw)}", mend=mend)
        return None
    read: list[Window] = []
    items = cast("list[object]", raw)
    for number, item in enumerate(items, start=1):
        step = (*path, f"[#{number}]")
        table = reader.expect_table(item, step, mend)
        made = None if table is None else read_window(reader, table, step)
        if made is not None:
            read.append(made)
    return tuple(read) if len(read) == len(items) else None


def read_window(reader: Reader, raw: Table, path: Steps) -> Window | None:
    """Read one window; what is wrong with its start hides nothing that is wrong with its end."""
    times = {key: text for key in ("start", "end") if isinstance(text := raw.get(key), str)}
    sound = [judge_time(reader, (*path, key), text) for key, text in times.items()]
    if all(sound):
        return reader.struct(Window, raw, path)
    reader.struct(Window, {**raw, **{key: getattr(WHOLE, key) for key in times}}, path)
    return None


def read_weekdays(reader: Reader, raw: object, path: Steps) -> tuple[Weekday, ...] | None:
    """Read the weekdays on which a window starts."""
    mend = 'write for example ["mon", "tue"]'
    if not isinstance(raw, list):
        reader.refuse(path, f"expected a list, got {found(raw)}", mend=mend)
        return None
    sound = True
    for item in cast("list[object]", raw):
        if item not in WEEK:
            sound = False
            name = printable(item) if isinstance(item, str) else found(item)
            meant = did_you_mean(name, WEEK) or mend
            reader.refuse(path, f"{name} is none of {', '.join(WEEK)}", mend=meant)
    return tuple(Weekday(str(one)) for one in cast("list[object]", raw)) if sound else None


SESSIONS: dict[object, Special] = {
    Calendar: read_calendar,
    tuple[Window, ...]: read_windows,
    tuple[Weekday, ...]: read_weekdays,
}
