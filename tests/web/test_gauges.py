"""How much of a limit is used, read off what rules say."""

import pytest

from ops.web.gauges import Gauge, Level, gauges, level
from protocol.control import RuleStatus


def rule(limit: str, used: str, remaining: str = "", unknown: str | None = None) -> RuleStatus:
    return RuleStatus(
        rule="some_rule",
        armed=True,
        mode="enforce",
        limit=limit,
        used=used,
        unknown=unknown,
        evaluated=None,
        remaining=remaining,
    )


def bars(limit: str, used: str, remaining: str = "") -> list[tuple[str, float | None, str]]:
    return [(one.label, one.share, one.left) for one in gauges(rule(limit, used, remaining))]


@pytest.mark.parametrize(
    ("limit", "used", "remaining", "shown"),
    [
        ("-500.00", "-320.50", "179.50", [("", 0.641, "179.50")]),
        ("-500.00", "-500.00", "0.00", [("", 1.0, "0.00")]),
        ("-500.00", "120.00", "620.00", [("", 0.0, "620.00")]),
        ("1000.00", "-40.00", "1040.00", [("", 0.0, "1040.00")]),
        ("8", "2 net", "6", [("", 0.25, "6")]),
        ("8", "9 gross", "0", [("", 1.125, "0")]),
        ("10s", "3s", "6s", [("", 0.3, "6s")]),
        ("1m", "45s", "", [("", 0.75, "")]),
        (
            "10 in 60 s, 40 in 1 h",
            "1 in 60 s, 20 in 1 h",
            "9 in 60 s, 19 in 1 h",
            [("in 60 s", 0.1, "9"), ("in 1 h", 0.5, "19")],
        ),
        (
            "MNQ 4, M2K 2, others 0",
            "MNQ 3, ES 1",
            "MNQ 1, M2K 2",
            [("MNQ", 0.75, "1"), ("M2K", 0.0, "2"), ("ES", 1.0, "")],
        ),
        ("MNQ 4, others 0", "0", "MNQ 4", [("MNQ", 0.0, "4")]),
        (
            "-100.00 for 5m, -300.00 for 15m",
            "-150.00",
            "",
            [("for 5m", 1.5, ""), ("for 15m", 0.5, "")],
        ),
        ("may trade", "may trade", "", []),
        ("NG", "none", "", []),
        ("breakeven at 12, trail 10 from 20 ticks", "0 ticks", "", []),
        ("", "", "", []),
    ],
)
def test_each_figure_is_set_against_its_own_limit(
    limit: str, used: str, remaining: str, shown: list[tuple[str, float | None, str]]
) -> None:
    assert bars(limit, used, remaining) == shown


@pytest.mark.parametrize("told", [rule("-500.00", "-20.00", unknown="no price"), rule("8", "?")])
def test_what_is_unknown_is_never_shown_as_nothing_used(told: RuleStatus) -> None:
    assert gauges(told) == [Gauge("", "unknown", told.limit, "", None, Level.UNKNOWN)]


@pytest.mark.parametrize(
    ("share", "word"),
    [
        (0.7499, Level.CALM),
        (0.75, Level.NEAR),
        (0.8999, Level.NEAR),
        (0.9, Level.CLOSE),
        (0.9999, Level.CLOSE),
        (1.0, Level.REACHED),
    ],
)
def test_a_limit_is_reached_exactly_at_it(share: float, word: Level) -> None:
    assert level(share) is word
