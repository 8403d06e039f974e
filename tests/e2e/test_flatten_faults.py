"""A flatten while the Gateway does everything wrong that it can: flat and proven in the end.

The other account of the login, its position and its stop are there to be left alone.
"""

from decimal import Decimal
from typing import Any

import pytest

from protocol.decisions import AlarmCleared, AlarmKind, EnforcementConfirmed, EnforcementFailing
from tests.e2e.conftest import Build, Figure
from tests.e2e.invariants import alarms, holds, last_trade
from tests.e2e.stand import (
    CANCEL,
    CLOSE,
    FIRST,
    MES,
    MNQ,
    OTHER,
    PARTIAL,
    Stand,
    contracts,
    plan,
    realized,
)

RULE = "daily_realized_loss"
ANSWERS = [
    pytest.param({"kind": "reset", "when": "after"}, id="done-but-connection-reset"),
    pytest.param({"kind": "reset", "when": "before"}, id="lost-on-the-way"),
    pytest.param({"kind": "status", "status": 500, "when": "after"}, id="done-but-500"),
    pytest.param({"kind": "status", "status": 500, "when": "before"}, id="500"),
    pytest.param({"kind": "status", "status": 503, "count": 3}, id="503-three-times"),
    pytest.param({"kind": "status", "status": 429, "retry_after": 60}, id="429"),
    pytest.param({"kind": "status", "status": 401}, id="401"),
    pytest.param({"kind": "hang", "when": "before"}, id="timeout"),
    pytest.param({"kind": "hang", "when": "after"}, id="done-but-timeout"),
    pytest.param({"kind": "malformed", "when": "before"}, id="malformed"),
    pytest.param({"kind": "malformed", "when": "after"}, id="done-but-malformed"),
    pytest.param({"kind": "empty", "when": "before"}, id="failure-without-a-code"),
    pytest.param({"kind": "reject"}, id="rejected"),
    pytest.param({"kind": "reject", "count": 3}, id="rejected-three-times"),
    pytest.param({"kind": "reject", "when": "after"}, id="done-but-rejected"),
    pytest.param({"kind": "latency", "seconds": 0.7}, id="slow"),
    pytest.param({"kind": "latency", "seconds": 0.7, "when": "after"}, id="done-but-slow"),
    pytest.param(
        {"kind": "malformed", "body": '{"success": true, "errorCode": 0}', "count": 2},
        id="accepted-but-not-done",
    ),
]


async def stage(build: Build, **options: Any) -> tuple[Stand, int]:
    """Two accounts: one long and short and about to breach, the other a bystander."""
    stand = await build(
        plan(realized(-200), contracts(9)),
        plan(contracts(9), account=OTHER),
        timeout_seconds=1,
        **options,
    )
    await stand.enter("buy", 2, at=21000)
    await stand.enter("sell", 1, contract=MES, at=6000)
    await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20500))
    await stand.sim.order(OTHER, MNQ, "buy", 3)
    await stand.sim.order(OTHER, MNQ, "sell", 3, type="stop", stop=Decimal(20500))
    await stand.seen()
    await stand.seen(OTHER)
    return stand, last_trade(stand)


async def flat_and_proven(stand: Stand, since: int) -> None:
    """Breach, and check everything that must be so in the end."""
    bystander = (stand.holdings(OTHER), stand.orders(OTHER))
    await stand.price(MNQ, 20950)
    await stand.proven()

    assert (stand.holdings(), stand.orders()) == ({}, {})
    assert (stand.holdings(OTHER), stand.orders(OTHER)) == bystander
    assert stand.mutations(OTHER) == []
    assert [one.rule for one in stand.confirmed()] == [RULE]
    assert stand.report().locked
    await stand.seen()
    holds(stand, since=since)
    holds(stand, OTHER, since=since)
    proven_by_reads(stand)


def proven_by_reads(stand: Stand) -> None:
    """Check that two whole reads followed the last deed, a quiet window apart."""
    last = max(call.answered_ns or 0 for call in stand.mutations())
    reads = [
        call.received_ns
        for call in stand.calls(("Position/searchOpen",), FIRST)
        if call.received_ns > last and call.outcome == "answered"
    ]
    assert len(reads) >= 2
    assert reads[-1] - reads[0] >= 0.29e9


@pytest.mark.parametrize("fault", ANSWERS)
async def test_a_close_that_goes_wrong_ends_flat_and_proven(
    build: Build, figure: Figure, fault: dict[str, Any]
) -> None:
    stand, since = await stage(build)
    stand.sim.faults.rest(endpoint=CLOSE, **fault)

    await flat_and_proven(stand, since)

    figure("breach to proof (ms)", stand.confirmed()[0].took_ms)


@pytest.mark.parametrize("fault", ANSWERS[::2])
async def test_a_cancel_that_goes_wrong_ends_order_free_and_proven(
    build: Build, fault: dict[str, Any]
) -> None:
    stand, since = await stage(build)
    stand.sim.faults.rest(endpoint=CANCEL, **fault)

    await flat_and_proven(stand, since)


READS = [
    pytest.param({"kind": "status", "status": 500, "count": 2}, id="500"),
    pytest.param({"kind": "status", "status": 429, "count": 2}, id="429"),
    pytest.param({"kind": "empty", "count": 2}, id="empty-with-failure"),
    pytest.param({"kind": "malformed", "count": 2}, id="malformed"),
    pytest.param({"kind": "hang", "count": 1}, id="timeout"),
    pytest.param({"kind": "reset", "count": 2}, id="reset"),
]


