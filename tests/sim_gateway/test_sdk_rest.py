"""The unmodified SDK's REST client on the simulator."""

from datetime import UTC, datetime
from typing import Any

import pytest
from project_x_py import (
    OrderSubmissionUncertainError,
    ProjectX,
    ProjectXAuthenticationError,
    ProjectXRateLimitError,
)
from project_x_py.event_bus import EventBus
from project_x_py.order_manager import OrderManager

from ops.sim.server import SimServer
from tests.sim_gateway.rig import ES, KEY, MNQ, USER, Sdk


def order(account: int, **fields: Any) -> dict[str, Any]:
    return {"accountId": account, "contractId": MNQ, "type": 2, "side": 0, "size": 1, **fields}


async def test_logs_in_and_lists_accounts(sdk: Sdk) -> None:
    accounts = await sdk.client.list_accounts()

    assert [(account.id, account.balance) for account in accounts] == [
        (1001, 50000.0),
        (1002, 50000.0),
    ]
    assert sdk.client.account_info is not None
    assert sdk.client.account_info.id == 1001
    untyped: Any = sdk.client  # the SDK's mixins do not type-check against its own protocol
    assert await untyped.validate_session()


async def test_a_wrong_key_is_no_login(sim: SimServer) -> None:
    client = ProjectX(USER, "wrong-key-0123456789", Sdk(sim).config)
    async with client:
        with pytest.raises((ProjectXAuthenticationError, TypeError, AttributeError)):
            await client.authenticate()
    assert sim.calls.log[0].code == 3
    assert len(KEY) >= 10


async def test_finds_contracts(sdk: Sdk) -> None:
    (mnq,) = await sdk.client.search_instruments("MNQ")
    es = await sdk.client.get_instrument(ES)

    assert (mnq.id, mnq.tickSize, mnq.tickValue) == (MNQ, 0.25, 0.5)
    assert (es.name, es.tickValue, es.symbolId) == ("ESZ6", 12.5, "F.US.EP")
    assert await sdk.client.search_instruments("cocoa") == []


async def test_trades_on_both_accounts_with_one_login(sim: SimServer, sdk: Sdk) -> None:
    for account in (1001, 1002):
        placed = await sdk.post("/Order/place", **order(account, size=3))
        assert placed["success"], placed
    await sim.price("MNQ", 20990)
    part = await sdk.post("/Position/partialCloseContract", accountId=1002, contractId=MNQ, size=1)
    whole = await sdk.post("/Position/closeContract", accountId=1001, contractId=MNQ)

    assert part["success"]
    assert whole["success"]
    assert await sdk.client.search_open_positions(account_id=1001) == []
    (position,) = await sdk.client.search_open_positions(account_id=1002)
    assert (position.size, position.averagePrice, position.is_long) == (2, 21000.0, True)
    since = datetime(2020, 1, 1, tzinfo=UTC)
    trades = await sdk.client.search_trades(since, account_id=1002, limit=10**9)
    assert [(trade.profitAndLoss, trade.fees) for trade in trades] == [(None, 1.11), (-20.0, 0.37)]


async def test_sees_sleeping_brackets_in_the_query_only(sim: SimServer, sdk: Sdk) -> None:
    manager = OrderManager(sdk.client, EventBus())
    await sim.order(1002, "MNQ", "buy", 1, type="limit", limit=20990, stop_ticks=9, target_ticks=9)

    still = await manager.search_open_orders(account_id=1002)
    working = await manager.query_orders(statuses=[1, 6, 7, 8], account_id=1002)

    assert [row.status for row in still] == [1]
    assert [row.status for row in working] == [1, 8, 8]
    assert all(row.is_working for row in working)


