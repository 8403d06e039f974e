"""The desk in waiting: it takes over at once, owns nothing before, and is missed by nobody."""

import os
import signal
from pathlib import Path

import pytest

from ops.sim.server import SimServer
from tests.guardian.conftest import Build
from tests.guardian.service import KEY, Service, account, is_running, login, lose, until


async def guarding(build: Build, sim: SimServer) -> Service:
    """Return a service with a desk that is armed, and another that waits."""
    one = build(login(sim.url), account())
    await one.start()
    await one.armed()
    await one.has_spare()
    return one


def has_key(pid: int) -> bool:
    """Tell whether a process was started with the API key in its environment."""
    return KEY.encode() in Path(f"/proc/{pid}/environ").read_bytes()


def held_by(pid: int) -> list[str]:
    """Return what a process holds open; its standard error is the service's log."""
    held = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
    return [each for each in held if not each.endswith("/log")]


async def test_the_desk_in_waiting_takes_over_with_the_lock(service: Build, sim: SimServer) -> None:
    one = await guarding(service, sim)
    await lose(sim)
    await one.locked()
    first, waiting = await one.desk_pid(), one.spares[-1]

    os.kill(first, signal.SIGKILL)

    async def has_taken_over() -> bool:
        return (await one.status()).desks[0].pid == waiting

    await until(has_taken_over, 5, lambda: one.log)
    await one.armed()
    await one.locked()

    async def another_waits() -> bool:
        return one.spares[-1] != waiting

    await until(another_waits, 30, lambda: one.log)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
async def test_it_waits_without_a_secret(service: Build, sim: SimServer, tmp_path: Path) -> None:
    one = await guarding(service, sim)

    (waiting,) = one.spares
    assert not has_key(waiting)
    assert has_key(await one.desk_pid()), "where the desk has it"
    assert not [held for held in held_by(waiting) if held.startswith(("socket:", str(tmp_path)))]


async def test_one_that_has_died_is_not_waited_for(service: Build, sim: SimServer) -> None:
    one = await guarding(service, sim)
    first, (waiting,) = await one.desk_pid(), one.spares

    os.kill(waiting, signal.SIGKILL)
    os.kill(first, signal.SIGKILL)

    async def has_another() -> bool:
        return (await one.status()).desks[0].pid not in {None, first, waiting}

    await until(has_another, 10, lambda: one.log)
    await one.armed()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_it_ends_with_its_guardian(
    service: Build, sim: SimServer, number: signal.Signals
) -> None:
    one = await guarding(service, sim)
    (waiting,) = one.spares

    await one.end(number)

    async def is_gone() -> bool:
        return not is_running(waiting)

    await until(is_gone, 3)
