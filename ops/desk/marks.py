"""How far each account's store was last known to be, noted outside of it, to notice an older one.

Whoever puts yesterday's store back, or deletes it, puts back or deletes the locks in it as well.
So a mark of each store stands in `data_dir/marks`, and a second one in the user's state folder,
`$XDG_STATE_HOME/riskwarden`.  A mark is written after the commit it speaks of, so a store is never
behind it by itself; a mark that is missing or unreadable says nothing.  ADR 0018 has the limits.
"""

import hashlib
import logging
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from ops.desk.small_files import replace_file
from protocol.codec import decode_json
from protocol.units import AccountId, Nanos

log = logging.getLogger(__name__)
FOLDER = "marks"
STATE_FOLDER = "riskwarden"
MARK_BYTES_MAX = 16_384
FOLDER_MODE = 0o700
_DIGEST_CHARS = 16


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store as it was on the disk at an instant, and what held for its account then."""

    account: int
    gateway: str
    """The host and port that the account's number belongs to."""
    data_dir: str
    generation: int
    seq: int
    at: Nanos
    day_ends: Nanos
    """When the account's next reset was due."""
    locked_until: Nanos | None = None
    """The latest end of the locks of the whole account; None if none had an end."""

    @property
    def until(self) -> Nanos:
        """Return until when the account was bound for certain: by its day, or by a longer lock."""
        return max(self.day_ends, self.locked_until or self.day_ends)


class Past(NamedTuple):
    """What the marks say of an account."""

    here: Mark | None = None
    """The newest mark of its store in this data_dir."""
    elsewhere: Mark | None = None
    """The mark of another data_dir that binds it for longest; without a lock that is over."""


class Marks:
    """The marks of one data_dir."""

    def __init__(self, data_dir: Path, state_folder: Path | None) -> None:
        self._data_dir = os.path.realpath(data_dir)
        self._near = data_dir / FOLDER
        self._far = None if state_folder is None else state_folder / FOLDER
        self._digest = hashlib.sha256(self._data_dir.encode()).hexdigest()[:_DIGEST_CHARS]

    @property
    def data_dir(self) -> str:
        """Return the data_dir by the name that the marks know it under."""
        return self._data_dir

    def past(self, account_id: AccountId, gateway: str, wall: Nanos) -> Past:
        """Return what is known of an account."""
        bound = [
            mark if (mark.locked_until or 0) > wall else replace(mark, locked_until=None)
            for mark in self._elsewhere(account_id)
            if mark.gateway == gateway and mark.until > wall
        ]
        longest = max(bound, key=lambda mark: (mark.locked_until or 0, mark.until), default=None)
        return Past(newest(self._here(account_id)), longest)

    def accounts(self) -> dict[AccountId, Mark]:
        """Return every account that has a mark of this data_dir, and the newest."""
        names = [path.stem for path in self._files(self._near, "*.json")]
        names += [
            path.stem.partition("-")[0] for path in self._files(self._far, f"*-{self._digest}.json")
        ]
        numbers = {AccountId(int(name)) for name in names if name.isdecimal()}
        found = {number: newest(self._here(number)) for number in sorted(numbers)}
        return {number: mark for number, mark in found.items() if mark is not None}

    @property
    def folders(self) -> list[Path]:
        """Return the places of marks: two, or one if this user has nowhere to keep state."""
        return [self._near] if self._far is None else [self._near, self._far]

    def write(self, mark: Mark) -> None:
        """Put a mark in both places; try both, and raise OSError that names each that fails."""
        failed: list[str] = []
        for path in self._places(AccountId(mark.account)):
            try:
                _write(path, mark)
            except OSError as error:
                failed.append(f"{path.parent}: {error.strerror or error}")
        if failed:
            raise OSError("; ".join(failed))

    def _places(self, account_id: AccountId) -> list[Path]:
        near = self._near / f"{account_id}.json"
        if self._far is None:
            return [near]
        return [near, self._far / f"{account_id}-{self._digest}.json"]

    def _here(self, account_id: AccountId) -> list[Mark]:
        read = [_read(path) for path in self._places(account_id)]
        return [one for one in read if one is not None and self._is_ours(one, account_id)]

    def _is_ours(self, mark: Mark, account_id: AccountId) -> bool:
        return (mark.account, mark.data_dir) == (account_id, self._data_dir)

    def _elsewhere(self, account_id: AccountId) -> list[Mark]:
        read = [_read(path) for path in self._files(self._far, f"{account_id}-*.json")]
        return [
            one
            for one in read
            if one is not None and one.account == account_id and one.data_dir != self._data_dir
        ]

    @staticmethod
    def _files(folder: Path | None, pattern: str) -> list[Path]:
        return [] if folder is None else sorted(folder.glob(pattern))


def marks_of(data_dir: Path) -> Marks:
    """Return the marks of a data_dir, with the second ones where this user keeps state."""
    return Marks(data_dir, state_folder())


def state_folder() -> Path | None:
    """Return where this user's programs keep their state; None for a user without a home."""
    told = Path(os.environ.get("XDG_STATE_HOME", ""))
    if told.is_absolute():  # another is to be ignored, says the standard
        return told / STATE_FOLDER
    try:
        return Path.home() / ".local" / "state" / STATE_FOLDER
    except RuntimeError:
        return None


def gateway_of(api_url: str) -> str:
    """Return what tells one Gateway's account numbers from another's."""
    parts = urlsplit(api_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{(parts.hostname or '').rstrip('.')}:{port}"


def newest(marks: Iterable[Mark]) -> Mark | None:
    """Return the mark that was written last: an older one is what could not be replaced."""
    return max(marks, key=lambda mark: mark.at, default=None)


def _read(path: Path) -> Mark | None:
    """Read a mark; one that is not as it was written is none: it must not lock anybody."""
    try:
        with path.open("rb") as file:
            payload, _, told = file.read(MARK_BYTES_MAX).partition(b"\n")
        if told.strip() != _checksum(payload):
            raise ValueError("its checksum does not fit")  # noqa: TRY301
        return decode_json(payload, Mark)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        log.warning("%s cannot be read and is written anew: %s", path, error)
        return None


def _write(path: Path, mark: Mark) -> None:
    """Replace a mark, all or nothing: torn by a power cut it would be none."""
    if not path.parent.is_dir():
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    payload = msgspec.json.encode(mark)
    # A power cut may take this back: the mark before is as good.
    replace_file(path, payload + b"\n" + _checksum(payload) + b"\n")


def _checksum(payload: bytes) -> bytes:
    return b"%08x" % zlib.crc32(payload)
