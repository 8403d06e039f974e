"""The budget of requests: what a flatten costs, what is kept for it, and who gives way when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model import budget
from actors.model.budget import (
    CALM,
    LAST,
    LIMIT,
    READS,
    RESERVED,
    RESERVED_MAX,
    SPREAD,
    SPREAD_CLOSE,
    TRUTH,
)
from protocol.book import BookView
from tests.actors.rig import ES, FLAT, MNQ, book, held, order

PROOF = READS * TRUTH


@pytest.mark.parametrize(
    ("view", "cost"),
    [
        pytest.param(FLAT, 0, id="nothing there costs nothing"),
        pytest.param(book(held(MNQ, 2)), 1 + PROOF, id="a position"),
        pytest.param(book(held(MNQ, -9)), 1 + PROOF, id="however large"),
        pytest.param(book(orders=(order(7), order(8))), 2 + PROOF, id="orders alone"),
        pytest.param(
            book(held(ES, 1), held(MNQ, 2), orders=(order(7, ES), order(8))),
            4 + PROOF,
            id="each position and each order is a request",
        ),
    ],
)
def test_what_a_flatten_costs_is_known_before_it_starts(view: BookView, cost: int) -> None:
    assert budget.flatten_cost(view) == cost


def test_five_accounts_of_ten_orders_and_three_positions_fit_into_a_minute_with_their_polls() -> (
    None
):
    panic = 5 * (10 + 3 + PROOF)
    polls = 4 * (1 + 5 * TRUTH)

    assert panic + polls <= LIMIT


@given(st.lists(st.integers(0, 100)), st.integers(0, 400))
def test_i4_what_may_wait_never_touches_what_is_kept(burdens: list[int], spent: int) -> None:
    reserved = budget.reserve(burdens)
    spare = budget.spare(spent, reserved)

    assert RESERVED <= reserved <= RESERVED_MAX
    assert reserved >= min(sum(burdens), RESERVED_MAX)
    assert 0 <= spare <= LIMIT
    assert spare == 0 or spent + spare + reserved == LIMIT


@given(st.integers(0, 400))
def test_a_read_that_judges_leaves_the_last_slice(spent: int) -> None:
    assert budget.judgeable(spent) == max(0, LIMIT - LAST - spent)
    assert budget.judgeable(spent) >= budget.spare(spent), "who may wait gives way first"


@given(spent=st.integers(0, 400), repeats=st.integers(0, 50), closes=st.booleans())
def test_i4_only_repeats_wait_for_the_budget_and_never_for_long(
    *, spent: int, repeats: int, closes: bool
) -> None:
    wait = budget.patience(spent, repeats, closes=closes)

    assert 0 <= wait <= (SPREAD_CLOSE if closes else SPREAD)
    assert wait == 0 or (repeats and spent > CALM)
    assert budget.patience(spent, 0) == 0
    assert budget.patience(spent + 1, repeats, closes=closes) >= wait
