"""A store's folder: who may read it, whether it is sound, and where a damaged one is kept.

LMDB maps its file into memory, so a file that was cut short ends the process with SIGBUS instead
of an exception.  Hence a file is looked at before it is opened.  The full check reads every page
(12 ms a megabyte), which a desk that was killed cannot wait for; but killing a process never
damages a file, the page cache outlives it.  So the full check is done once per boot of the
machine, and again after a life that broke off before its first commit: perhaps the file's doing.
"""

import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import lmdb
from lmdb import verify

from actors.adapters.storage import StoreCorrupt, StoreError

DATA = "data.mdb"
LOCK = "lock.mdb"
CHECKED = "checked"
COPIES_MAX = 8
"""Damaged copies kept of one account; the oldest makes room for the next."""
PROBLEMS_SHOWN_MAX = 3
REMEDY = "move the folder away to start this account without its past, or restore a backup"
_PAGES_MIN = 2
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def prepare(path: Path) -> None:
    """Make the account's folder, for its owner only, and see to it that it survives a power cut."""
    try:
        if not path.is_dir():
            path.mkdir(mode=0o700, parents=True)
            sync_folder(path.parent)
        path.chmod(0o700)
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}; riskwarden needs a folder that it owns and can write to"
        ) from error


def has_data(path: Path) -> bool:
    """Tell whether anything was ever written here; an empty file is a creation that was cut off."""
    data = path / DATA
    return data.exists() and data.stat().st_size > 0


def check(path: Path) -> None:
    """Raise StoreCorrupt unless the file can be opened; do as much as this boot still requires.

    The mark of the last full check is taken away here and put back by `mark_checked`: a life that
    dies in between is followed by a full check.
    """
    if not has_data(path):
        return
    mark = path / CHECKED
    checked = mark.read_text(encoding="utf-8") if mark.exists() else None
    mark.unlink(missing_ok=True)
    if checked is None or checked != boot() or is_cut_short(path):
        check_fully(path)


def mark_checked(path: Path) -> None:
    """Note that this file was checked since the machine started, and has served since then."""
    if this_boot := boot():
        with suppress(OSError):  # without the mark the next check is a full one
            (path / CHECKED).write_text(this_boot, encoding="utf-8")
            (path / CHECKED).chmod(0o600)


def check_fully(path: Path) -> None:
    """Read every page, without LMDB; raise StoreCorrupt on damage."""
    try:
        problems: list[str] = verify.verify(str(path))  # type: ignore[no-untyped-call]
    except (verify.VerifyError, OSError) as error:
        problems = [str(error)]
    if problems:
        raise StoreCorrupt(path, "; ".join(problems[:PROBLEMS_SHOWN_MAX]), REMEDY)


def is_cut_short(path: Path) -> bool:
    """Tell whether the file may lack pages that it says it has.

    Reads the two pages in front only.  A sound file may lack pages at its end that were given
    back before they were written, so this calls for the full check and is no verdict.
    """
    data = path / DATA
    try:
        with lmdb.open(str(data), subdir=False, readonly=True, lock=False) as env:
            page_size, last = env.stat()["psize"], env.info()["last_pgno"]
    except lmdb.Error:
        return True
    return data.stat().st_size < max(last + 1, _PAGES_MIN) * page_size


def boot() -> str | None:
    """Return what tells this start of the machine from others, where the system says it."""
    try:
        return _BOOT_ID.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def set_aside(path: Path) -> Path:
    """Move a damaged folder next to itself, under a number never used yet; return where it is."""
    pattern = re.compile(re.escape(path.name) + r"\.corrupt-(\d+)")
    copies = sorted(
        (int(found[1]), sibling)
        for sibling in path.parent.iterdir()
        if (found := pattern.fullmatch(sibling.name))
    )
    for _, oldest in copies[: max(0, len(copies) - COPIES_MAX + 1)]:
        shutil.rmtree(oldest)
    number = copies[-1][0] + 1 if copies else 1
    copy = path.with_name(f"{path.name}.corrupt-{number}")
    path.rename(copy)
    sync_folder(path.parent)
    return copy


def copy(path: Path, to: Path) -> None:
    """Copy a store as it is now, without its unused pages, while its process goes on writing."""
    if not has_data(path):
        raise StoreError(f"{path}: nothing was ever recorded here")
    if is_cut_short(path):
        check_fully(path)
    with damage_named(path), lmdb.open(str(path), readonly=True, max_dbs=3, mode=0o600) as env:
        give_back(path)
        env.copy(str(to), compact=True)


def give_back(path: Path) -> None:
    """Let the lock file belong to whom the data belong to.

    LMDB makes one also for a reader: root, asked to look at a backup that was put back, would
    otherwise leave one that keeps the service out of its own store.
    """
    owner = (path / DATA).stat()
    with suppress(OSError):  # not ours to give, or on a disk that cannot be written
        if (path / LOCK).stat().st_uid != owner.st_uid:
            os.chown(path / LOCK, owner.st_uid, owner.st_gid)


def sync_folder(path: Path) -> None:
    """Make a folder's entries durable: a synced file in an unsynced folder can vanish."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def damage_named(path: Path) -> Generator[None]:
    """Turn LMDB's errors into ours, which say where, and what to do."""
    try:
        yield
    except (lmdb.CorruptedError, lmdb.InvalidError, lmdb.PageNotFoundError) as error:
        raise StoreCorrupt(path, str(error), REMEDY) from error
    except lmdb.VersionMismatchError as error:
        raise StoreError(f"{path}: written by another version of LMDB: {error}") from error
    except lmdb.Error as error:
        raise StoreError(f"{path}: {error}; check its owner, the disk, and free space") from error
