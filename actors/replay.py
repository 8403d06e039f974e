"""A journal read back: the same records must come of what entered, in order and bit for bit (I9).

Where they do not, the code is not the code that wrote it, or decides by something that it was not
told.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from actors.replay_runtime import ReplayRuntime
from actors.runtime import of
from protocol.codec import Recorded, encode
from protocol.lifecycle import Began
from protocol.units import AccountId, Now

FIRST = 1
"""The number of the turn in which a desk starts."""


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
        began = start_of(written)
        if began is not None:
            self.close()
            self._runtime = ReplayRuntime(self._account_id, began)
        elif self._runtime is None or written[0].turn != self._number + 1:
            raise ReplayError(
                f"turn {written[0].turn} does not follow turn {self._number}: what entered in "
                "between was never written; what follows can be repeated from the next start"
            )
        self._number = written[0].turn
        ours = [one for one in written if of(self.tree, one.actor)]
        entered = [one for one in ours if one.entered]
        self.turns += 1
        self.records += len(ours)
        if not entered:
            return difference(ours, ())  # what others decided about the account, and no more
        portion = self._runtime.repeat(entered).portions.get(self._account_id)
        return difference(ours, portion.records if portion is not None else ())

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
    return first.message if starts(first) and isinstance(first.message, Began) else None


def starts(record: Recorded) -> bool:
    """Tell whether this is the first record of a life."""
    return (record.turn, record.place) == (FIRST, 0) and isinstance(record.message, Began)


def turns(records: Iterable[Recorded]) -> Iterator[list[Recorded]]:
    """Divide a journal into its turns."""
    turn: list[Recorded] = []
    for record in records:
        if turn and (record.turn != turn[-1].turn or starts(record)):
            yield turn
            turn = []
        turn.append(record)
    if turn:
        yield turn


def text(record: Recorded) -> str:
    """Return a record as one line."""
    return f"{record.actor}: {record.message}"
