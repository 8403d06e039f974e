"""A desk that dies and comes back: what it owes, and what happened while it was away."""

import asyncio
from decimal import Decimal

import pytest

from protocol.decisions import (
    DayReset,
    EnforcementConfirmed,
    EnforcementRequested,
    LockedAttempt,
    LockSet,
)
from protocol.lifecycle import Phase
from tests.e2e.conftest import Build, Figure
from tests.e2e.invariants import alarms, holds, last_trade
from tests.e2e.stand import (
    CLOSE,
    FIRST,
    MES,
    MNQ,
    Stand,
    contracts,
    plan,
    realized,
    unrealized,
)

RULE = "daily_realized_loss"
DEATHS = ["crash", "stop"]


async def lock(stand: Stand) -> None:
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20950)
    await stand.proven()
    assert stand.report().locked


async def die(stand: Stand, how: str) -> None:
    await (stand.crash() if how == "crash" else stand.stop())


@pytest.mark.parametrize("how", DEATHS)
async def test_i5_a_lock_is_asserted_again_before_the_broker_answers(
    build: Build, figure: Figure, how: str
) -> None:
    stand = await build(plan(realized(-200)))
    await lock(stand)
    before = stand.report().lockouts
    await die(stand, how)
    await stand.sim.order(FIRST, MNQ, "buy", 3)
    stand.sim.faults.rest(kind="latency", seconds=0.3, endpoint="Auth/loginKey")

    at = stand.clock().mono
    stand.boot()
    assert stand.state().phase is Phase.STARTING
    assert stand.report().lockouts == before
    await stand.until(lambda: stand.holdings() == {}, "what was opened meanwhile to be closed")

    figure(f"{how} to close of what was opened meanwhile (ms)", (stand.clock().mono - at) / 1e6)
    await stand.armed()
    await stand.until(stand.idle, "the proof")
    assert stand.deeds() == [(CLOSE, MNQ)] * 2
    assert len(stand.decided(LockSet)) == 1  # it was never set anew
    assert stand.report().lockouts == before


async def test_i3_what_was_opened_while_the_desk_was_dead_counts_as_an_attempt(
    build: Build,
) -> None:
    stand = await build(plan(realized(-200)))
    await lock(stand)
    await stand.crash()
    await stand.sim.order(FIRST, MNQ, "buy", 3)
    await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))

    await stand.start()
    await stand.until(stand.idle, "the proof")

    assert (stand.holdings(), stand.orders()) == ({}, {})
    assert len(stand.decided(LockedAttempt)) == 2
    assert stand.report().attempts_while_locked == 2


@pytest.mark.parametrize("how", DEATHS)
async def test_lesson_56_a_realized_breach_that_is_there_at_start_is_seen(
    build: Build, how: str
) -> None:
    stand = await build(plan(realized("-20.74")))
    await die(stand, how)
    await stand.sim.order(FIRST, MNQ, "sell", 1)
    await stand.price(MNQ, 21010)
    await stand.sim.close(FIRST, MNQ)

    await stand.start()
    await stand.proven()

    assert stand.report().realized == "-20.74"
    assert stand.report().locked
    assert stand.mutations() == []


async def test_lesson_56_too_many_contracts_at_start_are_reduced(build: Build) -> None:
    stand = await build(plan(contracts(5)), idle=True)
    await stand.sim.order(FIRST, MNQ, "sell", 8)
    since = last_trade(stand)

    await stand.start()
    await stand.proven()

    assert stand.holdings() == {MNQ: -5}
    holds(stand, since=since)


async def test_lesson_56_an_open_loss_at_start_is_closed_on_the_first_quote(build: Build) -> None:
    stand = await build(plan(unrealized(-200)), idle=True)
    await stand.sim.order(FIRST, MNQ, "buy", 2)

    await stand.start()
    await stand.until(lambda: stand.watched(MNQ), "the quotes")
    await stand.price(MNQ, 20950)
    await stand.proven()

    assert stand.holdings() == {}


