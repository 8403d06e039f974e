"""A stretch of an account's journal run again, and everything that came out otherwise."""

from collections.abc import Iterator
from datetime import date

import msgspec

from actors.adapters.storage import is_beginning
from actors.adapters.store import Store
from actors.model.schedule import ResetSchedule
from actors.plan import read_plan
from actors.replay import Difference, Replay, ReplayError, turns
from actors.roster import RELEASE
from ops.past.progress import Progress
from protocol.codec import Recorded
from protocol.lifecycle import Began, Snapshot
from protocol.units import SECOND, Nanos
from protocol.words import instant_text

SHOWN_MAX = 20
"""Differences that are told; what follows the first may only follow from it."""
HALF_A_DAY = 43_200 * SECOND


class Otherwise(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that did not repeat itself."""

    at: str
    turn: int
    written: str
    repeated: str


class Rerun(msgspec.Struct, kw_only=True):
    """What became of it."""

    account: int
    since: str | None = None
    until: str | None = None
    release: str = ""
    """Who wrote it: the newest release among them."""
    turns: int = 0
    records: int = 0
    differences: int = 0
    first: list[Otherwise] = msgspec.field(default_factory=list[Otherwise])
    gaps: list[str] = msgspec.field(default_factory=list[str])
    skipped: int = 0
    """Records before the first place at which a replay may begin."""

    @property
    def same(self) -> bool:
        """Tell whether everything that could be run came out as it is written."""
        return not self.differences and not self.gaps

    @property
    def writer(self) -> str:
        """Say who wrote it, and who reads it if that is another: they may decide otherwise."""
        if self.release in {"", RELEASE}:
            return self.release
        return f"{self.release}, read by {RELEASE}"

    def took(self, turn: list[Recorded]) -> None:
        """Count a turn."""
        self.turns += 1
        self.records += len(turn)
        self.since = self.since or instant_text(turn[0].now.wall)
        self.until = instant_text(turn[0].now.wall)
        for record in turn:
            if isinstance(record.message, Began | Snapshot):
                self.release = record.message.release

    def differs(self, found: Difference) -> None:
        """Note a turn that did not repeat itself."""
        self.differences += 1
        if len(self.first) < SHOWN_MAX:
            self.first.append(
                Otherwise(
                    at=instant_text(found.now.wall),
                    turn=found.turn,
                    written=found.written,
                    repeated=found.repeated,
                )
            )


class Stretch(msgspec.Struct, frozen=True):
    """From when to when; None is as far as there is."""

    since: Nanos | None = None
    until: Nanos | None = None


def day_of(schedule: ResetSchedule, day: date) -> Stretch | None:
    """Return the trading day of this name, None if there is none."""
    midnight = Nanos((day - date(1970, 1, 1)).days * 2 * HALF_A_DAY)
    for half_days in range(-4, 5):
        start = schedule.previous(Nanos(midnight + half_days * HALF_A_DAY))
        if schedule.day(start) == day.isoformat():
            return Stretch(start, schedule.following(start))
    return None


def schedule_of(store: Store) -> ResetSchedule | None:
    """Return when the account's days end by its newest plan; None if none is written."""
    for seq, _ in reversed(store.beginnings()):
        for _, record in store.replay(seq - 1):
            if isinstance(record, Recorded) and isinstance(record.message, Began | Snapshot):
                return read_plan(record.message.plan).reset
            break
    return None


def rerun(store: Store, stretch: Stretch) -> Rerun:
    """Run a stretch again, from the nearest place before it at which a replay may begin."""
    found, replay = Rerun(account=store.account_id), Replay(store.account_id)
    progress = Progress("replay", store.last_seq)
    lost = True
    try:
        for seq, turn in journal_turns(store, beginning(store, stretch.since)):
            if stretch.until is not None and turn[0].now.wall >= stretch.until:
                break
            progress.at(seq)
            if lost and not any(map(is_beginning, turn)):
                found.skipped += len(turn)
                continue
            lost = False
            try:
                difference = replay.take(turn)
            except ReplayError as error:
                lost = True
                found.gaps.append(f"{instant_text(turn[0].now.wall)}: {error}")
                continue
            if stretch.since is None or turn[0].now.wall >= stretch.since:
                found.took(turn)
            if difference is not None:
                found.differs(difference)
    finally:
        replay.close()
        progress.done()
    return found


def beginning(store: Store, since: Nanos | None) -> int:
    """Return the number of the record before the last beginning that is not after an instant."""
    if since is None:
        return 0
    earlier = [seq for seq, wall in store.beginnings() if wall <= since]
    return earlier[-1] - 1 if earlier else 0


def journal_turns(store: Store, after: int) -> Iterator[tuple[int, list[Recorded]]]:
    """Yield each turn behind a record, and the number of its last one.

    What a newer release wrote cannot be read: its turn lacks it, and will not repeat itself.
    """
    last = after

    def records() -> Iterator[Recorded]:
        nonlocal last
        for seq, record in store.replay(after):
            last = seq
            if isinstance(record, Recorded):
                yield record

    for turn in turns(records()):
        yield last, turn
