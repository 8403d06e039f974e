"""What a desk needs of the Gateway's adapter, and of whatever stands in for it."""

from typing import Protocol

from protocol.commands import Mutation, Read
from protocol.message import Message


class Broker(Protocol):
    """What a desk needs of the Gateway's adapter."""

    async def perform(self, command: Mutation | Read) -> Message | None:
        """Do what the command says, and return the answer; never raise."""
        ...

    @property
    def ping_ms(self) -> float | None:
        """Return the newest round trip over both hubs in milliseconds, if there was one."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...

    @property
    def spent(self) -> int:
        """Return the requests of the last 60 seconds."""
        ...
