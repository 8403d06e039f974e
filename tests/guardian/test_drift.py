"""A desk as a process says that its money is not the broker's, and takes it back."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable

import msgspec

from ops.sim import actions
from ops.sim.server import SimServer
from protocol.control import DeskReport
from tests.guardian.conftest import Build
from tests.guardian.service import account, environment, login

SOON = """
import sys
from ops.desk import drift
drift.STAYS = 500_000_000
from ops.cli import main
main(sys.argv[1:])
"""
"""A desk to which half a second is long."""


async def until(up: asyncio.StreamReader, is_so: Callable[[DeskReport], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            line = await up.readline()
            assert line, "the desk ended"
            if is_so(msgspec.json.decode(line, type=DeskReport)):
                return


def alarms(report: DeskReport) -> str:
    return " ".join(alarm for one in report.accounts for alarm in one.alarms)


async def test_money_that_differs_is_told_and_taken_back(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    balance = sim.exchange.book.accounts[1001].balance
    line = [sys.executable, "-P", "-c", SOON, "desk", "--login", "main", "--config", str(one.file)]
    process = await asyncio.create_subprocess_exec(
        *line, stdin=PIPE, stdout=PIPE, env=environment(), limit=2**22
    )
    assert process.stdout is not None
    try:
        await until(process.stdout, lambda report: report.armed)
        assert await says(process.stdout) == ""
        await sim.do(actions.Account(account=1001, balance=balance - 40))
        await until(process.stdout, lambda report: "ledger_differs: the balance" in alarms(report))
        await sim.do(actions.Account(account=1001, balance=balance))
        await until(process.stdout, lambda report: "ledger_differs" not in alarms(report))
    finally:
        process.kill()
        await process.wait()


async def says(up: asyncio.StreamReader) -> str:
    """Return the alarms of the newest report, once the desk has had time for one."""
    await asyncio.sleep(1)
    return alarms(msgspec.json.decode(await up.readline(), type=DeskReport))
