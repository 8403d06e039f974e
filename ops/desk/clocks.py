"""The clocks of a desk: whether they jump, and whether they go as the Gateway's does.

How the Gateway's clock goes is told by what its answers are dated.

Somebody who sets the clock forward would end locks and days before their time.  So while it is
ahead, the accounts hold on to them until the Gateway's clock has come as far.  Between two answers
the stopwatch carries the Gateway's clock on; it stands still while a machine sleeps, so after a
sleep the first answer decides, and only then an alarm is raised.
"""

from typing import Protocol

from actors.adapters.clock import Clock
from actors.adapters.wire_figures import UNDER_WAY_MAX, WireFigures
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised
from protocol.message import Message
from protocol.schedule import ClockJumped, ClockSkewed
from protocol.units import SECOND, Nanos, Now

JUMP = 2 * SECOND
TOLERANCE = UNDER_WAY_MAX
STEADY = 2 * SECOND
"""Dates are whole seconds: less than this is no news."""
GATEWAY = "gateway"


class Skew:
    """What a desk knows of the two clocks, and what it has said of them."""

    def __init__(self, wire: WireFigures) -> None:
        self._wire = wire
        self._told: Nanos | None = None
        self._jumped = 0
        self._wrong = False

    def jumped(self, now: Now) -> None:
        """Note that the clock has jumped: older answers prove nothing wrong with it."""
        self._jumped = now.mono

    def forgotten(self) -> None:
        """Note that somebody who was told has died: it is told once more."""
        self._told = None

    def news(self, now: Now) -> ClockSkewed | None:
        """Return what the accounts must hear: how far this clock is ahead, when that changes."""
        off = self._offset(now)
        if off is None:
            return None
        ahead = Nanos(off if off > TOLERANCE else 0)
        told = self._told
        if told is not None and abs(ahead - told) <= STEADY and bool(ahead) == bool(told):
            return None
        self._told = ahead
        return ClockSkewed(ahead=ahead)

    def alarm(self, now: Now) -> AlarmRaised | AlarmCleared | None:
        """Return the alarm that the newest answer raises or clears."""
        off, dated = self._offset(now), self._wire.dated
        if off is None or dated is None or dated.mono < self._jumped:
            return None
        wrong = abs(off) > TOLERANCE
        if wrong == self._wrong:
            return None
        self._wrong = wrong
        kind = AlarmKind.CLOCK_SKEW
        if not wrong:
            return AlarmCleared(account_id=None, kind=kind)
        where, then = ("ahead of", "end by the latter") if off > 0 else ("behind", "may come late")
        why = (
            f"this machine's clock is {abs(off) / SECOND:.0f} s {where} the Gateway's: set it "
            f"right, and have it kept right (NTP); until then locks and trading days {then}"
        )
        return AlarmRaised(account_id=None, kind=kind, why=why)

    def _offset(self, now: Now) -> int | None:
        dated = self._wire.dated
        if dated is None:
            return None
        return now.wall - (dated.theirs + now.mono - dated.mono)


class Hearer(Protocol):
    """Who must hear of the clocks: the desk."""

    def decided(self, decision: AlarmRaised | AlarmCleared, now: Now) -> None:
        """Take an alarm of the clocks, or its end."""
        ...

    def tick(self, now: Now) -> None:
        """Deliver what is due."""
        ...

    def tell_all(self, message: Message, now: Now) -> None:
        """Tell every account, and the gateway."""
        ...


class Clocks:
    """Reads the time, and says what is wrong with it before anybody acts by it."""

    def __init__(self, clock: Clock, wire: WireFigures, hearer: Hearer) -> None:
        self._clock = clock
        self._skew = Skew(wire)
        self._hearer = hearer
        self.last: Now | None = None
        """What was read last."""

    def died(self, path: str) -> None:
        """Note a death: the gateway is who tells accounts that are born again of the clocks."""
        if path == GATEWAY:
            self._skew.forgotten()

    def __call__(self) -> Now:
        """Return the time; what is said of it is said first."""
        now = self._clock()
        last, self.last = self.last, now
        if last is None:
            return now
        jump = (now.wall - last.wall) - (now.mono - last.mono)
        if abs(jump) > JUMP:
            self._skew.jumped(now)
        # First of all, or what a jump makes due would end although it may not.
        alarm, news = self._skew.alarm(now), self._skew.news(now)
        if alarm is not None:
            self._hearer.decided(alarm, now)
        if news is not None:
            self._hearer.tell_all(news, now)
        if abs(jump) > JUMP:
            why = f"the wall clock jumped by {jump / SECOND:+.1f} s"
            kind = AlarmKind.CLOCK_JUMPED
            self._hearer.decided(AlarmRaised(account_id=None, kind=kind, why=why), now)
            self._hearer.tick(now)
            self._hearer.tell_all(ClockJumped(by=Nanos(jump)), now)
        return now
