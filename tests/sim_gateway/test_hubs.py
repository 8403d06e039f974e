"""The hub protocol: negotiation, handshake, subscriptions, completions."""

from decimal import Decimal

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ops.sim.server import SimServer
from tests.sim_gateway.rig import ES, MNQ, Wire, hub, log_in


async def test_an_id_opens_one_connection(
    sim: SimServer, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = (await http.post("/hubs/user/negotiate")).json()
    token = await log_in(sim)
    address = f"{sim.url.replace('http', 'ws')}/hubs/user?access_token={token}"

    async with connect(f"{address}&id={answer['connectionId']}"):
        pass
    for used in (answer["connectionId"], "made-up"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{address}&id={used}")
        assert refused.value.response.status_code == 404
    assert "ASGI" not in caplog.text


async def test_ids_can_be_reusable(sim: SimServer, http: httpx.AsyncClient) -> None:
    sim.faults.set(reusable_ids=True)
    answer = (await http.post("/hubs/market/negotiate?negotiateVersion=1")).json()
    assert answer["connectionToken"] == answer["connectionId"]
    token = await log_in(sim)

    for _ in range(2):
        address = f"{sim.url.replace('http', 'ws')}/hubs/market?access_token={token}"
        async with connect(f"{address}&id={answer['connectionId']}"):
            pass


async def test_a_hub_wants_a_good_token(sim: SimServer) -> None:
    async with httpx.AsyncClient(base_url=sim.url) as stranger:
        assert (await stranger.post("/hubs/user/negotiate")).status_code == 401
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{sim.url.replace('http', 'ws')}/hubs/user?access_token=nonsense")
    assert refused.value.response.status_code == 401
    token = await log_in(sim)
    headers = {"Authorization": f"Bearer {token}"}
    address = sim.user_hub_url.replace("http", "ws")
    async with connect(address, additional_headers=headers) as socket:
        wire = Wire(socket)
        await wire.raw({"protocol": "json", "version": 1})
        assert await wire.next() == {}


async def test_only_the_json_protocol_is_spoken(sim: SimServer) -> None:
    async with hub(sim, shake=False) as wire:
        await wire.raw({"protocol": "messagepack", "version": 1})

        assert "not supported" in (await wire.next())["error"]
        with pytest.raises(ConnectionClosed):
            await wire.next()


@pytest.mark.parametrize(
    ("name", "method", "arguments"),
    [
        ("user", "Heartbeat", []),
        ("user", "SubscribeEverything", []),
        ("user", "SubscribeContractQuotes", [MNQ]),
        ("user", "SubscribeOrders", []),
        ("user", "SubscribeOrders", ["1001"]),
        ("market", "SubscribeOrders", [1001]),
        ("market", "SubscribeContractQuotes", [7]),
    ],
)
async def test_what_a_hub_does_not_know_completes_with_an_error(
    sim: SimServer, name: str, method: str, arguments: list[object]
) -> None:
    async with hub(sim, name) as wire:
        completion = await wire.invoke(method, *arguments)

    assert completion["type"] == 3
    assert method in completion["error"]


async def test_an_invocation_without_id_is_not_answered(sim: SimServer) -> None:
    async with hub(sim) as wire:
        await wire.raw({"type": 1, "target": "SubscribeAccounts", "arguments": []})
        await wire.raw({"type": 6})

        assert await wire.fence() == []
        assert sim.world.hubs["user"].peers[0].subscribed == {("GatewayUserAccount", "*")}


async def test_only_what_was_subscribed_is_sent(sim: SimServer) -> None:
    async with hub(sim) as wire:
        assert (await wire.invoke("SubscribePositions", 1002))["result"] is None
        await sim.order(1001, "MNQ", "buy", 1)
        await sim.order(1002, "MNQ", "buy", 1)

        (message,) = await wire.fence()
        target, (payload,) = message["target"], message["arguments"]
        assert (target, payload["action"]) == ("GatewayUserPosition", 1)
        assert payload["data"]["accountId"] == 1002

        await wire.invoke("UnsubscribePositions", 1002)
        await sim.close(1002, "MNQ")
        assert await wire.fence() == []


async def test_quotes_trades_and_depth_are_of_one_contract(sim: SimServer) -> None:
    async with hub(sim, "market") as wire:
        for stream in ("Quotes", "Trades", "MarketDepth"):
            await wire.invoke(f"SubscribeContract{stream}", ES)
        await sim.price("MNQ", 21001)
        await sim.price("ES", Decimal("6000.50"))

        messages = await wire.fence()
    assert [message["target"] for message in messages] == [
        "GatewayQuote",
        "GatewayTrade",
        "GatewayDepth",
        "GatewayDepth",
    ]
    contract, quote = messages[0]["arguments"]
    assert contract == ES
    assert (quote["symbol"], quote["symbolName"]) == ("F.US.EP", "/ES")
    assert (quote["lastPrice"], quote["bestBid"], quote["bestAsk"]) == (6000.5, 6000.25, 6000.75)


async def test_what_is_no_json_ends_the_connection(sim: SimServer) -> None:
    async with hub(sim) as wire:
        await wire.socket.send("{nonsense\x1e")

        assert (await wire.next())["type"] == 7
        with pytest.raises(ConnectionClosed):
            await wire.next()


async def test_the_server_pings(sim: SimServer) -> None:
    sim.faults.set(keepalive_s=0.01)
    async with hub(sim) as wire:
        assert '"type":6' in str(await wire.socket.recv())
