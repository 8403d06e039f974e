"""One account's store: an LMDB environment with a journal, the actors' states, and its own data.

Journal: big-endian number -> checksum | record.  State: actor -> checksum | state.  LMDB has no
checksums of its own, and `verify` does not look inside values: ours find a flipped bit.

Default sync: a commit that has returned survives a power cut.  Every call checks the process: an
environment used across a fork corrupts silently.  One thread writes; others may read meanwhile.
"""

import os
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Self

import lmdb
from msgspec import Raw

from actors.adapters import store_files, store_schema, store_write
from actors.adapters.retention import Retention
from actors.adapters.storage import (
    Batch,
    Encoded,
    InMemoryStore,
    Storage,
    StoreCorrupt,
    StoreError,
    Unencodable,
    Unreadable,
    decode,
    encode,
    name_seed,
    unseal,
)
from actors.adapters.store_salvage import salvage
from actors.adapters.store_schema import Databases, Txn
from protocol.codec import Recorded
from protocol.units import AccountId, Nanos

__all__ = [
    "Batch",
    "InMemoryStore",
    "Storage",
    "Store",
    "StoreCorrupt",
    "StoreError",
    "Unencodable",
    "Unreadable",
]

MAP_BYTES = 256 * 2**20
"""Address space, not disk: doubled when the file has filled it."""
MAP_BYTES_MAX = 2**40
RECORDS_MAX = 1_000_000
"""Records kept in a journal; beyond them each commit takes away some of the oldest."""
FOR_EVER = Retention()
_REPLAY_CHUNK = 1_000
"""Records read in one go: a reader that dawdles would keep LMDB from reusing pages."""
_READERS_MAX = 16


