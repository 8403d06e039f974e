"""RULE-004: close a position once it loses the limit.

Per position (`scope = "position"`, the default): a contract whose unrealized P&L is at or below
`limit` is closed and its orders are cancelled.  Other contracts stay, nothing is locked, and the
trader may trade on.  With `scope = "account"` the sum over all positions is judged, and all of
them are closed.  The loss it books may then breach daily_realized_loss.
"""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from actors.model.headroom import Toward
from actors.rules.money_bound import check_dollars, judge_groups, money_bound
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState
from actors.rules.stricter import Orders, higher
from protocol.book import BookView
from protocol.units import Now, RuleName, Usd

NAME = RuleName("daily_unrealized_loss")


class Scope(StrEnum):
    """Whose loss is judged."""

    POSITION = "position"
    ACCOUNT = "account"


class Params(RuleParams, frozen=True, kw_only=True):
    """The open loss that closes, in dollars below zero."""

    orders: ClassVar[Orders] = {"limit": higher}
    limit: Decimal
    scope: Scope = Scope.POSITION

    def __post_init__(self) -> None:
        check_dollars("limit", self.limit, Toward.LOSS, "a loss of $300 is -300")


def decide(params: Params, state: RuleState, view: BookView, now: Now) -> Judgement[RuleState]:  # noqa: ARG001
    """Judge each position by itself, or all of them as one."""
    bound = money_bound(NAME, Toward.LOSS, params.limit)
    if not view.holdings:
        return Judgement(state, bound.text, "0.00", left=bound.left_text(Usd(0)))
    if params.scope is Scope.ACCOUNT:
        return judge_groups(bound, state, (view.holdings,), whole=True)
    return judge_groups(bound, state, tuple((one,) for one in view.holdings))


RULE = Rule(NAME, "RULE-004", Params, RuleState, Hears.POSITIONS | Hears.PRICES, decide)
