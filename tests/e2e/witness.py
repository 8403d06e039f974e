"""Between the desk and its neighbours: what passes is noted, and a crash cuts all of it at once."""

import time
from collections.abc import Callable, Iterator, Sequence

from actors.adapters.projectx import Broker
from actors.adapters.storage import Batch, Storage, Unreadable
from protocol.codec import Recorded
from protocol.commands import Mutation, Read
from protocol.message import Message
from protocol.units import AccountId


class Link:
    """The desk's broker: the real one, until the line is cut."""

    broker: Broker
    event: Callable[[str, object], None]
    notice: Callable[[Message], None]

    def __init__(self) -> None:
        self.cut = False
        self.within = False
        """Whether the SDK is inside one of its callbacks right now."""
        self.longest_ns = 0

    async def perform(self, command: Mutation | Read) -> Message | None:
        """Hand on a command; it may not come from within a callback, where the SDK holds locks."""
        assert not self.within, "the desk acted inside the SDK's callback"
        return None if self.cut else await self.broker.perform(command)

    async def close(self) -> None:
        await self.broker.close()

    @property
    def ping_ms(self) -> float | None:
        return self.broker.ping_ms

    @property
    def spent(self) -> int:
        return self.broker.spent

    def on_event(self, event: str, payload: object) -> None:
        """Hand on an event, and time how long the SDK is held up."""
        if self.cut:
            return
        begun, self.within = time.monotonic_ns(), True
        try:
            self.event(event, payload)
        finally:
            self.within = False
            self.longest_ns = max(self.longest_ns, time.monotonic_ns() - begun)

    def on_notice(self, notice: Message) -> None:
        if not self.cut:
            self.notice(notice)


class Witness:
    """A store that notes when each batch was on the disk."""

    def __init__(self, store: Storage) -> None:
        self.store = store
        self.commits: list[tuple[int, Batch]] = []
        self.delay_s = 0.0
        """How long the disk takes beyond its usual time."""

    @property
    def account_id(self) -> AccountId:
        return self.store.account_id

    @property
    def generation(self) -> int:
        return self.store.generation

    @property
    def last_seq(self) -> int:
        return self.store.last_seq

    def load_states(self) -> dict[str, bytes]:
        return self.store.load_states()

    def commit(self, batch: Batch) -> int:
        return self.commit_many((batch,))

    def commit_many(self, batches: Sequence[Batch]) -> int:
        time.sleep(self.delay_s)
        last = self.store.commit_many(batches)
        at = time.monotonic_ns()
        self.commits += [(at, batch) for batch in batches]
        return last

    def replay(self, after: int = 0) -> Iterator[tuple[int, Recorded | Unreadable]]:
        return self.store.replay(after)

    def close(self) -> None:
        self.store.close()

    def written(self, kind: type[Message]) -> int:
        """Return when the first record of a kind was on the disk."""
        return min(
            at
            for at, batch in self.commits
            if any(isinstance(record.message, kind) for record in batch.records)
        )
