"""No secret leaves the service: everything it writes, says and shows is searched for every one.

The Gateway echoes the key and the token in its refusals, tokens are replaced, notices fail and
arrive, traces are on, the desk crashes with all of it in its error, and is started again.
"""

import asyncio
import os
import pty
import re
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from ops.sim.scenario import FOLDER, load
from ops.sim.server import SimServer
from tests.guardian.service import Service, account, lose, run, until
from tests.notify.sink import Sink as Webhook
from tests.otel.sink import Sink as Backend

USER = "canary.user@example.com"
KEY = "canary-key-5f2b9c7d1e"
OTHER_KEY = "canary-other-key-7a3c"
HOOK, PASSWORD, BEAT = "canary-hook-91d2", "canary-password-33e8", "canary-beat-08fa"
JWT = re.compile(rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")
CRASH = """
import sys
if "desk" in sys.orig_argv:
    import os, threading, time
    def crash():
        trigger = os.environ["CRASH_WHEN"]
        while not os.path.exists(trigger):
            time.sleep(0.05)
        os.unlink(trigger)
        from ops.desk.life import Life
        def report(self):
            broker = self.link._broker
            rest = broker._rest
            raise RuntimeError(f"{rest.username} {rest.api_key} Bearer {rest.session_token}")
        Life._report = report
    threading.Thread(target=crash, daemon=True).start()
"""
NOTIFY = """
[notify]
urls = ["env:HOOK", "env:DEAD"]
heartbeat_url = "env:BEAT"
heartbeat_every = "10s"
"""
LOGIN = """
[[logins]]
name = "{name}"
username = "env:{user}"
api_key = "env:{key}"
api_url = "{sim}/api"
user_hub_url = "{sim}/hubs/user"
market_hub_url = "{sim}/hubs/market"
"""


class Terminal:
    """A terminal that keeps what is written to it: there, lines are for eyes."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self.text = b""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError):
            while piece := os.read(self._ours, 65_536):
                self.text += piece

    def close(self) -> None:
        os.close(self.theirs)


@pytest.fixture
def backend() -> Iterator[Backend]:
    one = Backend()
    yield one
    one.close()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    one = Webhook()
    yield one
    one.close()


def forms(secret: str) -> set[bytes]:
    """Return how a secret could be written: as it is, in an address, in a header, by JSON."""
    plain = secret.encode()
    return {plain, quote(secret, safe="").encode(), b64encode(plain).rstrip(b"=")[:-1]}


def leaks(blob: bytes, secrets: dict[str, str]) -> list[str]:
    """Return which secrets stand in what was written."""
    found = [name for name, one in secrets.items() if any(it in blob for it in forms(one))]
    return found + [f"a token: {it[:24]!r}..." for it in JWT.findall(blob)]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def command_line_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def troubled(sim: SimServer) -> None:
    """Let the Gateway refuse logins, reads and deeds, with all that it knows in its words."""
    token = sim.world.tokens.issue(USER, 3_600)
    echo = f"refused for {USER} with {KEY} and Bearer {token} and ?access_token={token}"
    body = f'{{"success": true, "errorCode": 0, "echo": "{echo}'
    faults = sim.faults
    faults.rest(kind="reject", endpoint="Auth/loginKey", code=8, message=echo)
    faults.rest(kind="malformed", endpoint="Auth/loginKey", body=body)
    faults.rest(kind="malformed", endpoint="Auth/loginKey", body=f'"{echo}"')
    faults.rest(kind="reject", endpoint="Position/searchOpen", message=echo, count=2)
    faults.rest(kind="malformed", endpoint="Order/searchOpen", body=body)
    faults.rest(kind="reject", endpoint="Position/closeContract", code=7, message=echo)


async def story(one: Service, sim: SimServer, webhook: Webhook, trigger: Path) -> None:
    """Live through it all."""
    sim.faults.revoke_tokens()
    await lose(sim)
    await one.locked()

    async def is_flat() -> bool:
        return not sim.exchange.positions(1001)

    async def is_told() -> bool:
        return bool(webhook.posts)

    await until(is_flat, 20)
    webhook.status = 200
    await until(is_told, 60)
    first = await one.desk_pid()
    await asyncio.to_thread(trigger.touch)

    async def is_another() -> bool:
        return (await one.status()).desks[0].pid not in {None, first}

    await until(is_another, 20)
    await one.armed(60)


async def shown(one: Service) -> dict[str, bytes]:
    """Return what the service answers, by whatever one may ask it with."""
    told: dict[str, bytes] = {}
    for path in ("status", "metrics", "readyz", ""):
        told[f"/{path}"] = (await one.get(path)).content
    file = ("--config", str(one.file))
    for command in (("status", "--json"), ("status",), ("rules",), ("verify",), ("trace",)):
        code, out, err = await run(*command, *file)
        told[" ".join(command)] = f"{code}\n{out}\n{err}".encode()
    serial = "1001/daily_realized_loss/1"
    code, out, err = await run("explain", serial, *file)
    told["explain"] = f"{code}\n{out}\n{err}".encode()
    return told


@pytest.mark.timeout(180)
@pytest.mark.parametrize("log", ["json", "terminal"])
async def test_no_secret_is_written_told_or_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    backend: Backend,
    webhook: Webhook,
    log: str,
) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(CRASH, encoding="utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    hook = webhook.url(HOOK).replace("127.0.0.1", f"someone:{PASSWORD}@127.0.0.1")
    webhook.status = 500
    secrets = {
        "the user name": USER,
        "the key": KEY,
        "another login's key": OTHER_KEY,
        "the notices' address": HOOK,
        "its password": PASSWORD,
        "the heartbeat's address": BEAT,
    }
    env = {
        "CANARY_USER": USER,
        "CANARY_KEY": KEY,
        "OTHER_KEY": OTHER_KEY,
        "HOOK": hook,
        "DEAD": hook.replace(f":{webhook.port}/", ":1/"),
        "BEAT": f"http://127.0.0.1:1/{BEAT}",
        "PYTHONPATH": str(tmp_path / "path"),
        "CRASH_WHEN": str(tmp_path / "crash"),
    }
    scenario = replace(load(FOLDER / "default.toml"), user=USER, api_key=KEY)
    async with SimServer(scenario) as sim:
        troubled(sim)
        one = Service(
            tmp_path,
            f'otlp = "{backend.url}"\n',
            NOTIFY,
            LOGIN.format(name="main", user="CANARY_USER", key="CANARY_KEY", sim=sim.url),
            LOGIN.format(name="other", user="CANARY_USER", key="OTHER_KEY", sim=sim.url),
            account(),
        )
        terminal = Terminal() if log == "terminal" else None
        await one.start(stderr=None if terminal is None else terminal.theirs, **env)
        try:
            await one.armed(60)
            inherited = leaks(environment_of(await one.desk_pid()), secrets)
            await story(one, sim, webhook, tmp_path / "crash")
            told = await shown(one)
            assert one.process is not None
            desk = await one.desk_pid()
            for pid in (one.process.pid, desk):
                assert leaks(command_line_of(pid), secrets) == []
            assert set(leaks(environment_of(desk), secrets)) <= set(inherited)
        finally:
            await one.end()
        issued = set(sim.world.tokens._expiry_ns)
    await asyncio.sleep(0.2)
    text = one.log.encode() if terminal is None else terminal.text
    told |= {"the log": text, "the traces": repr(backend.spans).encode()}
    told |= {"the notices": repr(webhook.posts).encode()}
    told |= files(one.data_dir) | files(tmp_path / "state")
    secrets |= {f"token {number}": token for number, token in enumerate(sorted(issued))}
    if terminal is not None:
        terminal.close()

    assert {name: leaks(blob, secrets) for name, blob in told.items() if leaks(blob, secrets)} == {}
    assert inherited == ["the user name", "the key"], "what a desk does not need it does not get"
    searched(told, text)
    assert len(issued) > 3


def searched(told: dict[str, bytes], text: bytes) -> None:
    """Make sure that what was searched is what it seems: all of it speaks of the lock."""
    assert b"Auth/loginKey refused: 8 refused for *** with *** and Bearer ***" in text
    assert b"RuntimeError: *** *** Bearer ***" in text
    assert b"the dead-man monitor cannot be called" in text
    about = ("/status", "/metrics", "status --json", "explain", "the log", "the traces")
    for name in (*about, "the notices", "accounts/1001/data.mdb"):
        assert b"daily_realized_loss" in told[name], name


def plain(secret: str) -> str:
    return secret


def in_an_address(secret: str) -> str:
    return f"http://{quote(secret, safe='')}@host"


def in_a_header(secret: str) -> str:
    return b64encode(secret.encode()).decode()


@pytest.mark.parametrize("secret", [USER, KEY, PASSWORD, HOOK])
@pytest.mark.parametrize("written", [plain, in_an_address, in_a_header])
def test_the_search_would_find_it(
    tmp_path: Path, secret: str, written: Callable[[str], str]
) -> None:
    (tmp_path / "deep").mkdir()
    blob = b"\x00\xff" * 50 + f"x{written(secret)}y".encode() + b"\x00" * 10
    (tmp_path / "deep" / "file").write_bytes(blob)

    (found,) = [leaks(one, {"it": secret}) for one in files(tmp_path).values()]
    assert found == ["it"]


async def test_the_search_would_find_a_token() -> None:
    async with SimServer() as sim:
        token = sim.world.tokens.issue("somebody", 60)

    assert leaks(f"Bearer {token}".encode(), {}) != []
    assert leaks(b"Bearer ***", {}) == []
