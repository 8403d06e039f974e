"""RULE-007, from the closing on the wire to the cooldown, and what may be done meanwhile."""

from decimal import Decimal
from typing import Any

import pytest

from actors.model.round_trips import Basis
from actors.rules.cooldown_after_loss import NAME, Params
from protocol.decisions import LockedAttempt, LockEnded, LockSet
from protocol.lockouts import LockKind
from protocol.units import SECOND, Nanos
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import CANCEL, FIRST, MES, MNQ, Rules, Stand, plan, realized

DAY = "daily_realized_loss"
SIDES = [pytest.param("buy", -1, id="long"), pytest.param("sell", +1, id="short")]
FREE = {"fees_per_side": Decimal(0)}


def cooldown(**keys: Any) -> Rules:
    return NAME, Params(**keys)


async def lose(stand: Stand, points: int | str, side: str = "buy", against: int = -1) -> None:
    """Lose so many points with two MNQ, which are $4 each, and get out."""
    await stand.enter(side, 2, at=21000)
    await stand.price(MNQ, str(21000 + against * Decimal(points)))
    await stand.sim.close(FIRST, MNQ)
    await stand.seen()


async def cooling(stand: Stand) -> None:
    await stand.until(lambda: stand.decided(LockSet), "the cooldown")
    await stand.until(stand.idle, "the proof")


async def passed(stand: Stand, seconds: float) -> None:
    """Let time pass, and have something happen so that the desk looks at its clock."""
    stand.clock.skip(seconds)
    await stand.price(MNQ, 21000)


def last_fill(stand: Stand) -> Nanos:
    """Return when the last trade was."""
    return max(one.at for one in stand.state().view.fills)


def length(stand: Stand) -> float:
    """Return how many minutes from the closing the last lock set is to last."""
    until = stand.decided(LockSet)[-1].lock.until
    assert until is not None
    return (until - last_fill(stand)) / (60 * SECOND)


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_007_does_nothing_a_tick_short_of_the_smallest_tier(
    build: Build, side: str, against: int
) -> None:
    stand = await build(plan(cooldown()), **FREE)

    await lose(stand, "24.75", side, against)
    await stand.until(lambda: stand.used(NAME) == "-99.00", "the closing to be judged")

    assert not stand.report().locked
    assert (stand.requested(), stand.mutations()) == ([], [])


@pytest.mark.parametrize(("side", "against"), SIDES)
@pytest.mark.parametrize(
    ("points", "minutes"),
    [("25", 5), ("49.75", 5), ("50", 15), ("74.75", 15), ("75", 30), ("500", 30)],
)
async def test_007_the_largest_tier_that_is_met_says_how_long(
    build: Build, side: str, against: int, points: str, minutes: int
) -> None:
    stand = await build(plan(cooldown()), **FREE)

    await lose(stand, points, side, against)
    await cooling(stand)

    (lock,) = stand.decided(LockSet)
    assert (lock.lock.rule, lock.lock.kind, lock.lock.scope) == (NAME, LockKind.COOLDOWN, None)
    assert length(stand) == minutes


async def test_007_counts_the_costs_of_a_closing(build: Build) -> None:
    stand = await build(plan(cooldown(tiers={"5m": Decimal("-100.48")})))

    await lose(stand, "24.75")  # 99.00, and 1.48 for four half-turns
    await cooling(stand)

    assert length(stand) == 5


async def test_007_closes_everything_and_what_is_opened_meanwhile(build: Build) -> None:
    stand = await build(plan(cooldown()), **FREE)
    await stand.enter("sell", 1, contract=MES, at=6000)
    await stand.sim.order(FIRST, MES, "buy", 1, type="stop", stop=Decimal(6020))
    await stand.sim.order(FIRST, MNQ, "buy", 1, type="limit", limit=Decimal(20000))
    await lose_without_looking(stand)
    await cooling(stand)
    await stand.proven()
    assert (stand.holdings(), stand.orders()) == ({}, {})

    await stand.sim.order(FIRST, MNQ, "sell", 3)
    since = last_trade(stand)
    await stand.proven(2)

    assert stand.holdings() == {}
    assert len(stand.decided(LockedAttempt)) == 1
    assert len(stand.decided(LockSet)) == 1, "no attempt makes it longer"
    holds(stand, since=since)


