import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ops.sim.server import SimServer
from tests.guardian.service import Service, children

type Build = Callable[..., Service]


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with SimServer() as server:
        yield server


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Build]:
    """Return what writes a configuration and returns its service, which ends with the test."""
    built: list[Service] = []

    def build(*parts: str, folder: Path = tmp_path) -> Service:
        folder.mkdir(exist_ok=True)
        built.append(Service(folder, *parts))
        return built[-1]

    yield build
    for one in built:
        if one.process is not None and one.process.returncode is None:
            desks = children(one.process.pid)
            with suppress(ProcessLookupError):
                one.process.kill()
            await one.process.wait()
            for desk in desks:  # one that a test has stopped never hears that it is to end
                with suppress(ProcessLookupError):
                    os.kill(desk, signal.SIGCONT)
