"""RULE-009 with windows of many kinds, and what they mean: told by the minute, with no timetable.

A run starts some seconds before a moment at which windows begin and end.  The next such moment
comes a minute later, when it is calm.
"""

from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from actors.model.account_state import SOFT, covers
from actors.model.calendar import Calendar
from actors.model.contract import root
from actors.model.duration import duration
from actors.model.sessions import WEEK, WHOLE, Window
from actors.plan import AccountPlan
from actors.rules import session_block_outside, trade_frequency_limit
from actors.rules.session_block_outside import Instrument, Params
from config.calendars import load_shipped
from protocol.lockouts import Lock, LockKind
from protocol.units import SECOND, ContractId, Nanos, Now
from tests.sim.broker import INSTRUMENTS

if TYPE_CHECKING:
    from tests.sim.invariants import Invariants

NAME = session_block_outside.NAME
CALENDAR = replace(
    load_shipped("cme_equity"), valid_from=date(2026, 11, 16), valid_to=date(2026, 12, 11)
)
SHORT = replace(CALENDAR, valid_to=date(2026, 11, 23))
"""It ends with that day's session: nobody knows when the next one starts."""
ZONES = ("America/Chicago", "America/Chicago", "Europe/Berlin", "Asia/Tokyo", "Asia/Kolkata")
CHICAGO = ZoneInfo("America/Chicago")
MOMENTS = (
    datetime(2026, 11, 23, 12, tzinfo=CHICAGO),
    datetime(2026, 11, 24, 0, tzinfo=CHICAGO),
    datetime(2026, 11, 24, 9, 30, tzinfo=CHICAGO),
    datetime(2026, 11, 23, 17, tzinfo=CHICAGO),
    datetime(2026, 11, 23, 17, tzinfo=CHICAGO),
    datetime(2026, 11, 23, 16, tzinfo=CHICAGO),
    datetime(2026, 11, 22, 17, tzinfo=CHICAGO),
    datetime(2026, 11, 27, 12, 15, tzinfo=CHICAGO),
)
"""Noon, midnight, a morning; the ends of a day and of a session, a week's start, an early close."""
KINDS = (
    ((-180, 0), (1, 200)),
    ((-180, 0),),
    ((0, 180),),
    ((0, 1),),
    ((-900, 0),),
    ((-180, 0), (0, 5)),
    ((-180, 1),),
    ((-1, 300),),
    ((60, 120),),
)
"""Windows in minutes from that moment."""
PRODUCTS = ("mnq", "ES", "M*", "E*", "QQX", "*")
NAMES = {"MNQ": ("MNQ",), "EP": ("EP", "ES"), "QQX": ("QQX",)}
LATE = 3 * SECOND
"""From a stage's beginning until it is locked: the look at the clocks, and a bit."""
MINUTE = 60 * SECOND
WEEK_LONG = 8 * 24 * 60 * MINUTE
"""As long as any windows that open at all are closed."""


def start(dice: Random) -> tuple[Nanos, Nanos]:
    """Return a moment at which windows change, and the start of a run shortly before."""
    moment = int(dice.choice(MOMENTS).timestamp()) * SECOND
    return Nanos(moment), Nanos(moment - dice.randrange(2, 28) * SECOND)


def timed(plan: AccountPlan, moment: Nanos, dice: Random) -> AccountPlan:
    """Return an account that may trade within windows that begin and end about a moment."""
    zone = dice.choice(ZONES)
    names = dice.sample(PRODUCTS, dice.choice((0, 1, 1, 2, 3)))
    ending = dice.choice(
        (("0s", "0s"), ("10s", "0s"), ("45s", "5s"), ("20s", "20s"), ("10m", "5s"))
    )
    whole = dice.random() < 1 / 4
    params = Params(
        calendar=dice.choice((CALENDAR, CALENDAR, SHORT)) if moment <= SHORT.until else CALENDAR,
        zone="America/Chicago" if whole else zone,
        windows=(WHOLE,) if whole else windows(moment, zone, dice),
        no_new_exposure=ending[0],
        flatten_before_end=ending[1],
        instruments={one: instrument(moment, dice) for one in names},
    )
    rules = {**plan.rules, NAME: params}
    frequency = rules.get(trade_frequency_limit.NAME)
    if isinstance(frequency, trade_frequency_limit.Params):
        limit = replace(frequency, per_session=dice.choice((None, 4, 12)))
        rules[trade_frequency_limit.NAME] = limit
    return replace(plan, rules=rules)


def instrument(moment: Nanos, dice: Random) -> Instrument:
    """Return the hours of one product."""
    zone = dice.choice(ZONES)
    return Instrument(zone=zone, windows=windows(moment, zone, dice))


