"""What a login's desk counted over all of its lives: a counter never goes back by a restart."""

import msgspec

from protocol.metrics import Bars, Figures, Series, is_counter

type Key = tuple[str, tuple[str, ...]]


class Totals:
    """The lives before this one, added up, and this one as last told."""

    def __init__(self) -> None:
        self._counted: dict[Key, float] = {}
        self._bars: dict[Key, Bars] = {}
        self._now = Figures()

    def begins(self) -> None:
        """Add the life that ended to those before it."""
        self._counted = {
            (one.name, one.labels): one.value for one in self.all() if is_counter(one.name)
        }
        self._bars = {(one.name, one.labels): one for one in self.bars()}
        self._now = Figures()

    def take(self, figures: Figures) -> None:
        """Take the newest word of this life."""
        self._now = figures

    def all(self) -> list[Series]:
        """Return every counter over all lives, and every gauge of this one."""
        left = dict(self._counted)
        told: list[Series] = []
        for one in self._now.series:
            before = left.pop((one.name, one.labels), 0)
            told.append(Series(one.name, one.labels, one.value + before) if before else one)
        return [*told, *(Series(name, labels, value) for (name, labels), value in left.items())]

    def bars(self) -> list[Bars]:
        """Return every distribution over all lives."""
        left = dict(self._bars)
        told: list[Bars] = []
        for one in self._now.bars:
            before = left.pop((one.name, one.labels), None)
            told.append(one if before is None else _added(one, before))
        return [*told, *left.values()]


def _added(one: Bars, before: Bars) -> Bars:
    counts = tuple(a + b for a, b in zip(one.counts, before.counts, strict=True))
    return msgspec.structs.replace(one, counts=counts, total=one.total + before.total)
