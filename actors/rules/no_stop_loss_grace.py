"""RULE-008: close a position that has had no stop for as long as `grace`.

What protects is said in actors/model/protection.py: a working stop, stop-limit or trailing stop of
the same account and contract, on the other side, at a price where the position loses.  Who placed
it does not matter, nor where: a stop from the broker's own screen counts, and so does a bracket
that the broker still holds back.  With `full_coverage` (the default) stops must cover every
contract of the position; without it one contract is enough.

A clock runs for each position that is not protected.  It starts as the position opens or turns
around, as it grows beyond its stops, and as the last stop that covers it goes; it ends as soon as
the position is protected or flat.  So a position that is closed, and opened again at the ninth of
ten seconds, has ten seconds again, while one that only grows without a stop has no more time.  The
clock goes on through a restart.  If somebody sets the calendar's clock back, it starts again.

As the grace is over, positions and orders are read afresh, and that read decides.  A read that
brings no answer is tried again: that nothing is known of a stop does not mean that there is none.
That the minute's requests are spent does not keep it from being asked.
After `unknown_timeout` without an answer, `on_unknown` says what happens: `close` or `wait`.  The
contract is closed and its orders are cancelled; nothing is locked.

With `on_expiry = "place_stop"` a position whose grace is over is given a stop instead, `stop_ticks`
from its entry, for what no other stop covers (how, and when it goes, is said in
actors/model/stops.py).  If the market is there already the position is closed: the stop would have
filled.  So it is if the broker does not show the stop within `unknown_timeout`.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from actors.model.duration import check_duration, duration, duration_text
from actors.model.protection import protection
from actors.model.stops import about, away, is_clear
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState, Wake
from actors.rules.stricter import Orders, either, ladder, lower, shorter
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.schedule import Clock
from protocol.units import ContractId, Nanos, Now, PositionId, Price, RuleName

NAME = RuleName("no_stop_loss_grace")


class OnExpiry(StrEnum):
    """What to do with a position whose grace is over."""

    CLOSE = "close"
    PLACE_STOP = "place_stop"


class OnUnknown(StrEnum):
    """What to do if the broker does not say whether there is a stop."""

    CLOSE = "close"
    WAIT = "wait"


class Params(RuleParams, frozen=True, kw_only=True):
    """How long a position may stand without a stop."""

    orders: ClassVar[Orders] = {
        "grace": shorter,
        "full_coverage": either,
        "on_expiry": ladder(OnExpiry.PLACE_STOP, OnExpiry.CLOSE),
        "unknown_timeout": shorter,
        "on_unknown": ladder(OnUnknown.WAIT, OnUnknown.CLOSE),
        "stop_ticks": lower,
    }
    grace: str = "10s"
    full_coverage: bool = True
    on_expiry: OnExpiry = OnExpiry.CLOSE
    unknown_timeout: str = "10s"
    on_unknown: OnUnknown = OnUnknown.CLOSE
    stop_ticks: int | None = None

    def __post_init__(self) -> None:
        check_duration("grace", self.grace)
        check_duration("unknown_timeout", self.unknown_timeout)
        ticks = self.stop_ticks
        if ticks is not None and ticks <= 0:
            raise ValueError(f"stop_ticks: {ticks} must be greater than 0; write 1 or more")
        if self.on_expiry is OnExpiry.PLACE_STOP and ticks is None:
            raise ValueError(
                'stop_ticks: on_expiry = "place_stop" needs the distance from the entry; '
                "write it in ticks, such as 40"
            )


class Bare(msgspec.Struct, frozen=True):
    """A position without protection, and since when."""

    position_id: PositionId
    long: bool
    since: Nanos
    """By the calendar's clock, so that it goes on through a restart."""
    asked: Nanos | None = None
    """Monotonic time at which the grace was over: only a read that left later decides."""


class State(RuleState, frozen=True):
    """The clocks that run."""

    bare: dict[ContractId, Bare] = msgspec.field(default_factory=dict[ContractId, Bare])


class Answer(msgspec.Struct, frozen=True):
    """What is to be done about one unprotected position."""

    holding: Holding
    bare: Bare
    wake: Wake | None = None
    wants_truth: bool = False
    due: bool = False
    """No stop was found, and the grace is over."""
    unsure: bool = False
    """Whether there is a stop could not be read yet."""
    stop: Price | None = None
    """Where a stop is placed instead of closing the position."""


