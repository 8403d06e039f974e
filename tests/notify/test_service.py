"""The real service tells a real webhook what happens, and goes on when nobody listens."""

import asyncio
import os
import signal

from ops.sim.server import SimServer
from tests.guardian.conftest import Build
from tests.guardian.service import account, login, lose, run, until
from tests.notify.sink import Sink

NOTIFY = '[notify]\nurls = ["env:HOOK"]\nevents = ["lock", "desk"]\n'


def as_head(text: str) -> str:
    """Return a table that may stand before the lists of tables."""
    return f"\n{text}"


async def test_one_lock_is_one_notice_also_through_a_restart(
    sim: SimServer, service: Build, sink: Sink
) -> None:
    one = service(as_head(NOTIFY), login(sim.url), account())
    await one.start(HOOK=sink.url())
    await one.armed()

    await lose(sim)
    await one.locked()

    async def has_arrived() -> bool:
        return bool(sink.posts)

    await until(has_arrived, 15, lambda: one.log)
    await asyncio.sleep(1.5)
    assert await one.end() == 0
    await one.start(HOOK=sink.url())
    await one.armed()
    await asyncio.sleep(1.5)

    assert len(sink.titles()) == 1, sink.text()
    assert "1001" in sink.text()
    assert "LOCKED by daily_realized_loss" in sink.titles()[0]
    assert "at or below -500.00" in sink.text()
    assert "4711" not in one.log


async def test_a_desk_that_dies_is_told(sim: SimServer, service: Build, sink: Sink) -> None:
    one = service(as_head(NOTIFY), login(sim.url), account())
    await one.start(HOOK=sink.url())
    await one.armed()

    os.kill(await one.desk_pid(), signal.SIGKILL)

    async def has_arrived() -> bool:
        return bool(sink.posts)

    await until(has_arrived, 15, lambda: one.log)
    assert sink.titles() == ["desk main: died and is started again"]
    assert "signal 9" in sink.text()


async def test_a_dead_target_delays_nothing_and_is_an_alarm(
    sim: SimServer, service: Build, sink: Sink
) -> None:
    sink.open.clear()  # it takes the message, and never answers
    one = service(as_head(NOTIFY), login(sim.url), account())
    await one.start(HOOK=sink.url())
    await one.armed()

    await lose(sim)
    await one.locked()

    async def is_told() -> bool:
        return bool((await one.status()).alarms)

    await until(is_told, 20, lambda: one.log)
    assert sink.posts == []
    code, out, _ = await run("status", "--config", str(one.file))
    assert code == 0
    assert "ALARM notices do not get through to json (notify.urls, number 1)" in out
    sink.open.set()

    async def has_arrived() -> bool:
        return any("LOCKED" in title for title in sink.titles())

    await until(has_arrived, 20, lambda: one.log)


async def test_what_notifies_may_be_missing_and_the_account_is_guarded_all_the_same(
    sim: SimServer, service: Build
) -> None:
    one = service(as_head(NOTIFY), login(sim.url), account())
    await one.start()  # without HOOK
    await one.armed()

    (alarm,) = (await one.status()).alarms
    assert "nobody is told anything" in alarm
    assert "HOOK" in alarm


async def test_the_heartbeat_begins_when_every_account_is_armed(
    sim: SimServer, service: Build, sink: Sink
) -> None:
    table = '[notify]\nheartbeat_url = "env:BEAT"\nheartbeat_every = "10s"\n'
    one = service(as_head(table), login(sim.url), account())
    await one.start(BEAT=f"http://127.0.0.1:{sink.port}/beat")
    assert sink.calls == []
    await one.armed()

    async def has_arrived() -> bool:
        return bool(sink.calls)

    await until(has_arrived, 15, lambda: one.log)
    assert sink.calls[0] == ("GET", "/beat")
