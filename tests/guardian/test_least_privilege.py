"""What a service leaves open to others: no file, no socket, no port beyond its own, no verb."""

import os
import stat
from pathlib import Path

import httpx
import pytest

from ops.desk.lockfile import holder
from ops.sim.server import SimServer
from tests.guardian.conftest import Build
from tests.guardian.service import Service, account, login, lose, run, until

LISTENING = "0A"
ROUTES = ("livez", "readyz", "status", "metrics")
VERBS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "UNLOCK")


async def started(one: Service) -> None:
    """Start it as careless a user would: whatever is created is open to everybody."""
    before = os.umask(0)
    try:
        await one.start()
    finally:
        os.umask(before)
    await one.armed()


def tree(folder: Path) -> dict[str, str]:
    """Return the modes of a folder and of all that is in it."""
    return {
        str(path.relative_to(folder)): oct(stat.S_IMODE(path.lstat().st_mode))
        for path in (folder, *folder.rglob("*"))
    }


async def test_every_folder_file_and_socket_is_its_owners_alone(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account(), account('name = "PRACTICE-1002"'))
    await started(one)
    await lose(sim)
    await one.locked()

    modes = tree(one.data_dir)
    folders = {name for name in modes if (one.data_dir / name).is_dir()}
    assert {name: modes[name] for name in folders} == dict.fromkeys(folders, "0o700")
    files = modes.keys() - folders
    assert {name: modes[name] for name in files} == dict.fromkeys(files, "0o600")
    data = {"accounts/1001/data.mdb", "accounts/1001/lock.mdb", "accounts/1002/data.mdb"}
    assert data | {"accepted.toml", "control", "identities.json", "lock"} <= files
    assert stat.S_ISSOCK((one.data_dir / "control").lstat().st_mode)

    assert await one.end() == 0
    modes = tree(one.data_dir)
    assert set(modes.values()) <= {"0o700", "0o600"}


def sockets(pid: int) -> set[str]:
    """Return the inodes of a process's sockets."""
    found = set[str]()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(fd.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            found.add(target[len("socket:[") : -1])
    return found


def table(name: str) -> list[list[str]]:
    path = Path("/proc/net") / name
    return (
        [row.split() for row in path.read_text("ascii").splitlines()[1:]] if path.exists() else []
    )


def listening(pids: list[int]) -> set[str]:
    """Return by the kernel's tables at which addresses these processes take what comes."""
    ours = set[str]().union(*(sockets(pid) for pid in pids))
    tcp = [row for name in ("tcp", "tcp6") for row in table(name) if row[3] == LISTENING]
    udp = [row for name in ("udp", "udp6") for row in table(name)]
    return {row[1] for row in (*tcp, *udp) if row[9] in ours}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="a kernel without these tables")
async def test_the_only_port_is_the_apis_and_only_this_machine_reaches_it(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    assert one.process is not None
    told = holder(one.data_dir / "lock")
    assert told is not None
    host, port = told.http.rsplit(":", 1)
    assert host == "127.0.0.1"

    desk = await one.desk_pid()
    assert listening([one.process.pid, desk]) == {f"0100007F:{int(port):04X}"}
    assert listening([desk]) == set()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"])
async def test_the_api_answers_under_whatever_address_it_may_be_given(
    service: Build, sim: SimServer, host: str
) -> None:
    one = service(login(sim.url), account())
    head = one.file.read_text("utf-8").replace("127.0.0.1:0", f"{host}:0", 1)
    one.file.write_text(head, encoding="utf-8")
    await one.start()
    await one.armed()

    code, out, err = await run("status", "--config", str(one.file))

    assert (code, err) == (0, ""), out
    assert "1001" in out


async def test_the_api_has_no_verb_that_changes_anything_and_no_other_name(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    told = holder(one.data_dir / "lock")
    assert told is not None
    port = told.http.rsplit(":", 1)[1]

    async with httpx.AsyncClient(base_url=f"http://{told.http}", trust_env=False) as client:
        for verb in VERBS:
            for route in ROUTES:
                answer = await client.request(verb, f"/{route}", content=b'{"unlock": true}')
                assert answer.status_code == 405, (verb, route)
        for name in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "", "::"):
            for route in ROUTES:
                answer = await client.get(f"/{route}", headers={"Host": name})
                assert answer.status_code == 400, (name, route)
        for name in (f"127.0.0.1:{port}", "localhost", f"localhost:{port}", f"[::1]:{port}"):
            answer = await client.get("/livez", headers={"Host": name})
            assert answer.status_code == 200, name
            assert "access-control-allow-origin" not in answer.headers

    async def is_armed_still() -> bool:
        return (await one.account()).state == "armed"

    await until(is_armed_still, 5)
