"""The lock of a hard rule: what it forbids, how it stands beside others, and when it ends."""

from decimal import Decimal
from pathlib import Path

import pytest

from actors.rules.rule import Mode
from protocol.decisions import (
    AlarmKind,
    AlarmRaised,
    DayReset,
    LockedAttempt,
    LockEnded,
    LockSet,
    WouldHave,
)
from protocol.lockouts import LockKind, LockRequest, SetLock
from protocol.units import SECOND, Nanos, RuleName
from tests.e2e.conftest import Build, Figure
from tests.e2e.invariants import alarms, holds, last_trade
from tests.e2e.stand import (
    CANCEL,
    CLOSE,
    ES,
    FIRST,
    MES,
    MNQ,
    MORNING,
    PARTIAL,
    Stand,
    contracts,
    plan,
    realized,
    unrealized,
)

RULE = "daily_realized_loss"
HOUR = 3600
RESET = Nanos(MORNING + 8 * HOUR * SECOND)


async def lock(stand: Stand) -> None:
    """Lose the day's limit of $200, and wait until the account is locked and proven flat."""
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20950)
    await stand.proven()
    assert stand.report().locked
    assert stand.holdings() == {}


async def test_lesson_58_the_lock_is_on_the_disk_before_the_broker_is_asked(
    build: Build, quick_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.desk.desk.PATIENCE_S", 10.0)  # also while this machine is busy
    stand = await build(plan(realized(-200)), folder=quick_disk)
    await stand.enter("buy", 2, at=21000)
    stand.stores[FIRST].delay_s = 0.030  # slower than the way to the broker

    await stand.price(MNQ, 20950)
    await stand.proven()

    written = stand.stores[FIRST].written(LockSet)
    assert written < stand.mutations()[0].received_ns
    states = stand.stores[FIRST].load_states()
    assert RULE.encode() in states[f"account/{FIRST}/lockout"]


@pytest.mark.fault("disk-slow")
async def test_i4_a_disk_that_hangs_holds_up_no_close(build: Build, figure: Figure) -> None:
    stand = await build(plan(realized(-200)))
    await stand.enter("buy", 2, at=21000)
    stand.stores[FIRST].delay_s = 1.0

    at = stand.clock().mono
    await stand.price(MNQ, 20950)
    await stand.until(lambda: stand.holdings() == {}, "the position to be closed")

    took = (stand.mutations()[0].received_ns - at) / 1e6
    figure("quote to close on a disk that hangs (ms)", took)
    assert took < 500
    assert AlarmKind.STORE_SLOW in {one.kind for one in stand.decided(AlarmRaised)}
    stand.stores[FIRST].delay_s = 0.0
    await stand.proven()


async def test_lesson_58_a_lock_stands_although_the_broker_answers_nothing(build: Build) -> None:
    stand = await build(plan(realized(-200)), timeout_seconds=1)
    await stand.enter("buy", 2, at=21000)
    stand.sim.faults.rest(kind="hang", count=None)

    await stand.price(MNQ, 20950)
    await stand.until(stand.mutations, "the first close")

    assert stand.report().locked
    await stand.until(  # a disk that is slow holds up no close
        lambda: any(isinstance(one.message, LockSet) for one in stand.journal()),
        "the lock on the disk",
    )
    stand.sim.faults.clear()
    await stand.proven()
    assert stand.holdings() == {}


@pytest.mark.parametrize(
    ("side", "contract"),
    [pytest.param("buy", MNQ, id="long"), pytest.param("sell", ES, id="short-of-another")],
)
async def test_i3_lesson_59_a_position_opened_while_locked_is_closed(
    build: Build, figure: Figure, side: str, contract: str
) -> None:
    stand = await build(plan(realized(-200)))
    await lock(stand)

    took: list[float] = []
    since = last_trade(stand)
    for number in (1, 2, 3):
        closes = len(stand.calls((CLOSE,)))
        at = stand.clock().mono
        await stand.sim.order(FIRST, contract, side, 3)
        since = last_trade(stand)
        await stand.proven(1 + number)
        (close,) = stand.calls((CLOSE,))[closes:]
        took.append((close.received_ns - at) / 1e6)

    figure("opened while locked to close, best of 3 (ms)", min(took))
    assert min(took) < 100
    assert stand.holdings() == {}
    assert stand.report().attempts_while_locked == 3
    assert [one.attempts for one in stand.decided(LockedAttempt)] == [1, 2, 3]
    holds(stand, since=since)


async def test_lesson_51_the_book_is_kept_while_locked(build: Build) -> None:
    stand = await build(plan(realized(-200)), fill_delay_ms=0)
    await lock(stand)
    booked = stand.report().realized
    assert booked == "-201.48"

    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.proven(2)
    await stand.until(lambda: stand.report().realized == "-202.22", "the costs of an attempt")

    assert (
        Decimal(stand.report().realized or 0) == stand.sim.exchange.account(FIRST).balance - 50_000
    )


async def test_an_order_placed_while_locked_is_cancelled_and_counted(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await lock(stand)

    order = await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))
    await stand.proven(2)

    assert stand.orders() == {}
    assert stand.deeds()[1:] == [(CANCEL, order)]
    assert stand.report().attempts_while_locked == 1


