"""What a desk asks of a store, and the twin of it that keeps everything in memory.

A store belongs to one account.  It holds a journal, whose records are numbered from 1 without a
gap, and the last kept state of each actor.  A commit takes both or neither.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, Self

import msgspec

from protocol import codec
from protocol.codec import Recorded
from protocol.lifecycle import Began, Snapshot
from protocol.units import AccountId, Nanos

ACTOR_NAME_BYTES_MAX = 500
"""LMDB's keys end at 511 bytes."""
_CRC_BYTES = 4
_SEED_MASK = 0xFFFFFFFF


class StoreError(Exception):
    """The store cannot be used as it is; the text says what to do about it."""


class StoreCorrupt(StoreError):
    """What is on the disk is not what was written."""

    def __init__(self, path: object, what: str, remedy: str) -> None:
        super().__init__(f"{path}: {what}; {remedy}")
        self.path = path
        self.what = what
        self.remedy = remedy


class Batch(msgspec.Struct, frozen=True):
    """What one step leaves behind: records for the journal, and states that replace older ones.

    States are objects; they are encoded where they are written, off the event loop.  A state of
    None forgets the actor.
    """

    account_id: AccountId
    records: tuple[Recorded, ...] = ()
    states: tuple[tuple[str, object], ...] = ()


class Unencodable(StoreError):
    """A batch that can never be written, because it holds what the codec cannot express."""

    def __init__(self, batch: Batch, why: str) -> None:
        super().__init__(f"a batch of account {batch.account_id} cannot be encoded: {why}")
        self.batch = batch


class Unreadable(msgspec.Struct, frozen=True):
    """A record whose bytes are sound but strange to this version: a newer one wrote it."""

    raw: bytes
    why: str


class Storage(Protocol):
    """One account's journal and states."""

    @property
    def account_id(self) -> AccountId:
        """Whose store it is."""
        ...

    @property
    def generation(self) -> int:
        """How many times it has been opened: this life's number."""
        ...

    @property
    def last_seq(self) -> int:
        """Return the number of the newest record, 0 before the first."""
        ...

    def load_states(self) -> dict[str, bytes]:
        """Return each actor's kept state as written, each checked."""
        ...

    def commit(self, batch: Batch) -> int:
        """Write a batch, all or nothing, durably; return the newest record's number."""
        ...

    def commit_many(self, batches: Sequence[Batch]) -> int:
        """Write batches in their order as one transaction; return the newest record's number."""
        ...

    def replay(self, after: int = 0) -> Iterator[tuple[int, Recorded | Unreadable]]:
        """Yield every record that follows the one with this number."""
        ...

    def close(self) -> None:
        """Let go of it; a closed store refuses everything else."""
        ...


class Encoded(NamedTuple):
    """Batches as bytes; of several states of one actor only the last is left."""

    records: list[bytes]
    states: dict[str, bytes | None]
    marks: dict[int, Nanos]
    """Which of the records a replay may begin at, and when they were made."""


def encode(account_id: AccountId, batches: Sequence[Batch]) -> Encoded:
    """Return what a transaction of these batches writes; raise Unencodable naming the culprit."""
    group = Encoded([], {}, {})
    for batch in batches:
        assert batch.account_id == account_id, f"{batch.account_id} in the store of {account_id}"
        try:
            records = [codec.encode(record) for record in batch.records]
            states = {name: _state_bytes(state) for name, state in batch.states}
        except (
            TypeError,
            ValueError,
            OverflowError,
            RecursionError,
            msgspec.MsgspecError,
        ) as error:
            raise Unencodable(batch, f"{type(error).__name__}: {error}") from error
        for name in states:
            assert 0 < len(name.encode()) <= ACTOR_NAME_BYTES_MAX, f"actor name {name!r}"
        for number, record in enumerate(batch.records, len(group.records)):
            if is_beginning(record):
                group.marks[number] = record.now.wall
        group.records.extend(records)
        group.states.update(states)
    return group


def is_beginning(record: Recorded) -> bool:
    """Tell whether a replay may begin here: a desk starts, or all that an account knows follows."""
    if isinstance(record.message, Began):
        return (record.turn, record.place) == (1, 0)
    return isinstance(record.message, Snapshot)


def _state_bytes(state: object) -> bytes | None:
    return None if state is None else codec.encode_state(state)


def seal(payload: bytes, seed: int) -> bytes:
    """Return the payload behind its checksum; the seed ties it to the place it is written to."""
    return zlib.crc32(payload, seed & _SEED_MASK).to_bytes(_CRC_BYTES, "big") + payload


def unseal(sealed: bytes, seed: int) -> bytes | None:
    """Return the payload, or None if it is not what was sealed for this place."""
    payload = sealed[_CRC_BYTES:]
    return payload if sealed == seal(payload, seed) else None


def name_seed(name: str) -> int:
    """Return the seed that ties a state to its actor."""
    return zlib.crc32(name.encode())


def decode(payload: bytes) -> Recorded | Unreadable:
    """Return the record in these bytes, or the bytes themselves if they say something unknown."""
    try:
        return codec.decode(payload)
    except msgspec.MsgspecError as error:
        return Unreadable(payload, str(error))


class InMemoryStore:
    """A store without a disk, for simulations: what is committed is encoded like the real one's."""

    def __init__(self, account_id: AccountId) -> None:
        self._account_id = account_id
        self._records: list[bytes] = []
        self._states: dict[str, bytes] = {}
        self._generation = 1
        self._open = True

    @property
    def account_id(self) -> AccountId:
        """Whose store it is."""
        return self._account_id

    @property
    def generation(self) -> int:
        """How many times it has been opened."""
        return self._generation

    @property
    def last_seq(self) -> int:
        """Return the number of the newest record."""
        self._check_open()
        return len(self._records)

    def load_states(self) -> dict[str, bytes]:
        """Return each actor's kept state."""
        self._check_open()
        return dict(self._states)

    def commit(self, batch: Batch) -> int:
        """Keep a batch."""
        return self.commit_many((batch,))

    def commit_many(self, batches: Sequence[Batch]) -> int:
        """Keep all of these batches, or none of them."""
        self._check_open()
        group = encode(self._account_id, batches)
        self._records += group.records
        for name, state in group.states.items():
            if state is None:
                self._states.pop(name, None)
            else:
                self._states[name] = state
        return len(self._records)

    def replay(self, after: int = 0) -> Iterator[tuple[int, Recorded | Unreadable]]:
        """Yield every record that follows the one with this number."""
        self._check_open()
        for seq in range(after + 1, len(self._records) + 1):
            yield seq, decode(self._records[seq - 1])

    def close(self) -> None:
        """Refuse everything from now on, as a store does whose process has ended."""
        self._open = False

    def reopened(self) -> Self:
        """Return the store as the next process finds it; this handle is closed."""
        self.close()
        following = type(self)(self._account_id)
        following._records, following._states = self._records, self._states  # noqa: SLF001
        following._generation = self._generation + 1  # noqa: SLF001
        return following

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError(f"the store of account {self._account_id} is closed: reopen it")
