"""Ways around a lock, as an account's owner would try them on his own machine: the real service.

ops/SECURITY.md is the table of all of them, with the tests of other files that show the rest.
"""

import ast
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.sim.server import SimServer
from tests.guardian.conftest import Build
from tests.guardian.service import (
    MNQ,
    ROOT,
    Service,
    account,
    is_running,
    login,
    lose,
    run,
    until,
)

LOOSE = "[accounts.rules.daily_realized_loss]\nlimit = -50000\n"
COUNT = "[accounts.rules.max_contracts]\nlimit = 5\n"
PAGE = ROOT / "ops/SECURITY.md"
UNPRIVILEGED = (
    ("setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner")
    if os.geteuid() == 0
    else ()
)
"""Takes from root what lets it pass over permissions."""


async def locked(one: Service, sim: SimServer, number: int = 1001) -> str:
    """Start a service and lose; return when the lock ends."""
    await one.start()
    await one.armed()
    await lose(sim, number)
    await one.locked(number)
    await flat(sim, number)
    return await end_of(one, number)


async def end_of(one: Service, number: int = 1001, rule: str = "daily_realized_loss") -> str:
    (until,) = [it.until for it in (await one.account(number)).lockouts if it.rule == rule]
    assert until is not None
    return until


async def flat(sim: SimServer, number: int = 1001) -> None:
    async def is_flat() -> bool:
        return not sim.exchange.positions(number)

    await until(is_flat, 10)


async def holds(sim: SimServer, number: int = 1001) -> None:
    """Trade, and see it taken back."""
    await sim.order(number, MNQ, "buy", 1)
    assert sim.exchange.positions(number)
    await flat(sim, number)


