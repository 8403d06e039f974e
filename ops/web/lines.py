"""The screen as lines of text, for a terminal: the same words as on the page.

A line is made of spans, so that it can be cut to a width before it is coloured.  Nothing is told by
colour alone.
"""

import os
from datetime import UTC, datetime
from typing import NamedTuple

from ops.web.gauges import Gauge, Level
from ops.web.view import AccountView, DeskView, RuleView, Screen, title
from protocol.control import EnforcementStatus, LockoutStatus, OrderStatus, PositionStatus

BAR = 20
STEPS_MAX = 5
TITLE = 38
STAND_IN = 4
"""How far the rows stand in that go on with a line."""
LEVELS = {Level.NEAR: "near", Level.CLOSE: "CLOSE", Level.REACHED: "AT LIMIT"}
ENDINGS = {"requested": "under way", "failing": "FAILING, tried again", "withdrawn": "withdrawn"}
STYLES = {
    "armed": "1;32",
    "locked": "1;33",
    "blind": "1;35",
    "shadow": "1;36",
    "unprotected": "1;31",
    "unknown": "1;7",
    "shout": "1;7;31",
    "bold": "1",
    "soft": "2",
    "near": "33",
    "close": "31",
    "reached": "1;31",
    "calm": "32",
}
"""How a span looks, as the numbers that a terminal knows it by."""
TICKET = 5


class Span(NamedTuple):
    """A piece of a line, all in one style."""

    text: str
    style: str = ""


type Line = tuple[Span, ...]


def lines(screen: Screen, now: datetime, lost_s: float | None = None) -> list[Line]:
    """Return the whole screen; `lost_s` is for how long the service has said nothing."""
    at = local(screen.at)
    said = f"last word at {at}" if lost_s is not None else f"live, {at}"
    found: list[Line] = [
        (Span("riskwarden", "bold"), Span(f"  {screen.summary}  "), Span(said, "soft"))
    ]
    found += [(Span(f" STALE  {one} ", "shout"),) for one in stale(screen, lost_s)]
    found += [line for one in screen.desks for line in desk(one)]
    for one in screen.accounts:
        found += [(), *account(one, now)]
    return found


def stale(screen: Screen, lost_s: float | None) -> list[str]:
    """Return why what is shown proves nothing."""
    if lost_s is not None:
        return [f"no word from the service for {lost_s:.0f} s: nothing here proves protection"]
    gone = [one for one in screen.desks if one.gone is not None]
    return [f"desk {one.status.login} {one.gone}: its accounts are not protected" for one in gone]


def desk(view: DeskView) -> list[Line]:
    """Return a desk in one line, and its alarms."""
    one = view.status
    ping = "no ping" if one.ping_ms is None else f"ping {one.ping_ms:.0f} ms"
    age = "not heard yet" if view.age_s is None else f"heard {max(0.0, view.age_s):.1f} s ago"
    said = f"hubs {one.hubs}, {ping}, {age}, {one.restarts} restarts"
    head = (Span(f"desk {one.login}: {view.gone or one.state}", "bold"), Span(f"  {said}", "soft"))
    return [head, *alarms(one.alarms)]


def account(view: AccountView, now: datetime) -> list[Line]:
    """Return an account as a block: its word first."""
    one = view.status
    number = "" if one.id is None or str(one.id) in view.who else f" {one.id}"
    found: list[Line] = [
        (
            Span(f" {view.word} ", view.tone),
            Span(f" {view.who}{number}", "bold"),
            Span(f"  {view.why}  (mode {one.mode}, desk {one.login})", "soft"),
        )
    ]
    found += alarms(one.alarms)
    found += [line for each in one.lockouts for line in lock(each, now)]
    reset = "unknown" if one.next_reset is None else countdown(one.next_reset, now)
    figures = f"realized {one.realized or 'unknown'}  open {one.unrealized or 'unknown'}"
    found.append((Span(f"  {figures}  next reset in {reset}"),))
    found += [line for each in view.rules for line in rule(each)]
    found += [(Span(f"  waits for the next reset: {each}", "soft"),) for each in one.waits]
    found += [position(each) for each in one.positions]
    found += [order(each) for each in one.orders]
    if one.feed is not None:
        read = "never" if one.feed.truth_age_s is None else f"{one.feed.truth_age_s} s ago"
        found.append((Span(f"  feed {one.feed.state}, positions read {read}"),))
    found += [step(each) for each in reversed(one.enforcements[-STEPS_MAX:])]
    return found


def alarms(said: list[str]) -> list[Line]:
    """Return alarms, a line each."""
    return [(Span(f"  ALARM {one}", "unprotected"),) for one in said]


def lock(one: LockoutStatus, now: datetime) -> list[Line]:
    """Return a lock: what ends it and how soon, and its reason."""
    scope = "" if one.scope == "account" else f" ({ticket(one.scope)} only)"
    left = "until its condition ends" if one.until is None else f"{countdown(one.until, now)} left"
    named = Span(f"  locked by {title(one.rule).lower()}{scope}: ", "locked")
    return [(named, Span(left, "bold")), (Span(f"    {one.reason}"),)]


