"""Put REST, hubs and control routes into one ASGI application."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from ops.sim.sockets import Sockets
from ops.sim.wire_control import Control
from ops.sim.wire_hub import HubServer
from ops.sim.wire_rest import Rest
from ops.sim.world import World


async def pong(_: Request) -> Response:
    """Answer the Gateway's liveness call."""
    return PlainTextResponse('"pong"', media_type="application/json")


def application(world: World, sockets: Sockets) -> Starlette:
    """Return the simulated Gateway as an ASGI application."""
    rest, control = Rest(world, sockets), Control(world)
    user, market = HubServer(world, sockets, "user"), HubServer(world, sockets, "market")
    return Starlette(
        routes=[
            Route("/api/Status/ping", pong, methods=["GET"]),
            Route("/api/{endpoint:path}", rest.handle, methods=["POST"]),
            Route("/hubs/user/negotiate", user.negotiate, methods=["POST"]),
            Route("/hubs/market/negotiate", market.negotiate, methods=["POST"]),
            WebSocketRoute("/hubs/user", user.connect),
            WebSocketRoute("/hubs/market", market.connect),
            Route("/_sim/calls", control.calls, methods=["GET"]),
            Route("/_sim/state", control.state, methods=["GET"]),
            Route("/_sim/hubs", control.hubs, methods=["GET"]),
            Route("/_sim/reset", control.reset, methods=["POST"]),
            Route("/_sim/{name}", control.act, methods=["POST"]),
        ]
    )
