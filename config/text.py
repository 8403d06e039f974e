"""The text of a file that somebody wrote: it is UTF-8, and it has an end."""

import errno
from pathlib import Path

MB_MAX = 4
"""A thousand accounts with every rule take less."""


def decoded(file: Path) -> str:
    """Return a file's text, without the mark that some editors open it with.

    Raise `OSError` also for one that is too large: a wrong name may be that of a disk, or of
    something without an end.
    """
    with file.open("rb") as opened:
        raw = opened.read(MB_MAX * 2**20 + 1)
    if len(raw) > MB_MAX * 2**20:
        raise OSError(errno.EFBIG, f"it is larger than {MB_MAX} MB")
    return raw.decode("utf-8-sig")
