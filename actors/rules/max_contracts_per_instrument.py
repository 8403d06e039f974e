"""RULE-002: never hold more of a product than its own limit.

What counts is the absolute sum of signed sizes over all expiries of a product: a spread cancels
out, and closing one leg of it can breach.  More than the limit is a breach; equal is allowed.  A
limit of 0 allows no position at all, not even a spread.  `limits` names products by root, in any
case and by any name (ES is EP).  `unknown_symbol` says what holds for every other product: "block"
(the default) is a limit of 0, "limit:3" one of 3 for each of them, and "allow" is none.

On a breach the product's orders that could increase exposure are cancelled, and at the same time
`reduce` (the default) closes just the excess: first from the expiry whose size grew last, on the
dominating side, then from the next.  `close` closes whole expiries, in that order, until the rest
is within the limit, and cancels their orders; so does a limit of 0 with all of them.  Exits,
protective stops and other products are not touched, and nothing is locked.

Once the product is within its limit no more is sent: an entry whose cancel the broker has refused
until then stays, as any entry may at the limit, and what it fills is taken off again.
"""

import re
from collections import defaultdict
from enum import StrEnum
from functools import cached_property
from math import inf
from typing import Any, ClassVar, Self

import msgspec

from actors.model.aliases import by_name, canonical, check_products
from actors.model.contract import root
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState
from actors.rules.stricter import Orders, ladder
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.units import Now, RuleName

NAME = RuleName("max_contracts_per_instrument")
_UNKNOWN = re.compile(r"block|allow|limit:(\d{1,6})")


class OnBreach(StrEnum):
    """What to close."""

    REDUCE = "reduce"
    CLOSE = "close"


class Params(RuleParams, frozen=True, kw_only=True):
    """So many contracts of each product, and what holds for products not named."""

    orders: ClassVar[Orders] = {"on_breach": ladder(OnBreach.REDUCE, OnBreach.CLOSE)}
    limits: dict[str, int]
    unknown_symbol: str = "block"
    on_breach: OnBreach = OnBreach.REDUCE

    def __post_init__(self) -> None:
        if not self.limits:
            raise ValueError("limits: names no product: write { MNQ = 2 }")
        check_products("limits", self.limits)
        for name, limit in self.limits.items():
            if limit < 0:
                raise ValueError(f"limits.{name}: {limit} is below 0: write 0 or more")
        if not _UNKNOWN.fullmatch(self.unknown_symbol):
            raise ValueError(
                f'unknown_symbol: {self.unknown_symbol!r} means nothing: write "block", "allow" '
                'or "limit:3"'
            )

    def stricter(self, wanted: Any) -> Self:
        """Return for each product the smaller limit, whether it is named or one of the others."""
        held, asked = self.named, wanted.named
        limits = {
            product: min(held.get(product, unlimited(self)), asked.get(product, unlimited(wanted)))
            for product in (*held, *(one for one in asked if one not in held))
        }
        tightest = min(self, wanted, key=unlimited)
        spelt = {canonical(name): name for name in (*wanted.limits, *self.limits)}
        changed = {
            "limits": {spelt[product]: int(limit) for product, limit in limits.items()},
            "unknown_symbol": tightest.unknown_symbol,
        }
        return msgspec.structs.replace(super().stricter(wanted), **changed)

    @property
    def products(self) -> tuple[tuple[str, str], ...]:
        """Return the products that have a limit of their own."""
        return tuple((f"limits.{one}", one) for one in self.limits)

    @cached_property
    def named(self) -> dict[str, int]:
        """Return the limits by the exchange's names."""
        return by_name(self.limits)

    @cached_property
    def others(self) -> int | None:
        """Return the limit of a product that is not named; None is no limit."""
        if self.unknown_symbol == "allow":
            return None
        return int(self.unknown_symbol.partition(":")[2] or 0)

    @cached_property
    def text(self) -> str:
        """Return what holds, for people."""
        others = "others any" if self.others is None else f"others {self.others}"
        return ", ".join((*(f"{one} {limit}" for one, limit in self.named.items()), others))


def decide(params: Params, state: RuleState, view: BookView, now: Now) -> Judgement[RuleState]:  # noqa: ARG001
    """Count each product by itself, and name what is too much of any."""
    limits = params.named
    figures: list[str] = []
    spare = dict(limits)
    goals: list[Goal] = []
    why: list[str] = []
    for product, holdings in sorted(by_product(view).items()):
        count = abs(sum(one.size for one in holdings))
        figures.append(f"{product} {count}")
        limit = limits.get(product, params.others)
        if limit is not None:
            spare[product] = max(0, limit - count)
        if limit is None or 0 < limit >= count:
            continue
        goals += [*withhold(view, product), *excess(holdings, limit, params.on_breach)]
        none = f"no contract of {product} may be held"
        why.append(f"{count} net contracts of {product} are more than {limit}" if limit else none)
    breaches: tuple[Breach, ...] = ()
    if goals:
        said = "; ".join(why)
        breaches = (Breach(rule=NAME, priority=Priority.POSITION, goals=tuple(goals), why=said),)
    used = ", ".join(figures) or "0"
    left = ", ".join(f"{product} {number}" for product, number in spare.items())
    return Judgement(state, params.text, used, breaches, left=left)


def unlimited(params: Params) -> float:
    """Return the limit of every other product, endless if there is none."""
    return inf if params.others is None else params.others


def by_product(view: BookView) -> dict[str, list[Holding]]:
    """Return the holdings of each product, what grew last first."""
    held: dict[str, list[Holding]] = defaultdict(list)
    for one in sorted(view.holdings, key=lambda one: -one.grew):
        held[canonical(root(one.contract_id))].append(one)
    return held


def withhold(view: BookView, product: str) -> tuple[Goal, ...]:
    """Return that no order of this product may increase exposure."""
    seen = {one.contract_id for one in view.holdings} | {one.contract_id for one in view.orders}
    return tuple(
        Goal(aim=Aim.WITHHOLD, contract_id=one)
        for one in sorted(seen)
        if canonical(root(one)) == product
    )


def excess(holdings: list[Holding], limit: int, on_breach: OnBreach) -> tuple[Goal, ...]:
    """Return what must go, from the first of these expiries on, until nothing is over."""
    if limit == 0:
        return tuple(Goal(aim=Aim.FLATTEN, contract_id=one.contract_id) for one in holdings)
    net = sum(one.size for one in holdings)
    over = abs(net) - limit
    goals: list[Goal] = []
    for one in holdings:
        if over <= 0:
            break
        if (one.size > 0) != (net > 0):
            continue
        size = abs(one.size)
        if on_breach is OnBreach.CLOSE:
            goals.append(Goal(aim=Aim.FLATTEN, contract_id=one.contract_id))
        else:
            keep = max(0, size - over)
            goals.append(Goal(aim=Aim.REDUCE, contract_id=one.contract_id, keep=keep))
        over -= size
    return tuple(goals)


RULE = Rule(NAME, "RULE-002", Params, RuleState, Hears.POSITIONS, decide)
