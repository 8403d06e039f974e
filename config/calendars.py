"""Read an exchange's calendar: the one shipped here, or a file of the same form.

Imports nothing of the service's own configuration but how to read a table, so that whatever
judges that configuration may ask for a calendar.
"""

import tomllib
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from actors.model.aliases import canonical
from actors.model.calendar import SATURDAY, Calendar, EarlyClose, clock, wall_time
from config.errors import ConfigError, Problem, bare, did_you_mean, dotted, printable
from config.read import Reader, Steps, Table
from config.text import decoded

FOLDER = Path(__file__).parent / "calendars"
EXAMPLE = "as in config/calendars/cme_equity.toml"
YEARS_MAX = 30
"""More is a misspelt year, and would take long to work out."""


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [meta]: whose sessions these are, and how they usually run."""

    zone: Annotated[str, Meta(description="The clock that all times are read on.")]
    open: Annotated[str, Meta(description="When a session opens, on the evening before.")]
    close: Annotated[str, Meta(description="When a session usually closes.")]
    valid_from: Annotated[date, Meta(description="The first date that the calendar knows.")]
    valid_to: Annotated[date, Meta(description="The last date that the calendar knows.")]
    reviewed: Annotated[date, Meta(description="When somebody last compared it to the exchange's.")]
    products: Annotated[
        tuple[str, ...], Meta(description="The roots of the products that trade at these times.")
    ]


class Dates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table that lists dates."""

    dates: Annotated[tuple[date, ...], Meta(description="Dates, written without quotes.")]


class CalendarFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A calendar as it is written.  A table that is missing is refused by `load_calendar`."""

    meta: About | None = None
    closed: Dates = Dates(())
    early_close: Annotated[
        dict[str, tuple[date, ...]],
        Meta(description="Lists of dates, each under the time at which the session then ends."),
    ] = {}
    carried: Dates = Dates(())


class Entry(NamedTuple):
    """A date in one of the tables, and where it stands."""

    day: date
    path: Steps


def shipped() -> tuple[str, ...]:
    """Return the names of the calendars that come with the product."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.toml")))


def load_shipped(name: str) -> Calendar:
    """Return a calendar that comes with the product; raise `ConfigError` if there is none such."""
    known = shipped()
    if name not in known:
        mend = did_you_mean(name, known) or f"known: {', '.join(known)}"
        raise refusal(FOLDER, f'there is no calendar "{printable(name)}"', mend=mend)
    return load_calendar(FOLDER / f"{name}.toml")


def load_calendar(path: Path) -> Calendar:
    """Read a calendar's file; raise `ConfigError` with what is wrong with it."""
    file = path.absolute()
    document = parse(file)
    reader = Reader(str(file), {}, {})
    for key in CalendarFile.__struct_fields__:
        if key not in document:
            why = "a holiday that goes unnoticed is a day without protection"
            reader.refuse((key,), "is missing", why=why, mend=f"write [{key}], {EXAMPLE}")
    read = reader.struct(CalendarFile, document, ())
    calendar = None
    if read is not None and read.meta is not None:
        calendar = understand(reader, file.stem, read, read.meta)
    if calendar is None or reader.problems:
        raise ConfigError(reader.problems)
    return calendar


def understand(reader: Reader, name: str, file: CalendarFile, about: About) -> Calendar | None:
    """Return the calendar, or None if what it is about makes no sense."""
    judge_about(reader, about)
    times = {text: at for text in file.early_close if (at := judge_early(reader, about, text))}
    if reader.problems:
        return None
    judge_dates(reader, file, about)
    return Calendar(
        name=name,
        zone=about.zone,
        open=wall_time(about.open),
        close=wall_time(about.close),
        valid_from=about.valid_from,
        valid_to=about.valid_to,
        reviewed=about.reviewed,
        closed=tuple(sorted(file.closed.dates)),
        early_closes=tuple(
            sorted(
                EarlyClose(day, times[at]) for at, days in file.early_close.items() for day in days
            )
        ),
        carried=tuple(sorted(file.carried.dates)),
        products=tuple(sorted({canonical(root) for root in about.products})),
    )


