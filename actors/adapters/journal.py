"""The journal: off the loop's thread, so that the loop never waits for a disk.

A writer takes all that has come in for an account as one transaction (which costs some 0.2 ms, a
record in it some microseconds).  An account has one writer at a time: its batches reach the disk,
and their callbacks the loop, in the order of submission.  Several writers wait for the disk side
by side: when one quote makes 50 accounts commit, the last has its answer in 8 ms instead of 13.
Measured with `python -m ops.bench.store`.

A disk that fails loses nothing that was submitted: the account's batches wait and are tried again,
and other accounts go on.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import msgspec

from actors.adapters.backlog import PENDING_MAX, Backlog, Entry, JournalFull
from actors.adapters.storage import Batch, InMemoryStore, Storage, StoreError, Unencodable
from actors.model.histogram import Histogram
from protocol.units import MILLISECOND, SECOND, AccountId, Nanos

__all__ = ["Figures", "JournalFull", "JournalThread"]

WRITERS = 4
RETRY_MIN = Nanos(50 * MILLISECOND)
RETRY_MAX = Nanos(5 * SECOND)
_LATENCIES_MAX = 1_000
_CLOSING_S = 0.25
_log = logging.getLogger(__name__)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How the disk does: latencies of the last thousand transactions, counts since the start."""

    last_ms: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    oldest_pending_ms: float
    pending: int
    transactions: int
    batches: int
    quotes_dropped: int
    failing: tuple[AccountId, ...]
    """The accounts of which nothing reaches a disk just now."""


class _Outage(msgspec.Struct):
    """An account whose store refuses: when to try again."""

    retry_at: Nanos
    pause: Nanos = RETRY_MIN


