"""Notices that wait for one target: bounded, and joined into one message when there are many.

Pure: the thread that sends is ops/notify/outbox.py.
"""

from typing import NamedTuple

from ops.notify.notice import Notice

WAITING_MAX = 200
JOINED_MAX = 10
"""Notices in one message; more would be cut off by some services."""
AGE_MAX_S = 3_600.0
"""After this long a notice helps nobody."""
BACK_OFF_S, BACK_OFF_MAX_S = 1.0, 60.0


class Waiting(NamedTuple):
    """A notice, and since when it waits."""

    notice: Notice
    since: float


class Letter(NamedTuple):
    """One message: what it says, and which notices it carries."""

    title: str
    body: str
    urgent: bool
    carries: tuple[Waiting, ...]


class Backlog:
    """What is still to be sent, oldest first, and how many were given up."""

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: list[Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, notice: Notice, now: float) -> Notice | None:
        """Take a notice; return the one that has to give way, if there are too many."""
        self._waiting.append(Waiting(notice, now))
        if len(self._waiting) <= WAITING_MAX:
            return None
        least = next((one for one in self._waiting if not one.notice.is_urgent), self._waiting[0])
        self._waiting.remove(least)
        self.dropped += 1
        return least.notice

    def expire(self, now: float) -> list[Notice]:
        """Give up what has waited too long, and return it."""
        late = [one for one in self._waiting if now - one.since > AGE_MAX_S]
        self._waiting = [one for one in self._waiting if now - one.since <= AGE_MAX_S]
        self.dropped += len(late)
        return [one.notice for one in late]

    def letter(self) -> Letter | None:
        """Return the next message, without taking anything away."""
        carries = tuple(self._waiting[:JOINED_MAX])
        if not carries:
            return None
        urgent = any(one.notice.is_urgent for one in carries)
        gap = f"\n({self.dropped} earlier notices could not be sent)" if self.dropped else ""
        if len(carries) == 1:
            (one,) = carries
            return Letter(one.notice.title, one.notice.body + gap, urgent, carries)
        first = next((one for one in carries if one.notice.is_urgent), carries[0])
        body = "\n\n".join(f"{one.notice.title}\n{one.notice.body}" for one in carries)
        title = f"{first.notice.title} (and {len(carries) - 1} more)"
        return Letter(title, body + gap, urgent, carries)

    def sent(self, letter: Letter) -> None:
        """Take away what has arrived."""
        carried = {id(one) for one in letter.carries}
        self._waiting = [one for one in self._waiting if id(one) not in carried]
        self.dropped = 0


def back_off(attempt: int) -> float:
    """Return the seconds before another attempt, after so many that failed."""
    return min(BACK_OFF_S * 2.0 ** min(attempt - 1, 10), BACK_OFF_MAX_S)
