"""A simulated Gateway on loopback and, on its other side, the adapter with the real SDK."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from actors.adapters import decode
from actors.adapters.projectx import Broker
from actors.adapters.projectx_hubs import Timings
from ops.sim.server import SimServer
from protocol.account_facts import OrderSeen, PositionSeen
from protocol.answers import Answered, HubsLost, HubsOpened, TruthFailed, TruthRead
from protocol.commands import CloseContract, Login, OpenHubs, ReadTruth
from protocol.message import Message
from protocol.units import AccountId, ContractId, Nanos

FIRST, SECOND = AccountId(1001), AccountId(1002)
MNQ = ContractId("CON.F.US.MNQ.Z26")
MES = ContractId("CON.F.US.MES.Z26")
PATIENCE = 20.0
IMPATIENCE = 0.3
"""How long a call waits for an answer that is known not to come."""
QUICK = Timings(
    open=2.0,
    ping_every=0.2,
    ping_answer=0.6,
    retry_first=0.02,
    retry_max=0.1,
    retry_max_reachable=0.05,
    settled=0.2,
)


class Desk:
    """What a desk keeps of its broker: events as they came, notices, and a way to wait."""

    def __init__(self, sim: SimServer, **changes: Any) -> None:
        self.events: list[tuple[str, object]] = []
        self.notices: list[Message] = []
        self._news = asyncio.Event()
        self.sim = sim
        fields: dict[str, Any] = {
            "username": sim.world.scenario.user,
            "api_key": sim.world.scenario.api_key,
            "api_url": sim.api_url,
            "user_hub_url": sim.user_hub_url,
            "market_hub_url": sim.market_hub_url,
            "on_event": self._heard,
            "on_notice": self._told,
            "mono": time.monotonic_ns,
            "timeout_seconds": 5.0,
            "timings": QUICK,
        }
        self.broker = Broker(**(fields | changes))

    def _heard(self, event: str, payload: object) -> None:
        self.events.append((event, payload))
        self._news.set()

    def _told(self, notice: Message) -> None:
        self.notices.append(notice)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def hears(self, kind: type[Message], account: AccountId) -> Message:
        """Wait for the next decoded event of a kind and an account."""

        def found() -> list[Message]:
            seen = [decode.hub(event, payload) for event, payload in self.events]
            return [
                one
                for one in seen
                if isinstance(one, kind)
                and isinstance(one, PositionSeen | OrderSeen)
                and one.account_id == account
            ]

        await self.until(lambda: bool(found()))
        return found()[-1]

    @contextmanager
    def struck(self, endpoint: str, fault: dict[str, Any]) -> Generator[None]:
        """Line up a REST fault; wait but briefly while it hangs."""
        self.sim.faults.rest(endpoint=endpoint, **fault)
        rest = self.broker._rest
        patience = rest._timeout
        if fault["kind"] == "hang":
            rest._timeout = IMPATIENCE
        yield
        rest._timeout = patience

    async def log_in(self) -> None:
        await self.broker.perform(Login())

    async def connect(self) -> None:
        await self.log_in()
        assert await self.broker.perform(OpenHubs(accounts=(FIRST, SECOND))) == HubsOpened()

    async def truth(self, account: AccountId = FIRST) -> TruthRead | TruthFailed:
        command = ReadTruth(command_id="r", account_id=account, trades_since=Nanos(0))
        answer = await self.broker.perform(command)
        assert isinstance(answer, TruthRead | TruthFailed)
        return answer

    async def close(self, account: AccountId = FIRST) -> Answered:
        command = CloseContract(command_id="c", account_id=account, contract_id=MNQ)
        answer = await self.broker.perform(command)
        assert isinstance(answer, Answered)
        return answer

    async def back(self, times: int = 1) -> None:
        """Wait until the hubs were lost and opened again, so many times in all."""

        def opened() -> int:
            return sum(isinstance(one, HubsOpened) for one in self.notices)

        await self.until(lambda: opened() >= times)

    def losses(self) -> list[str]:
        return [one.why for one in self.notices if isinstance(one, HubsLost)]


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with SimServer() as server:
        yield server


@asynccontextmanager
async def desk_of(sim: SimServer, **changes: Any) -> AsyncGenerator[Desk]:
    desk = Desk(sim, **changes)
    try:
        yield desk
    finally:
        await desk.broker.close()


@pytest.fixture
async def desk(sim: SimServer) -> AsyncIterator[Desk]:
    async with desk_of(sim) as made:
        yield made


@pytest.fixture(autouse=True)
def no_orphans(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail on what asyncio only logs: an error that nobody took, a task that nobody ended."""
    yield
    complaints = [
        record.getMessage()
        for phase in ("setup", "call")
        for record in caplog.get_records(phase)
        if record.name == "asyncio"
    ]
    assert complaints == []