def decide(params: Params, state: State, view: BookView, now: Now) -> Judgement[State]:
    """Let the clocks run, ask when one has run out, and close what has no stop."""
    if not view.known:
        return Judgement(state, params.grace, "?", unknown="the account has not been read")
    answers = [
        judge(params, ticking(state.bare.get(one.contract_id), one, now), one, view, now)
        for one in view.holdings
        if not protection(view, one).suffices(full_coverage=params.full_coverage)
    ]
    bare = {one.holding.contract_id: one.bare for one in answers}
    longest = max((now.wall - one.since for one in bare.values()), default=0)
    doubtful = [one.holding.contract_id for one in answers if one.unsure and not one.due]
    return Judgement(
        state if bare == state.bare else State(bare),
        params.grace,
        duration_text(Nanos(longest)),
        breaches(params, answers),
        unknown=f"stops of {', '.join(doubtful)} have not been read" if doubtful else None,
        wake=soonest((one.wake for one in answers), now),
        wants_truth=any(one.wants_truth for one in answers),
        at_once=True,
        left=duration_text(Nanos(max(0, duration(params.grace) - longest))),
    )


def ticking(before: Bare | None, holding: Holding, now: Now) -> Bare:
    """Return the clock of a position: the one that runs already, or else one that starts now."""
    long = holding.size > 0
    fresh = Bare(holding.position_id, long, now.wall)
    if before is None or before.since > now.wall:
        return fresh
    same = (before.position_id, before.long) == (holding.position_id, long)
    return before if same else fresh


def judge(params: Params, bare: Bare, holding: Holding, view: BookView, now: Now) -> Answer:
    """Say what is to be done about a position that is not protected."""
    deadline = Nanos(bare.since + duration(params.grace))
    if now.wall < deadline:
        return Answer(holding, replace(bare, asked=None), Wake(Clock.WALL, deadline))
    asked = bare.asked
    wants_truth = asked is None or asked > now.mono  # of another machine's life, if later than now
    if wants_truth or asked is None:
        asked = now.mono
        bare = replace(bare, asked=asked)
    elif view.truth_asked is not None and view.truth_asked >= asked:
        return stopped(params, Answer(holding, bare, due=True), Nanos(asked), now)
    given_up = Nanos(asked + duration(params.unknown_timeout))
    if now.mono < given_up:
        wake = Wake(Clock.MONO, given_up)
        return Answer(holding, bare, wake, wants_truth, unsure=True)
    closes = params.on_unknown is OnUnknown.CLOSE
    return Answer(holding, bare, due=closes, unsure=True)


def stopped(params: Params, answer: Answer, asked: Nanos, now: Now) -> Answer:
    """Place a stop instead of closing, while there is room for one and time to see it there."""
    ticks, holding = params.stop_ticks, answer.holding
    if params.on_expiry is OnExpiry.CLOSE or ticks is None or holding.instrument is None:
        return answer
    given_up = Nanos(asked + 2 * duration(params.unknown_timeout))
    stop = away(holding, ticks, holding.instrument.tick_size)
    if now.mono >= given_up or not is_clear(stop, holding):
        return answer
    return replace(answer, stop=stop, wake=Wake(Clock.MONO, given_up))


def breaches(params: Params, answers: list[Answer]) -> tuple[Breach, ...]:
    """Close what is due, and say what is known of it."""
    placed = tuple(
        about(Aim.PROTECT, one.stop, one.holding) for one in answers if one.stop is not None
    )
    due = [one for one in answers if one.due and one.stop is None]
    bare = [one.holding.contract_id for one in due if not one.unsure]
    doubtful = [one.holding.contract_id for one in due if one.unsure]
    covering = "that covers all of it " if params.full_coverage else ""
    found: list[Breach] = []
    for contracts, what in (
        (bare, f"had no stop {covering}for {params.grace}"),
        (doubtful, f"may have no stop: the broker has not said for {params.unknown_timeout}"),
    ):
        if contracts:
            goals = tuple(Goal(aim=Aim.FLATTEN, contract_id=one) for one in contracts)
            why = f"{', '.join(contracts)} {what}"
            found.append(Breach(rule=NAME, priority=Priority.POSITION, goals=goals, why=why))
    return together(found, placed, f"had no stop {covering}for {params.grace}")


def together(found: list[Breach], placed: tuple[Goal, ...], what: str) -> tuple[Breach, ...]:
    """Return all that is asked for as one breach: another one would replace its stops."""
    if not placed:
        return tuple(found)
    why = ", ".join(f"{one.contract_id} {what}, so it gets one" for one in placed)
    goals = tuple(goal for one in found for goal in one.goals)
    whys = "; ".join((why, *(one.why for one in found)))
    return (Breach(rule=NAME, priority=Priority.POSITION, goals=(*placed, *goals), why=whys),)


def soonest(wakes: Iterable[Wake | None], now: Now) -> Wake | None:
    """Return the wish that comes first, though some are on the one clock and some on the other."""

    def left(wake: Wake) -> int:
        return wake.at - (now.wall if wake.clock is Clock.WALL else now.mono)

    return min((one for one in wakes if one is not None), key=left, default=None)


RULE = Rule(NAME, "RULE-008", Params, State, Hears.POSITIONS | Hears.ORDERS | Hears.PRICES, decide)
