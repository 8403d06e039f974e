"""RULE-006: cool down after too many trades in a minute, an hour or a session.

Counted are `entries` (orders that opened or increased exposure, each once however many fills it
took), `orders` (that were filled), `fills`, or `round_trips` (when flat again).  The minute and the
hour roll: what is exactly 60 or 3,600 seconds old has left.  The session is the trading day or,
with session_block_outside, begins with each of the account's sessions; with the reset the counts
begin anew.  More than the limit is too many; with `trigger = "reach"`, the limit itself is.

A window that is exceeded cools down for its own time, counted from the trade that did it.  Of
several the latest end holds.  While a window cools down nothing triggers it again, so no exit and
no attempt that was undone makes it longer; the first trade after it does, if it is too many still.
Counts and cooldowns follow from the day's trades, so a restart changes neither.

Positions stay unless `flatten`: no new exposure beyond what is held at the trigger, and exits lower
that.  Exits and protective stops are not touched.
"""

from bisect import bisect_right
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Self

from msgspec.structs import replace

from actors.model.continued import Continued
from actors.model.duration import check_duration, duration, duration_text
from actors.model.frequency import HOUR, MINUTE, Count, Tally, instants, rolling
from actors.rules.cooldown import (
    UNREAD,
    Cooldown,
    CoolingState,
    Follower,
    cooling,
    judged,
)
from actors.rules.rule import Hears, Judgement, Rule, RuleParams
from actors.rules.stricter import Orders, either, ladder, longer, lower
from protocol.book import BookView
from protocol.enforcement import Priority
from protocol.units import Nanos, Now, RuleName

NAME = RuleName("trade_frequency_limit")
WINDOWS = ("minute", "hour", "session")
THINGS = {
    Count.ENTRIES: "entries",
    Count.ORDERS: "orders",
    Count.FILLS: "fills",
    Count.ROUND_TRIPS: "round trips",
}


class When(StrEnum):
    """Whether the limit itself is still allowed."""

    EXCEED = "exceed"
    REACH = "reach"


class Params(RuleParams, frozen=True, kw_only=True):
    """At most so many trades in a minute, an hour, a session; and how long to cool down."""

    orders: ClassVar[Orders] = {
        "per_minute": lower,
        "per_hour": lower,
        "per_session": lower,
        "count": ladder(Count.ENTRIES, Count.ORDERS, Count.FILLS),
        "trigger": ladder(When.EXCEED, When.REACH),
        "cooldown_minute": longer,
        "cooldown_hour": longer,
        "cooldown_session": longer,
        "flatten": either,
    }
    per_minute: int | None = None
    per_hour: int | None = None
    per_session: int | None = None
    count: Count = Count.ENTRIES
    trigger: When = When.EXCEED
    cooldown_minute: str = "60s"
    cooldown_hour: str = "30m"
    cooldown_session: str = "1h"
    flatten: bool = False

    def __post_init__(self) -> None:
        for window in WINDOWS:
            limit = getattr(self, f"per_{window}")
            if limit is not None and limit <= 0:
                raise ValueError(f"per_{window}: {limit} must be greater than 0; write 1 or more")
            check_duration(f"cooldown_{window}", getattr(self, f"cooldown_{window}"))
        used = [window for window in WINDOWS if getattr(self, f"per_{window}") is not None]
        if not used:
            raise ValueError("per_minute: no window has a limit; write it, per_hour or per_session")
        for shorter, larger in pairwise(used):
            spans = [getattr(self, f"cooldown_{window}") for window in (shorter, larger)]
            if duration(spans[0]) > duration(spans[1]):
                raise ValueError(
                    f"cooldown_{larger}: {spans[1]} is shorter than cooldown_{shorter}, {spans[0]};"
                    " write one as long or longer"
                )

    def stricter(self, wanted: Any) -> Self:
        """Return the smaller counts and longer cooldowns, none shorter than a shorter window's."""
        values = {
            key: order(getattr(self, key), getattr(wanted, key))
            for key, order in self.orders.items()
        }
        used = [window for window in WINDOWS if values[f"per_{window}"] is not None]
        for shorter, larger in pairwise(used):
            least = values[f"cooldown_{shorter}"]
            values[f"cooldown_{larger}"] = longer(values[f"cooldown_{larger}"], least)
        return replace(self, **values)


