"""An older store put back, or none at all, unlocks nobody: the real service on another's disk."""

import os
import shutil
import signal
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.desk.marks import Mark, Marks
from ops.sim.server import SimServer
from protocol.control import LockoutStatus
from protocol.units import AccountId, Nanos
from protocol.words import instant_text
from tests.guardian.conftest import Build
from tests.guardian.service import MNQ, Service, account, login, lose, until

ONE = AccountId(1001)
COUNT = "[accounts.rules.max_contracts]\nlimit = 5\n"
"""A rule that finds nothing in the broker's history to lock for again."""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return this user's state folder, of its own for each test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "riskwarden"


def store_of(one: Service) -> Path:
    return one.data_dir / "accounts" / "1001"


def marked(one: Service, state: Path) -> Mark:
    mark = Marks(one.data_dir, state).past(ONE, "", Nanos(0)).here
    assert mark is not None
    return mark


async def locked_and_ended(one: Service, sim: SimServer) -> None:
    await one.start()
    await one.armed()
    await lose(sim)
    await one.locked()
    assert await one.end() == 0


async def is_flattened(one: Service, sim: SimServer) -> None:
    await one.armed()
    await sim.order(1001, "MNQ", "buy", 1)

    async def is_flat() -> bool:
        return not sim.exchange.positions(1001)

    await until(is_flat, 5, lambda: one.log)


def older(one: Service, copy: Path) -> None:
    """Put the store of the morning back."""
    shutil.rmtree(store_of(one))
    shutil.copytree(copy, store_of(one))


def gone(one: Service, _: Path) -> None:
    """Delete the account's store."""
    shutil.rmtree(store_of(one))


def all_gone(one: Service, _: Path) -> None:
    """Delete the whole data_dir, its marks included."""
    shutil.rmtree(one.data_dir)


def without_state(one: Service, copy: Path) -> None:
    """Put the store back, and delete what the user's state folder knows."""
    older(one, copy)
    shutil.rmtree(os.environ["XDG_STATE_HOME"])


def without_its_file(one: Service, _: Path) -> None:
    """Delete the database, and leave its folder."""
    for name in ("data.mdb", "lock.mdb"):
        (store_of(one) / name).unlink()


