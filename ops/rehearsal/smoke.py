"""Does it come up here?  The real service for some seconds: to the first thing that it hears.

On a configuration of yours it is tried (config/trial.py): it logs in and looks, in a folder that is
gone afterwards, with every account in shadow.
"""

import asyncio
import tempfile
import time
from collections import deque
from pathlib import Path

import msgspec

from config.load import Loaded
from ops.desk.outcome import Exit
from ops.rehearsal.configured import simulated
from ops.rehearsal.service import Service
from ops.sim.server import SimServer
from protocol.control import ARMED, AccountStatus, ServiceStatus
from protocol.decisions import Checkpoint

ASK_SHARE = 0.6
"""The share of the time after which a Gateway that does not answer counts as unreachable."""
LOOK_S = 0.05
LINES_MAX = 12
LOGIN_FAILED = "login: "
"""How a desk's line about an attempt to log in begins."""
ACCOUNTS = (1001, 1002)
RULES = "[accounts.rules.daily_realized_loss]\nlimit = -500\n"
STEPS = tuple(one.word for one in Checkpoint if one <= Checkpoint.CONNECTED)
ANSWERS, EVENT, SNAPSHOT, ARM = "answers", Checkpoint.EVENT_RECEIVED.word, "snapshot", "armed"


class Smoked(msgspec.Struct, kw_only=True):
    """What came of it; `steps` are seconds after the start, by what was reached then."""

    code: Exit
    why: str
    within_s: float
    steps: dict[str, float]
    said: list[str]
    """Its own warnings and errors, the newest last."""


class Smoke:
    """One attempt."""

    def __init__(self, service: Service, within_s: float) -> None:
        self._service = service
        self._within_s = within_s
        self._steps: dict[str, float] = {}
        self._said: deque[str] = deque(maxlen=LINES_MAX)
        self._status: ServiceStatus | None = None

    async def run(self) -> Smoked:
        """Start, look until it is armed or the time is over, and end it."""
        began = time.monotonic()
        await self._service.start()
        hearing = asyncio.create_task(self._hear())
        try:
            while time.monotonic() - began < self._within_s and self._service.code is None:
                self._status = await self._service.status() or self._status
                for step in reached(self._status):
                    self._steps.setdefault(step, round(time.monotonic() - began, 2))
                if ARM in self._steps:
                    break
                await asyncio.sleep(LOOK_S)
            early = self._service.code
        finally:
            ended = await self._service.stop()
            await hearing
        code, why = self._verdict(early, ended)
        return Smoked(
            code=code,
            why=why,
            within_s=self._within_s,
            steps=self._steps,
            said=list(self._said),
        )

    async def _hear(self) -> None:
        async for line in self._service.lines():
            if line.get("level") in {"WARNING", "ERROR"}:
                self._said.append(str(line["text"]))

    def _verdict(self, early: int | None, ended: int) -> tuple[Exit, str]:
        if early is not None:
            known = Exit(early) if early in tuple(Exit) else Exit.EXCEPTION
            why = self._said[-1] if self._said else f"it ended by itself with code {early}"
            return known or Exit.EXCEPTION, why
        if self._status is None or not is_heard(self._status):
            failed = [line for line in self._said if line.startswith(LOGIN_FAILED)]
            if failed and Checkpoint.CONNECTED.word not in self._steps:
                return Exit.GATEWAY, f"the Gateway could not be reached: {failed[-1]}"
            waited = f"nothing was heard within {self._within_s:g} s"
            last = max(self._steps, key=lambda step: self._steps[step], default="")
            return Exit.STALLED, f"{waited}; it came as far as: {last or 'its process'}"
        if ended:
            return Exit.EXCEPTION, f"it did not end cleanly (code {ended})"
        return Exit.OK, "it starts, logs in and hears the Gateway"


def reached(status: ServiceStatus | None) -> list[str]:
    """Return the steps that every desk has reached."""
    if status is None or not status.desks:
        return [] if status is None else [ANSWERS]
    words = (*STEPS, EVENT)
    passed = [word for word in words if all(word in one.checkpoints for one in status.desks)]
    if any(has_snapshot(one) for one in status.accounts):
        passed.append(SNAPSHOT)
    if status.accounts and all(one.state in ARMED for one in status.accounts):
        passed.append(ARM)
    return [ANSWERS, *passed]


def is_heard(status: ServiceStatus) -> bool:
    """Tell whether each desk has had an event, or one of its accounts has been read."""
    read = {one.login for one in status.accounts if has_snapshot(one)}
    return bool(status.desks) and all(
        EVENT in one.checkpoints or one.login in read for one in status.desks
    )


def has_snapshot(account: AccountStatus) -> bool:
    """Tell whether an account's positions and orders were read from the broker."""
    return account.feed is not None and account.feed.truth_age_s is not None


async def smoke(loaded: Loaded | None, within_s: float) -> Smoked:
    """Try a configuration, or the simulator without one."""
    patience = ("--arm-within", f"{within_s * ASK_SHARE:g}")
    with tempfile.TemporaryDirectory(prefix="riskwarden-smoke-") as name:
        folder = Path(name)
        if loaded is not None:
            data_dir = folder / "var"
            options = ("--trial", str(data_dir), *patience)
            return await Smoke(Service(loaded.file, data_dir, options=options), within_s).run()
        async with SimServer() as sim:
            service = simulated(folder, sim, ACCOUNTS, lambda _: RULES, options=patience)
            return await Smoke(service, within_s).run()
