"""The desk's intake: everything that happens waits here, in one queue, for its turn.

What would not fit any more is given up as long as it is a quote: facts and answers never are.
"""

from collections import deque
from collections.abc import Iterator
from time import monotonic_ns as mono

from actors.adapters.spans import Context
from ops.desk.counts import Counts
from ops.desk.untraced import Tracing
from protocol.message import Message
from protocol.units import SECOND

INTAKE_MAX = 100_000
"""Inputs that may wait; beyond it quotes are dropped, never facts or answers."""

type Raw = tuple[str, object]
"""A hub event and its payload, as the SDK hands them over."""


class Intake:
    """What waits to be taken."""

    def __init__(self, counts: Counts, tracing: Tracing) -> None:
        self._counts = counts
        self._tracing = tracing
        self._waiting: deque[tuple[int, Raw | Message]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def waiting(self) -> tuple[int, int | None]:
        """Return how many wait, and since when the oldest does; any thread may ask."""
        try:
            return len(self._waiting), self._waiting[0][0]
        except IndexError:
            return 0, None

    def put(self, item: Raw | Message, cause: Context | None) -> bool:
        """Take an item in, unless it is a quote too many."""
        waiting = self._waiting
        if len(waiting) >= INTAKE_MAX and isinstance(item, tuple) and item[0] == "quote_update":
            self._counts.dropped += 1
            return False
        waiting.append((mono(), item))
        self._tracing.arrived(cause)
        return True

    def burst(self, most: int) -> Iterator[Raw | Message]:
        """Yield what has waited longest, as much as waits now; count once, for the oldest."""
        waiting, taken = self._waiting, self._tracing.taken
        depth = len(waiting)
        if not depth:
            return
        self._counts.depth = max(self._counts.depth, depth)
        self._counts.wait.observe((mono() - waiting[0][0]) / SECOND)
        for _ in range(min(depth, most)):
            item = waiting.popleft()[1]
            taken()
            yield item

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
