"""What happens to connections: dropped, refused, mute, half-open, frozen, told to go."""

import asyncio
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ops.sim.server import SimServer
from tests.sim_gateway.rig import MNQ, hub, log_in, until


async def silent(wire: Any, seconds: float = 0.05) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await wire.next()
    except TimeoutError:
        return True
    return False


@pytest.mark.parametrize("manner", ["reset", "close", "close_with_error"])
async def test_a_hub_is_dropped_in_every_manner(sim: SimServer, manner: Any) -> None:
    async with hub(sim) as user, hub(sim, "market") as market:
        assert sim.faults.drop("user", manner) == 1

        if manner != "reset":
            message = await user.next()
            assert message["type"] == 7
            assert ("error" in message) is (manner == "close_with_error")
        with pytest.raises(ConnectionClosed):
            await user.next()
        assert await market.fence() == []


async def test_both_hubs_are_dropped(sim: SimServer) -> None:
    async with hub(sim) as user, hub(sim, "market") as market:
        assert sim.faults.drop() == 2
        for wire in (user, market):
            with pytest.raises(ConnectionClosed):
                await wire.next()


async def test_a_hub_refuses_for_a_while(sim: SimServer, http: httpx.AsyncClient) -> None:
    sim.faults.set(refuse_hubs=["user"])
    token = await log_in(sim)

    assert (await http.post("/hubs/user/negotiate")).status_code == 503
    assert (await http.post("/hubs/market/negotiate")).status_code == 200
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{sim.url.replace('http', 'ws')}/hubs/user?access_token={token}")
    assert refused.value.response.status_code == 503
    sim.faults.set(refuse_hubs=["user", "market"], seconds=0.01)
    await until(lambda: sim.faults.switches.refuse_hubs == ["user"])
    sim.faults.clear()
    assert (await http.post("/hubs/user/negotiate")).status_code == 200


async def test_a_mute_hub_answers_but_pushes_nothing(sim: SimServer) -> None:
    async with hub(sim) as wire:
        await wire.subscribe(1001)
        sim.faults.set(mute_hubs=["user"])
        await sim.order(1001, "MNQ", "buy", 1)

        assert await wire.fence() == []
        async with asyncio.timeout(1):
            await (await wire.socket.ping())


async def test_a_half_open_hub_does_not_even_answer_pings(sim: SimServer) -> None:
    async with hub(sim) as wire, hub(sim, "market") as market:
        await wire.subscribe(1001)
        sim.faults.set(half_open_hubs=["user"])
        await sim.order(1001, "MNQ", "buy", 1)
        pong = asyncio.ensure_future(await wire.socket.ping())

        assert await silent(wire)
        assert not pong.done()
        assert await market.fence() == []
        sim.faults.set(half_open_hubs=[])
        async with asyncio.timeout(1):
            await pong


async def test_a_half_open_hub_accepts_and_shakes_no_hand(sim: SimServer) -> None:
    sim.faults.set(half_open_hubs=["user"])
    async with hub(sim, shake=False) as wire:
        await wire.raw({"protocol": "json", "version": 1})

        assert await silent(wire)
        sim.faults.clear()


async def test_a_frozen_server_does_nothing_until_it_thaws(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    async with hub(sim) as wire:
        await wire.subscribe(1001)
        sim.faults.set(frozen=True)
        await sim.order(1001, "MNQ", "buy", 1)
        pong = asyncio.ensure_future(await wire.socket.ping())
        call = asyncio.create_task(http.post("/api/Account/search", json={}))

        assert await silent(wire)
        assert not pong.done()
        assert not call.done()
        sim.faults.set(frozen=False)

        assert (await call).status_code == 200
        assert len(await wire.events(5)) == 5


async def test_clients_are_logged_out(sim: SimServer) -> None:
    async with hub(sim) as wire:
        assert sim.faults.log_out("user") == 1

        target, _ = await wire.event()
    assert target == "GatewayLogout"


async def test_an_answer_can_wait_for_the_accounts_events(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    sim.faults.set(answers_after_events=True, delay_ms={"position": 40})
    async with hub(sim) as wire:
        await wire.subscribe(1001)
        order: dict[str, Any] = {"accountId": 1001, "contractId": MNQ}
        order |= {"type": 2, "side": 0, "size": 1}
        await http.post("/api/Order/place", json=order)

        targets = {message["target"] for message in await wire.fence()}
    assert "GatewayUserPosition" in targets


async def test_one_slow_reader_holds_up_nobody(sim: SimServer) -> None:
    async with hub(sim, "market") as slow, hub(sim, "market") as quick:
        for wire in (slow, quick):
            await wire.invoke("SubscribeContractQuotes", MNQ)
        for number in range(300):
            await sim.price("MNQ", 21000 + number)

        assert len(await quick.events(300)) == 300
