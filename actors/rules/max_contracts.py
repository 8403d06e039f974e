"""RULE-001: never hold more than `limit` contracts over the whole account.

Net (the default) is the absolute sum of signed sizes: a hedge cancels out, and closing one leg of
it can breach.  Gross is the sum of absolute sizes.  More than the limit is a breach; equal is
allowed.  `weights` count a product at another size, such as MNQ = 0.1: by root, in any case and by
any name (ES is EP).

On a breach, `reduce` closes just the excess: first from the contract whose size grew last, on the
dominating side, then from the next.  `close` closes whole contracts, in that order, until the
rest is within the limit, and cancels their orders.  Nothing is locked.
"""

from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

import msgspec

from actors.model.aliases import by_name, canonical, check_products
from actors.model.contract import root
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState
from actors.rules.stricter import Orders, ladder, lower
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.units import Now, RuleName

NAME = RuleName("max_contracts")


class Count(StrEnum):
    """How sizes add up."""

    NET = "net"
    GROSS = "gross"


class OnBreach(StrEnum):
    """What to close."""

    REDUCE = "reduce"
    CLOSE = "close"


class Params(RuleParams, frozen=True, kw_only=True):
    """At most `limit` contracts, counted `net` or `gross`."""

    orders: ClassVar[Orders] = {
        "limit": lower,
        "count": ladder(Count.NET, Count.GROSS),
        "on_breach": ladder(OnBreach.REDUCE, OnBreach.CLOSE),
    }
    limit: int
    count: Count = Count.NET
    on_breach: OnBreach = OnBreach.REDUCE
    weights: dict[str, Decimal] = msgspec.field(default_factory=dict[str, Decimal])

    def __post_init__(self) -> None:
        if self.limit <= 0:
            raise ValueError(f"limit: {self.limit} must be greater than 0: write 1 or more")
        check_products("weights", self.weights)
        for name, weight in self.weights.items():
            if not (weight.is_finite() and weight > 0):
                raise ValueError(f"weights.{name}: {weight} must be greater than 0, such as 0.1")

    @property
    def products(self) -> tuple[tuple[str, str], ...]:
        """Return the products that are weighed."""
        return tuple((f"weights.{one}", one) for one in self.weights)

    @cached_property
    def weighed(self) -> dict[str, Decimal]:
        """Return the weights by the exchange's names."""
        return by_name(self.weights)


def decide(params: Params, state: RuleState, view: BookView, now: Now) -> Judgement[RuleState]:  # noqa: ARG001
    """Count, and name the excess."""
    weights = params.weighed
    sizes = [(one, one.size * weight(weights, one)) for one in view.holdings]
    net = sum((size for _, size in sizes), Decimal(0))
    used = abs(net) if params.count is Count.NET else sum((abs(s) for _, s in sizes), Decimal(0))
    text = f"{used.normalize():f} {params.count.value}"
    limit = str(params.limit)
    if used <= params.limit:
        left = f"{(params.limit - used).normalize():f}"
        return Judgement(state, limit, text, left=left)
    dominating = view.holdings
    if params.count is Count.NET:
        dominating = tuple(one for one in view.holdings if (one.size > 0) == (net > 0))
    newest_first = sorted(dominating, key=lambda one: -one.grew)
    breach = Breach(
        rule=NAME,
        priority=Priority.POSITION,
        goals=excess(params.on_breach, weights, newest_first, used - params.limit),
        why=f"{text} contracts are more than {limit}",
    )
    return Judgement(state, limit, text, (breach,), left="0")


def weight(weights: dict[str, Decimal], holding: Holding) -> Decimal:
    """Return what one contract of this product counts, of weights by the exchange's names."""
    return weights.get(canonical(root(holding.contract_id)), Decimal(1))


def excess(
    on_breach: OnBreach, weights: dict[str, Decimal], holdings: list[Holding], over: Decimal
) -> tuple[Goal, ...]:
    """Return what must go, from the first of these contracts on, until nothing is over."""
    goals: list[Goal] = []
    for one in holdings:
        if over <= 0:
            break
        each = weight(weights, one)
        if on_breach is OnBreach.CLOSE:
            goals.append(Goal(aim=Aim.FLATTEN, contract_id=one.contract_id))
            over -= abs(one.size) * each
            continue
        needed = int((over / each).to_integral_value(ROUND_CEILING))
        gone = min(abs(one.size), needed)
        goals.append(Goal(aim=Aim.REDUCE, contract_id=one.contract_id, keep=abs(one.size) - gone))
        over -= gone * each
    return tuple(goals)


RULE = Rule(NAME, "RULE-001", Params, RuleState, Hears.POSITIONS, decide)
