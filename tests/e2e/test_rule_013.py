"""RULE-013, from the trade or the quote on the wire to the lock that lasts until the reset."""

from decimal import Decimal

import pytest

from actors.rules.daily_realized_profit import NAME, Params
from protocol.decisions import LockedAttempt, LockEnded, LockSet
from protocol.lockouts import LockKind
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import (
    CLOSE,
    FIRST,
    MES,
    MNQ,
    OTHER,
    RTY,
    Rules,
    Stand,
    plan,
    realized,
)

SIDES = [pytest.param("buy", 1, id="long"), pytest.param("sell", -1, id="short")]
FREE = {"fees_per_side": Decimal(0)}
RESET = "2026-11-18T23:00:00.000Z"


def target(amount: int | str, *, combined: bool = True) -> Rules:
    return NAME, Params(target=Decimal(amount), combined=combined)


async def make_five_points(stand: Stand, side: str, sign: int) -> None:
    """One MNQ, five points: 10.00 gross, less 0.37 for each of two half-turns."""
    await stand.enter(side, 1, at=21000)
    await stand.price(MNQ, 21000 + sign * 5)
    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.report().realized == "9.26", "the profit to be booked")


async def reached(stand: Stand) -> None:
    """Make the day's target of $200, and wait until the account is locked and proven flat."""
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 21050)
    await stand.proven()
    assert stand.report().locked
    assert stand.holdings() == {}


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_013_locks_exactly_at_the_target_net_of_costs(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(target("9.26", combined=False)))

    await make_five_points(stand, side, sign)
    await stand.proven()

    (lock,) = stand.decided(LockSet)
    assert (lock.lock.rule, lock.lock.kind, lock.lock.scope) == (NAME, LockKind.HARD, None)
    assert [one.until for one in stand.report().lockouts] == [RESET]
    assert stand.holdings() == {}


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_013_does_nothing_a_cent_short_of_the_target(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(target("9.27", combined=False)))

    await make_five_points(stand, side, sign)
    await stand.until(lambda: stand.used(NAME) == "9.26", "the profit to be judged")

    assert not stand.report().locked
    assert (stand.requested(), stand.mutations()) == ([], [])


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_013_combines_two_contracts_exactly_at_the_target_and_not_one_tick_before(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(target(400)), **FREE)
    await stand.enter(side, 2, at=21000)
    await stand.enter("sell" if side == "buy" else "buy", 1, contract=MES, at=6000)
    since = last_trade(stand)

    await stand.price(MNQ, 21000 + sign * 50)
    await stand.price(MES, str(6000 - sign * Decimal("39.75")))
    await stand.until(lambda: stand.report().unrealized == "398.75", "one tick short of it")
    assert stand.requested() == []
    await stand.price(MES, 6000 - sign * 40)
    await stand.proven()

    assert stand.holdings() == {}
    assert sorted(stand.deeds()) == [(CLOSE, MES), (CLOSE, MNQ)]
    assert [one.rule for one in stand.report().lockouts] == [NAME]
    assert stand.report().realized == "400.00"
    holds(stand, since=since)


async def test_013_adds_what_is_realized_to_what_is_open(build: Build) -> None:
    stand = await build(plan(target(300)), **FREE)
    await stand.enter("sell", 2, at=21000)
    await stand.price(MNQ, 20950)
    await stand.sim.close(FIRST, MNQ)
    await stand.enter("buy", 1, contract=RTY, at=2400)

    await stand.price(RTY, "2401.9")  # 95.00 of open profit beside 200.00
    await stand.until(lambda: stand.report().unrealized == "95.00", "the open profit")
    assert stand.requested() == []
    await stand.price(RTY, "2402")
    await stand.proven()

    assert stand.report().locked
    assert stand.report().realized == "300.00"


async def test_013_without_the_combined_check_lets_open_profits_run(build: Build) -> None:
    stand = await build(plan(target(100, combined=False)), **FREE)
    await stand.enter("sell", 2, at=21000)

    await stand.price(MNQ, 20900)
    await stand.until(lambda: stand.report().unrealized == "400.00", "the open profit")
    assert stand.requested() == []
    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.report().locked, "the lock")


