"""A bad line in front of a server: its bytes come late, slowly, cut short, or not at all.

Theory: a client and a server each believe in a connection of their own; between them two pumps
carry bytes.  Weather decides what a pump does with the next piece, so it can change at any moment,
under connections that are open.  What is held back is delivered when the weather clears, as TCP
would by sending it again, unless its sender has reset the connection meanwhile; what an abandoned
connection swallows never is.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from ops.sim.sockets import stop_accepting

HOST = "127.0.0.1"
CHUNK = 65_536
PIECES_MAX = 1_024
"""Pieces on their way through one pump; beyond it the sender has to wait."""
RESET_AT_CLOSE = struct.pack("ii", 1, 0)

type Way = Literal["up", "down"]
"""Towards the server, or towards the client."""


class Weather(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to bytes; the default is a good line."""

    latency_s: float = 0.0
    """Each way, however many pieces are on their way."""
    bytes_per_s: float | None = None
    held: tuple[Way, ...] = ()
    """Ways on which nothing moves: both are a black hole, for new connections too."""
    refuse: bool = False
    reset_after: int | None = None
    """Bytes a new connection carries, both ways together, before it is reset."""


FAIR = Weather()


class Pipe:
    """One connection through the line."""

    def __init__(self, line: "Line", client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.carried = 0
        self.abandoned = self.broken = False
        self._line = line
        self._most = line.weather.reset_after

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Carry bytes both ways until both ends are done, or one breaks."""
        try:
            back, self.server = await asyncio.open_connection(*self._line.server)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump("up", reader, self.server))
                group.create_task(self._pump("down", back, self.client))
        except* OSError:
            self.reset()
        finally:
            for end in (self.client, self.server):
                if end is not None:
                    end.close()

    async def _pump(
        self, way: Way, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES_MAX)
        taking = asyncio.ensure_future(self._take(source, pieces))
        try:
            while await self._deliver(way, await pieces.get(), sink):
                pass
        finally:
            taking.cancel()

    async def _take(
        self, source: asyncio.StreamReader, pieces: "asyncio.Queue[tuple[float, bytes]]"
    ) -> None:
        """Note when each piece came: the wait for one is not the wait for the next."""
        clock = asyncio.get_running_loop().time
        piece = b"-"
        while piece:
            try:
                piece = await source.read(CHUNK)
            except OSError:  # a reset takes back what has not arrived yet
                self.broken, piece = True, b""
            await pieces.put((clock(), piece))

    async def _deliver(
        self, way: Way, arrived: tuple[float, bytes], sink: asyncio.StreamWriter
    ) -> bool:
        """Hand on one piece when the weather lets it pass; say whether more may follow."""
        at, piece = arrived
        weather = await self._line.passable(way)
        await asyncio.sleep(at + weather.latency_s - asyncio.get_running_loop().time())
        if weather.bytes_per_s is not None:
            await asyncio.sleep(len(piece) / weather.bytes_per_s)
        await self._line.passable(way)
        if self.broken and not self.abandoned:
            self.reset()
            return False
        if self.abandoned:
            return bool(piece)
        if not piece:
            if sink.can_write_eof():
                sink.write_eof()
            return False
        self.carried += len(piece)
        if self._most is not None and self.carried >= self._most:
            self.reset()
            return False
        sink.write(piece)
        await sink.drain()
        return True

    def reset(self) -> None:
        """Break both ends."""
        self.broken = True
        for end in (self.client, self.server):
            if end is not None:
                reset(end)

    def abandon(self) -> None:
        """Let the server go and tell the client nothing: what it writes is swallowed."""
        self.abandoned = True
        if self.server is not None:
            reset(self.server)


class Line:
    """A port of its own in front of a server's, for as long as the `async with` block lasts."""

    def __init__(self, port: int) -> None:
        self.server = (HOST, port)
        self.weather = FAIR
        self.pipes: set[Pipe] = set()
        self.accepted = 0
        self.port = 0
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await stop_accepting(self._listener)
        self.reset()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._listener.wait_closed()

    @property
    def url(self) -> str:
        """Return the base address."""
        return f"http://{HOST}:{self.port}"

    def set(self, **changes: Any) -> None:
        """Change the weather, from good: what is not named is as it should be."""
        self.weather = msgspec.convert(changes, Weather)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def passable(self, way: Way) -> Weather:
        """Wait until this way is not held, and return the weather."""
        while way in self.weather.held:
            await self._changed.wait()
        return self.weather

    def reset(self) -> int:
        """Reset every connection there is; return how many."""
        return self._each(Pipe.reset)

    def abandon(self) -> int:
        """Leave every connection half-open; new ones are served."""
        return self._each(Pipe.abandon)

    def _each(self, deed: Callable[[Pipe], None]) -> int:
        pipes = tuple(self.pipes)
        for pipe in pipes:
            deed(pipe)
        return len(pipes)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.weather.refuse:
            reset(writer)
            return
        pipe = Pipe(self, writer)
        self.pipes.add(pipe)
        task: asyncio.Task[None] = asyncio.ensure_future(pipe.run(reader))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self.pipes.discard(pipe))


def reset(end: asyncio.StreamWriter) -> None:
    """End a connection with a reset instead of a goodbye."""
    raw: socket.socket | None = end.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    end.transport.abort()
