"""Each broken promise of tests/sim/mutants.py is caught, and by the invariant that speaks of it."""

import logging

import pytest

from tests.sim.kernel import Kernel
from tests.sim.mutants import MUTANTS, Mutant

SEEDS = range(200)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "actors")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", MUTANTS, ids=[one.name for one in MUTANTS])
def test_a_mutant_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.plant(monkeypatch)

    others: dict[int, str] = {}
    for seed in SEEDS:
        complaint = heard(seed)
        if complaint is not None and complaint.startswith(mutant.caught_by):
            return
        if complaint is not None:
            others[seed] = complaint[:200]
    pytest.fail(f"no seed says one of {mutant.caught_by}: {others}")


def heard(seed: int) -> str | None:
    """Return what a run complains of, from its id on."""
    try:
        Kernel(seed).run()
    except AssertionError as error:
        words = str(error).splitlines()[0]
        return words.split(": ", 1)[1] if words.startswith("account ") else words
    return None


def test_there_are_as_many_mutants_as_promises_and_each_has_its_own_name() -> None:
    assert len({one.name for one in MUTANTS}) == len(MUTANTS) >= 12
