"""The REST half at the wire: envelopes, tokens, the rate limit, the log of calls."""

from typing import Any

import httpx
import pytest

from ops.sim.server import SimServer
from tests.sim_gateway.rig import KEY, MNQ, USER


async def post(http: httpx.AsyncClient, endpoint: str, **body: Any) -> Any:
    answer = await http.post(f"/api/{endpoint}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_logging_in_gives_a_token_that_opens_the_rest(sim: SimServer) -> None:
    async with httpx.AsyncClient(base_url=sim.url) as http:
        refused = await post(http, "Auth/loginKey", userName=USER, apiKey="wrong-key-0000")
        assert (refused["success"], refused["errorCode"], refused["token"]) == (False, 3, None)

        token = (await post(http, "Auth/loginKey", userName=USER, apiKey=KEY))["token"]

        http.headers["Authorization"] = f"Bearer {token}"
        fresh = await post(http, "Auth/validate")
        assert fresh["newToken"] != token
        assert (await post(http, "Account/search", onlyActiveAccounts=True))["success"]


async def test_accounts_show_themselves_unless_invisible(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    sim.exchange.set_account(1002, {"is_visible": False})

    active = await post(http, "Account/search", onlyActiveAccounts=True)
    everything = await post(http, "Account/search", onlyActiveAccounts=False)

    assert active["accounts"] == [
        {
            "id": 1001,
            "name": "PRACTICE-1001",
            "balance": 50000.0,
            "canTrade": True,
            "isVisible": True,
            "simulated": True,
        }
    ]
    assert [account["id"] for account in everything["accounts"]] == [1001, 1002]


@pytest.mark.parametrize(
    ("text", "first"),
    [("MNQ", "CON.F.US.MNQ.Z26"), ("ES", "CON.F.US.EP.Z26"), ("gold", "CON.F.US.GCE.Z26")],
)
async def test_contracts_are_found_by_text(http: httpx.AsyncClient, text: str, first: str) -> None:
    found = await post(http, "Contract/search", searchText=text, live=False)

    assert found["contracts"][0]["id"] == first


async def test_a_contract_is_found_by_id_or_not_at_all(http: httpx.AsyncClient) -> None:
    found = await post(http, "Contract/searchById", contractId="CON.F.US.EP.Z26")
    lost = await post(http, "Contract/searchById", contractId="CON.F.US.ZZ.Z26")
    nothing = await post(http, "Contract/search", searchText="cocoa", live=False)

    assert found["contract"] == {
        "id": "CON.F.US.EP.Z26",
        "name": "ESZ6",
        "description": "E-mini S&P 500: December 2026",
        "tickSize": 0.25,
        "tickValue": 12.5,
        "activeContract": True,
        "symbolId": "F.US.EP",
    }
    assert (lost["success"], lost["errorCode"]) == (False, 1)
    assert (nothing["success"], nothing["contracts"]) == (True, [])


@pytest.mark.parametrize(
    ("published", "value"), [("null", None), ("zero", 0.0), ("missing", "absent")]
)
async def test_a_contract_can_hide_its_tick_value(
    sim: SimServer, http: httpx.AsyncClient, published: Any, value: object
) -> None:
    sim.exchange.book.contract("MNQ").published = published

    found = await post(http, "Contract/searchById", contractId=MNQ)

    assert found["contract"].get("tickValue", "absent") == value


async def test_orders_are_found_by_state_page_and_time(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    limit = {"type": "limit", "limit": 20990, "stop_ticks": 10, "target_ticks": 10}
    await sim.order(1001, "MNQ", "buy", 1, **limit)
    await sim.order(1001, "MES", "buy", 1)

    still = await post(http, "Order/searchOpen", accountId=1001)
    query = {"accountId": 1001, "statuses": [1, 6, 7, 8]}
    working = await post(http, "Order/v2/query", filter=query, pageSize=50, pageOffset=0)
    paged: dict[str, Any] = {"pageSize": 1, "pageOffset": 1, "includeTotalCount": True}
    page = await post(http, "Order/v2/query", filter=query, **paged)
    one = await post(http, "Order/v2/query", filter=query | {"contractId": MNQ, "statuses": [1]})
    ever = await post(http, "Order/search", accountId=1001, startTimestamp="2020-01-01T00:00:00Z")
    past: dict[str, Any] = {
        "startTimestamp": "2020-01-01T00:00:00Z",
        "endTimestamp": "2020-01-02T00:00:00Z",
    }
    never = await post(http, "Order/search", accountId=1001, **past)

    assert [row["status"] for row in still["orders"]] == [1]
    assert [row["status"] for row in working["orders"]] == [1, 8, 8]
    assert ([row["type"] for row in page["orders"]], page["totalCount"]) == ([4], 3)
    assert len(one["orders"]) == 1
    assert len(ever["orders"]) == 4
    assert never["orders"] == []


async def test_trades_are_found_by_time(sim: SimServer, http: httpx.AsyncClient) -> None:
    await sim.order(1001, "MNQ", "buy", 1)

    since = {"startTimestamp": "2020-01-01T00:00:00Z"}
    found = await post(http, "Trade/search", accountId=1001, **since)
    other = await post(http, "Trade/search", accountId=1002, **since)

    (trade,) = found["trades"]
    assert (trade["profitAndLoss"], trade["fees"], trade["voided"]) == (None, 0.37, False)
    assert other["trades"] == []


@pytest.mark.parametrize(
    "endpoint", ["Position/searchOpen", "Order/searchOpen", "Order/search", "Trade/search"]
)
async def test_an_unknown_account_is_an_error_of_its_own(
    http: httpx.AsyncClient, endpoint: str
) -> None:
    body = {"accountId": 9, "startTimestamp": "2020-01-01T00:00:00Z"}

    answer = await post(http, endpoint, **body)

    assert (answer["success"], answer["errorCode"]) == (False, 1)


async def test_a_malformed_body_is_a_problem_document(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/Order/v2/query", json={"filter": {}})

    assert answer.status_code == 400
    assert "accountId" in answer.json()["detail"]
    assert (await http.post("/api/Nothing/here", json={})).status_code == 404


async def test_a_token_ends_by_revocation_and_by_age(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    assert sim.faults.revoke_tokens() == 1
    assert (await http.post("/api/Account/search", json={})).status_code == 401

    http.headers["Authorization"] = f"Bearer {sim.world.tokens.issue(USER, 3600)}"
    assert (await http.post("/api/Account/search", json={})).status_code == 200
    sim.faults.expire_tokens()
    assert (await http.post("/api/Account/search", json={})).status_code == 401
    assert [call.outcome for call in sim.calls.log] == [
        "token revoked",
        "answered",
        "token expired",
    ]


async def test_the_rate_limit_counts_all_endpoints(sim: SimServer, http: httpx.AsyncClient) -> None:
    sim.faults.set(rate_limit=2, retry_after=True)

    codes = [(await http.post("/api/Account/search", json={})).status_code for _ in range(2)]
    late = await http.post("/api/Contract/search", json={})

    assert (codes, late.status_code) == ([200, 200], 429)
    assert 0 < int(late.headers["retry-after"]) <= 61
    sim.faults.set(rate_limit=0)
    assert (await http.post("/api/Account/search", json={})).status_code == 200


async def test_every_call_is_on_record(sim: SimServer, http: httpx.AsyncClient) -> None:
    await post(http, "Position/closeContract", accountId=1001, contractId=MNQ)

    (call,) = sim.calls.of("Position/closeContract", 1001)
    assert call.body == {"accountId": 1001, "contractId": MNQ}
    assert (call.outcome, call.status, call.code) == ("refused", 200, 2)
    assert call.answered_ns is not None
    assert call.received_ns <= call.answered_ns
    assert sim.calls.of("Position/closeContract", 1002) == []


async def test_time_is_the_brokers_and_may_be_off() -> None:
    noon = 1_793_534_400_000_000_000
    async with SimServer(clock=lambda: noon) as sim:
        await sim.order(1001, "MNQ", "buy", 1)
        sim.faults.set(clock_offset_ms=-1500)
        await sim.order(1001, "MNQ", "buy", 1)

        trades = sim.exchange.trades(1001, 0, None)

    assert [trade["creationTimestamp"] for trade in trades] == [
        "2026-11-01T12:00:00.000000+00:00",
        "2026-11-01T11:59:58.500000+00:00",
    ]
