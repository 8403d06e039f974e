"""How hostile the world is to one run: what is late, lost, doubled or refused, all by the seed."""

from enum import Enum, auto
from random import Random

from protocol.units import MILLISECOND, SECOND, AccountId


class Fate(Enum):
    """What becomes of a mutation between the desk and the broker."""

    DONE = auto()
    """Executed, and answered."""
    DONE_LATE = auto()
    """Answered first, executed some time after."""
    FILLS_LATE = auto()
    """Taken as a market order and answered; it fills some time after."""
    REFUSED = auto()
    LOST_ANSWER = auto()
    """Executed; the answer says nothing."""
    LOST = auto()
    """Never arrived; the answer says nothing."""
    LOST_LATE = auto()
    """The answer says nothing, and it is executed after that."""
    SILENT = auto()
    """Executed; no answer ever comes."""
    SILENT_LOST = auto()
    """Never arrived, and no answer ever comes."""


FATES = {
    Fate.DONE: 56,
    Fate.DONE_LATE: 6,
    Fate.FILLS_LATE: 6,
    Fate.REFUSED: 8,
    Fate.LOST_ANSWER: 8,
    Fate.LOST: 6,
    Fate.LOST_LATE: 4,
    Fate.SILENT: 3,
    Fate.SILENT_LOST: 3,
}


FAULTS_MAX = 2
"""How often each actor may fail in a run: fewer times than its supervisor is patient."""


class Weather:
    """The dice of one run; when it is calm everything arrives, soon and once."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.calm = False
        self.storm = random.choice((0.2, 1.0, 1.0, 2.0))
        """How often things go wrong, against the figures below."""
        self.fault = random.choice((0.0, 0.0, 0.002, 0.01))
        self._struck: dict[str, int] = {}
        self.doomed: set[str] = set()
        """The actors that fail on every message."""
        self.crash = random.choice((0.0, 0.002, 0.01, 0.03))
        self.kills = random.choice((0, 0, 1, 2))
        """How often the guardian takes the desk for hung."""
        self.sleeps = random.choice((0, 0, 0, 1))
        self.jumps = random.choice((0, 0, 1, 2))
        self.disk_outages = random.choice((0, 0, 1, 3))
        self.hanging: AccountId | None = None
        """The account of which no call is ever answered while it is stormy."""
        self.odd_shapes = random.choice((0.0, 0.2))

    def happens(self, chance: float) -> bool:
        """Tell whether something bad happens that does so with this chance."""
        return not self.calm and self._random.random() < chance * self.storm

    def crashes(self) -> bool:
        """Tell whether the process dies between this effect and the next."""
        return not self.calm and self._random.random() < self.crash

    def strikes(self, path: str) -> bool:
        """Tell whether an actor fails on its next message; only a doomed one is given up."""
        if path in self.doomed and not self.calm:
            return True
        if self.calm or self._random.random() >= self.fault:
            return False
        self._struck[path] = self._struck.get(path, 0) + 1
        return self._struck[path] <= FAULTS_MAX

    def doom(self, path: str) -> None:
        """Have an actor fail on every message from now on."""
        self.doomed.add(path)

    def hangs(self, account_id: AccountId) -> bool:
        """Tell whether this account's calls are never answered."""
        return not self.calm and account_id == self.hanging

    def delay(self) -> int:
        """Return how long a message is under way: some milliseconds, sometimes far longer."""
        if self.happens(0.05):
            return self._random.randrange(3 * SECOND)
        return self._random.randrange(MILLISECOND, 20 * MILLISECOND)

    def hub_delay(self) -> int:
        """Return how long a fact is under way: long enough to be overtaken, now and then."""
        if self.happens(0.04):
            return self._random.randrange(700 * MILLISECOND)
        return self._random.randrange(MILLISECOND, 4 * MILLISECOND)

    def within(self, most: int) -> int:
        """Return some span up to this long."""
        return self._random.randrange(MILLISECOND, most)

    def fate(self) -> Fate:
        """Return what becomes of a mutation."""
        if not self.happens(1.0):
            return Fate.DONE
        return self._random.choices(tuple(FATES), tuple(FATES.values()))[0]
