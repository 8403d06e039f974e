"""A fold that goes on where it ended says what one from the start says, whatever comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.continued import Continued

numbers = st.lists(st.integers(0, 2), max_size=6).map(tuple)


@given(st.lists(numbers, max_size=12))
def test_it_says_what_going_through_all_of_it_says(tellings: list[tuple[int, ...]]) -> None:
    copied = Continued[int, list[int]](list, list.append)

    for one in tellings:
        assert copied.over(one) == list(one)


def test_what_is_only_added_to_is_not_gone_through_again() -> None:
    stepped: list[int] = []
    counted = Continued[int, list[int]](list, lambda _, one: stepped.append(one))

    for items in ((1,), (1, 2), (1, 2), (1, 2, 3)):
        counted.over(items)

    assert stepped == [1, 2, 3]


def test_a_list_goes_on_growing() -> None:
    copied, growing = Continued[int, list[int]](list, list.append), [1, 2]

    assert copied.over(growing) == [1, 2]
    growing.append(3)
    assert copied.over(growing) == [1, 2, 3]
    assert copied.over([1, 2]) == [1, 2], "another one is compared"
    assert copied.over([1, 3, 4]) == [1, 3, 4]


def test_a_step_that_fails_leaves_nothing_half_done() -> None:
    fails = True

    def step(found: list[int], one: int) -> None:
        found.append(one)
        if one == 3 and fails:
            raise ArithmeticError

    copied = Continued[int, list[int]](list, step)
    copied.over((1,))
    with pytest.raises(ArithmeticError):
        copied.over((1, 2, 3, 4))
    fails = False

    assert copied.over((1, 2, 3, 4)) == [1, 2, 3, 4]
