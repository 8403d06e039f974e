"""The main test: an account on the production actors, a hostile world, a crash at any moment."""

import pytest

from tests.sim.kernel import Kernel


def test_every_invariant_holds_in_any_weather(seed: int) -> None:
    kernel = Kernel(seed)
    try:
        kernel.run()
    except AssertionError as error:
        story = "\n".join(kernel.trace)
        pytest.fail(
            f"{story}\n\n{type(error).__name__}: {error}\n"
            f"reproduce with: .venv/bin/pytest tests/sim --seed {seed}",
            pytrace=False,
        )
