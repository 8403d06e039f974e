"""From an input at the desk's intake to its request at the HTTP client, lock committed.

`python -m ops.bench.decide [FOLDER]`: the store is in FOLDER, so that disks can be compared.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from ops.bench.figures import latency, rate
from ops.bench.stand import CONTRACT, TOO_MANY, armed, position
from ops.desk.untraced import Tracing
from protocol.account_facts import Side, TradeSeen
from protocol.units import PRICE, AccountId, Nanos, OrderId, Price, TradeId, Usd

ACCOUNT = AccountId(1_000)
ROUNDS = 300
PAUSE_S = 0.005
EVENTS = 20_000
CLOSES_EVERY = 5


async def breaches(folder: Path, tracing: Tracing | None = None, rounds: int = ROUNDS) -> list[int]:
    """Breach one account after the other, and time each close's way to the client."""
    desk, broker = await armed(folder, rounds, tracing)
    spans: list[int] = []
    for number, plan in enumerate(desk.plans, start=1):
        await asyncio.sleep(PAUSE_S)
        begun = time.monotonic_ns()
        desk.notice(position(plan.account_id, number, TOO_MANY))
        await broker.got.wait()
        broker.got.clear()
        spans.append(broker.handed[-1][0] - begun)
    await desk.stop()
    return spans


async def mixed(folder: Path) -> float:
    """Feed trades and positions as fast as the desk takes them; return events per second."""
    desk, _ = await armed(folder, 1)
    begun = time.perf_counter()
    for number in range(1, EVENTS // 2 + 1):
        size = 0 if number % CLOSES_EVERY == 0 else 1 + number % 3
        desk.notice(trade(number))
        desk.notice(position(ACCOUNT, number // CLOSES_EVERY + 1, size))
        if number % 200 == 0:
            await asyncio.sleep(0)
    taken = desk.inputs
    while desk.inputs < taken or desk._intake:  # noqa: SLF001  (the bench watches the queue)
        await asyncio.sleep(0)
    await desk.stop()
    return EVENTS / (time.perf_counter() - begun)


def trade(number: int) -> TradeSeen:
    """Return one of many small trades."""
    return TradeSeen(
        account_id=ACCOUNT,
        trade_id=TradeId(number),
        contract_id=CONTRACT,
        order_id=OrderId(number),
        side=Side.BUY,
        size=1,
        price=Price(21_000 * PRICE),
        realized=Usd(100),
        fees=Usd(37),
        at=Nanos(time.time_ns()),
    )


def main() -> None:
    """Print both, for the folder given and for one in memory where there is one."""
    folders = sys.argv[1:] or [tempfile.gettempdir(), "/dev/shm"]  # noqa: S108
    for parent in (Path(one) for one in folders):
        if not parent.is_dir():
            continue
        p99 = 1.0 if parent == Path("/dev/shm") else 5.0  # noqa: S108
        with tempfile.TemporaryDirectory(dir=parent) as name:
            spans = asyncio.run(breaches(Path(name) / "breaches"))
            latency(f"breach at the intake -> request handed over ({parent})", spans, 0.8, p99)
            events = asyncio.run(mixed(Path(name) / "mixed"))
            rate(f"mixed account events, 20 % closes, durable ({parent})", events, 10_000)


if __name__ == "__main__":
    main()
