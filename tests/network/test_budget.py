"""The minute's requests in real life: a panic of five accounts fits, and who gives way does so.

The simulated Gateway turns the 201st request of a minute away, as the real one does.
"""

import asyncio
from decimal import Decimal
from functools import partial

import pytest
from msgspec.structs import replace

from actors.model.budget import LAST, LIMIT, RESERVED
from ops.sim.scenario import AccountRow, ContractRow, Scenario
from protocol.answers import RESERVED as WHY
from protocol.decisions import AlarmKind, AlarmRaised
from protocol.units import AccountId
from tests.e2e.conftest import Figure
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import CANCEL, CLOSE, ES, MES, MNQ, contracts, plan, realized
from tests.network.conftest import Build, LinedStand

ACCOUNTS = tuple(AccountId(number) for number in range(1001, 1006))
HELD = {MNQ: (21000, 2), MES: (6000, -1), ES: (6000, 1)}
ORDERS = 10
LIST, READS = ("Account/search",), ("Position/searchOpen", "Order/v2/query", "Trade/search")


def crowded() -> Scenario:
    return Scenario(
        accounts=[AccountRow(id=one, name=f"PRACTICE-{one}") for one in ACCOUNTS],
        contracts=[
            ContractRow(product=product, expiry="Z26", price=Decimal(price))
            for product, price in (("MNQ", 21000), ("MES", 6000), ("ES", 6000))
        ],
    )


async def laden(build: Build, *accounts: AccountId, **options: object) -> LinedStand:
    """Give each account three positions and ten orders."""
    plans = [plan(realized(-200), contracts(99), account=one) for one in accounts]
    stand = await build(*plans, scenario=crowded(), **options)
    for account in accounts:
        await filled(stand, account)
    return stand


async def filled(stand: LinedStand, account: AccountId) -> None:
    """Give an account three positions and ten orders."""
    for contract, (price, size) in HELD.items():
        side, back = ("buy", "sell") if size > 0 else ("sell", "buy")
        await stand.enter(side, abs(size), contract=contract, at=price, account=account)
        far = Decimal(price) * (Decimal("0.8") if size > 0 else Decimal("1.2"))
        for _ in range(4 if contract == MNQ else 3):
            await stand.sim.order(account, contract, back, 1, type="stop", stop=far)
    await stand.seen(account)


async def polled(stand: LinedStand) -> None:
    """Let a poll come, and wait until each account's read is answered."""
    before = len(stand.calls(READS[:2]))
    stand.clock.skip(15)
    wanted = before + 2 * len(stand.plans)
    await stand.until(lambda: len(stand.calls(READS[:2])) >= wanted, "the poll")
    await stand.until(lambda: all(one.answered_ns for one in stand.calls()), "its answers")


def burden(stand: LinedStand, account: AccountId) -> int:
    found: int = stand.desk.runtime.states["gateway"].readings.burdens[account]
    return found


@pytest.mark.fault("panic-of-five-accounts")
async def test_five_accounts_panic_flatten_within_one_window_while_polls_go_on(
    build: Build, figure: Figure
) -> None:
    stand = await laden(build, *ACCOUNTS, timeout_seconds=10.0)
    for _ in range(2):
        await polled(stand)
    foreseen = sum(burden(stand, one) for one in ACCOUNTS)
    before = len(stand.calls())

    trades = last_trade(stand)
    begun = stand.clock().mono
    await stand.price(MNQ, 20940)
    for account in ACCOUNTS:
        await stand.proven(account=account)
    took = (stand.clock().mono - begun) / 1e9
    spent = len(stand.calls()) - before
    reads = len(stand.calls(READS))
    stand.clock.skip(15)
    await stand.until(lambda: len(stand.calls(LIST)) == 4, "the login's list, and three polls'")

    for account in ACCOUNTS:
        assert (stand.holdings(account), stand.orders(account)) == ({}, {})
        assert len(stand.calls((CLOSE,), account)) == len(HELD)
        cancels = len(stand.calls((CANCEL,), account))
        assert ORDERS <= cancels <= ORDERS + len(HELD), "a close may be seen at work, and cancelled"
        holds(stand, account, since=trades)
    figure("requests foreseen for the panic", foreseen)
    figure("requests the panic took", spent)
    figure("requests in all, start and polls included", len(stand.calls()))
    figure("recovered (s)", took)
    assert len(stand.calls()) <= LIMIT
    assert {call.status for call in stand.calls()} == {200}
    assert spent <= foreseen + 2 * len(ACCOUNTS), "some reads may come too early"
    assert len(stand.calls(READS)) == reads, "the third poll gave way"


