"""Asking a running service at its control socket."""

import socket
from pathlib import Path

import msgspec

from config.errors import ConfigError
from config.load import load, parse, read_text
from config.schema import Service
from ops.commands.status import not_running
from ops.desk.outcome import Ended, Exit
from ops.guardian.control import SOCKET, Request, short
from protocol.codec import decode_json

TIMEOUT_S = 20.0
ANSWER_BYTES_MAX = 64 * 2**20
CHUNK = 65_536


def service_of(file: Path) -> Service:
    """Return where the service is, also if all the rest of the file is wrong: it shall say so."""
    try:
        return load(file).config.service
    except ConfigError as error:
        try:
            written = parse(read_text(file), file).get("service", {})
            service = msgspec.convert(written, Service)
        except (ConfigError, ValueError):
            raise error from None
        data_dir = file.absolute().parent / service.data_dir
        if not (data_dir / SOCKET).exists():
            raise
        return msgspec.structs.replace(service, data_dir=data_dir)


def ask[T](service: Service, request: Request, answer: type[T]) -> T:
    """Return the service's answer; raise Ended if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(TIMEOUT_S)
        try:
            with short(service.data_dir / SOCKET) as path:
                line.connect(str(path))
            line.sendall(msgspec.json.encode(request) + b"\n")
            raw = received(line)
        except TimeoutError:
            what = f"the service does not answer within {TIMEOUT_S:.0f} s"
            raise Ended(Exit.EXCEPTION, what, "look at its log") from None
        except PermissionError as error:
            what = f"the service may not be asked: {error.strerror} ({service.data_dir})"
            raise Ended(Exit.EXCEPTION, what, "run this as the user of the service") from None
        except OSError:
            raise not_running(service) from None
    try:
        return decode_json(raw, answer)
    except msgspec.MsgspecError as error:
        what = f"the service's answer is not understood ({error})"
        raise Ended(Exit.EXCEPTION, what, "is it of another version? restart it") from None


def received(line: socket.socket) -> bytes:
    """Return all that comes."""
    raw = b""
    while len(raw) < ANSWER_BYTES_MAX and (chunk := line.recv(CHUNK)):
        raw += chunk
    return raw