@pytest.mark.parametrize("endpoint", ["Position/searchOpen", "Order/v2/query"])
@pytest.mark.parametrize("fault", READS)
async def test_i2_a_read_that_fails_proves_nothing(
    build: Build, endpoint: str, fault: dict[str, Any]
) -> None:
    stand, since = await stage(build)
    stand.sim.faults.rest(endpoint=endpoint, account=FIRST, **fault)

    await flat_and_proven(stand, since)


async def test_i2_one_read_that_lies_about_a_position_proves_nothing(build: Build) -> None:
    stand, since = await stage(build)
    stand.sim.faults.rest(endpoint=CLOSE, kind="reject", count=4)
    lie = '{"success": true, "errorCode": 0, "positions": []}'
    stand.sim.faults.rest(endpoint="Position/searchOpen", kind="malformed", body=lie, account=FIRST)

    await flat_and_proven(stand, since)


async def test_everything_goes_wrong_at_once_for_a_second(build: Build) -> None:
    stand, since = await stage(build)
    for number, kind in enumerate(("reset", "status", "empty", "malformed", "reject") * 2):
        when = "after" if number % 3 == 0 else "before"
        stand.sim.faults.rest(kind=kind, when=when, count=1)

    await flat_and_proven(stand, since)


async def test_a_token_revoked_before_the_breach_costs_one_round(
    build: Build, figure: Figure
) -> None:
    stand, since = await stage(build)
    stand.sim.faults.revoke_tokens()

    await flat_and_proven(stand, since)

    figure("breach to proof with a revoked token (ms)", stand.confirmed()[0].took_ms)
    assert 401 in {call.status for call in stand.calls()}


async def test_a_rate_limit_reached_ends_flat_and_proven(build: Build) -> None:
    stand, since = await stage(build)
    stand.sim.faults.set(rate_limit=1, seconds=1.5)

    await flat_and_proven(stand, since)


async def test_lesson_85_a_close_rejected_is_failing_and_confirmed_only_when_proven(
    build: Build,
) -> None:
    stand, since = await stage(build)
    stand.sim.faults.rest(endpoint=CLOSE, kind="reject", count=2)

    await flat_and_proven(stand, since)

    failing = stand.decided(EnforcementFailing, FIRST)
    assert len(failing) >= 2
    assert "OrderRejected" in failing[0].why or "rejected" in failing[0].why.lower()
    order = [
        type(one.decision)
        for one in stand.told
        if isinstance(one.decision, EnforcementFailing | EnforcementConfirmed)
    ]
    assert order[-1] is EnforcementConfirmed
    assert order.count(EnforcementConfirmed) == 1
    confirmed_at = next(
        one.mono for one in stand.told if isinstance(one.decision, EnforcementConfirmed)
    )
    assert confirmed_at > max(call.answered_ns or 0 for call in stand.mutations())


async def test_lesson_85_a_broker_that_never_closes_is_never_called_flat(build: Build) -> None:
    stand, since = await stage(build)
    stand.sim.faults.rest(endpoint=CLOSE, kind="reject", count=None)

    await stand.price(MNQ, 20950)
    await stand.until(lambda: len(stand.calls((CLOSE,))) >= 6, "some attempts")

    assert stand.confirmed() == []
    assert stand.report().enforcements[0].state == "failing"
    assert stand.report().locked
    holds(stand, since=since)


async def test_an_account_that_may_not_trade_is_tried_again_within_budget(build: Build) -> None:
    stand, since = await stage(build)
    stand.sim.faults.set(untradable_close="refuse")
    stand.sim.exchange.account(FIRST).can_trade = False
    await stand.price(MNQ, 20950)
    await stand.until(lambda: len(stand.calls((CLOSE,))) >= 4, "some attempts")
    assert stand.confirmed() == []

    stand.sim.exchange.account(FIRST).can_trade = True
    await flat_and_proven(stand, since)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "reset", "when": "after"}, id="done-but-connection-reset"),
        pytest.param({"kind": "hang", "when": "after"}, id="done-but-timeout"),
        pytest.param({"kind": "status", "status": 500}, id="500"),
        pytest.param({"kind": "reject"}, id="rejected"),
    ],
)
async def test_i10_a_reduction_that_goes_wrong_takes_off_no_more_than_the_excess(
    build: Build, fault: dict[str, Any]
) -> None:
    stand = await build(plan(contracts(5)), timeout_seconds=1)
    stand.sim.faults.rest(endpoint=PARTIAL, **fault)

    await stand.sim.order(FIRST, MNQ, "sell", 7)
    since = last_trade(stand)
    await stand.proven()

    assert stand.holdings() == {MNQ: -5}
    holds(stand, since=since)


async def test_a_desk_that_cannot_log_in_says_so_and_goes_on_trying(build: Build) -> None:
    stand = await build(plan(contracts(5)), idle=True)
    stand.sim.faults.rest(kind="status", status=500, endpoint="Auth/loginKey", count=2)
    stand.boot()

    await stand.until(lambda: alarms(stand), "the alarm")
    await stand.armed()

    assert alarms(stand) == alarms(stand, AlarmCleared) == [AlarmKind.CANNOT_ENFORCE]
