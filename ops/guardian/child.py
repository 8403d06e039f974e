"""One desk process, from outside: how to start it, hear it, stop it and kill it."""

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from config.schema import ServiceConfig
from config.secret_ref import SecretSource
from ops.desk.outcome import Ending
from ops.desk.pipe import Command
from ops.desk.spare import READY, TAKEN, Order
from protocol.codec import decode_json
from protocol.control import DeskReport
from protocol.trace import DeskTrace

log = logging.getLogger(__name__)
RISKWARDEN = (sys.executable, "-P", "-m", "ops.cli")
"""-P keeps the current folder out of its imports."""
TAKE_S = 1.0
"""How long one in waiting may take to answer its order: after that a new process is as quick."""
LINE_BYTES_MAX = 64 * 1024 * 1024
TRACE = b'{"said":"trace",'
"""How a trace begins, among reports."""


def arguments(
    config: Path,
    login: str,
    arm_within: float,
    *,
    json_logs: bool,
    accepted: Path | None,
    trial: Path | None = None,
    again: bool = False,
) -> list[str]:
    """Return the arguments of a desk."""
    line = ["desk", "--config", str(config), "--login", login, "--arm-within", str(arm_within)]
    if accepted is not None:
        line += ["--accepted", str(accepted)]
    if trial is not None:
        line += ["--trial", str(trial)]
    if again:
        line.append("--again")
    return [*line, "--json-logs"] if json_logs else line


def environment(config: ServiceConfig, login: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a desk inherits: not the secrets of other logins, nor where notices go."""
    mine, others = set[str](), set[str]()
    for one in config.logins:
        names = {ref.name for ref in (one.username, one.api_key) if ref.source is SecretSource.ENV}
        (mine if one.name == login else others).update(names)
    notify = (*config.notify.urls, config.notify.heartbeat_url)
    others |= {ref.name for ref in notify if ref is not None and ref.source is SecretSource.ENV}
    return {name: value for name, value in environ.items() if name not in others - mine}


class Child:
    """A desk process that runs or has run."""

    def __init__(self, process: asyncio.subprocess.Process, started: float) -> None:
        self.started = started
        self.heard: float | None = None
        """When it last said something; None before its first word."""
        self.ending: Ending | None = None
        self.trace: DeskTrace | None = None
        """Its last answer to a trace: no word of its loop, which may hang all the same."""
        self._process = process

    @classmethod
    async def start(
        cls,
        arguments: Sequence[str],
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = RISKWARDEN,
    ) -> "Child":
        """Start a desk: never by fork, and out of reach of the terminal's signals."""
        process = await asyncio.create_subprocess_exec(
            *command,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LINE_BYTES_MAX,
            env=env,
        )
        return cls(process, asyncio.get_running_loop().time())

    @property
    def pid(self) -> int:
        """Return its process number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Tell whether it runs, or hangs."""
        return self._process.returncode is None

    async def is_ready(self) -> bool:
        """Wait until it says that it waits for its order; False if it ends instead."""
        assert self._process.stdout is not None
        return await self._process.stdout.readline() == READY

    async def begins(self, order: Order) -> bool:
        """Say which desk it is to be: its life begins.  False if it does not take its order."""
        assert self._process.stdout is not None
        self.started = asyncio.get_running_loop().time()
        self.tell(order)
        try:
            async with asyncio.timeout(TAKE_S):
                return await self._process.stdout.readline() == TAKEN
        except TimeoutError:
            return False

    async def listen(self, on_report: Callable[[DeskReport], None]) -> int:
        """Hand on its reports until it ends; return its exit code."""
        assert self._process.stdout is not None
        loop = asyncio.get_running_loop()
        try:
            async for line in self._process.stdout:
                if line.startswith(TRACE):
                    self._take_trace(line)
                    continue
                self.heard = loop.time()
                try:
                    on_report(decode_json(line, DeskReport))
                except msgspec.MsgspecError as error:
                    self._take_ending(line, error)
        except ValueError:
            log.error("process %d never ends its line: killed", self.pid)  # noqa: TRY400
            self.kill()
        return await self._process.wait()

    def _take_trace(self, line: bytes) -> None:
        try:
            self.trace = decode_json(line, DeskTrace)
        except msgspec.MsgspecError as error:
            log.warning("process %d told a strange trace: %s", self.pid, error)

    def _take_ending(self, line: bytes, error: msgspec.MsgspecError) -> None:
        try:
            self.ending = decode_json(line, Ending)
        except msgspec.MsgspecError:
            log.warning("process %d said something strange: %s", self.pid, error)

    def stop(self) -> None:
        """Ask it to end."""
        self.tell(Command("stop"))
        assert self._process.stdin is not None
        if self.is_alive:
            self._process.stdin.close()

    def tell(self, said: Command | Order) -> None:
        """Say something down its pipe; whoever hangs hears it when it goes on."""
        assert self._process.stdin is not None
        if self.is_alive and not self._process.stdin.is_closing():
            self._process.stdin.write(msgspec.json.encode(said) + b"\n")

    def kill(self) -> None:
        """End it, whatever state it is in."""
        if self.is_alive:
            self._process.kill()
