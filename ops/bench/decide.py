"""From an input at the desk's intake to its request at the HTTP client, lock committed.

`python -m ops.bench.decide [FOLDER]`: the store is in FOLDER, so that disks can be compared.

All thirteen rules judge a day that is hundreds of fills long.  What others do on the machine makes
the wall's figures worse, but hardly the processor's: it is they that compare two versions.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ops.bench.day import LIMIT, position, to_come
from ops.bench.figures import latency, rate, share
from ops.bench.stand import TimedDesk, armed
from ops.desk.untraced import Tracing
from protocol.account_facts import OrderSeen, PositionSeen, TradeSeen
from protocol.market_facts import QuoteSeen
from protocol.message import Message
from protocol.units import AccountId

ACCOUNT = AccountId(1_000)
ROUNDS = 30
"""Accounts: more are not read at once, for the requests of a login's minute are counted."""
PAUSE_S = 0.005
TAKEN_AT_ONCE = 200
RUNS = 3
"""The best of them counts: what others do on the machine only ever adds."""
CPU_MS_MAX = 0.1
FACTS = (OrderSeen, TradeSeen, PositionSeen)


class Lived(NamedTuple):
    """What a day took."""

    events: int
    """Facts about the account; quotes come on top."""
    wall_s: float
    cpu_s: float
    """All threads of the process."""
    by_kind_ms: dict[str, float]
    """The loop's thread, for each message of a kind."""


async def breaches(folder: Path, tracing: Tracing | None = None, rounds: int = ROUNDS) -> list[int]:
    """Breach one account after the other, and time each close's way to the client."""
    desk, broker = await armed(folder, rounds, tracing)
    await written(desk)
    spans: list[int] = []
    for number, plan in enumerate(desk.plans, start=1):
        await asyncio.sleep(PAUSE_S)
        begun = time.monotonic_ns()
        desk.notice(position(plan.account_id, number, LIMIT + 1))
        await broker.got.wait()
        broker.got.clear()
        spans.append(broker.handed[-1][0] - begun)
        desk.notice(position(plan.account_id, number, 0))
    await desk.stop()
    return spans


async def mixed(folder: Path) -> Lived:
    """Live the rest of a long day as fast as the desk takes it."""
    desk, broker = await armed(folder, 1)
    day = list(to_come(ACCOUNT))
    desk.spent.clear()
    desk.heard.clear()
    wall, cpu = time.perf_counter(), time.process_time()
    await feed(desk, day)
    wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    assert not broker.handed, "a limit was reached: the day is not what it says"
    await desk.stop()
    by_kind = {
        kind.__name__: desk.spent[kind] / desk.heard[kind] / 1e6 for kind in (QuoteSeen, *FACTS)
    }
    events = sum(desk.heard[kind] for kind in FACTS)
    return Lived(events, wall_s, cpu_s, by_kind)


async def feed(desk: TimedDesk, day: Iterable[Message]) -> None:
    """Hand everything in as fast as it is taken."""
    for number, message in enumerate(day):
        desk.notice(message)
        if number % TAKEN_AT_ONCE == 0:
            await asyncio.sleep(0)
    await written(desk)


async def written(desk: TimedDesk) -> None:
    """Wait until everything has been taken and written."""
    while desk.intake or desk.journal.figures().pending:
        await asyncio.sleep(0.001)


def best(folder: Path) -> Lived:
    """Live the day some times, each time anew; return the time that took the least."""
    runs = (asyncio.run(mixed(folder / str(number))) for number in range(RUNS))
    return min(runs, key=lambda one: one.cpu_s)


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
            lived = best(Path(name))
            each = lived.cpu_s / lived.events * 1e3
            events = lived.events / lived.wall_s
            rate(f"mixed account events, 20 % closes, durable ({parent})", events, 10_000)
            share(f"  processor time of each ({parent})", each, CPU_MS_MAX)
            for kind, spent_ms in lived.by_kind_ms.items():
                print(f"    {kind:54} {spent_ms:12.3f} ms")


if __name__ == "__main__":
    main()
