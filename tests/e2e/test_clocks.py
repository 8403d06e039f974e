"""A clock that somebody sets: no lock and no day ends before the Gateway's clock says so too."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from actors.account import Account
from actors.gateway import Gateway
from actors.market_data import MarketData
from actors.model.sessions import Window
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised, DayReset, LockEnded, LockSet
from protocol.message import Message
from protocol.schedule import ClockJumped, ClockSkewed
from protocol.units import SECOND, Nanos, Now
from tests.e2e.conftest import Build
from tests.e2e.stand import FIRST, MNQ, MORNING, OTHER, Stand, plan, realized
from tests.e2e.test_rule_009 import sessions

HOUR = 3600
AHEAD_S = 9 * HOUR
"""Past the day's end, at 17:00, eight hours from the morning."""


class Apart:
    """The Gateway's own clock: the stand's, but for what somebody set the machine's forward."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.forward_s = 0.0
        stand.sim.world.clock = self.read

    def read(self) -> Nanos:
        return Nanos(self.stand.clock().wall - int(self.forward_s * SECOND))

    def set_forward(self, seconds: float) -> None:
        self.forward_s += seconds
        self.stand.clock.move(seconds)


def kinds(stand: Stand, what: type[AlarmRaised | AlarmCleared]) -> set[AlarmKind]:
    return {one.kind for one in stand.decided(what)}


async def lost(stand: Stand) -> None:
    """Lose the day's limit, and wait for the lock."""
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20950)
    await stand.proven()
    assert stand.report().locked


