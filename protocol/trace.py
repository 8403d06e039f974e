"""What a running service is at, as its operator asks for it: actors, mailboxes, tasks, threads.

It tells names, numbers and places in the code, never values: no secret and no position is in it.
"""

import msgspec


class ActorTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One actor: what it runs, what waits in its mailbox, and when it is ticked next."""

    path: str
    runs: str
    mailbox: int
    due_s: float | None
    """Seconds until its next tick; below zero if that is late; None if it has asked for none."""


class TaskTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One asyncio task, and where it stands."""

    name: str
    runs: str
    at: str


class ThreadTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One thread, and where it stands, innermost first."""

    name: str
    at: list[str]


class ProcessTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One process; figures are None where this system does not tell them."""

    pid: int
    up_s: float
    memory_mib: float | None
    """Its own, without what is mapped from files."""
    descriptors: int | None
    tasks: list[TaskTrace]
    threads: list[ThreadTrace]


class IntakeTrace(msgspec.Struct, frozen=True, kw_only=True):
    """The desk's one queue: what waits, and what was taken since its process began."""

    waiting: int
    oldest_ms: float
    taken: int


class DeskTrace(msgspec.Struct, frozen=True, kw_only=True, tag_field="said", tag="trace"):
    """One desk, told by a thread beside its loop: a loop that hangs is told as well."""

    serial: int
    login: str
    process: ProcessTrace
    intake: IntakeTrace | None
    """None while its actors do not stand yet."""
    batches: int
    """Batches that wait for the disk."""
    actors: list[ActorTrace]


class ServiceTrace(msgspec.Struct, frozen=True, kw_only=True):
    """The guardian and every desk that answered in time."""

    at: str
    guardian: ProcessTrace
    desks: list[DeskTrace]
    silent: list[str]
    """Logins whose desk did not answer, or does not run."""
