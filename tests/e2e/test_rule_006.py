"""RULE-006, from the trade on the wire to the lock, and what a cooldown lets stand."""

from decimal import Decimal

import pytest

from actors.rules import trade_frequency_limit
from actors.rules.trade_frequency_limit import When
from protocol.decisions import LockedAttempt, LockEnded, LockSet
from protocol.lockouts import LockKind
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import CANCEL, FIRST, MES, MNQ, PARTIAL, Rules, Stand, plan

RULE = "trade_frequency_limit"


def frequency(**keys: object) -> Rules:
    return trade_frequency_limit.NAME, trade_frequency_limit.Params(**keys)  # type: ignore[arg-type]


async def too_many(stand: Stand) -> None:
    """Enter three times where two are allowed, and wait for the lock."""
    for _ in range(3):
        await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.decided(LockSet), "the cooldown")
    await stand.seen()


def reductions(stand: Stand) -> list[tuple[str, object]]:
    """Return what was closed: the order behind it may have been seen in time to be cancelled."""
    return [deed for deed in stand.deeds() if deed[0] != CANCEL]


async def passed(stand: Stand, seconds: float) -> None:
    """Let time pass, and have something happen so that the desk looks at its clock."""
    stand.clock.skip(seconds)
    await stand.price(MNQ, 21000)


async def test_006_locks_and_lets_positions_stops_and_exits_stand(build: Build) -> None:
    stand = await build(plan(frequency(per_minute=2)))
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    stop = await stand.sim.order(FIRST, MNQ, "sell", 1, type="stop", stop=Decimal(20900))
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.seen()
    assert not stand.report().locked, "the limit itself is allowed"
    entry = await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))

    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.report().locked, "the cooldown")
    await stand.until(lambda: set(stand.orders()) == {stop}, "the entry to be cancelled")
    await stand.until(stand.idle, "the proof")

    (lock,) = stand.decided(LockSet)
    assert (lock.lock.rule, lock.lock.kind, lock.lock.scope) == (RULE, LockKind.COOLDOWN, None)
    assert lock.lock.reason == "3 entries in 60 s are more than 2: cool down for 1m"
    trade = max(one.at for one in stand.state().view.fills)
    assert lock.lock.until == trade + 60_000_000_000, "a minute from the trade that was too many"
    assert stand.holdings() == {MNQ: 3}
    assert stand.deeds() == [(CANCEL, entry)]


async def test_006_what_is_added_goes_and_exits_lower_what_may_stay(build: Build) -> None:
    stand = await build(plan(frequency(per_minute=2)))
    await too_many(stand)
    since = last_trade(stand) + 1

    await stand.sim.order(FIRST, MNQ, "buy", 2)
    await stand.proven()
    assert stand.holdings() == {MNQ: 3}
    assert reductions(stand) == [(PARTIAL, MNQ)]
    await stand.sim.close(FIRST, MNQ, 2)
    await stand.seen()
    assert stand.holdings() == {MNQ: 1}
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.proven(2)
    assert stand.holdings() == {MNQ: 1}, "what was sold cannot be bought back"
    await stand.sim.order(FIRST, MES, "sell", 1)
    await stand.proven(3)

    assert stand.holdings() == {MNQ: 1}
    assert len(stand.decided(LockedAttempt)) == 3
    assert len(stand.decided(LockSet)) == 1, "no attempt makes it longer"
    assert since


async def test_006_the_cooldown_ends_by_itself_and_trading_goes_on(build: Build) -> None:
    stand = await build(plan(frequency(per_minute=2)))
    await too_many(stand)
    await passed(stand, 58)
    assert stand.report().locked

    await passed(stand, 3)
    await stand.until(lambda: stand.decided(LockEnded), "the end")
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.seen()
    await stand.until(lambda: stand.used(RULE) == "1 in 60 s", "the entry to be counted")

    assert not stand.report().locked
    assert stand.holdings() == {MNQ: 4}
    assert stand.mutations() == []


async def test_006_of_several_windows_the_latest_end_holds(build: Build) -> None:
    stand = await build(plan(frequency(per_minute=2, per_hour=2, per_session=9)))
    await too_many(stand)

    (lock,) = stand.decided(LockSet)
    assert lock.lock.until == max(one.at for one in stand.state().view.fills) + 1800 * 10**9


