"""A copy of every store, taken while the service runs, and looked at before it counts as one."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import lmdb
import msgspec

from actors.adapters import store_files
from actors.adapters.clock import now
from actors.adapters.storage import StoreError
from ops.desk.identities import FILE as IDENTITIES
from ops.desk.outcome import Ended, Exit
from ops.desk.stores import folder
from ops.past.soundness import Soundness, inspect
from protocol.codec import SCHEMA
from protocol.units import AccountId
from protocol.words import instant_text

MANIFEST = "backup.json"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is of."""

    taken: str
    source: str
    schema: int
    accounts: list[Soundness]


def back_up(data: Path, accounts: Sequence[AccountId], to: Path) -> tuple[Path, Manifest]:
    """Copy the stores into a new folder below `to`; return it, once all of it is sound."""
    taken = instant_text(now().wall)
    target = to / f"riskwarden-{taken.replace(':', '').replace('.', '-')}"
    draft = to / f"{target.name}.partial"
    if data.resolve() in (to.resolve(), *to.resolve().parents):
        what = f"{to} is inside {data}: a copy there would go with it"
        raise Ended(Exit.CONFIGURATION, what, "name a folder elsewhere, on another disk if you can")
    try:
        manifest = _copy(data, accounts, draft, taken)
        (draft / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        for path in draft.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        draft.rename(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        what = f"no backup was made: {to}: {error.strerror}"
        mend = "name a folder with room, in which this user may write"
        raise Ended(Exit.EXCEPTION, what, mend) from None
    except (StoreError, lmdb.Error) as error:
        shutil.rmtree(draft, ignore_errors=True)
        what, mend = f"no backup was made: {error}", "look at the store with `riskwarden verify`"
        raise Ended(Exit.EXCEPTION, what, mend) from None
    except Ended:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return target, manifest


def _copy(data: Path, accounts: Sequence[AccountId], draft: Path, taken: str) -> Manifest:
    draft.mkdir(mode=0o700, parents=True)
    found: list[Soundness] = []
    for account_id in accounts:
        copy = folder(draft, account_id)
        copy.mkdir(mode=0o700, parents=True)
        store_files.copy(folder(data, account_id), copy)
        found.append(inspect(copy, account_id, live=False))
        _tidy(copy)
        if not found[-1].sound:
            what = f"account {account_id}: the copy is not sound: {'; '.join(found[-1].problems)}"
            raise Ended(Exit.EXCEPTION, what, "look at the store with `riskwarden verify`")
    if (data / IDENTITIES).exists():
        shutil.copyfile(data / IDENTITIES, draft / IDENTITIES)
    relative = [msgspec.structs.replace(one, path=f"accounts/{one.account}") for one in found]
    return Manifest(taken=taken, source=str(data), schema=SCHEMA, accounts=relative)


def _tidy(copy: Path) -> None:
    """Leave nothing behind but the data, and have it on the disk."""
    (copy / "lock.mdb").unlink(missing_ok=True)
    fd = os.open(copy / "data.mdb", os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
