"""RULE-011, from a position or order in a blocked product to the lock over that product."""

from decimal import Decimal

import pytest

from actors.plan import settings_of
from actors.rules.symbol_blocks import NAME, Params
from protocol.decisions import DayReset, LockedAttempt, LockEnded, LockSet
from protocol.lockouts import LockKind
from protocol.settings import Reconfigure
from protocol.units import ContractId
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import (
    CANCEL,
    CLOSE,
    ES,
    FIRST,
    GOLD,
    MES,
    MNQ,
    NQ,
    RTY,
    Rules,
    Stand,
    contracts,
    plan,
)

SIDES = [pytest.param("buy", 1, id="long"), pytest.param("sell", -1, id="short")]


def blocked(*symbols: str) -> Rules:
    return NAME, Params(symbols=symbols)


def locks(stand: Stand) -> list[tuple[str, str | None]]:
    return [(one.scope, one.until) for one in stand.report().lockouts]


def closes(stand: Stand) -> list[tuple[str, object]]:
    """Return what was closed: the order behind it may have been seen in time to be cancelled."""
    return [deed for deed in stand.deeds() if deed[0] != CANCEL]


def attempts(stand: Stand) -> int:
    """Return how often something was tried while locked, in all."""
    return len(stand.decided(LockedAttempt))


def reconfigure(stand: Stand, *rules: Rules) -> None:
    """Ask the account for other rules, as a reload does."""
    stand.desk.notice(Reconfigure(account_id=FIRST, wanted=settings_of(plan(*rules))))


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_011_closes_and_locks_its_product_and_leaves_the_others_alone(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(blocked("MNQ")))
    exit_side = "sell" if side == "buy" else "buy"
    far = Decimal(6000 - sign * 50)
    await stand.enter(side, 2, contract=MES, at=6000)
    stop = await stand.sim.order(FIRST, MES, exit_side, 2, type="stop", stop=far)
    entry = await stand.sim.order(FIRST, NQ, side, 1, type="limit", limit=21000 - sign * 500)
    await stand.seen()
    assert (stand.requested(), stand.mutations()) == ([], [])

    await stand.sim.order(FIRST, MNQ, side, 1)
    since = last_trade(stand)
    await stand.proven()

    assert stand.holdings() == {MES: 2 * sign}
    assert set(stand.orders()) == {stop, entry}
    assert closes(stand) == [(CLOSE, MNQ)]
    (lock,) = stand.decided(LockSet)
    assert (lock.lock.rule, lock.lock.kind, lock.lock.scope) == (NAME, LockKind.SYMBOL, "MNQ")
    assert locks(stand) == [("MNQ", None)]
    holds(stand, since=since)


@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_011_a_working_order_alone_is_cancelled_and_locks(build: Build, side: str) -> None:
    stand = await build(plan(blocked("MNQ")))
    price = 20000 if side == "buy" else 22000

    order = await stand.sim.order(FIRST, MNQ, side, 1, type="limit", limit=Decimal(price))
    await stand.proven()

    assert (stand.orders(), stand.deeds()) == ({}, [(CANCEL, order)])
    assert locks(stand) == [("MNQ", None)]


@pytest.mark.parametrize(
    ("pattern", "covers", "spares"),
    [
        pytest.param("ES", [ES], [MES, NQ], id="the exchange's name"),
        pytest.param("ep", [ES], [MES, NQ], id="the broker's name, in small letters"),
        pytest.param("NQ", [NQ], [MNQ, ES], id="NQ"),
        pytest.param("enq", [NQ], [MNQ, ES], id="ENQ"),
        pytest.param("M*", [MNQ, MES], [NQ, ES, RTY], id="all micros"),
        pytest.param("*NQ", [MNQ, NQ], [ES, MES], id="ends with"),
        pytest.param("E*", [ES, NQ], [MNQ, RTY], id="any of its names"),
        pytest.param("m*q", [MNQ], [MES, NQ], id="begins and ends with"),
        pytest.param("*", [MNQ, ES, GOLD], [], id="everything"),
    ],
)
async def test_011_a_name_or_pattern_covers_these_and_spares_those(
    build: Build, pattern: str, covers: list[ContractId], spares: list[ContractId]
) -> None:
    stand = await build(plan(blocked(pattern)), idle=True)
    for contract in (*covers, *spares):
        await stand.sim.order(FIRST, contract, "sell", 1)

    await stand.start()
    await stand.proven()

    assert stand.holdings() == dict.fromkeys(spares, -1)
    assert sorted(stand.deeds()) == sorted((CLOSE, one) for one in covers)
    assert len(stand.decided(LockSet)) == 1, "one lock for each name or pattern"


