"""The page's files and its news, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from ops.desk.lockfile import holder
from ops.sim.server import SimServer
from ops.web.broadcast import HEARTBEAT, PAGES_MAX, WAITING_MAX, Broadcast, Page
from ops.web.page import edition
from ops.web.view import Screen
from protocol.control import ServiceStatus
from tests.guardian.service import Service, account, login, until

FILES = (
    "",
    "style.css",
    "app.js",
    "account.js",
    "dom.js",
    "words.js",
    "favicon.svg",
    "favicon.ico",
)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with SimServer() as sim:
        one = Service(tmp_path, login(sim.url), account())
        await one.start()
        try:
            yield one
        finally:
            await one.end()


def address(service: Service) -> str:
    said = holder(service.data_dir / "lock")
    assert said is not None
    return f"http://{said.http}"


async def test_the_page_is_served_for_this_machine_and_changes_nothing(service: Service) -> None:
    for name in FILES:
        said = await service.get(name)
        assert said.status_code == 200
        assert said.content
        policy = said.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy
        assert said.headers["X-Content-Type-Options"] == "nosniff"
        assert (await service.get(name, host="evil.example")).status_code == 400
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in ("/", "/events"):
            for method in ("POST", "PUT", "DELETE", "PATCH"):
                said = await client.request(method, address(service) + path)
                assert said.status_code == 405
    foreign = await service.get("events", **{"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert (await service.get("../page.py")).status_code == 404


async def test_pages_that_read_nothing_keep_neither_the_others_nor_the_end_waiting(
    service: Service,
) -> None:
    host, port = address(service).removeprefix("http://").split(":")
    deaf = [await asyncio.open_connection(host, int(port)) for _ in range(PAGES_MAX - 1)]
    for _, writer in deaf:
        writer.write(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        async with client.stream("GET", address(service) + "/events") as said:
            assert said.headers["Content-Type"].startswith("text/event-stream")
            lines = said.aiter_lines()
            head = [await anext(lines) for _ in range(3)]
            assert head == ["retry: 1000", "event: edition", f"data: {edition()}"]
            shown = [one async for one in several(lines, 3)]
        assert all(one.accounts[0].status.id == 1001 for one in shown)
        assert len({one.at for one in shown}) == 3
    assert await service.end() == 0
    for _, writer in deaf:
        writer.close()


async def several(lines: AsyncIterator[str], count: int) -> AsyncIterator[Screen]:
    async for line in lines:
        if line.startswith("data: "):
            yield msgspec.json.decode(line.removeprefix("data: "), type=Screen)
            count -= 1
            if not count:
                return


async def test_too_many_pages_are_told_so(service: Service) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        open_ones = [
            await client.send(
                client.build_request("GET", address(service) + "/events"), stream=True
            )
            for _ in range(PAGES_MAX)
        ]
        refused = await client.get(address(service) + "/events")
        assert refused.status_code == 503
        assert "close some" in refused.text
        for one in open_ones:
            await one.aclose()

        async def there_is_room() -> bool:
            async with client.stream("GET", address(service) + "/events") as said:
                return said.status_code == 200

        await until(there_is_room, 10)


async def test_a_slow_page_misses_the_older_news_and_never_the_newest() -> None:
    page = Page()
    for number in range(WAITING_MAX + 3):
        page.put(str(number).encode())

    heard = [await page.next() for _ in range(WAITING_MAX)]
    assert heard == [b"3", b"4", b"5", b"6"]
    page.end()
    assert await page.next() is None


async def test_a_page_that_stops_reading_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.web.broadcast.LOOK_S", 0.005)
    monkeypatch.setattr("ops.web.broadcast.SAY_S", 0.005)
    broadcast = Broadcast(lambda: ServiceStatus(accounts=[], desks=[]), "1")
    deaf, quick = broadcast.stream(), broadcast.stream()
    await anext(deaf)
    await anext(deaf)
    heard = [await anext(quick) for _ in range(20 * WAITING_MAX)]

    waiting = [await anext(deaf) for _ in range(WAITING_MAX)]
    assert set(waiting) <= set(heard[-3 * WAITING_MAX :]), "the oldest are gone"
    await deaf.aclose()
    await quick.aclose()
    await broadcast.close()


async def test_a_silent_service_lets_the_page_age_and_keeps_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ops.web.broadcast.HEARTBEAT_S", 0.05)
    answers = [ServiceStatus(accounts=[], desks=[])]

    def status() -> ServiceStatus:
        return answers.pop() if answers else fail()

    broadcast = Broadcast(status, "1")
    stream = broadcast.stream()
    assert (await anext(stream)).startswith(b"retry: 1000\nevent: edition\ndata: 1\n\n")
    assert (await anext(stream)).startswith(b"event: state\ndata: {")
    assert await anext(stream) == HEARTBEAT
    await broadcast.close()
    assert [one async for one in stream] == []
    assert broadcast.is_full


def fail() -> ServiceStatus:
    raise RuntimeError("no status")
