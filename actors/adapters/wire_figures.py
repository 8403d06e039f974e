"""What is counted of a login's REST calls: how many, how they were answered, whose clock is wrong.

The Gateway dates its answers in whole seconds, so the skew of the clocks is known within half a
second: enough to tell a machine whose resets would come at the wrong time.
"""

from collections import Counter
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from protocol.units import SECOND, Nanos

HALF_S = 0.5
UNDER_WAY_MAX = 10 * SECOND
"""The date of an answer that was longer under way says nothing of now."""
NAMED = frozenset({200, 401, 403, 404, 429, 500, 502, 503, 504})


class Dated(NamedTuple):
    """What the Gateway's clock said, and what the stopwatch said as its answer came."""

    theirs: Nanos
    """The end of the second that it named."""
    mono: int


class WireFigures:
    """One login's calls since the start."""

    def __init__(self) -> None:
        self.budget: int | None = None
        """Requests that a minute allows; None before there is anyone to make them."""
        self.requests = 0
        self.leaving: set[object] = set()
        """Deeds that are asked for, and not on their sockets yet."""
        self.answers: Counter[str] = Counter()
        """By HTTP status; of the unusual ones only the first digit counts."""
        self.skew_s: float | None = None
        """This clock minus theirs; None until an answer was dated."""
        self.dated: Dated | None = None
        """The newest answer that was dated."""

    def answered(self, status: int, date: str | None, wall_s: float, mono: int, asked: int) -> None:
        """Take note of an answer that is just there, to what was asked at `asked`."""
        code = str(status) if status in NAMED else f"{status // 100}xx"
        self.answers[code] += 1
        if date is None or mono - asked > UNDER_WAY_MAX:
            return
        try:
            theirs = parsedate_to_datetime(date)
        except ValueError:
            return
        if theirs.tzinfo is None:
            theirs = theirs.replace(tzinfo=UTC)
        self.dated = Dated(Nanos((int(theirs.timestamp()) + 1) * SECOND), mono)
        off = wall_s - theirs.timestamp()
        # Truth lies in the second they named: no skew as long as ours falls into it.
        self.skew_s = off - HALF_S if not 0.0 <= off <= 1.0 else 0.0
