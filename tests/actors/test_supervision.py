"""Restart policy: who comes back after a death, and when it is enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.supervision import Deaths, Directive, Forget, GiveUp, RestartThese, on_death, victims
from actors.tree import ChildSpec, Restart, Strategy, Supervision, account, desk, guardian
from protocol.units import MILLISECOND, Nanos, RuleName

PERMANENT, TRANSIENT, TEMPORARY = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY


def policy(
    strategy: Strategy = Strategy.ONE_FOR_ONE, intensity: int = 2, restart: Restart = PERMANENT
) -> Supervision:
    return Supervision(
        strategy=strategy,
        intensity=intensity,
        period_ms=1_000,
        children=tuple(ChildSpec(name=name, restart=restart) for name in "abc"),
    )


def fate(supervision: Supervision, *deaths: tuple[str, int]) -> Directive:
    """Return what is decided at the last of these deaths (who, at which millisecond)."""
    seen = Deaths()
    directive: Directive = Forget("")
    for name, ms in deaths:
        seen, directive = on_death(supervision, seen, name, Nanos(ms * MILLISECOND))
    return directive


@pytest.mark.parametrize(
    ("strategy", "names"),
    [
        (Strategy.ONE_FOR_ONE, ("b",)),
        (Strategy.REST_FOR_ONE, ("b", "c")),
        (Strategy.ONE_FOR_ALL, ("a", "b", "c")),
    ],
)
def test_who_restarts_with_a_dead_child(strategy: Strategy, names: tuple[str, ...]) -> None:
    assert fate(policy(strategy), ("b", 0)) == RestartThese(names)
    assert victims(strategy, ["a", "b", "c"], "b") == names


@pytest.mark.parametrize(
    ("restart", "normal", "comes_back"),
    [
        (PERMANENT, False, True),
        (PERMANENT, True, True),
        (TRANSIENT, False, True),
        (TRANSIENT, True, False),
        (TEMPORARY, False, False),
        (TEMPORARY, True, False),
    ],
)
def test_who_comes_back(restart: Restart, *, normal: bool, comes_back: bool) -> None:
    _, directive = on_death(policy(restart=restart), Deaths(), "a", Nanos(0), normal=normal)

    assert directive == (RestartThese(("a",)) if comes_back else Forget("a"))


@pytest.mark.parametrize(
    ("deaths", "directive"),
    [
        pytest.param([("a", 0), ("a", 1)], RestartThese(("a",)), id="as often as allowed"),
        pytest.param([("a", 0), ("a", 1), ("a", 2)], GiveUp("a"), id="once too often"),
        pytest.param(
            [("a", 0), ("a", 1), ("a", 1_000)], GiveUp("a"), id="the period is closed at its start"
        ),
        pytest.param(
            [("a", 0), ("a", 1), ("a", 1_001)], RestartThese(("a",)), id="the first is forgotten"
        ),
        pytest.param(
            [("b", 0), ("b", 1), ("c", 2), ("c", 3), ("a", 4)],
            RestartThese(("a",)),
            id="a sibling's deaths are its own",
        ),
    ],
)
def test_when_it_is_enough(deaths: list[tuple[str, int]], directive: Directive) -> None:
    assert fate(policy(), *deaths) == directive


@given(st.lists(st.integers(0, 5_000), max_size=40))
def test_it_gives_up_exactly_when_a_period_holds_too_many(spans: list[int]) -> None:
    times = [sum(spans[: end + 1]) for end in range(len(spans))]
    seen = Deaths()
    for ms in times:
        seen, directive = on_death(policy(), seen, "a", Nanos(ms * MILLISECOND))
        recent = [one for one in times[: times.index(ms) + 1] if one >= ms - 1_000]
        if times.count(ms) == 1:
            assert isinstance(directive, GiveUp) is (len(recent) > 2)


def test_deaths_are_forgotten_with_their_period() -> None:
    seen = Deaths()
    for number in range(1_000):
        seen, _ = on_death(policy(), seen, "a", Nanos(number * 2_000 * MILLISECOND))

    assert len(seen.at) <= 2


def test_two_children_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        Supervision(
            strategy=Strategy.ONE_FOR_ONE,
            intensity=1,
            period_ms=1,
            children=(ChildSpec(name="a"), ChildSpec(name="a")),
        )


def test_the_trees_start_in_the_order_in_which_they_need_each_other() -> None:
    rules = account((RuleName("max_contracts"),))
    names = [child.name for child in rules.children]
    assert names == ["timer", "lockout", "reset", "enforcer", "settings", "rule/max_contracts"]

    login = [child.name for child in desk((1, 2)).children]
    assert login == ["market_data", "account/1", "account/2", "gateway"]
    assert [child.name for child in guardian(("main",)).children] == ["desk/main"]
    for tree in (rules, desk((1,)), guardian(("main",))):
        assert all(child.restart is PERMANENT for child in tree.children)
        assert tree.intensity > 0
