"""Turn parsed TOML into structs, piece by piece, and note everything that is wrong on the way.

msgspec stops at the first error of a document.  Here every key is converted by itself, so that an
operator sees all of them at once; what msgspec says is put into words that name no Python type.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple, cast, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

from config.errors import Invalid, Problem, bare, did_you_mean, dotted, printable
from config.kinds import bare_type, choices, found, is_struct, meaning, stand_in, words

type Steps = tuple[str, ...]
type Table = dict[str, object]
type Special = Callable[[Reader, object, Steps], object | None]


class Known(NamedTuple):
    """A key that means nothing where it stands, and yet is no misspelling: what to say of it."""

    mend: str
    what: str = "unknown key"
    why: str = "a misspelt setting would go unnoticed"


INTEGER_MAX = 2**63 - 1
AMOUNT_MAX = Decimal(1_000_000_000)
SMALLEST_AMOUNT = Decimal("0.0001")


class Reader:
    """Reads one file's tables and keeps the problems found; None stands for what was refused.

    `special` maps a declared type to the function that reads it, `misplaced` a key to what to say
    when it stands where it means nothing.
    """

    def __init__(
        self, file: str, special: Mapping[object, Special], misplaced: Mapping[str, Known]
    ) -> None:
        self.file = file
        self.special = special
        self.misplaced = misplaced
        self.problems: list[Problem] = []

    def refuse(self, path: Steps, what: str, *, why: str = "", mend: str = "") -> None:
        """Note a problem."""
        self.problems.append(
            Problem(file=self.file, key=dotted(path), what=what, why=why, mend=mend)
        )

    def expect_table(self, raw: object, path: Steps, mend: str) -> Table | None:
        """Return a table as it stands, unconverted."""
        if isinstance(raw, dict):
            return cast("Table", raw)
        self.refuse(path, f"expected a table, got {found(raw)}", mend=mend)
        return None

    def struct[S: msgspec.Struct](self, kind: type[S], raw: Table, path: Steps) -> S | None:
        """Read a table of known keys."""
        before = len(self.problems)
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for key in raw:
            if key not in fields:
                self.unknown_key(key, fields, path)
        values: dict[str, object] = {}
        for key, field in fields.items():
            if key not in raw:
                if field.required:
                    self.missing(field, path)
                continue
            value = self.value(field.type, raw[key], (*path, key))
            if value is not None:
                values[key] = value
        made = self.build(kind, fields, values, path)
        return made if len(self.problems) == before else None

    def unknown_key(self, key: str, known: Iterable[str], path: Steps) -> None:
        """Refuse a key that means nothing here."""
        names = tuple(known)
        mend = did_you_mean(key, names) or f"known here: {', '.join(names)}"
        said = self.misplaced.get(key, Known(mend))
        self.refuse((*path, bare(key)), said.what, why=said.why, mend=said.mend)

    def missing(self, field: FieldInfo, path: Steps) -> None:
        """Refuse the absence of a key that has no default."""
        mend = f"write {field.encode_name} = {words(field.type)}"
        if "table" in words(field.type):
            mend = "add it: config/REFERENCE.md shows its keys"
        elif not path:  # the file's own lists are lists of tables
            mend = f"write [[{field.encode_name}]] above each of them"
        path = (*path, field.encode_name)
        self.refuse(path, "is missing", why=meaning(field.type), mend=mend)

    def value(self, declared: Any, raw: object, path: Steps) -> object | None:
        """Read one value of a declared type."""
        plain = bare_type(declared)
        if special := self.special.get(plain):
            return special(self, raw, path)
        if is_struct(plain):
            name = ".".join(step for step in path if not step.startswith("["))
            table = self.expect_table(raw, path, f"write [{name}] above its keys")
            return None if table is None else self.struct(plain, table, path)
        if get_origin(plain) is dict and isinstance(raw, dict):
            return self.mapping(get_args(plain)[1], cast("Table", raw), path)
        if (why := out_of_range(raw)) is not None:
            self.refuse(path, why, why=meaning(declared), mend=f"write {words(declared)}")
            return None
        try:
            value: object = msgspec.convert(raw, declared, strict=True)
        except msgspec.ValidationError as error:
            self.unfit(declared, raw, path, str(error))
            return None
        if isinstance(value, Decimal) and (what := odd_amount(value)):
            self.refuse(path, what, mend="write a number with at most four decimals")
            return None
        return value

    def mapping(self, declared: Any, raw: Table, path: Steps) -> Table | None:
        """Read a table whose keys are the operator's own."""
        read = {key: self.value(declared, item, (*path, bare(key))) for key, item in raw.items()}
        return None if None in read.values() else read

    def unfit(self, declared: Any, raw: object, path: Steps, told: str) -> None:
        """Refuse a value that does not fit its type."""
        allowed = choices(bare_type(declared))
        what = f"expected {words(declared)}, got {found(raw)}"
        mend = f"write {path[-1]} = {words(declared)}"
        if allowed and isinstance(raw, str):
            what = f'"{printable(raw)}" is none of {", ".join(allowed)}'
            mend = did_you_mean(raw, allowed) or mend
        elif " - at " in told or (told.startswith("Expected") and "got" not in told):
            what = "does not have the form it needs"  # of the right type, but not within
        self.refuse(path, what, why=meaning(declared), mend=mend)

    def build[S: msgspec.Struct](
        self, kind: type[S], fields: Mapping[str, FieldInfo], values: Table, path: Steps
    ) -> S | None:
        """Construct a struct; what its own judgement refuses is replaced, so that it goes on."""
        replaced = {key for key, field in fields.items() if field.required} - values.keys()
        values |= {key: stand_in(fields[key].type) for key in replaced}
        while True:
            try:
                return kind(**values)
            except ValueError as error:
                fault = error if isinstance(error, Invalid) else parse_fault(str(error))
                key, *rest = fault.key.split(".", 1)
                if key not in fields:
                    self.refuse(path, str(error))
                    return None
                if key in replaced:
                    return None  # it is the replacement that it refuses
                place = (*path, key, *(printable(step) for step in rest))
                why = fault.why or meaning(fields[key].type)
                self.refuse(place, printable(fault.what), why=why, mend=fault.mend)
                others = without(values.get(key), rest)
                if others:  # of a table's own keys, the next may be wrong as well
                    values[key] = others
                    continue
                replaced.add(key)
                values.pop(key, None)
                if fields[key].required:
                    values[key] = stand_in(fields[key].type)


def without(value: object, entry: list[str]) -> Table:
    """Return what is left of a table without the entry that a fault names; empty if nothing is."""
    if not isinstance(value, dict) or not entry or entry[0] not in value:
        return {}
    return {key: one for key, one in cast("Table", value).items() if key != entry[0]}


def parse_fault(text: str) -> Invalid:
    """Take 'key: what is wrong; how to mend it' apart."""
    key, _, rest = text.partition(": ")
    what, *mend = re.split(r"; |: ", rest, maxsplit=1)
    return Invalid(key, what, mend=" ".join(mend))


def out_of_range(raw: object) -> str | None:
    """Say why a number cannot be used whatever it is for."""
    if isinstance(raw, int) and abs(raw) > INTEGER_MAX:
        return "is too large a number"
    if isinstance(raw, float) and not isfinite(raw):
        return "is no finite number"
    return None


def odd_amount(value: Decimal) -> str:
    """Say why a number is no exact amount; nothing if it is one."""
    if not value.is_finite():
        return "is no finite number"
    if value.copy_abs() > AMOUNT_MAX:
        return "is too large a number"
    exact = value == value.quantize(SMALLEST_AMOUNT)
    return "" if exact else f"{printable(str(value))} has more than four decimals"
