"""Which of two settings of a key is the stricter one: the words in which rules say it.

A reload tightens at once and loosens at the next reset, key by key.  So each key of a rule needs an
order: a function of what is held and what is wanted that returns the stricter of them.  Where
neither is stricter in every market (how sizes are weighed, whose loss is judged) there is no order,
and what is held stays until the reset.
"""

from collections.abc import Callable, Mapping
from typing import Any

from actors.model.aliases import canonical
from actors.model.duration import duration

type Order = Callable[[Any, Any], Any]
"""Of what is held and what is wanted, the stricter; what is held if they cannot be compared."""
type Orders = Mapping[str, Order]


def lower(held: Any, wanted: Any) -> Any:
    """Take the smaller number; None is no limit at all."""
    if held is None or wanted is None:
        return wanted if held is None else held
    return min(held, wanted)


def higher(held: Any, wanted: Any) -> Any:
    """Take the bigger number: of two limits below zero the one that is nearer to it."""
    return max(held, wanted)


def shorter(held: str, wanted: str) -> str:
    """Take the shorter span of time."""
    return min(held, wanted, key=duration)


def longer(held: str, wanted: str) -> str:
    """Take the longer span of time."""
    return max(held, wanted, key=duration)


def either(held: bool, wanted: bool) -> bool:  # noqa: FBT001  (they are the values of a key)
    """Take true if either is."""
    return held or wanted


def ladder(*steps: object) -> Order:
    """Return the order of these values, the loosest first; others have none."""

    def order(held: object, wanted: object) -> object:
        if held not in steps or wanted not in steps:
            return held
        return max(held, wanted, key=steps.index)

    return order


def united(held: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Take every product and pattern that either names, as the wider of them spells it."""
    narrow, wide = ({canonical(one): one for one in names} for names in (held, wanted))
    if wide.keys() <= narrow.keys():
        return held
    return tuple((wide if narrow.keys() <= wide.keys() else narrow | wide).values())
