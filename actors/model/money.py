"""Value a position, and find the price at which its value reaches a limit.

    value = (mark - average) / tick size x tick value x size

Everything is integers.  The one division is the last step, rounded half to even to a
ten-thousandth of a dollar; both price functions invert that very rounding, so that a price
trigger and the valuation it stands for can never disagree, not by one billionth.
"""

from protocol.account_facts import Instrument
from protocol.units import Price, Usd


def unrealized(instrument: Instrument, size: int, average: Price, mark: Price) -> Usd:
    """Return what a position would gain if it were closed at the mark; size is signed."""
    return Usd(
        half_even((mark - average) * instrument.tick_value * size, _checked(instrument).tick_size)
    )


def loss_price(instrument: Instrument, size: int, average: Price, limit: Usd) -> Price:
    """Return the price at which a falling value first is at or below the limit.

    The highest such price for a long position, the lowest for a short one.
    """
    # round(x) <= limit means x < limit + 1/2, or x == limit + 1/2 where limit is even.
    edge = (2 * limit + 1) * instrument.tick_size - (limit & 1)
    return _moved(size, average, edge // _twice_per_unit(instrument, size))


def profit_price(instrument: Instrument, size: int, average: Price, target: Usd) -> Price:
    """Return the price at which a rising value first is at or above the target.

    The lowest such price for a long position, the highest for a short one.
    """
    edge = (2 * target - 1) * instrument.tick_size + (target & 1)
    return _moved(size, average, -(-edge // _twice_per_unit(instrument, size)))


def half_even(numerator: int, denominator: int) -> int:
    """Divide and round to the nearest integer, and from the middle to the even one."""
    whole, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole & 1):
        return whole + 1
    return whole


def _checked(instrument: Instrument) -> Instrument:
    assert instrument.tick_size > 0, "decode admits no instrument without economics"
    assert instrument.tick_value > 0, "decode admits no instrument without economics"
    return instrument


def _twice_per_unit(instrument: Instrument, size: int) -> int:
    """Return twice what one unit of price in its favour is worth to a position, times tick size."""
    assert size, "a flat position has no price at which anything happens"
    return 2 * _checked(instrument).tick_value * abs(size)


def _moved(size: int, average: Price, favourable: int) -> Price:
    """Return the price that lies so far from the average, in the position's favour."""
    return Price(average + favourable if size > 0 else average - favourable)
