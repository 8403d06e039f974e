"""The page of the rules: what of each is proven, made of what the tests found.

`python -m ops.matrix` writes config/RULE_MATRIX.md of the last results, `--check` says whether the
page still agrees with the tests that there are, and with their results where there are any.  The
tests write their results to `out/matrix.json` as they run (tests/conftest.py).
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from actors.rules import RULES
from actors.rules.rule import AnyRule

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "config/RULE_MATRIX.md"
RESULTS = ROOT / "out/matrix.json"
YES, NO, UNTESTED = "yes", "**NO**", "none"

type Results = Mapping[str, bool]
"""By the name of a test, whether it passed."""


class Column(NamedTuple):
    """One thing to prove of every rule, and the tests that do: a pattern of their names."""

    title: str
    means: str
    tests: str

    def pattern(self, rule: AnyRule) -> re.Pattern[str]:
        """Return what the names of this rule's tests begin with."""
        number = rule.code.partition("-")[2]
        return re.compile(self.tests.format(rule=re.escape(rule.name), number=number))


COLUMNS = (
    Column(
        "code",
        "the table tests and properties of its own file",
        r"tests/rules/test_{rule}\.py::",
    ),
    Column(
        "keys",
        "every one of its keys changes what it demands, and in shadow it demands nothing",
        r"tests/rules/test_every_key\.py::\w+\[{rule}[.\]]",
    ),
    Column(
        "loaded",
        "built from its settings, its actor lives, and its account arms",
        r"tests/actors/test_every_rule\.py::test_loaded\[{rule}\]",
    ),
    Column(
        "wired",
        "it judges at the start, and again because of what it hears",
        r"tests/actors/test_every_rule\.py::test_wired\[{rule}\]",
    ),
    Column(
        "enforced",
        "what it finds reaches the broker as a command",
        r"tests/actors/test_every_rule\.py::test_enforced\[{rule}\]",
    ),
    Column(
        "end to end",
        "the same through the real SDK, sockets and disk, against the simulated Gateway",
        r"tests/e2e/test_rule_{number}(_\w+)?\.py::",
    ),
)
FILES = ("tests/rules", "tests/actors/test_every_rule.py", "tests/e2e")
OPENING = """\
# What of each rule is proven

Written by `python -m ops.matrix` from the results of the tests; do not edit. "yes" means that there
are such tests and that all of them passed, "none" that there are none, "NO" that one failed. What
the rules do: [RULES.md](RULES.md).
"""


def concerns(test: str) -> bool:
    """Tell whether a test is a proof of a rule."""
    return any(column.pattern(rule).match(test) for rule in RULES.values() for column in COLUMNS)


def cell(results: Results, rule: AnyRule, column: Column) -> str:
    """Return what is known of one thing about one rule."""
    pattern = column.pattern(rule)
    found = [passed for test, passed in results.items() if pattern.match(test)]
    if not found:
        return UNTESTED
    return YES if all(found) else NO


def page(results: Results) -> str:
    """Return the page."""
    titles = [column.title for column in COLUMNS]
    lines = [OPENING, "| rule | | " + " | ".join(titles) + " |", "|---" * (len(titles) + 2) + "|"]
    for rule in sorted(RULES.values(), key=lambda one: one.code):
        cells = [cell(results, rule, column) for column in COLUMNS]
        lines.append(f"| {rule.code} | `{rule.name}` | " + " | ".join(cells) + " |")
    lines += ["", *(f"* **{column.title}**: {column.means}." for column in COLUMNS), ""]
    return "\n".join(lines)


def read() -> dict[str, bool]:
    """Return the results that the tests have left."""
    try:
        return msgspec.json.decode(RESULTS.read_bytes(), type=dict[str, bool])
    except FileNotFoundError:
        return {}


def note(news: Results) -> None:
    """Add results to those that there are: a run of some tests says nothing of the others."""
    known = {test: passed for test, passed in news.items() if concerns(test)}
    if known:
        RESULTS.parent.mkdir(exist_ok=True)
        draft = RESULTS.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode({**read(), **known}))
        draft.replace(RESULTS)


@cache
def collected() -> list[str]:
    """Return the names of the tests that there are, by asking the one who collects them."""
    line = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    listing = subprocess.run(  # noqa: S603  (our own interpreter, and names of ours)
        [*line, *FILES], cwd=ROOT, check=False, capture_output=True, text=True
    ).stdout
    return [one for one in listing.splitlines() if concerns(one)]


def differences(tests: Iterable[str], results: Results) -> list[str]:
    """Return where the page and the tests disagree."""
    supposed = page({test: results.get(test, True) for test in tests})
    written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return [
        f"{line}  is now  {now}"
        for line, now in zip(table(written), table(supposed), strict=False)
        if line != now
    ] + (["rules or columns came or went"] if len(table(written)) != len(table(supposed)) else [])


def table(text: str) -> list[str]:
    """Return the rows of a page."""
    return [line for line in text.splitlines() if line.startswith("|")]


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(prog="python -m ops.matrix", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if outdated")
    check = parser.parse_args(arguments).check
    tests, results = collected(), read()
    if check:
        found = differences(tests, results)
        for one in found:
            sys.stderr.write(f"{PAGE.name}: {one}; run its tests, then python -m ops.matrix\n")
        return 1 if found else 0
    missing = [test for test in tests if test not in results]
    if missing:
        files = sorted({test.partition("::")[0] for test in missing})
        sys.stderr.write(f"no results of {len(missing)} tests; run: pytest {' '.join(files)}\n")
        return 1
    PAGE.write_text(page({test: results[test] for test in tests}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