class Limit(NamedTuple):
    """One window: how many are allowed in it, and how long it cools down."""

    allowed: int
    span: Nanos | None
    cooldown: Nanos
    place: str


def windows(params: Params) -> tuple[Limit, ...]:
    """Return the windows that have a limit, the shortest first."""
    every = (
        (params.per_minute, MINUTE, params.cooldown_minute, "in 60 s"),
        (params.per_hour, HOUR, params.cooldown_hour, "in 1 h"),
        (params.per_session, None, params.cooldown_session, "in the session"),
    )
    return tuple(
        Limit(allowed, span, duration(text), place)
        for allowed, span, text, place in every
        if allowed is not None
    )


def tally(limit: Limit, happened: Sequence[Nanos], now: Now) -> Tally:
    """Count one window as of now."""
    if limit.span is None:
        return Tally(len(happened), None)
    return rolling(happened, limit.span, now.wall)


class Counted:
    """What happened, oldest first, and the last cooldown that it called for, over or not."""

    def __init__(self) -> None:
        self.happened: list[Nanos] = []
        self.last: Cooldown | None = None


def count_one(params: Params, limit: Limit, counted: Counted, at: Nanos) -> None:
    """Count one more in a window; cool down if it is too many and the window does not already."""
    happened = counted.happened
    happened.append(at)
    if counted.last is not None and at < counted.last.until:
        return
    left = 0 if limit.span is None else bisect_right(happened, at - limit.span)
    count = len(happened) - left
    most = limit.allowed if params.trigger is When.EXCEED else limit.allowed - 1
    if count > most:
        than = "more than" if params.trigger is When.EXCEED else "as many as"
        why = (
            f"{count} {THINGS[params.count]} {limit.place} are {than} {limit.allowed}: "
            f"cool down for {duration_text(limit.cooldown)}"
        )
        counted.last = Cooldown(at=at, until=Nanos(at + limit.cooldown), why=why)


class Counter:
    """The rule as one actor has it: what was counted already is not counted again."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._windows = windows(params)
        self._limit = ", ".join(f"{one.allowed} {one.place}" for one in self._windows)
        self._follower = Follower(partial(instants, count=params.count))
        self._begin(None)

    def _begin(self, session: Nanos | None) -> None:
        """Count anew: what happened before the session began is not in its window."""
        self._session = session
        self._counts = Continued(
            lambda: [Counted() for _ in self._windows], partial(self._count, session)
        )

    def __call__(self, state: CoolingState, view: BookView, now: Now) -> Judgement[CoolingState]:
        """Count, and cool down from the trade that was too many."""
        flatten = self._params.flatten
        if view.realized is None:
            figures, unknown = (self._limit, "?"), UNREAD
            return judged(NAME, state, figures, now, flatten=flatten, unknown=unknown)
        state = self._follower.followed(state, view, now)
        if view.session != self._session:
            self._begin(view.session)
        counted = self._counts.over(self._follower.found(state, view))
        found = [one.last for one in counted if one.last is not None]
        latest = max(found, key=lambda one: one.until, default=None)
        state = cooling(state, latest, view, now, flatten=flatten)
        tallies = [
            (limit, tally(limit, one.happened, now))
            for limit, one in zip(self._windows, counted, strict=True)
        ]
        used = ", ".join(f"{number.count} {one.place}" for one, number in tallies)
        most = 0 if self._params.trigger is When.EXCEED else 1
        left = ", ".join(
            f"{max(0, one.allowed - most - number.count)} {one.place}" for one, number in tallies
        )
        falls = tuple(number.falls for _, number in tallies if number.falls is not None)
        cooled = judged(NAME, state, (self._limit, used), now, flatten=flatten, falls=falls)
        return replace(cooled, left=left)

    def _count(self, session: Nanos | None, counts: list[Counted], at: Nanos) -> None:
        """Count one more in each window; that of the session begins with it."""
        for limit, counted in zip(self._windows, counts, strict=True):
            if limit.span is not None or session is None or at >= session:
                count_one(self._params, limit, counted, at)


def decide(
    params: Params, state: CoolingState, view: BookView, now: Now
) -> Judgement[CoolingState]:
    """Judge a day from its start."""
    return Counter(params)(state, view, now)


RULE = Rule(
    NAME,
    "RULE-006",
    Params,
    CoolingState,
    Hears.FILLS | Hears.POSITIONS,
    decide,
    Priority.COOLDOWN,
    arm=Counter,
)
