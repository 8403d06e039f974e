"""Lines for people in the width of their terminal."""

import shutil
import sys
from collections.abc import Iterable

from ops.web.lines import Span, folded, plain


def columns() -> int | None:
    """Return how wide the terminal is that is written to; None if it is a file or a program."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def fitted(lines: Iterable[str], width: int | None) -> list[str]:
    """Return lines that go on in the next row where a terminal ends; for no terminal as they are.

    What would command the terminal is left out: names come from elsewhere.
    """
    if width is None:
        return list(lines)
    return [plain(row) for line in lines for row in folded((Span(line),), width)]
