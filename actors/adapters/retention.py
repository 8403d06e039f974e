"""How much of a journal is kept: so many days, so many bytes, and never less than one beginning.

A journal is cut only where a replay may begin: at a start of a desk or at a snapshot, of which
there is one a day at least.  Cutting frees pages of the file for what comes; it does not make the
file smaller (a backup does).
"""

from collections.abc import Sequence
from typing import NamedTuple

from protocol.units import SECOND, Nanos

DAY = 86_400 * SECOND
ROOM = 0.75
"""To which share of its limit a journal that has grown too large is cut."""


class Retention(NamedTuple):
    """The limits of one account's journal; 0 is none."""

    age: Nanos = Nanos(0)
    size: int = 0


def cut(
    keep: Retention, marks: Sequence[tuple[int, Nanos]], first: int, last: int, used: int
) -> int:
    """Return the newest record that may go, 0 for none.

    The newest beginning that is too old stays: what is young enough may only be understood from
    there.
    """
    if not marks:
        return 0
    upto = 0
    if keep.age:
        horizon = marks[-1][1] - keep.age
        upto = max((seq - 1 for seq, wall in marks if wall < horizon), default=0)
    if keep.size and used > keep.size:
        share = ROOM * keep.size / used
        least = last - int((last - first + 1) * share)
        upto = max(upto, next((seq - 1 for seq, _ in marks if seq > least), marks[-1][0] - 1))
    return upto
