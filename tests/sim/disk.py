"""One account's disk: it may be slow, or refuse, for a while; what it took it keeps."""

from collections.abc import Callable

from actors.adapters.storage import Batch, InMemoryStore
from protocol.units import AccountId

PATIENCE = 20_000_000
"""How long a commit may hold back what a step asks of the world: ops/desk/release.py."""


class Write:
    """A batch on its way to the disk, and what may leave when it is there, or before."""

    def __init__(self, batch: Batch, landed: Callable[[], None], out: Callable[[], None]) -> None:
        self.batch = batch
        self.landed = landed
        self._out = out
        self._is_out = False

    def let_out(self) -> None:
        """Let out what waits for it, once."""
        if not self._is_out:
            self._is_out = True
            self._out()


class Disk:
    """A store behind a disk."""

    def __init__(self, account_id: AccountId) -> None:
        self.store = InMemoryStore(account_id)
        self.waiting: list[Write] = []
        self.well_at = 0
        """Until then it does not answer, or refuses."""
        self.refuses = False

    def replaced(self) -> None:
        """Forget what was not written yet: its process is gone."""
        self.store = self.store.reopened()
        self.waiting = []

    def land(self) -> None:
        """Write all that waits, in its order."""
        group, self.waiting = self.waiting, []
        self.store.commit_many([one.batch for one in group])
        for one in group:
            one.landed()
