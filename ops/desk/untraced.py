"""What a desk says about its work, and the desk that says it to nobody.

With tracing off this is all there is: calls that do nothing, some tenths of a microsecond an input.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from actors.adapters.spans import Context
from actors.turn import Turn
from protocol.commands import Mutation, Read
from protocol.message import Message
from protocol.units import AccountId

type Answered = Callable[[Message | None], Context | None]
"""Takes the answer to a request; returns what the answer is caused by."""


class Leg(Protocol):
    """One account's share of a turn, on its way through the disk to the broker."""

    def written(self, error: str = "") -> None:
        """Note that the disk has answered."""
        ...

    def speaking(self) -> AbstractContextManager[None]:
        """Return what gives the log lines within it this trace's id."""
        ...

    def asks(self, command: Mutation | Read) -> Answered:
        """Note that a request leaves now."""
        ...


class Tracing(Protocol):
    """What a desk says about its work."""

    def arrived(self, cause: Context | None) -> None:
        """Note that something was put into the intake."""
        ...

    def taken(self) -> None:
        """Note that the intake's oldest is looked at now."""
        ...

    def turned(self, turn: Turn, message: Message | None) -> Mapping[AccountId | None, Leg]:
        """Take a turn that is over, and the message from the intake if that was its cause."""
        ...


class Nothing:
    """A leg that leaves no trace."""

    def written(self, error: str = "") -> None:
        """Note nothing."""

    def speaking(self) -> AbstractContextManager[None]:
        """Return what does nothing."""
        return SILENCE

    def asks(self, command: Mutation | Read) -> Answered:  # noqa: ARG002
        """Note nothing."""
        return unasked


class Untraced:
    """Tracing that is switched off."""

    def arrived(self, cause: Context | None) -> None:
        """Note nothing."""

    def taken(self) -> None:
        """Note nothing."""

    def turned(self, turn: Turn, message: Message | None) -> Mapping[AccountId | None, Leg]:  # noqa: ARG002
        """Find nothing worth a trace."""
        return NO_LEGS


def unasked(answer: Message | None) -> None:
    """Take an answer that continues no trace."""


SILENCE = nullcontext()
NOTHING = Nothing()
NO_LEGS: Mapping[AccountId | None, Leg] = {}
