"""An account's folder: opened come what may, and searched for locks that are still in force."""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import lmdb
import msgspec

from actors.adapters.retention import DAY, Retention
from actors.adapters.storage import Batch, InMemoryStore, Storage, StoreCorrupt, StoreError
from actors.adapters.store import Store
from actors.lockout import Kept as KeptLocks
from actors.settings import rules_of_today
from actors.tree import SETTINGS
from config.schema import JournalConfig
from protocol.codec import decode_state
from protocol.lockouts import Lock
from protocol.settings import KeptSettings
from protocol.units import AccountId, Nanos

log = logging.getLogger(__name__)
UNUSABLE = (StoreError, lmdb.Error, OSError)


class Opened(NamedTuple):
    """A store, and what is wrong with it."""

    store: Storage
    alarm: str | None
    lost: bool = False
    """Whether locks may have been lost with it."""


def folder(data_dir: Path, account_id: AccountId) -> Path:
    """Return where an account's store is."""
    return data_dir / "accounts" / str(account_id)


def retention(config: JournalConfig) -> Retention:
    """Return how much of a journal is to be kept."""
    return Retention(age=Nanos(config.keep_days * DAY), size=config.max_mb * 2**20)


def open_store(path: Path, account_id: AccountId, keep: Retention) -> Opened:
    """Open an account's store; one that cannot be used is replaced by memory, never by nothing."""
    try:
        store, copy = Store.open_or_rebuild(path, account_id, keep)
    except UNUSABLE as error:
        why = f"the store cannot be used and nothing is written down until the next start: {error}"
        memory = _in_memory(path, account_id)
        return Opened(memory, why, lost=not memory.load_states())
    if copy is None:
        return Opened(store, None)
    kept = len(store.load_states())
    why = (
        f"the store was damaged: locked until the next reset, since locks may be lost; {kept} "
        f"states could be read; its journal begins anew, and the damaged one is kept in {copy}"
    )
    return Opened(store, why, lost=True)


def _in_memory(path: Path, account_id: AccountId) -> InMemoryStore:
    """Return a store without a disk, which at least knows the last locks if they can be read."""
    memory = InMemoryStore(account_id)
    try:
        disk = Store.open_to_read(path, account_id)
        states = tuple((name, msgspec.Raw(raw)) for name, raw in disk.load_states().items())
        disk.close()
    except UNUSABLE:
        return memory
    memory.commit(Batch(account_id=account_id, states=states))
    return memory


def locks_held(states: dict[str, bytes], account_id: AccountId) -> list[Lock]:
    """Return the locks in an account's stored states.

    One that has run out by the clock of this machine counts: that clock may have been set.  It ends
    as soon as the Gateway's has been heard.
    """
    raw = states.get(f"account/{account_id}/lockout")
    if raw is None:
        return []
    try:
        return list(decode_state(raw, KeptLocks).locks)
    except msgspec.MsgspecError:
        log.exception("the stored locks of account %s cannot be read", account_id)
        return []


def settings_kept(states: dict[str, bytes], account_id: AccountId) -> KeptSettings | None:
    """Return by what an account was guarded last; None if nobody knows."""
    raw = states.get(f"account/{account_id}/{SETTINGS}")
    if raw is None:
        return None
    try:
        return decode_state(raw, KeptSettings)
    except msgspec.MsgspecError:
        log.exception("the stored settings of account %s cannot be read", account_id)
        return None


def bound(states: dict[str, bytes], account_id: AccountId) -> list[str]:
    """Return why an account must be guarded whether or not it is configured: locks, and its day."""
    held = locks_held(states, account_id)
    why = [f"locked, {one.rule}: {one.reason}" for one in held]
    rules = rules_of_today(settings_kept(states, account_id), account_id)
    if rules:
        why.append(f"guarded until the next reset by {', '.join(sorted(rules))}")
    return why


def left_behind(data_dir: Path, configured: Collection[int]) -> dict[AccountId, str]:
    """Return the accounts that nobody configures any more although they are bound, and why."""
    found: dict[AccountId, str] = {}
    for path in sorted((data_dir / "accounts").glob("*")):
        if not path.name.isdecimal() or int(path.name) in configured:
            continue
        account_id = AccountId(int(path.name))
        try:
            store = Store.open_to_read(path, account_id)
            why = bound(store.load_states(), account_id)
            store.close()
        except StoreCorrupt as error:
            log.error("account %s, not configured: its store is damaged: %s", path.name, error)  # noqa: TRY400
            found[account_id] = "its store is damaged: whether it is locked cannot be known"
            continue
        except UNUSABLE as error:
            log.info("account %s, not configured: %s", path.name, error)
            continue
        if why:
            found[account_id] = "; ".join(why)
    return found