async def test_another_time_zone_moves_no_lock(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    ends = await locked(one, sim)
    assert await one.end() == 0

    await one.start(TZ="Pacific/Kiritimati")
    await one.armed()

    assert await end_of(one) == ends
    await holds(sim)


async def test_another_file_finds_the_same_locks_and_the_same_day(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account(), account("id = 1002", rules=COUNT))
    ends = await locked(one, sim)
    assert await one.end() == 0
    one.file = one.folder / "other.toml"
    one.configure(
        login(sim.url),
        account(more='mode = "shadow"', rules=LOOSE),
        account("id = 1002", rules=LOOSE),
    )

    await one.start()
    await one.armed()

    assert await end_of(one) == ends
    await holds(sim)
    assert {"max_contracts"} < {rule.rule for rule in (await one.account(1002)).rules}


async def test_a_login_under_another_name_takes_the_locked_account_along(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    ends = await locked(one, sim)
    assert await one.end() == 0
    one.configure(login(sim.url, "other"), account("id = 1002", "other"))

    await one.start()
    await one.armed()

    assert await end_of(one) == ends
    await holds(sim)


@pytest.mark.parametrize("whose", ["deleted", "another's"])
async def test_a_name_is_not_told_to_mean_another_account(
    service: Build, sim: SimServer, whose: str
) -> None:
    one = service(login(sim.url), account('name = "PRACTICE-1001"'))
    ends = await locked(one, sim)
    assert await one.end() == 0
    identities = one.data_dir / "identities.json"
    if whose == "deleted":
        identities.unlink()
    else:
        identities.write_text(identities.read_text("utf-8").replace("1001,", "1002,"), "utf-8")

    await one.start()
    await one.locked()
    await one.armed()

    assert await end_of(one) == ends
    await holds(sim)


async def test_what_was_accepted_cannot_be_rewritten_under_a_desk_that_is_killed(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account(rules=COUNT + LOOSE))
    await one.start()
    await one.armed()
    accepted = one.data_dir / "accepted.toml"
    text = accepted.read_text("utf-8")
    assert "limit = 5\n" in text
    accepted.write_text(text.replace("limit = 5\n", "limit = 50\n"), "utf-8")
    first = await one.desk_pid()
    os.kill(first, signal.SIGKILL)

    async def is_another() -> bool:
        return (await one.status()).desks[0].pid not in {None, first}

    await until(is_another, 10)
    await one.armed()

    limits = {rule.rule: rule.limit for rule in (await one.account()).rules}
    assert limits["max_contracts"] == "5"
    assert (await one.account()).waits == ["rules.max_contracts.limit: 5 -> 50"]


async def test_a_reload_takes_no_other_file(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await locked(one, sim)
    other = one.folder / "other.toml"
    other.write_text(one.file.read_text("utf-8").replace("-500", "-50000"), "utf-8")

    code, out, err = await run("reload", "--config", str(other))

    assert code == 3
    assert "the service runs another file" in out + err
    await holds(sim)


async def test_a_second_service_beside_the_first_frees_nobody(
    service: Build, sim: SimServer, tmp_path: Path
) -> None:
    one = service(login(sim.url), account())
    await locked(one, sim)
    other = service(login(sim.url), account(rules=LOOSE), folder=tmp_path / "other")

    await other.start()
    await other.armed()

    await holds(sim)
    assert [it.rule for it in (await other.account()).lockouts] == ["store"]
    assert await other.end() == 0
    await holds(sim)


async def test_a_second_service_on_the_same_folder_behind_deleted_lock_files_frees_nobody(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    ends = await locked(one, sim)
    for name in ("lock", "desk-main.lock"):
        (one.data_dir / name).unlink()
    other = service(login(sim.url), account(rules=LOOSE))

    await other.start()
    await other.armed()

    assert await end_of(other) == ends
    await holds(sim)
    assert one.process is not None
    assert await one.end() == 0
    await holds(sim)
    assert await other.end() == 0
    await other.start()
    await other.armed()
    assert await end_of(other) == ends


async def test_a_guardian_that_is_stopped_stops_no_desk(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await locked(one, sim)
    desk = await one.desk_pid()
    assert one.process is not None

    one.process.send_signal(signal.SIGSTOP)
    await holds(sim)
    one.process.send_signal(signal.SIGCONT)

    await one.armed()
    assert await one.desk_pid() == desk


async def test_what_was_traded_while_all_of_it_was_stopped_is_taken_back_when_it_goes_on(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    await locked(one, sim)
    desk = await one.desk_pid()
    assert one.process is not None
    for pid in (one.process.pid, desk):
        os.kill(pid, signal.SIGSTOP)

    await sim.order(1001, MNQ, "buy", 1)
    assert sim.exchange.positions(1001)
    for pid in (one.process.pid, desk):
        os.kill(pid, signal.SIGCONT)

    await flat(sim)
    assert is_running(one.process.pid)


async def test_a_folder_that_is_deleted_under_the_service_unlocks_nobody(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    await locked(one, sim)
    assert one.process is not None

    shutil.rmtree(one.data_dir)
    await holds(sim)
    one.process.terminate()
    await one.process.wait()
    await one.start()
    await one.armed()

    assert "store" in {it.rule for it in (await one.account()).lockouts}
    await holds(sim)


def folder(one: Service) -> Path:
    return one.data_dir / "accounts" / "1001"


def database(one: Service) -> Path:
    return one.data_dir / "accounts" / "1001" / "data.mdb"


def marks(one: Service) -> Path:
    return one.data_dir / "marks"


@pytest.mark.parametrize("mode", [0o000, 0o400])
@pytest.mark.parametrize("what", [folder, database, marks])
async def test_permissions_that_are_taken_away_unlock_nobody(
    service: Build, sim: SimServer, what: Callable[[Service], Path], mode: int
) -> None:
    one = service(login(sim.url), account())
    one.prefix = UNPRIVILEGED
    await locked(one, sim)

    what(one).chmod(mode)
    await holds(sim)
    assert await one.end() == 0
    what(one).chmod(mode)
    await one.start()
    await one.locked()
    await one.armed()

    await holds(sim)
    what(one).chmod(0o700)


async def test_without_its_folder_it_does_not_start_and_says_why(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    await locked(one, sim)
    assert await one.end() == 0
    one.data_dir.chmod(0o000)

    line = [*UNPRIVILEGED, *one.line()]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=30)  # noqa: ASYNC221
    one.data_dir.chmod(0o700)

    assert done.returncode == 3
    assert str(one.data_dir) in done.stderr
    assert "Traceback" not in done.stderr


def test_permissions_count_in_these_tests(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x", "utf-8")
    secret.chmod(0o000)

    done = subprocess.run([*UNPRIVILEGED, "cat", str(secret)], capture_output=True, check=False)

    assert done.returncode != 0


async def test_nothing_that_listens_knows_how_to_unlock(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await locked(one, sim)
    words = ("unlock", "release", "end", "stop", "reset", "set", "clear")

    for word in words:
        code, _, err = await run(word)
        assert (code, "invalid choice" in err) == (3, True), word
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(one.data_dir / "control"))
            line.sendall(b'{"command":"%s","config":"%s"}\n' % (word.encode(), bytes(one.file)))
            assert b'"accepted":true' not in line.recv(65_536)
        assert (await one.get(word)).status_code == 404

    await holds(sim)


def named(text: str) -> set[tuple[str, str]]:
    """Return the tests that a page names, by file and function."""
    return set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text))


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_every_test_that_the_page_names_is_there() -> None:
    told = named(PAGE.read_text("utf-8"))

    assert len(told) > 30
    assert {(file, name) for file, name in told if name not in functions_of(ROOT / file)} == set()


@pytest.mark.parametrize("name", ["test_ways_around.py", "test_rollback.py"])
def test_every_test_of_a_way_around_is_on_the_page(name: str) -> None:
    told = {test for _, test in named(PAGE.read_text("utf-8"))}
    about_this_file = {test for test in functions_of(Path(__file__)) if "page" in test}
    ours = {
        test
        for test in functions_of(Path(__file__).with_name(name))
        if test.startswith("test_") and test not in about_this_file
    }

    assert ours - told - {"test_permissions_count_in_these_tests"} == set()


def test_every_row_of_the_page_has_a_test_or_says_that_nothing_helps() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    body = [row for row in rows if not row.startswith(("| way", "| ---"))]

    assert len(body) > 20
    assert [row for row in body if not named(row)] == []
