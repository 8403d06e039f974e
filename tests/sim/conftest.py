"""How many seeds, and which: `make sim SEEDS=5000`, `make sim SEEDS=1 FIRST=17`."""

import os

import pytest

SEEDS = {"dev": 200, "ci": 2_000, "soak": 20_000}
"""By Hypothesis's profile: one word says how hard all tests try."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simulation")
    group.addoption("--seeds", type=int, default=None, help="play so many seeds")
    group.addoption("--first", type=int, default=0, help="begin with this seed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        first: int = metafunc.config.getoption("first", 0) or 0
        count: int = metafunc.config.getoption("seeds", None) or SEEDS[profile()]
        metafunc.parametrize("seed", range(first, first + count))


def profile() -> str:
    """Return the name of the profile that tests/conftest.py chose."""
    named = os.environ.get("HYPOTHESIS_PROFILE")
    return named or ("ci" if os.environ.get("CI") == "true" else "dev")
