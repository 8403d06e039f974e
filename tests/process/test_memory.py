"""The whole service where memory runs out: the kernel kills for it, or gives a desk no more."""

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from ops.sim.server import SimServer
from tests.e2e.conftest import Figure
from tests.guardian.conftest import Build
from tests.guardian.service import MNQ, account, is_running, login, lose, until
from tests.process.test_service import flat, guarded

GROUPS = Path("/sys/fs/cgroup")
SWAPPING = ("memory.swappiness", "memory.swap.max")
ROOM_BYTES = 8 * 2**20
SHARED = Path("/dev/shm")
HOG = """
import sys, time
with open(sys.argv[1], "wb") as file:
    while True:
        file.write(b"x" * 2**18)
        time.sleep(0.002)
"""
"""Another program, which eats memory as a file: the kernel takes others for it."""


class Group(NamedTuple):
    """Processes that share what memory they may have; the kernel has two ways to say so."""

    folder: Path
    limit: str
    used: str
    told: str

    def begin(self) -> None:
        """Make it, and keep it from swapping; raise OSError where that cannot be done."""
        self.folder.mkdir()
        counts = (self.folder / self.limit).exists()
        if not counts or subprocess.run((*self.prefix, "true"), check=False).returncode:
            self.folder.rmdir()
            raise OSError(f"{self.folder} counts no memory, or takes nobody in")
        for name in SWAPPING:
            with suppress(OSError):
                (self.folder / name).write_text("0", "ascii")

    async def is_over(self) -> bool:
        """Take it away, if its processes are gone."""
        try:
            self.folder.rmdir()
        except OSError:
            return False
        return True

    @property
    def prefix(self) -> tuple[str, ...]:
        """Return what starts a program in it."""
        return ("sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$0" "$@"')

    def tighten(self) -> None:
        """Leave it not much more than it has."""
        used = int((self.folder / self.used).read_text("ascii"))
        (self.folder / self.limit).write_text(str(used + ROOM_BYTES), "ascii")

    async def eat(self, where: Path) -> Process:
        """Start what eats the rest."""
        line = (*self.prefix, sys.executable, "-c", HOG, str(where))
        return await asyncio.create_subprocess_exec(*line, stdin=DEVNULL)

    @property
    def kills(self) -> int:
        """Return how many of its processes the kernel has killed for memory."""
        text = (self.folder / self.told).read_text("ascii")
        found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
        assert found is not None
        return int(found[1])


V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control")
V2 = ("memory.max", "memory.current", "memory.events")


@pytest.fixture
async def group() -> AsyncIterator[Group]:
    """Return a group of processes whose memory can be limited."""
    name = f"riskwarden-{os.getpid()}"
    for each in (Group(GROUPS / "memory" / name, *V1), Group(GROUPS / name, *V2)):
        with suppress(OSError):
            each.begin()
            break
    else:
        pytest.skip("no group of processes can be made here")
    yield each
    await until(each.is_over, 10)


@pytest.fixture
def eaten() -> Iterator[Path]:
    """Return where memory can be eaten, to be given back."""
    if not SHARED.is_dir():
        pytest.skip("needs Linux's shared memory")
    file = SHARED / f"riskwarden-{os.getpid()}"
    yield file
    give_back(file)


def give_back(file: Path) -> None:
    file.unlink(missing_ok=True)


@pytest.mark.timeout(120)
@pytest.mark.fault("desk-killed-for-memory")
async def test_i5_where_memory_runs_out_the_spare_goes_first_and_a_killed_desk_is_replaced(
    group: Group, eaten: Path, service: Build, sim: SimServer, figure: Figure
) -> None:
    one = service(login(sim.url), account())
    one.prefix = group.prefix
    await one.start()
    await one.armed()
    await lose(sim)
    await one.locked()
    await one.has_spare()
    desk, (waiting,) = await one.desk_pid(), one.spares
    group.tighten()
    hog = await group.eat(eaten)

    await until(lambda: is_killed(waiting), 20, lambda: one.log)
    await until(lambda: is_killed(desk), 20, lambda: one.log)
    begun = time.monotonic()
    hog.kill()
    await hog.wait()
    give_back(eaten)
    assert group.kills >= 2, "by the kernel; the next desk too, where the memory came back late"
    await sim.order(1001, MNQ, "buy", 3)
    await flat(sim, lambda: one.log)
    figure("recovered (s)", time.monotonic() - begun)
    await one.armed()
    await one.locked()
    assert (await one.account()).attempts_while_locked == 1


async def is_killed(pid: int) -> bool:
    return not is_running(pid)


def score(pid: int) -> int:
    """Return how gladly the kernel would kill a process for memory, by its own reckoning."""
    return int(Path(f"/proc/{pid}/oom_score").read_text("ascii"))


def would_be_taken(pid: int) -> int:
    """Return how much of that is asked for, and not for its size."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text("ascii"))


@pytest.mark.skipif(not Path("/proc/self/oom_score").exists(), reason="needs Linux")
async def test_of_desks_the_one_in_waiting_goes_first_and_none_that_guards(
    service: Build, sim: SimServer
) -> None:
    one = await guarded(service, sim)
    await one.has_spare()
    first, (waiting,) = await one.desk_pid(), one.spares
    usual = would_be_taken(first)

    assert score(waiting) > score(first)
    os.kill(first, signal.SIGKILL)

    async def has_taken_over() -> bool:
        return (await one.status()).desks[0].pid == waiting

    await until(has_taken_over, 5, lambda: one.log)
    assert would_be_taken(waiting) == usual
    await one.armed()


def address_space(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[0]
    return int(pages) * resource.getpagesize()


@pytest.mark.timeout(120)
@pytest.mark.fault("desk-out-of-memory")
async def test_a_desk_that_gets_no_more_memory_enforces_or_makes_way_for_one_that_does(
    service: Build, sim: SimServer, figure: Figure
) -> None:
    one = await guarded(service, sim)
    desk = await one.desk_pid()
    size = address_space(desk)
    resource.prlimit(desk, resource.RLIMIT_AS, (size, size))

    begun = time.monotonic()
    for _ in range(40):
        await lose(sim)
        if not sim.exchange.positions(1001) and any(
            told.locked for told in (await one.status()).accounts
        ):
            break
        await asyncio.sleep(0.2)

    await flat(sim)
    await one.locked()
    figure("recovered (s)", time.monotonic() - begun)
