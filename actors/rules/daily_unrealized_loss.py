"""RULE-004: close a position once it loses the limit.

Per position (`scope = "position"`, the default): a contract whose unrealized P&L is at or below
`limit` is closed and its orders are cancelled.  Other contracts stay, nothing is locked, and the
trader may trade on.  With `scope = "account"` the sum over all positions is judged, and all of
them are closed.  The loss it books may then breach daily_realized_loss.
"""

from decimal import Decimal
from enum import StrEnum

from actors.model.headroom import triggers
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.market_facts import Trigger
from protocol.units import Now, RuleName, Usd, usd, usd_text

NAME = RuleName("daily_unrealized_loss")


class Scope(StrEnum):
    """Whose loss is judged."""

    POSITION = "position"
    ACCOUNT = "account"


class Params(RuleParams, frozen=True, kw_only=True):
    """The open loss that closes, in dollars below zero."""

    limit: Decimal
    scope: Scope = Scope.POSITION

    def __post_init__(self) -> None:
        if not (self.limit.is_finite() and self.limit < 0):
            raise ValueError(f"limit: {self.limit} must be below 0: a loss of $300 is -300")
        try:
            usd(self.limit)
        except ValueError as error:
            raise ValueError(f"limit: {error}: write dollars and cents") from error


def decide(params: Params, state: RuleState, view: BookView, now: Now) -> Judgement[RuleState]:  # noqa: ARG001
    """Judge each position by itself, or all of them as one."""
    limit = usd(params.limit)
    if not view.holdings:
        return Judgement(state, usd_text(limit), "0.00")
    groups: list[tuple[Holding, ...]] = [view.holdings]
    if params.scope is Scope.POSITION:
        groups = [(one,) for one in view.holdings]
    judged = [judge(group, limit) for group in groups]
    worst = min((money for money, _ in judged if money is not None), default=None)
    lost = tuple(
        one for group, (money, _) in zip(groups, judged, strict=True)
        if money is not None and money <= limit
        for one in group
    )  # fmt: skip
    rested = tuple(trigger for _, resting in judged for trigger in resting)
    used = "?" if worst is None else usd_text(worst)
    unpriced = any(money is None for money, _ in judged)
    unknown = "an open position has no price" if unpriced else None
    breaches = (breach(lost, used, limit),) if lost else ()
    return Judgement(state, usd_text(limit), used, breaches, rested, unknown)


def judge(group: tuple[Holding, ...], limit: Usd) -> tuple[Usd | None, tuple[Trigger, ...]]:
    """Return a group's unrealized P&L, None if a price is missing, and where to ask again."""
    total = 0
    for one in group:
        if one.unrealized is None:
            return None, triggers(group, None)
        total += one.unrealized
    if total <= limit:
        return Usd(total), ()
    return Usd(total), triggers(group, Usd(total - limit))


def breach(lost: tuple[Holding, ...], used: str, limit: Usd) -> Breach:
    """Close these contracts and cancel their orders."""
    names = ", ".join(one.contract_id for one in lost)
    return Breach(
        rule=NAME,
        priority=Priority.POSITION,
        goals=tuple(Goal(aim=Aim.FLATTEN, contract_id=one.contract_id) for one in lost),
        why=f"unrealized {used} of {names} is at or below {usd_text(limit)}",
    )


RULE = Rule(NAME, "RULE-004", Params, RuleState, Hears.POSITIONS | Hears.PRICES, decide)
