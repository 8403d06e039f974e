"""Types in an operator's words, for messages and for the reference."""

import datetime as dt
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from msgspec import Meta, Struct

from actors.model.calendar import Calendar
from config.secret_ref import SecretRef, SecretSource

WORDS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Decimal: "a number, such as 500 or 0.1",
    str: "text in quotes",
    Path: "a path in quotes",
    SecretRef: "env:NAME, file:PATH or credential:NAME, in quotes",
    Calendar: "a calendar's name, or the path of its file, in quotes",
    dict: "a table",
    list: "a list",
    tuple: "a list",
    dt.datetime: "a date and time",
    dt.date: "a date",
    dt.time: "a time",
}
STAND_INS: dict[object, object] = {
    bool: True,
    int: 1,
    Decimal: Decimal(-1),
    str: "x",
    SecretRef: SecretRef(SecretSource.ENV, "X"),
    Calendar: Calendar(
        name="x",
        zone="UTC",
        open=dt.time(1),
        close=dt.time(0),
        valid_from=dt.date(2000, 1, 3),
        valid_to=dt.date(2000, 1, 3),
        reviewed=dt.date(2000, 1, 3),
    ),
}


def bare_type(declared: Any) -> Any:
    """Return a declared type without its annotations and without None."""
    if get_origin(declared) is Annotated:
        return bare_type(get_args(declared)[0])
    some = [arg for arg in get_args(declared) if arg is not NoneType]
    if NoneType in get_args(declared) and len(some) == 1:
        return bare_type(some[0])
    return getattr(declared, "__supertype__", declared)  # a NewType's own base


def is_struct(declared: Any) -> bool:
    """Tell whether a type is written as a table of known keys."""
    return isinstance(declared, type) and issubclass(declared, Struct) and declared not in WORDS


def choices(declared: Any) -> tuple[str, ...]:
    """Return the values that an enumeration allows, else none."""
    if isinstance(declared, type) and issubclass(declared, Enum):
        return tuple(str(member.value) for member in declared)
    return ()


def words(declared: Any) -> str:
    """Say what to write for a type."""
    declared = bare_type(declared)
    if choices(declared):
        return "one of " + ", ".join(f'"{choice}"' for choice in choices(declared))
    if is_struct(declared):
        return "a table"
    return WORDS.get(declared) or WORDS.get(get_origin(declared)) or "a value"


def found(raw: object) -> str:
    """Say what stands there, without showing it."""
    if isinstance(raw, str):
        return "text"
    return "a number" if type(raw) is float else WORDS.get(type(raw), "something else")


def meta(declared: Any) -> Meta:
    """Return what is noted on a field: its description, its pattern."""
    noted = get_args(declared)[1:] if get_origin(declared) is Annotated else ()
    return next((extra for extra in noted if isinstance(extra, Meta)), Meta())


def meaning(declared: Any) -> str:
    """Return a field's own description."""
    return meta(declared).description or ""


def stand_in(declared: Any) -> object:
    """Return any value of a type, to go on judging a table whose own value was refused."""
    declared = bare_type(declared)
    if isinstance(declared, type) and issubclass(declared, Enum):
        return next(iter(declared))
    return STAND_INS.get(declared) or (get_origin(declared) or (lambda: None))()
