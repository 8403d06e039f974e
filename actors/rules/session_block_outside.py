"""RULE-009: keep the account flat outside its trading sessions.

A session is the time in which both one of the `windows` and the exchange are open; what that means
at midnight, on holidays and as clocks change is said in actors/model/sessions.py.  A product under
`instruments` has windows of its own in place of the account's.

The clock alone acts, whether or not anything happens.  `no_new_exposure` before the end nothing may
be added: orders that could are cancelled, what is added all the same is closed back, and exits and
protective stops stay.  `flatten_before_end` before it all orders are cancelled, all positions are
closed, and the lock begins that lasts until the next session starts.  At the end itself positions
and orders are read afresh: what they show is judged, not what was asked for.

The lock covers the products whose windows these are.  Start, reload and a clock that jumped judge
again.  A session's start that the calendar does not know leaves a lock without an instant, which
ends when a calendar is there that calls the time open.  Where the calendar does not reach, the
time is never open.
"""

from datetime import datetime
from functools import cached_property, lru_cache
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

import msgspec

from actors.model.aliases import by_name, canonical
from actors.model.calendar import Calendar
from actors.model.contract import root
from actors.model.duration import check_duration, duration
from actors.model.sessions import WHOLE, Ending, Phase, Stage, Timetable, Window
from actors.model.trading_hours import TradingHours, check_windows, narrower, timetable
from actors.rules.rule import Hears, Judgement, Rule, RuleParams, RuleState, Wake
from actors.rules.stricter import Orders, longer
from protocol.book import BookView
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.schedule import Clock
from protocol.units import SECOND, ContractId, Nanos, Now, RuleName

NAME = RuleName("session_block_outside")
INSTANT_NONE = Nanos(0)


class Instrument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sessions of one product, in place of the account's."""

    windows: tuple[Window, ...]
    """When it may be traded, as for the account."""
    zone: str | None = None
    """The clock that its windows are read on; the account's if left out."""
    calendar: Calendar | None = None
    """The calendar of its exchange; the account's if left out."""

    def __post_init__(self) -> None:
        check_windows(self.windows, self.zone)


class Params(RuleParams, frozen=True, kw_only=True):
    """When the account may trade, and how it is brought flat before that ends."""

    orders: ClassVar[Orders] = {"no_new_exposure": longer, "flatten_before_end": longer}
    calendar: Calendar
    windows: tuple[Window, ...] = (WHOLE,)
    zone: str = "America/Chicago"
    no_new_exposure: str = "10m"
    flatten_before_end: str = "2m"
    instruments: dict[str, Instrument] = msgspec.field(default_factory=dict[str, Instrument])

    def __post_init__(self) -> None:
        check_windows(self.windows, self.zone)
        check_duration("no_new_exposure", self.no_new_exposure, least=Nanos(0))
        check_duration("flatten_before_end", self.flatten_before_end, least=Nanos(0))
        if duration(self.no_new_exposure) < duration(self.flatten_before_end):
            raise ValueError(
                f"no_new_exposure: {self.no_new_exposure} is shorter than flatten_before_end, "
                f"{self.flatten_before_end}; write one as long or longer"
            )
        try:
            _ = self._hours
        except ValueError as error:
            raise ValueError(str(error).replace("products: ", "instruments: ", 1)) from None

    def stricter(self, wanted: Self) -> Self:
        """Take the longer stages, and windows within those that are held if the clock is the same.

        What differs otherwise waits for the reset: other products, another clock or calendar.
        """
        both = super().stricter(wanted)
        if wanted.zone != self.zone:
            return both
        asked = by_name(wanted.instruments)
        products = {
            name: held
            if (other := asked.get(canonical(name))) is None or other.zone != held.zone
            else msgspec.structs.replace(held, windows=narrower(held.windows, other.windows))
            for name, held in self.instruments.items()
        }
        windows = narrower(self.windows, wanted.windows)
        return msgspec.structs.replace(both, windows=windows, instruments=products)

    @property
    def products(self) -> tuple[tuple[str, str], ...]:
        """Return the products that have hours of their own by name."""
        return tuple((f"instruments.{one}", one) for one in self.instruments if "*" not in one)

    @property
    def hours(self) -> TradingHours:
        """The account's timetable, and those of products that have their own."""
        return self._hours

    @cached_property
    def limits(self) -> str:
        """The account's windows in words, and which products have their own."""
        times = ", ".join(f"{one.start}-{one.end}" for one in self.windows)
        others = f"; others for {', '.join(self.instruments)}" if self.instruments else ""
        return f"{times} {self.zone}{others}"

    @cached_property
    def _hours(self) -> TradingHours:
        ending = Ending(duration(self.no_new_exposure), duration(self.flatten_before_end))
        products = {
            name: timetable(
                one.calendar or self.calendar, one.windows, one.zone or self.zone, ending
            )
            for name, one in self.instruments.items()
        }
        account = timetable(self.calendar, self.windows, self.zone, ending)
        return TradingHours(account=account, products=products)


class State(RuleState, frozen=True):
    """Which end was verified last, and since when the truth about a later one is awaited."""

    verified: Nanos = INSTANT_NONE
    asked: Nanos | None = None
    """Monotonic time: only a read that left later verifies."""


