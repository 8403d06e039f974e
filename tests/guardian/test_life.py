import asyncio
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from actors.adapters.store import Store
from ops.sim.server import SimServer
from protocol.codec import Recorded
from protocol.decisions import LockSet
from protocol.units import AccountId
from tests.guardian.conftest import Build
from tests.guardian.service import KEY, account, is_running, login, lose, run


@pytest.mark.fault("two-services-on-one-folder")
async def test_a_service_arms_enforces_tells_and_ends(
    service: Build, sim: SimServer, tmp_path: Path
) -> None:
    systemd = ServiceLog(tmp_path / "notify")
    one = service(login(sim.url), account(), account("id = 1002"))
    await one.start(NOTIFY_SOCKET=systemd.address)
    assert (await one.get("readyz")).status_code == 503
    await one.armed()

    assert stat.S_IMODE(one.data_dir.stat().st_mode) == 0o700
    assert (await one.get("status", host="evil.example")).status_code == 400
    await lose(sim)
    await one.locked()
    await says_what_it_guards(one.file)
    await refuses_a_second(one.file)

    pid = await one.desk_pid()
    began = time.monotonic()
    assert await one.end() == 0
    assert time.monotonic() - began < 2
    assert not is_running(pid)
    systemd.close()
    assert systemd.words == {"READY=1", "WATCHDOG=1", "STOPPING=1"}
    journal_holds_the_lock(one.data_dir)
    tells_every_checkpoint(one.log)
    assert KEY not in one.log
    assert "eyJ" not in one.log


async def says_what_it_guards(file: Path) -> None:
    code, out, err = await run("status", "--config", str(file))
    assert (code, err) == (0, "")
    assert "account 1001 PRACTICE-1001: ARMED, LOCKED, mode enforce" in out
    assert "locked by daily_realized_loss (account) until 20" in out
    assert "account 1002 PRACTICE-1002: ARMED, not locked" in out
    assert KEY not in out


async def refuses_a_second(file: Path) -> None:
    code, _, err = await run("run", "--config", str(file))
    assert code == 1
    assert "is in use by process" in err
    assert "Traceback" not in err


def journal_holds_the_lock(data_dir: Path) -> None:
    store = Store.open(data_dir / "accounts" / "1001", AccountId(1001))
    records = [record for _, record in store.replay() if isinstance(record, Recorded)]
    store.close()
    assert any(isinstance(record.message, LockSet) for record in records)


def tells_every_checkpoint(log: str) -> None:
    for number in (1, 2, 3, 4, 5, 6, 7, 8):
        assert f'"checkpoint": {number}' in log
    assert "📨" in log


async def test_ctrl_c_ends_it_too(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await one.start()
    pid = await one.desk_pid()

    assert await one.end(signal.SIGINT) == 0
    assert not is_running(pid)


class ServiceLog:
    """What a service manager hears of a service."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self.words: set[str] = set()
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(self.address)
        asyncio.get_running_loop().add_reader(self._line, self._hear)

    def _hear(self) -> None:
        self.words.add(self._line.recv(100).decode())

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._line)
        self._line.close()
