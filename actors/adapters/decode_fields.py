"""Read one field of a raw object exactly, or say what is odd about it.

Theory: the Gateway speaks JSON, so whatever reaches us is a tree of dict, list, str, int, float,
bool and None.  Every reader here takes the object and a key, and either returns a value that fits
its unit to the last digit or raises `Odd`.  A bool is never a number; NaN and infinity are never
prices; nothing leaves that a 64-bit journal could not hold.
"""

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from protocol.units import PRICE, SECOND, USD, AccountId, ContractId, Nanos, Price, Usd

INT64_MAX = 2**63 - 1
CONTRACTS_MAX = 10_000_000
"""More contracts than any position or order can have: beyond it a number is not a size."""
TEXT_CHARS_MAX = 200
SAMPLE_CHARS_MAX = 40
ID_DIGITS_MAX = 19
BIG_INT = 10**30
"""Printing larger integers is slow, and refused by Python beyond 4,300 digits."""
PLAIN_FLOAT_MAX = 1e6
"""Below it neighbouring doubles are less than a billionth apart: see `price`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:Z|[+-]\d\d:\d\d)", re.ASCII
)
_UNSET_YEAR = "0001-"
"""How .NET writes an instant that nobody set."""
_MICRO_DIGITS = 6
_NANO_DIGITS = 9

type Raw = dict[str, Any]


class Odd(ValueError):
    """A field is missing or makes no sense; the text says which and why."""


def sample(value: object) -> str:
    """Show a little of a value: enough to recognise, too little to leak."""
    if isinstance(value, dict | list | tuple):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, int) and abs(value) > BIG_INT:
        return "a huge integer"
    if isinstance(value, str):
        value = value[: SAMPLE_CHARS_MAX + 1]
    text = ascii(value)
    return text if len(text) <= SAMPLE_CHARS_MAX else f"{text[:SAMPLE_CHARS_MAX]}..."


def odd(key: str, value: object, wanted: str) -> Odd:
    """Build the complaint about one field."""
    return Odd(f"{key} is {sample(value)}, not {wanted}")


def identity(row: Raw, key: str) -> int:
    """Read an id: a positive integer, or its digits as text."""
    value = row.get(key)
    if type(value) is str and len(value) <= ID_DIGITS_MAX and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is int and 0 < value <= INT64_MAX:
        return value
    raise odd(key, value, "an id")


def optional_identity(row: Raw, key: str) -> int | None:
    """Read an id that may be absent; the Gateway also writes 0 for none."""
    return None if row.get(key) in (None, 0, "", "0") else identity(row, key)


def account_id(row: Raw, key: str = "accountId") -> AccountId:
    """Read the account an object belongs to."""
    return AccountId(identity(row, key))


def contract_id(row: Raw, key: str = "contractId") -> ContractId:
    """Read a contract's id."""
    value = row.get(key)
    if type(value) is str and 0 < len(value) <= TEXT_CHARS_MAX and value.isascii():
        return ContractId(value)
    raise odd(key, value, "a contract id")


def count(row: Raw, key: str) -> int:
    """Read a number of contracts: direction is never in its sign."""
    value = row.get(key)
    if type(value) is int and 0 <= value <= CONTRACTS_MAX:
        return value
    raise odd(key, value, "a number of contracts")


def positive_count(row: Raw, key: str) -> int:
    """Read a number of contracts that cannot be none."""
    value = count(row, key)
    if value == 0:
        raise odd(key, value, "a number of contracts above zero")
    return value


def code(row: Raw, key: str) -> int:
    """Read one of the Gateway's enumeration numbers."""
    value = row.get(key)
    if type(value) is int and 0 <= value <= CONTRACTS_MAX:
        return value
    raise odd(key, value, "a code")


def flag(row: Raw, key: str) -> bool | None:
    """Read a truth value; None when the object does not say."""
    value = row.get(key)
    if value is None or type(value) is bool:
        return value
    raise odd(key, value, "true or false")


def text(row: Raw, key: str) -> str | None:
    """Read free text that may be absent, cut to a length and to what UTF-8 can hold."""
    value = row.get(key)
    if value is None:
        return None
    if type(value) is not str:
        raise odd(key, value, "text")
    return value[:TEXT_CHARS_MAX].encode("utf-8", "replace").decode("utf-8")


def price(row: Raw, key: str) -> Price | None:
    """Read a price, to the nearest billionth; absent, null and 0 are all "no price".

    The short way is exact: below a million, a whole number of billionths that divides back to the
    very same double is the only one that does.
    """
    value = row.get(key)
    if value is None:
        return None
    if type(value) is float:
        if 0.0 < value < PLAIN_FLOAT_MAX:
            scaled = round(value * PRICE)
            if scaled / PRICE == value and scaled:
                return Price(scaled)
        elif value == 0.0:
            return None
    number = _scaled(key, value, PRICE)
    if number < 0:
        raise odd(key, value, "a price")
    return Price(number) if number else None


def required_price(row: Raw, key: str) -> Price:
    """Read a price that must be there."""
    value = price(row, key)
    if value is None:
        raise odd(key, row.get(key), "a price")
    return value


def money(row: Raw, key: str) -> Usd | None:
    """Read money to the nearest ten-thousandth of a dollar; None when it is absent.

    Rounding undoes the binary tail of a sum computed in doubles, such as 0.30000000000000004.
    """
    value = row.get(key)
    return None if value is None else Usd(_scaled(key, value, USD))


def _scaled(key: str, value: object, scale: int) -> int:
    """Return a JSON number times `scale`, rounded half to even."""
    if type(value) is int:
        number = value * scale
    elif type(value) is float and -INT64_MAX < value < INT64_MAX:  # false for NaN as well
        with localcontext() as exact:
            exact.prec = 60
            number = int((Decimal(repr(value)) * scale).to_integral_value(ROUND_HALF_EVEN))
    else:
        raise odd(key, value, "a number")
    if not -INT64_MAX <= number <= INT64_MAX:
        raise odd(key, value, "a number of a sensible size")
    return number


def exact(row: Raw, key: str, scale: int) -> int:
    """Read a positive number that must be whole in its unit: a rounded tick is a wrong one."""
    value = row.get(key)
    number = _scaled(key, value, scale)
    whole = isinstance(value, int) or Decimal(repr(value)) * scale == number
    if number <= 0 or not whole:
        raise odd(key, value, f"positive and whole in 1/{scale}")
    return number


def instant(row: Raw, key: str) -> Nanos | None:
    """Read an ISO 8601 instant to the nanosecond; None when it is absent or was never set."""
    value = row.get(key)
    if value is None or value == "":
        return None
    shape = _INSTANT.fullmatch(value) if type(value) is str else None
    if shape is None:
        raise odd(key, value, "an instant with an offset")
    if value.startswith(_UNSET_YEAR):
        return None
    try:
        since = datetime.fromisoformat(value) - _EPOCH
    except (ValueError, OverflowError):
        raise odd(key, value, "an instant") from None
    nanos = (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000
    fraction = shape[1]
    if fraction is not None and len(fraction) > _MICRO_DIGITS:  # what the parser cut off
        nanos += int(fraction.ljust(_NANO_DIGITS, "0")[_MICRO_DIGITS:])
    if 0 <= nanos <= INT64_MAX:
        return Nanos(nanos)
    raise odd(key, value, "an instant of our time")


def required_instant(row: Raw, key: str) -> Nanos:
    """Read an instant that must be there."""
    value = instant(row, key)
    if value is None:
        raise odd(key, row.get(key), "an instant")
    return value
