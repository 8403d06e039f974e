"""A distribution that costs a search among ten bounds and two additions to feed."""

from bisect import bisect_left


class Histogram:
    """How many values fell at or below each bound, and above the last; each is counted once."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Take one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
