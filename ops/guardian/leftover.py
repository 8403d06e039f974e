"""A desk that a killed guardian has left behind, and that cannot end by itself.

A desk ends when its guardian is gone (ops/adr/0008), and its successor waits for that.  One that is
stopped, or hangs, never hears of it: it would hold its login's lock for ever, and nobody would be
guarded.  Whoever holds the data_dir is the only one that starts desks, so what holds a desk's lock
and is no child of ours is such a leftover: it is given the time of a clean end, and then killed.
"""

import asyncio
import logging
import os
import signal
import subprocess
from pathlib import Path

from ops.desk.lockfile import Holder, held_by

log = logging.getLogger(__name__)
CLEAN_END_S = 2.5
"""Longer than a desk takes to flush its journal and let go, shorter than its successor waits."""
SPARE = ["ops.cli", "spare"]
PROCESSES = Path("/proc")


async def remove(lock: Path, left: Holder, login: str) -> None:
    """Kill the desk that was left behind, unless it ends by itself in time."""
    await asyncio.sleep(CLEAN_END_S)
    if held_by(lock) != left:
        return
    if not is_desk(command_line(left.pid), login):
        log.error(
            "ALARM %s is held by process %d, which is no desk: end it yourself", lock, left.pid
        )
        return
    log.error("ALARM process %d, desk %s of a guardian before us, hangs: killed", left.pid, login)
    try:
        os.kill(left.pid, signal.SIGKILL)
    except OSError as error:
        log.error("process %d cannot be killed (%s): end it yourself", left.pid, error.strerror)  # noqa: TRY400


def is_desk(words: list[str], login: str) -> bool:
    """Tell whether a command line is that of this login's desk: numbers are given out again.

    A desk that was in waiting before does not say whose it has become.
    """
    if words[-2:] == SPARE:
        return True
    after = words[words.index("--login") + 1 :][:1] if "--login" in words else []
    return "ops.cli" in words and "desk" in words and after == [login]


def command_line(pid: int) -> list[str]:
    """Return the words that a process was started with; none if that cannot be known."""
    try:
        if PROCESSES.exists():
            raw = (PROCESSES / str(pid) / "cmdline").read_bytes()
            return raw.decode(errors="replace").removesuffix("\0").split("\0")
        line = ["ps", "-o", "args=", "-p", str(pid)]
        done = subprocess.run(line, capture_output=True, check=False, text=True)  # noqa: S603  (a number)
        return done.stdout.split()
    except OSError:
        return []
