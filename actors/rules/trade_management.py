"""RULE-012: move the stop of a position in profit, toward the market and never away from it.

Breakeven: once the price has gone `trigger_ticks` in the position's favour, its stop goes to the
entry, or `offset_ticks` beyond it.  Trailing: from `activation_ticks` on, the stop follows the best
price at a distance of `distance_ticks`.  Of the two the tighter counts.  What is moved is the stop
that is there, whoever placed it; one that is tighter already is left alone.  How a stop is moved,
and that it never loosens nor crosses the market, is said in actors/model/stops.py.

The best price is that of one position, and is kept through a restart.  A position that grows has
another entry, so its best begins anew with the market.

A stop is moved once in `min_interval` at most, and by `step_ticks` at least.  Nothing is moved of
what a lock covers, be it the account's or one of the product's own, nor while anything is being
closed, nor when the minute's requests run low.

Without a stop the rule says so, once for each position.  With `auto_stop_ticks` it asks for one
that far from the entry: once for as many contracts as the position has had, so that a stop which
the trader takes away stays away.
"""

from functools import cached_property
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from actors.model.duration import check_duration, duration
from actors.model.headroom import ANY_PRICE
from actors.model.protection import protection
from actors.model.stops import about, away, loose
from actors.model.trailing import Course, Plan, course, next_height, trigger, wanted
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState, Wake
from actors.rules.stricter import Orders, either, higher, lower, shorter
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.market_facts import Trigger
from protocol.schedule import Clock
from protocol.units import ContractId, Nanos, Now, PositionId, Price, RuleName, price_text

NAME = RuleName("trade_management")
ABOVE_ZERO = ("trigger_ticks", "activation_ticks", "distance_ticks", "step_ticks")


class Params(RuleParams, frozen=True, kw_only=True):
    """When the stop moves, and how far it stays away."""

    orders: ClassVar[Orders] = {
        "breakeven": either,
        "trigger_ticks": lower,
        "offset_ticks": higher,
        "trailing": either,
        "activation_ticks": lower,
        "distance_ticks": lower,
        "step_ticks": lower,
        "min_interval": shorter,
        "auto_stop_ticks": lower,
    }
    breakeven: bool = True
    trigger_ticks: int = 10
    offset_ticks: int = 0
    trailing: bool = True
    activation_ticks: int = 20
    distance_ticks: int = 10
    step_ticks: int = 1
    min_interval: str = "5s"
    auto_stop_ticks: int | None = None

    def __post_init__(self) -> None:
        for key in (*ABOVE_ZERO, "auto_stop_ticks"):
            ticks = getattr(self, key)
            if ticks is not None and ticks <= 0:
                raise ValueError(f"{key}: {ticks} must be greater than 0; write 1 or more")
        if not 0 <= self.offset_ticks < self.trigger_ticks:
            raise ValueError(
                f"offset_ticks: {self.offset_ticks} is not from 0 to below trigger_ticks "
                f"({self.trigger_ticks}); the stop would be at the market, or behind the entry"
            )
        check_duration("min_interval", self.min_interval)
        if not (self.breakeven or self.trailing or self.auto_stop_ticks):
            raise ValueError(
                "breakeven: with trailing = false too, nothing is left to do; take the rule out"
            )

    @cached_property
    def plan(self) -> Plan:
        """Return how a stop is moved."""
        return Plan(
            trigger=self.trigger_ticks if self.breakeven else None,
            offset=self.offset_ticks,
            activation=self.activation_ticks if self.trailing else None,
            distance=self.distance_ticks,
            step=self.step_ticks,
        )

    @cached_property
    def text(self) -> str:
        """Return what the rule goes by, for people."""
        parts: list[str] = []
        if self.breakeven:
            parts.append(f"breakeven at {self.trigger_ticks}")
        if self.trailing:
            parts.append(f"trail {self.distance_ticks} from {self.activation_ticks}")
        if self.auto_stop_ticks is not None:
            parts.append(f"stop at {self.auto_stop_ticks}")
        return f"{', '.join(parts)} ticks"


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a position."""

    position_id: PositionId
    size: int
    best: Price
    asked: Price | None = None
    """Where its stop was last asked to be."""
    moved: Nanos = Nanos(0)
    """When that was, by the calendar's clock, so that it goes on through a restart."""
    covered: int = 0
    """The most contracts of it that have had a stop."""


class State(RuleState, frozen=True):
    """The positions that are followed."""

    tracks: dict[ContractId, Track] = msgspec.field(default_factory=dict[ContractId, Track])


class Scene(msgspec.Struct, frozen=True):
    """A position, and what it is judged by."""

    holding: Holding
    view: BookView
    now: Now
    at: Course


