"""Whatever is sent to the API: an answer or a closed connection, and a service that goes on."""

import asyncio
import random

import pytest

from ops.desk.lockfile import holder
from tests.guardian.conftest import Build
from tests.guardian.service import account, login

NOWHERE = "http://127.0.0.1:1"
PATHS = [
    "/",
    "/status",
    "/livez",
    "/readyz",
    "/metrics",
    "/../etc/passwd",
    "/status/x",
    "/%00",
    "*",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "UNLOCK", "G\0T"]
HEADERS = [
    b"Host: 127.0.0.1",
    b"Host: evil.example",
    b"Host:",
    b"Content-Length: 10",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: chunked",
    b"Connection: upgrade",
    b"Upgrade: websocket",
    b"Cookie: " + b"a" * 9_000,
    b"X-\xff\xfe: \x80",
    b": nothing",
    b"Expect: 100-continue",
]
REQUESTS = 400
SERVER_ERROR = 500


def request(draw: random.Random) -> bytes:
    """Return a request that is right, nearly right, or noise."""
    if draw.random() < 0.2:
        return draw.randbytes(draw.randrange(1, 400))
    line = f"{draw.choice(METHODS)} {draw.choice(PATHS)}?{'a=b&' * draw.randrange(3)} HTTP/1.1\r\n"
    headers = [draw.choice(HEADERS) for _ in range(draw.randrange(5))]
    body = draw.randbytes(draw.randrange(40))
    raw = bytearray(line.encode() + b"\r\n".join([*headers, b"", b""]) + body)
    if draw.random() < 0.3:
        raw[draw.randrange(len(raw))] = draw.randrange(256)
    return bytes(raw)


async def send(host: str, port: int, raw: bytes) -> bytes:
    """Send bytes, and return what comes back before the other side, or we, had enough."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(raw)
        writer.write_eof()
        async with asyncio.timeout(5):
            return await reader.read(100_000)
    except (ConnectionError, TimeoutError):
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_request_brings_the_guardian_down(service: Build, seed: int) -> None:
    one = service(login(NOWHERE), account())
    await one.start()
    said = holder(one.data_dir / "lock")
    assert said is not None
    host, _, port = said.http.rpartition(":")
    draw = random.Random(seed)

    answers = [await send(host, int(port), request(draw)) for _ in range(REQUESTS)]

    codes = [int(it.split()[1]) for it in answers if it.startswith(b"HTTP/1.1 ")]
    assert len(codes) > REQUESTS / 2
    assert {code for code in codes if code >= SERVER_ERROR and code != 503} == set()
    assert not any(b"Traceback" in it for it in answers)
    assert (await one.get("livez")).status_code == 200
    assert one.process is not None
    assert one.process.returncode is None
    assert "Traceback" not in one.log
    assert await one.end() == 0
