"""The days so far, on the disk: a summary at the reset outlives a restart in the middle of the day.

What was last known of each account is written down every few seconds.  A day that is over and whose
summary has not left yet stays there until it has.
"""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from ops.desk.small_files import replace_file
from protocol.codec import decode_json
from protocol.control import AccountStatus

log = logging.getLogger(__name__)
FILE = "days.json"
WRITE_S = 5.0

type Days = dict[str, AccountStatus]
"""What was last known of each day, by login and account."""


class Diary:
    """The file."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / FILE
        self._written = self.recalled()
        self._at: float | None = None

    def recalled(self) -> Days:
        """Return what an earlier life wrote; nothing if that cannot be read."""
        try:
            return decode_json(self._file.read_bytes(), dict[str, AccountStatus])
        except (OSError, msgspec.MsgspecError):
            return {}

    def keep(self, days: Mapping[str, AccountStatus], untold: Collection[str], now: float) -> None:
        """Write what is new, now and then; of accounts whose summary is `untold`, the old day."""
        if self._at is not None and now - self._at < WRITE_S:
            return
        kept = {
            who: self._written.get(who, day) if who in untold else day for who, day in days.items()
        }
        self._at = now
        if kept == self._written:
            return
        try:
            replace_file(self._file, msgspec.json.encode(kept), synced=False)
        except OSError as error:
            log.warning("%s cannot be written, a restart forgets the day: %s", FILE, error)
            return
        self._written = kept
