"""Whether a store is what was written: pages, checksums, numbers, and what the states say."""

from contextlib import closing
from pathlib import Path

import lmdb
import msgspec

from actors.adapters import store_files
from actors.adapters.storage import StoreError, Unreadable
from actors.adapters.store import Store
from actors.lockout import Kept as KeptLocks
from actors.model.account_state import Kept as KeptAccount
from actors.model.enforcement_state import Kept as KeptEnforcer
from actors.plan import read_plan
from actors.reset import Kept as KeptReset
from actors.timer import Kept as KeptTimers
from ops.past.progress import Progress
from protocol.codec import Recorded, decode_state
from protocol.lifecycle import Began, Snapshot
from protocol.settings import KeptSettings
from protocol.units import AccountId
from protocol.words import instant_text

PROBLEMS_MAX = 20
KEPT: dict[str, type] = {
    "": KeptAccount,
    "/lockout": KeptLocks,
    "/timer": KeptTimers,
    "/reset": KeptReset,
    "/enforcer": KeptEnforcer,
    "/settings": KeptSettings,
}
"""What the actors of an account keep, by the rest of their path."""


class Soundness(msgspec.Struct, kw_only=True):
    """What was found of one store."""

    account: int
    path: str
    problems: list[str] = msgspec.field(default_factory=list[str])
    notes: list[str] = msgspec.field(default_factory=list[str])
    pages_checked: bool = False
    """Whether every page of the file was looked at: not while a desk writes it."""
    records: int = 0
    first: int = 0
    states: int = 0
    beginnings: int = 0
    lives: int = 0
    newest: str | None = None
    bytes: int = 0

    @property
    def sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems


def inspect(path: Path, account_id: AccountId, *, live: bool) -> Soundness:
    """Look at all of a store, and touch none of it."""
    found = Soundness(account=account_id, path=str(path))
    try:
        if not live:
            store_files.check_fully(path)
            found.pages_checked = True
        found.bytes = (path / store_files.DATA).stat().st_size
        with closing(Store.open_to_read(path, account_id)) as store:
            found.lives, found.beginnings = store.generation, len(store.beginnings())
            _states(store, found)
            _journal(store, found)
    except (StoreError, lmdb.Error, OSError) as error:
        found.problems.append(str(error).removeprefix(f"{path}: "))
    return found


def _states(store: Store, found: Soundness) -> None:
    tree = f"account/{store.account_id}"
    for name, raw in store.load_states().items():
        found.states += 1
        shape = KEPT.get(name.removeprefix(tree))
        if not name.startswith(tree):
            found.problems.append(f"the state of {name} is not of this account")
        elif shape is not None:
            try:
                decode_state(raw, shape)
            except msgspec.MsgspecError as error:
                found.problems.append(f"the state of {name} is not understood: {error}")


def _journal(store: Store, found: Soundness) -> None:
    progress, strange = Progress(f"account {store.account_id}", store.last_seq), 0
    for seq, record in store.replay():
        progress.at(seq)
        found.first = found.first or seq
        found.records += 1
        if isinstance(record, Unreadable):
            strange += 1
        elif len(found.problems) < PROBLEMS_MAX:
            found.newest = instant_text(record.now.wall)
            _plan(seq, record, found)
    progress.done()
    if strange:
        found.notes.append(f"{strange:,} records are of a newer release, and are passed over")
    if store.whole_from > found.first:
        older = min(store.whole_from - found.first, found.records)
        found.notes.append(f"{older:,} records are of an older release: no replay can use them")


def _plan(seq: int, record: Recorded, found: Soundness) -> None:
    if isinstance(record.message, Began | Snapshot):
        try:
            read_plan(record.message.plan)
        except ValueError as error:
            found.notes.append(f"record {seq}: {error}")