class JournalThread:
    """One desk's writers.  Its methods are for the event loop's thread; only `stop` waits."""

    def __init__(
        self,
        stores: Iterable[Storage],
        loop: asyncio.AbstractEventLoop,
        *,
        pending_max: int = PENDING_MAX,
        writers: int = WRITERS,
        took: Histogram | None = None,
    ) -> None:
        self._stores = {store.account_id: store for store in stores}
        self._loop = loop
        self._backlog = Backlog(pending_max)
        self._outages: dict[AccountId, _Outage] = {}
        self._changed = threading.Condition()
        self._end: Nanos | None = None
        self._latencies: deque[Nanos] = deque(maxlen=_LATENCIES_MAX)
        self._took = took
        self._transactions = 0
        self._batches = 0
        self._threads = [
            threading.Thread(target=self._run, name=f"journal-{number}", daemon=True)
            for number in range(writers)
        ]
        self._writing = 0
        self._calls: list[Callable[[], None]] = []

    @property
    def is_alive(self) -> bool:
        """Tell whether batches are being written; a desk whose journal died must end."""
        return any(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Start writing."""
        self._writing = len(self._threads)
        for thread in self._threads:
            thread.start()

    def adopt(self, store: Storage) -> None:
        """Write for one more account."""
        with self._changed:
            assert store.account_id not in self._stores, f"{store.account_id} has a store"
            self._stores[store.account_id] = store

    def submit(
        self, batch: Batch, done: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        """Take a batch to the disk, and call `done` on the loop when it is there.

        `failed(Unencodable)` says that it never will be, and `done` does not follow.  Any other
        error opens an outage of this account: it is told once, to the oldest batch concerned, and
        each `done` follows when the disk is back.  Raise JournalFull if memory is exhausted too.
        """
        with self._changed:
            if batch.account_id not in self._stores:
                raise StoreError(f"account {batch.account_id} has no store; adopt one first")
            if self._end is not None:
                raise StoreError("the journal is closing; submit nothing after stop")
            self._backlog.add(Entry(batch, _mono(), done, failed))
            self._changed.notify()

    def oldest_pending_ms(self, account_id: AccountId | None = None) -> float:
        """Return how long the oldest batch (of one account) has waited; 0 when none does."""
        with self._changed:
            oldest = self._backlog.oldest(account_id)
        return 0.0 if oldest is None else (_mono() - oldest) / MILLISECOND

    def figures(self) -> Figures:
        """Return how the disk does."""
        oldest_ms = self.oldest_pending_ms()
        with self._changed:
            latencies = sorted(self._latencies)
            return Figures(
                last_ms=self._latencies[-1] / MILLISECOND if self._latencies else 0.0,
                p50_ms=_quantile_ms(latencies, 0.50),
                p99_ms=_quantile_ms(latencies, 0.99),
                max_ms=_quantile_ms(latencies, 1.0),
                oldest_pending_ms=oldest_ms,
                pending=len(self._backlog),
                transactions=self._transactions,
                batches=self._batches,
                quotes_dropped=self._backlog.quotes_dropped,
                failing=tuple(sorted({*self._outages, *self._diskless()})),
            )

    def _diskless(self) -> Iterator[AccountId]:
        """Yield the accounts whose batches end in memory, for their stores cannot be used."""
        for account_id, store in self._stores.items():
            if isinstance(store, InMemoryStore):
                yield account_id

    def stop(self, deadline_s: float) -> int:
        """Write what is left, close the stores, and return how many batches could not be written.

        Waits hardly longer than the deadline: a disk may hang for longer than anyone can.
        """
        with self._changed:
            end = self._end = Nanos(_mono() + int(deadline_s * SECOND))
            for outage in self._outages.values():
                outage.retry_at = Nanos(0)
            self._changed.notify_all()
        if not any(thread.ident for thread in self._threads):
            self._run()
        for thread in self._threads:
            if thread.ident:
                thread.join(max(0.0, (end - _mono()) / SECOND) + _CLOSING_S)
        with self._changed:
            return len(self._backlog)

    def _run(self) -> None:
        while (task := self._next()) is not None:
            self._write(*task)
        with self._changed:
            self._writing -= 1
            stores = self._stores.values() if self._writing <= 0 else ()
        for store in stores:
            store.close()

    def _next(self) -> tuple[AccountId, Sequence[Entry]] | None:
        """Wait for something to write, and take it; return None when it is time to end."""
        with self._changed:
            while True:
                now, waiting = _mono(), self._backlog.accounts()
                if self._end is not None and (not waiting or now >= self._end):
                    return None
                retries = [self._retry_at(account_id) for account_id in waiting]
                for account_id, at in zip(waiting, retries, strict=True):
                    if at <= now:
                        return account_id, self._backlog.take(account_id)
                alarms = retries if self._end is None else [*retries, self._end]
                self._changed.wait((min(alarms) - now) / SECOND if alarms else None)

    def _retry_at(self, account_id: AccountId) -> Nanos:
        outage = self._outages.get(account_id)
        return Nanos(0) if outage is None else outage.retry_at

    def _write(self, account_id: AccountId, group: Sequence[Entry]) -> None:
        started = _mono()
        try:
            self._stores[account_id].commit_many([entry.batch for entry in group])
        except Unencodable as error:
            self._refuse(account_id, group, error)
        except Exception as error:  # noqa: BLE001  (whatever it is: keep the batches, try again)
            self._suspend(account_id, group[0], error)
        else:
            self._land(account_id, group, Nanos(_mono() - started))

    def _land(self, account_id: AccountId, group: Sequence[Entry], took: Nanos) -> None:
        with self._changed:
            # Told before the account's next group can be taken, or another writer could be first.
            self._call([entry.done for entry in group])
            self._backlog.landed(account_id)
            self._latencies.append(took)
            if self._took is not None:
                self._took.observe(took / SECOND)
            self._transactions += 1
            self._batches += len(group)
            was_out = self._outages.pop(account_id, None) is not None
        if was_out:
            _log.warning("account %s: the store takes commits again", account_id)

    def _refuse(self, account_id: AccountId, group: Sequence[Entry], error: Unencodable) -> None:
        refused = [entry for entry in group if entry.batch is error.batch]
        with self._changed:
            self._call([partial(entry.failed, error) for entry in refused])
            self._backlog.put_back(account_id, without=error.batch)
        _log.error("%s; it is lost", error)

    def _suspend(self, account_id: AccountId, oldest: Entry, error: Exception) -> None:
        with self._changed:
            self._backlog.put_back(account_id)
            outage = self._outages.get(account_id)
            pause = RETRY_MIN if outage is None else min(Nanos(outage.pause * 2), RETRY_MAX)
            self._outages[account_id] = _Outage(Nanos(_mono() + pause), pause)
            if outage is None:
                self._call([partial(oldest.failed, error)])
            self._changed.notify()
        if outage is None:
            _log.error("account %s: the store fails, its batches wait: %s", account_id, error)

    def _call(self, callbacks: list[Callable[[], None]]) -> None:
        """Let the loop run these, under the lock; wake it unless it is about to look anyway."""
        self._calls += callbacks
        if len(self._calls) == len(callbacks):
            try:
                self._loop.call_soon_threadsafe(self._call_back)
            except RuntimeError:  # the loop has ended before its journal
                _log.warning("%d callbacks came too late for the event loop", len(callbacks))
                self._calls.clear()

    def _call_back(self) -> None:
        with self._changed:
            calls, self._calls = self._calls, []
        for call in calls:
            try:
                call()
            except Exception as error:  # noqa: BLE001  (the others must hear of their commits)
                context = {"message": "a journal callback failed", "exception": error}
                self._loop.call_exception_handler(context)


def _quantile_ms(ordered: Sequence[Nanos], share: float) -> float:
    return ordered[round(share * (len(ordered) - 1))] / MILLISECOND if ordered else 0.0


def _mono() -> Nanos:
    return Nanos(time.monotonic_ns())
