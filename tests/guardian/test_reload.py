"""The real service, whose configuration is edited while it runs and while it does not."""

import asyncio
import json
import os
import signal
import socket
import stat

import msgspec

from actors.adapters.store import Store
from ops.sim.server import SimServer
from protocol.codec import Recorded
from protocol.control import ReloadStatus
from protocol.decisions import ConfigurationRefused, ConfigurationTaken
from protocol.units import AccountId
from tests.guardian.conftest import Build
from tests.guardian.service import MNQ, Service, account, login, run, until

LOSS = "[accounts.rules.daily_realized_loss]\nlimit = {}\n"
COUNT = "[accounts.rules.max_contracts]\nlimit = {}\n"


def rules(loss: int, count: int | None = None) -> str:
    return LOSS.format(loss) + (COUNT.format(count) if count is not None else "")


async def reload(one: Service) -> ReloadStatus:
    code, out, err = await run("reload", "--config", str(one.file), "--json")
    assert (code, err) == (0, ""), out + err + one.log
    return msgspec.json.decode(out, type=ReloadStatus)


async def limits(one: Service, number: int = 1001) -> dict[str, str]:
    return {rule.rule: rule.limit for rule in (await one.account(number)).rules}


async def holds(sim: SimServer, number: int, size: int) -> None:
    async def is_so() -> bool:
        return [held["size"] for held in sim.exchange.positions(number)] == [size]

    await until(is_so, 5)


def written(one: Service, number: int = 1001) -> list[ConfigurationTaken | ConfigurationRefused]:
    """Return what an account's journal says of its configuration."""
    store = Store.open_to_read(one.data_dir / "accounts" / str(number), AccountId(number))
    found = [record.message for _, record in store.replay() if isinstance(record, Recorded)]
    store.close()
    return [one for one in found if isinstance(one, ConfigurationTaken | ConfigurationRefused)]


async def test_a_reload_tightens_at_once_and_loosens_later_also_through_a_restart(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account(rules=rules(-500, 3)))
    await one.start()
    await one.armed()
    pid = await one.desk_pid()
    await sim.price(MNQ, 21_000)
    await sim.order(1001, MNQ, "buy", 3)
    await asyncio.sleep(0.3)

    one.configure(login(sim.url), account(rules=rules(-900, 2)))
    told = await reload(one)

    assert told.accepted
    (change,) = told.accounts
    assert (change.id, change.applied) == (1001, ["rules.max_contracts.limit: 3 -> 2"])
    assert change.waits == ["rules.daily_realized_loss.limit: -500 -> -900"]
    assert change.until is not None
    await holds(sim, 1001, 2)
    assert await limits(one) == {"daily_realized_loss": "-500.00", "max_contracts": "2"}
    assert await one.desk_pid() == pid
    status = await one.status()
    assert status.reload == told
    assert status.accounts[0].waits == change.waits
    assert status.desks[0].restarts == 0

    assert await one.end() == 0
    await one.start()
    await one.armed()
    assert (await limits(one))["daily_realized_loss"] == "-500.00"
    assert (await one.account()).waits == change.waits
    taken = written(one)
    assert [type(each).__name__ for each in taken] == ["ConfigurationTaken"]
    assert isinstance(taken[0], ConfigurationTaken)
    assert taken[0].waits == tuple(change.waits)


async def test_a_broken_file_changes_nothing_and_all_of_it_is_told(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account(), account("id = 1002"))
    await one.start()
    await one.armed()

    one.configure(login(sim.url), account(rules=rules(500, -1)), account("id = 1002"))
    code, out, _ = await run("reload", "--config", str(one.file))

    assert code == 3
    assert "refused, nothing changes: 2 problems" in out
    assert "accounts[1001].rules.daily_realized_loss.limit: 500 must be below 0" in out
    assert "accounts[1001].rules.max_contracts.limit: -1 must be greater than 0" in out
    assert await limits(one) == {"daily_realized_loss": "-500.00"}
    told = (await one.status()).reload
    assert told is not None
    assert not told.accepted

    async def is_written() -> bool:
        return all(written(one, number) for number in (1001, 1002))

    await until(is_written, 5, lambda: one.log)
    refused = written(one, 1002)[-1]
    assert isinstance(refused, ConfigurationRefused)
    assert len(refused.problems) == 2

    one.file.write_text("[[", encoding="utf-8")
    code, _, err = await run("reload", "--config", str(one.file))
    assert code == 3
    assert "this is not TOML" in err

    desk = await one.desk_pid()
    os.kill(desk, signal.SIGKILL)  # what was accepted counts, not what stands in the file

    async def is_back() -> bool:
        return (await one.status()).desks[0].pid not in {None, desk}

    await until(is_back, 5)
    await one.armed()
    assert await limits(one) == {"daily_realized_loss": "-500.00"}


