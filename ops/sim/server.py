"""Run the simulator: inside a test's own event loop, or as a process of its own."""

import asyncio
import json
import signal
import socket
import sys
import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import uvicorn

from ops.sim import actions
from ops.sim.calls import Calls
from ops.sim.exchange import Exchange
from ops.sim.faults import Faults
from ops.sim.model import Data
from ops.sim.perform import perform
from ops.sim.play import play
from ops.sim.scenario import Scenario, ScenarioError, load
from ops.sim.sockets import Sockets, stop_accepting
from ops.sim.wire import application
from ops.sim.world import Clock, World

HOST = "127.0.0.1"
BACKLOG = 128
LINGER_S = 0.05


class SimServer:
    """A simulated Gateway on loopback, for as long as the `async with` block lasts."""

    def __init__(
        self,
        scenario: str | Path | Scenario = "default",
        port: int = 0,
        *,
        clock: Clock = time.time_ns,
        play_steps: bool = False,
        speed: float = 1.0,
    ) -> None:
        script = scenario if isinstance(scenario, Scenario) else load(scenario)
        self.world = World(script, clock)
        self.port = port
        self._play_steps = play_steps
        self._speed = speed
        self._sockets = Sockets()
        config = uvicorn.Config(
            application(self.world, self._sockets),
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            http="h11",
            date_header=False,  # the Gateway's clock is the world's
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)

    async def __aenter__(self) -> Self:
        listener = socket.create_server((HOST, self.port), backlog=BACKLOG)
        # asyncio sets this only where the socket names its protocol; without it an answer that is
        # written in two parts waits 40 ms for the acknowledgement of the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = listener.getsockname()[1]
        await self._server.on_tick(0)
        await self._server.startup(sockets=[listener])
        self._sockets.links = cast("set[Any]", self._server.server_state.connections)
        if self._play_steps:
            self.world.spawn(play(self.world, self._speed))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.world.cancel_tasks()
        for server in self._server.servers:
            await stop_accepting(server)
        self._sockets.abort_all()
        self.world.thawed.set()
        await self._end_tasks()
        for server in self._server.servers:
            await server.wait_closed()

    async def _end_tasks(self) -> None:
        tasks = set(self._server.server_state.tasks)
        if tasks:  # those that only read end by themselves, now that their connection is gone
            _, tasks = await asyncio.wait(tasks, timeout=LINGER_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self.world.tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Return the base address."""
        return f"http://{HOST}:{self.port}"

    @property
    def api_url(self) -> str:
        """Return what the SDK calls api_url."""
        return f"{self.url}/api"

    @property
    def user_hub_url(self) -> str:
        """Return what the SDK calls user_hub_url."""
        return f"{self.url}/hubs/user"

    @property
    def market_hub_url(self) -> str:
        """Return what the SDK calls market_hub_url."""
        return f"{self.url}/hubs/market"

    @property
    def exchange(self) -> Exchange:
        """Return the exchange model (what it says is delivered by `do` and `world.act` only)."""
        return self.world.exchange

    @property
    def faults(self) -> Faults:
        """Return the fault layer."""
        return self.world.faults

    @property
    def calls(self) -> Calls:
        """Return the log of REST calls."""
        return self.world.calls

    async def do(self, action: actions.Action) -> Data:
        """Carry out an action and let the sockets be written."""
        said = perform(self.world, action)
        await asyncio.sleep(0)
        return said

    async def price(self, contract: str, price: Decimal | int, **fields: Any) -> None:
        """Push a price."""
        await self.do(actions.Price(contract=contract, price=Decimal(price), **fields))

    async def order(self, account: int, contract: str, side: Any, size: int, **fields: Any) -> int:
        """Place a trader's order (market unless `type` says otherwise); return its id."""
        order = actions.Order(account=account, contract=contract, side=side, size=size, **fields)
        return cast("int", (await self.do(order))["orderId"])

    async def close(self, account: int, contract: str, size: int | None = None) -> None:
        """Let the trader close a position."""
        await self.do(actions.Close(account=account, contract=contract, size=size))

    async def cancel(self, account: int, order: int | None = None) -> None:
        """Let the trader cancel an order, or all of an account's."""
        await self.do(actions.Cancel(account=account, order=order))


async def serve(
    scenario: str = "default",
    host: str = HOST,
    port: int = 9000,
    speed: float = 1.0,
    *,
    as_json: bool = False,
) -> None:
    """Play a scenario on loopback until cancelled."""
    if host not in {HOST, "localhost"}:
        raise ValueError(f"the simulator listens on {HOST} only, not on {host}")
    async with SimServer(scenario, port, play_steps=True, speed=speed) as sim:
        control = f"{sim.url}/_sim/"
        said = {"url": sim.url, "scenario": scenario, "control": control}
        text = f"simulated Gateway at {sim.url} (scenario {scenario}, control at {control})"
        print(json.dumps(said) if as_json else text)
        sys.stdout.flush()
        await _terminated()


async def _terminated() -> None:
    """Wait for a polite request to end; an interrupt comes as a cancellation."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows has no such handlers
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


def main(scenario: str = "default", port: int = 9000, speed: float = 1.0) -> int:
    """Run `riskwarden sim` until interrupted; return the exit code."""
    try:
        asyncio.run(serve(scenario, HOST, port, speed))
    except KeyboardInterrupt:
        return 0
    except (ScenarioError, OSError, ValueError) as error:
        print(f"sim: {error}", file=sys.stderr)
        return 2
    return 0
