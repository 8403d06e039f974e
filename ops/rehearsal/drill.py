"""A breach for real: a contract is bought that no rule allows, and the service undoes it.

The service is the real one, in a folder of its own, with one rule whose limit is a cent.  The first
contract breaks it: everything is closed and the account locked.  Each further one is an attempt
under that lock.  Whatever happens, the account ends flat, proven by reads of the drill's own.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec.structs import replace

from config.schema import LoginConfig
from config.secrets import Credentials
from ops.desk.outcome import Ended, Exit
from ops.rehearsal.configured import Guarded, configured
from ops.rehearsal.practice import Stage
from ops.rehearsal.service import Question, Service, is_armed
from ops.rehearsal.spans import Collected
from ops.rehearsal.times import Share, Times, shares, times
from ops.rehearsal.trader import QUIET_S, Trader
from protocol.control import AccountStatus

ARMED_S, ENFORCED_S = 45.0, 30.0
READ_S = 0.5
SPANS_LOOKS, GRACE_LOOKS = 16, 20
CONFIRMED = "confirmed"
LOGIN = "drill"
RULES = """\
[accounts.rules.daily_realized_loss]
limit = -0.01
"""

type Tell = Callable[[str], None]


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that a drill left nothing: two reads of the broker, a quiet moment apart."""

    account: int
    at: str
    reads: int
    apart_s: float
    by_the_service: bool
    """Whether nothing was left to close when the drill itself came to look."""


class Drilled(msgspec.Struct, kw_only=True):
    """What came of it; times are milliseconds on this machine."""

    gateway: str
    account: int
    name: str
    contract: str
    rounds: int
    held: dict[str, bool]
    times: list[Times]
    reaction: dict[str, Share]
    certificate: Certificate
    why: str
    wire_ms: dict[str, float] = {}
    """On the simulator: from its message on the wire to the close that it received."""

    @property
    def is_enforced(self) -> bool:
        """Tell whether every promise was kept."""
        return all(self.held.values())


class Drill:
    """One drill on one account."""

    def __init__(self, stage: Stage, trader: Trader, rounds: int, tell: Tell) -> None:
        self._stage = stage
        self._trader = trader
        self._rounds = rounds
        self._tell = tell
        self._enforced = 0
        self._why = ""

    async def run(self, login: LoginConfig, secrets: Credentials) -> Drilled:
        """Play it to the end, and prove the end."""
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="riskwarden-drill-")))
            collected = stack.enter_context(Collected())
            service = self._service(folder, collected.url, login, secrets)
            hearing: asyncio.Task[None] | None = None
            try:
                await service.start()
                hearing = asyncio.create_task(self._hear(service))
                await self._play(service, collected)
            except Ended as ended:
                self._why = str(ended)
                self._tell(self._why)
            finally:
                code, certificate = await self._end(service, hearing)
            return self._drilled(service, times(collected.all()), code, certificate)

    def _service(
        self, folder: Path, otlp: str, login: LoginConfig, secrets: Credentials
    ) -> Service:
        """Return the service; the trading day begins with the minute, so nothing counts before."""
        own = Guarded(self._stage.account, datetime.now(UTC), RULES)
        named = replace(login, name=LOGIN)
        return configured(folder, named, secrets, [own], more=f'otlp = "{otlp}"')

    async def _hear(self, service: Service) -> None:
        async for line in service.lines():
            if line.get("level") in {"WARNING", "ERROR"}:
                self._tell(f"  {line['text']}")

    async def _play(self, service: Service, collected: Collected) -> None:
        began = time.monotonic()
        await self._until(service, is_armed, ARMED_S, "armed")
        self._tell(f"armed {time.monotonic() - began:.1f} s after the start")
        for number in range(1, self._rounds + 1):
            self._tell(f"round {number}: buying 1 {self._stage.contract.name} at the market")
            await self._trader.buy(self._stage.account, self._stage.contract)
            await self._until(service, undone(number), ENFORCED_S, "enforced")
            self._enforced = number
        for _ in range(SPANS_LOOKS):
            if len(times(collected.all())) >= self._rounds:
                return
            await asyncio.sleep(READ_S)

    async def _until(self, service: Service, is_so: Question, within_s: float, what: str) -> None:
        if not await service.until(is_so, within_s):
            what = f"not {what} within {within_s:.0f} s"
            raise Ended(Exit.STALLED, what, "the lines above say why")

    async def _end(
        self, service: Service, hearing: "asyncio.Task[None] | None"
    ) -> tuple[int, Certificate]:
        """Let the service finish what it is at, end it, and prove the account flat."""
        with suppress(Ended):  # what cannot be read now is read until it can, below
            for _ in range(GRACE_LOOKS):
                if not await self._trader.held(self._stage.account):
                    break
                await asyncio.sleep(READ_S)
        code = await service.stop() if service.is_started else Exit.EXCEPTION
        if hearing is not None:
            await hearing
        needed = await self._trader.flatten(self._stage.account)
        certificate = Certificate(
            account=self._stage.account,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            reads=2,
            apart_s=QUIET_S,
            by_the_service=not needed,
        )
        return code, certificate

    def _drilled(
        self, service: Service, measured: list[Times], code: int, certificate: Certificate
    ) -> Drilled:
        held = {
            "every contract was undone, and proven flat": self._enforced == self._rounds,
            "every reaction was measured": len(measured) == self._rounds,
            "the account is locked": any(one.locked for one in service.accounts),
            "it was flat without any help": certificate.by_the_service,
            "the service ended cleanly": code == Exit.OK,
        }
        return Drilled(
            gateway=self._stage.gateway,
            account=self._stage.account,
            name=self._stage.name,
            contract=self._stage.contract.id,
            rounds=self._rounds,
            held=held,
            times=measured,
            reaction=shares(measured),
            certificate=certificate,
            why=self._why,
        )


def undone(number: int) -> Question:
    """Return the question whether so many enforcements are proven."""

    def is_so(accounts: list[AccountStatus]) -> bool:
        done = (one.state == CONFIRMED for account in accounts for one in account.enforcements)
        return sum(done) >= number

    return is_so
