"""What one check of the doctor found, and what all of them come to."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from ops.desk.outcome import Exit


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing, nothing to mend."""
    UNKNOWN = "cannot tell"
    WARNING = "warning"
    PROBLEM = "problem"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One check: what was found, why it matters, how to mend it."""

    check: str
    verdict: Verdict
    what: str
    why: str = ""
    mend: str = ""
    code: Exit = Exit.OK
    """The exit code that a problem deserves."""


def fine(check: str, what: str) -> Checked:
    """Return what is as it should be."""
    return Checked(check=check, verdict=Verdict.OK, what=what)


def note(check: str, what: str, mend: str = "") -> Checked:
    """Return what is worth knowing."""
    return Checked(check=check, verdict=Verdict.NOTE, what=what, mend=mend)


def unknown(check: str, what: str, why: str, mend: str = "") -> Checked:
    """Return what cannot be told from here; nobody is blamed for it."""
    return Checked(check=check, verdict=Verdict.UNKNOWN, what=what, why=why, mend=mend)


def warning(check: str, what: str, why: str, mend: str) -> Checked:
    """Return what may do harm."""
    return Checked(check=check, verdict=Verdict.WARNING, what=what, why=why, mend=mend)


def problem(check: str, what: str, why: str, mend: str, code: Exit = Exit.CONFIGURATION) -> Checked:
    """Return what has to be mended first."""
    return Checked(check=check, verdict=Verdict.PROBLEM, what=what, why=why, mend=mend, code=code)


def verdict(found: Iterable[Checked]) -> Exit:
    """Return the exit code: problems that are mended here come before the Gateway's.

    Warnings alone end with 1.  What cannot be told counts for nothing: a code that can never be 0
    would soon be ignored.
    """
    every = tuple(found)
    codes = [one.code for one in every if one.verdict is Verdict.PROBLEM]
    if codes:
        return min(codes)
    warned = any(one.verdict is Verdict.WARNING for one in every)
    return Exit.EXCEPTION if warned else Exit.OK
