"""Which account is whose: remembered, so that locks stand before the Gateway is asked anything."""

import fcntl
import logging
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ops.desk.small_files import replace_file
from protocol.codec import decode_json
from protocol.units import AccountId

FILE = "identities.json"
log = logging.getLogger(__name__)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """An account that was guarded once: its number, the login it was under, and its name."""

    id: int
    login: str
    name: str = ""


def recall(data_dir: Path) -> dict[AccountId, Identity]:
    """Return every account that was ever guarded from this data_dir."""
    path = data_dir / FILE
    try:
        rows = decode_json(path.read_bytes(), list[Identity])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        log.error("%s cannot be read, and is written anew: %s", path, error)  # noqa: TRY400
        return {}
    return {AccountId(row.id): row for row in rows}


def remember(data_dir: Path, news: Iterable[Identity]) -> None:
    """Add identities, or replace those of the same number; other desks may be doing the same."""
    with _alone(data_dir):
        before = recall(data_dir)
        after = before | {AccountId(one.id): one for one in news}
        if after == before:
            return
        rows = [after[number] for number in sorted(after)]
        replace_file(data_dir / FILE, msgspec.json.format(msgspec.json.encode(rows)))


def known_id(known: dict[AccountId, Identity], login: str, name: str) -> AccountId | None:
    """Return the number that a name stood for last time."""
    found = [number for number, one in known.items() if (one.login, one.name) == (login, name)]
    return found[0] if len(found) == 1 else None


@contextmanager
def _alone(data_dir: Path) -> Generator[None]:
    fd = os.open(data_dir / f"{FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
