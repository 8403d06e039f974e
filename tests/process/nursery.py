"""A process that has imported everything a desk needs, and forks one desk after the other.

What is told on standard input is one desk's orders; what is said on standard output is its number
and, when it has ended, how.  The desk is the production code; only its stores count their commits,
and kill the process at the one they were told.

The SDK's libraries have begun threads by then, which a fork leaves behind; no desk uses them.
"""

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from actors.adapters import projectx
from actors.adapters.storage import Batch
from actors.adapters.store import Store
from ops.desk.process import Orders, main

PRELOADED = (projectx,)
STDIN, STDOUT, STDERR = 0, 1, 2


class Birth(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk is to be, and at which of its commits it dies; 0 is at none."""

    config: str
    reports: str
    log: str
    kill_at: int = 0
    when: str = "before"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the nursery says of a desk."""

    pid: int
    status: int | None = None


def be_killed(birth: Birth) -> None:
    """Have the process killed before or after a commit; no signal handler can soften that."""
    commit_many = Store.commit_many
    count = 0

    def counted(self: Store, batches: Sequence[Batch]) -> int:
        nonlocal count
        count += 1
        mine = count == birth.kill_at
        if mine and birth.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        last = commit_many(self, batches)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return last

    Store.commit_many = counted  # type: ignore[method-assign]


def live(birth: Birth) -> NoReturn:
    """Be a desk, as a guardian would have started it."""
    os.setsid()
    line, kept_open = os.pipe()
    os.dup2(line, STDIN)
    for path, number in ((birth.reports, STDOUT), (birth.log, STDERR)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
    os.set_inheritable(kept_open, True)  # noqa: FBT003  (its only parameter)
    if birth.kill_at:
        be_killed(birth)
    main(Orders(config=Path(birth.config), login="main", arm_within=30.0))


def nurse() -> None:
    """Bring up one desk after the other."""
    warnings.simplefilter("ignore", DeprecationWarning)
    for line in sys.stdin:
        birth = msgspec.json.decode(line, type=Birth)
        pid = os.fork()
        if pid == 0:
            live(birth)
        say(Told(pid=pid))
        _, status = os.waitpid(pid, 0)
        say(Told(pid=pid, status=status))


def say(told: Told) -> None:
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    nurse()
