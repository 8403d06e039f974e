"""RULE-010, from the broker's word that an account may not trade to the lock without an end."""

from decimal import Decimal

import pytest

from actors.plan import settings_of
from actors.rules.auth_loss_guard import NAME, Params
from ops.sim import actions
from protocol.answers import AccountsRead
from protocol.decisions import (
    ConfigurationTaken,
    DayReset,
    EnforcementFailing,
    LockedAttempt,
    LockEnded,
    LockSet,
)
from protocol.lockouts import LockKind
from protocol.settings import Reconfigure
from tests.e2e.conftest import Build
from tests.e2e.invariants import alarms, holds, last_trade
from tests.e2e.stand import CANCEL, CLOSE, FIRST, MES, MNQ, OTHER, Rules, Stand, contracts, plan

POLL = 15
"""Seconds between two reads of the list of accounts, with as few of them as here."""
ACCOUNTS = ("Account/search",)


def guard() -> Rules:
    return NAME, Params()


async def tell(stand: Stand, *, may: bool) -> None:
    """Let the broker change its mind, and say so on the hub."""
    await stand.sim.do(actions.Account(account=FIRST, can_trade=may))


def let(stand: Stand) -> None:
    """Let the account trade while nothing says so."""
    stand.sim.exchange.account(FIRST).can_trade = True
    stand.sim.faults.set(lose={"account": 99})


async def poll(stand: Stand) -> None:
    """Let the next poll of the list of accounts come, and its answer."""
    before = len(stand.calls(ACCOUNTS))
    stand.clock.skip(POLL)
    await stand.until(lambda: len(stand.calls(ACCOUNTS)) > before, "the poll")


async def locked_flat(stand: Stand, proofs: int = 1) -> None:
    await stand.until(lambda: stand.report().locked, "the lock")
    await stand.proven(proofs)
    assert (stand.holdings(), stand.orders()) == ({}, {})


async def at_work(stand: Stand, side: str = "buy") -> None:
    """Hold something in two products, with a stop and a working entry."""
    await stand.enter(side, 2, at=21000)
    await stand.enter("sell" if side == "buy" else "buy", 1, contract=MES, at=6000)
    away = Decimal(20900 if side == "buy" else 21100)
    exit_side = "sell" if side == "buy" else "buy"
    await stand.sim.order(FIRST, MNQ, exit_side, 2, type="stop", stop=away)
    await stand.sim.order(FIRST, MNQ, side, 1, type="limit", limit=away)
    await stand.seen()


@pytest.mark.parametrize("side", ["buy", "sell"], ids=["long", "short"])
async def test_010_a_message_locks_and_flattens_and_leaves_the_other_account_alone(
    build: Build, side: str
) -> None:
    stand = await build(plan(guard()), plan(guard(), account=OTHER))
    await at_work(stand, side)
    await stand.enter(side, 1, at=21000, account=OTHER)
    assert stand.used(NAME) == "may trade"
    assert (stand.requested(), stand.mutations(None)) == ([], [])
    since = last_trade(stand)

    await tell(stand, may=False)
    await locked_flat(stand)

    (lock,) = stand.decided(LockSet)
    assert (lock.lock.rule, lock.lock.kind, lock.lock.scope) == (NAME, LockKind.CONDITION, None)
    assert [one.until for one in stand.report().lockouts] == [None]
    names = [name for name, _ in stand.deeds()]
    assert (names.count(CLOSE), names.count(CANCEL)) == (2, 2)
    assert abs(stand.holdings(OTHER)[MNQ]) == 1
    assert (stand.mutations(OTHER), stand.report(OTHER).locked) == ([], False)
    holds(stand, since=since)


