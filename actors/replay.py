"""A journal read back: the same records must come of what entered, in order and bit for bit (I9).

Where they do not, the code is not the code that wrote it, or decides by something that it was not
told.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from actors.adapters.storage import is_beginning
from actors.replay_runtime import ReplayRuntime
from actors.runtime import of
from actors.snapshot import read_state
from protocol.codec import Recorded, encode
from protocol.lifecycle import Began, Snapshot
from protocol.units import AccountId, Now


class ReplayError(Exception):
    """The journal cannot be repeated from here on."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The first record of a turn that was not repeated; an empty text stands for no record."""

    turn: int
    now: Now
    written: str
    repeated: str


class Replay:
    """An account's journal, heard again turn by turn."""

    def __init__(self, account_id: AccountId) -> None:
        self.tree = f"account/{account_id}"
        self.turns = self.records = 0
        self._account_id = account_id
        self._runtime: ReplayRuntime | None = None
        self._number = 0

    @property
    def states(self) -> dict[str, Any]:
        """Return the actors' states by path, after the last turn."""
        return {} if self._runtime is None else self._runtime.states

    def take(self, written: Sequence[Recorded]) -> Difference | None:
        """Repeat one turn as it is written; return what came out otherwise."""
        began, seen = start_of(written), snapshot_of(written)
        if began is not None:
            self._begin(began)
        elif seen is not None and not self._follows(written):
            self._begin(seen).resume(seen, written[0].now)
            self._number = written[0].turn
            return None
        elif not self._follows(written):
            raise ReplayError(
                f"turn {written[0].turn} does not follow turn {self._number}: what entered in "
                "between was never written, or has been taken away; a replay may begin at the "
                "next start or snapshot"
            )
        assert self._runtime is not None
        self._number = written[0].turn
        ours = [one for one in written if of(self.tree, one.actor) and one.message is not seen]
        entered = [one for one in ours if one.entered]
        self.turns += 1
        self.records += len(written)
        repeated: Sequence[Recorded] = ()
        if entered:  # else it is only what others decided about the account
            portion = self._runtime.repeat(entered).portions.get(self._account_id)
            repeated = portion.records if portion is not None else ()
        found = difference(ours, repeated)
        return found or (None if seen is None else self._drift(written[-1], seen))

    def _begin(self, origin: Began | Snapshot) -> ReplayRuntime:
        self.close()
        self._runtime = ReplayRuntime(self._account_id, origin)
        return self._runtime

    def _follows(self, written: Sequence[Recorded]) -> bool:
        return self._runtime is not None and written[0].turn == self._number + 1

    def _drift(self, record: Recorded, seen: Snapshot) -> Difference | None:
        """Compare what the actors know with what they knew: the first path that differs."""
        assert self._runtime is not None
        for path in dict.fromkeys((*seen.states, *self.states)):
            if path != self.tree and not path.startswith(f"{self.tree}/"):
                continue
            logic = self._runtime.logics.get(path)
            was = None if path not in seen.states or logic is None else seen.states[path]
            written = None if was is None or logic is None else read_state(was, logic)
            if written != self.states.get(path):
                return Difference(
                    turn=record.turn,
                    now=record.now,
                    written=f"{path} knew {written}",
                    repeated=f"{path} knows {self.states.get(path)}",
                )
        return None

    def close(self) -> None:
        """End the actors; the next turn must be a start."""
        if self._runtime is not None:
            self._runtime.stop()
        self._runtime = None


def difference(written: Sequence[Recorded], repeated: Sequence[Recorded]) -> Difference | None:
    """Return the first record that is not the same, bit for bit."""
    for one, other in zip_longest(written, repeated):
        if one is None or other is None or encode(one) != encode(other):
            return Difference(
                turn=written[0].turn,
                now=written[0].now,
                written="" if one is None else text(one),
                repeated="" if other is None else text(other),
            )
    return None


def start_of(written: Sequence[Recorded]) -> Began | None:
    """Return the start of a desk that this turn is, if it is one."""
    first = written[0]
    return first.message if is_beginning(first) and isinstance(first.message, Began) else None


def snapshot_of(written: Sequence[Recorded]) -> Snapshot | None:
    """Return the snapshot that a turn ended with, if one did."""
    last = written[-1].message
    return last if isinstance(last, Snapshot) else None


def turns(records: Iterable[Recorded]) -> Iterator[list[Recorded]]:
    """Divide a journal into its turns."""
    turn: list[Recorded] = []
    for record in records:
        if turn and (record.turn != turn[-1].turn or start_of([record]) is not None):
            yield turn
            turn = []
        turn.append(record)
    if turn:
        yield turn


def text(record: Recorded) -> str:
    """Return a record as one line."""
    return f"{record.actor}: {record.message}"
