"""What rules do to one another, with the real SDK; pairs that a rule's own tests do not show.

004 -> 003, 005 -> 013, 001 with 003, and 007 under a hard lock: tests/e2e/test_rule_*.py as well.
What a session's end does to the other rules is in tests/e2e/test_interactions_session.py.
"""

from decimal import Decimal
from typing import Any

import pytest

from actors.rules import (
    auth_loss_guard,
    cooldown_after_loss,
    daily_realized_profit,
    max_contracts_per_instrument,
    max_unrealized_profit,
    no_stop_loss_grace,
    trade_management,
)
from actors.rules.no_stop_loss_grace import OnExpiry
from ops.sim import actions
from protocol.decisions import EnforcementRequested, LockEnded, LockSet
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import (
    CANCEL,
    CLOSE,
    FIRST,
    MES,
    MNQ,
    MODIFY,
    PARTIAL,
    PLACE,
    Rules,
    Stand,
    contracts,
    plan,
    realized,
    unrealized,
)
from tests.e2e.test_rule_008 import passes

LOSS, PROFIT, COOL = "daily_realized_loss", "daily_realized_profit", "cooldown_after_loss"
FREE = {"fees_per_side": Decimal(0)}
GRACE = 600


def per_product(**limits: int) -> Rules:
    return max_contracts_per_instrument.NAME, max_contracts_per_instrument.Params(limits=limits)


def cooldown(**keys: Any) -> Rules:
    return cooldown_after_loss.NAME, cooldown_after_loss.Params(**keys)


def managed(**keys: Any) -> Rules:
    return trade_management.NAME, trade_management.Params(**keys)


def ends(stand: Stand) -> dict[str, str | None]:
    return {one.rule: one.until for one in stand.report().lockouts}


async def test_004_then_003_what_else_is_held_goes_too_and_each_of_it_once(build: Build) -> None:
    stand = await build(plan(unrealized(-200), realized(-201)))
    await stand.enter("sell", 1, contract=MES, at=6000)
    await stand.enter("buy", 2, at=21000)
    since = last_trade(stand)

    await stand.price(MNQ, 20950)  # 004 closes at -200.00; the costs make it 003's
    await stand.until(lambda: stand.report().locked, "the lock")
    await stand.proven(2)

    assert stand.requested() == ["daily_unrealized_loss", LOSS]
    assert sorted(stand.deeds()) == [(CLOSE, MES), (CLOSE, MNQ)]
    assert (stand.holdings(), ends(stand)) == ({}, {LOSS: "2026-11-18T23:00:00.000Z"})
    holds(stand, since=since)


async def test_005_then_013_also_a_loser_beside_the_profit_is_closed(build: Build) -> None:
    target = max_unrealized_profit.NAME, max_unrealized_profit.Params(target=Decimal(200))
    day = daily_realized_profit.Params(target=Decimal(150), combined=False)
    stand = await build(plan(target, (daily_realized_profit.NAME, day)), **FREE)
    await stand.enter("buy", 1, contract=MES, at=6000)
    await stand.enter("buy", 2, at=21000)
    await stand.price(MES, 5990)  # -50.00: with it the day stays below the target
    since = last_trade(stand)

    await stand.price(MNQ, 21050)
    await stand.until(lambda: stand.report().locked, "the lock")
    await stand.proven(2)

    assert sorted(stand.deeds()) == [(CLOSE, MES), (CLOSE, MNQ)]
    await stand.until(lambda: stand.report().realized == "150.00", "both to be booked")
    assert list(ends(stand)) == [PROFIT]
    holds(stand, since=since)


@pytest.mark.parametrize("kind", ["hang", "reset"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_001_and_003_a_lock_meets_a_reduction_whose_answer_is_lost(
    build: Build, when: str, kind: str
) -> None:
    stand = await build(plan(contracts(2), realized(-200)), timeout_seconds=1.0, **FREE)
    await stand.enter("buy", 2, at=21000)
    stand.sim.faults.rest(kind=kind, endpoint=PARTIAL, when=when, count=1)
    await stand.sim.order(FIRST, MNQ, "buy", 3)
    since = last_trade(stand)
    await stand.until(lambda: stand.calls((PARTIAL,)), "the reduction")

    await stand.price(MNQ, 20900)  # past the limit whatever the reduction has done
    await stand.until(lambda: stand.report().locked, "the lock")
    await stand.proven()

    assert (stand.holdings(), list(ends(stand))) == ({}, [LOSS])
    assert len(stand.decided(LockSet)) == 1
    holds(stand, since=since)


async def test_002_what_an_entry_adds_whose_cancel_was_refused_is_taken_off(build: Build) -> None:
    stand = await build(plan(per_product(MNQ=2)))
    await stand.enter("buy", 2, at=21000)
    entry = await stand.sim.order(FIRST, MNQ, "buy", 2, type="limit", limit=Decimal(20990))
    await stand.seen()
    stand.sim.faults.rest(kind="reject", endpoint=CANCEL, count=1)
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.holdings() == {MNQ: 2} and stand.idle(), "the reduction")
    assert list(stand.orders()) == [entry], "within the limit again an entry may wait"

    await stand.price(MNQ, 20990)
    await stand.until(lambda: stand.orders() == {}, "it to fill")
    since = last_trade(stand)
    await stand.proven()

    assert stand.holdings() == {MNQ: 2}
    assert stand.deeds()[-1:] == [(PARTIAL, MNQ)]
    holds(stand, since=since)


async def test_007_and_003_the_day_ends_and_the_longer_cooldown_goes_on(build: Build) -> None:
    long = cooldown(tiers={"10h": Decimal(-100)}, flatten=False)
    stand = await build(plan(long, realized(-300)), **FREE)
    await stand.enter("buy", 4, contract=MES, at=6000)
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20970)
    await stand.sim.close(FIRST, MNQ)  # -120.00: a cooldown that outlasts the day
    await stand.until(lambda: stand.decided(LockSet), "the cooldown")
    before = ends(stand)
    await stand.until(lambda: stand.report().realized == "-120.00", "the loss to be booked")
    since = last_trade(stand)

    await stand.price(MES, 5991)  # and -180.00 of what the cooldown had let stand
    await stand.until(lambda: LOSS in ends(stand), "the hard lock")
    await stand.proven()

    assert stand.holdings() == {}
    assert ends(stand)[LOSS] == "2026-11-18T23:00:00.000Z"
    assert (ends(stand)[COOL] or "") >= (before[COOL] or "")
    holds(stand, since=since)
    stand.clock.skip(8 * 3600 + 60)
    await stand.until(lambda: stand.decided(LockEnded), "the reset")
    assert list(ends(stand)) == [COOL], "it goes on by itself"
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.holdings() == {}, "the attempt to be undone")


