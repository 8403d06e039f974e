"""Nonsense on every line into a running service: it is refused or counted, and guarding goes on.

The lines are the control socket, the pipes between guardian and desk, both hubs and REST.  Whoever
writes to them has to be the owner, the Gateway, or whoever broke it.
"""

import asyncio
import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ops.desk.identities import recall
from ops.desk.lockfile import holder
from ops.notify.days import Diary
from ops.notify.notifier import recalled
from ops.sim.peers import SEPARATOR
from ops.sim.server import SimServer
from ops.sim.switches import HubName
from protocol.codec import decode_json
from tests.guardian.conftest import Build
from tests.guardian.service import KEY, MNQ, Service, account, is_running, login, lose, until

DEEP = 50_000
JSON = [
    b"",
    b"\x00",
    b"\xff\xfe\xfd",
    b"null",
    b"NaN",
    b"[]",
    b"{}",
    b'{"',
    b'{"command":"\xff"}',
    b'{"\xff":1}',
    b'{"command":"\\ud800"}',
    b'{"command":7,"config":[]}',
    b'{"command":"reload","command":"reload","serial":1e400}',
    b'{"command":"reload","serial":99999999999999999999999999,"serial":-1}',
    b'{"command":"refused","serial":1,"problems":["\\ud800",7]}',
    b'{"command":"reload","config":"\\u0000"}',
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b'{"command":"unlock","x":' + b"[" * DEEP + b"]" * DEEP + b"}",
    b'{"code":0,"message":' + b"[" * DEEP,
    b'{"desk":NaN,"accounts":' + b"[" * DEEP,
    b'{"said":"trace",7',
    b'{"said":"trace","spans":"\xff"}',
    b'{"said":"trace","x":' + b"[" * DEEP,
    b'{"command":"trace","serial":[]}',
    b'{"command":"trace","serial":-99999999999999999999999}',
    b"x" * 300_000,
]


async def guarded(service: Build, sim: SimServer) -> tuple[Service, int]:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    return one, await one.desk_pid()


async def goes_on(one: Service, sim: SimServer, desk: int) -> None:
    """See that nobody died, and that a loss still locks and closes."""
    assert one.process is not None
    assert one.process.returncode is None
    await one.armed(40)
    assert await one.desk_pid() == desk, one.log
    assert (await one.status()).desks[0].restarts == 0
    assert "Traceback" not in one.log
    await lose(sim)

    async def is_locked_and_flat() -> bool:
        await sim.price(MNQ, 20_500)  # a market goes on telling its price
        return (await one.account()).locked and not sim.exchange.positions(1001)

    await until(is_locked_and_flat, 20, lambda: one.log)


def noise(draw: random.Random) -> bytes:
    """Return a line of nonsense: noise, or something nearly right with a byte changed."""
    if draw.random() < 0.3:
        return draw.randbytes(draw.randrange(1, 200)).replace(b"\n", b"")
    raw = bytearray(draw.choice(JSON)[:500])
    if raw:
        raw[draw.randrange(len(raw))] = draw.randrange(256)
    return bytes(raw).replace(b"\n", b"").replace(b"stop", b"st0p")


