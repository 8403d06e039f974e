"""The hubs over a bad line: a loss is found out in its time, and what was missed is read."""

from typing import Any

import pytest

from protocol.decisions import AccountArmed, AlarmKind
from tests.e2e.conftest import Figure
from tests.e2e.invariants import alarms, holds, last_trade
from tests.e2e.stand import FIRST, MES, MNQ, PARTIAL, contracts, plan, realized
from tests.network.conftest import QUICK, SILENCE_S, Build, LinedStand

POLL_S = 15


async def guarded(build: Build) -> LinedStand:
    stand = await build(plan(contracts(5), realized(-500)))
    await stand.enter("buy", 2, at=21000)
    return stand


async def breach_unheard(stand: LinedStand) -> int:
    """Let the trader take on more than is allowed; return the last trade that is his own."""
    await stand.sim.order(FIRST, MNQ, "buy", 4)
    return last_trade(stand)


async def armed_again(stand: LinedStand) -> None:
    before = len(stand.decided(AccountArmed))
    await stand.until(lambda: len(stand.decided(AccountArmed)) > before, "armed again")


async def reduced(stand: LinedStand, trades: int) -> None:
    """Wait until the breach is undone, and check that it was undone once."""
    await stand.proven()
    assert stand.holdings() == {MNQ: 5}
    assert stand.deeds() == [(PARTIAL, MNQ)]
    await stand.seen()
    holds(stand, since=trades)


@pytest.mark.parametrize("which", ["user", "market", "both"])
@pytest.mark.parametrize("way", ["down", "up", "both"])
@pytest.mark.fault("hub-black-hole")
async def test_a_hub_that_falls_into_a_black_hole_is_found_by_asking(
    build: Build, figure: Figure, which: str, way: str
) -> None:
    stand = await guarded(build)
    hurt = [stand.user, stand.market] if which == "both" else [getattr(stand, which)]
    begun = stand.seconds()
    for line in hurt:
        line.set(held=["up", "down"] if way == "both" else [way])
    trades = await breach_unheard(stand)
    await stand.noticed(SILENCE_S, figure, begun)

    begun = stand.seconds()
    stand.weather()
    await stand.rearmed(figure, begun)

    await reduced(stand, trades)


@pytest.mark.fault("hub-half-open")
async def test_hubs_that_are_half_open_are_replaced(build: Build, figure: Figure) -> None:
    stand = await guarded(build)
    begun = stand.seconds()
    stand.user.abandon()
    trades = await breach_unheard(stand)

    await stand.noticed(SILENCE_S, figure, begun)
    await stand.rearmed(figure, begun)

    await reduced(stand, trades)


@pytest.mark.fault("hub-reset")
async def test_fourteen_drops_in_a_row_miss_no_breach_and_undo_it_once(
    build: Build, figure: Figure
) -> None:
    stand = await guarded(build)
    begun = stand.seconds()
    trades = 0
    for drop in range(14):
        (stand.user if drop % 2 else stand.market).reset()
        if drop == 7:
            trades = await breach_unheard(stand)
        await armed_again(stand)
    figure("recovered (s)", (stand.seconds() - begun) / 14)

    await reduced(stand, trades)
    assert set(alarms(stand)) == {AlarmKind.HUBS_LOST}


@pytest.mark.parametrize("size", [1, 300, 1_200, 3_000, 6_000])
@pytest.mark.fault("hub-cut-short")
async def test_hubs_that_break_after_some_bytes_are_tried_until_they_hold(
    build: Build, figure: Figure, size: int
) -> None:
    stand = await guarded(build)
    for line in (stand.user, stand.market):
        line.set(reset_after=size)
        line.reset()
    begun = stand.seconds()
    trades = await breach_unheard(stand)
    await stand.noticed(SILENCE_S, figure, begun)
    await stand.until(lambda: stand.user.accepted >= 6, "some attempts")

    begun = stand.seconds()
    stand.weather()
    await stand.until(lambda: stand.desk.runtime.states["gateway"].hubs == "open", "open hubs")
    figure("recovered (s)", stand.seconds() - begun)

    await reduced(stand, trades)


@pytest.mark.fault("gateway-gone")
async def test_a_gateway_that_is_gone_for_a_while_is_found_again_with_what_happened_meanwhile(
    build: Build, figure: Figure
) -> None:
    stand = await guarded(build)
    begun = stand.seconds()
    stand.weather(refuse=True)
    for line in stand.lines:
        line.reset()
    trades = await breach_unheard(stand)
    await stand.noticed(SILENCE_S, figure, begun)
    stand.clock.skip(45)

    begun = stand.seconds()
    stand.weather()
    await stand.rearmed(figure, begun)

    await reduced(stand, trades)


