"""The end-to-end stand with bad lines between SDK and Gateway: one for REST, one for each hub."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from actors.adapters.projectx_hubs import Timings
from actors.plan import AccountPlan
from ops.desk.status import report
from ops.sim.line import Line
from protocol.decisions import AccountArmed, AlarmKind
from tests.e2e.conftest import Figure, figure, no_orphans
from tests.e2e.invariants import alarms
from tests.e2e.stand import Stand

__all__ = ["figure", "no_orphans"]

ANSWER_S = 1.0
"""How long a request may take before it counts as unanswered: 5 s in real life."""
QUICK = Timings(
    open=2.0,
    ping_every=0.3,
    ping_answer=0.7,
    retry_first=0.05,
    retry_max=0.3,
    retry_max_reachable=0.15,
    settled=0.5,
    logout_pause=1.5,
    logout_pause_max=3.0,
)
"""Real life's, some ten times as fast."""
SILENCE_S = QUICK.ping_every + QUICK.ping_answer
SLACK_S = 4.0
"""What a busy machine may add to any named time."""

type Build = Callable[..., Awaitable["LinedStand"]]


class LinedStand(Stand):
    """A stand whose every byte to and from the Gateway passes a line."""

    rest: Line
    user: Line
    market: Line

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._lines = AsyncExitStack()
        self.rest, self.user, self.market = [
            await self._lines.enter_async_context(Line(self.sim.port)) for _ in range(3)
        ]
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._up:
            await self.stop()
        await self._lines.aclose()
        await super().__aexit__(*error)

    def addresses(self) -> dict[str, str]:
        return {
            "api_url": f"{self.rest.url}/api",
            "user_hub_url": f"{self.user.url}/hubs/user",
            "market_hub_url": f"{self.market.url}/hubs/market",
        }

    @property
    def lines(self) -> tuple[Line, Line, Line]:
        return self.rest, self.user, self.market

    def weather(self, **changes: Any) -> None:
        """Change the weather on every line."""
        for line in self.lines:
            line.set(**changes)

    # -- what is measured -----------------------------------------------------------------------

    def seconds(self) -> float:
        return self.clock().mono / 1e9

    def lost(self) -> bool:
        return AlarmKind.HUBS_LOST in alarms(self)

    def report_of_desk(self) -> list[str]:
        """Return the alarms of the whole desk that stand."""
        return report(self.desk, self.history, "main", self.broker.spent).desk.alarms

    async def noticed(self, within_s: float, figure: Figure, begun: float) -> None:
        """Wait until the loss of the hubs is told, and check that it was in its time."""
        await self.until(self.lost, "the loss to be noticed")
        took = self.seconds() - begun
        figure("detected (s)", took)
        assert took < within_s + SLACK_S

    async def rearmed(self, figure: Figure, begun: float, times: int = 2) -> None:
        """Wait until the account stands armed again."""
        await self.until(lambda: len(self.decided(AccountArmed)) >= times, "armed again")
        figure("recovered (s)", self.seconds() - begun)


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    """Return what builds a stand with lines: with its desk armed, unless it is to be `idle`."""
    async with AsyncExitStack() as stack:

        async def make(*plans: AccountPlan, idle: bool = False, **options: Any) -> LinedStand:
            chosen: dict[str, Any] = {"timeout_seconds": ANSWER_S, "timings": QUICK, **options}
            stand = await stack.enter_async_context(LinedStand(tmp_path, *plans, **chosen))
            return stand if idle else await stand.start()

        yield make
