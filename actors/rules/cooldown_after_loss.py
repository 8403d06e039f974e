"""RULE-007: cool down after a closing that lost too much.

What one closing made is judged from flat to flat (`basis = "round_trip"`), so a position that was
scaled out of counts as a whole once it is flat; or by the order that closed (`"order"`), whose
partial fills add up.  Costs are included if the account includes fees.

The largest tier that the loss is at or below says how long, counted from the closing.  During a
cooldown only a bigger loss than the one that began it can make it longer; nothing makes it shorter.
It stands beside every other lock, and each ends by itself.  Each closing counts once, for what is
judged are the day's trades, whenever and however often they were told.

All positions are closed and all orders cancelled (`flatten`).  Without it positions stay, and
nothing can be added to them; exits and protective stops are not touched.
"""

from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, Self

import msgspec

from actors.model.continued import Continued
from actors.model.duration import check_duration, duration, duration_text
from actors.model.headroom import Toward
from actors.model.round_trips import Basis, Closed, RoundTrips
from actors.rules.cooldown import (
    UNREAD,
    Cooldown,
    CoolingState,
    Follower,
    cooling,
    judged,
)
from actors.rules.money_bound import check_dollars
from actors.rules.rule import Hears, Judgement, Rule, RuleParams
from actors.rules.stricter import Orders, either
from protocol.book import BookView
from protocol.enforcement import Priority
from protocol.units import Nanos, Now, RuleName, Usd, usd, usd_text

NAME = RuleName("cooldown_after_loss")
CLOSINGS = {Basis.ROUND_TRIP: "a round trip", Basis.ORDER: "an order"}

type Tiers = tuple[tuple[Usd, Nanos], ...]


def default_tiers() -> dict[str, Decimal]:
    """Return what applies where nothing is written."""
    return {"5m": Decimal(-100), "15m": Decimal(-200), "30m": Decimal(-300)}


class Params(RuleParams, frozen=True, kw_only=True):
    """How long to cool down after which loss of one closing."""

    orders: ClassVar[Orders] = {"flatten": either}
    tiers: dict[str, Decimal] = msgspec.field(default_factory=default_tiers)
    basis: Basis = Basis.ROUND_TRIP
    flatten: bool = True

    def __post_init__(self) -> None:
        if not self.tiers:
            raise ValueError("tiers: names no loss; write for example { 5m = -100 }")
        for span, loss in self.tiers.items():
            check_duration(f"tiers.{span}", span)
            check_dollars(f"tiers.{span}", loss, Toward.LOSS, "a loss of $100 is -100")
        ordered = sorted(self.tiers, key=duration)
        for shorter, longer in pairwise(ordered):
            if self.tiers[longer] >= self.tiers[shorter] or duration(shorter) == duration(longer):
                raise ValueError(
                    f"tiers.{longer}: {self.tiers[longer]} is no bigger a loss than "
                    f"{self.tiers[shorter]} of {shorter}; the longer, the bigger the loss"
                )

    def stricter(self, wanted: Any) -> Self:
        """Return for every loss the longer cooldown of the two."""
        tiers: dict[str, Decimal] = {}
        so_far = Nanos(0)
        for loss in sorted({*self.tiers.values(), *wanted.tiers.values()}, reverse=True):
            span = max(longest(self, loss), longest(wanted, loss))
            if span > so_far:
                tiers[duration_text(span)], so_far = loss, span
        tiers = next((one.tiers for one in (self, wanted) if same(one.tiers, tiers)), tiers)
        return msgspec.structs.replace(super().stricter(wanted), tiers=tiers)


def longest(params: Params, loss: Decimal) -> Nanos:
    """Return how long a loss cools down."""
    met = (duration(span) for span, least in params.tiers.items() if loss <= least)
    return max(met, default=Nanos(0))


def same(one: dict[str, Decimal], other: dict[str, Decimal]) -> bool:
    """Tell whether tiers mean the same, however their spans are spelt."""
    plain = [{duration(span): loss for span, loss in tiers.items()} for tiers in (one, other)]
    return plain[0] == plain[1]


def steps(params: Params) -> Tiers:
    """Return the tiers, the smallest loss first."""
    return tuple(sorted(((usd(v), duration(k)) for k, v in params.tiers.items()), reverse=True))


class Worst:
    """The last cooldown that the closings so far called for, over or not, and for which loss."""

    def __init__(self) -> None:
        self.last: Cooldown | None = None
        self.money = Usd(0)


def judge_one(params: Params, tiers: Tiers, fees: bool, worst: Worst, closing: Closed) -> None:  # noqa: FBT001
    """Judge one more closing, with or without what it cost."""
    money, last = closing.net(include_fees=fees), worst.last
    met = [(loss, span) for loss, span in tiers if money <= loss]
    runs = last is not None and closing.closed < last.until
    if not met or (runs and money >= worst.money):
        return
    worst.money = money
    loss, span = met[-1]
    until = Nanos(closing.closed + span)
    if last is None or until > last.until:
        why = (
            f"{CLOSINGS[params.basis]} of {closing.contract_id} made {usd_text(money)}, "
            f"at or below {usd_text(loss)}: cool down for {duration_text(span)}"
        )
        worst.last = Cooldown(at=closing.closed, until=until, why=why)


class Judge:
    """The rule as one actor has it: what was judged already is not judged again."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._tiers = steps(params)
        self._limit = ", ".join(
            f"{usd_text(loss)} for {duration_text(span)}" for loss, span in self._tiers
        )
        self._follower = Follower(partial(RoundTrips.closings, basis=params.basis))
        self._judged = {
            fees: Continued(Worst, partial(judge_one, params, self._tiers, fees))
            for fees in (True, False)
        }

    def __call__(self, state: CoolingState, view: BookView, now: Now) -> Judgement[CoolingState]:
        """Judge each closing of the day in its order."""
        flatten = self._params.flatten
        if view.realized is None:
            figures, unknown = (self._limit, "?"), UNREAD
            return judged(NAME, state, figures, now, flatten=flatten, unknown=unknown)
        state = self._follower.followed(state, view, now)
        closings = self._follower.found(state, view)
        asked = self._judged[view.include_fees].over(closings)
        state = cooling(state, asked.last, view, now, flatten=flatten)
        made = closings[-1].net(include_fees=view.include_fees) if closings else Usd(0)
        return judged(NAME, state, (self._limit, usd_text(made)), now, flatten=flatten)


def decide(
    params: Params, state: CoolingState, view: BookView, now: Now
) -> Judgement[CoolingState]:
    """Judge a day from its start."""
    return Judge(params)(state, view, now)


RULE = Rule(
    NAME,
    "RULE-007",
    Params,
    CoolingState,
    Hears.FILLS | Hears.POSITIONS,
    decide,
    Priority.COOLDOWN,
    arm=Judge,
)
