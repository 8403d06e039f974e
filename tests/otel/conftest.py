"""A desk that traces, a real collector, and a backend."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from actors.plan import AccountPlan
from ops.desk.shipping import Shipping
from ops.desk.tracing import Tracer
from tests.e2e.stand import Stand
from tests.otel.collector import Collector
from tests.otel.sink import Sink

type Ship = Callable[[str], Shipping]
type Traced = Callable[..., Awaitable[Stand]]
LOOK_S = 0.02


@pytest.fixture
def sink() -> Iterator[Sink]:
    one = Sink()
    yield one
    one.close()


@pytest.fixture
def collector(sink: Sink, tmp_path: Path) -> Iterator[Collector]:
    one = Collector(tmp_path, sink.url)
    yield one
    one.close()


@pytest.fixture
def ship() -> Iterator[Ship]:
    """Return what begins to send spans to an address."""
    begun: list[Shipping] = []

    def begin(url: str) -> Shipping:
        one = Shipping(lambda text: text, LOOK_S)
        one.begin(url)
        begun.append(one)
        return one

    yield begin
    for one in begun:
        one.close(5.0)


@pytest.fixture
async def traced(tmp_path: Path, collector: Collector, ship: Ship) -> AsyncIterator[Traced]:
    """Return what builds a stand whose armed desk sends its traces to the collector."""
    async with AsyncExitStack() as stack:

        async def build(*plans: AccountPlan) -> Stand:
            take = ship(collector.url).take
            stand = Stand(tmp_path, *plans, tracing=lambda clock: Tracer(clock, take))
            await stack.enter_async_context(stand)
            return await stand.start()

        yield build