@pytest.mark.fault("budget-spent-by-others")
async def test_i4_a_budget_that_somebody_else_has_spent_stops_no_enforcement(
    build: Build, figure: Figure
) -> None:
    stand = await laden(build, ACCOUNTS[0], timeout_seconds=10.0)
    stand.sim.faults.set(rate_limit=1, seconds=2.0)
    for _ in range(LIMIT):
        await stand.broker._rest.meter.acquire()
    trades = last_trade(stand)
    begun = stand.clock().mono

    await stand.price(MNQ, 20940)
    await stand.until(lambda: len(stand.calls((CLOSE,))) >= len(HELD), "the first closes")
    await stand.until(lambda: all(one.answered_ns for one in stand.calls()), "their answers")
    assert {one.status for one in stand.calls((CLOSE,))} == {429}
    await asyncio.sleep(2.0)
    assert len(stand.mutations(ACCOUNTS[0])) == len(HELD), "the rest would only be turned away"
    stand.clock.skip(63)
    await stand.proven(account=ACCOUNTS[0])

    figure("recovered (s)", (stand.clock().mono - begun) / 1e9)
    assert (stand.holdings(ACCOUNTS[0]), stand.orders(ACCOUNTS[0])) == ({}, {})
    holds(stand, ACCOUNTS[0], since=trades)


async def test_i4_a_count_of_ours_that_is_too_high_holds_back_no_first_close(
    build: Build, figure: Figure
) -> None:
    stand = await laden(build, ACCOUNTS[0], timeout_seconds=10.0)
    for _ in range(2 * LIMIT):
        await stand.broker._rest.meter.acquire()
    begun = stand.clock().mono

    await stand.price(MNQ, 20940)
    await stand.until(lambda: not stand.holdings(ACCOUNTS[0]), "the positions to be gone")

    figure("positions closed (s)", (stand.clock().mono - begun) / 1e9)
    assert {one.status for one in stand.calls((CLOSE,))} == {200}
    stand.clock.skip(63)
    await stand.proven(account=ACCOUNTS[0])


@pytest.mark.fault("budget-spent-by-resyncs")
async def test_i4_reads_of_gaps_leave_the_last_slice_to_the_enforcer(
    build: Build, figure: Figure
) -> None:
    stand = await laden(build, ACCOUNTS[0], timeout_seconds=10.0)
    while stand.broker.spent < LIMIT - LAST:
        await stand.broker._rest.meter.acquire()
    before = len(stand.calls(READS))
    stand.sim.faults.drop()
    hubs = stand.desk.runtime.states
    await stand.until(lambda: hubs["gateway"].hubs == "lost", "the loss")
    await stand.until(lambda: stand.desk.runtime.states["gateway"].hubs == "open", "hubs again")
    await stand.until(lambda: stand.watched(MNQ), "the quotes")
    assert len(stand.calls(READS)) == before, "the gap is read when the minute allows"

    begun = stand.clock().mono
    await stand.price(MNQ, 20940)
    await stand.proven(account=ACCOUNTS[0])

    figure("recovered (s)", (stand.clock().mono - begun) / 1e9)
    assert stand.broker.spent <= LIMIT
    assert (stand.holdings(ACCOUNTS[0]), stand.orders(ACCOUNTS[0])) == ({}, {})


def unseeing(stand: LinedStand) -> dict[AlarmKind, str]:
    """Return the alarms that say of accounts that they cannot be seen, and why."""
    kinds = (AlarmKind.TRUTH_UNKNOWN, AlarmKind.FEED_BLIND)
    return {one.kind: one.why for one in stand.decided(AlarmRaised) if one.kind in kinds}


def unread_s(stand: LinedStand, account: AccountId = ACCOUNTS[0]) -> float:
    """Return how old an account's truth is."""
    asked = stand.state(account).truth_asked
    assert asked is not None
    return (stand.clock().mono - asked) / 1e9


async def priced(stand: LinedStand) -> None:
    """Have the market quoted, and wait until that is heard."""
    asked = stand.clock().mono
    states = stand.desk.runtime.states
    await stand.quote(MNQ, {"lastPrice": 21000.0, "bestBid": 20999.75, "bestAsk": 21000.25})
    await stand.until(lambda: states["market_data"].quotes[MNQ].last.seen >= asked, "the price")


