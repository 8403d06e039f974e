"""A product answers to each of its names, in any case, and to patterns."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.aliases import (
    EXCHANGE_NAMES,
    by_name,
    canonical,
    check_pattern,
    check_products,
    matches,
    most_specific,
    names,
)

roots = st.text("ABCEGLMNPQS2", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("broker", "exchange"),
    [("EP", "ES"), ("ENQ", "NQ"), ("GCE", "GC"), ("CLE", "CL"), ("MCLE", "MCL"), ("EU6", "6E"),
     ("TYA", "ZN"), ("USA", "ZB"), ("SIE", "SI"), ("CPE", "HG"), ("GLE", "LE"), ("ZCE", "ZC")],
)  # fmt: skip
def test_the_broker_has_names_of_its_own(broker: str, exchange: str) -> None:
    assert canonical(broker) == canonical(exchange) == exchange
    assert names(broker) == names(exchange) == (exchange, broker)
    assert matches(broker, exchange)
    assert matches(exchange, broker)


@pytest.mark.parametrize("root", ["MNQ", "MES", "RTY", "YM", "M2K", "MGC", "SIL", "HE", "NKD"])
def test_other_products_have_one_name(root: str) -> None:
    assert names(root) == (root,)
    assert canonical(root) == root


def test_no_name_stands_for_two_products() -> None:
    assert len(set(EXCHANGE_NAMES.values())) == len(EXCHANGE_NAMES)
    assert not set(EXCHANGE_NAMES) & set(EXCHANGE_NAMES.values())


@pytest.mark.parametrize(
    ("pattern", "root", "covered"),
    [
        pytest.param("MNQ", "MNQ", True, id="a root covers itself"),
        pytest.param("mnq", "MNQ", True, id="in any case"),
        pytest.param("MNQ", "mnq", True, id="on either side"),
        pytest.param("ep", "Es", True, id="also under another name"),
        pytest.param("NQ", "MNQ", False, id="NQ is not its micro"),
        pytest.param("MNQ", "NQ", False, id="nor the other way round"),
        pytest.param("ENQ", "MNQ", False, id="nor under its other name"),
        pytest.param("ES", "NQ", False, id="ES is not NQ"),
        pytest.param("M*", "MNQ", True, id="a star stands for the rest"),
        pytest.param("M*", "M", True, id="also for nothing"),
        pytest.param("M*", "NQ", False, id="but not for the beginning"),
        pytest.param("*NQ", "MNQ", True, id="a star in front"),
        pytest.param("*NQ", "NQ", True, id="a star in front, for nothing"),
        pytest.param("*NQ", "ENQ", True, id="a star in front, under the other name"),
        pytest.param("M*Q", "MNQ", True, id="a star inside"),
        pytest.param("M**Q", "MNQ", True, id="two stars are one"),
        pytest.param("*", "CLE", True, id="a star alone covers everything"),
        pytest.param("E*", "NQ", True, id="NQ is ENQ to the broker"),
        pytest.param("N*", "ENQ", True, id="and ENQ is NQ"),
        pytest.param("G*", "GCE", True, id="gold by either name"),
        pytest.param("6*", "EU6", True, id="currencies by the exchange's names"),
        pytest.param("Z*", "TYA", True, id="and bonds"),
        pytest.param("M.Q", "MNQ", False, id="a dot is a dot"),
        pytest.param("M?Q", "MNQ", False, id="a question mark is none"),
        pytest.param("", "MNQ", False, id="nothing covers nothing"),
    ],
)
def test_a_pattern_covers(pattern: str, root: str, *, covered: bool) -> None:
    assert matches(pattern, root) is covered


@pytest.mark.parametrize(
    ("patterns", "root", "governs"),
    [
        pytest.param(["M*", "MNQ"], "MNQ", "MNQ", id="the very name comes first"),
        pytest.param(["MNQ*", "MNQ"], "MNQ", "MNQ", id="even after a pattern as long"),
        pytest.param(["ENQ*", "NQ"], "ENQ", "NQ", id="even shorter, under its other name"),
        pytest.param(["*", "M*", "MN*"], "MNQ", "MN*", id="then the longest pattern"),
        pytest.param(["MN*", "*NQ"], "MNQ", "MN*", id="then the first of equals"),
        pytest.param(["MNQ*", "ENQ", "NQ*"], "NQ", "ENQ", id="a name by any other name"),
        pytest.param(["*", "ES"], "NQ", "*", id="a star for all others"),
        pytest.param(["ES", "M*"], "NQ", None, id="none covers it"),
        pytest.param([], "NQ", None, id="there is none"),
    ],
)
def test_the_most_specific_pattern_governs(
    patterns: list[str], root: str, governs: str | None
) -> None:
    assert most_specific(patterns, root) == governs


@pytest.mark.parametrize("pattern", ["ES", "es", "M*", "*", "M2K", "6E"])
def test_roots_and_patterns_are_accepted(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["", " ES", "E S", "F.US.EP", "CON.F.US.EP.Z26", "M?Q", "É", "A" * 17]
)
def test_what_is_no_pattern_is_refused_with_an_example(pattern: str) -> None:
    with pytest.raises(ValueError, match=r'is no product; write a root such as "ES"'):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ((), None),
        (("ES", "NQ", "mnq", "6E"), None),
        (("ES", "EP"), "limits.EP: is the same product as ES: keep one"),
        (("ENQ", "MNQ", "nq"), "limits.nq: is the same product as ENQ: keep one"),
        (("gc", "GC"), "limits.GC: is the same product as gc: keep one"),
        (("M*",), "limits.M*: is no product: write its root, such as MNQ"),
        (("",), "limits.: is no product: write its root, such as MNQ"),
        (("CON.F.US.EP.Z26",), "limits.CON.F.US.EP.Z26: is no product"),
    ],
)
def test_a_table_names_products_and_each_once(table: tuple[str, ...], told: str | None) -> None:
    if told is None:
        check_products("limits", table)
        return
    with pytest.raises(ValueError, match=re.escape(told)):
        check_products("limits", table)


def test_a_table_is_read_by_the_exchanges_names() -> None:
    assert by_name({"EP": 1, "nq": 2, "MNQ": 3}) == {"ES": 1, "NQ": 2, "MNQ": 3}


@given(roots)
def test_a_name_is_canonical_once_and_for_all(root: str) -> None:
    assert canonical(canonical(root)) == canonical(root)
    assert canonical(root) not in EXCHANGE_NAMES


@given(roots, roots)
def test_two_roots_cover_each_other_or_not_at_all(one: str, other: str) -> None:
    assert matches(one, other) == matches(other, one) == (canonical(one) == canonical(other))


@given(roots, st.integers(0, 4))
def test_a_pattern_made_of_a_root_covers_it(root: str, cut: int) -> None:
    assert matches(f"{root[:cut]}*{root[cut:]}", root)
    assert matches(f"{root[:cut]}*".lower(), root)
