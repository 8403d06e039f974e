"""How a process of ours ends: a code for programs, a sentence for people."""

from enum import IntEnum

import msgspec


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    EXCEPTION = 1
    STALLED = 2
    CONFIGURATION = 3
    GATEWAY = 4
    DEPENDENCY = 5


class Ending(msgspec.Struct, frozen=True):
    """A process's last word: the last line up a desk's pipe, and the last one on stderr."""

    code: int
    message: str


class Ended(Exception):
    """The process cannot go on; what is wrong and how to mend it, for whoever started it."""

    def __init__(self, code: Exit, what: str, mend: str = "") -> None:
        self.ending = Ending(code, f"{what}; {mend}" if mend else what)
        super().__init__(self.ending.message)


def missing(error: ImportError) -> Ending:
    """Return the end that a dependency which is not there, or not whole, leads to."""
    name = (error.name or "a part of riskwarden").partition(".")[0]
    return Ending(
        Exit.DEPENDENCY, f"{name} cannot be imported ({error}); run `make setup`, or reinstall"
    )
