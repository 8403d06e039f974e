"""The list of faults, the tests that try them and the page agree; the figures may be of any day."""

import ast
import re
from pathlib import Path

from ops.reliability.catalogue import FAULTS
from ops.reliability.page import DETECTED, RECOVERED, render, row
from ops.reliability.trials import Trial, read, write

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([\w-]+)` \|.*\| (\S.*) \|$", re.MULTILINE)
NAMES = [fault.name for fault in FAULTS]


def tried() -> set[str]:
    """Return the faults that tests are marked with."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{path}: a fault is named by its text"
                found.add(str(name.value))
    return found


def test_every_fault_of_the_list_is_tried_and_every_fault_tried_is_in_the_list() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert tried() == set(NAMES)


def test_the_page_has_every_fault_of_the_list_and_none_that_failed() -> None:
    page = (ROOT / "ops" / "RELIABILITY.md").read_text("utf-8")
    rows = ROW.findall(page.split("## What else")[0])

    assert [name for name, _ in rows] == NAMES, "run `make reliability`"
    assert {result for _, result in rows} == {"held"}


def test_what_is_written_is_read_and_a_test_speaks_once(tmp_path: Path) -> None:
    first = Trial(fault="disk-full", test="a", held=False, figures={})
    again = Trial(fault="disk-full", test="a", held=True, figures={RECOVERED: 1.5})
    other = Trial(fault="disk-full", test="b", held=True, figures={})
    for one in (first, again, other):
        write(tmp_path, one)

    assert sorted(read(tmp_path), key=lambda one: one.test) == [again, other]


def test_a_line_tells_the_worst_and_a_failure_cannot_be_missed() -> None:
    fault = FAULTS[0]
    runs = [
        Trial(fault=fault.name, test=name, held=held, figures={DETECTED: seconds})
        for name, held, seconds in (("a", True, 0.5), ("b", False, 2.25))
    ]

    assert row(fault, []).endswith("| 0 | - | - | not run |")
    assert row(fault, runs[:1]).endswith("| 1 | 0.50 | - | held |")
    assert row(fault, runs).endswith("| 2 | 2.25 | - | **1 FAILED** |")
    assert f"`{fault.name}`" in render(runs)
