"""REST over a bad line: what was asked is found out, and asked again only when that is safe."""

import pytest

from protocol.decisions import AlarmKind, AlarmRaised, EnforcementFailing
from tests.e2e.conftest import Figure
from tests.e2e.invariants import alarms, holds, last_trade
from tests.e2e.stand import CLOSE, FIRST, MES, MNQ, PARTIAL, contracts, plan, realized
from tests.network.conftest import ANSWER_S, SLACK_S, Build, LinedStand


async def about_to_breach(build: Build) -> LinedStand:
    stand = await build(plan(realized(-200), contracts(9)))
    await stand.enter("buy", 2, at=21000)
    await stand.enter("sell", 1, contract=MES, at=6000)
    return stand


async def failed_in_time(stand: LinedStand, figure: Figure, begun: float) -> None:
    """Wait until an attempt is known to have failed: the answer's time is the named one."""
    await stand.until(lambda: stand.decided(EnforcementFailing), "an attempt to count as failed")
    took = stand.seconds() - begun
    figure("detected (s)", took)
    assert took < ANSWER_S + SLACK_S


async def flat(stand: LinedStand, figure: Figure, since: float, trades: int) -> None:
    """Wait until the account is flat and proven so, and check what must hold of the way there."""
    await stand.proven()
    figure("recovered (s)", stand.seconds() - since)
    assert (stand.holdings(), stand.orders()) == ({}, {})
    assert stand.report().locked
    holds(stand, since=trades)


@pytest.mark.fault("rest-half-open")
async def test_connections_that_are_half_open_are_left_behind_one_by_one(
    build: Build, figure: Figure
) -> None:
    stand = await about_to_breach(build)
    trades = last_trade(stand)
    stand.rest.abandon()

    begun = stand.seconds()
    await stand.price(MNQ, 20950)
    await failed_in_time(stand, figure, begun)

    await flat(stand, figure, begun, trades)


@pytest.mark.fault("rest-black-hole")
async def test_a_deed_that_was_given_up_on_is_not_delivered_later(
    build: Build, figure: Figure
) -> None:
    stand = await about_to_breach(build)
    trades = last_trade(stand)
    stand.rest.set(held=["up", "down"])
    begun = stand.seconds()
    await stand.price(MNQ, 20950)
    await failed_in_time(stand, figure, begun)
    assert stand.mutations() == []

    begun = stand.seconds()
    stand.rest.set()

    await flat(stand, figure, begun, trades)
    assert sorted(stand.deeds()) == [(CLOSE, MES), (CLOSE, MNQ)]


@pytest.mark.fault("rest-answers-lost")
async def test_i10_deeds_whose_answers_are_lost_are_done_once(build: Build, figure: Figure) -> None:
    stand = await about_to_breach(build)
    trades = last_trade(stand)
    stand.rest.set(held=["down"])
    begun = stand.seconds()
    await stand.price(MNQ, 20950)
    await failed_in_time(stand, figure, begun)
    assert stand.holdings() == {}
    assert stand.confirmed() == [], "nobody has read that yet"

    begun = stand.seconds()
    stand.rest.set()

    await flat(stand, figure, begun, trades)
    assert sorted(stand.deeds()) == [(CLOSE, MES), (CLOSE, MNQ)]


@pytest.mark.fault("rest-answers-lost")
async def test_i10_a_reduction_whose_answer_is_lost_takes_off_no_more_than_the_excess(
    build: Build, figure: Figure
) -> None:
    stand = await build(plan(contracts(5)))
    stand.rest.set(held=["down"])
    begun = stand.seconds()
    await stand.sim.order(FIRST, MNQ, "sell", 7)
    trades = last_trade(stand)
    await failed_in_time(stand, figure, begun)

    begun = stand.seconds()
    stand.rest.set()
    await stand.proven()

    figure("recovered (s)", stand.seconds() - begun)
    assert stand.holdings() == {MNQ: -5}
    assert stand.deeds() == [(PARTIAL, MNQ)]
    holds(stand, since=trades)