async def test_modifies_and_cancels(sim: SimServer, sdk: Sdk) -> None:
    manager = OrderManager(sdk.client, EventBus())
    placed = await sdk.post("/Order/place", **order(1002, type=4, side=1, stopPrice=20990.0))

    changed = await sdk.post(
        "/Order/modify", accountId=1002, orderId=placed["orderId"], stopPrice=20985.0
    )
    (row,) = await manager.search_open_orders(account_id=1002)
    assert changed["success"]
    assert row.stopPrice == 20985.0

    assert await manager.cancel_order(placed["orderId"], account_id=1002)
    assert await manager.search_open_orders(account_id=1002) == []
    assert len(sim.calls.of("Order/cancel", 1002)) == 1


async def test_places_as_the_sdk_does(sim: SimServer, sdk: Sdk) -> None:
    manager = OrderManager(sdk.client, EventBus())

    response = await manager.place_order(
        contract_id=MNQ, order_type=1, side=0, size=1, limit_price=20990.0
    )

    assert response.success
    assert len(sim.exchange.orders(1001, (1,))) == 1


async def test_a_lost_answer_is_uncertain_and_the_truth_is_read_again(
    sim: SimServer, sdk: Sdk
) -> None:
    await sim.order(1001, "MNQ", "buy", 2)
    sim.faults.rest(kind="reset", endpoint="Position/closeContract", when="after")

    with pytest.raises(OrderSubmissionUncertainError):
        await sdk.post("/Position/closeContract", accountId=1001, contractId=MNQ)

    assert await sdk.client.search_open_positions(account_id=1001) == []
    assert len(sim.calls.of("Position/closeContract")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 401},
        {"kind": "reset"},
    ],
)
async def test_no_mutating_call_is_sent_twice(
    sim: SimServer, sdk: Sdk, fault: dict[str, Any]
) -> None:
    sim.faults.rest(endpoint="Order/place", **fault)

    with pytest.raises(OrderSubmissionUncertainError):
        await sdk.post("/Order/place", **order(1001))

    assert len(sim.calls.of("Order/place")) == 1
    assert sim.exchange.positions(1001) == []


async def test_a_read_is_repeated_after_a_server_error(sim: SimServer, sdk: Sdk) -> None:
    sim.faults.rest(kind="status", endpoint="Position/searchOpen")

    assert await sdk.client.search_open_positions(account_id=1001) == []
    assert [call.status for call in sim.calls.of("Position/searchOpen")] == [500, 200]


async def test_a_429_on_a_read_reaches_the_caller(sim: SimServer, sdk: Sdk) -> None:
    sim.faults.rest(kind="status", status=429, retry_after=3, endpoint="Account/search")
    undecorated: Any = ProjectX._make_request.__wrapped__  # type: ignore[attr-defined]

    with pytest.raises(ProjectXRateLimitError, match="3"):
        await undecorated(sdk.client, "POST", "/Account/search", data={})


async def test_a_revoked_token_fails_until_the_client_logs_in_again(
    sim: SimServer, sdk: Sdk
) -> None:
    sim.faults.revoke_tokens()

    with pytest.raises(ProjectXAuthenticationError):
        await sdk.client.list_accounts()
    await sdk.client.authenticate()

    assert len(await sdk.client.list_accounts()) == 2


async def test_an_expired_token_is_renewed_by_the_client(sim: SimServer, sdk: Sdk) -> None:
    sim.faults.set(token_ttl_s=60)
    await sdk.client.authenticate()
    before = len(sim.calls.of("Auth/loginKey"))

    assert len(await sdk.client.list_accounts()) == 2
    assert len(sim.calls.of("Auth/loginKey")) == before + 1


@pytest.mark.parametrize(("account", "code"), [({"follower": True}, 8), ({"can_trade": False}, 0)])
async def test_a_refusal_comes_as_a_code(
    sim: SimServer, sdk: Sdk, account: dict[str, bool], code: int
) -> None:
    await sim.order(1001, "MNQ", "buy", 1)
    sim.exchange.set_account(1001, account)

    answer = await sdk.post("/Position/closeContract", accountId=1001, contractId=MNQ)

    assert answer["errorCode"] == code
