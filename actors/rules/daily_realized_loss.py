"""RULE-003: end the day once it has lost the limit.

A: realized P&L of the trading day, net of costs, at or below `limit`.
B (`combined`, on by default): realized plus the unrealized P&L of every open position at or below
`limit`, on the first quote that crosses.

Either flattens the account (all orders, all positions) and locks it until the next reset.  Later
profits, restarts and edits of the configuration do not end the lock.
"""

from decimal import Decimal
from typing import ClassVar

from actors.model.headroom import Toward
from actors.rules.money_bound import check_dollars, judge_day, money_bound
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState
from actors.rules.stricter import Orders, either, higher
from protocol.book import BookView
from protocol.enforcement import Priority
from protocol.units import Now, RuleName

NAME = RuleName("daily_realized_loss")


class Params(RuleParams, frozen=True, kw_only=True):
    """The day's loss that ends it, in dollars below zero."""

    orders: ClassVar[Orders] = {"limit": higher, "combined": either}
    limit: Decimal
    combined: bool = True

    def __post_init__(self) -> None:
        check_dollars("limit", self.limit, Toward.LOSS, "a loss of $500 is -500")


def decide(params: Params, state: RuleState, view: BookView, now: Now) -> Judgement[RuleState]:  # noqa: ARG001
    """Judge the closed trades, then the closed and open ones together."""
    bound = money_bound(NAME, Toward.LOSS, params.limit)
    return judge_day(bound, state, view, combined=params.combined)


RULE = Rule(
    NAME,
    "RULE-003",
    Params,
    RuleState,
    Hears.LEDGER | Hears.POSITIONS | Hears.PRICES,
    decide,
    Priority.HARD_LOCKOUT,
)
