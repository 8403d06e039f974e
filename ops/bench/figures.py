"""Figures beside their budgets, one line each."""

from collections.abc import Sequence

NANOS_A_MS = 1_000_000


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share of an ordered sequence lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def latency(what: str, nanos: Sequence[int], p50_ms: float, p99_ms: float) -> None:
    """Print a latency's percentiles and whether the budget holds."""
    ordered = sorted(one / NANOS_A_MS for one in nanos)
    p50, p99 = percentile(ordered, 0.50), percentile(ordered, 0.99)
    verdict = "within" if p50 <= p50_ms and p99 <= p99_ms else "MISSES"
    figures = f"p50 {p50:7.3f} ms  p99 {p99:7.3f} ms  max {ordered[-1]:7.3f} ms  n={len(ordered)}"
    print(f"{what:58} {figures}  {verdict} p50 {p50_ms} ms, p99 {p99_ms} ms")


def rate(what: str, per_second: float, least: float) -> None:
    """Print a rate and whether the budget holds."""
    verdict = "within" if per_second >= least else "MISSES"
    print(f"{what:58} {per_second:12,.0f} /s  {verdict} {least:,.0f} /s")


def share(what: str, each_ms: float, most: float) -> None:
    """Print what each of many took and whether the budget holds."""
    verdict = "within" if each_ms <= most else "MISSES"
    print(f"{what:58} {each_ms:12.3f} ms  {verdict} {most} ms")
