"""Long work says how far it is, to a person at a terminal and to nobody else."""

import sys
import time

EVERY_S = 0.5


class Progress:
    """A line that counts."""

    def __init__(self, what: str, whole: int) -> None:
        self._what, self._whole = what, whole
        self._next = time.monotonic() + EVERY_S
        self._shown = False

    def at(self, done: int) -> None:
        """Say how much is done, now and then."""
        if time.monotonic() < self._next or not sys.stderr.isatty():
            return
        self._next = time.monotonic() + EVERY_S
        self._shown = True
        share = 100 * done // max(1, self._whole)
        sys.stderr.write(f"\r{self._what}: {done:,} of {self._whole:,} ({share} %) ")
        sys.stderr.flush()

    def done(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