class Store:
    """One account's journal and states on disk."""

    def __init__(
        self,
        path: Path,
        account_id: AccountId,
        *,
        map_bytes: int = MAP_BYTES,
        records_max: int = RECORDS_MAX,
        keep: Retention = FOR_EVER,
        read_only: bool = False,
    ) -> None:
        self.path = path
        self._account_id = account_id
        self._map_bytes = map_bytes
        self._records_max = records_max
        self._keep = keep
        self._cut = 0
        self._read_only = read_only
        self._pid = os.getpid()
        self._reading = threading.RLock()  # the map must not move under a reader
        self._env: lmdb.Environment | None = None
        self._marked = self._panicked = False
        self._generation, self._seq = self._attach()

    @classmethod
    def open(cls, path: Path, account_id: AccountId, keep: Retention = FOR_EVER) -> Self:
        """Open or create; raise StoreCorrupt on damage, StoreError if it is not ours to use."""
        return cls(path, account_id, keep=keep)

    @classmethod
    def open_or_rebuild(
        cls, path: Path, account_id: AccountId, keep: Retention = FOR_EVER
    ) -> tuple[Self, Path | None]:
        """Open; in the place of a damaged store start a new one, and say where the old one is.

        Whoever gets a path has lost some of the account's past, its locks perhaps, and must act on
        it.  The states that can still be read are taken over: they were true once.
        """
        try:
            store = cls.open(path, account_id, keep)
            try:
                store.load_states()
            except StoreCorrupt:
                store.close()
                raise
        except StoreCorrupt:
            copy = store_files.set_aside(path)
            store = cls.open(path, account_id, keep)
            sound = tuple((name, Raw(raw)) for name, raw in salvage(copy).items())
            store.commit(Batch(account_id=account_id, states=sound))
            return store, copy
        return store, None

    @classmethod
    def open_to_read(cls, path: Path, account_id: AccountId) -> Self:
        """Open beside the process that writes, for people who ask what happened."""
        if not store_files.has_data(path):
            raise StoreError(f"{path}: nothing was ever recorded here; check the account")
        return cls(path, account_id, read_only=True)

    @property
    def account_id(self) -> AccountId:
        """Whose store it is."""
        return self._account_id

    @property
    def generation(self) -> int:
        """How many times it has been opened: this life's number."""
        return self._generation

    @property
    def last_seq(self) -> int:
        """Return the number of the newest record, 0 before the first."""
        with self._reader() as txn:
            return store_write.newest(txn, self._dbs)

    def load_states(self) -> dict[str, bytes]:
        """Return each actor's kept state as written, each checked."""
        states: dict[str, bytes] = {}
        with self._reader() as txn:
            for key, sealed in txn.cursor(self._dbs.state):
                name = key.decode(errors="replace")
                payload = unseal(sealed, name_seed(name))
                if payload is None:
                    raise self._corrupt(f"the state of {name} fails its checksum")
                states[name] = payload
        return states

    def commit(self, batch: Batch) -> int:
        """Write a batch, all or nothing, durably; return the newest record's number."""
        return self.commit_many((batch,))

    def commit_many(self, batches: Sequence[Batch]) -> int:
        """Write batches in their order as one transaction; return the newest record's number."""
        if self._read_only:
            raise StoreError(f"{self.path}: opened to read; its own process writes it")
        group = encode(self._account_id, batches)
        if self._panicked:
            self._reopen()
        while True:
            try:
                self._seq = self._write(group)
            except lmdb.MapFullError:
                self._grow()
            except lmdb.PanicError:  # LMDB refuses everything once a write of its own failed
                self._panicked = True
                raise
            else:
                break
        if not self._marked:
            store_files.mark_checked(self.path)
            self._marked = True
        return self._seq

    def replay(self, after: int = 0) -> Iterator[tuple[int, Recorded | Unreadable]]:
        """Yield every record that follows the one with this number; raise StoreCorrupt at damage.

        A record of a newer version is yielded as it is: what follows it can still be read.
        """
        start, chunk = self._read_from(after + 1)
        while chunk:
            for expected, (seq, sealed) in enumerate(chunk, start):
                if seq != expected:
                    raise self._corrupt(
                        f"the journal has a gap: {seq} stands where {expected} should"
                    )
                payload = unseal(sealed, seq)
                if payload is None:
                    raise self._corrupt(f"journal record {seq} fails its checksum")
                yield seq, decode(payload)
            start, chunk = self._read_from(start + len(chunk))

    @property
    def whole_from(self) -> int:
        """Return the number of the oldest record that has all that a replay needs."""
        with self._reader() as txn:
            return store_schema.whole_from(txn, self._dbs)

    def beginnings(self) -> list[tuple[int, Nanos]]:
        """Return the records that a replay may begin at, the oldest first, and their times."""
        with self._reader() as txn:
            return store_schema.marks(txn, self._dbs)

    def close(self) -> None:
        """Let go of the environment, unless another process holds it."""
        if self._detach() and not self._read_only:
            store_files.mark_checked(self.path)

    def _detach(self) -> bool:
        env, self._env = self._env, None
        if env is None or os.getpid() != self._pid:
            return False
        env.close()
        return True

    def _attach(self) -> tuple[int, int]:
        self._marked = self._panicked = False
        if not self._read_only:
            store_files.prepare(self.path)
            store_files.check(self.path)
        elif store_files.is_cut_short(self.path):
            store_files.check_fully(self.path)
        with store_files.damage_named(self.path):
            self._env = env = lmdb.open(
                str(self.path),
                map_size=self._map_bytes,
                max_dbs=len(Databases._fields),
                max_readers=_READERS_MAX,
                mode=0o600,
                readonly=self._read_only,
            )
            try:
                return self._begin_life(env), self.last_seq
            except BaseException:
                self._detach()
                raise

    def _begin_life(self, env: lmdb.Environment) -> int:
        env.reader_check()  # frees the slots of readers that were killed
        self._dbs = store_schema.databases(env, create=not self._read_only)
        if self._read_only:
            store_files.give_back(self.path)
            return store_schema.look(env, self._dbs, self._account_id)
        generation = store_schema.enter(env, self._dbs, self._account_id)
        if generation == 1:
            store_files.sync_folder(self.path)
        return generation

    def _reopen(self) -> None:
        # The newest record we know of stays what it was: a commit that reported a failure may
        # have reached the disk all the same, and `_write` looks for it.
        self._detach()
        self._attach()

    def _live(self) -> lmdb.Environment:
        if os.getpid() != self._pid:
            raise StoreError(f"{self.path}: opened by another process; open it where it is used")
        if self._env is None:
            raise StoreError(f"{self.path}: closed; open it again")
        return self._env

    @contextmanager
    def _reader(self) -> Generator[Txn]:
        with self._reading, store_files.damage_named(self.path), self._live().begin() as txn:
            yield txn

    def _write(self, group: Encoded) -> int:
        with self._live().begin(write=True) as txn:
            seq = store_write.put(txn, self._dbs, group, self._seq)
            if group.marks:
                self._cut = store_write.marked(txn, self._dbs, group, seq, self._keep)
            upto = max(seq - self._records_max, self._cut)
            store_schema.trim(txn, self._dbs, upto, steps_max=2 * len(group.records))
        return seq

    def _read_from(self, seq: int) -> tuple[int, list[tuple[int, bytes]]]:
        with self._reader() as txn:
            start = max(seq, store_schema.first_seq(txn, self._dbs))
            cursor = txn.cursor(self._dbs.journal)
            if not cursor.set_range(start.to_bytes(8)):
                return start, []
            found = islice(cursor.iternext(), _REPLAY_CHUNK)
            return start, [(int.from_bytes(key), sealed) for key, sealed in found]

    def _grow(self) -> None:
        size = self._live().info()["map_size"] * 2
        if size > MAP_BYTES_MAX:
            raise StoreError(f"{self.path}: larger than {MAP_BYTES_MAX} bytes; move it away")
        with self._reading:
            self._live().set_mapsize(size)
        self._map_bytes = size

    def _corrupt(self, what: str) -> StoreCorrupt:
        return StoreCorrupt(self.path, what, store_files.REMEDY)
