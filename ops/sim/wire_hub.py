"""Serve the two SignalR hubs: negotiate, handshake, invocations, pings, close.

As ASP.NET does, an id from `negotiate` opens one connection and no second one.
"""

import asyncio
import time
from contextlib import suppress
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from ops.sim.model import Data, Event
from ops.sim.peers import ALL_ACCOUNTS, PING, SEPARATOR, STREAM_METHODS, Hub, Peer, frame
from ops.sim.render import account_data
from ops.sim.sockets import Sockets
from ops.sim.switches import HubName
from ops.sim.tokens import bearer
from ops.sim.world import World

SEEN_MAX = 1_000
INVOCATION, CLOSE = 1, 7
SNAPSHOTS = {"Accounts", "Positions", "Orders"}


class HubServer:
    """One hub's endpoints."""

    def __init__(self, world: World, sockets: Sockets, name: HubName) -> None:
        self.world = world
        self.sockets = sockets
        self.name: HubName = name

    @property
    def hub(self) -> Hub:
        """Return the hub served."""
        return self.world.hubs[self.name]

    def _refusal(self, authorization: str | None, query: str | None) -> int | None:
        if self.name in self.world.faults.switches.refuse_hubs:
            return 503
        good = self.world.tokens.judge(bearer(authorization, query)) == "good"
        return None if good else 401

    async def negotiate(self, request: Request) -> Response:
        """Hand out a connection id."""
        await self.world.faults.thawed.wait()
        query = request.query_params
        status = self._refusal(request.headers.get("authorization"), query.get("access_token"))
        if status is not None:
            return Response(status_code=status)
        connection_id = self.hub.negotiate()
        version = 1 if query.get("negotiateVersion") == "1" else 0
        token: Data = {"connectionToken": connection_id} if version else {}
        data: Data = {
            "negotiateVersion": version,
            "connectionId": connection_id,
            **token,
            "availableTransports": [{"transport": "WebSockets", "transferFormats": ["Text"]}],
        }
        return Response(msgspec.json.encode(data), media_type="application/json")

    async def connect(self, socket: WebSocket) -> None:
        """Serve one connection from upgrade to end."""
        await self.world.faults.thawed.wait()
        query = socket.query_params
        status = self._refusal(socket.headers.get("authorization"), query.get("access_token"))
        reusable = self.world.faults.switches.reusable_ids
        if status is None and not self.hub.consume(query.get("id"), reusable=reusable):
            status = 404
        if status is not None:
            await socket.send_denial_response(Response(status_code=status))
            await asyncio.sleep(0)  # until the server has noted the end, or it reports a lost one
            return
        await socket.accept()
        peer = self._peer(socket)
        self.hub.peers.append(peer)
        if self._dumb:
            peer.pause()
        writer = asyncio.create_task(peer.write(self.world.faults.thawed))
        beat = asyncio.create_task(self._keep_alive(peer))
        try:
            await self._read(peer)
        except WebSocketDisconnect:
            pass
        finally:
            self.hub.peers.remove(peer)
            for task in (writer, beat):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(writer, beat, return_exceptions=True)

    def _peer(self, socket: WebSocket) -> Peer:
        self.hub.connections += 1
        client = socket.scope["client"]
        return Peer(
            serial=self.hub.connections,
            hub=self.name,
            socket=socket,
            opened_ns=time.monotonic_ns(),
            pause=partial(self.sockets.pause, client),
            resume=partial(self.sockets.resume, client),
            abort=partial(self.sockets.abort, client),
        )

    @property
    def _by_account(self) -> bool:
        return self.name == "user"

    @property
    def _dumb(self) -> bool:
        return self.name in self.world.faults.switches.half_open_hubs

    async def _keep_alive(self, peer: Peer) -> None:
        while True:
            await asyncio.sleep(self.world.faults.switches.keepalive_s)
            if peer.ready and not self._dumb:
                peer.send(PING)

    async def _read(self, peer: Peer) -> None:
        while True:
            text = await peer.socket.receive_text()
            await self.world.faults.thawed.wait()
            for part in text.split(SEPARATOR):
                if part and not self._dumb:
                    self._take(peer, part)

    def _take(self, peer: Peer, part: str) -> None:
        try:
            message = msgspec.json.decode(part, type=dict[str, object])
        except msgspec.MsgspecError:
            peer.send(frame({"type": 7, "error": "Malformed message"}))
            peer.send(None)
            return
        if not peer.ready:
            self._shake_hands(peer, message)
        elif message.get("type") == INVOCATION:
            self._invoke(peer, message)
        elif message.get("type") == CLOSE:
            peer.send(None)

    def _shake_hands(self, peer: Peer, message: Data) -> None:
        if message.get("protocol") != "json":
            error = f"The protocol '{message.get('protocol')}' is not supported."
            peer.send(frame({"error": error}))
            peer.send(None)
            return
        peer.ready = True
        peer.send("{}" + SEPARATOR)

    def _invoke(self, peer: Peer, message: Data) -> None:
        target = str(message.get("target"))
        arguments = message.get("arguments")
        given = list(arguments) if isinstance(arguments, list) else []
        error = self._subscribe(peer, target, given)
        if len(peer.seen) < SEEN_MAX:
            peer.seen.append(f"{target}({', '.join(map(str, given))})")
        invocation_id = message.get("invocationId")
        if invocation_id is not None:
            end: Data = {"error": error} if error else {"result": None}
            peer.send(frame({"type": 3, "invocationId": invocation_id, **end}))

    def _subscribe(self, peer: Peer, method: str, given: list[object]) -> str | None:
        on = method.startswith("Subscribe")
        subject = method.removeprefix("Subscribe" if on else "Unsubscribe")
        target = STREAM_METHODS[self.name].get(subject)
        if target is None or subject == method:
            return f"Unknown hub method '{method}'"
        key: int | str = ALL_ACCOUNTS
        if target != "GatewayUserAccount":
            if len(given) != 1:
                return f"Failed to invoke '{method}': expected one argument"
            argument = given[0]
            if not isinstance(argument, int | str) or isinstance(argument, str) == self._by_account:
                return f"Failed to invoke '{method}': wrong type of argument"
            key = argument
        if not on:
            peer.subscribed.discard((target, key))
            return None
        peer.subscribed.add((target, key))
        if self.world.faults.switches.snapshot_on_subscribe and subject in SNAPSHOTS:
            self._snapshot(peer, target, key)
        return None

    def _snapshot(self, peer: Peer, target: str, key: int | str) -> None:
        exchange = self.world.exchange
        if target == "GatewayUserAccount":
            rows = [account_data(account) for account in exchange.book.accounts.values()]
        elif target == "GatewayUserPosition":
            rows = exchange.positions(int(key))
        else:
            rows = exchange.orders(int(key), (1, 6, 7, 8))
        for data in rows:
            event = Event(hub="user", target=target, key=key, data=data)
            payload = self.world.delivery.user_payload(event)
            peer.send(frame({"type": 1, "target": target, "arguments": [payload]}))
