"""The pipes between a desk and its guardian: reports up, and down what the guardian asks.

A guardian that does not read must not hold up its desk, so a report is dropped while the one
before is still stuck.  A trace is told by another thread, and goes whole between two reports.
"""

import asyncio
import os
import select
import threading
import time
from collections.abc import Callable

import msgspec

from protocol.codec import decode_json

STDIN, STDOUT, STDERR = 0, 1, 2
CHUNK = 65_536
PUSH_S = 0.05
COMMANDS_MAX = 1_048_576
"""Bytes of a line that are kept: a refusal names every problem of a file."""
TRACE = "trace"
"""The command that is answered beside the loop."""


class Command(msgspec.Struct, frozen=True):
    """A line from the guardian."""

    command: str
    serial: int = 0
    problems: tuple[str, ...] = ()


class ReportPipe:
    """Standard output, for reports alone: whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        self.is_broken = False
        self._left = b""
        self._lock = threading.Lock()
        self._fd = os.dup(STDOUT)
        os.dup2(STDERR, STDOUT)
        if not os.isatty(self._fd):  # a terminal is shared with whoever typed the command
            os.set_blocking(self._fd, False)

    def write(self, message: msgspec.Struct) -> None:
        """Write one line, or as much of it as fits; drop it if the last has not left yet."""
        with self._lock:
            self._push()
            if not self._left:
                self._left = msgspec.json.encode(message) + b"\n"
                self._push()

    def insert(self, message: msgspec.Struct, within_s: float) -> None:
        """Write one line from another thread; what does not leave in time goes with the reports."""
        end = time.monotonic() + within_s
        raw = msgspec.json.encode(message) + b"\n"
        with self._lock:
            self._left += raw
        while time.monotonic() < end:
            with self._lock:
                self._push()
                if not self._left:
                    return
            select.select((), (self._fd,), (), PUSH_S)

    def _push(self) -> None:
        try:
            while self._left:
                self._left = self._left[os.write(self._fd, self._left) :]
        except BlockingIOError:
            return
        except OSError:
            self.is_broken, self._left = True, b""


def listen(
    loop: asyncio.AbstractEventLoop,
    on_stop: Callable[[str], None],
    on_command: Callable[[Command], None],
    on_trace: Callable[[Command], None],
) -> None:
    """Read standard input in a thread of its own, whatever it is, until it says or is the end.

    A trace is answered by that thread: the loop may be what somebody wants to know about.
    """

    def read() -> None:
        heard, why = b"", "the guardian is gone"
        while chunk := _read_some():
            *lines, heard = (heard + chunk)[-COMMANDS_MAX:].split(b"\n")
            commands = [one for line in lines if (one := _command(line)) is not None]
            if any(one.command == "stop" for one in commands):
                why = "the guardian says so"
                break
            for one in commands:
                if one.command == TRACE:
                    on_trace(one)
                else:
                    loop.call_soon_threadsafe(on_command, one)
        loop.call_soon_threadsafe(on_stop, why)

    threading.Thread(target=read, name="stdin", daemon=True).start()


def _read_some() -> bytes:
    try:
        return os.read(STDIN, CHUNK)
    except OSError:
        return b""


def _command(line: bytes) -> Command | None:
    try:
        return decode_json(line, Command)
    except msgspec.MsgspecError:
        return None