def rule(view: RuleView) -> list[Line]:
    """Return a rule's bars, or its words where it has none."""
    note = "" if view.status.enforcing else f"  [{view.standing}]"
    if not view.gauges:
        told = view.status.unknown or view.status.used or "nothing told yet"
        return [(Span(f"  {view.title:{TITLE}} {told}"), Span(note, "soft"))]
    return [bar(view, one, note) for one in view.gauges]


def bar(view: RuleView, gauge: Gauge, note: str) -> Line:
    """Return a limit as a bar with its figures."""
    name = f"{view.title}, {gauge.label}" if gauge.label else view.title
    head = Span(f"  {name:{TITLE}} [")
    if gauge.share is None:
        why = f"] unknown: {view.status.unknown or 'not told'}"
        return (head, Span("?" * BAR, "blind"), Span(why), Span(note, "soft"))
    full = min(BAR, int(gauge.share * BAR))
    left = f", {gauge.left} left" if gauge.left else ""
    figures = f"] {gauge.share:4.0%} {LEVELS.get(gauge.level, '')}".rstrip()
    return (
        head,
        Span("#" * full, gauge.level.value),
        Span("." * (BAR - full), "soft"),
        Span(f"{figures}  {gauge.used} of {gauge.limit}{left}"),
        Span(note, "soft"),
    )


def position(one: PositionStatus) -> Line:
    """Return an open position."""
    at = f"at {one.average}, now {one.mark or 'no price'}: {one.unrealized or 'unknown'}"
    return (Span(f"  {one.side} {one.size} {ticket(one.contract)}", "bold"), Span(f" {at}"))


def order(one: OrderStatus) -> Line:
    """Return a working order."""
    what = f"{one.side} {one.size - one.filled} {ticket(one.contract)}"
    return (Span(f"  {what} {kind(one)}, working"),)


def kind(one: OrderStatus) -> str:
    """Return what kind of order it is, with its prices."""
    prices = " limit ".join(price for price in (one.stop, one.limit) if price is not None)
    return one.type.replace("_", " ") + (f" at {prices}" if prices else "")


def step(one: EnforcementStatus) -> Line:
    """Return an enforcement with its time."""
    ending = ENDINGS.get(one.state, one.state)
    if (took := took_ms(one)) is not None:
        ending = f"proven after {took:.0f} ms"
    style = "reached" if one.state == "failing" else ""
    return (
        Span(f"  {local(one.requested)} {title(one.rule)}, "),
        Span(ending, style),
        Span(f": {one.why}", "soft"),
    )


def took_ms(one: EnforcementStatus) -> float | None:
    """Return how long it took until it was proven; None if it is not yet."""
    if one.confirmed is None:
        return None
    took = datetime.fromisoformat(one.confirmed) - datetime.fromisoformat(one.requested)
    return took.total_seconds() * 1000


def local(instant: str) -> str:
    """Return the time of day where we are."""
    return f"{datetime.fromisoformat(instant).astimezone():%H:%M:%S}"


def countdown(until: str, now: datetime) -> str:
    """Return how long it is until an instant, rounded up: zero only when it has come."""
    left = datetime.fromisoformat(until) - now.astimezone(UTC)
    seconds = max(0, -int(-left.total_seconds() // 1))
    days, rest = divmod(seconds, 86_400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days} d {clock}" if days else clock


def ticket(contract: str) -> str:
    """Return a contract as on a ticket: CON.F.US.MNQ.Z26 is MNQ Z26."""
    parts = contract.split(".")
    return f"{parts[3]} {parts[4]}" if len(parts) == TICKET else contract


def plain(line: Line) -> str:
    """Return a line without any style."""
    return printable("".join(span.text for span in line))


def folded(line: Line, width: int) -> list[Line]:
    """Return a line as rows of a width, broken between words; the rows after the first stand in."""
    text, rows, at, room = plain(line), list[Line](), 0, width
    margin: Line = ()
    while len(text) - at > room > 0:
        blank = text.rfind(" ", at, at + room + 1)
        end = blank if blank > at and text[at:blank].strip() else at + room
        rows.append((*margin, *piece(line, at, end)))
        at = end + len(text[end:]) - len(text[end:].lstrip())
        room, margin = width - STAND_IN, (Span(" " * STAND_IN),)
    if at < len(text) or not rows:
        rows.append((*margin, *piece(line, at, len(text))))
    return rows


def piece(line: Line, begin: int, end: int) -> Line:
    """Return what of a line stands between two places."""
    found: list[Span] = []
    for text, style in line:
        if cut := text[max(0, begin) : max(0, end)]:
            found.append(Span(cut, style))
        begin, end = begin - len(text), end - len(text)
    return tuple(found)


def coloured(line: Line, width: int) -> str:
    """Return a line cut to a width, as a terminal colours it, or as NO_COLOR wants it."""
    found: list[str] = []
    for text, style in piece(line, 0, width):
        shown, numbers = printable(text), STYLES[style] if style else ""
        if os.environ.get("NO_COLOR"):  # https://no-color.org
            numbers = ";".join(one for one in numbers.split(";") if len(one) == 1)
        found.append(f"\x1b[{numbers}m{shown}\x1b[0m" if numbers else shown)
    return "".join(found)


def printable(text: str) -> str:
    """Return a text in which nothing commands the terminal, whoever wrote it."""
    return "".join(one if one.isprintable() else "?" for one in text)
