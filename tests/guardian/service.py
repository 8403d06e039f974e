"""The real service as a process, and what a test wants to know of it."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from ops.desk.lockfile import holder
from ops.sim.server import SimServer
from protocol.control import AccountStatus, ServiceStatus

ROOT = Path(__file__).parents[2]
KEY = "sim-key-0123456789"
MNQ = "CON.F.US.MNQ.Z26"
BEGAN = datetime.now(UTC)
RULES = "[accounts.rules.daily_realized_loss]\nlimit = -500\n"


def environment(**more: str) -> dict[str, str]:
    """Return an environment with the simulator's secrets, in which start-up is as in real life."""
    env = {**os.environ, "PROJECT_X_USERNAME": "trader", "PROJECT_X_API_KEY": KEY, **more}
    if env.pop("PYTHONDONTWRITEBYTECODE", None):
        env["PYTHONPYCACHEPREFIX"] = str(ROOT / ".pytest_cache" / "bytecode")
    return env


def login(sim_url: str, name: str = "main", key: str = "env:PROJECT_X_API_KEY") -> str:
    """Return a login at a simulated Gateway."""
    return f"""
[[logins]]
name = "{name}"
username = "env:PROJECT_X_USERNAME"
api_key = "{key}"
api_url = "{sim_url}/api"
user_hub_url = "{sim_url}/hubs/user"
market_hub_url = "{sim_url}/hubs/market"
"""


def account(who: str = "id = 1001", of: str = "main", more: str = "", rules: str = RULES) -> str:
    """Return an account whose day ends in twelve hours; twice the same text, whatever the time."""
    return f"""
[[accounts]]
login = "{of}"
{who}
{more}
reset = {{ at = "{BEGAN.minute} {(BEGAN.hour + 12) % 24} * * *", zone = "UTC" }}
{rules}
"""


class Service:
    """`riskwarden run` in a folder of its own."""

    def __init__(self, folder: Path, *parts: str) -> None:
        self.folder = folder
        self.file = folder / "riskwarden.toml"
        self.log_file = folder / "log"
        self.data_dir = folder / "var"
        self.process: asyncio.subprocess.Process | None = None
        self.prefix: tuple[str, ...] = ()
        """A program, with its options, that starts it."""
        self.configure(*parts)

    def configure(self, *parts: str) -> None:
        """Write the configuration."""
        head = '[service]\nhttp = "127.0.0.1:0"\n'
        self.file.write_text(head + "".join(parts), encoding="utf-8")

    async def start(self, *options: str, stderr: int | None = None, **env: str) -> None:
        """Start it, and wait until it answers; its log goes to its file, or where it is told."""
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.prefix,
                *self.line(*options),
                stdin=asyncio.subprocess.DEVNULL,
                stderr=log if stderr is None else stderr,
                env=environment(**env),
            )
        await until(self.answers, 20)

    def line(self, *options: str) -> list[str]:
        """Return the command line that starts it."""
        return riskwarden("run", "--config", str(self.file), *options)

    async def answers(self) -> bool:
        try:
            return (await self.get("livez")).status_code == 200
        except (httpx.HTTPError, AssertionError):
            return False

    async def get(self, path: str, **headers: str) -> httpx.Response:
        said = holder(self.data_dir / "lock")
        assert said is not None
        assert self.process is not None
        assert said.pid == self.process.pid
        assert said.http
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            return await client.get(f"http://{said.http}/{path}", headers=headers)

    async def status(self) -> ServiceStatus:
        return msgspec.json.decode((await self.get("status")).content, type=ServiceStatus)

    async def account(self, number: int = 1001) -> AccountStatus:
        found = [one for one in (await self.status()).accounts if one.id == number]
        assert found, self.log
        return found[0]

    async def desk_pid(self) -> int:
        pid = (await self.status()).desks[0].pid
        assert pid is not None
        return pid

    async def armed(self, timeout_s: float = 20) -> None:
        async def ready() -> bool:
            return (await self.get("readyz")).status_code == 200

        await until(ready, timeout_s, lambda: self.log)

    async def locked(self, number: int = 1001) -> None:
        async def is_locked() -> bool:
            return any(one.id == number and one.locked for one in (await self.status()).accounts)

        await until(is_locked, 10, lambda: self.log)

    @property
    def spares(self) -> list[int]:
        """Return the desks that have waited to be needed, the newest last."""
        return [int(one) for one in re.findall(r"process (\d+) is in waiting", self.log)]

    async def has_spare(self) -> None:
        """Wait until a desk is in waiting."""

        async def waits() -> bool:
            return bool(self.spares)

        await until(waits, 30, lambda: self.log)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 10)

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")


def riskwarden(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "ops.cli", *arguments]


async def run(*arguments: str, patience_s: float = 30, **env: str) -> tuple[int, str, str]:
    """Run a command to its end; return its exit code and what it printed."""
    return await run_line(riskwarden(*arguments), patience_s, **env)


async def run_without(module: str, arguments: list[str]) -> tuple[int, str]:
    """Run a command where a module cannot be imported; return exit code and complaint."""
    script = f"import sys; sys.modules[{module!r}] = None; from ops.cli import main; "
    line = [sys.executable, "-P", "-c", script + f"sys.exit(main({arguments!r}))"]
    code, _, err = await run_line(line)
    return code, err


async def run_line(line: list[str], patience_s: float = 30, **env: str) -> tuple[int, str, str]:
    """Run a command line to its end; its standard input stays open, as a guardian's would."""
    process = await asyncio.create_subprocess_exec(
        *line, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment(**env)
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(patience_s):
            out, err, code = await asyncio.gather(
                process.stdout.read(), process.stderr.read(), process.wait()
            )
    finally:
        process.stdin.close()
        if process.returncode is None:
            process.kill()
            await process.wait()
    return code, out.decode(), err.decode()


async def lose(sim: SimServer, number: int = 1001) -> None:
    """Let an account lose more than it may: 1,000 dollars on two contracts."""
    await sim.price(MNQ, 21_000)
    await sim.order(number, MNQ, "buy", 2)
    await asyncio.sleep(0.3)
    await sim.price(MNQ, 20_500)


async def until(
    condition: Callable[[], Any], timeout_s: float, explain: Callable[[], str] = str
) -> None:
    """Wait for something to become true."""
    end = asyncio.get_running_loop().time() + timeout_s
    while not await condition():
        assert asyncio.get_running_loop().time() < end, f"not within {timeout_s} s\n{explain()}"
        await asyncio.sleep(0.05)


def is_running(pid: int) -> bool:
    """Tell whether a process is there; one that ended and was not collected is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, where the kernel tells (Linux)."""
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    except FileNotFoundError:
        return []
    return [int(one) for one in told.split()]
