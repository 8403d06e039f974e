from ops.guardian.totals import Totals
from protocol import metrics
from protocol.metrics import Bars, Figures, Series

EVENTS, DEPTH, COMMIT = metrics.EVENTS.name, metrics.INTAKE_DEPTH.name, metrics.COMMIT.name


def told(events: int, depth: int = 0, commits: tuple[int, ...] = (), kind: str = "q") -> Figures:
    bars = (Bars(COMMIT, (), commits, sum(commits) / 10),) if commits else ()
    return Figures((Series(EVENTS, (kind,), events), Series(DEPTH, (), depth)), bars)


def values(totals: Totals) -> dict[tuple[str, tuple[str, ...]], float]:
    return {(one.name, one.labels): one.value for one in totals.all()}


def test_a_life_says_what_it_counted_since_its_start() -> None:
    totals = Totals()
    totals.take(told(3))
    totals.take(told(5))

    assert values(totals)[EVENTS, ("q",)] == 5


def test_a_counter_goes_on_where_the_life_before_ended() -> None:
    totals = Totals()
    seen: list[float] = []
    for life in ((3, 5), (0, 2), (4,)):
        totals.begins()
        for events in life:
            totals.take(told(events))
            seen.append(values(totals)[EVENTS, ("q",)])

    assert seen == [3, 5, 5, 7, 11]
    assert seen == sorted(seen)


def test_between_two_lives_counters_stay_and_gauges_go() -> None:
    totals = Totals()
    totals.take(told(5, depth=7))
    totals.begins()

    assert values(totals) == {(EVENTS, ("q",)): 5}


def test_a_gauge_is_of_this_life_alone() -> None:
    totals = Totals()
    totals.take(told(5, depth=7))
    totals.begins()
    totals.take(told(1, depth=2))

    assert values(totals)[DEPTH, ()] == 2


def test_a_label_that_this_life_has_not_seen_yet_keeps_its_count() -> None:
    totals = Totals()
    totals.take(told(5))
    totals.begins()
    totals.take(told(2, kind="p"))

    assert values(totals)[EVENTS, ("q",)] == 5
    assert values(totals)[EVENTS, ("p",)] == 2


def test_distributions_add_up_bar_by_bar() -> None:
    totals = Totals()
    totals.take(told(0, commits=(1, 2, 3)))
    totals.begins()
    totals.take(told(0, commits=(10, 0, 1)))

    assert totals.bars() == [Bars(COMMIT, (), (11, 2, 4), 0.6 + 1.1)]