async def test_a_flatten_cut_off_by_a_crash_is_taken_up_and_proven(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await stand.enter("buy", 2, at=21000)
    await stand.enter("sell", 1, contract=MES, at=6000)
    since = last_trade(stand)
    stand.sim.faults.rest(kind="hang", endpoint=CLOSE, count=None)
    await stand.price(MNQ, 20950)
    await stand.until(lambda: len(stand.mutations()) == 2, "both closes")

    await stand.crash()
    stand.sim.faults.clear()
    await stand.start()
    await stand.proven()

    assert stand.holdings() == {}
    (requested,) = stand.decided(EnforcementRequested)
    assert [one.enforcement_id for one in stand.decided(EnforcementConfirmed)] == [
        requested.enforcement_id
    ]
    holds(stand, since=since)


async def test_i10_a_close_that_landed_before_the_crash_is_not_sent_again(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await stand.enter("buy", 2, at=21000)
    stand.sim.faults.rest(kind="hang", endpoint=CLOSE, when="after")
    await stand.price(MNQ, 20950)
    await stand.until(lambda: stand.holdings() == {}, "the close to be carried out")

    await stand.crash()
    await stand.start()
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]
    assert stand.report().locked


async def test_a_crash_between_the_lock_and_the_close_loses_neither(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await stand.enter("buy", 2, at=21000)
    stand.link.cut = True  # the next command leaves the desk and gets nowhere
    stand.desk.event("quote_update", {"contract_id": MNQ, "data": {"lastPrice": 20950.0}})
    await stand.until(lambda: locked_on_disk(stand), "the lock to be on the disk")

    await stand.crash()
    assert stand.holdings() == {MNQ: 2}
    await stand.start()
    await stand.proven()

    assert stand.holdings() == {}
    assert stand.report().locked


def locked_on_disk(stand: Stand) -> bool:
    return any(isinstance(one.message, LockSet) for one in stand.journal())


async def test_a_desk_that_dies_again_and_again_gets_there(build: Build) -> None:
    stand = await build(plan(realized(-200)), idle=True)
    await stand.sim.order(FIRST, MNQ, "buy", 2)
    await stand.price(MNQ, 20950)
    await stand.sim.close(FIRST, MNQ)
    await stand.sim.order(FIRST, MNQ, "sell", 4)
    stand.sim.faults.rest(kind="reset", endpoint=CLOSE, count=3)

    for _ in range(3):
        stand.boot()
        await stand.until(stand.mutations, "a close")
        await stand.crash()
        stand.sim.calls.clear()
    await stand.start()
    await stand.until(lambda: stand.holdings() == {} and stand.idle(), "the end")

    assert stand.report().locked
    assert len({one.lock.since for one in stand.decided(LockSet)}) == 1


async def test_a_price_from_before_a_restart_is_no_price(build: Build) -> None:
    stand = await build(plan(unrealized(-200)))
    await stand.enter("buy", 2, at=21000)

    await stand.crash()
    await stand.start()

    assert stand.report().unrealized is None
    assert stand.report().rules[0].unknown
    await stand.until(lambda: stand.watched(MNQ), "the quotes")
    await stand.price(MNQ, 20950)
    await stand.proven()


async def test_the_life_before_left_its_timers_and_they_fire_once(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await lock(stand)
    await stand.crash()
    stand.clock.move(30 * 3600)  # two resets are over

    await stand.start()

    assert not stand.report().locked
    assert [one.day for one in stand.decided(DayReset)] == ["2026-11-18"]
    assert stand.report().realized == "0.00"
    await stand.enter("buy", 1, at=20950)
    assert stand.holdings() == {MNQ: 1}


async def test_a_desk_that_is_stopping_begins_nothing(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await stand.enter("buy", 2, at=21000)
    stand.stores[FIRST].delay_s = 0.3
    await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))
    await stand.seen()

    stopping = asyncio.create_task(stand.stop())
    await stand.until(lambda: stand.desk.journal._end is not None, "the journal to be closing")
    await stand.price(MNQ, 20950)
    await stopping

    assert stand.mutations() == []
    assert stand.decided(LockSet) == []
    assert alarms(stand) == []
    await stand.start()
    await stand.until(lambda: stand.watched(MNQ), "the quotes")
    await stand.price(MNQ, 20950)
    await stand.proven()
    assert stand.report().locked
