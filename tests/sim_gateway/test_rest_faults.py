"""Each way in which a REST call can go wrong, and for whom."""

import asyncio
from typing import Any

import httpx
import pytest

from ops.sim.server import SimServer
from tests.sim_gateway.rig import MNQ, until

CLOSE = "Position/closeContract"


async def close(http: httpx.AsyncClient, account: int = 1001) -> httpx.Response:
    body = {"accountId": account, "contractId": MNQ}
    return await http.post(f"/api/{CLOSE}", json=body)


def held(sim: SimServer, account: int = 1001) -> int:
    return len(sim.exchange.positions(account))


@pytest.mark.parametrize(("when", "left"), [("before", 1), ("after", 0)])
async def test_a_reset_loses_the_request_or_the_answer(
    sim: SimServer, http: httpx.AsyncClient, when: str, left: int
) -> None:
    await sim.order(1001, "MNQ", "buy", 1)
    sim.faults.rest(kind="reset", endpoint=CLOSE, when=when)

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await close(http)

    assert held(sim) == left
    assert "reset" in sim.calls.of(CLOSE)[0].outcome
    assert (await close(http)).status_code == 200


@pytest.mark.parametrize(("when", "left"), [("before", 1), ("after", 0)])
async def test_a_call_that_is_never_answered(
    sim: SimServer, http: httpx.AsyncClient, when: str, left: int
) -> None:
    await sim.order(1001, "MNQ", "buy", 1)
    sim.faults.rest(kind="hang", endpoint=CLOSE, when=when)
    http.timeout = httpx.Timeout(0.1)

    with pytest.raises(httpx.ReadTimeout):
        await close(http)

    assert held(sim) == left


@pytest.mark.parametrize(("when", "left"), [("before", 1), ("after", 0)])
@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_server_error_before_or_after_executing(
    sim: SimServer, http: httpx.AsyncClient, when: str, left: int, status: int
) -> None:
    await sim.order(1001, "MNQ", "buy", 1)
    sim.faults.rest(kind="status", status=status, endpoint=CLOSE, when=when)

    assert (await close(http)).status_code == status
    assert held(sim) == left


@pytest.mark.parametrize(("retry_after", "header"), [(None, None), (2.5, "2.5"), (7, "7")])
async def test_a_429_with_or_without_advice(
    sim: SimServer, http: httpx.AsyncClient, retry_after: float | None, header: str | None
) -> None:
    sim.faults.rest(kind="status", status=429, retry_after=retry_after)

    answer = await close(http)

    assert (answer.status_code, answer.headers.get("retry-after")) == (429, header)


async def test_latency_before_executing_lets_the_trader_win_the_race(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    await sim.order(1001, "MNQ", "buy", 1)
    sim.faults.rest(kind="latency", seconds=0.05, endpoint=CLOSE)

    ours = asyncio.create_task(close(http))
    await until(lambda: bool(sim.calls.of(CLOSE)))
    await sim.close(1001, "MNQ")

    assert (await ours).json()["errorCode"] == 2
    assert held(sim) == 0


async def test_latency_after_executing_delays_the_answer_only(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    await sim.order(1001, "MNQ", "buy", 1)
    sim.faults.rest(kind="latency", seconds=0.05, endpoint=CLOSE, when="after")

    ours = asyncio.create_task(close(http))
    await until(lambda: not held(sim))
    assert not ours.done()

    assert (await ours).json()["success"]


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "reject", "code": 5, "message": "no"}, '"errorCode":5,"errorMessage":"no"'),
        ({"kind": "malformed"}, '{"success": true, "errorCode": 0, '),
        ({"kind": "malformed", "body": "<html>"}, "<html>"),
        ({"kind": "empty"}, '{"success":false}'),
    ],
)
async def test_answers_of_the_wrong_kind(
    sim: SimServer, http: httpx.AsyncClient, fault: dict[str, Any], text: str
) -> None:
    await sim.order(1001, "MNQ", "buy", 1)
    sim.faults.rest(endpoint=CLOSE, **fault)

    answer = await close(http)

    assert answer.status_code == 200
    assert text in answer.text
    assert held(sim) == 1


async def test_faults_are_chosen_by_endpoint_account_count_and_turn(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    sim.faults.rest(kind="status", endpoint="Position/*", account=1002, count=2, skip=1)

    async def codes(account: int) -> list[int]:
        return [(await close(http, account)).status_code for _ in range(4)]

    assert (await http.post("/api/Account/search", json={})).status_code == 200
    assert await codes(1001) == [200] * 4
    assert await codes(1002) == [200, 500, 500, 200]


async def test_a_fault_without_count_lasts_until_cleared(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    sim.faults.rest(kind="status", count=None)

    assert [(await close(http)).status_code for _ in range(3)] == [500] * 3
    sim.faults.clear()
    assert [(await close(http)).status_code for _ in range(2)] == [200] * 2


async def test_what_a_fault_answers_counts_like_any_other_call(
    sim: SimServer, http: httpx.AsyncClient
) -> None:
    sim.faults.rest(kind="status", count=None)
    sim.faults.set(rate_limit=1)

    assert [(await close(http)).status_code for _ in range(3)] == [500, 429, 429]


async def test_an_unknown_fault_or_switch_is_refused(sim: SimServer) -> None:
    with pytest.raises(ValueError, match="Invalid enum value"):
        sim.faults.rest(kind="earthquake")
    with pytest.raises(ValueError, match="no such switch: quake"):
        sim.faults.set(quake=True)
    with pytest.raises(ValueError, match=r"\$.copies"):
        sim.faults.set(copies=9)
