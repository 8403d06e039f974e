"""How messages arrive: doubled, shuffled, delayed, lost, in other shapes; quotes of every kind."""

from typing import Any

import pytest

from ops.sim import actions
from ops.sim.server import SimServer
from tests.sim_gateway.rig import MNQ, hub


async def streams(sim: SimServer, **switches: Any) -> list[str]:
    sim.faults.set(**switches)
    async with hub(sim) as wire:
        await wire.subscribe(1001)
        await sim.order(1001, "MNQ", "buy", 1)
        return [row["target"].removeprefix("GatewayUser") for row in await wire.fence()]


NATURAL = ["Order", "Order", "Trade", "Position", "Account"]


@pytest.mark.parametrize("copies", [1, 2, 3])
async def test_messages_come_once_or_several_times(sim: SimServer, copies: int) -> None:
    assert await streams(sim, copies=copies) == [name for name in NATURAL for _ in range(copies)]


async def test_streams_come_in_any_order(sim: SimServer) -> None:
    order = ["position", "trade", "order"]

    assert await streams(sim, order_of_streams=order) == [
        "Position",
        "Trade",
        "Order",
        "Order",
        "Account",
    ]


async def test_streams_are_shuffled_by_the_seed(sim: SimServer) -> None:
    orders = {tuple(await streams(sim, shuffle_streams=True)) for _ in range(8)}

    assert len(orders) > 1
    assert all(sorted(order) == sorted(NATURAL) for order in orders)


async def test_a_stream_comes_late(sim: SimServer) -> None:
    sim.faults.set(delay_ms={"order": 30, "trade": 15})
    async with hub(sim) as wire:
        await wire.subscribe(1001)
        await sim.order(1001, "MNQ", "buy", 1)

        targets = [target.removeprefix("GatewayUser") for target, _ in await wire.events(5)]
    assert targets == ["Position", "Account", "Trade", "Order", "Order"]


async def test_messages_are_lost_by_count(sim: SimServer) -> None:
    assert await streams(sim, lose={"order": 1, "position": 1}) == ["Order", "Trade", "Account"]
    assert await streams(sim, lose={}) == NATURAL


async def test_payloads_are_bare_when_switched(sim: SimServer) -> None:
    sim.faults.set(wrapped=False, string_ids=True, null_update_timestamp=True)
    async with hub(sim) as wire:
        await wire.subscribe(1001)
        order_id = await sim.order(1001, "MNQ", "buy", 1)

        target, order = await wire.event()
    assert target == "GatewayUserOrder"
    assert (order["id"], order["accountId"]) == (str(order_id), "1001")
    assert order["updateTimestamp"] is None
    assert order["size"] == 1


async def test_subscribing_can_bring_a_snapshot(sim: SimServer) -> None:
    sim.faults.set(snapshot_on_subscribe=True)
    await sim.order(1001, "MNQ", "buy", 1, stop_ticks=40)
    async with hub(sim) as wire:
        for stream in ("SubscribePositions", "SubscribeOrders"):
            await wire.raw({"type": 1, "target": stream, "arguments": [1001]})
        await wire.raw({"type": 1, "target": "SubscribeAccounts", "arguments": []})

        targets = [message["target"] for message in await wire.fence()]
    assert targets == [
        "GatewayUserPosition",
        "GatewayUserOrder",
        "GatewayUserAccount",
        "GatewayUserAccount",
    ]


async def quote(sim: SimServer, **switches: Any) -> dict[str, Any] | None:
    sim.faults.set(**switches)
    async with hub(sim, "market") as wire:
        await wire.invoke("SubscribeContractQuotes", MNQ)
        await sim.price("MNQ", 21001)
        rows = await wire.fence()
        return rows[0]["arguments"][1] if rows else None


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({}, {"lastPrice": 21001.0, "bestBid": 21000.75, "symbol": "F.US.MNQ"}),
        ({"quote_last": "zero"}, {"lastPrice": 0.0, "bestBid": 21000.75}),
        ({"quote_last": "missing"}, {"lastPrice": None, "bestBid": 21000.75}),
        ({"quote_crossed": True}, {"bestBid": 21001.25, "bestAsk": 21000.75}),
        ({"quote_symbol": "bare"}, {"symbol": "MNQ"}),
        ({"quote_fields": ["bestBid"]}, {"bestBid": 21000.75, "bestAsk": None, "volume": None}),
    ],
)
async def test_quotes_come_whole_or_wanting(
    sim: SimServer, switches: dict[str, Any], expected: dict[str, Any]
) -> None:
    told = await quote(sim, **switches)

    assert told is not None
    assert {name: told.get(name) for name in expected} == expected