class Answer(msgspec.Struct, frozen=True):
    """What is to be done about one position, and what there is to say."""

    track: Track | None
    goals: tuple[Goal, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    wake: Nanos | None = None
    unknown: str | None = None
    gain: int | None = None


def decide(params: Params, state: State, view: BookView, now: Now) -> Judgement[State]:
    """Follow each position's best price, and ask for the stops that are due."""
    limit = params.text
    if not view.known:
        return Judgement(state, limit, "?", unknown="the account has not been read")
    answers = {
        one.contract_id: judge(params, state.tracks.get(one.contract_id), one, view, now)
        for one in view.holdings
    }
    tracks = {key: one.track for key, one in answers.items() if one.track is not None}
    goals = tuple(goal for one in answers.values() for goal in one.goals)
    gains = [one.gain for one in answers.values() if one.gain is not None]
    wake = min((one.wake for one in answers.values() if one.wake is not None), default=None)
    return Judgement(
        state if tracks == state.tracks else State(tracks),
        limit,
        f"{max(gains, default=0)} ticks",
        breaches(goals),
        tuple(rested for one in answers.values() for rested in one.triggers),
        unknown="; ".join(one.unknown for one in answers.values() if one.unknown) or None,
        wake=None if wake is None else Wake(Clock.WALL, wake),
    )


def judge(
    params: Params, before: Track | None, holding: Holding, view: BookView, now: Now
) -> Answer:
    """Say what is to be done about a position's stops."""
    instrument, mark = holding.instrument, holding.mark
    if instrument is None or mark is None:
        first = Trigger(contract_id=holding.contract_id, short=holding.size < 0, low=ANY_PRICE)
        triggers = () if instrument is None else (first,)
        return Answer(before, (), triggers, None, f"{holding.contract_id} has no price")
    track = followed(before, holding, mark)
    found = protection(view, holding)
    track = replace(track, covered=max(track.covered, found.covered))
    long = holding.size > 0
    at = course(instrument, long=long, entry=holding.average, best=track.best, mark=mark)
    target = wanted(params.plan, at)
    goals: tuple[Goal, ...] = ()
    wake = None
    if holding.contract_id not in view.under_lock:
        seen = Scene(holding, view, now, at)
        if target is not None:
            track, goals, wake = due(params, track, at.price(target), seen)
        goals += started(params.auto_stop_ticks, track, found.covered, seen)
    pending = [at.height(one.stop) for one in goals if one.stop is not None]
    if target is not None and wake is not None:
        pending.append(target)
    answer = Answer(track, goals, rested(params, holding, view, at, pending), wake)
    if target is not None and not found.orders and not goals:
        answer = replace(answer, unknown=f"{holding.contract_id} has no stop to move")
    return replace(answer, gain=(at.best - at.entry) // at.tick)


def rested(
    params: Params, holding: Holding, view: BookView, at: Course, pending: list[int]
) -> tuple[Trigger, ...]:
    """Return where to ask again: ahead, where a stop would move, and behind, at those that wait.

    A stop that waits for its time or its answer must not be sent once the market is there.
    """
    ups = [one + at.tick for one in pending if not at.is_clear(one)]
    ahead = next_height(params.plan, at, loosest_stop(view, holding, at))
    if ahead is not None:
        ups.append(ahead)
    downs = [one + at.tick - 1 for one in pending if at.is_clear(one)]
    up, down = min(ups, default=None), max(downs, default=None)
    return trigger(holding.contract_id, at, up, down)


def followed(before: Track | None, holding: Holding, mark: Price) -> Track:
    """Return what is remembered of a position, with the best of its prices so far."""
    size = holding.size
    fresh = Track(position_id=holding.position_id, size=size, best=mark)
    if before is None or before.position_id != holding.position_id or before.size * size < 0:
        return fresh
    grown = abs(size) > abs(before.size)
    better = max if size > 0 else min
    return replace(
        before,
        size=size,
        best=mark if grown else better(before.best, mark),
        covered=min(before.covered, abs(size)),
    )


def due(
    params: Params, track: Track, stop: Price, seen: Scene
) -> tuple[Track, tuple[Goal, ...], Nanos | None]:
    """Return the goal for a position's stops, or when one may be asked for."""
    holding, view, now, at = seen.holding, seen.view, seen.now, seen.at
    pending = track.asked is not None and any(loose(view, holding, track.asked))
    asked = track.asked if pending else None
    step = at.price(at.height(stop) - (params.step_ticks - 1) * at.tick)
    if not any(loose(view, holding, step)):
        return track, aimed(asked, holding, at), None
    if stop != track.asked:
        free_at = Nanos(track.moved + duration(params.min_interval))
        if track.moved <= now.wall < free_at:
            return track, aimed(asked, holding, at), free_at
        track = replace(track, asked=stop, moved=now.wall)
    return track, aimed(stop, holding, at), None


def aimed(stop: Price | None, holding: Holding, at: Course) -> tuple[Goal, ...]:
    """Return the goal that has a position's stops at a price, while the market leaves room."""
    if stop is None or not at.is_clear(at.height(stop)):
        return ()
    return (about(Aim.TIGHTEN, stop, holding),)


def started(ticks: int | None, track: Track, covered: int, seen: Scene) -> tuple[Goal, ...]:
    """Return the goal that gives a position its first stop, if it has had none for its size."""
    holding, at = seen.holding, seen.at
    if ticks is None or max(covered, track.covered) >= abs(holding.size):
        return ()
    return (about(Aim.PROTECT, away(holding, ticks, Price(at.tick)), holding),)


def loosest_stop(view: BookView, holding: Holding, at: Course) -> int | None:
    """Return the height of the loosest stop that could be moved."""
    beyond = at.price(at.mark)
    return min((at.height(price) for _, price, _ in loose(view, holding, beyond)), default=None)


def breaches(goals: tuple[Goal, ...]) -> tuple[Breach, ...]:
    """Return what the rule asks for, in one piece."""
    if not goals:
        return ()
    why = ", ".join(f"{one.contract_id}: {said(one)}" for one in goals)
    return (Breach(rule=NAME, priority=Priority.AUTOMATION, goals=goals, why=why),)


def said(goal: Goal) -> str:
    """Return a goal in a few words."""
    stop = "?" if goal.stop is None else price_text(goal.stop)
    return f"its stop to {stop}" if goal.aim is Aim.TIGHTEN else f"a stop at {stop}"


HEARD = Hears.POSITIONS | Hears.ORDERS | Hears.PRICES
RULE = Rule(NAME, "RULE-012", Params, State, HEARD, decide, Priority.AUTOMATION)
