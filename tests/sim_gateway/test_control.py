"""The `/_sim/` routes: every action by HTTP, clear errors, and the reads."""

from typing import Any

import httpx
import pytest

from ops.sim.actions import NAMES
from ops.sim.server import SimServer
from tests.sim_gateway.rig import MNQ, hub


async def do(http: httpx.AsyncClient, name: str, /, **fields: Any) -> Any:
    answer = await http.post(f"/_sim/{name}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def look(http: httpx.AsyncClient, name: str) -> Any:
    return (await http.get(f"/_sim/{name}")).json()


async def test_a_traders_day_by_http(http: httpx.AsyncClient) -> None:
    await do(http, "price", contract="MNQ", price=21000)
    order: dict[str, Any] = {"account": 1001, "contract": "MNQ", "side": "buy", "size": 2}
    entry = await do(http, "order", **order, stop_ticks=40, target_ticks=80)
    assert isinstance(entry["orderId"], int)
    rest = await do(http, "order", **order, type="limit", limit=20900, tag="mine")
    await do(http, "modify", account=1001, order=rest["orderId"], limit=20901, size=1)
    await do(http, "cancel", account=1001, order=rest["orderId"])
    await do(http, "close", account=1001, contract="MNQ", size=1)
    await do(http, "close", account=1001, contract="MNQ", cancel_orders=True)
    await do(http, "void", account=1001)

    state = await look(http, "state")
    assert state["positions"] == []
    assert [row["status"] for row in state["orders"]] == [2, 3, 3, 3, 2, 2]
    assert [row["voided"] for row in state["trades"]] == [False, False, True]
    assert state["prices"][MNQ] == 21000.0


async def test_accounts_and_contracts_come_and_change(http: httpx.AsyncClient) -> None:
    assert (await do(http, "account", account=1003, name="NEW", balance=1000))["added"] is True
    assert (await do(http, "account", account=1001, can_trade=False))["added"] is False
    await do(http, "contract", root="ES", expiry="H27", price=6050, published="null")

    state = await look(http, "state")
    assert [row["canTrade"] for row in state["accounts"]] == [False, True, True]
    assert state["contracts"][-1]["id"] == "CON.F.US.EP.H27"
    assert state["contracts"][-1]["tickValue"] is None


async def test_faults_come_and_go(http: httpx.AsyncClient) -> None:
    rest = {"kind": "status", "status": 503, "endpoint": "Account/*", "count": 2}
    await do(http, "fault", set={"copies": 3}, rest=rest)

    state = await look(http, "state")
    assert state["switches"]["copies"] == 3
    assert state["restFaults"][0]["endpoint"] == "Account/*"
    assert (await http.post("/api/Account/search", json={})).status_code == 503
    await do(http, "clear")
    assert (await http.post("/api/Account/search", json={})).status_code == 200


async def test_tokens_end_by_http(http: httpx.AsyncClient) -> None:
    assert (await do(http, "revoke"))["revoked"] == 1
    assert (await do(http, "expire"))["expired"] == 1
    assert (await http.post("/api/Account/search", json={})).status_code == 401


async def test_hubs_are_watched_dropped_and_logged_out(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    async with hub(sim) as wire:
        await wire.subscribe(1001)
        user = (await look(http, "hubs"))["user"]
        assert user["connections"][0]["subscriptions"] == [
            "GatewayUserAccount *",
            "GatewayUserOrder 1001",
            "GatewayUserPosition 1001",
            "GatewayUserTrade 1001",
        ]
        assert "SubscribeOrders(1001)" in user["connections"][0]["invocations"]
        assert (await do(http, "logout", hub="user"))["told"] == 1
        assert (await do(http, "drop", hub="user"))["dropped"] == 1


async def test_a_partly_filled_order_goes_on_by_decree(http: httpx.AsyncClient) -> None:
    order: dict[str, Any] = {"account": 1001, "contract": "MNQ", "side": "buy", "size": 3}
    order_id = (await do(http, "order", **order, chunks=[1]))["orderId"]
    await do(http, "fill", order=order_id, size=2, price=21003)

    (position,) = (await look(http, "state"))["positions"]
    assert (position["size"], position["averagePrice"]) == (3, 21002.0)


async def test_several_actions_in_one_request(http: httpx.AsyncClient) -> None:
    steps = [
        {"do": "price", "contract": "ES", "price": 6001},
        {"do": "order", "account": 1001, "contract": "ES", "side": "sell", "size": 1},
    ]
    answer = (await http.post("/_sim/do", json=steps)).json()

    assert answer["ok"] is True
    assert "orderId" in answer["results"][1]


async def test_calls_are_listed_after_a_serial_and_by_endpoint(http: httpx.AsyncClient) -> None:
    for endpoint in ("Account/search", "Contract/search", "Account/search"):
        await http.post(f"/api/{endpoint}", json={})

    rows = (await look(http, "calls?endpoint=Account/search"))["calls"]
    assert len(rows) == 2
    late = (await look(http, f"calls?after={rows[0]['serial']}"))["calls"]
    assert [row["endpoint"] for row in late] == ["Contract/search", "Account/search"]


async def test_reset_starts_anew(sim: SimServer, http: httpx.AsyncClient) -> None:
    async with hub(sim) as wire:
        await wire.subscribe(1001)
        await do(http, "fault", set={"copies": 2})
        await do(http, "order", account=1001, contract="MNQ", side="buy", size=1)
        await do(http, "reset")

        state = await look(http, "state")
        assert (state["orders"], state["switches"]["copies"]) == ([], 1)
        await wire.fence()
        await do(http, "order", account=1001, contract="MNQ", side="buy", size=1)
        assert len(await wire.fence()) == 5


@pytest.mark.parametrize(
    ("name", "body", "status", "words"),
    [
        ("quake", {}, 404, "there are: do, price"),
        ("price", {"contract": "MNQ"}, 400, "missing required field `price`"),
        ("price", {"contract": "XYZ", "price": 1}, 404, "no contract 'XYZ'"),
        ("order", {"account": 1, "contract": "MNQ", "side": "up", "size": 1}, 400, "side"),
        ("order", {"account": 7, "contract": "MNQ", "side": "buy", "size": 1}, 400, "Account"),
        ("close", {"account": 1001, "contract": "MNQ"}, 400, "Position not found"),
        ("fault", {"set": {"quake": 1}}, 400, "no such switch: quake"),
        ("fault", {"rest": {"kind": "quake"}}, 400, "quake"),
        ("void", {}, 404, "no trade to void"),
        ("fill", {"order": 1, "size": 1, "price": 1}, 404, "no live order 1"),
        ("contract", {"root": "ZZ", "expiry": "Z26"}, 400, "unknown product 'ZZ'"),
        ("contract", {"root": "YM", "expiry": "Z26"}, 400, "needs a price"),
        ("contract", {"root": "YM", "expiry": "A26"}, 400, "expiry 'A26'"),
    ],
)
async def test_errors_say_what_is_wrong(
    http: httpx.AsyncClient, name: str, body: dict[str, Any], status: int, words: str
) -> None:
    answer = await http.post(f"/_sim/{name}", json=body)

    assert answer.status_code == status
    assert answer.json()["ok"] is False
    assert words in answer.json()["error"]


async def test_a_body_that_is_no_json_is_an_error(http: httpx.AsyncClient) -> None:
    answer = await http.post("/_sim/price", content="{")

    assert answer.status_code == 400


def test_every_action_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {"price", "quote", "order", "close", "cancel", "fault", "drop"} <= set(NAMES)
