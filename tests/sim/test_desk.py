"""The main test: a desk on the production actors, a hostile world, a crash at any moment."""

import pytest

from tests.sim.kernel import Kernel
from tests.sim.story import missing


def test_every_invariant_holds_in_any_weather(seed: int) -> None:
    kernel = Kernel(seed)
    try:
        kernel.run()
    except AssertionError as error:
        story = "\n".join(kernel.trace)
        pytest.fail(
            f"{story}\n\n{type(error).__name__}: {error}\n"
            f"reproduce with: make sim SEEDS=1 FIRST={seed}",
            pytrace=False,
        )


@pytest.mark.parametrize("first", [3, 14])
def test_a_seed_told_twice_is_the_same_story(first: int) -> None:
    one, other = Kernel(first), Kernel(first)
    one.run()
    other.run()

    assert list(one.trace) == list(other.trace)
    assert one.inputs == other.inputs


def test_every_rule_has_its_part_in_the_story() -> None:
    assert missing() == set()
