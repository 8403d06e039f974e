"""A trading morning in half a minute, told as it happens; the exit code says whether it held."""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ops.rehearsal.configured import simulated
from ops.rehearsal.interrupt import interruptible
from ops.rehearsal.reactions import Reactions, spread
from ops.rehearsal.service import Service, is_armed
from ops.sim.play import play
from ops.sim.server import SimServer
from protocol.control import AccountStatus, ServiceStatus

ACCOUNTS = (1001, 1002)
CONTRACT = "CON.F.US.MNQ.Z26"
LIMIT = -500
RULES = f"""\
[accounts.rules.max_contracts]
limit = 8
[accounts.rules.daily_unrealized_loss]
limit = -300
[accounts.rules.daily_realized_loss]
limit = {LIMIT}
"""
ARMED_WITHIN_S = 15.0
ENDS_WITHIN_S = 50.0
LOOK_S = 0.1
METER = 20
TOLD = (2, 4, 7, 8)
"""The checkpoints that are told; the others are in the service's own log."""


class Morning:
    """The parts of the demonstration, and the clock that its lines carry."""

    def __init__(self, sim: SimServer, service: Service, *, quiet: bool) -> None:
        self.sim = sim
        self.service = service
        self.reactions = Reactions(sim)
        self.status: ServiceStatus | None = None
        self._quiet = quiet
        self._begun = time.monotonic()

    def tell(self, text: str) -> None:
        """Print one line, with the seconds since the start before it."""
        if not self._quiet:
            print(f"{time.monotonic() - self._begun:5.1f} s  {text}", flush=True)

    async def relay(self) -> None:
        """Pass on what the service says that people want to hear."""
        async for line in self.service.lines():
            if line.get("checkpoint") in TOLD or line.get("level") in ("WARNING", "ERROR"):
                self.tell(str(line["text"]))

    async def watch(self) -> None:
        """Show the price and the accounts once a second, and each close as it is received."""
        shown = 0.0
        while True:
            await asyncio.sleep(LOOK_S)
            for one in self.reactions.new():
                self.tell(f"      [{one.account}] the broker receives {one.what}: "
                          f"{one.ms:.1f} ms after the message that caused it")  # fmt: skip
            if time.monotonic() - shown >= 1.0:
                shown = time.monotonic()
                self.status = await self.service.status() or self.status
                self._show()

    def _show(self) -> None:
        for one in self.status.accounts if self.status else ():
            if one.positions or one.id == ACCOUNTS[0]:
                self.tell(f"      {described(one, self._price())}")

    def _price(self) -> str:
        return f"{self.sim.exchange.book.markets[CONTRACT].last:.2f}"

    async def armed(self) -> None:
        """Wait until the service protects every account."""
        if not await self.service.until(is_armed, ARMED_WITHIN_S):
            raise SystemExit("the service was not armed in time: its own lines above say why")


def described(account: AccountStatus, price: str) -> str:
    """Return an account in one line: its day against its limit, its positions, its lock."""
    realized, unrealized = float(account.realized or 0), float(account.unrealized or 0)
    used = min(1.0, max(0.0, (realized + unrealized) / LIMIT))
    bar = "#" * round(used * METER)
    held = ", ".join(
        f"{one.side} {one.size} {one.contract.split('.')[3]}" for one in account.positions
    )
    lock = "LOCKED" if account.locked else "      "
    return (
        f"[{account.id}] MNQ {price}  realized {realized:8.2f}  open {unrealized:8.2f}  "
        f"[{bar:<{METER}}] of {LIMIT}  {lock} {held or 'flat'}"
    )


async def run(*, quiet: bool) -> dict[str, Any]:
    """Play the morning; return what came of it."""
    with tempfile.TemporaryDirectory(prefix="riskwarden-demo-") as name:
        async with SimServer("morning") as sim:
            service = simulated(Path(name), sim, ACCOUNTS, lambda _: RULES)
            morning = Morning(sim, service, quiet=quiet)
            morning.tell(f"a simulated Gateway listens at {sim.url}; starting riskwarden")
            await service.start()
            tasks = [asyncio.create_task(morning.relay())]
            try:
                await morning.armed()
                morning.tell("armed: the morning begins")
                tasks.append(asyncio.create_task(morning.watch()))
                async with asyncio.timeout(ENDS_WITHIN_S):
                    await play(sim.world)
                    await asyncio.sleep(1.5)
            finally:
                code = await service.stop()
                for task in tasks:
                    task.cancel()
            return summary(morning, code)


def summary(morning: Morning, code: int) -> dict[str, Any]:
    """Return the figures of the morning, and whether every promise held."""
    accounts = {one.id: one for one in morning.status.accounts} if morning.status else {}
    guarded, calm = (accounts.get(one) for one in ACCOUNTS)
    closes = spread(morning.reactions.closes())
    done = guarded.enforcements if guarded else []
    confirmed = [one for one in done if one.state == "confirmed"]
    attempts = guarded.attempts_while_locked if guarded else 0
    held = {
        "the guarded account is locked": guarded is not None and guarded.locked,
        "it is flat at the broker": flat(morning.sim, ACCOUNTS[0]),
        "its attempts while locked were undone": attempts > 0 and len(confirmed) > 1,
        "the other account was left alone": calm is not None and not calm.enforcements,
        "the service ended cleanly": code == 0,
    }
    return {
        "held": held,
        "realized": guarded.realized if guarded else None,
        "attempts_while_locked": attempts,
        "enforcements_confirmed": len(confirmed),
        "closes": closes.get("closes", 0),
        "close_ms": {"median": closes.get("median"), "max": closes.get("max")},
    }


def flat(sim: SimServer, account: int) -> bool:
    """Tell whether the simulated broker itself holds nothing for an account."""
    return not sim.exchange.positions(account)


def main(*, as_json: bool = False) -> int:
    """Run the demonstration; return 0 if every promise held."""
    play = run(quiet=as_json)
    result = asyncio.run(interruptible(play, "the demonstration", "its service is stopped"))
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
    return 0 if all(result["held"].values()) else 1


def show(result: dict[str, Any]) -> None:
    """Print the summary for people."""
    print("\nWhat came of it")
    for promise, kept in result["held"].items():
        print(f"  {'yes' if kept else 'NO '}  {promise}")
    ms = result["close_ms"]
    print(f"  realized {result['realized']} against a limit of {LIMIT}")
    print(f"  attempts while locked: {result['attempts_while_locked']}")
    if ms["median"] is not None:
        print(
            f"  {result['closes']} closes reached the broker a median of {ms['median']:.1f} ms "
            f"(at most {ms['max']:.1f} ms) after the message that caused them"
        )
    print("  Over the internet add the round trip of your line, 30-450 ms.")
    if not all(result["held"].values()):
        print("A promise did not hold: please report this with the lines above.", file=sys.stderr)
