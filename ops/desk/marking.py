"""Writes the marks of a desk's stores while it works: in a thread that nothing waits for.

A mark follows the commits it speaks of and is read off the store itself, so it is never ahead of
the disk.  Changes of locks and of settings are marked within a moment, whatever else was written
every so often: a mark costs two syncs, for which commits would have to wait.
"""

import threading
import time
from collections import deque
from collections.abc import Collection, Iterator

from actors.adapters import clock
from actors.adapters.store import Store
from ops.desk.marks import Mark, Marks
from ops.desk.plans import Ward
from ops.desk.stores import STORE, UNUSABLE, locks_held
from protocol.decisions import (
    AlarmCleared,
    AlarmKind,
    AlarmRaised,
    ConfigurationTaken,
    Decision,
    LockEnded,
    LockSet,
)
from protocol.lockouts import Lock
from protocol.units import AccountId, Nanos

EVERY_S = 30.0
PAUSE_S = 0.25
"""After a change, before its mark: what the change asks for has the disk to itself."""
KIND = AlarmKind.MARK_FAILED
FAILED = "marks cannot be written, so an older store put back, or one deleted, may go unnoticed"


class Marking:
    """One life's thread of marks."""

    def __init__(self, marks: Marks, gateway: str, wards: Collection[Ward]) -> None:
        self._marks = marks
        self._gateway = gateway
        # What is kept in memory leaves nothing behind that a mark could speak of.
        self._wards = [(one, one.store) for one in wards if isinstance(one.store, Store)]
        self._seqs: dict[int, int] = {}
        self._days: dict[int, Nanos] = {}
        self._failing: dict[AccountId, str] = {}
        """Why the last mark of an account could not be written: a new dict at each change."""
        self._said = ""
        self._news: deque[AccountId] = deque()
        self._changed = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="marks", daemon=True)

    def start(self) -> None:
        """Mark every store as it is, and go on."""
        self._thread.start()

    def take(self, decision: Decision) -> None:
        """Hear of what changes an account's locks or settings."""
        match decision:
            case LockSet(lock=lock) | LockEnded(lock=lock):
                self._news.append(lock.account_id)
            case ConfigurationTaken(account_id=account_id):
                self._news.append(account_id)
            case _:
                return
        self._changed.set()

    def look(self) -> Iterator[AlarmRaised | AlarmCleared]:
        """Yield what a person must hear of now: that marks cannot be written, and that they can.

        Places are shared by all accounts, so one alarm is enough for the same cause.
        """
        why = "; ".join(sorted(set(self._failing.values())))
        if why == self._said:
            return
        self._said = why
        if why:
            yield AlarmRaised(account_id=None, kind=KIND, why=f"{FAILED}: {why}")
        else:
            yield AlarmCleared(account_id=None, kind=KIND)

    def stop(self, deadline_s: float) -> None:
        """Mark what was written meanwhile, before the stores are closed."""
        self._ending.set()
        self._changed.set()
        self._thread.join(deadline_s)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._round({ward.plan.account_id for ward, _ in self._wards})
            following = time.monotonic() + EVERY_S
            while (left := following - time.monotonic()) > 0 and self._changed.wait(left):
                if self._ending.wait(PAUSE_S):
                    break
                self._changed.clear()
                self._round({self._news.popleft() for _ in range(len(self._news))})
        self._round({ward.plan.account_id for ward, _ in self._wards})

    def _round(self, whose: Collection[AccountId]) -> None:
        for ward, store in self._wards:
            account_id = ward.plan.account_id
            if account_id not in whose:
                continue
            others = {one: why for one, why in self._failing.items() if one != account_id}
            try:
                self._mark(ward, store)
            except UNUSABLE as error:
                others[account_id] = str(error)
            self._failing = others

    def _mark(self, ward: Ward, store: Store) -> None:
        account_id, seq = ward.plan.account_id, store.last_seq
        if self._seqs.get(account_id) == seq:
            return
        locks = locks_held(store.load_states(), account_id)
        unanswered = ward.lost is not None and account_id not in self._seqs
        if unanswered and not any(one.rule == STORE for one in locks):
            return  # the lock that answers the loss first: until then the old mark tells of it
        wall = clock.now().wall
        if self._days.get(account_id, Nanos(0)) <= wall:
            self._days[account_id] = ward.plan.reset.following(wall)
        mark = Mark(
            account=account_id,
            gateway=self._gateway,
            data_dir=self._marks.data_dir,
            generation=store.generation,
            seq=seq,
            at=wall,
            day_ends=self._days[account_id],
            locked_until=last_end(locks),
        )
        self._marks.write(mark)
        self._seqs[account_id] = seq


def last_end(locks: Collection[Lock]) -> Nanos | None:
    """Return when the last of the locks of a whole account ends, of those that have an end."""
    ends = [one.until for one in locks if one.scope is None and one.until is not None]
    return max(ends, default=None)
