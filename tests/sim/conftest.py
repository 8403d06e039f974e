"""How many seeds, and which: `pytest tests/sim --seeds 5000`, `pytest tests/sim --seed 17`."""

import pytest

SEEDS = 200


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simulation")
    group.addoption("--seeds", type=int, default=SEEDS, help="run the seeds 0 to SEEDS - 1")
    group.addoption(
        "--seed", type=int, default=None, help="run this seed alone, and tell its story"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        alone = metafunc.config.getoption("seed", None)
        count = metafunc.config.getoption("seeds", None) or SEEDS
        metafunc.parametrize("seed", range(count) if alone is None else (alone,))
