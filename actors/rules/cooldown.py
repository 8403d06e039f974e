"""What the rules that cool down share: which fills they follow, and how long a cooldown lasts.

A cooldown is counted from what triggered it and only grows.  It is kept, so that it goes on
through restarts and resets although the fills behind it are then another day's.

What was under way before the day's first fill is what the book shows more than the fills explain.
Fills and positions come by separate streams, so that is believed when the day is first looked at,
and later only after it has stayed the same for a while, and while no exit's trade is waited for: a
machine that slept has heard nothing meanwhile.

Where positions may stay, it is what stood at the trigger by the fills, less what has left since:
what was entered after it, before anybody could know, has no more right than what is entered later.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from actors.model.continued import Continued
from actors.model.round_trips import RoundTrips, Sizes, add_up, carried_over, left_standing
from actors.rules.rule import Judgement, RuleState, Wake
from protocol.account_facts import TradeSeen
from protocol.book import BookView
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.schedule import Clock
from protocol.units import SECOND, Nanos, Now, RuleName

SETTLE = Nanos(2 * SECOND)
"""How long book and fills may contradict each other before the fills' beginning is doubted."""
WAIT_MAX = Nanos(45 * SECOND)
"""How long a cooldown waits for a book that contradicts the fills, each time in another way.

Longer than a poll takes to show what was only lost.
"""
UNREAD = "the day's trades have not been read"


class Doubt(msgspec.Struct, frozen=True):
    """Other beginnings than those believed, and since when book and fills have told of them."""

    carried: Sizes
    since: Nanos
    first: Nanos = Nanos(0)
    """Since when they have told of any other."""


class CoolingState(RuleState, frozen=True):
    """What was under way as the day began, and the cooldown that was triggered last."""

    day: str = ""
    carried: Sizes = msgspec.field(default_factory=dict)
    doubt: Doubt | None = None
    until: Nanos = Nanos(0)
    why: str = ""
    stood: Sizes | None = None
    """What the trigger left standing, as the cooldown began."""


class Cooldown(msgspec.Struct, frozen=True, kw_only=True):
    """A cooldown: its end, counted from its trigger, and what triggered it."""

    at: Nanos
    """When that happened."""
    until: Nanos
    why: str


class Day:
    """A day's fills so far: what they add up to, and their round trips."""

    def __init__(self, carried: Sizes) -> None:
        self.sizes: Sizes = {}
        self.trips = RoundTrips(carried)

    def take(self, fill: TradeSeen) -> None:
        """Take one more fill."""
        add_up(self.sizes, fill)
        self.trips.take(fill)


class Follower[T]:
    """Follows the days of one account; what it has followed already it does not follow again.

    `seen` says what a rule sees in a day's round trips.
    """

    def __init__(self, seen: Callable[[RoundTrips], Sequence[T]]) -> None:
        self._seen = seen
        self._begin({})

    def _begin(self, carried: Sizes) -> None:
        self._carried = carried
        self._days = Continued(lambda: Day(carried), Day.take)
        self._fills: tuple[TradeSeen, ...] | None = None
        self._found: Sequence[T] = ()

    def followed(self, state: CoolingState, view: BookView, now: Now) -> CoolingState:
        """Return the state with what was under way before the day's fills."""
        if not view.known:
            return state
        held = {one.contract_id: one.size for one in view.holdings}
        day = self._days.over(view.fills)
        carried = carried_over(held, day.sizes)
        if view.day != state.day:
            return replace(state, day=view.day, carried=carried, doubt=None)
        flat = day.trips.flat
        lags = any(one.opened < flat.get(one.contract_id, 0) for one in view.holdings)
        if carried == state.carried and not lags:
            return state if state.doubt is None else replace(state, doubt=None)
        if state.doubt is None or state.doubt.carried != carried:
            first = now.wall if state.doubt is None else min(now.wall, state.doubt.first)
            return replace(state, doubt=Doubt(carried, now.wall, first))
        if view.untold or 0 <= now.wall - state.doubt.since < SETTLE:
            return state
        return replace(state, carried=carried, doubt=None)

    def found(self, state: CoolingState, view: BookView) -> Sequence[T]:
        """Return what is seen in the day's fills, from what was under way before them.

        It is the very same as before if nothing new was told, or a list to which that was added.
        """
        if state.carried != self._carried:
            self._begin(state.carried)
        if view.fills is not self._fills:
            self._found = self._seen(self._days.over(view.fills).trips)
            self._fills = view.fills
        return self._found


def cooling(
    state: CoolingState, asked: Cooldown | None, view: BookView, now: Now, *, flatten: bool
) -> CoolingState:
    """Return the state with the longer cooldown.

    One that lets positions stay begins when the book shows what the fills say: what is held then
    is what stays, so the position that triggered it must be in the book whichever came first.
    Whoever trades on faster than the book follows is not waited for.
    """
    if asked is None or asked.until <= state.until:
        return state
    doubt = state.doubt
    if doubt is not None and not flatten and 0 <= now.wall - doubt.first < WAIT_MAX:
        return state
    stood = None if flatten else left_standing(state.carried, view.fills, asked.at)
    return replace(state, until=asked.until, why=asked.why, stood=stood)


def judged(
    rule: RuleName,
    state: CoolingState,
    figures: tuple[str, str],
    now: Now,
    *,
    flatten: bool,
    falls: tuple[Nanos, ...] = (),
    unknown: str | None = None,
) -> Judgement[CoolingState]:
    """Return the judgement: a breach while the cooldown lasts, and when to look again."""
    limit, used = figures
    breaches: tuple[Breach, ...] = ()
    instants = list(falls)
    if state.until > now.wall:
        breaches = (breach(rule, state, flatten=flatten),)
        instants.append(state.until)
    if state.doubt is not None:
        instants.append(Nanos(state.doubt.since + SETTLE))
    due = min((one for one in instants if one > now.wall), default=None)
    wake = None if due is None else Wake(Clock.WALL, due)
    return Judgement(state, limit, used, breaches, unknown=unknown, wake=wake)


def breach(rule: RuleName, state: CoolingState, *, flatten: bool) -> Breach:
    """Ask for the lock; the account keeps from growing by itself what may stay under it."""
    return Breach(
        rule=rule,
        priority=Priority.COOLDOWN,
        goals=(Goal(aim=Aim.FLATTEN),) if flatten else (),
        lock=LockRequest(kind=LockKind.COOLDOWN, until=state.until),
        why=state.why,
        stays=state.stood,
    )
