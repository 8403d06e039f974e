"""`riskwarden top` in a real terminal, against the real service."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from ops.sim.server import SimServer
from protocol.control import ServiceStatus
from tests.guardian.service import Service, account, environment, login, riskwarden, run

ROWS, COLUMNS = 40, 100
RESTORED = b"\x1b[?25h\x1b[?1049l"


class Terminal:
    """A terminal with a program in it."""

    def __init__(self, line: int, process: asyncio.subprocess.Process) -> None:
        self.seen = b""
        self.process = process
        self._line = line
        asyncio.get_running_loop().add_reader(line, self._hear)

    @classmethod
    async def open(cls, *arguments: str) -> "Terminal":
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        process = await asyncio.create_subprocess_exec(
            *riskwarden(*arguments),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env=environment(TERM="xterm"),
        )
        os.close(theirs)
        return cls(ours, process)

    def _hear(self) -> None:
        try:
            self.seen += os.read(self._line, 65_536)
        except OSError:  # the other side is closed
            asyncio.get_running_loop().remove_reader(self._line)

    async def shows(self, said: str, after: int = 0) -> None:
        async with asyncio.timeout(30):
            while said.encode() not in self.seen[after:]:
                assert self.process.returncode is None, self.seen.decode()
                await asyncio.sleep(0.05)

    def press(self, key: bytes) -> None:
        os.write(self._line, key)

    async def end(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), 10)
        await asyncio.sleep(0.1)
        asyncio.get_running_loop().remove_reader(self._line)
        os.close(self._line)
        return code


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with SimServer() as sim:
        one = Service(tmp_path, login(sim.url), account())
        await one.start()
        await one.armed(40)
        yield one
        if one.process is not None and one.process.returncode is None:
            await one.end()


@pytest.mark.timeout(120)
async def test_it_shows_the_service_until_told_to_end(service: Service) -> None:
    code, out, err = await run("top", "--config", str(service.file))
    assert (code, err) == (0, "")
    assert " ARMED  PRACTICE-1001" in out
    assert "\x1b" not in out
    code, out, _ = await run("top", "--json", "--config", str(service.file))
    assert code == 0
    assert msgspec.json.decode(out, type=ServiceStatus).accounts[0].id == 1001

    code, out, _ = await run("status", "--config", str(service.file))
    assert code == 0
    assert max(map(len, out.splitlines())) > COLUMNS, "nobody looks: in columns"
    terminal = await Terminal.open("status", "--config", str(service.file))
    assert await terminal.end() == 0
    rows = terminal.seen.decode().splitlines()
    assert max(map(len, rows)) <= COLUMNS
    assert [row for row in rows if row.startswith("    enabled yes, loaded yes, ")]

    terminal = await Terminal.open("top", "--config", str(service.file))
    await terminal.shows(" ARMED ")
    terminal.press(b"j")
    await terminal.shows("q ends", len(terminal.seen))
    desk = await service.desk_pid()
    os.kill(desk, signal.SIGSTOP)
    await terminal.shows("STALE  desk main")
    await terminal.shows("NOT PROTECTED")
    with suppress(ProcessLookupError):  # the guardian ends whoever hangs, sooner or later
        os.kill(desk, signal.SIGKILL)
    assert await service.end(signal.SIGKILL) == -signal.SIGKILL
    await terminal.shows("STALE  no word from the service")
    await terminal.shows(" UNKNOWN ")
    terminal.press(b"q")
    assert await terminal.end() == 0
    assert terminal.seen.endswith(RESTORED)


@pytest.mark.timeout(90)
async def test_ctrl_c_ends_it_and_leaves_the_terminal_as_it_was(service: Service) -> None:
    terminal = await Terminal.open("top", "--config", str(service.file))
    await terminal.shows(" ARMED ")
    terminal.process.send_signal(signal.SIGINT)

    assert await terminal.end() == 0
    assert terminal.seen.endswith(RESTORED)


async def test_without_a_service_it_says_so(tmp_path: Path) -> None:
    file = Service(tmp_path, login("http://127.0.0.1:1"), account()).file

    code, _, err = await run("top", "--config", str(file))
    assert code == 1
    assert "no service is running" in err
