"""A stand per test, and a complaint about whatever it leaves behind."""

import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from actors.plan import AccountPlan
from tests.e2e.stand import Stand

type Build = Callable[..., Awaitable[Stand]]
type Figure = Callable[[str, float], None]


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    """Return what builds a stand: with its desk armed, unless it is to be `idle`."""
    async with AsyncExitStack() as stack:

        async def make(*plans: AccountPlan, idle: bool = False, **options: Any) -> Stand:
            folder = options.pop("folder", tmp_path)
            stand = await stack.enter_async_context(Stand(folder, *plans, **options))
            return stand if idle else await stand.start()

        yield make


@pytest.fixture
def quick_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder whose commits take no time, where the machine has one."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Return what notes a measured figure: shown by -rP, kept by --junitxml."""

    def note(name: str, value: float) -> None:
        record_property(name, round(value, 2))
        print(f"{name}: {value:.2f}")  # noqa: T201  (pytest shows it on request)

    return note


@pytest.fixture(autouse=True)
def no_orphans(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail on what asyncio only logs: an error that nobody took, a task that nobody ended."""
    yield
    complaints = [
        record.getMessage()
        for phase in ("setup", "call")
        for record in caplog.get_records(phase)
        if record.name == "asyncio"
    ]
    assert complaints == []
