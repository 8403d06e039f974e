"""What a dashboard is made of, as data."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """How a panel looks, by Grafana's names."""

    STAT = "stat"
    LINES = "timeseries"
    STATES = "state-timeline"


class Unit(StrEnum):
    """What a panel's figures are, by Grafana's names."""

    NONE = "short"
    DOLLARS = "currencyUSD"
    SECONDS = "s"
    SHARE = "percentunit"
    PER_SECOND = "cps"


class Query(NamedTuple):
    """One PromQL query, and the name of each series that it returns."""

    expr: str
    legend: str = ""


class Panel(NamedTuple):
    """One picture: `red_from` colours figures from there on, `red_below` those below."""

    title: str
    text: str
    queries: tuple[Query, ...]
    kind: Kind = Kind.LINES
    unit: Unit = Unit.NONE
    width: int = 12
    height: int = 8
    red_from: float | None = None
    red_below: float | None = None


class Row(NamedTuple):
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


class Board(NamedTuple):
    """One dashboard; its variables narrow it to logins and accounts."""

    name: str
    title: str
    text: str
    variables: tuple[str, ...]
    rows: tuple[Row, ...]


def lines(title: str, text: str, *queries: Query, unit: Unit = Unit.NONE) -> Panel:
    """Return figures over time."""
    return Panel(title, text, queries, unit=unit)


def stat(
    title: str,
    text: str,
    expr: str,
    *,
    unit: Unit = Unit.NONE,
    red_from: float | None = None,
    red_below: float | None = None,
) -> Panel:
    """Return one large figure."""
    return Panel(title, text, (Query(expr),), Kind.STAT, unit, 4, 4, red_from, red_below)


def states(title: str, text: str, *queries: Query) -> Panel:
    """Return what was so when, in bars."""
    return Panel(title, text, queries, Kind.STATES, width=24, height=6)


def quantiles(metric: str, by: str, where: str, legend: str = "") -> tuple[Query, ...]:
    """Return the median and the 99th percentile of a distribution, by these labels."""
    groups = ", ".join(("le", *((by,) if by else ())))
    rate = f"sum by ({groups}) (rate({metric}_bucket{where}[$__rate_interval]))"
    return tuple(
        Query(f"histogram_quantile({share}, {rate})", f"{legend} p{share * 100:.0f}".strip())
        for share in (0.5, 0.99)
    )