async def test_quotes_can_fall_silent(sim: SimServer) -> None:
    assert await quote(sim, quotes_silent=True) is None


async def test_quotes_come_out_of_order() -> None:
    async with SimServer(clock=lambda: 1_793_534_400_000_000_000) as sim:
        stamps = [await quote(sim, quote_time_jitter_ms=500) for _ in range(5)]

    times = [told["timestamp"] for told in stamps if told]
    assert len(times) == 5
    assert times != sorted(times)


async def test_a_raw_quote_and_a_raw_message_go_out_as_they_stand(sim: SimServer) -> None:
    async with hub(sim, "market") as market, hub(sim) as user:
        await market.invoke("SubscribeContractQuotes", MNQ)
        await user.subscribe(1001)
        await sim.do(actions.Quote(contract="MNQ", data={"symbol": "F.US.MNQ", "bestAsk": 1}))
        data: dict[str, object] = {"action": 9}
        odd = actions.Message(account=1001, target="GatewayUserTrade", data=data)
        await sim.do(odd)

        assert await market.event() == ("GatewayQuote", {"symbol": "F.US.MNQ", "bestAsk": 1})
        assert await user.event() == ("GatewayUserTrade", data)


async def test_a_position_is_sent_again_with_or_without_another_price(sim: SimServer) -> None:
    await sim.order(1001, "MNQ", "buy", 1)
    async with hub(sim) as wire:
        await wire.subscribe(1001)
        await sim.do(actions.Resend(account=1001))
        from decimal import Decimal

        await sim.do(actions.Resend(account=1001, average=Decimal("21000.25")))

        prices = [payload["data"]["averagePrice"] for _, payload in await wire.events(2)]
    assert prices == [21000.0, 21000.25]


async def test_market_trades_come_as_object_or_list(sim: SimServer) -> None:
    async with hub(sim, "market") as wire:
        await wire.invoke("SubscribeContractTrades", MNQ)
        await sim.price("MNQ", 21001)
        sim.faults.set(market_trade_as_list=True)
        await sim.price("MNQ", 21002)

        (_, one), (_, other) = await wire.events(2)
    assert (one["price"], [row["price"] for row in other]) == (21001.0, [21002.0])


async def test_a_burst_arrives_whole_and_in_order(sim: SimServer) -> None:
    async with hub(sim, "market") as wire:
        await wire.invoke("SubscribeContractQuotes", MNQ)
        await sim.do(actions.Burst(contract="MNQ", count=200, per_second=5000))

        volumes = [told["volume"] for _, told in await wire.events(200)]
    assert volumes == list(range(1, 201))


async def test_a_sibling_is_cancelled_late_at_the_wire(sim: SimServer) -> None:
    sim.faults.set(sibling_cancel="late", late_cancel_ms=10)
    await sim.order(1001, "MNQ", "buy", 1, stop_ticks=40, target_ticks=40)
    async with hub(sim) as wire:
        await wire.invoke("SubscribeOrders", 1001)
        await sim.price("MNQ", 20990)

        statuses = [payload["data"]["status"] for _, payload in await wire.events(2)]
    assert statuses == [2, 3]


async def test_a_market_order_is_filled_after_the_brokers_delay(sim: SimServer) -> None:
    sim.faults.set(fill_delay_ms=10)
    async with hub(sim) as wire:
        await wire.subscribe(1001)
        await sim.order(1001, "MNQ", "buy", 1)
        assert sim.exchange.positions(1001) == []

        targets = [target for target, _ in await wire.events(4)]
    assert targets[-1] == "GatewayUserPosition"
