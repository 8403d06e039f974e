"""Small files that stand whole or not at all, for their owner only."""

import os
from pathlib import Path

MODE = 0o600


def replace_file(path: Path, raw: bytes, *, synced: bool = True) -> None:
    """Put a file in the place of what stood there; raise OSError and leave that if it fails.

    A power cut may bring back what stood there before.  It tears the file only if it is not
    `synced`: that is for what may be lost, and for threads that must not wait for the disk.
    """
    draft = path.with_name(f"{path.name}.new")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
    with os.fdopen(fd, "wb") as out:
        out.write(raw)
        if synced:
            out.flush()
            os.fsync(out.fileno())
    draft.replace(path)
