"""What a store says about itself: its schema's number, its account, its lives, its first record.

A change of the layout is a numbered migration.  Each runs in its own transaction together with the
new number, so a crash on the way leaves a store of some schema, never one in between.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import lmdb

from actors.adapters.storage import StoreError
from protocol import codec
from protocol.units import AccountId, Nanos

SCHEMA = codec.SCHEMA
TRIM_STEPS_MAX = 10_000
"""Records taken away in one transaction."""
_SCHEMA_KEY = b"schema"
_ACCOUNT_KEY = b"account"
_GENERATION_KEY = b"generation"
_FIRST_KEY = b"first"
_WHOLE_KEY = b"whole"
_MARK_KEY = b"mark:"


class Databases(NamedTuple):
    """The handles of the three named databases."""

    journal: lmdb._Database
    state: lmdb._Database
    meta: lmdb._Database


type Txn = lmdb.Transaction[bytes]
type Migration = Callable[[Txn, Databases], None]


def _note_what_is_whole(txn: Txn, dbs: Databases) -> None:
    """1 to 2: what was written so far lacks what a replay needs; what follows has it."""
    cursor = txn.cursor(dbs.journal)
    newest = int.from_bytes(cursor.key()) if cursor.last() else 0
    write(txn, dbs, _WHOLE_KEY, newest + 1)


MIGRATIONS: Mapping[int, Migration] = {1: _note_what_is_whole}
"""From the number that is the key to the next."""


def databases(env: lmdb.Environment, *, create: bool) -> Databases:
    """Open the three, and create them if need be."""
    return Databases(*(env.open_db(name.encode(), create=create) for name in Databases._fields))


def enter(
    env: lmdb.Environment,
    dbs: Databases,
    account_id: AccountId,
    *,
    schema: int = SCHEMA,
    migrations: Mapping[int, Migration] = MIGRATIONS,
) -> int:
    """Check whose store it is, bring it up to date, and return the number of the life it begins."""
    with env.begin(write=True) as txn:
        is_new = txn.get(_SCHEMA_KEY, db=dbs.meta) is None and txn.stat(dbs.journal)["entries"] == 0
        if is_new:
            write(txn, dbs, _SCHEMA_KEY, schema)
            write(txn, dbs, _ACCOUNT_KEY, account_id)
    check_identity(env, dbs, account_id, schema=schema)
    migrate(env, dbs, schema, migrations)
    with env.begin(write=True) as txn:
        generation = read(txn, dbs, _GENERATION_KEY, 0) + 1
        write(txn, dbs, _GENERATION_KEY, generation)
    return generation


def check_identity(
    env: lmdb.Environment, dbs: Databases, account_id: AccountId, *, schema: int = SCHEMA
) -> None:
    """Raise StoreError if this is another account's store, or a newer version's."""
    with env.begin() as txn:
        found = read(txn, dbs, _SCHEMA_KEY, 0)
        owner = read(txn, dbs, _ACCOUNT_KEY, 0)
    if found > schema:
        raise StoreError(
            f"{env.path()}: written with schema {found}, and this version knows schema {schema}; "
            "install the version that wrote it, or a newer one"
        )
    if owner != account_id:
        raise StoreError(
            f"{env.path()}: the store of account {owner}, not of account {account_id}; "
            "put the folder back where it was"
        )


def migrate(
    env: lmdb.Environment, dbs: Databases, schema: int, migrations: Mapping[int, Migration]
) -> None:
    """Take the numbered steps that are left, each in its own transaction."""
    while True:
        with env.begin(write=True) as txn:
            found = read(txn, dbs, _SCHEMA_KEY, 0)
            if found == schema:
                return
            migrations[found](txn, dbs)
            write(txn, dbs, _SCHEMA_KEY, found + 1)


def look(env: lmdb.Environment, dbs: Databases, account_id: AccountId) -> int:
    """Check whose store it is without touching it; return the number of its present life."""
    check_identity(env, dbs, account_id)
    with env.begin() as txn:
        return read(txn, dbs, _GENERATION_KEY, 0)


def first_seq(txn: Txn, dbs: Databases) -> int:
    """Return the number of the oldest record that is kept."""
    return read(txn, dbs, _FIRST_KEY, 1)


def trim(txn: Txn, dbs: Databases, upto: int, *, steps_max: int) -> None:
    """Take away the records up to this number, the oldest first, some at a time."""
    first = first_seq(txn, dbs)
    end = min(upto + 1, first + min(steps_max, TRIM_STEPS_MAX))
    if end > first:
        for seq in range(first, end):
            txn.delete(seq.to_bytes(8), db=dbs.journal)
            txn.delete(_MARK_KEY + seq.to_bytes(8), db=dbs.meta)
        write(txn, dbs, _FIRST_KEY, end)


def whole_from(txn: Txn, dbs: Databases) -> int:
    """Return the number of the oldest record that has all that a replay needs."""
    return read(txn, dbs, _WHOLE_KEY, 1)


def mark(txn: Txn, dbs: Databases, seq: int, wall: Nanos) -> None:
    """Note that a replay may begin at this record."""
    write(txn, dbs, _MARK_KEY + seq.to_bytes(8), wall)


def marks(txn: Txn, dbs: Databases) -> list[tuple[int, Nanos]]:
    """Return where a replay may begin, the oldest first, and when each was written."""
    cursor = txn.cursor(dbs.meta)
    found: list[tuple[int, Nanos]] = []
    if cursor.set_range(_MARK_KEY):
        for key, value in cursor.iternext():
            if not key.startswith(_MARK_KEY):
                break
            found.append((int.from_bytes(key[len(_MARK_KEY) :]), Nanos(int(value))))
    return found


def used_bytes(txn: Txn, dbs: Databases) -> int:
    """Return how much of the file is in use; the rest of it waits to be used again."""
    pages = 0
    for db in dbs:
        stat = txn.stat(db)
        pages += stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
    return pages * int(txn.stat(dbs.meta)["psize"])


def read(txn: Txn, dbs: Databases, key: bytes, default: int) -> int:
    """Return a number of the store's own."""
    value = txn.get(key, db=dbs.meta)
    return default if value is None else int(value)


def write(txn: Txn, dbs: Databases, key: bytes, value: int) -> None:
    """Write a number of the store's own."""
    txn.put(key, b"%d" % value, db=dbs.meta)
