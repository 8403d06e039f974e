"""Reach under the web server, where a fault must break what the server would keep in order."""

import asyncio
from typing import Any, Protocol, cast

ACCEPT_TURNS = 3
"""Turns of the loop from an accepted connection to its protocol: task, transport, protocol."""


class Link(Protocol):
    """As much of uvicorn's connection objects as is used here."""

    client: tuple[str, int] | None
    transport: asyncio.Transport


class Sockets:
    """The open connections of the server, found by the peer's address."""

    def __init__(self) -> None:
        self.links: set[Any] = set()
        self._paused: set[asyncio.Transport] = set()

    def transport(self, client: object) -> asyncio.Transport | None:
        """Return the transport of a request's or a hub's client."""
        if client is None:
            return None
        address = tuple(cast("tuple[str, int]", client))
        for link in cast("set[Link]", self.links):
            if link.client == address:
                return link.transport
        return None

    def abort(self, client: object) -> None:
        """Reset a connection."""
        transport = self.transport(client)
        if transport is not None:
            transport.abort()

    def pause(self, client: object) -> None:
        """Stop reading: not even a protocol ping is answered."""
        transport = self.transport(client)
        if transport is not None and transport.is_reading():
            transport.pause_reading()
            self._paused.add(transport)

    def resume(self, client: object) -> None:
        """Read again what was stopped here."""
        transport = self.transport(client)
        if transport is not None and transport in self._paused:
            self._paused.discard(transport)
            if not transport.is_closing():
                transport.resume_reading()

    def abort_all(self) -> None:
        """Reset every connection."""
        for link in list(cast("set[Link]", self.links)):
            link.transport.abort()


async def stop_accepting(server: asyncio.Server) -> None:
    """Close a server with nobody halfway through its door.

    Closed while a connection is accepted but has no transport yet, asyncio forgets that one: it
    stays open, its peer waits, and its socket is found unclosed whenever rubbish is collected.
    """
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener.fileno())
    for _ in range(ACCEPT_TURNS):
        await asyncio.sleep(0)
    server.close()