def judge_about(reader: Reader, about: About) -> None:
    """Refuse a zone, times, years or products that make no sense."""
    sound = True
    try:
        clock(about.zone)
    except ValueError as error:
        what, _, mend = str(error).removeprefix("zone: ").partition("; ")
        reader.refuse(("meta", "zone"), what, mend=mend)
    for key, text in (("open", about.open), ("close", about.close)):
        sound &= judge_time(reader, ("meta", key), text)
    if sound and about.close >= about.open:
        why = "a session opens on the evening before the date that it closes on"
        reader.refuse(("meta", "open"), "is not later than close", why=why, mend='as in "17:00"')
    if about.valid_to < about.valid_from:
        reader.refuse(("meta", "valid_to"), "is before valid_from", mend="exchange the two")
    elif about.valid_to.year - about.valid_from.year > YEARS_MAX:
        what = f"is more than {YEARS_MAX} years after valid_from"
        reader.refuse(("meta", "valid_to"), what, mend="no exchange plans so far ahead")
    if not about.products:
        reader.refuse(("meta", "products"), "names none", mend='write for example ["ES", "NQ"]')
    for root in about.products:
        if not is_root(root):
            what = f'"{printable(root)}" is not a root'
            reader.refuse(("meta", "products"), what, mend='write for example ["ES", "NQ"]')


def judge_early(reader: Reader, about: About, text: str) -> time | None:
    """Return the time of an early close, unless it is none."""
    path = ("early_close", bare(text))
    if not judge_time(reader, path, text):
        return None
    if text >= about.close:
        what = f"is not before the usual close, {printable(about.close)}"
        reader.refuse(path, what, mend="take it away, or correct the time")
    return wall_time(text)


def judge_time(reader: Reader, path: Steps, text: str) -> bool:
    """Refuse what is no time of day."""
    try:
        wall_time(text)
    except ValueError as error:
        what, _, mend = str(error).partition("; ")
        reader.refuse(path, printable(what), mend=mend)
        return False
    return True


def judge_dates(reader: Reader, file: CalendarFile, about: About) -> None:
    """Refuse dates that would have no effect, or two."""
    ending = tuple(entries(file))
    carried = tuple(Entry(day, ("carried", "dates", f"[{day}]")) for day in file.carried.dates)
    for day, path in (*ending, *carried):
        if not about.valid_from <= day <= about.valid_to:
            why = f"the calendar reaches from {about.valid_from} to {about.valid_to}"
            reader.refuse(path, "is outside the calendar", why=why, mend="correct one or the other")
        elif day.weekday() >= SATURDAY:
            what = f"is a {'Sunday' if day.weekday() > SATURDAY else 'Saturday'}"
            why = "no session closes on it anyway"
            reader.refuse(path, what, why=why, mend="correct the date, or take it away")
    for listed in (ending, carried):
        seen: dict[date, Steps] = {}
        for day, path in listed:
            if day in seen:
                first = dotted(seen[day])
                reader.refuse(path, "is named twice", why=f"also at {first}", mend="keep one")
            seen.setdefault(day, path)
    early = {day for days in file.early_close.values() for day in days}
    for day, path in carried:
        if day not in early:
            why = "only a session that halts early is carried on by the one after it"
            reader.refuse(path, "has no early close", why=why, mend="add it to [early_close]")


def entries(file: CalendarFile) -> Iterator[Entry]:
    """Yield the dates whose session does not end as usual."""
    for day in file.closed.dates:
        yield Entry(day, ("closed", "dates", f"[{day}]"))
    for at, days in file.early_close.items():
        for day in days:
            yield Entry(day, ("early_close", bare(at), f"[{day}]"))


def is_root(text: str) -> bool:
    """Tell whether a text could name a product."""
    return text.isascii() and text.isalnum()


def parse(file: Path) -> Table:
    """Return the file's tables; raise `ConfigError` if it has none."""
    try:
        return tomllib.loads(decoded(file))
    except FileNotFoundError:
        mend = f"name one that comes with the product: {', '.join(shipped())}"
        raise refusal(file, "there is no such calendar", mend=mend) from None
    except OSError as error:
        mend = "make it a file that the user who runs riskwarden may read, or name another file"
        raise refusal(file, f"cannot be read: {error.strerror}", mend=mend) from None
    except UnicodeDecodeError:
        raise refusal(file, "is not UTF-8", why="TOML is always UTF-8") from None
    except (ValueError, RecursionError) as error:
        mend = "dates stand without quotes, times of day in quotes"
        raise refusal(file, printable(str(error)), why="this is not TOML", mend=mend) from None


def refusal(file: Path, what: str, *, why: str = "", mend: str = "") -> ConfigError:
    """Return the error of a file that cannot be read at all."""
    return ConfigError((Problem(file=str(file), key="", what=what, why=why, mend=mend),))
