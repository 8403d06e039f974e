"""What a rule's name and texts tell: whether it is about money, and how much of that is left.

Only money is written with two digits or more behind the point, so nothing else is taken for it.
"""

import re
from typing import NamedTuple

from actors.rules import RULES
from protocol.enforcement import Priority
from protocol.units import RuleName

DOLLARS = re.compile(r"-?\d+\.\d{2,4}")


class Meter(NamedTuple):
    """A rule's money: a limit below zero bounds a loss, one above a profit."""

    limit: float
    used: float

    @property
    def left(self) -> float:
        """Return the dollars before the limit; negative past it."""
        return self.used - self.limit if self.limit < 0 else self.limit - self.used


def meter(limit: str, used: str) -> Meter | None:
    """Return what the texts say in dollars; None for rules about other things, or for no figure."""
    if DOLLARS.fullmatch(limit) is None or DOLLARS.fullmatch(used) is None:
        return None
    return Meter(float(limit), float(used))


def is_automation(rule: str) -> bool:
    """Tell whether a rule manages a trade: when it acts, no limit was passed."""
    found = RULES.get(RuleName(rule))
    return found is not None and found.priority is Priority.AUTOMATION
