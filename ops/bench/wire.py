"""From a breach quote on the wire to the close that the simulated Gateway receives.

`python -m ops.bench.wire`.  The Gateway runs in a process of its own and times both ends; the desk
with the real SDK, real sockets and a real store runs in this one.
"""

import asyncio
import json
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from actors.adapters import clock
from actors.adapters.projectx import Broker
from actors.adapters.storage import Storage
from actors.adapters.store import Store
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_unrealized_loss
from ops.bench.figures import latency
from ops.desk.desk import Desk
from ops.sim.server import SimServer
from protocol.units import AccountId

ACCOUNT = AccountId(1001)
CONTRACT = "CON.F.US.MNQ.Z26"
CLOSE = "Position/closeContract"
HIGH, LOW = Decimal(21_000), Decimal("20_949.75")
LIMIT = Decimal(-200)
ROUNDS = 40
SUBSCRIPTIONS = "SubscribeContractQuotes"
POLL_S = 0.02
SETTLE_S = 0.45
"""A certificate takes 300 ms and two reads; the next round starts after it."""
PAUSE_S = 1.5
"""A round asks seven times.  Where the minute has no request left, no close is proven, and what is
bought meanwhile is closed without a breach."""


async def gateway() -> None:
    """Run the simulated Gateway, breach again and again, and print each reaction."""
    async with SimServer("default") as sim:
        sim.faults.set(rate_limit=0)
        await sim.price(CONTRACT, HIGH)
        print(json.dumps(sim.url), flush=True)
        while not sim.world.hubs["user"].wanted("GatewayUserPosition", ACCOUNT):
            await asyncio.sleep(POLL_S)
        await asyncio.sleep(1.0)
        spans: list[int] = []
        for number in range(1, ROUNDS + 1):
            await sim.order(ACCOUNT, CONTRACT, "buy", 2)
            await asyncio.sleep(SETTLE_S)
            await sim.price(CONTRACT, HIGH)
            await asyncio.sleep(0.1)
            sent = time.monotonic_ns()
            await sim.price(CONTRACT, LOW)
            while len(calls := sim.calls.of(CLOSE, ACCOUNT)) < number:
                await asyncio.sleep(0.002)
            spans.append(calls[-1].received_ns - sent)
            await sim.price(CONTRACT, HIGH)
            await asyncio.sleep(SETTLE_S + PAUSE_S)
        print(json.dumps(spans), flush=True)


async def desk(url: str, folder: Path, done: asyncio.Event) -> None:
    """Guard the account until the Gateway has what it wants."""
    plan = AccountPlan(
        account_id=ACCOUNT,
        name="bench",
        reset=ResetSchedule(at="0 17 * * *", zone="America/Chicago"),
        rules={daily_unrealized_loss.NAME: daily_unrealized_loss.Params(limit=LIMIT)},
    )
    stores: dict[AccountId, Storage] = {ACCOUNT: Store.open(folder / str(ACCOUNT), ACCOUNT)}
    guarded = Desk((plan,), stores, clock.now, lambda _decision, _now: None, print)
    broker = Broker(
        username="trader",
        api_key="sim-key-0123456789",
        api_url=f"{url}/api",
        user_hub_url=f"{url}/hubs/user",
        market_hub_url=f"{url}/hubs/market",
        on_event=guarded.event,
        on_notice=guarded.notice,
        mono=time.monotonic_ns,
        figures=guarded.counts.wire,
    )
    guarded.start(broker)
    await done.wait()
    await guarded.stop()


async def measure() -> list[int]:
    """Run both processes; return the reactions in nanoseconds."""
    command = (sys.executable, "-m", "ops.bench.wire", "gateway")
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    url = json.loads(await child.stdout.readline())
    done = asyncio.Event()
    with tempfile.TemporaryDirectory() as name:
        guarding = asyncio.create_task(desk(url, Path(name), done))
        spans: list[int] = json.loads(await child.stdout.readline())
        done.set()
        await guarding
    await child.wait()
    return spans


def main() -> None:
    """Print the figures, or be the Gateway of another."""
    if sys.argv[1:] == ["gateway"]:
        asyncio.run(gateway())
        return
    latency("breach quote on the wire -> close received", asyncio.run(measure()), 3.0, 8.0)


if __name__ == "__main__":
    main()
