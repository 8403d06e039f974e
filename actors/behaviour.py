"""What an actor is, less its mailbox: a pure step function (OTP: a callback module)."""

from typing import Any, Protocol, Self, runtime_checkable

import msgspec

from protocol.effects import Effect
from protocol.message import Message
from protocol.units import Now


class Step[S](msgspec.Struct, frozen=True):
    """The outcome of one message: the next state, and what to do about it."""

    state: S
    effects: tuple[Effect, ...] = ()


class Behaviour[S](Protocol):
    """One actor's logic.  It reads no clock, opens no socket and keeps no state of its own."""

    @property
    def kept(self) -> type[Any] | None:
        """Return the shape of what must survive a restart; None keeps nothing."""
        ...

    def begin(self, kept: Any, now: Now) -> Step[S]:
        """Start, or start again from what was last kept (None at first): re-arm what was lost."""
        ...

    def handle(self, state: S, message: Message, now: Now) -> Step[S]:
        """Take one message; unknown ones leave the state as it is."""
        ...

    def keep(self, state: S) -> object:
        """Return the part of the state that must survive: the very same object if unchanged."""
        ...


@runtime_checkable
class Orphan(Protocol):
    """What an actor keeps, where it makes a difference that the process which kept it is gone."""

    def orphaned(self) -> Self:
        """Return what still holds of it: nobody waits any more for what was on its way."""
        ...
