"""Drive and watch the simulator over HTTP, under `/_sim/`.

`POST /_sim/<action>` takes the fields of the action as JSON; `POST /_sim/do` takes any action, or a
list of them, with its name in `do`.  Errors are JSON with the key that is wrong.
"""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ops.sim import actions, model, render
from ops.sim.calls import Call
from ops.sim.perform import perform
from ops.sim.world import World


def answer(data: object, status: int = 200) -> Response:
    """Return JSON."""
    return Response(msgspec.json.encode(data), status, media_type="application/json")


class Control:
    """The simulator's own routes."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def act(self, request: Request) -> Response:
        """Carry out an action, or several in a row."""
        name = request.path_params["name"]
        if name not in {*actions.NAMES, "do"}:
            known = ", ".join(("do", *actions.NAMES))
            return answer({"ok": False, "error": f"no action {name!r}; there are: {known}"}, 404)
        try:
            raw = await request.body()
            body: Any = msgspec.json.decode(raw) if raw else {}
            if name != "do":
                body = {**body, "do": name}
            rows = body if isinstance(body, list) else [body]
            steps = msgspec.convert(rows, list[actions.Step], strict=False)
            said = [perform(self.world, step) for step in steps]
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            return answer({"ok": False, "error": str(error)}, 400)
        except KeyError as error:
            return answer({"ok": False, "error": error.args[0]}, 404)
        more = {"results": said} if isinstance(body, list) else said[0]
        return answer({"ok": True, **more})

    async def reset(self, _: Request) -> Response:
        """Start the scenario anew."""
        self.world.reset()
        return answer({"ok": True})

    async def calls(self, request: Request) -> Response:
        """List the REST calls received, after a serial and of an endpoint if asked."""
        after = int(request.query_params.get("after", "0"))
        endpoint = request.query_params.get("endpoint")
        found: list[Call] = [
            call
            for call in self.world.calls.log
            if call.serial > after and endpoint in {None, call.endpoint}
        ]
        return answer({"calls": found})

    async def state(self, _: Request) -> Response:
        """Show the whole truth."""
        return answer(state(self.world))

    async def hubs(self, _: Request) -> Response:
        """Show connections and subscriptions."""
        return answer({name: hub_state(self.world, name) for name in self.world.hubs})


def state(world: World) -> model.Data:
    """Return accounts, positions, orders, trades, prices and faults."""
    exchange, book = world.exchange, world.exchange.book
    accounts = list(book.accounts)
    return {
        "now": render.stamp(world.now()),
        "accounts": [render.account_data(account) for account in book.accounts.values()],
        "contracts": [render.contract_data(contract) for contract in book.contracts.values()],
        "prices": {name: float(market.last) for name, market in book.markets.items()},
        "positions": [row for account in accounts for row in exchange.positions(account)],
        "orders": [row for account in accounts for row in exchange.orders(account)],
        "trades": [row for account in accounts for row in exchange.trades(account, 0, None)],
        "switches": world.faults.switches,
        "restFaults": world.faults.rest_faults.waiting,
    }


def hub_state(world: World, name: Any) -> model.Data:
    """Return what a hub has seen."""
    hub = world.hubs[name]
    return {
        "connectionsEver": hub.connections,
        "negotiations": hub.negotiations,
        "connections": [
            {
                "serial": peer.serial,
                "openedNs": peer.opened_ns,
                "ready": peer.ready,
                "subscriptions": sorted(f"{target} {key}" for target, key in peer.subscribed),
                "invocations": peer.seen,
            }
            for peer in hub.peers
        ],
    }
