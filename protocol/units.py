"""Identifiers and units: plain integers and strings that a type checker tells apart."""

from decimal import Decimal
from functools import lru_cache
from typing import NewType

import msgspec

AccountId = NewType("AccountId", int)
ContractId = NewType("ContractId", str)
"""The Gateway's id of one expiry of one product, such as CON.F.US.MNQ.Z26."""
OrderId = NewType("OrderId", int)
PositionId = NewType("PositionId", int)
TradeId = NewType("TradeId", int)
RuleName = NewType("RuleName", str)
"""A rule's name as it stands in the configuration: daily_realized_loss."""

Nanos = NewType("Nanos", int)
"""A point in time (nanoseconds since the Unix epoch, UTC) or, where said, a span."""

Usd = NewType("Usd", int)
"""Money in ten-thousandths of a dollar: exact for every CME tick value (ZF: 78_125)."""

Price = NewType("Price", int)
"""A price in billionths: holds an average of fills that lies off the tick grid."""

USD = 10_000
PRICE = 1_000_000_000
SECOND = 1_000_000_000
MILLISECOND = 1_000_000


class Now(msgspec.Struct, frozen=True):
    """The time of one input: the calendar's and the stopwatch's.

    `wall` may jump when someone sets the clock, so only schedules read it.  `mono` only grows,
    and means nothing to another process.
    """

    wall: Nanos
    mono: Nanos


def usd_text(amount: Usd) -> str:
    """Return money as decimal text with cents, or more digits where they are needed."""
    return _usd_text(amount)  # in two, for a cache takes any type


@lru_cache(maxsize=4_096)
def _usd_text(amount: int) -> str:
    sign, rest = ("-", -amount) if amount < 0 else ("", amount)
    whole, part = divmod(rest, USD)
    digits = f"{part:04d}"
    return f"{sign}{whole}.{digits[:2]}{digits[2:].rstrip('0')}"


def price_text(price: Price) -> str:
    """Return a price as decimal text with two digits, or more where they are needed."""
    sign, rest = ("-", -price) if price < 0 else ("", price)
    whole, part = divmod(rest, PRICE)
    digits = f"{part:09d}"
    return f"{sign}{whole}.{digits[:2]}{digits[2:].rstrip('0')}"


def usd(dollars: Decimal) -> Usd:
    """Return dollars as exact money; raise ValueError on more than four decimals."""
    scaled = dollars * USD
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{dollars} has more than four decimals")
    return Usd(int(scaled))
