"""A Gateway that answers everything with no: storms of 503 and 429, and tokens that are no more."""

import asyncio

import pytest

from protocol.decisions import EnforcementFailing
from tests.e2e.conftest import Figure
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import CLOSE, FIRST, MES, MNQ, contracts, plan, realized
from tests.network.conftest import Build, LinedStand

STORM_S = 1.2


async def long_and_short(build: Build, **options: object) -> tuple[LinedStand, int]:
    stand = await build(plan(realized(-200), contracts(9)), **options)
    await stand.enter("buy", 2, at=21000)
    await stand.enter("sell", 1, contract=MES, at=6000)
    return stand, last_trade(stand)


async def flat(stand: LinedStand, figure: Figure, begun: float, trades: int) -> None:
    await stand.proven()
    figure("recovered (s)", stand.seconds() - begun)
    assert (stand.holdings(), stand.orders()) == ({}, {})
    assert stand.report().locked
    holds(stand, since=trades)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.fault("status-storm")
async def test_a_storm_of_errors_ends_flat_and_proven(
    build: Build, figure: Figure, status: int, when: str
) -> None:
    stand, trades = await long_and_short(build)
    storm = stand.sim.faults.rest(kind="status", status=status, when=when, count=None)
    begun = stand.seconds()
    await stand.price(MNQ, 20950)
    await stand.until(lambda: stand.decided(EnforcementFailing), "an attempt to count as failed")
    figure("detected (s)", stand.seconds() - begun)
    await asyncio.sleep(STORM_S)
    assert stand.confirmed() == []

    storm.count = 0
    begun = stand.seconds()

    await flat(stand, figure, begun, trades)
    if when == "after":
        assert sorted(stand.deeds()) == [(CLOSE, MES), (CLOSE, MNQ)], "done once, whatever was said"


@pytest.mark.fault("token-expired")
async def test_lesson_20_a_token_that_runs_out_in_the_middle_of_a_flatten(
    build: Build, figure: Figure
) -> None:
    stand, trades = await long_and_short(build)
    stand.sim.faults.rest(kind="latency", seconds=0.2, endpoint=CLOSE, when="after")
    begun = stand.seconds()
    await stand.price(MNQ, 20950)
    await stand.until(stand.mutations, "the first deed")
    stand.sim.faults.expire_tokens()

    await flat(stand, figure, begun, trades)


@pytest.mark.fault("token-revoked")
async def test_a_token_revoked_again_and_again_costs_few_logins_and_no_breach(
    build: Build, figure: Figure
) -> None:
    stand, trades = await long_and_short(build)
    begun = stand.seconds()
    await stand.price(MNQ, 20950)
    for _ in range(3):
        stand.sim.faults.revoke_tokens()
        await asyncio.sleep(0.3)

    await flat(stand, figure, begun, trades)
    assert len(stand.calls(("Auth/loginKey",))) <= 8


@pytest.mark.fault("token-expired")
async def test_lesson_20_tokens_of_a_short_life_are_renewed_without_a_refused_call(
    build: Build, figure: Figure
) -> None:
    stand, trades = await long_and_short(build, token_ttl_s=8)
    begun = stand.seconds()
    await stand.until(lambda: len(stand.calls(("Auth/loginKey",))) >= 2, "a new token")
    await stand.rearmed(figure, begun)

    await stand.until(lambda: stand.watched(MNQ), "the quotes")
    await stand.price(MNQ, 20950)
    await flat(stand, figure, stand.seconds(), trades)
    assert 401 not in {call.status for call in stand.calls()}


@pytest.mark.fault("login-refused-for-a-while")
async def test_logins_that_fail_for_a_while_keep_no_account_from_its_flatten(
    build: Build, figure: Figure
) -> None:
    stand, trades = await long_and_short(build)
    login = stand.sim.faults.rest(kind="status", status=503, endpoint="Auth/loginKey", count=None)
    stand.sim.faults.revoke_tokens()
    await stand.price(MNQ, 20950)
    await stand.until(lambda: len(stand.calls(("Auth/loginKey",))) >= 4, "some logins")
    assert stand.holdings() == {MNQ: 2, MES: -1}

    login.count = 0
    begun = stand.seconds()

    await flat(stand, figure, begun, trades)


async def test_two_accounts_one_token_a_revocation_harms_neither(build: Build) -> None:
    stand, trades = await long_and_short(build)
    stand.sim.faults.revoke_tokens()
    stand.user.reset()

    await stand.price(MNQ, 20950)
    await stand.proven()

    assert stand.holdings(FIRST) == {}
    holds(stand, since=trades)
