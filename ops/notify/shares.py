"""How much of a limit is used, where a warning before it helps: money, contracts and trades."""

from collections.abc import Iterator
from typing import NamedTuple

from actors.rules import max_contracts, max_contracts_per_instrument, trade_frequency_limit
from ops.desk.meters import is_automation, meter
from ops.web.gauges import gauges
from protocol.control import RuleStatus

COUNTED = frozenset(
    {max_contracts.NAME, max_contracts_per_instrument.NAME, trade_frequency_limit.NAME}
)
COUNT_MIN = 2
"""Of a limit of one nothing can be used before it is used up."""


class Part(NamedTuple):
    """A rule's limit, or one of several; `of` says which, and is empty if it is the only one."""

    of: str
    used: str
    limit: str
    left: str
    percent: float
    is_within: bool
    """Whether it has not been passed: what is past a limit is told otherwise."""


def used_parts(rule: RuleStatus) -> Iterator[Part]:
    """Yield what a rule allows, part by part, and how much of it is used."""
    if rule.rule in COUNTED:
        yield from counted(rule)
        return
    money = None if is_automation(rule.rule) else meter(rule.limit, rule.used)
    if money is not None and money.limit:
        percent = 100 - 100 * money.left / abs(money.limit)
        left = f"{money.left:.2f}"
        yield Part("", rule.used, rule.limit, left, percent, is_within=money.left > 0)


def counted(rule: RuleStatus) -> Iterator[Part]:
    """Yield the counts of a rule; all that is allowed may be used, and only more breaks it."""
    for one in gauges(rule):
        if one.share is None or float(one.limit) < COUNT_MIN:
            continue
        left = one.left or "none"
        yield Part(one.label, one.used, one.limit, left, 100 * one.share, is_within=one.share <= 1)
