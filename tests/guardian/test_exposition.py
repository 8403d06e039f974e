import pytest

from ops.guardian.exposition import number, render
from protocol import metrics
from protocol.metrics import METRICS, Bars, Series, Shape


def lines(*series: Series, bars: tuple[Bars, ...] = ()) -> list[str]:
    return [one for one in render(series, bars).splitlines() if not one.startswith("#")]


def test_a_family_is_told_once_and_together() -> None:
    name = metrics.EVENTS.name
    up = Series(metrics.DESK_UP.name, ("a",), 1.0)
    page = render([Series(name, ("b", "x"), 2), up, Series(name, ("a", "x"), 1.5)], [])

    assert page == (
        "# HELP riskwarden_desk_up 1 while the desk's process runs and is heard.\n"
        "# TYPE riskwarden_desk_up gauge\n"
        'riskwarden_desk_up{login="a"} 1\n'
        "# HELP riskwarden_events_total Messages taken from the intake.\n"
        "# TYPE riskwarden_events_total counter\n"
        'riskwarden_events_total{login="a",kind="x"} 1.5\n'
        'riskwarden_events_total{login="b",kind="x"} 2\n'
    )


def test_the_bars_of_a_distribution_add_up() -> None:
    bounds = metrics.COMMIT.bounds
    counts = (2, 0, 1, *(0,) * (len(bounds) - 3), 4)
    told = lines(bars=(Bars(metrics.COMMIT.name, ("a",), counts, 0.25),))

    assert told[0] == 'riskwarden_commit_seconds_bucket{login="a",le="0.0005"} 2'
    assert told[2] == 'riskwarden_commit_seconds_bucket{login="a",le="0.002"} 3'
    assert told[-3:] == [
        'riskwarden_commit_seconds_bucket{login="a",le="+Inf"} 7',
        'riskwarden_commit_seconds_sum{login="a"} 0.25',
        'riskwarden_commit_seconds_count{login="a"} 7',
    ]


def test_a_label_may_hold_anything() -> None:
    assert lines(Series(metrics.DESK_UP.name, ('a"b\\c\nd',), 1)) == [
        r'riskwarden_desk_up{login="a\"b\\c\nd"} 1'
    ]


@pytest.mark.parametrize(
    "strange",
    [
        Series("riskwarden_nobody_knows", ("a",), 1),
        Series(metrics.DESK_UP.name, (), 1),
        Series(metrics.DESK_UP.name, ("a", "b"), 1),
        Series(metrics.DESK_UP.name, ("a",), float("nan")),
        Series(metrics.COMMIT.name, ("a",), 1),
        Bars(metrics.COMMIT.name, ("a",), (1, 2), 1.0),
        Bars(metrics.DESK_UP.name, ("a",), (1, 2), 1.0),
    ],
    ids=str,
)
def test_what_is_strange_costs_only_itself(strange: Series | Bars) -> None:
    good = Series(metrics.DESK_UP.name, ("z",), 1)
    series = [one for one in (good, strange) if isinstance(one, Series)]
    bars = tuple(one for one in (strange,) if isinstance(one, Bars))

    assert lines(*series, bars=bars) == ['riskwarden_desk_up{login="z"} 1']


def test_numbers_keep_their_digits() -> None:
    assert [number(one) for one in (0.0, 3, 1795641761.09, 1e-9, -500.25)] == [
        "0",
        "3",
        "1795641761.09",
        "1e-09",
        "-500.25",
    ]


def test_every_metric_is_named_after_what_it_counts() -> None:
    for name, metric in METRICS.items():
        assert name == metric.name
        assert name.startswith("riskwarden_")
        assert name.endswith("_total") == (metric.shape is Shape.COUNTER), name
        assert bool(metric.bounds) == (metric.shape is Shape.HISTOGRAM), name
        assert list(metric.bounds) == sorted(set(metric.bounds))
        assert metric.text.endswith(".")
        assert len(set(metric.labels)) == len(metric.labels)
        assert not {"id", "order", "contract", "reason_text", "trace"} & set(metric.labels)
