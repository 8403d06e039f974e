"""Measure the store and the journal thread: `python -m ops.bench.store [folder]`.

The folder decides what is measured: one on a disk, or /dev/shm for everything but the disk.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from actors.adapters.clock import now
from actors.adapters.journal import WRITERS, JournalThread
from actors.adapters.store import Batch, Store
from protocol.account_facts import AccountSeen
from protocol.codec import Recorded
from protocol.decisions import VerdictChanged
from protocol.units import AccountId, RuleName

COMMITS = 2_000
FLOOD = 50_000
ACCOUNTS = 50
IN_FLIGHT = 1_000
_NUMBERS = count(1)


def batch(account: int) -> Batch:
    """Build a step as a desk makes it: a fact, a decision, two states; about 400 bytes."""
    number = next(_NUMBERS)
    account_id, at = AccountId(account), now()
    seen = AccountSeen(
        account_id=account_id, name="PRACTICE-1001", balance=None, can_trade=True, simulated=True
    )
    verdict = VerdictChanged(
        account_id=account_id,
        rule=RuleName("max_contracts"),
        breached=True,
        limit="5",
        used=str(number),
        unknown=None,
        why="6 contracts are open and 5 are allowed",
    )
    records = (
        Recorded(at, "account", entered=True, message=seen),
        Recorded(at, "rule/max_contracts", entered=False, message=verdict),
    )
    return Batch(account_id, records, (("rule/max_contracts", verdict), ("account", seen)))


def line(what: str, spans_s: list[float]) -> None:
    """Print the distribution of some durations."""
    ordered = sorted(spans_s)
    p50, p99 = (ordered[round(share * (len(ordered) - 1))] * 1e3 for share in (0.5, 0.99))
    print(f"{what:52} p50 {p50:7.3f} ms  p99 {p99:7.3f} ms  max {ordered[-1] * 1e3:8.3f} ms")


@contextmanager
def timed(what: str, pieces: int) -> Generator[None]:
    """Print how long a block took, and its rate."""
    started = time.perf_counter()
    yield
    took = time.perf_counter() - started
    print(f"{what:52} {took * 1e3:9.1f} ms  {pieces / took:9,.0f} /s")


def span(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def alone(folder: Path) -> None:
    """Measure a store without a thread: a commit, a group, a replay, an opening."""
    store = Store.open(folder / "alone", AccountId(0))
    line("commit of one batch", [span(lambda: store.commit(batch(0))) for _ in range(COMMITS)])
    groups = [[batch(0) for _ in range(100)] for _ in range(100)]
    spans = [span(partial(store.commit_many, group)) for group in groups]
    line("commit of 100 batches", spans)
    with timed("replay, records", store.last_seq):
        assert sum(1 for _ in store.replay()) == store.last_seq
    store.close()
    line("open, known to be sound", [span(lambda: reopen(folder / "alone")) for _ in range(20)])
    megabytes = (folder / "alone" / "data.mdb").stat().st_size / 1e6
    (folder / "alone" / "checked").unlink(missing_ok=True)
    full = span(lambda: reopen(folder / "alone"))
    print(f"open with a full check of {megabytes:.1f} MB: {full * 1e3:.0f} ms")


def reopen(path: Path) -> None:
    """Open and close."""
    Store.open(path, AccountId(0)).close()


async def threaded(folder: Path, writers: int) -> None:
    """Measure the journal: one step after the other, one step of each account, a flood."""
    stores = [Store.open(folder / str(n), AccountId(n)) for n in range(1, ACCOUNTS + 1)]
    journal = JournalThread(stores, asyncio.get_running_loop(), writers=writers)
    journal.start()
    print(f"with {writers} writers")
    spans = [await round_trip(journal, [batch(1)]) for _ in range(COMMITS)]
    line("submit to done, one at a time", [each[-1] for each in spans])
    every = [await round_trip(journal, [batch(n + 1) for n in range(ACCOUNTS)]) for _ in range(40)]
    line(f"submit to done, {ACCOUNTS} accounts at once, the first", [each[0] for each in every])
    line(f"submit to done, {ACCOUNTS} accounts at once, the last", [each[-1] for each in every])
    for accounts in (1, 5, ACCOUNTS):
        batches = [batch(n % accounts + 1) for n in range(FLOOD)]
        with timed(f"flood of batches, {accounts} accounts", FLOOD):
            for start in range(0, FLOOD, IN_FLIGHT):
                await round_trip(journal, batches[start : start + IN_FLIGHT])
    await asyncio.to_thread(journal.stop, 10)


async def round_trip(journal: JournalThread, batches: list[Batch]) -> list[float]:
    """Submit, and return after how long each was acknowledged, in the order of their coming."""
    spans: list[float] = []
    finished = asyncio.Event()
    started = time.perf_counter()

    def done() -> None:
        spans.append(time.perf_counter() - started)
        if len(spans) == len(batches):
            finished.set()

    for each in batches:
        journal.submit(each, done, print)
    await finished.wait()
    return spans


def main() -> None:
    """Measure in the folder that is named, or in the system's one for temporary files."""
    parent = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=parent) as name:
        print(f"in {name}")
        alone(Path(name))
        for writers in (1, WRITERS):
            asyncio.run(threaded(Path(name), writers))


if __name__ == "__main__":
    main()