def ask(path: Path, said: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        line.connect(str(path))
        try:
            line.sendall(said)
            line.shutdown(socket.SHUT_WR)
            return line.recv(65_536)
        except OSError:
            return b""


async def test_nothing_said_at_the_control_socket_ends_or_changes_anything(
    service: Build, sim: SimServer
) -> None:
    one, desk = await guarded(service, sim)
    draw = random.Random(5)
    lines = [*JSON, *(noise(draw) for _ in range(150))]

    for line in lines:
        for end in (b"\n", b""):
            answer = await asyncio.to_thread(ask, one.data_dir / "control", line + end)
            assert b'"accepted":true' not in answer

    assert "came to nothing" in one.log
    assert "Unhandled exception" not in one.log
    await goes_on(one, sim, desk)


async def test_nothing_said_down_a_desks_pipe_makes_it_deaf(service: Build, sim: SimServer) -> None:
    one, desk = await guarded(service, sim)
    draw = random.Random(7)
    lines = [*JSON, *(noise(draw) for _ in range(150))]

    def speak() -> None:
        with Path(f"/proc/{desk}/fd/0").open("wb", buffering=0) as pipe:
            for line in lines:
                left = line + b"\n"
                while left:
                    left = left[pipe.write(left) :]

    await asyncio.to_thread(speak)
    await goes_on(one, sim, desk)

    assert await one.end() == 0, "and it still hears that it is to end"
    assert not is_running(desk)
    assert "the guardian says so" in one.log


def reports(desk: int) -> Path:
    """Return the end of the pipe that a desk's reports go into."""
    pipes = [
        fd
        for fd in Path(f"/proc/{desk}/fd").iterdir()
        if str(fd.readlink()).startswith("pipe:") and fd.name not in {"0", "1", "2"}
    ]
    (found,) = [fd for fd in pipes if flags(desk, fd.name) & os.O_ACCMODE == os.O_WRONLY]
    return found


def flags(pid: int, fd: str) -> int:
    told = Path(f"/proc/{pid}/fdinfo/{fd}").read_text("ascii")
    return int(told.partition("flags:")[2].split()[0], 8)


async def test_nothing_that_a_desk_reports_ends_the_guardian(
    service: Build, sim: SimServer
) -> None:
    one, desk = await guarded(service, sim)
    draw = random.Random(9)
    lines = [*JSON, *(noise(draw) for _ in range(150))]

    def speak() -> None:
        with reports(desk).open("wb", buffering=0) as pipe:
            for line in lines:
                left = b"\n" + line + b"\n"
                while left:
                    left = left[pipe.write(left) :]

    await asyncio.to_thread(speak)

    assert "said something strange" in one.log
    await goes_on(one, sim, desk)


def invocation(target: str, *arguments: str) -> str:
    return f'{{"type":1,"target":"{target}","arguments":[{",".join(arguments)}]}}'


def position(**changes: str) -> str:
    fields = {
        "id": "1",
        "accountId": "1001",
        "contractId": f'"{MNQ}"',
        "creationTimestamp": '"2026-11-18T15:00:00+00:00"',
        "type": "1",
        "size": "1",
        "averagePrice": "21000",
    }
    inside = ",".join(f'"{key}":{value}' for key, value in (fields | changes).items())
    return f"{{{inside}}}"


USER = [
    "",
    "{}",
    "[]",
    "null",
    "7",
    '"text"',
    "not json",
    '{"type":1}',
    '{"type":99}',
    '{"type":"1","target":"GatewayUserOrder","arguments":[]}',
    '{"type":1,"target":null,"arguments":null}',
    '{"type":1,"target":"GatewayUserOrder"}',
    '{"type":3,"invocationId":"no such one","result":null}',
    '{"type":3}',
    '{"type":2,"invocationId":[]}',
    '{"type":6,"type":6}',
    *(
        invocation(target, *arguments)
        for target in (
            "GatewayUserAccount",
            "GatewayUserOrder",
            "GatewayUserPosition",
            "GatewayUserTrade",
            "GatewayQuote",
            "NoSuchThing",
        )
        for arguments in (
            (),
            ("null",),
            ("{}",),
            ("[]",),
            ("1", "2", "3"),
            ('{"action":1,"data":null}',),
            ('{"data":{"accountId":1001}}',),
            ("[" * 500 + "]" * 500,),
            ('{"a":' * 500 + "1" + "}" * 500,),
        )
    ),
    *(
        invocation("GatewayUserPosition", position(**{key: value}))
        for key in ("id", "accountId", "contractId", "size", "averagePrice", "creationTimestamp")
        for value in ("null", "NaN", "Infinity", "-1e400", "1e308", '"\\ud800"', "[]", "9" * 400)
    ),
    invocation("GatewayUserPosition", '{"accountId":1001,"accountId":1002,"size":1,"size":2}'),
]
BREAKING = [
    "[" * DEEP,
    '{"type":1,"target":"GatewayUserOrder","arguments":' + "[" * DEEP + "]" * DEEP + "}",
    "x" * 3_000_000,
    invocation("GatewayUserOrder", '"' + "y" * 2_000_000 + '"'),
]


def broadcast(sim: SimServer, hub: HubName, text: str) -> None:
    sim.world.hubs[hub].everyone(text)


def framed(text: str) -> str:
    return text + SEPARATOR


def glued(text: str) -> str:
    return text + SEPARATOR + text + SEPARATOR


def cut(text: str) -> str:
    return text[: len(text) // 2]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("shape", [framed, glued, cut])
async def test_no_frame_of_a_hub_ends_a_desk(
    service: Build, sim: SimServer, shape: Callable[[str], str]
) -> None:
    one, desk = await guarded(service, sim)

    hubs: tuple[HubName, ...] = ("user", "market")
    for text in USER:
        for hub in hubs:
            broadcast(sim, hub, shape(text))
        await asyncio.sleep(0.02)
    for text in BREAKING:
        await one.armed(60)
        for hub in hubs:
            broadcast(sim, hub, shape(text))
        await asyncio.sleep(0.3)
    for peer in [peer for hub in sim.world.hubs.values() for peer in hub.peers]:
        await peer.socket.send_bytes(b"\xff\xfe\x00\x1e")

    await goes_on(one, sim, desk)
    if shape is framed:
        metrics = (await one.get("metrics")).text
        refused = [line for line in metrics.splitlines() if "refus" in line and line[-1] != "0"]
        assert refused, "what was refused is counted"


@pytest.mark.timeout(120)
async def test_no_answer_of_rest_ends_a_desk(service: Build, sim: SimServer) -> None:
    one, desk = await guarded(service, sim)
    bodies = [
        "",
        "null",
        "NaN",
        "[1e400]",
        "[" * DEEP,
        '{"success":true,"errorCode":0,"positions":' + "[" * DEEP + "]" * DEEP + "}",
        '{"success":true,"success":false,"errorCode":1e400}',
        '{"success":true,"errorCode":0,"positions":[{"size":NaN}],"orders":[[]],"trades":7}',
        '{"success":true,"errorCode":0,"accounts":{"id":1}}',
        "x" * 2_000_000,
        '{"success":true,"errorCode":0,"errorMessage":"\\ud800"}',
    ]
    for body in bodies:
        for endpoint in (
            "Position/searchOpen",
            "Order/searchOpen",
            "Trade/search",
            "Account/search",
        ):
            sim.faults.rest(kind="malformed", endpoint=endpoint, body=body)
    for _ in range(len(bodies)):
        sim.faults.drop("both")  # each time it is back it reads everything
        await asyncio.sleep(0.5)
    sim.faults.clear()

    await goes_on(one, sim, desk)
    assert KEY not in one.log


FILES = [
    b'["\xff"]',
    b'[{"id":1,"login":"\xff"}]',
    b'{"pid":1,"http":"\xff"}',
    b'[{"x":' + b"[" * DEEP,
    b'{"x":' + b"[" * DEEP,
]


@pytest.mark.parametrize("raw", [*(line for line in JSON if line != b"[]"), *FILES])
def test_what_is_not_understood_is_told_in_one_way(tmp_path: Path, raw: bytes) -> None:
    """Files in data_dir are read by it too: none of them keeps a service from starting."""
    with pytest.raises(msgspec.MsgspecError):
        decode_json(raw, tuple[int, str])
    for name in ("identities.json", "lock", "told.json", "days.json"):
        (tmp_path / name).write_bytes(raw)

    assert recall(tmp_path) == {}
    assert holder(tmp_path / "lock") is None
    assert recalled(tmp_path / "told.json") == []
    assert raw == b"{}" or Diary(tmp_path).recalled() == {}