async def test_a_bracket_entry_while_locked_goes_with_its_children(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await lock(stand)

    await stand.sim.order(FIRST, MES, "buy", 2, stop_ticks=20, target_ticks=20)
    await stand.proven(2)

    assert (stand.holdings(), stand.orders()) == ({}, {})


async def test_no_other_rule_is_silent_while_locked(build: Build) -> None:
    stand = await build(plan(realized(-200), contracts(5)))
    await lock(stand)

    await stand.sim.order(FIRST, MNQ, "buy", 7)
    await stand.until(lambda: stand.holdings() == {}, "the position to be closed")

    assert PARTIAL not in {name for name, _ in stand.deeds()[1:]}
    assert stand.deeds().count((CLOSE, MNQ)) == 2


async def test_lesson_61_locks_stand_side_by_side_and_only_grow_longer(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await lock(stand)
    other = RuleName("daily_realized_profit")

    def ask(rule: RuleName, until: Nanos) -> None:
        request = LockRequest(kind=LockKind.HARD, until=until)
        message = SetLock(rule=rule, request=request, reason="a test asks for it")
        now = stand.clock()
        stand.desk._commit(stand.desk.runtime.input(f"account/{FIRST}/lockout", message, now))

    def ends() -> dict[str, str | None]:
        return {one.rule: one.until for one in stand.report().lockouts}

    reset, later = "2026-11-18T23:00:00.000Z", "2026-11-18T23:30:00.000Z"
    ask(other, Nanos(MORNING + HOUR * SECOND))
    assert ends() == {RULE: reset, other: "2026-11-18T16:00:00.000Z"}
    ask(RuleName(RULE), Nanos(MORNING + HOUR * SECOND))
    assert ends()[RULE] == reset  # never shorter
    ask(other, Nanos(RESET + 1800 * SECOND))
    assert ends() == {RULE: reset, other: later}

    await stand.until(lambda: written(stand) == 3, "the locks to be on the disk")
    await stand.crash()
    await stand.start()
    assert ends() == {RULE: reset, other: later}
    stand.clock.move(8 * HOUR)
    await stand.until(lambda: RULE not in ends(), "the first to end")
    assert ends() == {other: later}
    assert stand.report().locked


def written(stand: Stand) -> int:
    return sum(isinstance(one.message, LockSet) for one in stand.journal())


async def test_i6_the_lock_ends_with_the_day_and_there_is_exactly_one_reset(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await lock(stand)
    stand.clock.move(8 * HOUR - 60)
    await stand.until(lambda: alarms(stand), "the jump to be noticed")
    assert stand.report().locked  # a minute short of it

    stand.clock.move(120)
    await stand.until(lambda: stand.decided(LockEnded), "the lock to end")

    (ended,) = stand.decided(DayReset)
    assert (ended.instant, ended.day, ended.realized) == (RESET, "2026-11-18", -2_014_800)
    report = stand.report()
    assert (report.locked, report.realized) == (False, "0.00")
    assert report.next_reset == "2026-11-19T23:00:00.000Z"
    assert report.attempts_while_locked == 0
    stand.clock.move(-3 * HOUR)  # somebody sets the clock back, and forth again
    await stand.until(lambda: len(alarms(stand)) == 3, "the jump back")
    stand.clock.move(3 * HOUR)
    await stand.until(lambda: len(alarms(stand)) == 4, "the jump forth")
    assert len(stand.decided(DayReset)) == 1
    assert not stand.report().locked


async def test_after_the_reset_the_trader_trades_and_the_rules_judge_the_new_day(
    build: Build,
) -> None:
    stand = await build(plan(realized(-200)))
    await lock(stand)
    stand.clock.move(8 * HOUR + 60)
    await stand.until(lambda: stand.decided(LockEnded), "the lock to end")
    done = len(stand.mutations())

    await stand.enter("sell", 2, at=20950)
    assert stand.holdings() == {MNQ: -2}
    assert len(stand.mutations()) == done
    await stand.price(MNQ, 21000)
    await stand.proven(2)

    assert len(stand.decided(LockSet)) == 2
    assert stand.report().realized == "-201.48"
    assert stand.report().lockouts[0].until == "2026-11-19T23:00:00.000Z"


async def test_a_position_held_over_the_reset_counts_in_the_new_day(build: Build) -> None:
    stand = await build(plan(realized(-200), unrealized(-500)), fees_per_side=Decimal(0))
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, "20960")
    stand.clock.move(8 * HOUR + 60)
    await stand.until(lambda: stand.decided(DayReset), "the reset")
    assert stand.requested() == []

    await stand.price(MNQ, "20950")
    await stand.proven()

    assert stand.report().lockouts[0].until == "2026-11-19T23:00:00.000Z"


async def test_i15_a_shadow_rule_says_what_it_would_and_touches_nothing(build: Build) -> None:
    stand = await build(plan(realized(-200), contracts(1), mode=Mode.SHADOW))

    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20950)
    await stand.until(lambda: len(stand.decided(WouldHave)) == 2, "both rules to speak")

    assert stand.mutations() == []
    assert not stand.report().locked
    assert stand.holdings() == {MNQ: 2}
