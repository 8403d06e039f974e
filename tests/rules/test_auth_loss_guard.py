"""RULE-010: no position and no order while the broker does not let the account trade."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.rules.auth_loss_guard import NAME, RULE, Params, Standing
from actors.rules.rule import Hears, Judgement
from protocol.book import BookView
from protocol.enforcement import Aim, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.units import Nanos
from tests.rules.books import MNQ, NOW, holding, view

SILENT = Standing()
ALLOWED = Standing(can_trade=True)
BARRED = Standing(can_trade=False)


def judge(
    state: Standing = SILENT, book: BookView | None = None, *, can_trade: bool | None = None
) -> Judgement[Standing]:
    shown = replace(view() if book is None else book, can_trade=can_trade)
    return RULE.decide(Params(), state, shown, NOW)


@pytest.mark.parametrize(
    ("before", "said", "breached", "after"),
    [
        pytest.param(SILENT, True, False, ALLOWED, id="may trade"),
        pytest.param(SILENT, False, True, BARRED, id="may not trade, at start"),
        pytest.param(ALLOWED, False, True, BARRED, id="may not trade any more"),
        pytest.param(BARRED, False, True, BARRED, id="still may not trade"),
        pytest.param(BARRED, True, False, ALLOWED, id="may trade again"),
        pytest.param(ALLOWED, None, False, ALLOWED, id="no information does not breach"),
        pytest.param(BARRED, None, True, BARRED, id="no information does not end"),
    ],
)
def test_the_broker_decides(
    before: Standing, *, said: bool | None, breached: bool, after: Standing
) -> None:
    judged = judge(before, can_trade=said)

    assert (bool(judged.breaches), judged.state, judged.unknown) == (breached, after, None)


def test_as_long_as_nothing_was_ever_said_nothing_is_judged() -> None:
    judged = judge()

    assert (judged.breaches, judged.used, judged.state) == ((), "?", SILENT)
    assert judged.unknown == "the broker has not said whether the account may trade"


def test_a_breach_flattens_everything_and_locks_without_an_end() -> None:
    (breach,) = judge(can_trade=False).breaches

    assert (breach.rule, breach.priority) == (NAME, Priority.HARD_LOCKOUT)
    assert breach.goals == (Goal(aim=Aim.FLATTEN),)
    assert breach.lock == LockRequest(kind=LockKind.CONDITION, until=None)
    assert breach.why == "the broker says that the account may not trade"


def test_it_breaches_whatever_is_held_and_whatever_the_day() -> None:
    flat, held = judge(can_trade=False), judge(book=view(holding(MNQ, 2)), can_trade=False)
    next_day = replace(view(), day="2026-11-24", next_reset=Nanos(99_000))

    assert flat.breaches == held.breaches == judge(BARRED, next_day).breaches


def test_the_figures_are_words() -> None:
    may, may_not = judge(can_trade=True), judge(can_trade=False)

    assert (may.limit, may.used) == ("may trade", "may trade")
    assert (may_not.limit, may_not.used) == ("may trade", "may not trade")


@pytest.mark.parametrize("state", [ALLOWED, BARRED, SILENT])
def test_its_memory_is_the_same_object_when_nothing_changed(state: Standing) -> None:
    assert judge(state, can_trade=state.can_trade).state is state
    assert judge(state).state is state


def test_it_hears_of_the_accounts_standing_and_asks_for_nothing() -> None:
    judged = judge(can_trade=False)

    assert RULE.hears is Hears.STANDING
    assert RULE.priority is Priority.HARD_LOCKOUT
    assert (judged.triggers, judged.wake, judged.wants_truth) == ((), None, False)


@given(st.lists(st.sampled_from([True, False, None])))
def test_it_breaches_exactly_while_the_last_word_was_no(said: list[bool | None]) -> None:
    state = SILENT
    for number, word in enumerate(said):
        judged = judge(state, can_trade=word)
        state = judged.state
        spoken = [one for one in said[: number + 1] if one is not None]
        last = spoken[-1] if spoken else None

        assert bool(judged.breaches) is (last is False)
        assert bool(judged.unknown) is (last is None)
