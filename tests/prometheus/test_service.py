"""The real service, scraped by a real Prometheus: every panel shows something, alerts fire."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from ops.desk.lockfile import holder
from ops.sim.server import SimServer
from tests.guardian.service import MNQ, RULES, Service, account, login, until
from tests.prometheus.binaries import binary
from tests.prometheus.boards import asked
from tests.prometheus.server import Prometheus

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("prometheus")]
ALL_RULES = RULES + "[accounts.rules.max_contracts]\nlimit = 8\n"
ALWAYS = {"RiskwardenHeartbeat"}
BUSY = {"RiskwardenStoreSlow"}
"""What may be true of the machine that runs the tests."""


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[tuple[SimServer, Service, Prometheus]]:
    """Start a service that guards two accounts, and a Prometheus that has seen it armed."""
    binary("prometheus")
    async with SimServer() as sim:
        one = Service(
            tmp_path,
            login(sim.url),
            account(rules=ALL_RULES),
            account("id = 1002", rules=ALL_RULES),
        )
        await one.start()
        said = holder(one.data_dir / "lock")
        assert said is not None
        try:
            async with Prometheus(tmp_path / "prometheus", said.http) as prometheus:
                await one.armed()
                await sees(prometheus, "sum(riskwarden_account_guarded) == 2")
                yield sim, one, prometheus
        finally:
            await one.end()


async def sees(prometheus: Prometheus, expr: str) -> None:
    async def some() -> bool:
        return bool(await prometheus.query(expr))

    await until(some, 30, lambda: f"{expr}\n{prometheus.log}")


async def fires(prometheus: Prometheus, *alerts: str) -> None:
    async def all_of_them() -> bool:
        return await prometheus.firing() >= set(alerts)

    await until(all_of_them, 60, lambda: f"{alerts} to fire")


async def test_every_panel_shows_something_and_no_alert_cries_wolf(
    watched: tuple[SimServer, Service, Prometheus],
) -> None:
    sim, one, prometheus = watched
    await sim.price(MNQ, 21_000)
    await sim.order(1002, MNQ, "buy", 1)  # stays within its limit, so that a quote has an age
    await sim.order(1001, MNQ, "buy", 2)
    await sees(prometheus, "sum(riskwarden_account_contracts) == 3")
    await sim.price(MNQ, 20_800)  # 800 dollars on two contracts, 400 on one
    await one.locked()
    await sim.price(MNQ, 21_000)
    await sees(prometheus, 'sum(riskwarden_enforcements_total{state="confirmed"}) == 1')

    for question in asked():

        async def answered(expr: str = question.expr) -> bool:
            return bool(await prometheus.query(expr))

        await until(answered, 30, lambda name=question: f"no data: {name}")  # type: ignore[misc]
    assert await prometheus.targets() == [""]
    assert await prometheus.firing() - BUSY == ALWAYS


async def test_a_killed_desk_and_a_dead_guardian_raise_the_alarm(
    watched: tuple[SimServer, Service, Prometheus],
) -> None:
    sim, one, prometheus = watched
    await sim.price(MNQ, 21_000)
    await sim.order(1002, MNQ, "buy", 1)
    await sees(prometheus, "sum(riskwarden_account_contracts) == 1")

    stopped: set[int | None] = {None}

    async def every_desk_hangs() -> bool:
        pid = (await one.status()).desks[0].pid
        if pid is not None and pid not in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
            stopped.add(pid)
        alerts = {"RiskwardenDeskDown", "RiskwardenBlindWithPosition"}
        return await prometheus.firing() >= alerts

    # One that is stopped before its first word has a minute; one that is not is soon replaced, and
    # after some of these the guardian waits: either way it is down for long enough.
    await until(every_desk_hangs, 120, lambda: one.log)
    await fires(prometheus, "RiskwardenDeskRestarting")

    assert await one.end() == 0
    await fires(prometheus, "RiskwardenGuardianGone")
