"""A desk looked at from beside its loop: by the thread that hears the guardian.

The loop is not asked, for it may be what hangs.  So nothing here may change anything, and what is
read may be a moment older than what stands next to it.
"""

import asyncio
from collections.abc import Iterator
from time import monotonic_ns

from actors.runtime import Runtime
from ops.desk.desk import Desk
from ops.desk.pipe import Command, ReportPipe
from ops.desk.vitals import process
from protocol.trace import ActorTrace, DeskTrace, IntakeTrace
from protocol.units import SECOND, Now

LEAVES_S = 2.0
"""How long an answer may take to get into the pipe; what is left goes with the next report."""
MS = 1_000_000


class Inspector:
    """Answers for one desk process, over all of its lives."""

    def __init__(self, login: str, loop: asyncio.AbstractEventLoop, pipe: ReportPipe) -> None:
        self.desk: Desk | None = None
        """The desk that lives at the moment."""
        self._login = login
        self._loop = loop
        self._pipe = pipe

    def answer(self, command: Command) -> None:
        """Tell the guardian, from the thread that heard it ask."""
        self._pipe.insert(self.trace(command.serial), LEAVES_S)

    def trace(self, serial: int) -> DeskTrace:
        """Return what the desk is at."""
        desk = self.desk
        return DeskTrace(
            serial=serial,
            login=self._login,
            process=process(self._loop),
            intake=None if desk is None else intake(desk),
            batches=0 if desk is None else desk.journal.figures().pending,
            actors=[] if desk is None else list(actors(desk.runtime, desk.clock())),
        )


def intake(desk: Desk) -> IntakeTrace:
    """Return what waits to be taken."""
    waiting, since = desk.intake.waiting()
    oldest = 0 if since is None else monotonic_ns() - since
    return IntakeTrace(waiting=waiting, oldest_ms=round(oldest / MS, 3), taken=desk.inputs)


def actors(runtime: Runtime, now: Now) -> Iterator[ActorTrace]:
    """Yield every actor, in the order of their paths."""
    waiting, due = runtime.mailboxes(), dues(runtime, now)
    states = dict(runtime.states)
    for path in sorted(waiting):
        state = states.get(path)
        yield ActorTrace(
            path=path,
            runs="starting" if state is None else kind(state),
            mailbox=waiting[path],
            due_s=due.get(path),
        )


def kind(state: object) -> str:
    """Return what an actor with such a state is, by the module that the state is of."""
    return type(state).__module__.rpartition(".")[2].removesuffix("_state")


def dues(runtime: Runtime, now: Now) -> dict[str, float]:
    """Return the seconds until each actor's next tick."""
    found: dict[str, float] = {}
    for heap, clock in ((tuple(runtime.calendar), now.wall), (tuple(runtime.dues), now.mono)):
        for at, path in heap:
            left = round((at - clock) / SECOND, 3)
            found[path] = min(left, found.get(path, left))
    return found
