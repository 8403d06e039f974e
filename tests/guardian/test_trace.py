"""What a running service tells of itself when it is asked: idle, busy, hanging, and not there."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE

import msgspec
import pytest

from actors.tree import RULE_PREFIX
from ops.desk import vitals
from ops.desk.pipe import Command
from ops.guardian.child import Child
from ops.sim import actions
from ops.sim.server import SimServer
from protocol.control import DeskReport
from protocol.trace import DeskTrace, ServiceTrace
from tests.guardian.conftest import Build
from tests.guardian.service import KEY, Service, account, environment, login, run

HANGS = """
import sys, time
from ops.desk import life
def hang(*_):
    time.sleep(20)
life.Life._judge = hang
from ops.cli import main
main(sys.argv[1:])
"""
"""A desk whose loop is caught in a call that does not return, as soon as its actors stand."""


async def trace(one: Service) -> tuple[int, ServiceTrace, str]:
    code, out, err = await run("trace", "--config", str(one.file), "--json")
    assert err == "", err + one.log
    return code, msgspec.json.decode(out, type=ServiceTrace), out


async def test_a_trace_names_every_actor_task_and_thread(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account(), account("id = 1002"))
    await one.start()
    await one.armed()

    code, told, raw = await trace(one)
    _, text, _ = await run("trace", "--config", str(one.file))

    assert (code, told.silent) == (0, [])
    (desk,) = told.desks
    paths = {actor.path: actor for actor in desk.actors}
    assert {"supervisor", "market_data", "gateway", "account/1001", "account/1002"} <= set(paths)
    assert f"account/1001/{RULE_PREFIX}daily_realized_loss" in paths
    assert paths["account/1001"].runs == "account"
    assert {actor.mailbox for actor in desk.actors} == {0}
    assert any(actor.due_s is not None for actor in desk.actors)
    assert desk.process.pid == await one.desk_pid()
    assert (desk.process.memory_mib or 0) > 10
    assert (desk.process.descriptors or 0) > 5
    assert any("Life.live" in task.runs or "_live" in task.runs for task in desk.process.tasks)
    assert desk.process.threads[0].name == "MainThread"
    assert any(thread.name.startswith("journal") for thread in desk.process.threads)
    assert desk.intake is not None
    assert desk.intake.taken > 0
    assert told.guardian.pid != desk.process.pid
    assert told.guardian.tasks
    for words in ("desk main: process", "every mailbox is empty", "MainThread", "intake: 0 wait"):
        assert words in text
    assert KEY not in raw + text
    assert "eyJ" not in raw + text


async def test_a_busy_desk_answers_and_goes_on(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    await sim.order(1001, "MNQ", "buy", 1)
    await sim.do(actions.Burst(contract="MNQ", count=100_000, per_second=5_000))
    await asyncio.sleep(1)

    counts: list[int] = []
    for _ in range(3):
        code, told, _ = await trace(one)
        assert (code, told.silent) == (0, [])
        assert told.desks[0].intake is not None
        counts.append(told.desks[0].intake.taken)

    assert counts == sorted(counts)
    assert counts[-1] > counts[0], "it goes on meanwhile"
    assert (await one.account()).state == "armed"


async def test_a_desk_whose_loop_hangs_says_where(sim: SimServer, service: Build) -> None:
    one = service(login(sim.url), account())
    line = [sys.executable, "-P", "-c", HANGS, "desk", "--login", "main", "--config", str(one.file)]
    process = await asyncio.create_subprocess_exec(
        *line, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment()
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        told = await asyncio.wait_for(asked(process.stdin, process.stdout), 30)
    finally:
        process.kill()
        await process.wait()

    main = told.process.threads[0]
    assert "hang" in main.at[0]
    assert any("_go_on" in place for place in main.at)
    assert {actor.path for actor in told.actors} >= {"supervisor", "account/1001"}


async def asked(down: asyncio.StreamWriter, up: asyncio.StreamReader) -> DeskTrace:
    """Ask a desk until its answer shows that its loop hangs."""
    for serial in range(1, 200):
        down.write(msgspec.json.encode(Command("trace", serial)) + b"\n")
        while not (line := await up.readline()).startswith(b'{"said":"trace"'):
            assert line
        told = msgspec.json.decode(line, type=DeskTrace)
        assert told.serial == serial
        if "hang" in told.process.threads[0].at[0]:
            return told
        await asyncio.sleep(0.1)
    raise AssertionError("it never hung")


async def test_a_desk_that_is_stopped_is_named(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    pid = await one.desk_pid()
    os.kill(pid, signal.SIGSTOP)

    code, told, _ = await trace(one)

    assert code == 2
    assert told.silent == ["main"]
    assert told.guardian.tasks
    assert await one.end() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)  # nobody is left behind, stopped


async def test_an_answer_to_a_trace_is_no_sign_of_life() -> None:
    """A desk that hangs is replaced, however often somebody looks at it."""
    told = DeskTrace(
        serial=7,
        login="main",
        process=vitals.process(asyncio.get_running_loop()),
        intake=None,
        batches=0,
        actors=[],
    )
    line = msgspec.json.encode(told).decode()
    child = await Child.start(["-c", f"print({line!r})"], command=[sys.executable])
    reports: list[DeskReport] = []

    assert await child.listen(reports.append) == 0

    assert child.trace is not None
    assert child.trace.serial == 7
    assert (reports, child.heard) == ([], None)
