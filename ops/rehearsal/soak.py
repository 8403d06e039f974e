"""For minutes or hours under load: whether anything grows, gets slower, or gets lost.

The real service on the simulated Gateway; the accounts' trading days end one after the other, so
that there are resets while everybody trades.  It is measured by what it says itself (`riskwarden
trace`, /metrics), and at the Gateway: from a message on the wire to the request that it causes.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from config import schema
from ops.commands.asking import ask
from ops.desk.outcome import Ended, Exit
from ops.guardian.control import Request
from ops.rehearsal.configured import simulated
from ops.rehearsal.load import ACCOUNTS, Load, rules, scenario
from ops.rehearsal.reactions import Reactions, spread
from ops.rehearsal.scraped import Scraped
from ops.rehearsal.service import Question, Service, is_armed
from ops.rehearsal.verdict import Sample, Soaked, growth, kept, size
from ops.sim.server import SimServer
from protocol import metrics
from protocol.control import AccountStatus
from protocol.trace import ServiceTrace

ARMED_S, SETTLE_S = 45.0, 10.0
SAMPLES_MIN, SAMPLE_S, SAMPLE_MIN_S = 12, 5.0, 0.5
TELL_S = 10.0
FIRST_RESET, RESETS_APART = timedelta(minutes=3), timedelta(minutes=1)
OVER = frozenset({"confirmed", "withdrawn"})

type Tell = Callable[[str], None]


class Soak:
    """One soak."""

    def __init__(self, sim: SimServer, service: Service, data_dir: Path, tell: Tell) -> None:
        self._sim = sim
        self._service = service
        self._where = schema.Service(data_dir=data_dir)
        self._tell = tell
        self._load = Load(sim, seed=1)
        self._reactions = Reactions(sim)
        self._samples: list[Sample] = []
        self._first = Scraped("")
        self._last = Scraped("")
        self._why = ""

    async def run(self, minutes: float) -> Soaked:
        """Load it for so long, and judge."""
        await self._service.start()
        hearing = asyncio.create_task(self._hear())
        try:
            await self._until(is_armed, ARMED_S, "armed")
            self._first = await self._scrape()
            self._load.start()
            await self._watch(minutes * 60)
            await self._load.stop()
            await self._until(self._is_over, SETTLE_S, "flat and proven at the end")
            self._last = await self._scrape()
        except Ended as ended:
            self._why = str(ended)
            self._tell(self._why)
        finally:
            await self._load.close()
            code = await self._service.stop()
            await hearing
        return self._judged(minutes, code)

    async def _hear(self) -> None:
        async for line in self._service.lines():
            if line.get("level") == "ERROR" or "Traceback" in str(line):
                self._tell(f"  it says: {line['text']}")

    async def _until(self, is_so: Question, within_s: float, what: str) -> None:
        if not await self._service.until(is_so, within_s):
            raise Ended(Exit.STALLED, f"not {what} within {within_s:.0f} s", "its lines say why")

    def _is_over(self, accounts: list[AccountStatus]) -> bool:
        left = [done for one in accounts for done in one.enforcements]
        return self._load.is_flat() and all(one.state in OVER for one in left)

    async def _watch(self, seconds: float) -> None:
        """Take samples until the time is over, and tell how it goes."""
        every = min(SAMPLE_S, max(SAMPLE_MIN_S, seconds / SAMPLES_MIN))
        began = told = time.monotonic()
        while (at := time.monotonic() - began) < seconds:
            await asyncio.sleep(min(every, max(0.0, seconds - at)))
            sample = await self._sample(time.monotonic() - began)
            self._samples.append(sample)
            self._reactions.new()
            if time.monotonic() - told >= TELL_S:
                told = time.monotonic()
                self._tell(progress(sample, self._samples[-2:], len(self._reactions.all)))

    async def _sample(self, at_s: float) -> Sample:
        now = await self._scrape()
        request = Request(command="trace", config="")
        found = await asyncio.to_thread(ask, self._where, request, ServiceTrace)
        if not found.desks:
            raise Ended(Exit.STALLED, "the desk does not answer", "its lines say why")
        (desk,) = found.desks
        return Sample(
            at_s=round(at_s, 1),
            events=round(now.total(metrics.EVENTS.name) - self._first.total(metrics.EVENTS.name)),
            desk=size(desk.process),
            guardian=size(found.guardian),
            waiting=0 if desk.intake is None else desk.intake.waiting,
        )

    async def _scrape(self) -> Scraped:
        raw = await self._service.get("metrics")
        if raw is None:
            raise Ended(Exit.STALLED, "the service does not answer", "its lines say why")
        return Scraped(raw.decode())

    def _judged(self, minutes: float, code: int) -> Soaked:
        samples, last = self._samples, self._last
        found = [
            growth("desk", [one.desk for one in samples]),
            growth("guardian", [one.guardian for one in samples]),
        ] if samples else []  # fmt: skip
        is_over = not self._why and self._is_over(self._service.accounts)
        events = samples[-1].events if samples else 0
        return Soaked(
            minutes=minutes,
            held=kept(found, last, minutes, is_over=is_over, code=code),
            events=events,
            events_a_second=round(events / samples[-1].at_s, 1) if samples else 0.0,
            orders=self._load.orders,
            enforced=round(last.total(metrics.ENFORCEMENTS.name, state="confirmed")),
            locks=round(last.total(metrics.LOCKS.name)),
            resets=round(last.total(metrics.RESETS.name)),
            growth=found,
            decision_p50_s=last.quantile(metrics.DECISION.name, 0.5),
            decision_p99_s=last.quantile(metrics.DECISION.name, 0.99),
            flat_p50_s=last.quantile(metrics.TIME_TO_FLAT.name, 0.5),
            flat_p99_s=last.quantile(metrics.TIME_TO_FLAT.name, 0.99),
            wire_ms=spread(self._reactions.closes()),
            why=self._why,
            samples=samples,
        )


def progress(sample: Sample, since: list[Sample], closes: int) -> str:
    """Return how it goes in one line."""
    before = since[0]
    passed = sample.at_s - before.at_s
    rate = (sample.events - before.events) / passed if passed else 0.0
    memory = "?" if sample.desk.memory_mib is None else f"{sample.desk.memory_mib:.1f}"
    return (
        f"{sample.at_s:6.0f} s  {rate:7.0f} events/s  desk {memory} MiB, "
        f"{sample.desk.descriptors} descriptors, {sample.desk.tasks} tasks, "
        f"{sample.waiting} waiting  {closes} reductions"
    )


def reset(now: datetime) -> Callable[[int], datetime]:
    """Return when each account's day ends: one after the other, beginning soon."""
    return lambda account: now + FIRST_RESET + ACCOUNTS.index(account) * RESETS_APART


async def soak(minutes: float, tell: Tell) -> Soaked:
    """Soak for so long."""
    with TemporaryDirectory(prefix="riskwarden-soak-") as name:
        folder = Path(name)
        async with SimServer(scenario()) as sim:
            service = simulated(folder, sim, ACCOUNTS, rules, reset=reset(datetime.now(UTC)))
            return await Soak(sim, service, folder / "var", tell).run(minutes)
