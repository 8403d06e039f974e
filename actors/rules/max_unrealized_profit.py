"""RULE-005: take a position's profit once it has made the target.

The mirror of daily_unrealized_loss, per position: a contract whose unrealized P&L is at or above
`target` is closed and its orders are cancelled, on the first quote that crosses.  Other contracts
stay, nothing is locked, and the trader may trade on.  The profit it books may then breach
daily_realized_profit.
"""

from decimal import Decimal
from typing import ClassVar

from actors.model.headroom import Toward
from actors.rules.money_bound import check_dollars, judge_groups, money_bound
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState
from actors.rules.stricter import Orders, lower
from protocol.book import BookView
from protocol.units import Now, RuleName, Usd

NAME = RuleName("max_unrealized_profit")


class Params(RuleParams, frozen=True, kw_only=True):
    """The open profit that closes, in dollars above zero."""

    orders: ClassVar[Orders] = {"target": lower}
    target: Decimal

    def __post_init__(self) -> None:
        check_dollars("target", self.target, Toward.PROFIT, "a profit of $300 is 300")


def decide(params: Params, state: RuleState, view: BookView, now: Now) -> Judgement[RuleState]:  # noqa: ARG001
    """Judge each position by itself."""
    bound = money_bound(NAME, Toward.PROFIT, params.target)
    if not view.holdings:
        return Judgement(state, bound.text, "0.00", left=bound.left_text(Usd(0)))
    return judge_groups(bound, state, tuple((one,) for one in view.holdings))


RULE = Rule(NAME, "RULE-005", Params, RuleState, Hears.POSITIONS | Hears.PRICES, decide)
