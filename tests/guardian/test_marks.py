"""Marks of stores: never ahead of the disk, never believed when damaged, and compared strictly."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.adapters.retention import Retention
from actors.adapters.storage import Batch, InMemoryStore
from actors.adapters.store import Store
from actors.lockout import Kept
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from ops.desk.marking import Marking
from ops.desk.marks import Mark, Marks, Past, _read, gateway_of, state_folder
from ops.desk.plans import Ward
from ops.desk.stores import DAMAGED, OLDER, STORE, Lost, is_behind, open_store
from protocol.decisions import AlarmKind, AlarmRaised, LockSet
from protocol.lockouts import Lock, LockKind
from protocol.units import Nanos, RuleName
from tests.store.samples import ACCOUNT, OTHER, batch, in_another_process

GATEWAY = "gateway.example"
MARK = Mark(
    account=ACCOUNT,
    gateway=GATEWAY,
    data_dir="/nowhere",
    generation=3,
    seq=40,
    at=Nanos(1_000),
    day_ends=Nanos(2_000),
)


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path / "var", tmp_path / "state")


def files(tmp_path: Path) -> list[Path]:
    return sorted(one for one in tmp_path.rglob("*") if one.is_file() and "marks" in one.parts)


@pytest.mark.parametrize(
    ("generation", "seq", "behind"),
    [
        pytest.param(3, 40, False, id="exactly as it was"),
        pytest.param(7, 41, False, id="further"),
        pytest.param(3, 39, True, id="a record less"),
        pytest.param(9, 39, True, id="a record less, however often it was opened"),
        pytest.param(2, 40, True, id="a life less"),
        pytest.param(2, 99, True, id="a life less, whatever was written to it"),
        pytest.param(0, 0, True, id="not there"),
    ],
)
def test_what_counts_as_older(generation: int, seq: int, *, behind: bool) -> None:
    assert is_behind(generation, seq, MARK) == behind


def truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


def garble(data: bytes) -> bytes:
    return bytes(reversed(data))


def raise_its_number(data: bytes) -> bytes:
    return data.replace(b'"seq":40', b'"seq":99')


def inflate(data: bytes) -> bytes:
    return data * 10_000


def nothing(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [truncate, garble, raise_its_number, inflate, nothing])
def test_a_damaged_mark_is_none_and_the_other_one_serves(
    marks: Marks, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    ours = replace(MARK, data_dir=marks.data_dir)
    marks.write(ours)
    near, far = sorted(files(tmp_path), key=lambda path: "var" not in path.parts)

    near.write_bytes(damage(near.read_bytes()))
    assert marks.past(ACCOUNT, GATEWAY, Nanos(0)).here == ours
    assert marks.accounts() == {ACCOUNT: ours}

    far.write_bytes(damage(far.read_bytes()))
    assert marks.past(ACCOUNT, GATEWAY, Nanos(0)) == Past()
    assert marks.accounts() == {}


def test_any_flipped_bit_is_seen(marks: Marks, tmp_path: Path) -> None:
    marks.write(replace(MARK, data_dir=marks.data_dir))
    near, far = sorted(files(tmp_path), key=lambda path: "var" not in path.parts)
    far.unlink()
    whole = near.read_bytes()
    for place in range(len(whole) - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        near.write_bytes(damaged)
        assert marks.past(ACCOUNT, GATEWAY, Nanos(0)) == Past(), place


def test_a_mark_that_is_a_folder_or_another_accounts_says_nothing(
    marks: Marks, tmp_path: Path
) -> None:
    marks.write(replace(MARK, data_dir=marks.data_dir, account=OTHER))
    for path in files(tmp_path):
        path.rename(path.with_name(path.name.replace(str(OTHER), str(ACCOUNT))))
    assert marks.past(ACCOUNT, GATEWAY, Nanos(0)) == Past()
    for path in files(tmp_path):
        path.unlink()
        path.mkdir()
    assert marks.past(ACCOUNT, GATEWAY, Nanos(0)) == Past()


@pytest.mark.parametrize("seq", [90, 7])
def test_the_newer_of_two_marks_counts(marks: Marks, tmp_path: Path, seq: int) -> None:
    marks.write(replace(MARK, data_dir=marks.data_dir))
    kept = shutil.copytree(tmp_path / "var" / "marks", tmp_path / "kept")
    newer = replace(MARK, data_dir=marks.data_dir, at=Nanos(1_001), seq=seq)
    marks.write(newer)
    shutil.copytree(kept, tmp_path / "var" / "marks", dirs_exist_ok=True)

    assert marks.past(ACCOUNT, GATEWAY, Nanos(0)).here == newer


def test_a_lock_of_another_data_dir_counts_while_it_lasts_and_at_its_gateway(
    marks: Marks, tmp_path: Path
) -> None:
    other = Marks(tmp_path / "other", tmp_path / "state")
    locked = replace(MARK, data_dir=other.data_dir, locked_until=Nanos(1_500))
    other.write(locked)

    def elsewhere(wall: int, gateway: str = GATEWAY) -> Mark | None:
        return marks.past(ACCOUNT, gateway, Nanos(wall)).elsewhere

    assert elsewhere(1_499) == locked
    assert elsewhere(1_500) == replace(locked, locked_until=None)
    assert elsewhere(2_000) is None
    assert elsewhere(1_000, "another.example") is None
    assert marks.past(ACCOUNT, GATEWAY, Nanos(1_000)).here is None


@pytest.mark.parametrize(
    ("told", "home", "expected"),
    [
        ("/somewhere", "/home/one", Path("/somewhere/riskwarden")),
        ("", "/home/one", Path("/home/one/.local/state/riskwarden")),
        ("not/absolute", "/home/one", Path("/home/one/.local/state/riskwarden")),
    ],
)
def test_where_a_users_state_is(
    monkeypatch: pytest.MonkeyPatch, told: str, home: str, expected: Path
) -> None:
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("XDG_STATE_HOME", told)

    assert state_folder() == expected


def test_a_gateway_is_the_same_however_its_address_is_written() -> None:
    ways = (
        "https://api.example.com/api",
        "https://API.Example.com:443/api/",
        "https://api.example.com./other",
    )
    assert {gateway_of(one) for one in ways} == {"api.example.com:443"}
    assert gateway_of("http://127.0.0.1:9000/api") == "127.0.0.1:9000"


def ward(store: Store | InMemoryStore, lost: Lost | None = None) -> Ward:
    plan = AccountPlan(account_id=ACCOUNT, name="", reset=ResetSchedule(), rules={})
    return Ward(plan, store, held=False, alarms=(), lost=lost)


def round_of(marks: Marks, one: Ward) -> Mark | None:
    marking = Marking(marks, GATEWAY, [one])
    marking.start()
    marking.stop(10)
    return marks.past(ACCOUNT, GATEWAY, Nanos(0)).here


def lock(rule: str, until: int | None, scope: str | None = None) -> Lock:
    return Lock(
        account_id=ACCOUNT,
        rule=RuleName(rule),
        kind=LockKind.HARD,
        scope=scope,
        reason="",
        since=Nanos(0),
        until=None if until is None else Nanos(until),
    )


def keep(store: Store, *locks: Lock) -> None:
    states = ((f"account/{ACCOUNT}/lockout", Kept(locks)),)
    store.commit(Batch(ACCOUNT, (*batch(1).records,), states))


def test_the_mark_tells_the_last_end_of_the_accounts_locks(marks: Marks, tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "1001", ACCOUNT)) as store:
        keep(store, lock("a", 5), lock("b", 9), lock("c", None), lock("d", 99, "MNQ"))
        mark = round_of(marks, ward(store))

    assert mark is not None
    assert (mark.generation, mark.seq, mark.locked_until) == (1, 1, 9)
    assert mark.until == mark.day_ends > mark.at


def test_what_was_lost_is_marked_only_when_its_lock_is_on_the_disk(
    marks: Marks, tmp_path: Path
) -> None:
    before = replace(MARK, data_dir=marks.data_dir)
    marks.write(before)
    with closing(Store.open(tmp_path / "1001", ACCOUNT)) as store:
        store.commit(batch(1))
        assert round_of(marks, ward(store, Lost(OLDER))) == before
        keep(store, lock(STORE, 10))
        marking = Marking(marks, GATEWAY, [ward(store, Lost(OLDER))])
        marking._round({ACCOUNT})
        mark = marks.past(ACCOUNT, GATEWAY, Nanos(0)).here
        keep(store)  # the day is over, and the lock with it: marks go on
        marking._round({ACCOUNT})
        later = marks.past(ACCOUNT, GATEWAY, Nanos(0)).here

    assert mark is not None
    assert (mark.seq, mark.locked_until) == (2, 10)
    assert later is not None
    assert (later.seq, later.locked_until) == (3, None)


def test_a_change_is_marked_at_once_and_what_is_uneventful_is_not(
    marks: Marks, tmp_path: Path
) -> None:
    def seen() -> int:
        mark = marks.past(ACCOUNT, GATEWAY, Nanos(0)).here
        return 0 if mark is None else mark.seq

    def within(seconds: float, seq: int) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and seen() != seq:
            time.sleep(0.02)
        return seen() == seq

    with closing(Store.open(tmp_path / "1001", ACCOUNT)) as store:
        store.commit(batch(1))
        marking = Marking(marks, GATEWAY, [ward(store)])
        marking.start()
        assert within(10, 1)
        store.commit(batch(2))
        assert not within(1, 2)
        marking.take(LockSet(lock=replace(lock(STORE, 5), account_id=OTHER)))
        assert not within(1, 2)
        marking.take(LockSet(lock=lock(STORE, 5)))
        assert within(10, 2)
        store.commit(batch(3))
        marking.stop(10)
        assert seen() == 3


def told(marking: Marking) -> list[tuple[bool, str]]:
    """Return what a person hears of: whether something is raised, and why."""
    said = list(marking.look())
    assert {(one.account_id, one.kind) for one in said} <= {(None, AlarmKind.MARK_FAILED)}
    return [(True, one.why) if isinstance(one, AlarmRaised) else (False, "") for one in said]


def test_a_mark_that_cannot_be_written_is_an_alarm_until_it_can(
    marks: Marks, tmp_path: Path
) -> None:
    (tmp_path / "state").touch()
    with (
        closing(Store.open(tmp_path / "1001", ACCOUNT)) as store,
        closing(Store.open(tmp_path / "1002", OTHER)) as other,
    ):
        store.commit(batch(1))
        other.commit(batch(1, OTHER))
        plan = replace(ward(other).plan, account_id=OTHER)
        marking = Marking(marks, GATEWAY, [ward(store), ward(other)._replace(plan=plan)])
        assert told(marking) == []

        marking._round({ACCOUNT, OTHER})
        ((raised, why),) = told(marking)
        assert raised
        assert why.endswith(f": {tmp_path / 'state' / 'marks'}: Not a directory")
        marking._round({ACCOUNT, OTHER})
        assert told(marking) == [], "once, for both"
        assert marks.past(ACCOUNT, GATEWAY, Nanos(0)).here is not None, "the other place has it"

        (tmp_path / "state").unlink()
        marking._round({ACCOUNT})
        assert told(marking) == [], "one of two"
        marking._round({OTHER})
        assert told(marking) == [(False, "")]


def test_if_no_mark_can_be_written_at_all_both_places_are_named(
    marks: Marks, tmp_path: Path
) -> None:
    (tmp_path / "state").touch()
    (tmp_path / "var").touch()
    with closing(Store.open(tmp_path / "1001", ACCOUNT)) as store:
        store.commit(batch(1))
        marking = Marking(marks, GATEWAY, [ward(store)])
        marking._round({ACCOUNT})
        ((_, why),) = told(marking)

    for place in ("state", "var"):
        assert f"{tmp_path / place / 'marks'}: Not a directory" in why


def test_memory_leaves_no_mark(marks: Marks) -> None:
    store = InMemoryStore(ACCOUNT)
    store.commit(batch(1))

    assert round_of(marks, ward(store)) is None


def test_an_older_store_that_can_only_be_read_is_noticed_too(tmp_path: Path) -> None:
    path = tmp_path / "1001"
    with closing(Store.open(path, ACCOUNT)) as store:
        store.commit(batch(1))
    (path / "checked").unlink()
    (path / "checked").mkdir()  # it cannot be opened to write
    same, further = replace(MARK, generation=1, seq=1), replace(MARK, generation=1, seq=2)

    fine = open_store(path, ACCOUNT, Retention(), Past(same))
    assert isinstance(fine.store, InMemoryStore)
    assert fine.lost is None

    opened = open_store(path, ACCOUNT, Retention(), Past(further))
    assert opened.lost == Lost(OLDER, MARK.day_ends)
    assert opened.alarm is not None
    assert "nothing is written down until the next start" in opened.alarm
    assert "an older one was put back" in opened.alarm


def test_a_damaged_store_is_locked_for_as_long_as_its_mark_says(tmp_path: Path) -> None:
    path = tmp_path / "1001"
    with closing(Store.open(path, ACCOUNT)) as store:
        store.commit(batch(1))
    (path / "data.mdb").write_bytes(b"not a database")

    opened = open_store(path, ACCOUNT, Retention(), Past(replace(MARK, locked_until=Nanos(9_000))))
    opened.store.close()

    assert opened.lost == Lost(DAMAGED, Nanos(9_000))


MARK_WHILE_WRITING = """
import os, sys
from pathlib import Path
from actors.adapters.store import Store
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from ops.desk import marking
from ops.desk.marks import Marks
from ops.desk.plans import Ward
from tests.store.samples import ACCOUNT, batch