async def test_010_in_a_hard_lock_each_ends_by_what_it_waits_for(build: Build) -> None:
    guard = auth_loss_guard.NAME, auth_loss_guard.Params()
    stand = await build(plan(guard, realized(-200)))
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20950)
    await stand.proven()
    await stand.sim.do(actions.Account(account=FIRST, can_trade=False))
    await stand.until(lambda: len(ends(stand)) == 2, "both locks")
    assert ends(stand) == {LOSS: "2026-11-18T23:00:00.000Z", guard[0]: None}

    await stand.sim.do(actions.Account(account=FIRST, can_trade=True))
    await stand.until(lambda: len(ends(stand)) == 1, "the broker's own to end")

    assert list(ends(stand)) == [LOSS]
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.holdings() == {}, "the attempt to be closed")


async def test_012_moves_nothing_while_the_account_is_being_closed(build: Build) -> None:
    stand = await build(plan(managed(), realized(-100)), timeout_seconds=2.0, **FREE)
    await stand.enter("buy", 2, at=21000)
    await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20900))
    await stand.enter("buy", 1, contract=MES, at=6000)
    stand.sim.faults.rest(kind="hang", endpoint=CLOSE, when="before", count=None)
    await stand.price(MES, 5980)
    await stand.until(lambda: stand.report().locked, "the lock")
    await stand.price(MNQ, 21010)  # in favour by four times what moves a stop
    await stand.until(lambda: len(stand.calls((CLOSE,))) > 2, "another try")
    stand.sim.faults.clear()
    await stand.proven()

    assert (stand.holdings(), stand.orders()) == ({}, {})
    assert stand.calls((MODIFY, PLACE)) == []
    holds(stand, since=last_trade(stand) - 2)


async def test_008_and_012_place_one_stop_between_them(build: Build) -> None:
    """Both want one: whoever comes first covers the position, and the other has nothing to do."""
    grace = no_stop_loss_grace.Params(grace="10m", on_expiry=OnExpiry.PLACE_STOP, stop_ticks=80)
    rules: tuple[Rules, ...] = ((no_stop_loss_grace.NAME, grace), managed(auto_stop_ticks=40))
    stand = await build(plan(*rules))
    await stand.enter("buy", 2, at=21000)
    await stand.until(stand.orders, "the stop")
    await stand.proven()
    await passes(stand, 3 * GRACE)
    await stand.price(MNQ, 21010)
    await stand.until(lambda: stand.calls((MODIFY,)), "it to be moved")
    await stand.proven(2)

    assert len(stand.orders()) == len(stand.calls((PLACE,))) == 1
    assert {one.rule for one in stand.decided(EnforcementRequested)} == {trade_management.NAME}
    assert stand.holdings() == {MNQ: 2}


async def test_008_lets_no_cooldown_take_its_stop_and_places_one_under_it(build: Build) -> None:
    grace = no_stop_loss_grace.Params(grace="10m", on_expiry=OnExpiry.PLACE_STOP, stop_ticks=40)
    gentle = cooldown(flatten=False, tiers={"1h": Decimal(-100)})
    stand = await build(plan((no_stop_loss_grace.NAME, grace), gentle), **FREE)
    await stand.enter("buy", 1, contract=MES, at=6000)
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20970)
    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.decided(LockSet), "the cooldown")
    assert stand.report().locked

    await passes(stand, GRACE)
    await stand.until(stand.orders, "the stop")
    await stand.proven()
    await passes(stand, GRACE)

    assert stand.holdings() == {MES: 1}
    assert list(stand.orders().values()) == [MES]
    assert list(ends(stand)) == [COOL]
    holds(stand, stops=True, since=last_trade(stand))
