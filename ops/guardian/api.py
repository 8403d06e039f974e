"""The guardian's API, for this machine only: is it alive, is it ready, how does it stand.

A browser is served the screen; nothing here changes anything.
"""

import asyncio
import logging
import socket
from collections.abc import Generator
from contextlib import contextmanager

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.schema import Service
from ops.desk.outcome import Ended, Exit
from ops.guardian.exposition import CONTENT_TYPE, render
from ops.guardian.guardian import Guardian
from ops.guardian.standing import standing
from ops.web.broadcast import Broadcast
from ops.web.page import edition, routes

log = logging.getLogger(__name__)
LOCAL_NAMES = ["127.0.0.1", "localhost", "[::1]"]
"""The names a browser may know us by, beside the very address: no foreign page may read this
through a name of its own."""
UNREADY = 503
CLOSE_S = 0.2


class Check(msgspec.Struct, frozen=True):
    """One thing that readiness depends on."""

    ok: bool
    why: str | None


class Readiness(msgspec.Struct, frozen=True):
    """Whether every account is guarded at this moment, and if not, what is missing."""

    ready: bool
    checks: dict[str, Check]


def application(guardian: Guardian, broadcast: Broadcast, host: str) -> Starlette:
    """Return the routes; they answer under our own names and the address that we listen at."""

    async def livez(_: Request) -> Response:
        return answer({"alive": True})

    async def readyz(_: Request) -> Response:
        checks = {name: Check(why is None, why) for name, why in guardian.checks().items()}
        ready = all(check.ok for check in checks.values())
        return answer(Readiness(ready, checks), 200 if ready else UNREADY)

    async def status(_: Request) -> Response:
        return answer(guardian.status())

    async def metrics(_: Request) -> Response:
        return Response(render(*standing(guardian)), headers={"Content-Type": CONTENT_TYPE})

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/status", status),
            Route("/metrics", metrics),
            *routes(broadcast),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[*LOCAL_NAMES, host])],
    )


def answer(body: object, status: int = 200) -> Response:
    """Return JSON that nobody keeps."""
    return Response(
        msgspec.json.encode(body),
        status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def bind(service: Service) -> socket.socket:
    """Take the configured address, so that two services never answer at one."""
    host, port = service.http_host, service.http_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = (error.strerror or "").partition(" (")[0]
        what = f"service.http: {service.http} cannot be used: {why}"
        mend = "end whoever uses it, or choose another port (0 takes a free one)"
        raise Ended(Exit.CONFIGURATION, what, mend) from None


class Server(uvicorn.Server):
    """A server that leaves the signals to the guardian."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


class Api:
    """The server, running beside the guardian."""

    def __init__(self, guardian: Guardian, listener: socket.socket) -> None:
        self._broadcast = Broadcast(guardian.status, edition())
        config = uvicorn.Config(
            application(guardian, self._broadcast, listener.getsockname()[0]),
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            http="h11",
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        self._server = Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        self._task.add_done_callback(_ended)

    async def close(self) -> None:
        """Answer nobody any more."""
        await self._broadcast.close()
        self._server.should_exit = True
        _, late = await asyncio.wait((self._task,), timeout=CLOSE_S)
        for task in late:
            task.cancel()


def _ended(task: "asyncio.Task[None]") -> None:
    """Say that nobody answers any more; the desks go on."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("the API fails", exc_info=error)