class Field(msgspec.Struct, frozen=True):
    """What one timetable governs, how it stands, and what is exposed in it."""

    scope: str | None
    name: str
    """The product's; nothing for the account's."""
    table: Timetable
    phase: Phase
    exposed: tuple[ContractId, ...]


def decide(params: Params, state: State, view: BookView, now: Now) -> Judgement[State]:
    """Judge by the clock, and see to it that the end is verified."""
    hours = params.hours
    change = hours.next_change(now.wall)
    wake = None if change is None else Wake(Clock.WALL, change)
    limit = params.limits
    if not view.known:
        unread = "the account has not been read"
        return Judgement(state, limit, "?", unknown=unread, wake=wake)
    found = fields(hours, view, now)
    state, wants_truth = verified(state, found, view, now)
    return Judgement(
        state,
        limit,
        "; ".join(standing(one) for one in found),
        tuple(breach for one in found if (breach := judged(params, one)) is not None),
        wake=wake,
        wants_truth=wants_truth,
    )


def fields(hours: TradingHours, view: BookView, now: Now) -> list[Field]:
    """Return how each timetable stands now, the account's first."""
    seen = {one.contract_id for one in view.holdings} | {one.contract_id for one in view.orders}
    governed = {one: hours.pattern(root(one)) for one in sorted(seen)}
    found: list[Field] = []
    for pattern, table in ((None, hours.account), *hours.products.items()):
        exposed = tuple(one for one, by in governed.items() if by == pattern)
        phase = table.state(now.wall)
        found.append(Field(hours.scope(pattern), pattern or "", table, phase, exposed))
    return found


def verified(state: State, found: list[Field], view: BookView, now: Now) -> tuple[State, bool]:
    """Have the truth read once after each end, whatever was proven before it."""
    ends = [one.phase.since for one in found if one.phase.stage is Stage.CLOSED]
    last = max((one for one in ends if one is not None), default=INSTANT_NONE)
    if last <= state.verified:
        return (state if state.asked is None else State(state.verified)), False
    if state.asked is None or state.asked > now.mono:  # of another machine's life, if later
        return State(state.verified, now.mono), True
    if view.truth_asked is not None and view.truth_asked >= state.asked:
        return State(last), False
    return state, False


def judged(params: Params, one: Field) -> Breach | None:
    """Return what the stage demands: nothing while the session is open."""
    stage, closes = one.phase.stage, one.phase.closes
    goals: tuple[Goal, ...] = ()
    if stage is Stage.OPEN:
        return None
    if stage is Stage.NO_NEW_EXPOSURE:
        kind, until = LockKind.COOLDOWN, closes
        why = f"the session ends {wall(closes, one.table.zone)}: nothing may be added any more"
    else:
        until, goals = one.phase.opens, flat(one)
        kind = LockKind.HARD if one.scope is None else LockKind.SYMBOL
        kind = kind if until is not None else LockKind.CONDITION
        why = outside(params, one)
    lock = LockRequest(kind=kind, until=until, scope=one.scope)
    why = f"{one.name}: {why}" if one.name else why
    return Breach(rule=NAME, priority=Priority.HARD_LOCKOUT, goals=goals, lock=lock, why=why)


def flat(one: Field) -> tuple[Goal, ...]:
    """Ask for everything that these sessions govern to be closed and cancelled."""
    if one.scope is None:
        return (Goal(aim=Aim.FLATTEN),)
    return tuple(Goal(aim=Aim.FLATTEN, contract_id=each) for each in one.exposed)


def outside(params: Params, one: Field) -> str:
    """Say why nothing may stand."""
    calendar, zone = one.table.calendar, one.table.zone
    if one.phase.stage is Stage.UNKNOWN:
        return (
            f"the calendar {calendar.name} reaches from {calendar.valid_from} to "
            f"{calendar.valid_to} only, and what is not known is not open"
        )
    opens = "the calendar knows of no later session"
    if one.phase.opens is not None:
        opens = f"the next one starts {wall(one.phase.opens, zone)}"
    if one.phase.stage is Stage.FLATTEN:
        ends = f"the session ends {wall(one.phase.closes, zone)}"
        return f"{ends}, all is closed {params.flatten_before_end} before; {opens}"
    held = f"{', '.join(one.exposed)}: " if one.exposed else ""
    return f"{held}outside the session; {opens}"


def standing(one: Field) -> str:
    """Say how a timetable stands, for people."""
    until = one.phase.until
    when = "" if until is None else f" until {wall(until, one.table.zone)}"
    name = f"{one.name} " if one.name else ""
    return f"{name}{one.phase.stage.value.replace('_', ' ')}{when}"


@lru_cache(maxsize=256)
def wall(instant: Nanos | None, zone: str) -> str:
    """Return an instant as the clock on the wall shows it."""
    if instant is None:
        return "never"
    return f"{datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone)):%a %Y-%m-%d %H:%M %Z}"


RULE = Rule(
    NAME,
    "RULE-009",
    Params,
    State,
    Hears.POSITIONS | Hears.ORDERS | Hears.CLOCK,
    decide,
    Priority.HARD_LOCKOUT,
)
