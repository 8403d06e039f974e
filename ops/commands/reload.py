"""`riskwarden reload`: have the running service read its configuration again."""

import socket
import sys
from argparse import Namespace
from pathlib import Path

import msgspec

from config.errors import ConfigError
from config.load import load, parse, read_text
from config.schema import Service
from ops.commands.status import not_running
from ops.desk.outcome import Ended, Exit
from ops.guardian.control import SOCKET, Request, short
from protocol.control import AccountChange, ReloadStatus

TIMEOUT_S = 20.0
ANSWER_BYTES_MAX = 16 * 2**20
CHUNK = 65_536


def run(args: Namespace) -> int:
    """Ask, and print what came of it."""
    service = service_of(args.config)
    told = ask(service, Request(command="reload", config=str(args.config.absolute())))
    if args.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told)).decode() + "\n")
    else:
        sys.stdout.write("\n".join(render(told)) + "\n")
    return exit_code(told)


def exit_code(told: ReloadStatus) -> Exit:
    """Return what the answer means for programs."""
    if not told.accepted:
        return Exit.CONFIGURATION
    untaken = any(one.instead for one in told.accounts)
    return Exit.EXCEPTION if told.problems or untaken else Exit.OK


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


def ask(service: Service, request: Request) -> ReloadStatus:
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
        except OSError:
            raise not_running(service) from None
    try:
        return msgspec.json.decode(raw, type=ReloadStatus)
    except msgspec.MsgspecError as error:
        what = f"the service's answer is not understood ({error})"
        raise Ended(Exit.EXCEPTION, what, "is it of another version? restart it") from None


def received(line: socket.socket) -> bytes:
    """Return all that comes."""
    raw = b""
    while len(raw) < ANSWER_BYTES_MAX and (chunk := line.recv(CHUNK)):
        raw += chunk
    return raw


def render(told: ReloadStatus) -> list[str]:
    """Return the answer as lines for people."""
    if not told.accepted:
        many = f"{len(told.problems)} problem{'s' * (len(told.problems) > 1)}"
        return [f"refused, nothing changes: {many}", *(f"  {one}" for one in told.problems)]
    lines = ["accepted: what is stricter applies now, what is looser at the next reset"]
    for one in told.accounts:
        lines += ["", *render_change(one)]
    lines += ["", *(f"account {one}: guarded from now on" for one in told.added)] * bool(told.added)
    lines += [f"warning: {one}" for one in told.warnings]
    lines += [f"PROBLEM: {one}" for one in told.problems]
    return lines


def render_change(one: AccountChange) -> list[str]:
    """Return what an account made of it."""
    if one.instead:
        return [f"account {one.id}: NOT TAKEN", f"  {one.instead}"]
    lines = [f"account {one.id}: {'changed' if one.applied else 'nothing changes now'}"]
    lines += [f"  now    {change}" for change in one.applied]
    if one.waits:
        lines.append(f"  waits for the reset at {one.until}")
        lines += [f"  later  {change}" for change in one.waits]
    return lines