marking.PAUSE_S = marking.EVERY_S = 0.0
folder = Path(sys.argv[1])
store = Store.open(folder / "1001", ACCOUNT)
plan = AccountPlan(account_id=ACCOUNT, name="", reset=ResetSchedule(), rules={})
ward = Ward(plan, store, held=False, alarms=())
marking.Marking(Marks(folder / "var", folder), "gateway", [ward]).start()
number = 0
while True:
    number += 1
    store.commit(batch(number))
    os.write(1, b"%d\\n" % number)
"""


@pytest.mark.fault("power-cut")
def test_at_no_instant_is_a_mark_ahead_of_its_store(tmp_path: Path) -> None:
    draw = random.Random(17)
    data = tmp_path / "data"
    process = in_another_process(MARK_WHILE_WRITING, data)
    assert process.stdout is not None
    process.stdout.readline()
    seqs = set[int]()
    end = time.monotonic() + 40
    for number in count():
        if (number >= 15 and len(seqs) > 3) or time.monotonic() > end:
            break
        time.sleep(draw.uniform(0, 0.05))
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)  # all of its threads stand still
        copy = shutil.copytree(data, tmp_path / f"copy-{number}")
        os.kill(process.pid, signal.SIGCONT)

        read = [_read(path) for path in files(copy) if path.suffix == ".json"]
        with closing(Store.open(copy / "1001", ACCOUNT)) as store:
            for mark in read:
                assert mark is not None, "a mark is whole at every instant"
                seqs.add(mark.seq)
                assert not is_behind(store.generation - 1, store.last_seq, mark)
    process.kill()
    process.communicate()

    assert len(seqs) > 3, "hardly a mark was written: this shows nothing"
