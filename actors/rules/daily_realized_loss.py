"""RULE-003: end the day once it has lost the limit.

A: realized P&L of the trading day, net of costs, at or below `limit`.
B (`combined`, on by default): realized plus the unrealized P&L of every open position at or below
`limit`, on the first quote that crosses.

Either flattens the account (all orders, all positions) and locks it until the next reset.  Later
profits, restarts and edits of the configuration do not end the lock.
"""

from decimal import Decimal

from actors.model.headroom import triggers
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState
from protocol.book import BookView
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.units import Now, RuleName, Usd, usd, usd_text

NAME = RuleName("daily_realized_loss")


class Params(RuleParams, frozen=True, kw_only=True):
    """The day's loss that ends it, in dollars below zero."""

    limit: Decimal
    combined: bool = True

    def __post_init__(self) -> None:
        if not (self.limit.is_finite() and self.limit < 0):
            raise ValueError(f"limit: {self.limit} must be below 0: a loss of $500 is -500")
        try:
            usd(self.limit)
        except ValueError as error:
            raise ValueError(f"limit: {error}: write dollars and cents") from error


def decide(params: Params, state: RuleState, view: BookView, now: Now) -> Judgement[RuleState]:  # noqa: ARG001
    """Judge the closed trades, then the closed and open ones together."""
    limit = usd(params.limit)
    text = usd_text(limit)
    if view.realized is None:
        return Judgement(state, text, "?", unknown="the day's trades have not been read")
    realized = view.realized
    if realized <= limit:
        why = f"realized {usd_text(realized)} is at or below {text}"
        return Judgement(state, text, usd_text(realized), (breach(view, why),))
    if not (params.combined and view.holdings):
        return Judgement(state, text, usd_text(realized))
    unrealized = view.unrealized
    if unrealized is None:
        rested = triggers(view.holdings, None)
        unknown = "an open position has no price"
        return Judgement(state, text, usd_text(realized), (), rested, unknown)
    total = Usd(realized + unrealized)
    if total <= limit:
        why = (
            f"realized {usd_text(realized)} and unrealized {usd_text(unrealized)} "
            f"are {usd_text(total)}, at or below {text}"
        )
        return Judgement(state, text, usd_text(total), (breach(view, why),))
    return Judgement(state, text, usd_text(total), (), triggers(view.holdings, Usd(total - limit)))


def breach(view: BookView, why: str) -> Breach:
    """Flatten everything, and lock until the reset."""
    return Breach(
        rule=NAME,
        priority=Priority.HARD_LOCKOUT,
        goals=(Goal(aim=Aim.FLATTEN),),
        lock=LockRequest(kind=LockKind.HARD, until=view.next_reset),
        why=why,
    )


RULE = Rule(
    NAME,
    "RULE-003",
    Params,
    RuleState,
    Hears.LEDGER | Hears.POSITIONS | Hears.PRICES,
    decide,
    Priority.HARD_LOCKOUT,
)
