"""What one transaction of a store writes: records, states, and where a replay may begin."""

from actors.adapters import store_schema
from actors.adapters.retention import Retention, cut
from actors.adapters.storage import Encoded, name_seed, seal
from actors.adapters.store_schema import Databases, Txn


def put(txn: Txn, dbs: Databases, group: Encoded, known: int) -> int:
    """Write batches behind what there is; return the newest record's number.

    `known` is the newest record that the caller knows of: a commit that reported a failure may
    have reached the disk all the same, and is not written twice.
    """
    seq = newest(txn, dbs)
    for payload in group.records[_already_written(txn, dbs, group, known) :]:
        seq += 1
        txn.put(seq.to_bytes(8), seal(payload, seq), append=True, db=dbs.journal)
    for name, state in group.states.items():
        if state is None:
            txn.delete(name.encode(), db=dbs.state)
        else:
            txn.put(name.encode(), seal(state, name_seed(name)), db=dbs.state)
    return seq


def _already_written(txn: Txn, dbs: Databases, group: Encoded, known: int) -> int:
    """Count the records that an earlier commit left here although it reported a failure."""
    found = newest(txn, dbs)
    for count, payload in enumerate(group.records[: found - known]):
        seq = known + count + 1
        if txn.get(seq.to_bytes(8), db=dbs.journal) != seal(payload, seq):
            return count
    return min(found - known, len(group.records))


def marked(txn: Txn, dbs: Databases, group: Encoded, last: int, keep: Retention) -> int:
    """Note where a replay may begin; return the newest record that may go by now."""
    for number, wall in group.marks.items():
        store_schema.mark(txn, dbs, last - len(group.records) + number + 1, wall)
    first, used = store_schema.first_seq(txn, dbs), store_schema.used_bytes(txn, dbs)
    return cut(keep, store_schema.marks(txn, dbs), first, last, used)


def newest(txn: Txn, dbs: Databases) -> int:
    """Return the number of the newest record, 0 before the first."""
    cursor = txn.cursor(dbs.journal)
    return int.from_bytes(cursor.key()) if cursor.last() else 0
