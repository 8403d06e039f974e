"""What a soak reads off the service's own metrics: sums, and quantiles of distributions."""

import re
from collections import defaultdict
from math import inf

LINE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")
BOUND = re.compile(r',le="([^"]+)"')


class Scraped:
    """One reading of /metrics."""

    def __init__(self, text: str) -> None:
        self._values: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
        self._bars: defaultdict[str, defaultdict[float, float]] = defaultdict(
            lambda: defaultdict(float)
        )
        for line in text.splitlines():
            found = LINE.fullmatch(line)
            if found is None:
                continue
            name, labels, value = found[1], f",{found[2] or ''}", float(found[3])
            bound = BOUND.search(labels)
            if bound is not None:
                self._bars[name.removesuffix("_bucket")][float(bound[1])] += value
            else:
                self._values[name].append((labels, value))

    def total(self, name: str, **labels: str) -> float:
        """Return a metric's sum over all series with these labels; 0 if there is none."""
        wanted = [f',{label}="{value}"' for label, value in labels.items()]
        return sum(
            value for told, value in self._values[name] if all(one in told for one in wanted)
        )

    def quantile(self, name: str, share: float) -> float | None:
        """Return the bound below which so large a share of a distribution lies; None if empty.

        Infinity means: above the last bound.
        """
        bars = sorted(self._bars[name].items())
        if not bars or not bars[-1][1]:
            return None
        return next((bound for bound, count in bars if count >= share * bars[-1][1]), inf)
