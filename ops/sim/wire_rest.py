"""Serve the Gateway's REST calls: fault, limit, token, deed, fault, answer, in this order."""

import asyncio
from email.utils import formatdate

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ops.sim import calls
from ops.sim.calls import Call
from ops.sim.model import Data
from ops.sim.requests import ENDPOINTS, InvalidBody, bad
from ops.sim.rest_faults import RestFault
from ops.sim.sockets import Sockets
from ops.sim.tokens import bearer
from ops.sim.world import World
from protocol.units import SECOND

JSON = "application/json"
OPEN_ENDPOINTS = frozenset({"Auth/loginKey"})


class Gone(Exception):
    """The client gets no answer."""


class Rest:
    """The REST half of the simulated Gateway."""

    def __init__(self, world: World, sockets: Sockets) -> None:
        self.world = world
        self.sockets = sockets

    async def handle(self, request: Request) -> Response:
        """Serve one call."""
        endpoint = request.path_params["endpoint"]
        body = _body(await request.body())
        account = _account(body)
        call = self.world.calls.open(endpoint, body, account)
        try:
            answer = await self._serve(request, call)
        except Gone:
            return Response(status_code=500)
        except asyncio.CancelledError:
            calls.close(call, f"{call.outcome}, server gone")
            return Response(status_code=503)
        answer.headers["Date"] = formatdate(self.world.now() / SECOND, usegmt=True)
        return answer

    async def _serve(self, request: Request, call: Call) -> Response:
        faults = self.world.faults
        if not faults.thawed.is_set():
            await faults.thawed.wait()
        token = bearer(request.headers.get("authorization"))
        limited = self._limited(call, token)
        if limited is not None:
            return limited
        fault = faults.rest_faults.take(call.endpoint, call.account)
        if fault is not None and fault.when == "before":
            answer = await self._strike(request, call, fault)
            if answer is not None:
                return answer
        answer = self._unauthorized(call, token) or self._answer(call)
        if self.world.faults.switches.answers_after_events and call.account is not None:
            await self.world.delivery.quiet(call.account)
        if fault is not None and fault.when == "after":
            struck = await self._strike(request, call, fault)
            return answer if struck is None else struck
        return answer

    def _limited(self, call: Call, token: str | None) -> Response | None:
        """Turn a call away that is too many: what will be refused counts like any other."""
        switches = self.world.faults.switches
        wait_s = self.world.limit.allows(token, switches.rate_limit, switches.rate_window_s)
        if wait_s is None:
            return None
        calls.close(call, "rate limited", 429)
        headers = {"Retry-After": str(int(wait_s) + 1)} if switches.retry_after else None
        return Response(status_code=429, headers=headers)

    def _unauthorized(self, call: Call, token: str | None) -> Response | None:
        if call.endpoint not in OPEN_ENDPOINTS:
            verdict = self.world.tokens.judge(token)
            if verdict != "good":
                calls.close(call, f"token {verdict}", 401)
                return Response(status_code=401)
        return None

    def _answer(self, call: Call) -> Response:
        deed = ENDPOINTS.get(call.endpoint)
        if deed is None:
            calls.close(call, "no such endpoint", 404)
            return Response(status_code=404)
        try:
            data = deed(self.world, call.body)
        except InvalidBody as error:
            calls.close(call, f"invalid body: {error}", 400)
            problem: Data = {"title": "Bad Request", "status": 400, "detail": str(error)}
            return _json(problem, 400, "application/problem+json")
        code = data["errorCode"]
        assert isinstance(code, int)
        calls.close(call, "answered" if code == 0 else "refused", 200, code)
        return _json(data)

    async def _strike(self, request: Request, call: Call, fault: RestFault) -> Response | None:
        """Do what a fault does; None means that the call goes on."""
        if fault.seconds:
            await asyncio.sleep(fault.seconds)
        done = "" if fault.when == "before" else f"{call.outcome}, then "
        match fault.kind:
            case "latency":
                return None
            case "reset":
                calls.close(call, f"{done}reset")
                self.sockets.abort(request.scope["client"])
                raise Gone
            case "hang":
                calls.close(call, f"{done}hung")
                await _until_gone(request)
                raise Gone
            case "status":
                calls.close(call, f"{done}status", fault.status)
                return _status(fault)
            case "reject":
                calls.close(call, f"{done}rejected", 200, fault.code)
                return _json(bad(fault.code, fault.message))
            case "malformed":
                calls.close(call, f"{done}malformed", 200)
                return Response(fault.body, media_type=JSON)
            case "empty":
                calls.close(call, f"{done}empty", 200)
                return _json({"success": False})


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _status(fault: RestFault) -> Response:
    headers = None if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return Response(status_code=fault.status, headers=headers)


def _json(data: Data, status: int = 200, media_type: str = JSON) -> Response:
    return Response(msgspec.json.encode(data), status, media_type=media_type)


def _body(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw) if raw else {}
    except msgspec.DecodeError:
        return None


def _account(body: object) -> int | None:
    if not isinstance(body, dict):
        return None
    account = body.get("accountId")
    if account is None and isinstance(body.get("filter"), dict):
        account = body["filter"].get("accountId")
    return account if isinstance(account, int) else None