@pytest.mark.parametrize("side", ["buy", "sell"], ids=["long", "short"])
async def test_010_a_poll_locks_where_no_message_came(build: Build, side: str) -> None:
    stand = await build(plan(guard()))
    await at_work(stand, side)
    stand.sim.exchange.account(FIRST).can_trade = False  # and nobody says so
    await stand.price(MNQ, 21000)
    assert not stand.report().locked, "nobody can know yet"

    await poll(stand)
    await locked_flat(stand)

    assert [one.until for one in stand.report().lockouts] == [None]


async def test_010_at_the_start_it_is_judged_by_the_list_of_accounts(build: Build) -> None:
    stand = await build(plan(guard()), idle=True)
    await stand.sim.order(FIRST, MNQ, "sell", 1)
    stand.sim.exchange.account(FIRST).can_trade = False

    await stand.start()
    await locked_flat(stand)

    assert stand.deeds() == [(CLOSE, MNQ)]


async def test_010_a_message_without_the_word_is_no_information(build: Build) -> None:
    stand = await build(plan(guard()))
    await stand.enter("buy", 1, at=21000)
    told = {"id": FIRST, "name": "PRACTICE-1001", "balance": 49_000.0}
    silent: dict[str, object] = {"action": 1, "data": told}

    await stand.sim.do(actions.Message(account=FIRST, target="GatewayUserAccount", data=silent))
    await stand.price(MNQ, 21001)
    await stand.until(lambda: stand.report().unrealized == "2.00", "what came after it")
    assert not stand.report().locked
    await tell(stand, may=False)
    await locked_flat(stand)
    await stand.sim.do(actions.Message(account=FIRST, target="GatewayUserAccount", data=silent))
    let(stand)
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.proven(2)

    assert stand.report().locked, "what was said last still holds"
    assert stand.decided(LockEnded) == []


async def test_010_a_list_that_was_under_way_when_the_hub_said_no_ends_nothing(
    build: Build,
) -> None:
    stand = await build(plan(guard()))
    await stand.enter("buy", 1, at=21000)
    stand.sim.faults.rest(kind="latency", when="after", endpoint="Account/search", seconds=0.5)
    await poll(stand)
    heard = stand.desk.counts.inputs[AccountsRead]

    await tell(stand, may=False)
    await locked_flat(stand)
    await stand.until(lambda: stand.desk.counts.inputs[AccountsRead] > heard, "its answer")

    assert stand.report().locked, "it says what was so before"
    assert stand.decided(LockEnded) == []
    stand.sim.exchange.account(FIRST).can_trade = True
    await poll(stand)
    await stand.until(lambda: stand.decided(LockEnded), "the end, by a list asked for since")


@pytest.mark.parametrize("how", ["message", "poll"])
async def test_010_ends_by_itself_as_soon_as_the_broker_says_so(build: Build, how: str) -> None:
    stand = await build(plan(guard()))
    await at_work(stand)
    await tell(stand, may=False)
    await locked_flat(stand)

    if how == "message":
        await tell(stand, may=True)
    else:
        stand.sim.exchange.account(FIRST).can_trade = True
        await poll(stand)
    await stand.until(lambda: stand.decided(LockEnded), "the end")

    assert not stand.report().locked
    done = len(stand.mutations())
    await stand.enter("sell", 1, at=21000)
    assert stand.holdings() == {MNQ: -1}
    assert len(stand.mutations()) == done


async def test_010_what_is_opened_meanwhile_is_undone(build: Build) -> None:
    stand = await build(plan(guard()))
    await stand.enter("buy", 1, at=21000)
    await tell(stand, may=False)
    await locked_flat(stand)
    let(stand)

    await stand.sim.order(FIRST, MNQ, "sell", 3)
    since = last_trade(stand)
    await stand.proven(2)
    await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))
    await stand.until(lambda: len(stand.decided(LockedAttempt)) == 2, "the second attempt")
    assert stand.report().locked
    await stand.until(lambda: stand.orders() == {}, "its order to be cancelled")

    assert stand.holdings() == {}
    holds(stand, since=since)


