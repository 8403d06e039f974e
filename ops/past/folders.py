"""Which stores are meant, and whether somebody is writing them."""

import os
from argparse import Namespace
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import lmdb

from actors.adapters.storage import StoreError
from actors.adapters.store import Store
from config.load import load
from ops.desk.lockfile import holder
from ops.desk.outcome import Ended, Exit
from ops.desk.stores import folder
from protocol.units import AccountId

UNREADABLE = (StoreError, lmdb.Error, OSError)


def data_dir(args: Namespace) -> Path:
    """Return the folder that is meant: --data, or what the configuration says."""
    found: Path = args.data if args.data is not None else load(args.config).config.service.data_dir
    try:
        accounts(found)
    except (FileNotFoundError, NotADirectoryError):
        what = f"{found}: nothing was ever recorded here"
        mend = "name the service's data_dir, or its configuration"
        raise Ended(Exit.CONFIGURATION, what, mend) from None
    except OSError as error:
        what = f"{found} cannot be looked into: {error.strerror}"
        raise Ended(Exit.CONFIGURATION, what, "run this as the user of the service") from None
    return found


def accounts(data: Path) -> list[AccountId]:
    """Return the accounts that have a store; copies of damaged ones are none."""
    return sorted(
        AccountId(int(path.name))
        for path in (data / "accounts").iterdir()
        if path.name.isdecimal() and path.is_dir()
    )


def is_live(data: Path) -> bool:
    """Tell whether a desk writes here."""
    holders = [holder(path) for path in data.glob("desk-*.lock")]
    return any(one is not None and _is_running(one.pid) for one in holders)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is there, and not ours
    return True


def guarded(data: Path, account_id: AccountId) -> Path:
    """Return an account's folder; raise Ended if it never had one."""
    known = accounts(data)
    if account_id not in known:
        there = ", ".join(map(str, known)) or "none"
        what = f"{data}: no account {account_id} was ever guarded from here"
        raise Ended(Exit.CONFIGURATION, what, f"there is {there}")
    return folder(data, account_id)


@contextmanager
def reading(data: Path, account_id: AccountId) -> Generator[Store]:
    """Open an account's store beside whoever writes it; raise Ended if that cannot be."""
    path = guarded(data, account_id)
    try:
        store = Store.open_to_read(path, account_id)
    except UNREADABLE as error:
        raise Ended(Exit.EXCEPTION, str(error)) from None
    try:
        yield store
    except UNREADABLE as error:
        raise Ended(Exit.EXCEPTION, str(error)) from None
    finally:
        store.close()