@pytest.mark.parametrize(
    "streams",
    [
        ["trade", "position", "order"],
        ["position", "trade", "order"],
        ["order", "trade", "position"],
    ],
    ids="-".join,
)
@pytest.mark.parametrize("copies", [1, 3])
async def test_006_i16_the_position_that_was_too_many_stays_whichever_came_first(
    build: Build, streams: list[str], copies: int
) -> None:
    stand = await build(
        plan(frequency(per_minute=1, trigger=When.REACH)), order_of_streams=streams, copies=copies
    )
    await stand.sim.order(FIRST, MNQ, "buy", 2)
    await stand.until(lambda: stand.report().locked, "the cooldown")
    await stand.seen()
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.proven()

    assert stand.holdings() == {MNQ: 2}
    assert reductions(stand) == [(PARTIAL, MNQ)]


async def test_006_partial_fills_of_an_order_count_once(build: Build) -> None:
    stand = await build(plan(frequency(per_minute=2)), fill_chunk_max=1)

    await stand.sim.order(FIRST, MNQ, "buy", 3)
    await stand.sim.order(FIRST, MNQ, "buy", 2)
    await stand.until(lambda: stand.holdings() == {MNQ: 5}, "all fills")
    await stand.seen()
    await stand.until(lambda: len(stand.state().view.fills) == 5, "all trades")

    assert stand.used(RULE) == "2 in 60 s"
    assert not stand.report().locked


async def test_006_with_flatten_all_is_closed(build: Build) -> None:
    stand = await build(plan(frequency(per_minute=2, flatten=True)))
    await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    since = last_trade(stand)
    await stand.sim.order(FIRST, MES, "sell", 1)
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.proven()

    assert (stand.holdings(), stand.orders()) == ({}, {})
    assert stand.report().locked
    assert since


@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_006_lesson_65_a_restart_keeps_cooldown_counts_and_what_may_stay(
    build: Build, how: str
) -> None:
    stand = await build(plan(frequency(per_minute=2, per_session=3)))
    await too_many(stand)
    locks = stand.report().lockouts
    await stand.until(
        lambda: any(isinstance(one.message, LockSet) for one in stand.journal()), "the disk"
    )
    await (stand.crash() if how == "crash" else stand.stop())
    await stand.sim.order(FIRST, MNQ, "buy", 1)

    await stand.start()
    await stand.proven()

    assert stand.holdings() == {MNQ: 3}, "what was added meanwhile is taken back"
    kinds = {one.kind for one in stand.state().locks}
    assert kinds == {LockKind.COOLDOWN}
    assert stand.used(RULE) == "4 in 60 s, 4 in the session"
    assert locks[0].rule == RULE


@pytest.mark.parametrize("how", ["crash", "gap"])
async def test_006_what_was_left_and_entered_again_while_nobody_heard_goes(
    build: Build, how: str
) -> None:
    stand = await build(plan(frequency(per_minute=2)))
    await too_many(stand)
    await stand.until(lambda: stand.state().kept.lives, "what may stay")
    if how == "crash":
        await stand.crash()
    else:
        stand.sim.faults.set(refuse_hubs=["user"])
        stand.sim.faults.drop("user")
        await stand.until(lambda: stand.state().feed.deaf, "the gap")
    await stand.sim.close(FIRST, MNQ, 3)
    await stand.sim.order(FIRST, MNQ, "buy", 3)

    if how == "crash":
        await stand.start()
    else:
        stand.sim.faults.set(refuse_hubs=[])
    await stand.proven()

    assert stand.holdings() == {}
    assert stand.report().locked


async def test_006_lesson_67_a_cooldown_goes_on_over_the_reset(build: Build) -> None:
    stand = await build(plan(frequency(per_session=2)))
    stand.clock.skip(8 * 3600 - 600)  # ten minutes before the reset
    await too_many(stand)

    await passed(stand, 1200)
    await stand.until(lambda: stand.used(RULE) == "0 in the session", "the new day")

    assert stand.report().locked
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.proven()
    assert stand.holdings() == {MNQ: 3}
    await passed(stand, 3600)
    await stand.until(lambda: stand.decided(LockEnded), "the end")
    assert stand.used(RULE) == "1 in the session"
    holds(stand, since=last_trade(stand))