async def test_010_a_broker_that_refuses_the_closes_is_told_of_and_tried_again(
    build: Build,
) -> None:
    stand = await build(plan(guard()), untradable_close="refuse")
    await stand.enter("buy", 2, at=21000)
    since = last_trade(stand)

    await tell(stand, may=False)
    await stand.until(lambda: len(stand.calls((CLOSE,))) >= 4, "some attempts")
    assert stand.confirmed() == [], "what the broker holds is not called flat"
    assert stand.holdings() == {MNQ: 2}
    assert stand.report().enforcements[0].state == "failing"
    failing = stand.decided(EnforcementFailing)
    assert "Account rejected" in failing[0].why
    assert stand.report().locked
    tries = len(stand.calls((CLOSE,)))
    await stand.until(lambda: len(stand.calls((CLOSE,))) > tries, "it to be tried on and on")
    assert stand.broker.spent < 100, "a broker that refuses does not eat up the budget"

    await tell(stand, may=True)
    await stand.until(lambda: stand.holdings() == {}, "the close, also after the lock")
    await stand.proven()
    assert not stand.report().locked
    holds(stand, since=since)


@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_010_a_restart_keeps_the_lock_until_the_list_says_otherwise(
    build: Build, how: str
) -> None:
    stand = await build(plan(guard()))
    await stand.enter("buy", 1, at=21000)
    await tell(stand, may=False)
    await locked_flat(stand)
    await stand.until(
        lambda: any(isinstance(one.message, LockSet) for one in stand.journal()), "the disk"
    )
    await (stand.crash() if how == "crash" else stand.stop())
    stand.sim.exchange.account(FIRST).can_trade = True
    await stand.sim.order(FIRST, MNQ, "sell", 1)
    stand.sim.exchange.account(FIRST).can_trade = False

    stand.boot()
    assert stand.report().locked, "before the broker is asked anything"
    await stand.armed()
    await stand.until(lambda: stand.holdings() == {}, "what was opened meanwhile to be closed")
    await stand.until(stand.idle, "the proof")
    assert stand.report().locked
    await (stand.crash() if how == "crash" else stand.stop())
    stand.sim.exchange.account(FIRST).can_trade = True
    await stand.start()

    assert not stand.report().locked, "the list said so"


async def test_010_outlives_the_reset(build: Build) -> None:
    stand = await build(plan(guard()))
    await stand.enter("buy", 1, at=21000)
    await tell(stand, may=False)
    await locked_flat(stand)

    stand.clock.skip(8 * 3600 + 60)
    await stand.until(lambda: stand.decided(DayReset), "the reset")
    await stand.until(stand.idle, "quiet")

    assert stand.report().locked
    assert stand.decided(LockEnded) == []


async def test_010_taken_out_its_lock_ends_with_the_reset_and_no_sooner(build: Build) -> None:
    stand = await build(plan(guard()))
    await tell(stand, may=False)
    await locked_flat(stand)

    without = settings_of(plan(contracts(9)))
    stand.desk.notice(Reconfigure(account_id=FIRST, wanted=without))
    await stand.until(lambda: stand.decided(ConfigurationTaken), "the news")
    await stand.until(stand.idle, "quiet")
    assert stand.report().locked

    stand.clock.skip(8 * 3600 + 60)
    await stand.until(lambda: stand.decided(LockEnded), "the reset to end it")
    assert not stand.report().locked


async def test_010_a_lost_connection_is_an_alarm_and_no_lock(build: Build) -> None:
    stand = await build(plan(guard()))
    await stand.enter("buy", 1, at=21000)

    await stand.sim.do(actions.Revoke())
    stand.sim.faults.rest(kind="status", status=401, endpoint="*", count=8)
    await stand.sim.do(actions.Drop())
    await stand.until(lambda: alarms(stand), "the alarm")

    assert not stand.report().locked
    assert stand.holdings() == {MNQ: 1}
    assert stand.mutations() == []
