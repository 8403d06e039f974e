"""What the simulator's tests share: an exchange on a bench, a bare hub client, the SDK's client."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Self

import msgspec
from project_x_py import ProjectX, ProjectXConfig, ProjectXRealtimeClient
from websockets.asyncio.client import ClientConnection, connect

from ops.sim.exchange import Exchange
from ops.sim.model import Account, Data, Event, OrderType, Outcome, Side
from ops.sim.placing import Bracket, Wish
from ops.sim.products import BY_NAME, contract_for
from ops.sim.server import SimServer
from ops.sim.switches import Switches

USER, KEY = "trader", "sim-key-0123456789"
SEPARATOR = "\x1e"
WAIT_S = 5.0
MNQ, MES, ES = "CON.F.US.MNQ.Z26", "CON.F.US.MES.Z26", "CON.F.US.EP.Z26"
ALL_STREAMS = ("Accounts", "Orders", "Positions", "Trades")


class Bench:
    """An exchange with one account, whose every message is kept."""

    def __init__(self, product: str = "MNQ", price: str = "21000", **switches: Any) -> None:
        fields: dict[str, Any] = {"fees_per_side": Decimal(0), **switches}
        self.exchange = Exchange(1, Switches(**fields))
        contract = contract_for(product, "Z26")
        self.contract_id = contract.contract_id
        self.exchange.add_contract(contract, Decimal(price))
        for number in (1001, 1002):
            account = Account(account_id=number, name=f"A{number}", balance=Decimal(50_000))
            self.exchange.add_account(account)
        self.now = 1_000_000_000_000_000_000
        self.said()

    def said(self, target: str | None = None) -> list[Event]:
        """Return the user messages since the last look."""
        events = [event for event in self.exchange.take_events() if event.hub == "user"]
        return [event for event in events if target in {None, event.target}]

    def at(self, price: str) -> Self:
        """Move the market."""
        self.now += 1_000_000
        self.exchange.price(self.contract_id, Decimal(price), self.now)
        return self

    def order(self, side: Side, size: int, kind: OrderType = OrderType.MARKET, **more: Any) -> int:
        """Place an order that must be accepted; return its id."""
        outcome = self.try_order(side, size, kind, **more)
        assert outcome.code == 0, outcome.message
        assert outcome.order_id is not None
        return outcome.order_id

    def try_order(
        self, side: Side, size: int, kind: OrderType = OrderType.MARKET, **more: Any
    ) -> Outcome:
        """Place an order."""
        chunks = more.pop("chunks", ())
        for name in ("limit_price", "stop_price", "trail_price"):
            if name in more:
                more[name] = Decimal(more[name])
        for name in ("stop_loss_bracket", "take_profit_bracket"):
            if name in more:
                more[name] = Bracket(more[name])
        fields: dict[str, Any] = {"account_id": 1001, "contract_id": self.contract_id, **more}
        wish = Wish(type=kind, side=side, size=size, **fields)
        return self.exchange.place(wish, self.now, by_api=True, chunks=chunks)

    def buy(self, size: int, price: str | None = None, **more: Any) -> int:
        """Buy at the market, moved to a price first."""
        if price is not None:
            self.at(price)
        return self.order(Side.BUY, size, **more)

    def sell(self, size: int, price: str | None = None, **more: Any) -> int:
        """Sell at the market, moved to a price first."""
        if price is not None:
            self.at(price)
        return self.order(Side.SELL, size, **more)

    def close(self, size: int | None = None, account: int = 1001) -> Outcome:
        """Close by the API."""
        return self.exchange.close(account, self.contract_id, self.now, size=size, by_api=True)

    @property
    def position(self) -> tuple[int, int, float] | None:
        """Return type, size and average price of the position."""
        rows = self.exchange.positions(1001)
        if not rows:
            return None
        row: Any = rows[0]
        return row["type"], row["size"], row["averagePrice"]

    @property
    def pnl(self) -> list[float | None]:
        """Return the P&L of every half-turn."""
        trades: Any = self.exchange.trades(1001, 0, None)
        return [trade["profitAndLoss"] for trade in trades]

    @property
    def states(self) -> dict[int, int]:
        """Return the state of every order."""
        orders: Any = self.exchange.orders(1001)
        return {order["id"]: order["status"] for order in orders}


def bench_for(root: str, price: str, **switches: Any) -> Bench:
    """Return a bench of one product by either name."""
    return Bench(BY_NAME[root].symbol, price, **switches)


class Wire:
    """A hub client that knows nothing but the protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[Any] = []

    async def next(self) -> Any:
        """Return the next message that is no ping."""
        while not self.frames:
            async with asyncio.timeout(WAIT_S):
                text = await self.socket.recv()
            assert isinstance(text, str)
            parts = [msgspec.json.decode(part) for part in text.split(SEPARATOR) if part]
            self.frames += [part for part in parts if part.get("type") != 6]
        return self.frames.pop(0)

    async def event(self) -> tuple[str, Any]:
        """Return the next invocation: target, and its only or last argument."""
        message = await self.next()
        assert message["type"] == 1, message
        return message["target"], message["arguments"][-1]

    async def events(self, count: int) -> list[tuple[str, Any]]:
        """Return so many invocations."""
        return [await self.event() for _ in range(count)]

    async def raw(self, message: Data) -> None:
        """Send anything."""
        await self.socket.send(msgspec.json.encode(message).decode() + SEPARATOR)

    async def invoke(self, method: str, *arguments: object) -> Any:
        """Call a hub method and return its completion."""
        call: Data = {"type": 1, "invocationId": "7", "target": method, "arguments": arguments}
        await self.raw(call)
        return await self.next()

    async def subscribe(self, *accounts: int) -> None:
        """Subscribe to all user streams of accounts."""
        assert "error" not in await self.invoke("SubscribeAccounts")
        for account in accounts:
            for stream in ALL_STREAMS[1:]:
                assert "error" not in await self.invoke(f"Subscribe{stream}", account)

    async def fence(self) -> list[Any]:
        """Return everything that came before the answer to a harmless call."""
        await self.raw({"type": 1, "invocationId": "fence", "target": "?", "arguments": []})
        before: list[Any] = []
        while (message := await self.next()).get("invocationId") != "fence":
            before.append(message)
        return before


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something that no event announces holds."""
    async with asyncio.timeout(WAIT_S):
        while not holds():
            await asyncio.sleep(0.001)


async def log_in(sim: SimServer) -> str:
    """Return a token."""
    return sim.world.tokens.issue(USER, 3600)


@asynccontextmanager
async def hub(sim: SimServer, name: str = "user", *, shake: bool = True) -> AsyncGenerator[Wire]:
    """Connect to a hub, skipping negotiation."""
    token = await log_in(sim)
    address = f"{sim.url.replace('http', 'ws')}/hubs/{name}?access_token={token}"
    async with connect(address, close_timeout=0.2) as socket:
        wire = Wire(socket)
        if shake:
            await wire.raw({"protocol": "json", "version": 1})
            assert await wire.next() == {}
        yield wire


class Sdk:
    """The SDK's REST client on the simulator; only the 60 s sleep after a 429 is taken out."""

    def __init__(self, sim: SimServer) -> None:
        self.config = ProjectXConfig(
            api_url=sim.api_url,
            user_hub_url=sim.user_hub_url,
            market_hub_url=sim.market_hub_url,
            timeout_seconds=2,
            requests_per_minute=1000,
        )
        self.client = ProjectX(USER, KEY, self.config)

    async def post(self, endpoint: str, **data: Any) -> Any:
        """Call an endpoint as every manager of the SDK does."""
        return await self.client._make_request("POST", endpoint, data=data)


