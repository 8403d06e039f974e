"""A product by any of its names: what a trader calls ES, the broker lists as EP.

Patterns may hold `*` for any characters, also none.  A pattern covers a product as soon as it
fits one of the product's names, so `E*` covers NQ too, which the broker lists as ENQ.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

# fmt: off
EXCHANGE_NAMES = {
    "EP": "ES", "ENQ": "NQ", "GMET": "MET",
    "DA6": "6A", "BP6": "6B", "CA6": "6C", "EU6": "6E", "JY6": "6J", "MX6": "6M", "NE6": "6N",
    "SF6": "6S", "EEU": "E7", "GMCD": "MCD",
    "CLE": "CL", "MCLE": "MCL", "NQM": "QM", "NGE": "NG", "NQG": "QG", "HOE": "HO", "RBE": "RB",
    "GCE": "GC", "SIE": "SI", "CPE": "HG", "PLE": "PL",
    "TUA": "ZT", "FVA": "ZF", "TYA": "ZN", "TNA": "TN", "USA": "ZB", "ULA": "UB",
    "ZCE": "ZC", "ZWA": "ZW", "ZSE": "ZS", "ZME": "ZM", "ZLE": "ZL", "GLE": "LE",
}
# fmt: on
"""The exchange's name for each root that the broker lists under one of its own.

It lists `{"id": "CON.F.US.EU6.U25", "name": "6EU5", ...}`: the name begins with the exchange's.
"""
_BROKER_NAMES = {exchange: broker for broker, exchange in EXCHANGE_NAMES.items()}
BUT = " but "
"""In a scope, what stands between a pattern and those that are left out of it: `* but GC, M*`."""
_PATTERN = re.compile(r"[A-Z0-9*]{1,16}")
_PRODUCT = re.compile(r"[A-Z0-9]{1,8}")


def canonical(root: str) -> str:
    """Return the exchange's name of a product, or the pattern, in capital letters."""
    upper = root.upper()
    return EXCHANGE_NAMES.get(upper, upper)


def names(root: str) -> tuple[str, ...]:
    """Return every name of a product, the exchange's first."""
    exchange = canonical(root)
    broker = _BROKER_NAMES.get(exchange)
    return (exchange,) if broker is None else (exchange, broker)


def by_name[V](table: Mapping[str, V]) -> dict[str, V]:
    """Return a table of products, each under the exchange's name whatever it was written as."""
    return {canonical(root): value for root, value in table.items()}


@lru_cache(maxsize=4_096)
def matches(pattern: str, root: str) -> bool:
    """Tell whether a pattern covers a product, in any case and by any of its names."""
    form = _form(canonical(pattern))
    return any(form.fullmatch(name) is not None for name in names(root))


def within(scope: str, root: str) -> bool:
    """Tell whether a scope takes in a product: a pattern, and after `but` what it leaves out."""
    pattern, _, without = scope.partition(BUT)
    return matches(pattern, root) and not any(
        matches(one, root) for one in without.split(", ") if one
    )


def most_specific(patterns: Iterable[str], root: str) -> str | None:
    """Return the pattern that governs a product: its very name, or the longest that covers it.

    Of two equally long ones the first governs.
    """
    return max((one for one in patterns if matches(one, root)), key=rank, default=None)


def check_pattern(pattern: str) -> None:
    """Raise ValueError("what is wrong; how to mend it")."""
    if not _PATTERN.fullmatch(pattern.upper()):
        raise ValueError(
            f'{pattern!r} is no product; write a root such as "ES", or a pattern such as "M*"'
        )


def check_products(key: str, table: Iterable[str]) -> None:
    """Raise ValueError("key.root: what is wrong; how to mend it") for what is no product, or twice.

    Two names of one product would leave open which of their values holds.
    """
    seen: dict[str, str] = {}
    for root in table:
        if not _PRODUCT.fullmatch(canonical(root)):
            raise ValueError(f"{key}.{root}: is no product: write its root, such as MNQ")
        twin = seen.setdefault(canonical(root), root)
        if twin != root:
            raise ValueError(f"{key}.{root}: is the same product as {twin}: keep one")


def rank(pattern: str) -> tuple[bool, int]:
    """Return how specific a pattern is: more so is greater."""
    literal = pattern.replace("*", "")
    return literal == pattern, len(literal)


@lru_cache(maxsize=1_024)
def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)))
