"""A command's answer on standard output: JSON for programs, lines for people."""

import sys
from collections.abc import Callable, Iterable

import msgspec


def put[T](answer: T, lines: Callable[[T], Iterable[str]], *, as_json: bool) -> None:
    """Print an answer as JSON, or as the lines that are made of it only if people read them."""
    text = as_text(answer) if as_json else "\n".join(lines(answer))
    sys.stdout.write(text + "\n")


def as_text(answer: object) -> str:
    """Return it as JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(answer)).decode()
