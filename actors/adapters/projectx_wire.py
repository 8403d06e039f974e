"""The HTTP connections: one for each call in flight, and none that outlives its call's failure.

Theory: the SDK would speak HTTP/2, where all calls share a connection.  If that one is half-open,
cancelling a call does not close it, and every later call is sent into it as well: nothing is
enforced until the kernel gives up, after a quarter of an hour.  Here a call that is given up on
takes its connection along, and the next one has another.

The connection is reset, not closed.  Closed, the kernel would go on sending what the Gateway has
not acknowledged: a close order could arrive a minute after it was given up on, and find another
position.
"""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx

CONNECT_SECONDS = 5.0
CONNECTIONS_MAX = 200
IDLE_MAX = 50
IDLE_SECONDS = 60.0
CONNECTED = "connection.connect_tcp.complete"
SENT = "http11.send_request_body.complete"
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
AGENT = "ProjectX-Python-SDK/4.4.1"
"""The SDK's own word: its calls are what travels here."""


def client(timeout_seconds: float) -> httpx.AsyncClient:
    """Return an HTTP client whose calls share nothing."""
    return httpx.AsyncClient(
        http2=False,
        timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
        limits=httpx.Limits(
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=IDLE_MAX,
            keepalive_expiry=IDLE_SECONDS,
        ),
        headers={"User-Agent": AGENT, "Accept": "application/json"},
    )


async def watch(sent: Callable[[], None], event: str, details: dict[str, Any]) -> None:
    """Say when a request is on its socket (an httpcore trace).

    Have a new connection forget what it holds when it is closed.
    """
    if event == SENT:
        sent()
    if event != CONNECTED:
        return
    raw: socket.socket | None = details["return_value"].get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