async def lose_without_looking(stand: Stand) -> None:
    """Lose 25 points with two MNQ while other things are held."""
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20975)
    await stand.sim.close(FIRST, MNQ)


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_007_without_flatten_what_is_held_stays_and_cannot_grow(
    build: Build, side: str, against: int
) -> None:
    stand = await build(plan(cooldown(flatten=False)), **FREE)
    await stand.enter(side, 2, contract=MES, at=6000)
    exit_side = "sell" if side == "buy" else "buy"
    stop = await stand.sim.order(
        FIRST, MES, exit_side, 2, type="stop", stop=Decimal(6000 + against * 20)
    )
    await lose(stand, "25", side, against)
    await cooling(stand)

    await stand.sim.order(FIRST, MES, side, 1)
    since = last_trade(stand)
    await stand.proven()

    assert stand.holdings() == {MES: -2 * against}
    assert list(stand.orders()) == [stop]
    await stand.sim.close(FIRST, MES, 1)
    await stand.seen()
    assert stand.holdings() == {MES: -against}, "who gets out is never held up"
    holds(stand, since=since)


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_007_a_position_that_was_scaled_out_of_is_judged_once_it_is_flat(
    build: Build, side: str, against: int
) -> None:
    stand = await build(plan(cooldown()), **FREE)
    await stand.enter(side, 4, at=21000)
    await stand.price(MNQ, 21000 + against * 30)

    await stand.sim.close(FIRST, MNQ, 2)  # -120.00, which is half of the whole
    await stand.until(lambda: stand.report().realized == "-120.00", "the half to be booked")
    assert not stand.report().locked
    await stand.price(MNQ, str(21000 - against * Decimal("5.25")))
    await stand.sim.close(FIRST, MNQ)  # +21.00, and the whole is a dollar short of the tier
    await stand.until(lambda: stand.used(NAME) == "-99.00", "the whole to be judged")

    assert (stand.report().locked, stand.requested()) == (False, [])


@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_007_by_order_each_part_is_judged_by_itself(
    build: Build, side: str, against: int
) -> None:
    stand = await build(plan(cooldown(basis=Basis.ORDER, flatten=False)), **FREE)
    await stand.enter(side, 4, at=21000)

    await stand.price(MNQ, str(21000 + against * Decimal("24.75")))
    await stand.sim.close(FIRST, MNQ, 2)
    await stand.until(lambda: stand.used(NAME) == "-99.00", "the first part to be judged")
    assert not stand.report().locked
    await stand.price(MNQ, 21000 + against * 25)
    await stand.sim.close(FIRST, MNQ, 2)
    await cooling(stand)

    assert length(stand) == 5


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize(("side", "against"), SIDES)
async def test_007_partial_fills_of_a_closing_add_up_and_count_once(
    build: Build, basis: Basis, side: str, against: int
) -> None:
    stand = await build(plan(cooldown(basis=basis)), **FREE)
    await stand.enter(side, 4, at=21000)
    await stand.price(MNQ, str(21000 + against * Decimal("12.50")))

    exit_side = "sell" if side == "buy" else "buy"
    await stand.sim.order(FIRST, MNQ, exit_side, 4, chunks=[1, 2, 1])  # 25.00, 50.00, 25.00
    await cooling(stand)

    (lock,) = stand.decided(LockSet)
    assert "made -100.00, at or below -100.00: cool down for 5m" in lock.lock.reason
    assert length(stand) == 5
    assert stand.holdings() == {}


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize(
    "streams", [["trade", "position", "order"], ["position", "order", "trade"]], ids="-".join
)
async def test_007_i16_partial_fills_in_any_order_and_number_of_copies_are_one_closing(
    build: Build, streams: list[str], copies: int
) -> None:
    stand = await build(
        plan(cooldown()), order_of_streams=streams, copies=copies, fill_chunk_max=1, **FREE
    )

    await lose(stand, "49.75")
    await cooling(stand)
    await stand.until(lambda: stand.report().realized == "-199.00", "all parts to be booked")
    await stand.until(lambda: stand.used(NAME) == "-199.00", "the whole to be judged")

    assert len(stand.decided(LockSet)) == 1, "twice -199.00 were fifteen minutes"
    assert length(stand) == 5


async def test_007_only_a_bigger_loss_makes_it_longer(build: Build) -> None:
    stand = await build(plan(cooldown(flatten=False)), **FREE)
    await stand.enter("buy", 2, contract=MES, at=6000)
    await stand.enter("sell", 1, at=21000)
    await stand.price(MNQ, 21060)
    await stand.sim.close(FIRST, MNQ)  # -120.00
    await cooling(stand)
    assert length(stand) == 5
    first = stand.decided(LockSet)[0].lock.until

    await stand.price(MES, 5988)
    await stand.sim.close(FIRST, MES, 1)  # -60.00 of it are of no account until it is flat
    await stand.price(MES, 5970)
    await stand.sim.close(FIRST, MES)  # -210.00 in whole
    await stand.until(lambda: len(stand.decided(LockSet)) == 2, "the longer cooldown")

    assert length(stand) == 15
    assert stand.report().lockouts[-1].reason.startswith(f"a round trip of {MES} made -210.00")
    assert first is not None
    assert first < (stand.decided(LockSet)[1].lock.until or 0)


