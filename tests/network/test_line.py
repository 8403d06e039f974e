"""The line itself: what it does to bytes, so that the faults made of it are what they say."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from ops.sim.line import Line
from ops.sim.sockets import stop_accepting

LONG = b"x" * 20_000


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Return a line before a server that sends back what it gets."""
    writers: list[asyncio.StreamWriter] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while piece := await reader.read(1_000):
                writer.write(piece)
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with Line(server.sockets[0].getsockname()[1]) as made:
        yield made
    await stop_accepting(server)
    for writer in writers:
        writer.transport.abort()
    await server.wait_closed()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, line: Line) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", line.port))

    async def says(self, words: bytes) -> bytes:
        """Send words and return as much as comes back, at most as much."""
        self.writer.write(words)
        async with asyncio.timeout(5):
            return await self.reader.readexactly(len(words))

    def close(self) -> None:
        self.writer.transport.abort()


async def test_a_good_line_carries_everything_in_order(line: Line) -> None:
    client = await Client.of(line)
    words = bytes(range(256)) * 400

    assert await client.says(words) == words
    client.close()


async def test_latency_is_added_each_way_and_not_once_per_piece(line: Line) -> None:
    client = await Client.of(line)
    line.set(latency_s=0.1)
    begun = time.monotonic()

    assert await client.says(LONG) == LONG

    assert 0.2 <= time.monotonic() - begun < 1.0, "20 pieces there and 20 back"
    client.close()


async def test_a_throttled_line_takes_the_time_its_bytes_need(line: Line) -> None:
    client = await Client.of(line)
    line.set(bytes_per_s=50_000)
    begun = time.monotonic()

    assert await client.says(LONG) == LONG

    assert time.monotonic() - begun >= 0.4
    client.close()


@pytest.mark.parametrize("way", ["up", "down"])
async def test_what_is_held_comes_when_the_weather_clears(line: Line, way: str) -> None:
    client = await Client.of(line)
    line.set(held=[way])
    saying = asyncio.create_task(client.says(b"late"))
    await asyncio.sleep(0.1)
    assert not saying.done()

    line.set()

    assert await saying == b"late"
    client.close()


async def test_a_connection_is_reset_after_so_many_bytes(line: Line) -> None:
    line.set(reset_after=10_000)
    client = await Client.of(line)

    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError, BrokenPipeError)):
        await client.says(LONG)
    client.close()


async def test_a_refused_connection_is_reset_at_once(line: Line) -> None:
    line.set(refuse=True)

    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await greeting(line)


async def greeting(line: Line) -> bytes:
    client = await Client.of(line)
    try:
        return await client.says(b"hello")
    finally:
        client.close()


async def test_an_abandoned_connection_is_never_told_and_a_new_one_works(line: Line) -> None:
    old = await Client.of(line)
    assert await old.says(b"hello") == b"hello"

    assert line.abandon() == 1
    saying = asyncio.create_task(old.says(b"anyone there"))
    new = await Client.of(line)
    assert await new.says(b"hello") == b"hello"
    await asyncio.sleep(0.05)

    assert not saying.done()
    assert not old.reader.at_eof()
    saying.cancel()
    old.close()
    new.close()
