"""The guardian's control socket: what an operator may ask of a running service.

A Unix socket in the data folder, for its owner alone: the HTTP address stays read-only, so that
nothing a browser can reach changes anything.  A request is one line of JSON, and so is its answer.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from protocol.codec import decode_json

log = logging.getLogger(__name__)
SOCKET = "control"
REQUEST_BYTES_MAX = 65_536
REQUEST_S = 5.0
_PEER = struct.Struct("3i")
ROOT_USER = 0


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked; the configuration by its absolute path, to be sure that one is meant."""

    command: str
    config: str


type Answer = Callable[[Request], Awaitable[msgspec.Struct]]


class Control:
    """The socket, for as long as the guardian runs."""

    def __init__(self, data_dir: Path, answer: Answer) -> None:
        self._data_dir = data_dir
        self._answer = answer
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen; a service that cannot be asked still guards."""
        try:
            self._server = await asyncio.start_server(
                self._serve, sock=listening(self._data_dir / SOCKET), limit=REQUEST_BYTES_MAX
            )
        except OSError as error:
            log.error("no control socket, reload with SIGHUP only: %s", error)  # noqa: TRY400

    def close(self) -> None:
        """Hear nobody any more."""
        if self._server is not None:
            self._server.close()
            with suppress(OSError):
                (self._data_dir / SOCKET).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, of our own user only."""
        try:
            if not is_ours(writer.get_extra_info("socket")):
                return
            line = await asyncio.wait_for(reader.readline(), REQUEST_S)
            request = decode_json(line, Request)
            writer.write(msgspec.json.encode(await self._answer(request)) + b"\n")
            await writer.drain()
        except (TimeoutError, ValueError, OSError, msgspec.MsgspecError) as error:
            log.warning("a request at the control socket came to nothing: %s", error)
        finally:
            writer.close()


def listening(path: Path) -> socket.socket:
    """Return a socket that only our own user can reach, in the place of one left behind."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o177)
    try:
        with short(path) as name:
            name.unlink(missing_ok=True)
            line.bind(str(name))
            line.listen()
    except BaseException:
        line.close()
        raise
    finally:
        os.umask(before)
    return line


def is_ours(line: socket.socket) -> bool:
    """Tell whether the peer's user is ours, by the kernel's word if it gives one."""
    peer = getattr(socket, "SO_PEERCRED", None)
    if peer is None:
        return True
    _, user, _ = _PEER.unpack(line.getsockopt(socket.SOL_SOCKET, peer, _PEER.size))
    return user in {os.geteuid(), ROOT_USER}


@contextmanager
def short(path: Path) -> Generator[Path]:
    """Give a path that fits into a socket's address, however deep its folder is."""
    if len(os.fsencode(path)) < 100 or not Path("/proc/self/fd").is_dir():  # noqa: PLR2004
        yield path
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(f"/proc/self/fd/{folder}") / path.name
    finally:
        os.close(folder)
