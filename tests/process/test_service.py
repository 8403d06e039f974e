"""The whole service under faults of its machine: killed at once, no room, no writing."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.desk.lockfile import LockFile, desk_lock, held_by
from ops.guardian import leftover
from ops.guardian.child import RISKWARDEN, arguments
from ops.sim.server import SimServer
from tests.e2e.conftest import Figure
from tests.guardian.conftest import Build
from tests.guardian.service import MNQ, Service, account, login, lose, run, until

NOTHING = (0, resource.RLIM_INFINITY)
EVERYTHING = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def desk_line(login: str) -> list[str]:
    return [*RISKWARDEN, *arguments(Path("x.toml"), login, 1.0, json_logs=False, accepted=None)]


async def guarded(service: Build, sim: SimServer) -> Service:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    return one


async def flat(sim: SimServer, explain: Callable[[], str] = str) -> None:
    async def is_flat() -> bool:
        return not sim.exchange.positions(1001)

    await until(is_flat, 20, explain)


@pytest.mark.fault("guardian-and-desk-killed")
async def test_i5_guardian_and_desk_killed_together_come_back_with_the_lock(
    service: Build, sim: SimServer, figure: Figure
) -> None:
    one = await guarded(service, sim)
    await lose(sim)
    await one.locked()

    async def is_proven() -> bool:
        return [done.state for done in (await one.account()).enforcements] == ["confirmed"]

    await until(is_proven, 20, lambda: one.log)
    desk = await one.desk_pid()
    assert one.process is not None

    os.kill(one.process.pid, signal.SIGKILL)
    os.kill(desk, signal.SIGKILL)
    await one.process.wait()
    await sim.order(1001, MNQ, "buy", 3)
    begun = time.monotonic()
    await one.start()
    await one.locked()
    figure("detected (s)", time.monotonic() - begun)

    await flat(sim)
    figure("recovered (s)", time.monotonic() - begun)
    await one.armed()
    assert (await one.account()).attempts_while_locked == 1


@pytest.mark.timeout(120)
async def test_i5_a_stopped_desk_whose_guardian_was_killed_makes_way_for_a_new_one(
    service: Build, sim: SimServer
) -> None:
    one = await guarded(service, sim)
    await lose(sim)
    await one.locked()
    desk = await one.desk_pid()
    assert one.process is not None

    os.kill(desk, signal.SIGSTOP)
    os.kill(one.process.pid, signal.SIGKILL)
    await one.process.wait()
    await sim.order(1001, MNQ, "buy", 3)
    await one.start()
    await one.armed()

    await one.locked()
    await flat(sim)
    assert await one.desk_pid() != desk
    assert is_over(desk), "it is killed, and not left to be continued"
    assert f"process {desk}, desk main of a guardian before us, hangs: killed" in one.log


def is_over(pid: int) -> bool:
    """Tell whether a process has ended; whoever adopted it may not have taken note yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.fault("spare-stopped")
async def test_a_desk_in_waiting_that_does_not_take_its_order_is_not_waited_for(
    service: Build, sim: SimServer, figure: Figure
) -> None:
    one = await guarded(service, sim)
    await one.has_spare()
    first, (waiting,) = await one.desk_pid(), one.spares

    os.kill(waiting, signal.SIGSTOP)
    os.kill(first, signal.SIGKILL)
    begun = time.monotonic()

    async def has_another() -> bool:
        return (await one.status()).desks[0].pid not in {None, first, waiting}

    await until(has_another, 10, lambda: one.log)
    figure("detected (s)", time.monotonic() - begun)
    await one.armed()
    figure("recovered (s)", time.monotonic() - begun)
    assert is_over(waiting), "it is no desk, and never will be"
    assert f"process {waiting} was in waiting, and does not answer: killed" in one.log


async def test_what_holds_a_desks_lock_and_is_no_desk_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftover, "CLEAN_END_S", 0.05)
    lock = desk_lock(tmp_path, "main")
    held = LockFile.take(lock)
    left = held_by(lock)
    assert left is not None

    await leftover.remove(lock, left, "main")
    assert f"process {left.pid}, which is no desk" in caplog.text
    held.release()
    caplog.clear()
    await leftover.remove(lock, left, "main")
    assert caplog.text == "", "whoever lets go in time is no matter"


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        pytest.param(desk_line("main"), True, id="as the guardian starts it"),
        pytest.param([*RISKWARDEN, "spare"], True, id="whichever was in waiting before"),
        pytest.param(desk_line("other"), False, id="another login's"),
        pytest.param(["python", "-m", "ops.cli", "run", "--login", "main"], False, id="no desk"),
        pytest.param(["vim", "desk", "--login"], False, id="somebody else"),
        pytest.param([], False, id="gone"),
    ],
)
def test_a_desk_is_known_by_its_command_line(words: list[str], is_one: bool) -> None:  # noqa: FBT001
    assert leftover.is_desk(words, "main") is is_one


@pytest.mark.timeout(120)
@pytest.mark.fault("disk-full")
async def test_i4_a_disk_that_takes_nothing_more_holds_up_no_close_and_loses_no_lock(
    service: Build, sim: SimServer, figure: Figure
) -> None:
    one = await guarded(service, sim)
    desk = await one.desk_pid()
    resource.prlimit(desk, resource.RLIMIT_FSIZE, NOTHING)
    begun = time.monotonic()
    await lose(sim)
    await flat(sim)
    figure("breach to flat (s)", time.monotonic() - begun)

    async def is_failing() -> bool:
        return any("store_failed" in alarm for alarm in (await one.account()).alarms)

    await until(is_failing, 20, lambda: one.log)
    figure("detected (s)", time.monotonic() - begun)
    await one.locked()

    resource.prlimit(desk, resource.RLIMIT_FSIZE, EVERYTHING)
    begun = time.monotonic()

    async def is_well() -> bool:
        return not await is_failing()

    await until(is_well, 20, lambda: one.log)
    figure("recovered (s)", time.monotonic() - begun)
    os.kill(desk, signal.SIGKILL)

    async def has_successor() -> bool:
        return (await one.status()).desks[0].pid not in {None, desk}

    await until(has_successor, 20, lambda: one.log)
    await one.armed()
    await one.locked()


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in which nothing can be written, not even by root."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    if os.geteuid():
        folder.chmod(0o500)
        yield folder
        return
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("root may write anywhere here, and mount nothing")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.fault("disk-read-only")
async def test_a_disk_to_read_only_refuses_the_start_in_words(
    service: Build, sim: SimServer, read_only: Path
) -> None:
    one = service(login(sim.url), account())
    text = one.file.read_text("utf-8")
    where = read_only / "var"
    one.file.write_text(text.replace("[service]\n", f'[service]\ndata_dir = "{where}"\n'), "utf-8")

    code, _, err = await run("run", "--config", str(one.file))

    assert code == 3
    assert str(where) in err
    assert "Traceback" not in err
