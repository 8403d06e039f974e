import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest

from ops.sim.server import SimServer
from tests.guardian.conftest import Build
from tests.guardian.service import MNQ, account, is_running, login, lose, until

RESTORED_S = 5.0
"""The budget is 2 s on a machine that does nothing else; ours may."""


@pytest.mark.fault("desk-killed")
@pytest.mark.fault("desk-hung")
async def test_a_killed_desk_comes_back_locked_and_a_hung_one_is_replaced(
    service: Build, sim: SimServer, record_property: Callable[[str, object], None]
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    await lose(sim)
    await one.locked()
    await one.has_spare()
    first = await one.desk_pid()

    os.kill(first, signal.SIGKILL)
    began = time.monotonic()

    async def is_restored() -> bool:
        told = await one.account()
        return told.locked and told.state != "stale" and await one.desk_pid() != first

    async def has_another_pid() -> bool:
        return (await one.status()).desks[0].pid not in {None, first}

    await until(has_another_pid, RESTORED_S)
    await until(is_restored, RESTORED_S - (time.monotonic() - began), lambda: one.log)
    record_property("desk-killed: locks told again (s)", round(time.monotonic() - began, 2))
    await one.armed()
    record_property("desk-killed: recovered (s)", round(time.monotonic() - began, 2))

    async def is_proven() -> bool:
        return [done.state for done in (await one.account()).enforcements] == ["confirmed"]

    await until(is_proven, 3)
    await is_closed_on_sight(sim)

    second = await one.desk_pid()
    os.kill(second, signal.SIGSTOP)
    began = time.monotonic()
    await asyncio.sleep(3.5)
    told = await one.account()
    assert (told.state, told.locked) == ("stale", True)
    assert (await one.get("readyz")).status_code == 503

    async def is_replaced() -> bool:
        return not is_running(second)

    await until(is_replaced, 4, lambda: one.log)
    record_property("desk-hung: detected (s)", round(time.monotonic() - began, 2))
    await one.armed()
    after = await one.status()
    assert after.desks[0].restarts == 2
    assert after.accounts[0].locked


async def is_closed_on_sight(sim: SimServer) -> None:
    await sim.order(1001, MNQ, "sell", 3)

    async def is_flat() -> bool:
        return not sim.exchange.positions(1001)

    await until(is_flat, 3)


@pytest.mark.fault("guardian-killed")
async def test_a_desk_ends_with_its_guardian_and_the_next_takes_over_with_the_lock(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    await lose(sim)
    await one.locked()
    desk = await one.desk_pid()

    assert await one.end(signal.SIGKILL) == -signal.SIGKILL
    await one.start()

    async def desk_is_gone() -> bool:
        return not is_running(desk)

    await until(desk_is_gone, 2)
    await one.locked()
    await one.armed()
    assert "the guardian is gone" in one.log
