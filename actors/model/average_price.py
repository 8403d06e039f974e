"""Work out from fills what the broker says it did: position, average price, what closings made.

The calculation is the second opinion that the broker's own figures are checked against, so it is
exact: the average is a fraction of two integers, and is rounded only where it is read.  Adding
moves the average, taking away leaves it, and a fill through zero closes all and opens the rest
at its own price.
"""

from fractions import Fraction

import msgspec

from actors.model.money import half_even
from protocol.account_facts import Instrument, Side, TradeSeen
from protocol.units import Price, Usd


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What a fill closed: how many contracts, and their gain in units of price, exact."""

    size: int
    gain: Fraction

    def gross(self, instrument: Instrument) -> Usd:
        """Return the gain in money, before costs."""
        worth = self.gain * instrument.tick_value / instrument.tick_size
        return Usd(half_even(worth.numerator, worth.denominator))


class AveragePrice(msgspec.Struct, frozen=True, kw_only=True):
    """A contract's position by its fills; size is signed, and the average of a flat one is 0."""

    size: int = 0
    average: Fraction = Fraction(0)

    @property
    def price(self) -> Price | None:
        """Return the average price in billionths, or None when flat."""
        if not self.size:
            return None
        return Price(half_even(self.average.numerator, self.average.denominator))

    def filled(self, signed: int, price: Price) -> tuple["AveragePrice", Closing | None]:
        """Take a fill, bought > 0; return the position after it and what it closed, if anything."""
        after = self.size + signed
        if not self.size * signed < 0:
            return self._added(signed, price), None
        closed = min(abs(signed), abs(self.size))
        direction = 1 if self.size > 0 else -1
        closing = Closing(size=closed, gain=(price - self.average) * closed * direction)
        if not after:
            return AveragePrice(), closing
        if closed == abs(signed):
            return AveragePrice(size=after, average=self.average), closing
        return AveragePrice(size=after, average=Fraction(price)), closing

    def _added(self, signed: int, price: Price) -> "AveragePrice":
        after = self.size + signed
        if not signed:
            return self
        average = (self.average * self.size + price * signed) / after
        return AveragePrice(size=after, average=average)


def signed(trade: TradeSeen) -> int:
    """Return a trade's size with its sign: bought > 0."""
    return trade.size if trade.side is Side.BUY else -trade.size