async def test_007_the_cooldown_ends_by_itself_and_the_next_loss_begins_another(
    build: Build,
) -> None:
    stand = await build(plan(cooldown()), **FREE)
    await lose(stand, 25)
    await cooling(stand)
    await passed(stand, 5 * 60 - 30)
    assert stand.report().locked

    await passed(stand, 31)
    await stand.until(lambda: stand.decided(LockEnded), "the end")
    assert not stand.report().locked
    await lose(stand, 25)
    await stand.until(lambda: len(stand.decided(LockSet)) == 2, "the next cooldown")

    assert length(stand) == 5


@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_007_lesson_65_a_restart_keeps_the_cooldown_and_its_end(
    build: Build, how: str
) -> None:
    stand = await build(plan(cooldown()), **FREE)
    await lose(stand, 50)
    await cooling(stand)
    before = stand.report().lockouts
    await stand.until(
        lambda: any(isinstance(one.message, LockSet) for one in stand.journal()), "the disk"
    )
    await (stand.crash() if how == "crash" else stand.stop())
    stand.clock.skip(60)
    await stand.sim.order(FIRST, MNQ, "buy", 1)

    stand.boot()
    assert [one.until for one in stand.report().lockouts] == [one.until for one in before]
    await stand.armed()
    await stand.until(lambda: stand.holdings() == {}, "what was opened meanwhile to be closed")
    await stand.until(stand.idle, "the proof")

    assert [one.until for one in stand.report().lockouts] == [one.until for one in before]
    await passed(stand, 14 * 60 + 1)
    await stand.until(lambda: stand.decided(LockEnded), "the end")
    assert not stand.report().locked, "the same closing begins no second one"


@pytest.mark.parametrize("how", ["at the desk", "while nobody looked"])
async def test_007_a_loss_is_judged_wherever_it_was_seen(build: Build, how: str) -> None:
    stand = await build(plan(cooldown()), **FREE)
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20975)
    if how != "at the desk":
        await stand.crash()
    await stand.sim.close(FIRST, MNQ)
    if how != "at the desk":
        stand.clock.skip(60)
        await stand.start()

    await cooling(stand)

    assert stand.report().locked
    assert length(stand) == 5, "from the closing, not from the start"


async def test_007_during_a_hard_lock_each_ends_by_itself(build: Build) -> None:
    stand = await build(plan(cooldown(), realized(-200)), **FREE)
    await lose(stand, 50)
    await stand.until(lambda: len(stand.report().lockouts) == 2, "both locks")
    await stand.until(stand.idle, "the proof")
    ends = {one.rule: one.until for one in stand.report().lockouts}
    assert ends[DAY] == "2026-11-18T23:00:00.000Z"

    await stand.sim.order(FIRST, MES, "buy", 1, type="limit", limit=Decimal(5900))
    await stand.until(lambda: stand.orders() == {}, "the attempt to be undone")
    await passed(stand, 15 * 60 + 1)
    await stand.until(lambda: stand.decided(LockEnded), "the cooldown's end")

    assert [one.rule for one in stand.report().lockouts] == [DAY], "the hard lock stays"
    assert stand.report().locked
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.holdings() == {}, "the attempt to be closed")
    assert CANCEL in {name for name, _ in stand.deeds()}


async def test_007_a_loss_booked_while_locked_begins_a_cooldown_of_its_own(build: Build) -> None:
    stand = await build(plan(cooldown(tiers={"10h": Decimal(-100)}), realized(-50)), **FREE)
    await stand.enter("buy", 2, at=21000)

    await stand.price(MNQ, 20970)  # 003 closes at -120.00, which is a loss for 007
    await stand.until(lambda: len(stand.report().lockouts) == 2, "both locks")
    await stand.until(stand.idle, "the proof")
    assert stand.holdings() == {}
    assert stand.report().realized == "-120.00"
    await passed(stand, 8 * 3600 + 60)
    await stand.until(lambda: stand.decided(LockEnded), "the reset")

    assert [one.rule for one in stand.report().lockouts] == [NAME], "it goes on over the reset"
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.holdings() == {}, "the attempt to be closed")
