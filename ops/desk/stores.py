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
from ops.desk.marks import Mark, Marks, Past
from protocol.codec import decode_state
from protocol.decisions import AlarmKind
from protocol.lockouts import Lock
from protocol.settings import KeptSettings
from protocol.units import AccountId, Nanos, RuleName
from protocol.words import instant_text

log = logging.getLogger(__name__)
UNUSABLE = (StoreError, lmdb.Error, OSError)
STORE = RuleName("store")
"""In whose name an account is locked that may have lost its locks."""
DAMAGED = "the store was damaged: whether the account was locked cannot be known"
OLDER = "the store is older than it was, or gone: whether the account was locked cannot be known"
ELSEWHERE = "locked from another data_dir"


class Lost(NamedTuple):
    """Locks may have been lost with a store: its account is locked until its next reset."""

    reason: str
    until: Nanos | None = None
    """Not before this instant, whatever the reset is by now."""


class Opened(NamedTuple):
    """A store, and what is wrong with it."""

    store: Storage
    alarm: str | None
    lost: Lost | None = None


def folder(data_dir: Path, account_id: AccountId) -> Path:
    """Return where an account's store is."""
    return data_dir / "accounts" / str(account_id)


def retention(config: JournalConfig) -> Retention:
    """Return how much of a journal is to be kept."""
    return Retention(age=Nanos(config.keep_days * DAY), size=config.max_mb * 2**20)


def open_store(
    path: Path, account_id: AccountId, keep: Retention, past: Past | None = None
) -> Opened:
    """Open an account's store; one that cannot be used is replaced by memory, never by nothing."""
    past = past or Past()
    until = None if past.here is None else past.here.until
    try:
        store, copy = Store.open_or_rebuild(path, account_id, keep)
    except UNUSABLE as error:
        return _without_disk(path, account_id, past, error)
    if copy is not None:
        kept = len(store.load_states())
        why = (
            f"the store was damaged: locked until the next reset, since locks may be lost; {kept} "
            f"states could be read; its journal begins anew, and the damaged one is kept in {copy}"
        )
        return Opened(store, why, Lost(DAMAGED, until))
    return _compared(store, store.generation - 1, store.last_seq, past)


def _without_disk(path: Path, account_id: AccountId, past: Past, error: Exception) -> Opened:
    """Return a store without a disk, which at least knows the last locks if they can be read."""
    kind = AlarmKind.STORE_FAILED.value  # by which it is told to whom [notify] names
    missing = "the store cannot be used and nothing is written down until the next start"
    why = f"{kind}: {missing}: {error}"
    memory = InMemoryStore(account_id)
    try:
        disk = Store.open_to_read(path, account_id)
        states = tuple((name, msgspec.Raw(raw)) for name, raw in disk.load_states().items())
        generation, seq = disk.generation, disk.last_seq
        disk.close()
    except UNUSABLE:
        states, generation, seq = (), 0, 0
    memory.commit(Batch(account_id=account_id, states=states))
    if not states:
        return Opened(memory, why, Lost(DAMAGED, None if past.here is None else past.here.until))
    opened = _compared(memory, generation, seq, past)
    return opened._replace(alarm="; ".join(filter(None, (why, opened.alarm))))


def _compared(store: Storage, generation: int, seq: int, past: Past) -> Opened:
    """Compare a store's last life and newest record with what the marks say of the account."""
    mark, other = past
    if mark is not None and is_behind(generation, seq, mark):
        found = f"at life {generation}, record {seq}" if generation else "not there"
        why = (
            f"the store is {found}, and was at life {mark.generation}, record {mark.seq} on "
            f"{instant_text(mark.at)}: an older one was put back, or it was deleted; locked until "
            f"the next reset, since locks may be lost; that ends by itself, and no command ends it"
        )
        return Opened(store, why, Lost(OLDER, mark.until))
    if other is not None and other.locked_until is not None:
        ends = instant_text(other.locked_until)
        why = f"the account was locked until {ends} from the data_dir {other.data_dir}: locked here"
        return Opened(store, why, Lost(ELSEWHERE, other.locked_until))
    if other is not None and not generation:
        why = (
            f"the account was guarded from the data_dir {other.data_dir} until "
            f"{instant_text(other.at)}: what held for its day there is not known here"
        )
        return Opened(store, why)
    return Opened(store, None)


def is_behind(generation: int, seq: int, mark: Mark) -> bool:
    """Tell whether a store, by its last life and newest record, is older than its mark."""
    return generation < mark.generation or seq < mark.seq


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


def left_behind(
    data_dir: Path, configured: Collection[int], marks: Marks, wall: Nanos
) -> dict[AccountId, str]:
    """Return the accounts that nobody configures any more although they are bound, and why."""
    found = _behind_their_marks(data_dir, configured, marks, wall)
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


def _behind_their_marks(
    data_dir: Path, configured: Collection[int], marks: Marks, wall: Nanos
) -> dict[AccountId, str]:
    """Return the accounts that were bound when last seen, and whose store is not what it was."""
    found: dict[AccountId, str] = {}
    for account_id, mark in marks.accounts().items():
        if account_id in configured or mark.until <= wall:
            continue
        try:
            store = Store.open_to_read(folder(data_dir, account_id), account_id)
            generation, seq = store.generation, store.last_seq
            store.close()
        except UNUSABLE:
            generation, seq = 0, 0
        if is_behind(generation, seq, mark):
            found[account_id] = "its store is older than it was, or gone"
    return found
