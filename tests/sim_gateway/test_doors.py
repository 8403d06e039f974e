"""Whoever is halfway through a door that closes is hung up on, and nobody waits for them."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from ops.sim.line import Line
from ops.sim.server import HOST, SimServer

WAIT_S = 5.0
type Door = SimServer | Line

DOORS: dict[str, Callable[[], Door]] = {
    "a simulated Gateway": SimServer,
    "a line": lambda: Line(port=1),  # nobody is behind it, nor could be reached in time
}


@pytest.mark.parametrize("turns", range(9))
@pytest.mark.parametrize("kind", DOORS)
async def test_a_door_closes_while_somebody_comes_in(kind: str, turns: int) -> None:
    async with asyncio.timeout(WAIT_S), DOORS[kind]() as door:
        await asyncio.sleep(0)
        # Blocking, so that the loop has not seen it yet: it gets as far as the turns let it.
        peer = socket.create_connection((HOST, door.port), timeout=WAIT_S)
        for _ in range(turns):
            await asyncio.sleep(0)

    with peer:
        assert await asyncio.to_thread(hung_up, peer)


def hung_up(peer: socket.socket) -> bool:
    """Tell whether the other end is gone; one that is left open says nothing until the timeout."""
    try:
        return peer.recv(1) == b""
    except ConnectionResetError:
        return True