def more(stand: LinedStand, before: tuple[int, int], lists: int, reads: int) -> bool:
    """Tell whether so many lists and reads have been asked for since."""
    done = len(stand.calls(LIST)) - before[0], len(stand.calls(READS)) - before[1]
    return done[0] >= lists and done[1] >= reads


async def busy(stand: LinedStand, spent: int) -> None:
    """Let a quarter of a minute pass in which enforcement elsewhere has used up the minute."""
    stand.clock.skip(15)
    while stand.broker.spent < spent:
        await stand.broker._rest.meter.acquire()
    gateway = stand.desk.runtime.states
    await stand.until(lambda: gateway["gateway"].poll_at > stand.clock().mono, "the poll")


@pytest.mark.fault("budget-spent-by-enforcement")
async def test_enforcement_that_leaves_nothing_to_polls_makes_nobody_blind(
    build: Build, figure: Figure
) -> None:
    holder, empty = ACCOUNTS[:2]
    plans = [plan(realized(-200), contracts(99), account=one) for one in (holder, empty)]
    stand = await build(*plans, scenario=crowded(), timeout_seconds=10.0)
    stand.sim.faults.set(rate_limit=0)  # whose minute is not the clock's that skips
    await stand.enter("buy", 2, at=21000, account=holder)
    await stand.seen(holder)
    oldest = 0.0

    for quarter in range(12):
        before = len(stand.calls(LIST)), len(stand.calls(READS))
        await busy(stand, LIMIT - RESERVED + 10)
        await priced(stand)
        await stand.until(partial(more, stand, before, 1, 0), "the list")
        if quarter % 2:
            await stand.until(partial(more, stand, before, 1, 4), "both accounts")
            await stand.until(lambda: all(one.answered_ns for one in stand.calls()), "answers")
        oldest = max(oldest, *(unread_s(stand, one) for one in (holder, empty)))

    figure("oldest truth (s)", oldest)
    assert oldest < 45, "half of `truth_age`"
    assert unseeing(stand) == {}
    assert stand.state(holder).feed.lapses == ()


async def test_truth_that_nothing_is_left_to_read_is_unknown_when_it_is_too_old_and_not_before(
    build: Build,
) -> None:
    stand = await build(
        plan(realized(-200), contracts(99)), scenario=crowded(), timeout_seconds=10.0
    )
    stand.sim.faults.set(rate_limit=0)
    await stand.enter("buy", 2, at=21000)
    await stand.seen()
    while unread_s(stand) < 75:
        assert unseeing(stand) == {}
        await busy(stand, LIMIT - LAST)
        await priced(stand)
    await busy(stand, LIMIT - LAST)
    await stand.until(lambda: len(unseeing(stand)) == 2, "the alarms")

    assert {why.rpartition(": ")[2] for why in unseeing(stand).values()} == {WHY}
    assert stand.holdings() == {MNQ: 2}
    stand.clock.skip(61)
    await priced(stand)
    await stand.until(lambda: not any(WHY in one for one in stand.report().alarms), "the truth")


async def test_sixty_accounts_are_read_as_the_minute_allows_and_who_waits_says_gap(
    build: Build, figure: Figure
) -> None:
    numbers = tuple(AccountId(number) for number in range(1001, 1061))
    rows = [AccountRow(id=one, name=f"PRACTICE-{one}") for one in numbers]
    plans = [plan(realized(-200), account=one) for one in numbers]
    scenario = replace(crowded(), accounts=rows)
    stand = await build(*plans, scenario=scenario, idle=True, timeout_seconds=10.0)
    stand.boot()
    states = stand.desk.runtime.states
    await stand.until(lambda: states["gateway"].hubs == "open", "the hubs")
    await stand.until(lambda: states["gateway"].readings.waiting, "some to wait")
    await stand.until(lambda: not states["gateway"].readings.under_way, "those that are read")

    figure("requests at once", len(stand.calls()))
    assert len(stand.calls()) <= LIMIT - LAST
    assert {call.status for call in stand.calls()} == {200}
    waiting = set(states["gateway"].readings.waiting)
    feeds = {one: told.feed for one in numbers if (told := stand.report(one)).feed is not None}
    assert {feeds[one].state for one in waiting} == {"gap"}
    assert {feeds[one].state for one in set(numbers) - waiting} == {"live"}
    unread = [one for one in waiting if not stand.state(one).known]
    assert unread
    assert {stand.report(one).unrealized for one in unread} == {None}, "unknown, and not flat"

    stand.sim.faults.set(rate_limit=0)  # whose minute is not the clock's that skips
    stand.clock.skip(61)
    await stand.armed()
    assert not stand.report_of_desk()
