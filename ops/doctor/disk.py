"""The disk that locks are written to: is it ours, is it local, is there room, is it fast."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from config.schema import ServiceConfig
from ops.doctor.finding import Checked, fine, problem, unknown, warning

SYNCS_MAX = 200
SYNCS_S = 3.0
RECORD = b"\0" * 256
SLOW_P99_MS, SLOW_P50_MS = 50.0, 25.0
MB = 2**20
LEAST_MB = 200
MOUNTS = Path("/proc/self/mounts")
REMOTE = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "ceph", "drvfs"}
VOLATILE = {"tmpfs", "ramfs"}
WHY_LOCAL = "locks must survive a crash, and a shared disk breaks the database's own locking"


def check(config: ServiceConfig) -> list[Checked]:
    """Look at the folder, or at the one that it will be made in."""
    data_dir = config.service.data_dir
    try:
        folder = next(one for one in (data_dir, *data_dir.parents) if is_there(one))
    except OSError as error:
        what = f"{data_dir} cannot be looked into: {error.strerror}"
        mend = "run this as the user of the service, or choose a folder of your own"
        return [problem("data folder", what, "what is not written is not locked", mend)]
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        why = "what is not written is not locked after a crash"
        mend = "choose a folder of your own in [service] data_dir"
        return [problem("data folder", f"{folder} cannot be written to", why, mend)]
    return [kind(folder), room(folder, config), speed(folder)]


def is_there(path: Path) -> bool:
    """Tell whether something stands there; raise OSError if that may not be known."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def kind(folder: Path, mounts: Path = MOUNTS) -> Checked:
    """Look what the folder's file system is."""
    name = file_system(folder, mounts)
    if name is None:
        return unknown("data folder", f"{folder}: this system does not say on what", WHY_LOCAL)
    text = f"{folder} is on {name}"
    if name in REMOTE:
        return problem("data folder", text, WHY_LOCAL, "choose a folder on a local disk")
    if name in VOLATILE:
        why = "it is empty after a power cut, and locks with it"
        return problem("data folder", text, why, "choose a folder on a disk")
    return fine("data folder", text)


def file_system(folder: Path, mounts: Path) -> str | None:
    """Return the type of the file system that a folder is on, if the system tells."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    whole = folder.resolve()
    best: tuple[int, str] | None = None
    for line in lines:
        _, point, name, *_ = line.split(" ")
        place = Path(point.replace("\\040", " "))
        if whole.is_relative_to(place) and (best is None or len(place.parts) >= best[0]):
            best = len(place.parts), name
    return best[1] if best is not None else None


def room(folder: Path, config: ServiceConfig) -> Checked:
    """Look whether every account's journal has room to grow as far as it may."""
    free = shutil.disk_usage(folder).free // MB
    wanted = config.journal.max_mb * len(config.accounts)
    text = f"{free:,} MB free; the journals may grow to {wanted:,} MB"
    why = "a full disk raises an alarm, and a lock set then does not survive a crash"
    if free < LEAST_MB:
        return problem("disk space", text, why, "make room")
    if free < wanted:
        return warning("disk space", text, why, "make room, or lower [journal] max_mb")
    return fine("disk space", text)


def speed(folder: Path) -> Checked:
    """Measure how long a small write takes until it is on the disk."""
    try:
        took = sorted(syncs(folder))
    except OSError as error:
        why, mend = "what is not written is not locked after a crash", "look at the disk"
        return problem("disk speed", f"a write fails: {error.strerror}", why, mend)
    half, worst = took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]
    text = f"{len(took)} writes to the disk: median {half:.2f} ms, 99 % within {worst:.2f} ms"
    if half > SLOW_P50_MS or worst > SLOW_P99_MS:
        why = (
            "a decision waits for the disk before its order leaves (and is let go if that is long)"
        )
        return warning("disk speed", text, why, "a local SSD takes well below a millisecond")
    return fine("disk speed", text)


def syncs(folder: Path) -> list[float]:
    """Append small records, each forced to the disk; return the milliseconds of each."""
    took: list[float] = []
    end = time.monotonic() + SYNCS_S
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
        while len(took) < SYNCS_MAX and (time.monotonic() < end or not took):
            began = time.perf_counter()
            file.write(RECORD)
            file.flush()
            os.fsync(file.fileno())
            took.append(1000 * (time.perf_counter() - began))
    return took
