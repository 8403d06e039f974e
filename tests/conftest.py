"""How hard Hypothesis tries, and what the tests of faults leave for the reliability page.

Hypothesis: a little while you type, more in CI, much more when asked.
`HYPOTHESIS_PROFILE=soak make test` chooses; CI (`CI=true`) repeats the same examples every time.

A test that is marked `fault("name")` writes how it went to `out/reliability`, with the figures it
noted (one that begins with a fault's name and a colon is that fault's alone); `python -m
ops.reliability` makes the page of them.  What a test proves of a rule is added to
`out/matrix.json`, of which `python -m ops.matrix` makes the page of the rules.
"""

import logging
import os
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ops import matrix
from ops.reliability.trials import FOLDER, Trial, write

ROOT = Path(__file__).parent.parent

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=500, deadline=None, derandomize=True, print_blob=True)
settings.register_profile(
    "soak",
    max_examples=10_000,
    deadline=None,
    derandomize=False,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "dev")
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note the outcome of a test of a fault, with its figures."""
    report = yield
    if report.when == "call":
        faults = [str(mark.args[0]) for mark in item.iter_markers("fault")]
        for fault in faults:
            others = tuple(f"{other}: " for other in faults if other != fault)
            figures = {
                name.removeprefix(f"{fault}: "): float(value)
                for name, value in report.user_properties
                if isinstance(value, int | float) and not name.startswith(others)
            }
            trial = Trial(fault=fault, test=item.nodeid, held=report.passed, figures=figures)
            write(ROOT / FOLDER, trial)
    return report


RULES_PROVEN: dict[str, bool] = {}
TESTS = count()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the outcome of every test; one that was skipped has proven nothing."""
    if report.when == "call" or report.failed:
        RULES_PROVEN[report.nodeid] = report.passed and RULES_PROVEN.get(report.nodeid, True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write down what was proven of the rules: once, and not in each worker."""
    if not hasattr(session.config, "workerinput"):
        matrix.note(RULES_PROVEN)


@pytest.fixture(autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the state of services out of this user's own, and of every other test's.

    A lock stands there by the Gateway's address, and a later simulator may get an earlier's port.
    No monkeypatch: asked for here it would be undone last, with all that the test itself patched.
    """
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.getbasetemp() / "state" / str(next(TESTS)))
    yield
    os.environ.pop("XDG_STATE_HOME", None)
    if before is not None:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Let no command that a test has run in this process silence the tests after it."""
    yield
    logging.disable(logging.NOTSET)
