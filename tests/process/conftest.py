"""Desks as real processes, born quickly, to be killed at a chosen instant."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from ops.sim.server import SimServer
from protocol.control import AccountStatus, DeskReport
from tests.e2e.conftest import figure
from tests.guardian.conftest import service, sim
from tests.guardian.service import MNQ, ROOT, account, environment, login
from tests.process.nursery import Birth, Told

__all__ = ["figure", "service", "sim"]

PATIENCE_S = 30.0

type Begin = Callable[..., Awaitable["Life"]]


class Life:
    """One desk's life in the nursery."""

    def __init__(self, birth: Birth, nursery: Process) -> None:
        self.birth = birth
        self.status: int | None = None
        self.pid = 0
        self._nursery = nursery
        self._reports = Path(birth.reports)
        self._read = self._reports.stat().st_size if self._reports.exists() else 0
        self._left = b""
        self._account: AccountStatus | None = None

    async def begin(self) -> "Life":
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(msgspec.json.encode(self.birth) + b"\n")
        self.pid = (await self._told()).pid
        self._waiting = asyncio.create_task(self._wait())
        return self

    async def _told(self) -> Told:
        assert self._nursery.stdout is not None
        return msgspec.json.decode(await self._nursery.stdout.readline(), type=Told)

    async def _wait(self) -> None:
        self.status = (await self._told()).status

    @property
    def ended(self) -> bool:
        return self.status is not None

    async def kill(self) -> None:
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
        await self._waiting

    def account(self) -> AccountStatus | None:
        """Return how the account stands by the newest whole report of this life."""
        if not self._reports.exists():
            return None
        with self._reports.open("rb") as file:
            file.seek(self._read)
            *lines, self._left = (self._left + file.read()).split(b"\n")
            self._read = file.tell()
        for line in lines:
            try:
                told = msgspec.json.decode(line, type=DeskReport)
            except msgspec.MsgspecError:
                continue
            if told.accounts:
                self._account = told.accounts[0]
        return self._account

    def story(self) -> str:
        return Path(self.birth.log).read_text("utf-8")


def configured(folder: Path, sim: SimServer) -> Path:
    """Write the configuration of one account, and return its file."""
    folder.mkdir(exist_ok=True)
    config = folder / "riskwarden.toml"
    config.write_text(login(sim.url) + account(), encoding="utf-8")
    return config


@pytest.fixture
async def nursery() -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.process.nursery"),
        stdin=PIPE,
        stdout=PIPE,
        env=environment(PYTHONPATH=str(ROOT)),
        start_new_session=True,
    )
    yield process
    process.kill()
    await process.wait()


@pytest.fixture
async def begin(nursery: Process) -> AsyncIterator[Begin]:
    """Return what begins a desk's life on a folder: guarding one account of a simulated Gateway."""
    lives: list[Life] = []

    async def make(folder: Path, sim: SimServer, *, kill_at: int = 0, when: str = "before") -> Life:
        config = configured(folder, sim)
        birth = Birth(
            config=str(config),
            reports=str(folder / "reports"),
            log=str(folder / "log"),
            kill_at=kill_at,
            when=when,
        )
        lives.append(await Life(birth, nursery).begin())
        return lives[-1]

    yield make
    for life in lives:
        await life.kill()


async def until(condition: Callable[[], object], life: Life, what: str) -> None:
    end = asyncio.get_running_loop().time() + PATIENCE_S
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"waited for {what}\n{life.story()}"
        await asyncio.sleep(0.005)


def watched(sim: SimServer) -> bool:
    return sim.world.hubs["market"].wanted("GatewayQuote", MNQ)
