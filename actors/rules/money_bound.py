"""What the rules about money share: a loss limit and a profit target differ by a sign.

A bound is reached at its very amount, from either side: a limit of -500 by -500.00, a target of
500 by 500.00.  Each rule's own file says what it counts and what follows.
"""

from decimal import Decimal
from functools import cached_property, lru_cache

import msgspec

from actors.model.headroom import Toward, triggers
from actors.rules.rule import Judgement, RuleState
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.market_facts import Trigger
from protocol.units import RuleName, Usd, usd, usd_text

NOTHING = Usd(0)
NOTHING_LEFT = usd_text(NOTHING)
UNPRICED = "an open position has no price"


class MoneyBound(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A rule's amount, and on which side of it the trouble lies."""

    rule: RuleName
    toward: Toward
    amount: Usd

    @cached_property
    def text(self) -> str:
        """Return the amount for people."""
        return usd_text(self.amount)

    @property
    def reached_text(self) -> str:
        """Return what is said of money that has reached it."""
        side = "below" if self.toward is Toward.LOSS else "above"
        return f"at or {side} {self.text}"

    def reached(self, money: Usd) -> bool:
        """Tell whether money is at the amount or beyond it."""
        return self.toward.reached(money, self.amount)

    def left_text(self, money: Usd) -> str:
        """Return for people what money may still move before it is there."""
        return usd_text(Usd(max(0, self.toward.left(money, self.amount))))

    def certain(self, holdings: tuple[Holding, ...], closed: Usd = NOTHING) -> bool:
        """Tell whether the amount is reached at whichever of bid, ask and last is best."""
        total = closed
        for one in holdings:
            worth = one.most if self.toward is Toward.LOSS else one.least
            if worth is None:
                return False
            total = Usd(total + worth)
        return self.reached(total)

    def triggers(self, holdings: tuple[Holding, ...], money: Usd | None) -> tuple[Trigger, ...]:
        """Return where these positions must be looked at again; None for unknown money."""
        left = None if money is None else self.toward.left(money, self.amount)
        return triggers(holdings, left, self.toward)


@lru_cache(maxsize=1_024)
def money_bound(rule: RuleName, toward: Toward, dollars: Decimal) -> MoneyBound:
    """Return a rule's amount as it is written: worked out once, however often it is judged by."""
    return MoneyBound(rule=rule, toward=toward, amount=usd(dollars))


def check_dollars(key: str, amount: Decimal, toward: Toward, example: str) -> None:
    """Refuse an amount on the wrong side of zero, or one that no money can be equal to."""
    side = "below" if toward is Toward.LOSS else "above"
    if not (amount.is_finite() and amount * toward > 0):
        raise ValueError(f"{key}: {amount} must be {side} 0: {example}")
    try:
        usd(amount)
    except ValueError as error:
        raise ValueError(f"{key}: {error}: write dollars and cents") from error


def judge_day(
    bound: MoneyBound, state: RuleState, view: BookView, *, combined: bool
) -> Judgement[RuleState]:
    """Judge the day's closed trades, then the closed and open ones together.

    A position may be seen to go before the trade tells what it made: that the rest is at the bound
    without it says nothing.
    """
    text, realized = bound.text, view.realized
    if realized is None:
        return Judgement(state, text, "?", unknown="the day's trades have not been read")
    closed = usd_text(realized)
    if bound.reached(realized):
        why = f"realized {closed} is {bound.reached_text}"
        return Judgement(state, text, closed, (end_of_day(bound, view, why),), left=NOTHING_LEFT)
    if not (combined and view.holdings):
        return Judgement(state, text, closed, left=bound.left_text(realized))
    unrealized = view.unrealized
    if unrealized is None:
        rested = bound.triggers(view.holdings, None)
        return Judgement(state, text, closed, (), rested, UNPRICED)
    total = Usd(realized + unrealized)
    if not bound.reached(total):
        rested = bound.triggers(view.holdings, total)
        left = bound.left_text(total)
        return Judgement(state, text, usd_text(total), (), rested, left=left)
    if view.untold:
        unknown = f"what was closed of {', '.join(view.untold)} has not been told yet"
        return Judgement(state, text, usd_text(total), unknown=unknown)
    why = (
        f"realized {closed} and unrealized {usd_text(unrealized)} "
        f"are {usd_text(total)}, {bound.reached_text}"
    )
    doubtful = not bound.certain(view.holdings, realized)
    breach = end_of_day(bound, view, why, doubtful=doubtful)
    return Judgement(state, text, usd_text(total), (breach,), left=NOTHING_LEFT)


def end_of_day(bound: MoneyBound, view: BookView, why: str, *, doubtful: bool = False) -> Breach:
    """Flatten everything, and lock until the reset."""
    return Breach(
        rule=bound.rule,
        priority=Priority.HARD_LOCKOUT,
        goals=(Goal(aim=Aim.FLATTEN),),
        lock=LockRequest(kind=LockKind.HARD, until=view.next_reset),
        why=why,
        doubtful=doubtful,
    )


def judge_groups(
    bound: MoneyBound,
    state: RuleState,
    groups: tuple[tuple[Holding, ...], ...],
    *,
    whole: bool = False,
) -> Judgement[RuleState]:
    """Judge the open P&L of each group of positions, and close those at the bound.

    What would close a `whole` account wants more than one price.
    """
    judged = [(group, *judge_group(bound, group)) for group in groups]
    known = [money for _, money, _ in judged if money is not None]
    furthest = max(known, key=lambda money: money * bound.toward, default=None)
    due = tuple(
        one
        for group, money, _ in judged
        if money is not None and bound.reached(money)
        for one in group
    )
    used = "?" if furthest is None else usd_text(furthest)
    left = "" if furthest is None else bound.left_text(furthest)
    rested = tuple(trigger for _, _, resting in judged for trigger in resting)
    doubtful = whole and not bound.certain(due)
    breaches = (closing(bound, due, used, doubtful=doubtful),) if due else ()
    unknown = UNPRICED if len(known) < len(judged) else None
    return Judgement(state, bound.text, used, breaches, rested, unknown, left=left)


def judge_group(
    bound: MoneyBound, group: tuple[Holding, ...]
) -> tuple[Usd | None, tuple[Trigger, ...]]:
    """Return a group's unrealized P&L, None if a price is missing, and where to ask again."""
    total = 0
    for one in group:
        if one.unrealized is None:
            return None, bound.triggers(group, None)
        total += one.unrealized
    money = Usd(total)
    return money, () if bound.reached(money) else bound.triggers(group, money)


def closing(
    bound: MoneyBound, due: tuple[Holding, ...], used: str, *, doubtful: bool = False
) -> Breach:
    """Close these contracts and cancel their orders."""
    names = ", ".join(one.contract_id for one in due)
    return Breach(
        rule=bound.rule,
        priority=Priority.POSITION,
        goals=tuple(Goal(aim=Aim.FLATTEN, contract_id=one.contract_id) for one in due),
        why=f"unrealized {used} of {names} is {bound.reached_text}",
        doubtful=doubtful,
    )