async def test_011_covers_every_expiry(build: Build) -> None:
    stand = await build(plan(blocked("MNQ")))
    march = await stand.add_contract("MNQ", "H27", 21100)

    await stand.sim.order(FIRST, march, "buy", 2)
    await stand.proven()

    assert (stand.holdings(), closes(stand)) == ({}, [(CLOSE, march)])


@pytest.mark.parametrize(("side", "sign"), SIDES)
async def test_011_while_locked_it_is_undone_again_and_counted(
    build: Build, side: str, sign: int
) -> None:
    stand = await build(plan(blocked("MNQ"), contracts(9)))
    await stand.sim.order(FIRST, MNQ, side, 1)
    await stand.proven()
    before = attempts(stand)  # the order told of it, and its own fill came when all was locked

    for number in (1, 2):
        await stand.sim.order(FIRST, MNQ, side, 3)
        await stand.proven(1 + number)
    await stand.enter(side, 4, contract=MES, at=6000)

    assert stand.holdings() == {MES: 4 * sign}
    assert attempts(stand) == before + 2
    assert len(stand.decided(LockSet)) == 1
    assert closes(stand) == [(CLOSE, MNQ)] * 3


@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_011_a_restart_keeps_the_lock_and_closes_what_was_opened_meanwhile(
    build: Build, how: str
) -> None:
    stand = await build(plan(blocked("MNQ")))
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.proven()
    await stand.until(
        lambda: any(isinstance(one.message, LockSet) for one in stand.journal()), "the disk"
    )
    await (stand.crash() if how == "crash" else stand.stop())
    await stand.sim.order(FIRST, MNQ, "sell", 2)
    await stand.sim.order(FIRST, MES, "buy", 1)

    stand.boot()
    assert locks(stand) == [("MNQ", None)], "before the broker is asked anything"
    await stand.armed()
    await stand.until(lambda: stand.holdings() == {MES: 1}, "just its product to be closed")
    await stand.until(stand.idle, "the proof")

    assert locks(stand) == [("MNQ", None)]


async def test_011_outlives_the_reset(build: Build) -> None:
    stand = await build(plan(blocked("MNQ")))
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.proven()

    stand.clock.skip(8 * 3600 + 60)
    await stand.until(lambda: stand.decided(DayReset), "the reset")

    assert locks(stand) == [("MNQ", None)]


async def test_011_the_lock_follows_the_configuration_at_the_next_reset(build: Build) -> None:
    stand = await build(plan(blocked("MNQ", "ES"), contracts(9)))
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.sim.order(FIRST, ES, "buy", 1)
    await stand.until(lambda: len(stand.decided(LockSet)) == 2, "both locks")
    await stand.until(stand.idle, "the proof")

    before = attempts(stand)
    reconfigure(stand, blocked("ES"), contracts(9))
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: attempts(stand) == before + 1, "the attempt")
    await stand.until(lambda: stand.holdings() == {}, "it to be closed: loosening waits")
    await stand.until(stand.idle, "the proof")
    assert sorted(one for one, _ in locks(stand)) == ["ES", "MNQ"]
    stand.clock.skip(8 * 3600 + 60)
    await stand.until(lambda: stand.decided(LockEnded), "the reset to end it")

    assert locks(stand) == [("ES", None)]
    await stand.enter("buy", 1, at=21000)
    await stand.sim.order(FIRST, ES, "buy", 1)
    await stand.until(lambda: attempts(stand) == before + 2, "the attempt in the other")
    await stand.until(lambda: stand.holdings() == {MNQ: 1}, "just that to be closed")


async def test_011_a_block_that_is_added_holds_at_once(build: Build) -> None:
    stand = await build(plan(blocked("ES")))
    await stand.enter("sell", 2, at=21000)
    await stand.enter("sell", 1, contract=MES, at=6000)

    reconfigure(stand, blocked("ES", "MNQ"))
    await stand.proven()

    assert stand.holdings() == {MES: -1}
    assert locks(stand) == [("MNQ", None)]
