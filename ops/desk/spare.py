"""A desk in waiting: everything is imported, and which desk it is to be, is yet to be said.

Importing takes most of a desk's start, above all the SDK.  So the guardian keeps one process that
has done it.  It owns nothing yet: no store, no lock, no connection, and no secret.
"""

import importlib
import os
from typing import Final

import msgspec

from ops import cli
from ops.desk.link import ADAPTER
from ops.desk.pipe import STDIN, STDOUT
from protocol.codec import decode_json

READY: Final = b"ready\n"
"""What it says when it is: once, and nothing after it but a desk's reports."""
IMPORTED = ("ops.commands.desk", ADAPTER)


class Order(msgspec.Struct, frozen=True):
    """The line that ends the waiting: what a new process would have been started with."""

    arguments: list[str]
    environ: dict[str, str]


def main() -> int:
    """Import, wait for an order, and be that desk; end with whoever would give it."""
    for name in IMPORTED:
        importlib.import_module(name)
    os.write(STDOUT, READY)
    said = _line()
    if not said:
        return 0
    order = decode_json(said, Order)
    os.environ.update(order.environ)
    return cli.main(order.arguments)


def _line() -> bytes:
    """Return the first line of standard input, and leave the rest to the desk."""
    said = b""
    while not said.endswith(b"\n"):
        one = os.read(STDIN, 1)
        if not one:
            return b""
        said += one
    return said