@pytest.mark.fault("rest-refused")
async def test_a_gateway_that_takes_no_connection_is_asked_until_it_does(
    build: Build, figure: Figure
) -> None:
    stand = await about_to_breach(build)
    trades = last_trade(stand)
    stand.rest.set(refuse=True)
    stand.rest.reset()
    begun = stand.seconds()
    await stand.price(MNQ, 20950)
    await failed_in_time(stand, figure, begun)

    begun = stand.seconds()
    stand.rest.set()

    await flat(stand, figure, begun, trades)


@pytest.mark.parametrize("size", [1, 100, 200])
@pytest.mark.fault("rest-cut-short")
async def test_connections_that_break_after_some_bytes_lose_no_breach(
    build: Build, figure: Figure, size: int
) -> None:
    stand = await about_to_breach(build)
    trades = last_trade(stand)
    stand.rest.set(reset_after=size)
    stand.rest.reset()
    begun = stand.seconds()
    await stand.price(MNQ, 20950)
    await failed_in_time(stand, figure, begun)

    begun = stand.seconds()
    stand.rest.set()

    await flat(stand, figure, begun, trades)


@pytest.mark.parametrize("size", [600, 900, 1_300, 2_500])
@pytest.mark.fault("rest-cut-short")
async def test_connections_that_last_for_some_requests_lose_no_breach(
    build: Build, figure: Figure, size: int
) -> None:
    stand = await about_to_breach(build)
    trades = last_trade(stand)
    stand.rest.set(reset_after=size)
    stand.rest.reset()
    before = stand.rest.accepted
    await stand.price(MNQ, 20950)
    await stand.until(lambda: stand.rest.accepted >= before + 4, "some connections")

    begun = stand.seconds()
    stand.rest.set()

    await flat(stand, figure, begun, trades)


@pytest.mark.fault("slow-line")
async def test_a_slow_line_delays_and_alarms_nobody(build: Build, figure: Figure) -> None:
    stand = await about_to_breach(build)
    trades = last_trade(stand)
    stand.weather(latency_s=0.1)
    begun = stand.seconds()

    await stand.price(MNQ, 20950)

    await flat(stand, figure, begun, trades)
    assert alarms(stand) == []
    assert sorted(stand.deeds()) == [(CLOSE, MES), (CLOSE, MNQ)]


@pytest.mark.fault("throttled-line")
async def test_a_throttled_line_delays_and_alarms_nobody(build: Build, figure: Figure) -> None:
    stand = await about_to_breach(build)
    trades = last_trade(stand)
    stand.weather(bytes_per_s=20_000)
    begun = stand.seconds()

    await stand.price(MNQ, 20950)

    await flat(stand, figure, begun, trades)
    assert AlarmKind.HUBS_LOST not in alarms(stand)
    closes = [deed for deed in stand.deeds() if deed[0] == CLOSE]
    assert sorted(closes) == [(CLOSE, MES), (CLOSE, MNQ)]


@pytest.mark.fault("slower-than-patience")
async def test_i10_answers_that_come_when_nobody_waits_any_more_cause_no_second_deed(
    build: Build, figure: Figure
) -> None:
    stand = await about_to_breach(build)
    trades = last_trade(stand)
    stand.rest.set(latency_s=ANSWER_S * 0.6)
    begun = stand.seconds()
    await stand.price(MNQ, 20950)
    await failed_in_time(stand, figure, begun)
    await stand.until(lambda: stand.holdings() == {}, "the deeds to arrive")

    begun = stand.seconds()
    stand.rest.set()

    await flat(stand, figure, begun, trades)
    assert sorted(stand.deeds()) == [(CLOSE, MES), (CLOSE, MNQ)]


async def test_the_date_of_an_answer_that_was_long_under_way_says_nothing_of_the_clocks(
    build: Build,
) -> None:
    stand = await build(plan(contracts(9)))
    answered, polled = stand.desk.counts.wire.answers.total(), len(stand.calls())
    stand.rest.set(held=["down"])
    stand.clock.skip(15)
    await stand.until(
        lambda: len(stand.calls()) > polled and stand.calls()[-1].answered_ns, "a poll's answer"
    )
    stand.clock.skip(3600)
    stand.rest.set()
    await stand.until(lambda: stand.desk.counts.wire.answers.total() > answered, "it to arrive")
    await stand.price(MNQ, 21000)

    assert AlarmKind.CLOCK_SKEW not in {one.kind for one in stand.decided(AlarmRaised)}
