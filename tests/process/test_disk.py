"""The whole service on a disk of its own that has no room left: the kernel's own refusal."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.sim.server import SimServer
from tests.e2e.conftest import Figure
from tests.guardian.conftest import Build
from tests.guardian.service import MNQ, lose, until
from tests.process.test_service import flat, guarded


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a data_dir that is a small disk by itself."""
    folder = tmp_path / "var"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room there is; return what takes it."""
    ballast, room = disk / "ballast", os.statvfs(disk)
    ballast.write_bytes(b"x" * room.f_bavail * room.f_frsize)
    assert os.statvfs(disk).f_bavail == 0
    return ballast


@pytest.mark.timeout(120)
@pytest.mark.fault("disk-full")
async def test_i5_a_desk_that_is_killed_while_its_disk_is_full_is_followed_by_one_that_locks_too(
    service: Build, sim: SimServer, small_disk: Path, figure: Figure
) -> None:
    one = await guarded(service, sim)
    await one.has_spare()
    desk, ballast = await one.desk_pid(), fill(small_disk)
    begun = time.monotonic()
    await lose(sim)
    await flat(sim)
    figure("breach to flat (s)", time.monotonic() - begun)

    async def is_failing() -> bool:
        return any("store_failed" in alarm for alarm in (await one.account()).alarms)

    await until(is_failing, 20, lambda: one.log)
    os.kill(desk, signal.SIGKILL)

    async def has_successor() -> bool:
        return (await one.status()).desks[0].pid not in {None, desk}

    await until(has_successor, 20, lambda: one.log)
    await one.locked()
    await sim.order(1001, MNQ, "buy", 1)
    await flat(sim)

    ballast.unlink()
    begun = time.monotonic()

    async def is_well() -> bool:
        return not await is_failing()

    await until(is_well, 20, lambda: one.log)
    figure("recovered (s)", time.monotonic() - begun)
    await one.armed()
    await one.locked()
