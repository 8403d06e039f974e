"""What is wrong with a configuration, said so that its reader can mend it."""

from collections.abc import Iterable
from difflib import get_close_matches

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing to mend, or, among warnings, to think about.

    Never holds a value from a place where a secret could stand.
    """

    file: str
    key: str
    """Where, as a dotted path: accounts[1001].rules.daily_realized_loss.limit."""
    what: str
    why: str = ""
    mend: str = ""
    line: int | None = None
    column: int | None = None


class ConfigError(Exception):
    """A configuration that cannot be used, with every problem found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        assert self.problems, "an error says what is wrong"
        super().__init__(self.problems)

    def __str__(self) -> str:
        return render_text(self.problems)


class Invalid(ValueError):
    """A setting that its own struct refuses."""

    def __init__(self, key: str, what: str, *, why: str = "", mend: str = "") -> None:
        self.key, self.what, self.why, self.mend = key, what, why, mend
        super().__init__(f"{key}: {what}")


def render_text(problems: Iterable[Problem], kind: str = "problem") -> str:
    """Return the problems, or other `kind`, for a terminal, by file, in the order they came."""
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    return "\n".join(
        line
        for file, found in by_file.items()
        for line in (
            f"{printable(file)}: {len(found)} {kind}{'s' * (len(found) > 1)}",
            *(line for problem in found for line in _lines(problem)),
        )
    )


def render_json(problems: Iterable[Problem]) -> str:
    """Return the problems for a program."""
    return msgspec.json.encode({"problems": tuple(problems)}).decode()


def dotted(path: Iterable[str]) -> str:
    """Join the steps of a path; steps that open with a bracket follow without a dot."""
    joined = "".join(step if step.startswith("[") else f".{step}" for step in path)
    return joined.removeprefix(".")


def bare(key: str) -> str:
    """Return a key as one would write it in TOML: in quotes where it needs them."""
    plain = key.replace("_", "").replace("-", "")
    if plain.isascii() and plain.isalnum():
        return key
    return msgspec.json.encode(printable(key)).decode()


def printable(text: str) -> str:
    """Return text that cannot steer a terminal or break a log's line, and is not endless."""
    safe = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return safe if len(safe) <= 200 else f"{safe[:200]}..."  # noqa: PLR2004  (a line or two)


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return 'did you mean X?' where something known is close to it, else nothing."""
    folded = {name.casefold(): name for name in known}
    close = get_close_matches(wrong.casefold()[:100], folded, n=1, cutoff=0.6)
    return f"did you mean {folded[close[0]]}?" if close else ""


def _lines(problem: Problem) -> list[str]:
    place = problem.key or "(the whole file)"
    if problem.line is not None:
        place = f"line {problem.line}, column {problem.column}"
    parts = (("what", problem.what), ("why", problem.why), ("mend", problem.mend))
    return ["", f"  {place}", *(f"    {f'{name}:':<5} {text}" for name, text in parts if text)]
