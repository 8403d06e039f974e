"""Writes the marks of a desk's stores while it works: in a thread that nothing waits for.

A mark follows the commits it speaks of and is read off the store itself, so it is never ahead of
the disk.  Changes of locks are marked at once, whatever else was written within a few seconds.
"""

import logging
import threading
from collections.abc import Collection

from actors.adapters import clock
from actors.adapters.store import Store
from ops.desk.marks import Mark, Marks
from ops.desk.plans import Ward
from ops.desk.stores import STORE, UNUSABLE, locks_held
from protocol.lockouts import Lock
from protocol.units import Nanos

log = logging.getLogger(__name__)
EVERY_S = 10.0
PAUSE_S = 0.1
"""Between two rounds, however many locks change."""


class Marking:
    """One life's thread of marks."""

    def __init__(self, marks: Marks, gateway: str, wards: Collection[Ward]) -> None:
        self._marks = marks
        self._gateway = gateway
        # What is kept in memory leaves nothing behind that a mark could speak of.
        self._wards = [(one, one.store) for one in wards if isinstance(one.store, Store)]
        self._seqs: dict[int, int] = {}
        self._days: dict[int, Nanos] = {}
        self._failing = False
        self._changed = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="marks", daemon=True)

    def start(self) -> None:
        """Mark every store as it is, and go on."""
        self._thread.start()

    def changed(self) -> None:
        """Hear that a lock was set, or has ended."""
        self._changed.set()

    def stop(self, deadline_s: float) -> None:
        """Mark what was written meanwhile, before the stores are closed."""
        self._ending.set()
        self._changed.set()
        self._thread.join(deadline_s)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._round()
            self._ending.wait(PAUSE_S)
            self._changed.wait(EVERY_S)
            self._changed.clear()
        self._round()

    def _round(self) -> None:
        for ward, store in self._wards:
            try:
                self._mark(ward, store)
            except UNUSABLE as error:
                if not self._failing:
                    log.warning("a mark of a store cannot be written: %s", error)
                self._failing = True

    def _mark(self, ward: Ward, store: Store) -> None:
        account_id, seq = ward.plan.account_id, store.last_seq
        if self._seqs.get(account_id) == seq:
            return
        locks = locks_held(store.load_states(), account_id)
        if ward.lost is not None and not any(one.rule == STORE for one in locks):
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
        self._failing = False


def last_end(locks: Collection[Lock]) -> Nanos | None:
    """Return when the last of the locks of a whole account ends, of those that have an end."""
    ends = [one.until for one in locks if one.scope is None and one.until is not None]
    return max(ends, default=None)