async def are_armed(one: Service, *numbers: int) -> None:
    async def are_all() -> bool:
        states = {each.id: each.state for each in (await one.status()).accounts}
        return states == dict.fromkeys(numbers, "armed")

    await until(are_all, 20, lambda: one.log)


async def test_an_account_comes_at_once_and_goes_at_the_reset(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()

    one.configure(login(sim.url), account("id = 1002", rules=rules(-500, 1)))
    told = await reload(one)
    assert told.added == ["1002"]
    assert [(each.id, each.waits) for each in told.accounts] == [
        (1001, ["rules.daily_realized_loss: removed"])
    ]

    await are_armed(one, 1001, 1002)
    assert await limits(one) == {"daily_realized_loss": "-500.00"}
    await sim.price(MNQ, 21_000)
    await sim.order(1002, MNQ, "buy", 2)
    await holds(sim, 1002, 1)

    assert await one.end() == 0
    await one.start()
    await are_armed(one, 1001, 1002)
    assert (await one.account()).waits == ["rules.daily_realized_loss: removed"]


async def test_a_login_comes_with_a_desk_of_its_own(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    pid = await one.desk_pid()

    one.configure(
        login(sim.url), login(sim.url, "second"), account(), account("id = 1002", "second")
    )
    told = await reload(one)

    assert told.added == ["1002"]
    await are_armed(one, 1001, 1002)
    desks = (await one.status()).desks
    assert [desk.login for desk in desks] == ["main", "second"]
    assert desks[0].pid == pid


async def test_a_shadow_account_is_enforced_by_a_signal_and_not_put_back(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account(more='mode = "shadow"', rules=rules(-500, 1)))
    await one.start()
    await one.armed()
    await sim.price(MNQ, 21_000)
    await sim.order(1001, MNQ, "buy", 2)
    await asyncio.sleep(0.3)

    one.configure(login(sim.url), account(rules=rules(-500, 1)))
    assert one.process is not None
    one.process.send_signal(signal.SIGHUP)
    await holds(sim, 1001, 1)
    await one.armed()
    assert (await one.account()).mode == "enforce"

    one.configure(login(sim.url), account(more='mode = "shadow"', rules=rules(-500, 1)))
    told = await reload(one)
    assert told.accounts[0].waits == ["mode: enforce -> shadow"]
    await sim.order(1001, MNQ, "buy", 1)
    await holds(sim, 1001, 1)


async def test_what_only_a_restart_can_change_is_refused_whole(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account(rules=rules(-500, 3)))
    await one.start()
    await one.armed()

    one.configure(login("http://127.0.0.1:1"), account(rules=rules(-500, 2)))
    code, out, _ = await run("reload", "--config", str(one.file), "--json")

    assert code == 3
    told = json.loads(out)
    assert told["accepted"] is False
    assert "logins[main]: a reload cannot change it" in told["problems"][0]
    assert (await limits(one))["max_contracts"] == "3"


async def test_the_control_socket_is_its_owners_alone_and_takes_no_nonsense(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    path = one.data_dir / "control"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((one.data_dir / "accepted.toml").stat().st_mode) == 0o600

    for nonsense in (b"\n", b"{}\n", b'{"command":"unlock","config":"x"}\n', b"x" * 70_000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as line:
            folder = os.open(one.data_dir, os.O_RDONLY)
            line.connect(f"/proc/self/fd/{folder}/control")
            os.close(folder)
            line.settimeout(5)
            answer = await asyncio.to_thread(exchange, line, nonsense)
        assert b'"accepted":true' not in answer
    assert (await one.get("reload")).status_code == 404
    assert await limits(one) == {"daily_realized_loss": "-500.00"}

    assert await one.end() == 0
    assert not path.exists()
    code, _, err = await run("reload", "--config", str(one.file))
    assert code == 1
    assert "no service is running" in err


def exchange(line: socket.socket, said: bytes) -> bytes:
    try:
        line.sendall(said)
        return line.recv(65_536)
    except OSError:
        return b""
