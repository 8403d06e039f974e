"""The main test: a desk on the production actors, a hostile world, a crash at any moment."""

import pytest

from tests.sim.kernel import Kernel
from tests.sim.story import missing
from tests.sim.twists import PARTS


def test_every_invariant_holds_in_any_weather(seed: int) -> None:
    kernel = Kernel(seed)
    try:
        kernel.run()
    except AssertionError as error:
        story = "\n".join(kernel.story)
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

    assert one.story == other.story
    assert one.inputs == other.inputs


def test_every_rule_and_every_twist_has_its_part_in_the_story() -> None:
    assert missing() == set()


@pytest.mark.timeout(300)
def test_every_twist_is_played() -> None:
    left = set[str]().union(*PARTS.values())
    for seed in range(100):
        kernel = Kernel(seed)
        kernel.run()
        left -= kernel.happened
        if not left:
            return
    pytest.fail(f"no seed plays {left}")
