"""A desk in waiting: everything is imported, and which desk it is to be, is yet to be said.

Importing takes most of a desk's start, above all the SDK.  So the guardian keeps one process that
has done it.  It owns nothing yet: no store, no lock, no connection, and no secret.  It is missed by
nobody either, so it is the first that the kernel takes when memory runs out.
"""

import importlib
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from ops import cli
from ops.desk.link import ADAPTER
from ops.desk.pipe import STDIN, STDOUT
from protocol.codec import decode_json

READY: Final = b"ready\n"
"""What it says when it is: once, and nothing after it until it has its order."""
TAKEN: Final = b"taken\n"
"""What it says to its order, at once; what follows are a desk's reports."""
IMPORTED = ("ops.commands.desk", ADAPTER)
OOM_SCORE = Path("/proc/self/oom_score_adj")
FIRST = "1000"
"""In the kernel's own measure: whoever else there is, is spared."""


class Order(msgspec.Struct, frozen=True):
    """The line that ends the waiting: what a new process would have been started with."""

    arguments: list[str]
    environ: dict[str, str]


def main() -> int:
    """Import, wait for an order, and be that desk; end with whoever would give it."""
    for name in IMPORTED:
        importlib.import_module(name)
    with _first_to_go():
        os.write(STDOUT, READY)
        said = _line()
    if not said:
        return 0
    os.write(STDOUT, TAKEN)
    order = decode_json(said, Order)
    os.environ.update(order.environ)
    return cli.main(order.arguments)


@contextmanager
def _first_to_go() -> Generator[None]:
    """Stand in for the desks when memory runs out, where the kernel asks (Linux)."""
    usual = None
    with suppress(OSError):
        usual = OOM_SCORE.read_text("ascii")
        OOM_SCORE.write_text(FIRST, "ascii")
    yield
    if usual is not None:
        with suppress(OSError):
            OOM_SCORE.write_text(usual, "ascii")


def _line() -> bytes:
    """Return the first line of standard input, and leave the rest to the desk."""
    said = b""
    while not said.endswith(b"\n"):
        one = os.read(STDIN, 1)
        if not one:
            return b""
        said += one
    return said
