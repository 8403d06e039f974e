"""`riskwarden top`: the screen in the terminal, drawn anew each second.

Where there is no terminal it is printed once.  It only asks: q or Ctrl-C ends it, and nothing else
that is typed does more than scroll.
"""

import os
import select
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from config.load import load
from config.schema import Service
from ops.commands import status
from ops.desk.outcome import Ended, Exit
from ops.web.lines import Line, coloured, folded, lines, plain
from ops.web.view import OLD_S, Screen, forgotten, screen

EVERY_S = 1.0
QUIT = ("q", "Q", "\x03", "\x04")
DOWN = {"j": 1, "\x1b[B": 1, " ": 10, "\x1b[6~": 10}
UP = {"k": 1, "\x1b[A": 1, "\x1b[5~": 10}
KEY_BYTES = 16
BEGIN = "\x1b[?1049h\x1b[?25l"
"""Another page of the terminal, without a cursor: what was there comes back at the end."""
END = "\x1b[?25h\x1b[?1049l"


def run(args: Namespace) -> int:
    """Show the service until told to end; once where nobody looks."""
    if args.json:
        return status.run(args)
    service = load(args.config).config.service
    shown = screen(status.ask(service), datetime.now(UTC))
    if not is_watched():
        print(*(plain(one) for one in lines(shown, datetime.now(UTC))), sep="\n")
        return Exit.OK
    try:
        with keys(), page():
            watch(service, shown)
    except KeyboardInterrupt:
        pass
    return Exit.OK


def is_watched() -> bool:
    """Tell whether somebody looks who can press a key; Windows has other keys."""
    return sys.stdout.isatty() and sys.stdin.isatty() and os.name == "posix"


def watch(service: Service, shown: Screen) -> None:
    """Draw each second, until a key ends it."""
    heard, top, lost = time.monotonic(), 0, False
    while True:
        due = time.monotonic() + EVERY_S
        drawn = picture(shown, time.monotonic() - heard, lost=lost)
        top = draw(drawn, top)
        while (left := due - time.monotonic()) > 0:
            key = pressed(left)
            if key in QUIT:
                return
            if key:
                top = draw(drawn, top + DOWN.get(key, 0) - UP.get(key, 0))
        try:
            shown = screen(status.ask(service), datetime.now(UTC))
            heard, lost = time.monotonic(), False
        except Ended:
            lost = True


def picture(shown: Screen, silent_s: float, *, lost: bool) -> list[Line]:
    """Return what is drawn: old news say that they are old."""
    now = datetime.now(UTC)
    if lost or silent_s > OLD_S:
        return lines(forgotten(shown), now, silent_s)
    return lines(shown, now)


def draw(drawn: list[Line], top: int) -> int:
    """Draw what fits from this row on; return from which row that was."""
    width, height = shutil.get_terminal_size()
    drawn = [row for one in drawn for row in folded(one, width)]
    room = max(1, height - 1)
    top = max(0, min(top, len(drawn) - room))
    visible = [coloured(one, width) for one in drawn[top : top + room]]
    below = len(drawn) - top - room
    more = f", {below} more lines below: j, k" if below > 0 else ", k goes up" if top else ""
    foot = f"q ends{more}"[:width]
    text = "".join(f"{line}\x1b[K\r\n" for line in visible)
    sys.stdout.write(f"\x1b[H{text}{foot}\x1b[K\x1b[J")
    sys.stdout.flush()
    return top


def pressed(within_s: float) -> str:
    """Return the key that was pressed within this time, if any."""
    ready, _, _ = select.select([sys.stdin], [], [], within_s)
    if not ready:
        return ""
    return os.read(sys.stdin.fileno(), KEY_BYTES).decode(errors="replace") or "q"


@contextmanager
def page() -> Generator[None]:
    """Draw on a page of our own."""
    sys.stdout.write(BEGIN)
    try:
        yield
    finally:
        sys.stdout.write(END)
        sys.stdout.flush()


@contextmanager
def keys() -> Generator[None]:
    """Hear each key as it is pressed, and leave the terminal as it was."""
    import termios  # noqa: PLC0415  (not on Windows)
    import tty  # noqa: PLC0415

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