class Hubs(ProjectXRealtimeClient):
    """The SDK's hub client, subscribed to several accounts on one connection."""

    def __init__(self, sdk: Sdk, accounts: list[int]) -> None:
        super().__init__(sdk.client.get_session_token(), str(accounts[0]), config=sdk.config)
        self.accounts = accounts
        self.events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._health_monitoring_enabled = False

    async def subscribe_user_updates(self) -> bool:
        """Subscribe every account."""
        answers: list[bool] = []
        for account in self.accounts:
            self.account_id = str(account)
            answers.append(await super().subscribe_user_updates())
        return all(answers)

    async def listen(self, *kinds: str) -> None:
        """Queue events of these kinds."""
        for kind in kinds:

            def put(data: Any, kind: str = kind) -> None:
                self.events.put_nowait((kind, data))

            await self.add_callback(kind, put)

    @property
    def connected(self) -> bool:
        """Return what the SDK believes."""
        untyped: Any = self  # the SDK's mixins do not type-check against its own protocol
        return bool(untyped.is_connected())

    async def until(self, kind: str, **fields: Any) -> Any:
        """Return the payload of the next event of a kind that has these fields."""
        async with asyncio.timeout(WAIT_S):
            while True:
                got, data = await self.events.get()
                payload = data.get("data", data)
                if got == kind and all(payload.get(key) == fields[key] for key in fields):
                    return payload