@pytest.mark.fault("everything-held")
async def test_a_laptop_without_its_network_notices_and_catches_up(
    build: Build, figure: Figure
) -> None:
    stand = await guarded(build)
    begun = stand.seconds()
    stand.weather(held=["up", "down"])
    trades = await breach_unheard(stand)
    await stand.noticed(SILENCE_S, figure, begun)
    stand.clock.skip(POLL_S)
    await stand.until(lambda: AlarmKind.TRUTH_UNKNOWN in alarms(stand), "truth to be unknown")
    assert stand.mutations() == []

    begun = stand.seconds()
    stand.weather()
    await stand.rearmed(figure, begun)

    await reduced(stand, trades)


@pytest.mark.fault("gateway-frozen")
async def test_a_frozen_gateway_is_noticed_and_what_it_did_meanwhile_is_read(
    build: Build, figure: Figure
) -> None:
    stand = await guarded(build)
    begun = stand.seconds()
    stand.sim.faults.set(frozen=True)
    trades = await breach_unheard(stand)
    await stand.noticed(SILENCE_S, figure, begun)

    begun = stand.seconds()
    stand.sim.faults.set(frozen=False)
    await stand.rearmed(figure, begun)

    await reduced(stand, trades)


@pytest.mark.fault("hub-mute")
async def test_a_hub_that_answers_but_tells_nothing_is_made_up_for_by_the_poll(
    build: Build, figure: Figure
) -> None:
    stand = await guarded(build)
    stand.sim.faults.set(mute_hubs=["user"])
    trades = await breach_unheard(stand)
    begun = stand.seconds()

    stand.clock.skip(POLL_S)
    await stand.proven()

    figure("detected (s)", stand.seconds() - begun)
    await reduced(stand, trades)


@pytest.mark.parametrize("kicks", [5])
@pytest.mark.fault("login-contested")
async def test_a_fight_for_the_login_is_not_fought_but_told(
    build: Build, figure: Figure, kicks: int
) -> None:
    stand = await guarded(build)
    begun = stand.seconds()
    for kick in range(kicks):
        if kick:
            await armed_again(stand)
        stand.sim.faults.log_out("user")
        await stand.until(lambda: stand.desk.runtime.states["gateway"].hubs == "lost", "the loss")

    await stand.until(lambda: AlarmKind.LOGIN_CONTESTED in alarms(stand), "the alarm")
    figure("detected (s)", stand.seconds() - begun)
    assert len(stand.calls(("Auth/loginKey",))) == 4, "one to begin with, three given way to"
    (said,) = [one.why for one in fights(stand)]
    assert "another session fights for this login" in said

    trades = await breach_unheard(stand)  # REST goes on with the token it has
    stand.clock.skip(POLL_S)
    await reduced(stand, trades)
    assert len(stand.calls(("Auth/loginKey",))) == 4
    await stand.until(lambda: stand.desk.runtime.states["gateway"].hubs == "open", "open hubs")
    await peace(stand)


def fights(stand: LinedStand) -> list[Any]:
    found: list[Any] = [one.decision for one in stand.told]
    return [
        one for one in found if getattr(one, "kind", None) is AlarmKind.LOGIN_CONTESTED
        and hasattr(one, "why")
    ]  # fmt: skip


async def peace(stand: LinedStand) -> None:
    """Wait until hubs that stay open end the alarm."""
    stand.clock.skip(61)

    def over() -> bool:
        return not any("login_contested" in one for one in stand.report_of_desk())

    await stand.until(over, "the alarm to be cleared")


def test_the_times_of_these_tests_are_real_lifes_made_short() -> None:
    assert QUICK.logout_pause < QUICK.logout_pause_max
    assert QUICK.ping_every + QUICK.ping_answer == SILENCE_S


async def test_quotes_come_again_after_the_market_hub_was_cut(build: Build) -> None:
    stand = await guarded(build)
    await stand.enter("sell", 1, contract=MES, at=6000)
    stand.market.reset()
    await stand.until(lambda: len(stand.decided(AccountArmed)) == 2, "armed again")

    await stand.until(lambda: stand.watched(MNQ) and stand.watched(MES), "the quotes")
    await stand.price(MNQ, 20800)
    await stand.proven()

    assert stand.holdings() == {}
