"""What a desk counts is what happened, told by the simulated Gateway's own log."""

from msgspec.structs import replace

from ops.sim import actions
from ops.sim.rest_faults import RestFault
from protocol import metrics
from protocol.account_facts import PositionSeen, TradeSeen
from protocol.decisions import (
    AlarmCleared,
    AlarmKind,
    AlarmRaised,
    EnforcementConfirmed,
    EnforcementRequested,
)
from protocol.metrics import Metric
from tests.e2e.conftest import Build
from tests.e2e.stand import FIRST, MNQ, OTHER, PARTIAL, contracts, plan, realized, unrealized

MAX, REALIZED, UNREALIZED = "max_contracts", "daily_realized_loss", "daily_unrealized_loss"


async def test_an_enforcement_is_counted_from_the_breach_to_the_proof(build: Build) -> None:
    stand = await build(plan(contracts(2)))
    await stand.enter("buy", 3)
    await stand.proven()

    def steps(state: str) -> float:
        return stand.counted(metrics.ENFORCEMENTS, FIRST, MAX, state)

    assert stand.counted(metrics.BREACHES, FIRST, MAX) == 1
    assert steps("requested") == len(stand.decided(EnforcementRequested)) == 1
    assert steps("confirmed") == len(stand.decided(EnforcementConfirmed)) == 1
    assert steps("failed") == 0
    assert stand.counted(metrics.TIME_TO_FLAT, MAX) == 1
    assert stand.counted(metrics.DECISION) == len(stand.mutations())
    assert stand.counted(metrics.COMMANDS, "PartialClose", "accepted") == 1
    assert stand.counted(metrics.EVALUATIONS, MAX) > 1
    assert stand.counted(metrics.COMMIT) > 1
    assert stand.counted(metrics.OVERSHOOT, MAX, "breach") == 0  # its limit is no money


async def test_every_request_and_every_answer_is_counted(build: Build) -> None:
    stand = await build(plan(contracts(2)))
    stand.sim.faults.rest(RestFault(kind="status", endpoint=PARTIAL, status=429))
    await stand.enter("buy", 3)
    await stand.proven()

    assert stand.counted(metrics.REST_REQUESTS) == len(stand.calls())
    answers = {call.status for call in stand.calls()}
    assert {200, 429} <= answers
    for code in answers:
        expected = sum(call.status == code for call in stand.calls())
        assert stand.counted(metrics.REST_ANSWERS, code) == expected
    assert stand.counted(metrics.REST_ANSWERS, 429) == 1
    assert stand.counted(metrics.REST_BUDGET) == 200 - stand.broker.spent


async def test_money_past_a_limit_is_noted_at_the_breach_and_when_flat(build: Build) -> None:
    stand = await build(plan(realized(-500)), plan(unrealized(-100), account=OTHER))
    for account in (FIRST, OTHER):
        await stand.enter("buy", 2, at=21_000, account=account)
    await stand.price(MNQ, 20_500)
    for account in (FIRST, OTHER):
        await stand.proven(account=account)

    for rule in (REALIZED, UNREALIZED):
        assert stand.counted(metrics.OVERSHOOT, rule, "breach") == 1
    assert stand.counted(metrics.OVERSHOOT, REALIZED, "flat") == 1
    assert stand.counted(metrics.OVERSHOOT, UNREALIZED, "flat") == 0  # nothing is open any more
    past = stand.desk.counts.bars[metrics.OVERSHOOT][REALIZED, "breach"].total
    assert 1_500 < past < 1_502  # 500 points on two MNQ are 2,000 dollars, and some fees


async def test_what_is_told_twice_is_a_duplicate(build: Build) -> None:
    stand = await build(plan(contracts(9)))
    await stand.enter("buy", 1)

    def seen(metric: Metric, kind: str) -> float:
        return stand.counted(metric, kind)

    before = {kind: seen(metrics.DUPLICATES, kind) for kind in ("trade_seen", "position_seen")}
    record = [one.message for one in stand.journal()]
    facts = [one for one in record if isinstance(one, TradeSeen | PositionSeen)]
    newest = {type(one): one for one in facts}
    for fact in newest.values():
        stand.desk.notice(fact)
    taken = stand.desk.inputs
    await stand.until(lambda: stand.desk.inputs >= taken + len(newest), "both to be taken")

    for kind, earlier in before.items():
        assert seen(metrics.DUPLICATES, kind) == earlier + 1


