"""RULE-010: lock the account while the broker does not let it trade.

`canTrade` false, in an account message or in the list of accounts that is read at every poll, is
the breach: all orders are cancelled, all positions closed, and the account is locked without an
end.  The lock survives resets and restarts; it ends by itself as soon as the broker says true.
The broker may refuse the closes of such an account: that is reported, and tried again within the
budget until the account is flat, also after the lock has ended.

A message without `canTrade` is no information: what was said last still holds, and as long as
nothing was ever said the rule judges nothing, and ends nothing.  A lost connection or an expired
token is another thing: then nobody can enforce, which is an alarm and no lock.
"""

from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState
from protocol.book import BookView
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.units import Now, RuleName

NAME = RuleName("auth_loss_guard")
MAY = "may trade"
MAY_NOT = "may not trade"


class Params(RuleParams, frozen=True, kw_only=True):
    """Nothing to set: the broker decides."""


class Standing(RuleState, frozen=True):
    """What the broker said last; None if it has never said anything."""

    can_trade: bool | None = None


def decide(params: Params, state: Standing, view: BookView, now: Now) -> Judgement[Standing]:  # noqa: ARG001
    """Take the broker's word, or the last one it gave."""
    if view.can_trade is not None and view.can_trade is not state.can_trade:
        state = Standing(view.can_trade)
    if state.can_trade is None:
        told = "the broker has not said whether the account may trade"
        return Judgement(state, MAY, "?", unknown=told)
    if state.can_trade:
        return Judgement(state, MAY, MAY)
    breach = Breach(
        rule=NAME,
        priority=Priority.HARD_LOCKOUT,
        goals=(Goal(aim=Aim.FLATTEN),),
        lock=LockRequest(kind=LockKind.CONDITION, until=None),
        why="the broker says that the account may not trade",
    )
    return Judgement(state, MAY, MAY_NOT, (breach,))


RULE = Rule(NAME, "RULE-010", Params, Standing, Hears.STANDING, decide, Priority.HARD_LOCKOUT)
