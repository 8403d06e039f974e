"""A notice: one thing that a person is told, once."""

from typing import Protocol

import msgspec

from config.notify import NotifyEvent

URGENT = frozenset(
    {
        NotifyEvent.LOCK,
        NotifyEvent.ENFORCEMENT_FAILED,
        NotifyEvent.CANNOT_ENFORCE,
        NotifyEvent.BLIND,
        NotifyEvent.DESK,
    }
)
"""What is kept when there is more than anybody can be told."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What is told; two notices of one `key` are about the same thing."""

    key: str
    event: NotifyEvent
    title: str
    """The scope and what happened, in one line."""
    body: str
    """The cause, the figures, and what ends it."""

    @property
    def is_urgent(self) -> bool:
        """Tell whether it must not give way to others."""
        return self.event in URGENT


class Target(Protocol):
    """Somewhere that notices go; `send` may take its time, so it has a thread to itself."""

    @property
    def name(self) -> str:
        """Return what people call it; nothing secret."""
        ...

    def send(self, title: str, body: str, *, urgent: bool) -> str:
        """Send a message; return why that failed, or nothing."""
        ...