async def test_refusals_are_counted_by_kind_and_reason_never_by_their_text(build: Build) -> None:
    stand = await build(plan(contracts(9)))
    stand.desk.event("trade_execution", {"id": 1, "accountId": int(FIRST)})
    stand.desk.event("position_update", [[[[[[[]]]]]]])
    stand.desk.event("something_new_of_theirs", {"id": 1})
    await stand.until(lambda: stand.desk.refused == 3, "three refusals")

    assert stand.counted(metrics.REFUSED, "trade_execution", "field") == 1
    assert stand.counted(metrics.REFUSED, "position_update", "shape") == 1
    assert stand.counted(metrics.REFUSED, "other", "event") == 1


async def test_a_clock_that_differs_from_the_gateways_is_seen(build: Build) -> None:
    stand = await build(plan(contracts(9)))
    before = stand.counted(metrics.CLOCK_SKEW)
    stand.sim.faults.set(clock_offset_ms=3_600_000)
    asked = len(stand.calls())
    stand.clock.skip(31)
    await stand.until(lambda: len(stand.calls()) > asked, "a poll")

    await stand.until(
        lambda: stand.counted(metrics.CLOCK_SKEW) - before < -3_000, "the hour they are ahead"
    )


async def test_a_quote_grows_old_while_something_is_held(build: Build) -> None:
    stand = await build(plan(contracts(9)))
    assert stand.counted(metrics.QUOTE_AGE, FIRST) == 0
    await stand.enter("buy", 1, at=21_000)
    await stand.price(MNQ, 21_000)
    await stand.until(lambda: stand.counted(metrics.QUOTE_AGE, FIRST) < 5, "a fresh quote")

    stand.clock.skip(60)
    assert stand.counted(metrics.QUOTE_AGE, FIRST) > 60


async def test_a_balance_that_moves_otherwise_than_the_trades_is_seen(build: Build) -> None:
    """I11: the ledger is the broker's trades net of costs, and a difference is told."""
    stand = await build(plan(realized(-10_000), include_fees=False))
    assert stand.counted(metrics.LEDGER_DRIFT, FIRST) == 0
    await stand.enter("buy", 2, at=21_000)
    await stand.price(MNQ, 21_010)
    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.report().realized not in {None, "0.00"}, "a realized profit")

    def drift() -> float:
        return stand.counted(metrics.LEDGER_DRIFT, FIRST)

    await stand.until(lambda: drift() == 0, "the balance to have come")
    balance = stand.sim.exchange.book.accounts[FIRST].balance
    await stand.sim.do(actions.Account(account=FIRST, balance=balance - 25))
    await stand.until(lambda: drift() == -25, "the fee that no trade tells of")


async def test_a_balance_that_stays_away_is_an_alarm_until_it_agrees_again(build: Build) -> None:
    stand = await build(plan(contracts(9)))
    balance = stand.sim.exchange.book.accounts[FIRST].balance
    assert stand.counted(metrics.LEDGER_DRIFT, FIRST) == 0

    def told() -> list[AlarmRaised | AlarmCleared]:
        drift, states = stand.desk.counts.drift, stand.desk.runtime.states
        return list(drift.look(stand.desk.plans, states, stand.clock()))

    async def is_off_by(dollars: int) -> None:
        await stand.sim.do(actions.Account(account=FIRST, balance=balance + dollars))
        await stand.until(
            lambda: stand.counted(metrics.LEDGER_DRIFT, FIRST) == dollars, "the balance"
        )

    await is_off_by(-25)
    assert told() == []
    stand.clock.skip(30)
    assert told() == [], "a poll may be late"
    await is_off_by(0)
    stand.clock.skip(30)
    assert told() == []
    await is_off_by(1)
    stand.clock.skip(90)
    assert told() == [], "a dollar is within what is tolerated"
    await is_off_by(25)
    assert told() == []
    stand.clock.skip(60)
    (raised,) = told()
    stand.clock.skip(60)
    assert told() == [], "it is told once"
    await is_off_by(0)
    (cleared,) = told()

    assert isinstance(raised, AlarmRaised)
    assert (raised.account_id, raised.kind) == (FIRST, AlarmKind.LEDGER_DIFFERS)
    assert "+25.00" in raised.why
    assert cleared == AlarmCleared(account_id=FIRST, kind=AlarmKind.LEDGER_DIFFERS)


async def test_what_cannot_be_compared_ends_no_alarm(build: Build) -> None:
    stand = await build(plan(contracts(9)))
    drift, states = stand.desk.counts.drift, dict(stand.desk.runtime.states)
    path = f"account/{FIRST}"
    states[path] = replace(states[path], known=False)

    list(drift.look(stand.desk.plans, stand.desk.runtime.states, stand.clock()))
    drift._raised.add(FIRST)

    assert list(drift.look(stand.desk.plans, states, stand.clock())) == []
    assert drift._raised == {FIRST}
