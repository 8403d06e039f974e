"""What waits to be written: per account, in the order in which it came, and bounded.

While a disk fails, this grows.  At its limit it first forgets what no one will miss: states that a
later one of the same actor replaces, then the oldest quotes.  Decisions, facts and newest states
are never dropped; once there is nothing else left, the next batch is refused to its face.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain

import msgspec
from msgspec.structs import replace

from actors.adapters.storage import Batch, StoreError
from protocol.codec import Recorded
from protocol.market_facts import MarksRead, PriceCrossed, QuoteSeen
from protocol.units import AccountId, Nanos

PENDING_MAX = 100_000
"""Records, states and batches that may wait in one desk: some 100 MB at worst."""
GROUP_MAX = 10_000
"""Records, states and batches written in one transaction: a quarter of a second at worst."""
_QUOTES = (QuoteSeen, PriceCrossed, MarksRead)


class JournalFull(StoreError):
    """The disk has failed for so long that nothing more can be kept for it."""


class Entry(msgspec.Struct, frozen=True):
    """A batch on its way, when it was submitted, and whom to tell.

    One that is `tied` gave up states in favour of the batches behind it, and can only be written
    together with them.
    """

    batch: Batch
    submitted: Nanos
    done: Callable[[], None]
    failed: Callable[[Exception], None]
    tied: bool = False

    @property
    def weight(self) -> int:
        """Count what it holds in memory."""
        return 1 + len(self.batch.records) + len(self.batch.states)


class Backlog:
    """Batches that wait, and batches in the hands of the writer.  Its owner locks it."""

    def __init__(self, pending_max: int = PENDING_MAX, group_max: int = GROUP_MAX) -> None:
        self._pending_max = pending_max
        self._group_max = group_max
        self._waiting: dict[AccountId, deque[Entry]] = {}
        self._flying: dict[AccountId, tuple[Entry, ...]] = {}
        self._weight = 0
        self._forgettable = 0
        self.quotes_dropped = 0

    def __len__(self) -> int:
        """Count the batches that are not on the disk yet."""
        return sum(1 for _ in self._entries())

    def oldest(self, account_id: AccountId | None = None) -> Nanos | None:
        """Return when the oldest batch that is not on the disk was submitted."""
        found = [
            entries[0].submitted
            for group in (self._flying, self._waiting)
            for owner, entries in group.items()
            if account_id is None or owner == account_id
        ]
        return min(found, default=None)

    def accounts(self) -> tuple[AccountId, ...]:
        """Return the accounts that wait for a writer, those served longest ago first."""
        return tuple(owner for owner in self._waiting if owner not in self._flying)

    def add(self, entry: Entry) -> None:
        """Take a batch; raise JournalFull if there is no room even after forgetting."""
        if self._weight + entry.weight > self._pending_max:
            # Searching is expensive, so it waits until there is something worth finding.
            if self._forgettable > self._pending_max // 16:
                self._forget()
            if self._weight + entry.weight > self._pending_max:
                raise JournalFull(
                    f"{len(self)} batches wait for the disk, which is as many as memory allows; "
                    "mend the disk or free space on it"
                )
        self._waiting.setdefault(entry.batch.account_id, deque()).append(entry)
        self._weight += entry.weight
        self._forgettable += len(entry.batch.states) + sum(map(_is_quote, entry.batch.records))

    def take(self, account_id: AccountId) -> tuple[Entry, ...]:
        """Hand out an account's oldest batches, as many as fit one transaction."""
        assert account_id not in self._flying, f"{account_id} is being written"
        waiting = self._waiting.pop(account_id)
        group = [waiting.popleft()]
        room = self._group_max - group[0].weight
        while waiting and (group[-1].tied or waiting[0].weight <= room):
            group.append(waiting.popleft())
            room -= group[-1].weight
        if waiting:
            self._waiting[account_id] = waiting
        self._flying[account_id] = tuple(group)
        return self._flying[account_id]

    def landed(self, account_id: AccountId) -> None:
        """Let go of what was handed out: it is on the disk."""
        for entry in self._flying.pop(account_id):
            self._weight -= entry.weight

    def put_back(self, account_id: AccountId, *, without: Batch | None = None) -> None:
        """Take back what could not be written, in its place, but for what never can be."""
        for entry in reversed(self._flying.pop(account_id)):
            if entry.batch is without:
                self._weight -= entry.weight
            else:
                self._waiting.setdefault(account_id, deque()).appendleft(entry)

    def _entries(self) -> Iterator[Entry]:
        return chain(*self._flying.values(), *self._waiting.values())

    def _forget(self) -> None:
        for account_id, entries in self._waiting.items():
            self._waiting[account_id] = _only_newest_states(entries)
        self._drop_quotes(self._weigh() - self._pending_max * 3 // 4)
        self._weight = self._weigh()
        self._forgettable = 0

    def _weigh(self) -> int:
        return sum(entry.weight for entry in self._entries())

    def _drop_quotes(self, wanted: int) -> None:
        waiting = chain.from_iterable(self._waiting.values())
        records = chain.from_iterable(entry.batch.records for entry in waiting)
        ages = sorted(record.now.mono for record in records if _is_quote(record))
        if wanted <= 0 or not ages:
            return
        youngest = ages[min(wanted, len(ages)) - 1]
        for entries in self._waiting.values():
            for _ in range(len(entries)):
                entry = _without_quotes(entries[0], youngest)
                self.quotes_dropped += entries.popleft().weight - entry.weight
                entries.append(entry)


def _only_newest_states(entries: deque[Entry]) -> deque[Entry]:
    """Let each actor's newest state stand for the older ones, and tie the entries together."""
    kept: deque[Entry] = deque()
    newer: set[str] = set()
    for entry in reversed(entries):
        states = tuple(state for state in entry.batch.states if state[0] not in newer)
        newer.update(name for name, _ in states)
        kept.appendleft(
            replace(entry, batch=replace(entry.batch, states=states), tied=len(kept) > 0)
        )
    return kept


def _without_quotes(entry: Entry, youngest: int) -> Entry:
    records = tuple(
        record
        for record in entry.batch.records
        if record.now.mono > youngest or not _is_quote(record)
    )
    return replace(entry, batch=replace(entry.batch, records=records))


def _is_quote(record: Recorded) -> bool:
    return isinstance(record.message, _QUOTES)