@pytest.mark.parametrize("how", [older, gone, all_gone, without_state, without_its_file])
async def test_i5_a_locked_account_comes_back_locked_from_an_older_store(
    service: Build,
    sim: SimServer,
    tmp_path: Path,
    how: Callable[[Service, Path], None],
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    assert await one.end() == 0
    copy = shutil.copytree(store_of(one), tmp_path / "morning")
    await locked_and_ended(one, sim)
    how(one, copy)

    await one.start()
    await one.locked()
    await is_flattened(one, sim)

    told = await one.account()
    assert (await store_lock(one)).until == told.next_reset
    (said,) = [it for it in told.alarms if "an older one was put back, or it was deleted" in it]
    assert "locked until the next reset" in said
    assert await one.end() == 0

    await one.start()  # the lock is one like others by now: in the store, and marked
    await one.locked()
    assert not [it for it in (await one.account()).alarms if "put back" in it]
    assert await one.end() == 0


async def test_i5_a_day_made_short_in_the_file_does_not_end_the_lock_early(
    service: Build, sim: SimServer, state: Path
) -> None:
    one = service(login(sim.url), account())
    await locked_and_ended(one, sim)
    before = marked(one, state)
    shutil.rmtree(one.data_dir)
    one.configure(login(sim.url), account_whose_day_ends_in(minutes=3))

    await one.start()
    await one.locked()

    assert before.locked_until == before.day_ends
    assert (await store_lock(one)).until == instant_text(before.day_ends)
    assert (await one.account()).next_reset != instant_text(before.day_ends)
    assert await one.end() == 0


async def test_i5_neither_does_taking_the_account_out_of_the_file(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    await locked_and_ended(one, sim)
    shutil.rmtree(one.data_dir)
    one.configure(login(sim.url), account("id = 1002"))

    await one.start()
    await one.locked()
    await is_flattened(one, sim)

    assert (await store_lock(one)).until is not None
    assert "not configured any more" in (await one.account()).alarms[0]
    assert await one.end() == 0


async def test_i5_nor_another_data_dir(
    service: Build, sim: SimServer, state: Path, tmp_path: Path
) -> None:
    one = service(login(sim.url), account())
    await locked_and_ended(one, sim)
    before = marked(one, state)
    parts = (login(sim.url), account_whose_day_ends_in(minutes=3))
    other = service(*parts, folder=tmp_path / "other")

    await other.start()
    await other.locked()
    await is_flattened(other, sim)

    assert (await store_lock(other)).until == instant_text(before.day_ends)
    assert f"from the data_dir {one.data_dir}" in (await other.account()).alarms[0]
    assert await other.end() == 0


async def test_without_any_mark_a_store_that_is_new_is_only_new(
    service: Build, sim: SimServer, state: Path
) -> None:
    """What the marks cannot do, and the proof that it is they that lock in the tests above."""
    one = service(login(sim.url), account(rules=COUNT))
    await one.start()
    await one.armed()
    assert await one.end() == 0
    shutil.rmtree(one.data_dir)
    shutil.rmtree(state)

    await one.start()
    await one.armed()

    told = await one.account()
    assert (told.locked, told.alarms) == (False, [])
    assert await one.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_whoever_is_killed_or_stopped_as_he_writes_is_never_taken_for_older(
    service: Build, sim: SimServer, number: signal.Signals
) -> None:
    one = service(login(sim.url), account(rules=COUNT))
    for life in range(4):
        await one.start()
        await one.armed()
        told = await one.account()
        assert (told.locked, told.alarms) == (False, []), life
        await sim.price(MNQ, 21_000 + life)
        await sim.order(1001, MNQ, "buy", 1)
        await sim.close(1001, MNQ)
        await one.end(number)


async def test_the_marks_are_the_owners_alone_and_follow_the_lock(
    service: Build, sim: SimServer, state: Path
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    assert marked(one, state).locked_until is None
    await lose(sim)
    await one.locked()

    async def is_marked() -> bool:
        return marked(one, state).locked_until is not None

    await until(is_marked, 2)
    assert await one.end() == 0
    for folder in (one.data_dir / "marks", state / "marks"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


async def test_a_state_folder_that_cannot_be_written_stops_nothing(
    service: Build, sim: SimServer, tmp_path: Path
) -> None:
    file = tmp_path / "no-folder"
    file.touch()
    one = service(login(sim.url), account())

    async def alarms() -> list[str]:
        (desk,) = (await one.status()).desks
        return [said for said in desk.alarms if said.startswith("mark_failed: ")]

    async def is_said() -> bool:
        return bool(await alarms())

    async def is_over() -> bool:
        return not await alarms()

    await one.start(XDG_STATE_HOME=str(file))
    await one.armed()
    await until(is_said, 10, lambda: one.log)

    (said,) = await alarms()
    assert said.endswith(f"{file / 'riskwarden' / 'marks'}: Not a directory")
    metric = 'riskwarden_alarms{login="main",kind="mark_failed"} 1'
    assert metric in (await one.get("metrics")).text.splitlines()
    assert one.log.count("ALARM mark_failed: ") == 1
    assert (one.data_dir / "marks" / "1001.json").exists()

    file.unlink()
    await lose(sim)  # whose lock is marked at once
    await one.locked()
    await until(is_over, 10, lambda: one.log)
    assert (file / "riskwarden" / "marks").is_dir()
    assert await one.end() == 0


async def store_lock(one: Service) -> LockoutStatus:
    (lock,) = [lock for lock in (await one.account()).lockouts if lock.rule == "store"]
    return lock


def account_whose_day_ends_in(minutes: int) -> str:
    end = datetime.now(UTC) + timedelta(minutes=minutes)
    return (
        '\n[[accounts]]\nlogin = "main"\nid = 1001\n'
        f'reset = {{ at = "{end.minute} {end.hour} * * *", zone = "UTC" }}\n{COUNT}'
    )
