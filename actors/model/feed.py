"""How far an account may trust what it hears: the age of prices and of broker truth.

The stream lies quietly: connections stay up with nothing in them, gaps are never replayed, and an
account on which nothing happens is silent by right.  So what counts is age, and only while a
position is open and its exchange is: the age of the last good price of each contract held, and of
the last read of broker truth.  Beyond its limit the account is blind, and says so.

A price that was not believed is no price: it makes nothing younger.  Where no calendar tells when
an exchange is open it counts as open, for a needless alarm is better than none.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property

import msgspec

from actors.model.calendar import Calendar
from actors.model.contract import root
from actors.model.duration import check_duration, duration
from protocol.book import Holding
from protocol.market_facts import Marks
from protocol.units import SECOND, ContractId, Nanos, Now

QUOTE_AGE_LEAST = Nanos(10 * SECOND)
TRUTH_AGE_LEAST = Nanos(30 * SECOND)
"""Two polls of an account that shares its login with few others."""
CONFIRM_MOST = Nanos(5 * SECOND)
LOOK = 5 * SECOND
"""Between looks at the ages while all is well, at the most."""
LOOK_BLIND = 1 * SECOND
LOOKS_HARD = 60 * SECOND
"""How long after going blind the looks come more often: most gaps are short."""
LOOK_LEAST = SECOND // 10
ALWAYS = Nanos(-(1 << 62))
"""Since when an exchange is open whose hours nobody knows."""


class OnBlind(StrEnum):
    """What follows when an account is blind; an alarm is raised in any case."""

    ALARM = "alarm"
    PAUSE = "pause"
    """No new exposure until it sees again: what is added is taken back, exits and stops stay."""
    FLATTEN = "flatten"
    """Close what cannot be valued; all of it if it is the truth that is old."""


class FeedState(StrEnum):
    """What an account hears."""

    LIVE = "live"
    GAP = "gap"
    """Something was missed, or may have been: the truth is being read again."""
    BLIND = "blind"
    """A position is open, and its price or the truth is older than its limit."""


class FeedPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """How old prices and truth may be while a position is open, and what to do beyond that."""

    on_blind: OnBlind = OnBlind.ALARM
    """What follows when a position is open and its price or the broker's truth is too old. An
    alarm is raised in any case; "pause" also takes back new exposure until prices and truth are
    fresh again, "flatten" also closes what cannot be valued."""
    quote_age: str = "60s"
    """How old the last good price of a contract held may be while its exchange is open, at least
    10s. Quiet products want more."""
    truth_age: str = "90s"
    """How old the last read of positions and orders may be while a position is open, at least 30s.
    It is read every 15 s with up to 5 accounts on a login, every 30 s with up to 20."""
    confirm: str = "250ms"
    """How long a price that would close the whole account waits for a second one to bear it out,
    if bid, ask and last trade do not all say the same. Then it counts, unless it was contradicted.
    "0s" acts on the first price; at most 5s."""

    def __post_init__(self) -> None:
        """Raise ValueError("key: what is wrong; how to mend it")."""
        check_duration("quote_age", self.quote_age, least=QUOTE_AGE_LEAST)
        check_duration("truth_age", self.truth_age, least=TRUTH_AGE_LEAST)
        check_duration("confirm", self.confirm, least=Nanos(0))
        if self.confirm_span > CONFIRM_MOST:
            raise ValueError(
                f'confirm: {self.confirm!r} would leave a loss running; write at most "5s"'
            )

    def stricter(self, other: "FeedPolicy") -> "FeedPolicy":
        """Return what is at least as strict as both; the time to confirm is no matter of that."""
        tables = (self, other)
        return FeedPolicy(
            on_blind=max((one.on_blind for one in tables), key=tuple(OnBlind).index),
            quote_age=min(tables, key=_quote_span).quote_age,
            truth_age=min(tables, key=_truth_span).truth_age,
            confirm=self.confirm,
        )

    @cached_property
    def quote_span(self) -> Nanos:
        """How old a price may be."""
        return duration(self.quote_age)

    @cached_property
    def truth_span(self) -> Nanos:
        """How old the truth may be."""
        return duration(self.truth_age)

    @cached_property
    def confirm_span(self) -> Nanos:
        """How long a doubtful crossing waits."""
        return duration(self.confirm)


def _quote_span(policy: FeedPolicy) -> Nanos:
    return policy.quote_span


def _truth_span(policy: FeedPolicy) -> Nanos:
    return policy.truth_span


class Lapse(msgspec.Struct, frozen=True):
    """Something that is older than its limit: a contract's price, or else the broker's truth."""

    contract_id: ContractId | None
    age: Nanos
    limit: str
    cause: str = ""

    def __str__(self) -> str:
        seconds = self.age // SECOND
        if self.contract_id is None:
            cause = self.cause and f": {self.cause}"
            return f"the broker's truth is {seconds} s old (limit {self.limit}){cause}"
        return f"{self.contract_id} has had no good price for {seconds} s (limit {self.limit})"


class Feed(msgspec.Struct, frozen=True):
    """What an account knows of its own hearing."""

    deaf: bool = False
    """The hubs are down."""
    heard: dict[ContractId, Nanos] = msgspec.field(default_factory=dict[ContractId, Nanos])
    """By contract held: when its last good price was seen, or since when it is held."""
    lapses: tuple[Lapse, ...] = ()
    put_off: str = ""
    """Why the last read never left, if our own budget kept it back."""


def heard(
    before: Mapping[ContractId, Nanos],
    holdings: Iterable[Holding],
    marks: Mapping[ContractId, Marks],
    now: Now,
) -> dict[ContractId, Nanos]:
    """Return when each contract held last had a good price; one just opened is given time."""
    found: dict[ContractId, Nanos] = {}
    for one in holdings:
        at = before.get(one.contract_id, now.mono)
        mark = marks.get(one.contract_id)
        if one.mark is not None and mark is not None:
            at = max(at, mark.seen)
        found[one.contract_id] = at
    return found


def lapses(
    policy: FeedPolicy,
    calendars: tuple[Calendar, ...],
    feed: Feed,
    truth: Nanos | None,
    now: Now,
) -> tuple[Lapse, ...]:
    """Return what is too old: prices by contract, then the truth."""
    found: list[Lapse] = []
    for contract_id, at in sorted(_listening(calendars, feed, now).items()):
        age = Nanos(now.mono - at)
        if age >= policy.quote_span:
            found.append(Lapse(contract_id, age, policy.quote_age))
    since = _truth_since(calendars, feed, truth, now)
    if since is not None and now.mono - since >= policy.truth_span:
        age = Nanos(now.mono - since)
        found.append(Lapse(None, age, policy.truth_age, cause=feed.put_off))
    return tuple(found)


def young_for(policy: FeedPolicy, truth: Nanos | None, now: Now) -> Nanos:
    """Return for how long what was read last still counts; 0 if nothing was, or it is too old."""
    return Nanos(0 if truth is None else max(0, truth + policy.truth_span - now.mono))


def fresh(
    policy: FeedPolicy,
    holdings: Iterable[Holding],
    marks: Mapping[ContractId, Marks],
    truth: Nanos | None,
    now: Now,
) -> bool:
    """Tell whether truth and the price of all that is held are there, and young.

    That nothing is missed yet is less: a process that has just begun has heard nothing at all.
    """
    if not young_for(policy, truth, now):
        return False
    return all(
        one.mark is not None
        and one.contract_id in marks
        and now.mono - marks[one.contract_id].seen < policy.quote_span
        for one in holdings
    )


def next_look(
    policy: FeedPolicy,
    calendars: tuple[Calendar, ...],
    feed: Feed,
    truth: Nanos | None,
    now: Now,
) -> int:
    """Return how long the ages need no looking at: until the first limit, and never for long."""
    ends = [at + policy.quote_span for at in _listening(calendars, feed, now).values()]
    since = _truth_since(calendars, feed, truth, now)
    if since is not None:
        ends.append(since + policy.truth_span)
    left = [end - now.mono for end in ends]
    if any(-LOOKS_HARD < span <= 0 for span in left):
        return LOOK_BLIND
    return min([LOOK, *(max(span, LOOK_LEAST) for span in left if span > 0)])


def _listening(calendars: tuple[Calendar, ...], feed: Feed, now: Now) -> dict[ContractId, Nanos]:
    """Return from when a price is missed, for each contract held whose exchange is open."""
    opened = {one: open_since(calendars, one, now) for one in feed.heard}
    return {one: max(feed.heard[one], since) for one, since in opened.items() if since is not None}


def _truth_since(
    calendars: tuple[Calendar, ...], feed: Feed, truth: Nanos | None, now: Now
) -> Nanos | None:
    """Return from when truth is missed; None while it need not be young."""
    if not _listening(calendars, feed, now):
        return None
    return min(feed.heard.values()) if truth is None else truth


def open_since(calendars: tuple[Calendar, ...], contract_id: ContractId, now: Now) -> Nanos | None:
    """Return since when, on the stopwatch, a contract's exchange is open; None if it is not."""
    product = root(contract_id)
    calendar = next((one for one in calendars if one.knows(product)), None)
    if calendar is None or not calendar.covers(now.wall):
        return ALWAYS
    session = calendar.session_at(now.wall)
    return None if session is None else Nanos(now.mono - (now.wall - session.start))