async def test_013_cancels_every_order_and_leaves_the_other_account_alone(build: Build) -> None:
    stand = await build(
        plan(target(200)), plan(target(200), account=OTHER), fees_per_side=Decimal(0)
    )
    await stand.enter("buy", 2, at=21000)
    await stand.enter("buy", 1, at=21000, account=OTHER)
    for contract, price in ((MNQ, 20800), (MES, 5900)):
        await stand.sim.order(FIRST, contract, "buy", 1, type="limit", limit=Decimal(price))
    theirs = await stand.sim.order(OTHER, MES, "buy", 1, type="limit", limit=Decimal(5900))
    await stand.seen()
    await stand.seen(OTHER)

    await stand.price(MNQ, 21050)
    await stand.proven()

    assert (stand.holdings(), stand.orders()) == ({}, {})
    assert (stand.holdings(OTHER), list(stand.orders(OTHER))) == ({MNQ: 1}, [theirs])
    assert stand.mutations(OTHER) == []
    assert not stand.report(OTHER).locked


async def test_013_a_loss_booked_while_locked_is_counted_and_does_not_end_the_lock(
    build: Build,
) -> None:
    stand = await build(plan(target(200)), fees_per_side=Decimal(1))
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 21051)  # 204.00 open, less 2.00 of costs so far
    await stand.proven()
    await stand.until(lambda: stand.report().realized == "200.00", "the close to be booked")

    await stand.sim.order(FIRST, MES, "sell", 2)
    await stand.proven(2)
    await stand.until(lambda: stand.report().realized == "196.00", "the costs of an attempt")

    assert stand.report().locked
    assert stand.holdings() == {}
    assert len(stand.decided(LockSet)) == 1
    assert [one.attempts for one in stand.decided(LockedAttempt)] == [1]
    balance = stand.sim.exchange.account(FIRST).balance
    assert balance == 50_196


@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_013_a_restart_keeps_the_lock_and_closes_what_was_opened_meanwhile(
    build: Build, how: str
) -> None:
    stand = await build(plan(target(200)), **FREE)
    await reached(stand)
    before = stand.report().lockouts
    await stand.until(
        lambda: any(isinstance(one.message, LockSet) for one in stand.journal()), "the disk"
    )
    await (stand.crash() if how == "crash" else stand.stop())
    await stand.sim.order(FIRST, MNQ, "sell", 3)
    await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))

    stand.boot()
    assert [(one.rule, one.until) for one in stand.report().lockouts] == [(NAME, RESET)]
    await stand.armed()
    await stand.until(lambda: (stand.holdings(), stand.orders()) == ({}, {}), "all to be undone")
    await stand.until(stand.idle, "the proof")

    assert [one.until for one in stand.report().lockouts] == [one.until for one in before]


async def test_013_the_lock_ends_with_the_day_and_the_next_has_its_own_target(
    build: Build,
) -> None:
    stand = await build(plan(target(200)), **FREE)
    await reached(stand)
    stand.clock.skip(8 * 3600 - 60)
    await stand.price(MNQ, 21050)
    assert stand.report().locked, "a minute short of the reset"

    stand.clock.skip(120)
    await stand.until(lambda: stand.decided(LockEnded), "the lock to end")
    assert (stand.report().locked, stand.report().realized) == (False, "0.00")
    done = len(stand.mutations())
    await stand.enter("buy", 2, at=21050)
    assert (stand.holdings(), len(stand.mutations())) == ({MNQ: 2}, done)
    await stand.price(MNQ, 21100)
    await stand.proven(2)

    assert stand.holdings() == {}
    assert stand.report().lockouts[0].until == "2026-11-19T23:00:00.000Z"


async def test_013_beside_003_both_read_one_ledger_and_each_lock_stands_by_itself(
    build: Build,
) -> None:
    stand = await build(plan(target(200), realized(-200)), **FREE)
    await reached(stand)
    stand.sim.faults.rest(kind="hang", endpoint=CLOSE, count=1)  # so it gets worse meanwhile

    await stand.sim.order(FIRST, MNQ, "buy", 4)
    await stand.until(lambda: stand.watched(MNQ), "quotes of the attempt")
    await stand.price(MNQ, 21000)  # -200.00 of 200.00 is not yet -200.00 of the day
    await stand.until(lambda: stand.report().unrealized == "-400.00", "what the attempt lost")
    assert [one.rule for one in stand.report().lockouts] == [NAME]
    await stand.price(MNQ, 20950)
    await stand.until(lambda: stand.holdings() == {}, "the attempt to be closed")
    await stand.until(stand.idle, "the proof")

    assert {(one.rule, one.until) for one in stand.report().lockouts} == {
        (NAME, RESET),
        ("daily_realized_loss", RESET),
    }
