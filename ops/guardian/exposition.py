"""Figures as Prometheus reads them: the text format 0.0.4, one family after the other.

Written here rather than by a library, for it is this page; promtool and a real Prometheus read it
in tests/prometheus.  What is not in the vocabulary, or has other labels than its metric, is left
out: one strange figure must not cost all the others.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate, groupby
from math import isfinite

from protocol.metrics import METRICS, Bars, Metric, Series, Shape

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LABELS_MAX = 16_384
"""Label texts that are kept: they are the same at every scrape."""
ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def render(series: Iterable[Series], bars: Iterable[Bars]) -> str:
    """Return the page."""
    everything: list[Series | Bars] = [*series, *bars]
    known = sorted((one for one in everything if fits(one)), key=_key)
    lines: list[str] = []
    for name, ones in groupby(known, key=lambda one: one.name):
        metric = METRICS[name]
        lines += [f"# HELP {name} {metric.text}", f"# TYPE {name} {metric.shape.value}"]
        for one in ones:
            lines += _bars(metric, one) if isinstance(one, Bars) else _series(metric, one)
    return "\n".join([*lines, ""])


def fits(one: Series | Bars) -> bool:
    """Tell whether the vocabulary has such a figure."""
    metric = METRICS.get(one.name)
    if metric is None or len(one.labels) != len(metric.labels):
        return False
    if isinstance(one, Bars):
        return metric.shape is Shape.HISTOGRAM and len(one.counts) == len(metric.bounds) + 1
    return metric.shape is not Shape.HISTOGRAM and isfinite(one.value)


def _key(one: Series | Bars) -> tuple[str, tuple[str, ...]]:
    return one.name, one.labels


def _series(metric: Metric, one: Series) -> Iterator[str]:
    yield f"{one.name}{_labels(metric, one.labels)} {number(one.value)}"


def _bars(metric: Metric, one: Bars) -> Iterator[str]:
    so_far = list(accumulate(one.counts))
    bounds = [*(number(bound) for bound in metric.bounds), "+Inf"]
    for bound, count in zip(bounds, so_far, strict=True):
        yield f"{one.name}_bucket{_labels(metric, one.labels, le=bound)} {count}"
    labels = _labels(metric, one.labels)
    yield f"{one.name}_sum{labels} {number(one.total)}"
    yield f"{one.name}_count{labels} {so_far[-1]}"


@lru_cache(maxsize=LABELS_MAX)
def _labels(metric: Metric, values: tuple[str, ...], le: str = "") -> str:
    pairs = [*zip(metric.labels, values, strict=True), *([("le", le)] if le else ())]
    inner = ",".join(f'{name}="{value.translate(ESCAPED)}"' for name, value in pairs)
    return f"{{{inner}}}" if inner else ""


def number(value: float) -> str:
    """Return a number without a needless point."""
    return str(int(value)) if value == int(value) else repr(float(value))
