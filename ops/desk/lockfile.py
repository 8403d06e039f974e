"""One process at a time: an advisory lock that the kernel takes back when its holder dies."""

import fcntl
import os
import time
from pathlib import Path
from typing import Self

import msgspec

from protocol.codec import decode_json

LOOK_EVERY_S = 0.05
NOTE_BYTES_MAX = 4096


class Holder(msgspec.Struct, frozen=True):
    """What a lock's file says of the process that holds it."""

    pid: int
    http: str = ""


class HeldError(Exception):
    """Somebody else holds the lock."""

    def __init__(self, path: Path, holder: Holder | None) -> None:
        self.holder = holder
        who = f"process {holder.pid}" if holder is not None else "another process"
        super().__init__(f"{path.parent} is in use by {who}")


class LockFile:
    """A file that is locked for as long as this object, and this process, lives."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def take(cls, path: Path, wait_s: float = 0.0) -> Self:
        """Take the lock; raise HeldError if it is not to be had within the wait."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        end = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < end:
                    time.sleep(LOOK_EVERY_S)
                    continue
                os.close(fd)
                raise HeldError(path, holder(path)) from None
            except BaseException:
                os.close(fd)
                raise
            lock = cls(path, fd)
            lock.note(Holder(pid=os.getpid()))
            return lock

    def note(self, said: Holder) -> None:
        """Write down who holds it."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, msgspec.json.encode(said), 0)

    def release(self) -> None:
        """Let go of it."""
        os.close(self._fd)


def held_by(path: Path) -> Holder | None:
    """Return who holds a lock at this moment; None if nobody does, or there is none."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return holder(path) or Holder(pid=0)
    finally:
        os.close(fd)
    return None


def desk_lock(data_dir: Path, login: str) -> Path:
    """Return the file that a login's desk locks for as long as it lives."""
    return data_dir / f"desk-{login}.lock"


def holder(path: Path) -> Holder | None:
    """Return what the file says of its holder, who may be gone."""
    try:
        return decode_json(path.read_bytes()[:NOTE_BYTES_MAX], Holder)
    except (OSError, msgspec.MsgspecError):
        return None
