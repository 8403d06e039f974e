"""The page of the rules is made of results, and agrees with the tests that there are."""

import re

import pytest

from actors.rules import RULES
from ops.matrix import (
    COLUMNS,
    NO,
    PAGE,
    UNTESTED,
    YES,
    cell,
    collected,
    concerns,
    differences,
)

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("matrix")]
"""The tests are collected once, by a pytest of its own, and a busy machine takes its time."""
COUNT = RULES["max_contracts"]  # type: ignore[index]
CODE, *_, END_TO_END = COLUMNS


@pytest.mark.parametrize(
    ("results", "shown"),
    [
        ({}, UNTESTED),
        ({"tests/rules/test_max_contracts.py::test_a": True}, YES),
        ({"tests/rules/test_max_contracts.py::test_a": False}, NO),
        (
            {
                "tests/rules/test_max_contracts.py::test_a": True,
                "tests/rules/test_max_contracts.py::test_b[x]": False,
            },
            NO,
        ),
        ({"tests/rules/test_max_contracts_per_instrument.py::test_a": True}, UNTESTED),
    ],
)
def test_a_cell_is_what_all_of_its_tests_say(results: dict[str, bool], shown: str) -> None:
    assert cell(results, COUNT, CODE) == shown


def test_an_end_to_end_test_belongs_to_the_rule_whose_number_it_bears() -> None:
    name = "tests/e2e/test_rule_001.py::test_anything"

    assert concerns(name)
    assert [
        rule.code for rule in RULES.values() if cell({name: True}, rule, END_TO_END) == YES
    ] == ["RULE-001"]
    assert not concerns("tests/e2e/test_races.py::test_anything")


def test_the_page_agrees_with_the_tests_that_there_are() -> None:
    tests = collected()
    assert len(tests) > len(RULES) * len(COLUMNS)

    assert differences(tests, {}) == []


def test_a_proof_that_goes_is_missed_and_one_that_fails_is_seen() -> None:
    tests = [one for one in collected() if not re.search(r"test_wired\[max_contracts\]", one)]
    assert any("max_contracts" in one for one in differences(tests, {}))

    failed = next(one for one in collected() if "test_enforced[symbol_blocks]" in one)
    assert any(NO in one for one in differences(collected(), {failed: False}))
    assert PAGE.exists()