def windows(moment: Nanos, zone: str, dice: Random) -> tuple[Window, ...]:
    """Return some windows, on all days or on the one on which they matter."""
    at = datetime.fromtimestamp(moment // SECOND, ZoneInfo(zone))
    daily = dice.random() < 3 / 4
    found: list[Window] = []
    for begins, ends in dice.choice(KINDS):
        first, last = (at + timedelta(minutes=one) for one in (begins, ends))
        days = WEEK if daily else (WEEK[first.weekday()],)
        found.append(Window(f"{first:%H:%M}", f"{last:%H:%M}", days))
    return tuple(found)


# What they mean


def governing(params: Params, contract_id: ContractId) -> tuple[Calendar, tuple[Window, ...], str]:
    """Return the calendar, the windows and the clock by which a contract may be traded."""
    called = NAMES[root(contract_id)]
    for name in sorted(params.instruments, key=lambda one: (one[-1] == "*", -len(one))):
        stem = name.upper().rstrip("*")
        fits = any(one.startswith(stem) for one in called) if "*" in name else stem in called
        if fits:
            own = params.instruments[name]
            return own.calendar or params.calendar, own.windows, own.zone or params.zone
    return params.calendar, params.windows, params.zone


def opened(params: Params, contract_id: ContractId, at: int) -> bool:
    """Tell whether a contract may be held at an instant."""
    calendar, times, zone = governing(params, contract_id)
    if calendar.session_at(Nanos(at)) is None:
        return False
    here = datetime.fromtimestamp(at // SECOND, ZoneInfo(zone))
    clock, today, before = f"{here:%H:%M}", WEEK[here.weekday()], WEEK[here.weekday() - 1]
    for one in times:
        if one.start < one.end:
            within = one.start <= clock < one.end and today in one.days
        else:
            evening = one.start <= clock and today in one.days
            within = evening or (clock < one.end and before in one.days)
        if within:
            return True
    return False


def minutes(since: int, until: int) -> range:
    """Return every whole minute after one instant, up to another and with it."""
    return range((since // MINUTE + 1) * MINUTE, until + 1, MINUTE)


def clear(params: Params, contract_id: ContractId, at: int) -> bool:
    """Tell whether a contract may be bought: no end is near."""
    ahead = minutes(at, at + duration(params.no_new_exposure))
    return all(opened(params, contract_id, one) for one in (at, *ahead))


def rightly_set(params: Params, lock: Lock, at: int) -> str | None:
    """Return what is wrong with a lock of the rule that is set at an instant."""
    governed = {root(one): one for one in INSTRUMENTS if covers(lock.scope, one)}
    for one in governed.values():
        if clear(params, one, at):
            return f"{one} may be traded"
        if lock.until is None:
            if any(opened(params, one, each) for each in minutes(at, at + WEEK_LONG)):
                return f"{one} opens again"
            continue
        till = opened(params, one, lock.until), opened(params, one, lock.until - SECOND)
        ahead = minutes(at, lock.until - SECOND)
        if lock.kind is LockKind.COOLDOWN:
            if till != (False, True) or not all(opened(params, one, each) for each in ahead):
                return f"{one} does not close then"
            continue
        starts = [
            each
            for each in ahead
            if opened(params, one, each) and not opened(params, one, each - SECOND)
        ]
        if till != (True, False) or starts:
            return f"{one} does not open then"
    return None


class Lateness:
    """Watches that what the clock forbids is locked before long, whatever else happens."""

    def __init__(self) -> None:
        self._since: dict[ContractId, int] = {}
        self._seen: tuple[object, ...] = ()

    def begins(self) -> None:
        """Forget what a life before has seen."""
        self._since, self._seen = {}, ()

    def unlocked(self, watch: "Invariants", params: Params, now: Now) -> list[ContractId]:
        """Return the contracts that have been open to trade for too long, though they are not."""
        seen = (params, watch.lockout().locks, now.wall // SECOND)
        bare = list(self._since) if seen == self._seen else unlocked(watch, params, now.wall)
        self._seen = seen
        self._since = {one: self._since.get(one, now.mono) for one in bare}
        return [one for one, since in self._since.items() if now.mono - since > LATE]


def unlocked(watch: "Invariants", params: Params, at: int) -> list[ContractId]:
    """Return the contracts that no lock of the rule covers, though they may not be held."""
    locks = [one for one in watch.lockout().locks if one.rule == NAME]
    hard = [one for one in locks if one.kind not in SOFT]
    found: list[ContractId] = []
    for one in INSTRUMENTS:
        end = minutes(at, at + duration(params.flatten_before_end))
        shut = not all(opened(params, one, each) for each in (at, *end))
        needed = shut or not clear(params, one, at)
        if needed and not any(covers(each.scope, one) for each in (hard if shut else locks)):
            found.append(one)
    return found


def at_rest(watch: "Invariants", params: Params) -> list[str]:
    """Return what is locked and should not be, or the other way round."""
    wall, twists = watch.kernel.wall, watch.kernel.twists
    found = [f"009 {one} is not locked" for one in unlocked(watch, params, wall)]
    if "skew" in twists or "reload" in twists:  # until both clocks say so; as it was set once
        return found
    scopes = [one.scope for one in watch.lockout().locks if one.rule == NAME]
    return found + [
        f"009 {one} is locked"
        for one in INSTRUMENTS
        if clear(params, one, wall) and any(covers(scope, one) for scope in scopes)
    ]
