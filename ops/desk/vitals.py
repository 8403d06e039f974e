"""A process as seen from within: memory, descriptors, tasks and threads.  Any thread may ask."""

import asyncio
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

from protocol.trace import ProcessTrace, TaskTrace, ThreadTrace

STATUS = Path("/proc/self/status")
OWN = re.compile(r"^RssAnon:\s+(\d+) kB$", re.MULTILINE)
DESCRIPTORS = Path("/dev/fd")
FRAMES_MAX = 12
KIB_A_MIB = 1_024
ATTEMPTS_MAX = 5
BEGAN = time.monotonic()


def process(loop: asyncio.AbstractEventLoop) -> ProcessTrace:
    """Return how this process is."""
    return ProcessTrace(
        pid=os.getpid(),
        up_s=round(time.monotonic() - BEGAN, 1),
        memory_mib=memory_mib(),
        descriptors=descriptors(),
        tasks=[task(one) for one in sorted(tasks(loop), key=lambda one: one.get_name())],
        threads=list(threads()),
    )


def memory_mib() -> float | None:
    """Return the memory that is a process's own; None where the system does not tell.

    Pages of the database are the kernel's: they come and go as there is room.
    """
    try:
        found = OWN.search(STATUS.read_text("ascii"))
    except OSError:
        return None
    return None if found is None else round(int(found[1]) / KIB_A_MIB, 1)


def descriptors() -> int | None:
    """Return how many files and sockets are open, without the one that it takes to look."""
    try:
        return len(list(DESCRIPTORS.iterdir())) - 1
    except OSError:
        return None


def tasks(loop: asyncio.AbstractEventLoop) -> "set[asyncio.Task[Any]]":
    """Return the tasks of a loop, which may go on meanwhile."""
    for _ in range(ATTEMPTS_MAX):
        try:
            return asyncio.all_tasks(loop)
        except RuntimeError:  # it changed under the look
            continue
    return set()


def task(one: "asyncio.Task[Any]") -> TaskTrace:
    """Return what a task runs, and where it stands."""
    stack = one.get_stack(limit=1)
    runs = getattr(one.get_coro(), "__qualname__", "?")
    return TaskTrace(name=one.get_name(), runs=runs, at=place(stack[-1]) if stack else "done")


def threads() -> Iterator[ThreadTrace]:
    """Yield every thread of Python's, the main one first."""
    names = {one.ident: one.name for one in threading.enumerate()}
    frames = sys._current_frames()  # noqa: SLF001  (there is no other way to see another thread)
    main = threading.main_thread().ident
    for ident in sorted(frames, key=lambda one: (one != main, names.get(one, ""))):
        at = [place(frame) for frame in islice(outwards(frames[ident]), FRAMES_MAX)]
        yield ThreadTrace(name=names.get(ident, "?"), at=at)


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and those that called it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def place(frame: FrameType) -> str:
    """Return where a frame stands: file, line and function."""
    code = frame.f_code
    return f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_qualname}"
