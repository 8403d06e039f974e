"""The unmodified SDK's hub client on the simulator: two accounts on one pair of connections."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from ops.sim.server import SimServer
from tests.sim_gateway.rig import MNQ, Hubs, Sdk, until

EVENTS = (
    "account_update",
    "position_update",
    "order_update",
    "trade_execution",
    "quote_update",
    "market_trade",
    "market_depth",
)


@pytest.fixture
async def hubs(sim: SimServer, sdk: Sdk) -> AsyncIterator[Hubs]:
    client = Hubs(sdk, [1001, 1002])
    await client.listen(*EVENTS)
    assert await client.connect()
    assert await client.subscribe_user_updates()
    assert await client.subscribe_market_data([MNQ])
    await subscribed(sim)
    yield client
    await client.disconnect()


async def subscribed(sim: SimServer) -> None:
    user, market = sim.world.hubs["user"], sim.world.hubs["market"]
    await until(
        lambda: (
            user.wanted("GatewayUserTrade", 1002)
            and user.wanted("GatewayUserTrade", 1001)
            and market.wanted("GatewayDepth", MNQ)
        )
    )


async def test_both_accounts_are_heard(sim: SimServer, hubs: Hubs) -> None:
    for account in (1001, 1002):
        await sim.order(account, "MNQ", "buy", 2)

        assert (await hubs.until("order_update", accountId=account, status=2))["fillVolume"] == 2
        trade = await hubs.until("trade_execution", accountId=account)
        assert trade["profitAndLoss"] is None
        position = await hubs.until("position_update", accountId=account)
        assert (position["type"], position["size"]) == (1, 2)
        balance = await hubs.until("account_update", id=account)
        assert balance["balance"] == 49_999.26


async def test_the_market_is_heard(sim: SimServer, hubs: Hubs) -> None:
    await sim.price("MNQ", Decimal("21000.25"))

    quote = await hubs.until("quote_update")
    assert (quote["symbol"], quote["lastPrice"]) == ("F.US.MNQ", 21000.25)
    await hubs.until("market_trade")
    await hubs.until("market_depth")


async def test_the_server_sees_what_was_subscribed(sim: SimServer, hubs: Hubs) -> None:
    assert hubs.connected
    (peer,) = sim.world.hubs["user"].peers

    assert len(peer.subscribed) == 7
    assert sim.world.hubs["user"].negotiations == 1
    assert sim.world.hubs["user"].ids == set()


async def test_a_dropped_hub_negotiates_anew_and_subscribes_again(
    sim: SimServer, hubs: Hubs
) -> None:
    sim.faults.drop("user")
    hub = sim.world.hubs["user"]
    await until(lambda: not hub.peers)
    await sim.order(1001, "MNQ", "buy", 1)  # missed: nothing is replayed

    await until(lambda: bool(hub.peers) and len(hub.peers[0].subscribed) == 7)
    await sim.close(1001, "MNQ")

    assert hub.negotiations == 2
    position = await hubs.until("position_update")
    assert (position["type"], position["size"], position["averagePrice"]) == (0, 0, 21000.0)


async def test_a_hub_that_only_pings_leaves_the_client_unaware(sim: SimServer, hubs: Hubs) -> None:
    sim.faults.set(mute_hubs=["user"])
    await sim.order(1001, "MNQ", "buy", 1)
    sim.faults.set(mute_hubs=[])
    await sim.order(1002, "MNQ", "buy", 1)

    assert (await hubs.until("position_update"))["accountId"] == 1002
    assert hubs.connected


@pytest.mark.parametrize("wrapped", [True, False])
async def test_payloads_reach_the_callback_in_both_shapes(
    sim: SimServer, hubs: Hubs, wrapped: Any
) -> None:
    sim.faults.set(wrapped=wrapped)
    await sim.order(1001, "MNQ", "sell", 1)

    assert (await hubs.until("position_update"))["type"] == 2


async def test_an_unknown_heartbeat_does_no_harm(sim: SimServer, hubs: Hubs) -> None:
    connection: Any = hubs.user_connection
    await connection.send("Heartbeat", [])
    await sim.order(1001, "MNQ", "buy", 1)

    assert (await hubs.until("position_update"))["size"] == 1
