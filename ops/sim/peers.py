"""The connections of one hub: what each subscribed to, and the line on which its messages leave.

A message is encoded once and appended to the line of everyone who subscribed; one writer per
connection empties its line, so a slow reader delays nobody else and order is kept.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from ops.sim.model import Data
from ops.sim.switches import HubName

SEPARATOR = "\x1e"
STREAM_METHODS: dict[HubName, dict[str, str]] = {
    "user": {
        "Accounts": "GatewayUserAccount",
        "Orders": "GatewayUserOrder",
        "Positions": "GatewayUserPosition",
        "Trades": "GatewayUserTrade",
    },
    "market": {
        "ContractQuotes": "GatewayQuote",
        "ContractTrades": "GatewayTrade",
        "ContractMarketDepth": "GatewayDepth",
    },
}
ALL_ACCOUNTS = "*"
LINE_MAX = 200_000


def frame(message: Data) -> str:
    """Return a hub message as it goes over the wire."""
    return msgspec.json.encode(message).decode() + SEPARATOR


def invocation(target: str, *arguments: object) -> str:
    """Return a call of a client method."""
    return frame({"type": 1, "target": target, "arguments": list(arguments)})


PING = frame({"type": 6})


@dataclass(eq=False)
class Peer:
    """One connection."""

    serial: int
    hub: HubName
    socket: WebSocket
    opened_ns: int
    pause: Callable[[], None]
    resume: Callable[[], None]
    abort: Callable[[], None]
    subscribed: set[tuple[str, int | str]] = field(default_factory=set[tuple[str, int | str]])
    seen: list[str] = field(default_factory=list[str])
    line: deque[str | None] = field(default_factory=deque[str | None])
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ready: bool = False

    def wants(self, target: str, key: int | str) -> bool:
        """Say whether this connection subscribed to a message."""
        wanted = ALL_ACCOUNTS if target == "GatewayUserAccount" else key
        return self.ready and (target, wanted) in self.subscribed

    def send(self, text: str | None) -> None:
        """Put a message in line; None ends the connection after what is in line."""
        if len(self.line) >= LINE_MAX:  # nobody reads: the Gateway would not wait for ever either
            self.abort()
            return
        self.line.append(text)
        self.wake.set()

    async def write(self, thawed: asyncio.Event) -> None:
        """Empty the line for as long as the connection lives."""
        try:
            while True:
                await self.wake.wait()
                self.wake.clear()
                while self.line:
                    if not thawed.is_set():
                        await thawed.wait()
                    text = self.line.popleft()
                    if text is None:
                        await self.socket.close()
                        return
                    await self.socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            return  # the reader sees the end, too


class Hub:
    """One of the two hubs."""

    def __init__(self, name: HubName) -> None:
        self.name = name
        self.peers: list[Peer] = []
        self.ids: set[str] = set()
        self.negotiations = 0
        self.connections = 0

    def broadcast(self, text: str, target: str, key: int | str) -> int:
        """Send a message to everyone who subscribed to it; return to how many."""
        count = 0
        for peer in self.peers:
            if peer.wants(target, key):
                peer.send(text)
                count += 1
        return count

    def wanted(self, target: str, key: int | str) -> bool:
        """Say whether anyone subscribed to a message."""
        return any(peer.wants(target, key) for peer in self.peers)

    def everyone(self, text: str | None) -> None:
        """Send a message to all, subscribed or not."""
        for peer in self.peers:
            peer.send(text)

    def negotiate(self) -> str:
        """Return a connection id that one connection may use."""
        self.negotiations += 1
        connection_id = f"{self.name}-{self.negotiations:06d}"
        self.ids.add(connection_id)
        return connection_id

    def consume(self, connection_id: str | None, *, reusable: bool) -> bool:
        """Say whether a connection may open with this id (or, skipping negotiation, with none)."""
        if connection_id is None:
            return True
        known = connection_id in self.ids
        if not reusable:
            self.ids.discard(connection_id)
        return known