async def test_i5_a_clock_set_forward_ends_no_lock_and_no_day(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    gateway = Apart(stand)
    await lost(stand)
    booked = stand.report().realized

    gateway.set_forward(AHEAD_S)
    await stand.until(lambda: AlarmKind.CLOCK_SKEW in kinds(stand, AlarmRaised), "the alarm")
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.proven(2)

    assert stand.holdings() == {}, "what is opened all the same is closed"
    assert stand.report().locked
    assert (stand.decided(LockEnded), stand.decided(DayReset)) == ([], [])
    assert stand.report().realized != "0.00"
    assert booked is not None
    stand.clock.skip(8 * HOUR)  # now the Gateway's clock has come to the end of the day too
    await stand.until(lambda: stand.decided(LockEnded), "the lock to end")
    await stand.until(lambda: stand.decided(DayReset), "the day to end")

    gateway.set_forward(-AHEAD_S)
    await stand.until(lambda: AlarmKind.CLOCK_SKEW in kinds(stand, AlarmCleared), "all is well")
    assert len(stand.decided(DayReset)) == 1


@pytest.mark.parametrize("gateway_too", [False, True], ids=["alone", "and-the-gateway"])
async def test_i5_neither_does_an_account_that_dies_meanwhile(
    build: Build, monkeypatch: pytest.MonkeyPatch, *, gateway_too: bool
) -> None:
    stand = await build(plan(realized(-200)))
    gateway = Apart(stand)
    await lost(stand)
    gateway.set_forward(AHEAD_S)
    await stand.until(lambda: AlarmKind.CLOCK_SKEW in kinds(stand, AlarmRaised), "the alarm")

    for who in (Gateway, Account) if gateway_too else (Account,):
        with monkeypatch.context() as patch:
            patch.setattr(who, "handle", struck(who.handle))
            stand.desk.tell_all(ClockJumped(by=Nanos(0)), stand.clock())
        stand.desk.tick(stand.desk._now())
    await stand.until(lambda: AlarmKind.ACTOR_DIED in kinds(stand, AlarmRaised), "the death")
    await stand.armed()
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.proven(2)

    assert stand.holdings() == {}, "what is opened all the same is closed"
    assert stand.report().locked
    assert (stand.decided(LockEnded), stand.decided(DayReset)) == ([], [])


async def test_i5_nor_one_that_dies_of_that_very_news(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = await build(plan(realized(-200)))
    gateway = Apart(stand)
    await lost(stand)
    sound, deaths = Account.handle, [1]

    def handle(self: Account, state: Any, message: Message, now: Now) -> Any:
        assert not (isinstance(message, ClockSkewed) and message.ahead and deaths and deaths.pop())
        return sound(self, state, message, now)

    monkeypatch.setattr(Account, "handle", handle)
    gateway.set_forward(AHEAD_S)
    await stand.until(lambda: AlarmKind.ACTOR_DIED in kinds(stand, AlarmRaised), "the death")
    await stand.armed()

    assert stand.report().locked
    assert (stand.decided(LockEnded), stand.decided(DayReset)) == ([], [])


async def test_i5_nor_who_hears_of_it_after_what_another_account_made_of_it(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The market dies of what the first one asks, and every account starts its timers anew."""
    timed = sessions(Window("08:30", "15:00"))
    stand = await build(plan(realized(-200)), plan(realized(-200), timed, account=OTHER))
    gateway = Apart(stand)
    await stand.enter("buy", 2, at=21000, account=OTHER)
    await stand.price(MNQ, 20950)
    await stand.proven(account=OTHER)
    await stand.enter("buy", 1, at=20950)
    today = stand.state(OTHER).day.started
    sound, told = MarketData.handle, stand.desk.tell_all
    news = 0

    def handle(self: MarketData, state: Any, message: Message, now: Now) -> Any:
        nonlocal news
        struck, news = news, 0
        assert not struck, "the test wanted this"
        return sound(self, state, message, now)

    def tell_all(message: Message, now: Now) -> None:
        nonlocal news
        news += 1
        told(message, now)

    monkeypatch.setattr(MarketData, "handle", handle)
    monkeypatch.setattr(stand.desk, "tell_all", tell_all)
    gateway.set_forward(AHEAD_S)
    await stand.until(lambda: AlarmKind.ACTOR_DIED in kinds(stand, AlarmRaised), "the death")
    await stand.armed()

    assert "daily_realized_loss" in {one.rule for one in stand.state(OTHER).locks}
    assert stand.state(OTHER).day.started == today


def struck(sound: Callable[..., Any]) -> Callable[..., Any]:
    """Return a handler that fails on the news of a jump."""

    def handle(self: Any, state: Any, message: Message, now: Now) -> Any:
        assert not isinstance(message, ClockJumped), "the test wanted this"
        return sound(self, state, message, now)

    return handle


@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_i5_neither_does_a_restart_with_a_clock_set_forward(build: Build, how: str) -> None:
    stand = await build(plan(realized(-200)))
    gateway = Apart(stand)
    await lost(stand)
    await stand.until(
        lambda: any(isinstance(one.message, LockSet) for one in stand.journal()), "the disk"
    )
    await (stand.crash() if how == "crash" else stand.stop())

    gateway.set_forward(AHEAD_S)
    await stand.start()
    await stand.sim.order(FIRST, MNQ, "sell", 1)
    await stand.until(lambda: stand.holdings() == {}, "it to be closed")
    await stand.until(stand.idle, "the proof")

    assert stand.report().locked
    assert (stand.decided(LockEnded), stand.decided(DayReset)) == ([], [])
    assert Decimal(stand.report().realized or 0) < -200


async def test_after_a_sleep_the_first_answer_says_that_the_clock_is_right(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await lost(stand)

    stand.clock.move(AHEAD_S)  # the Gateway's clock went on as well: the stopwatch stood still
    await stand.until(lambda: stand.decided(LockEnded), "the lock to end")
    await stand.until(lambda: stand.decided(DayReset), "the day to end")

    assert AlarmKind.CLOCK_JUMPED in kinds(stand, AlarmRaised)
    assert AlarmKind.CLOCK_SKEW not in kinds(stand, AlarmRaised)


async def test_009_a_session_lock_outlasts_a_clock_set_forward(build: Build) -> None:
    stand = await build(plan(sessions(Window("08:30", "15:00"))))
    gateway = Apart(stand)
    stand.clock.skip(7 * HOUR)
    await stand.until(lambda: stand.report().locked, "the end of the session")
    gateway.set_forward(17 * HOUR)  # to nine o'clock of the next morning
    await stand.until(lambda: AlarmKind.CLOCK_SKEW in kinds(stand, AlarmRaised), "the alarm")

    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.report().attempts_while_locked == 1, "the attempt")
    await stand.until(lambda: stand.holdings() == {}, "it to be closed")
    assert stand.report().locked


async def test_a_clock_that_is_behind_is_told(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    gateway = Apart(stand)
    gateway.set_forward(-2 * HOUR)
    await stand.until(lambda: AlarmKind.CLOCK_SKEW in kinds(stand, AlarmRaised), "the alarm")

    (alarm,) = [one for one in stand.decided(AlarmRaised) if one.kind is AlarmKind.CLOCK_SKEW]
    assert "s behind the Gateway's: set it right" in alarm.why
    assert stand.clock().wall < MORNING
