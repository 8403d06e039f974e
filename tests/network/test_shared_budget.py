"""More enforcement than a minute has requests for: who goes first, and that nobody is starved.

The simulated Gateway counts for itself, by its own clock, and turns away what is too many.
"""

import asyncio
from contextlib import suppress
from functools import partial

import pytest
from msgspec.structs import replace

from actors.model.budget import LAST, LIMIT
from ops.sim.scenario import AccountRow
from protocol.units import AccountId
from tests.e2e.conftest import Figure
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import CANCEL, CLOSE, LOOK_S, MNQ, contracts, plan, realized
from tests.network.conftest import Build, LinedStand
from tests.network.test_budget import HELD, crowded, filled

MANY = tuple(AccountId(number) for number in range(1001, 1016))
TEN, NEWCOMER = MANY[:10], AccountId(1016)
MINUTES_MAX, MINUTE_S = 3, 15.0
"""How many it may take, and how long each is waited for: the clock is moved, not waited for."""
pytestmark = pytest.mark.timeout(180)


async def crowd(build: Build, *accounts: AccountId) -> LinedStand:
    """Give each account three positions and ten orders, and the login a whole minute."""
    rows = [AccountRow(id=one, name=f"PRACTICE-{one}") for one in (*accounts, NEWCOMER)]
    plans = [plan(realized(-200), contracts(99), account=one) for one in accounts]
    others = plan(contracts(3), account=NEWCOMER)
    scenario = replace(crowded(), accounts=rows)
    stand = await build(*plans, others, scenario=scenario, timeout_seconds=10.0, rate_limit=0)
    for account in accounts:
        await filled(stand, account)
    stand.clock.skip(61)
    await stand.until(lambda: stand.broker.spent == 0, "a minute that is whole")
    stand.sim.calls.clear()
    stand.sim.faults.set(rate_limit=LIMIT)
    return stand


def next_minute(stand: LinedStand) -> None:
    """Let a minute pass; the Gateway, which goes by another clock, counts no more."""
    stand.sim.faults.set(rate_limit=0)
    stand.clock.skip(63)


async def minutes_until_proven(stand: LinedStand, accounts: tuple[AccountId, ...]) -> int:
    """Let minutes pass until every account is proven flat; cancels and proofs share each."""

    def proven() -> bool:
        return all(stand.confirmed(one) and stand.idle(one) for one in accounts)

    for minute in range(1, MINUTES_MAX + 1):
        next_minute(stand)
        with suppress(TimeoutError):
            async with asyncio.timeout(MINUTE_S):
                while not proven():
                    await asyncio.sleep(LOOK_S)
                return minute
    raise AssertionError(stand.story())


def flat(stand: LinedStand, account: AccountId) -> bool:
    return not stand.holdings(account)


async def answers(stand: LinedStand) -> None:
    await stand.until(lambda: all(one.answered_ns for one in stand.calls()), "the answers")


@pytest.mark.fault("panic-of-fifteen-accounts")
async def test_where_the_minute_has_not_enough_for_all_every_position_is_closed_first(
    build: Build, figure: Figure
) -> None:
    """Fifteen accounts' deeds are 195, and their reads come on top."""
    stand = await crowd(build, *MANY)
    begun, trades = stand.clock().mono, last_trade(stand)

    await stand.price(MNQ, 20940)
    for account in MANY:
        await stand.until(partial(flat, stand, account), f"{account} to be flat")
    figure("positions closed (s)", (stand.clock().mono - begun) / 1e9)
    await answers(stand)
    spent = len(stand.calls())
    left = sum(bool(stand.orders(one)) for one in MANY)

    figure("requests at once", spent)
    figure("accounts whose cancels wait for the next minute", left)
    assert {call.status for call in stand.calls()} == {200}
    assert len(stand.calls((CLOSE,))) == len(MANY) * len(HELD)
    figure("minutes until all is proven", await minutes_until_proven(stand, MANY))
    for account in MANY:
        assert stand.orders(account) == {}
        holds(stand, account, since=trades)


@pytest.mark.fault("refused-on-ten-accounts")
async def test_who_is_refused_leaves_the_slice_in_which_a_newcomer_is_flat_at_once(
    build: Build, figure: Figure
) -> None:
    stand = await crowd(build, *TEN)
    for account in TEN:
        for endpoint in (CLOSE, CANCEL):
            stand.sim.faults.rest(kind="reject", endpoint=endpoint, account=account, count=None)
    await stand.price(MNQ, 20940)
    await stand.until(lambda: stand.broker.spent >= LIMIT - LAST - 1, "all that repeats may use")
    await answers(stand)

    begun = stand.clock().mono
    await stand.sim.order(NEWCOMER, MNQ, "buy", 5)
    await stand.until(lambda: stand.holdings(NEWCOMER) == {MNQ: 3}, "the newcomer to be reduced")
    figure("a newcomer's breach undone (s)", (stand.clock().mono - begun) / 1e9)
    await answers(stand)

    figure("requests in the minute", len(stand.calls()))
    assert {call.status for call in stand.calls()} == {200}
    assert all(len(stand.calls((CLOSE,), one)) >= len(HELD) for one in TEN)
    assert len(stand.calls()) <= LIMIT


async def test_who_repeats_does_so_in_turn_and_each_account_has_its_share(
    build: Build, figure: Figure
) -> None:
    stand = await crowd(build, *TEN)
    for account in TEN:
        for endpoint in (CLOSE, CANCEL):
            stand.sim.faults.rest(kind="reject", endpoint=endpoint, account=account, count=None)
    await stand.price(MNQ, 20940)
    await stand.until(lambda: stand.broker.spent >= LIMIT - LAST - 1, "all that repeats may use")
    before = {one: len(stand.calls((CLOSE,), one)) for one in TEN}
    stand.sim.faults.set(rate_limit=0)
    repeats: list[int] = []
    for _ in range(3):
        for seconds in (63, 5, 5):
            stand.clock.skip(seconds)
            await asyncio.sleep(1.0)
        repeats.append(stand.broker.spent)
    figure("requests of a minute that only repeats", max(repeats))
    assert max(repeats) <= LIMIT - LAST, "and some polls"
    assert all(len(stand.calls((CLOSE,), one)) > before[one] for one in TEN), "nobody is starved"
