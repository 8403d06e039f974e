"""Damage is found before it does damage: nothing here may end in a signal or in wrong data."""

import random
import re
import shutil
import sys
from contextlib import closing
from pathlib import Path

import pytest

from actors.adapters import store_files
from actors.adapters.store import Batch, Store, StoreCorrupt
from actors.adapters.store_salvage import salvage
from tests.store.samples import ACCOUNT, batch, counter, in_another_process, whys

RECORDS = 300


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "1001"
    with closing(Store.open(path, ACCOUNT)) as store:
        store.commit(Batch(ACCOUNT, states=(("lockout", "L" * 500), ("timer", "T" * 6_000))))
        store.commit_many([batch(number) for number in range(RECORDS)])
        store.commit(batch(RECORDS))
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "1001")
    return tmp_path / "1001"


READ_IT_ALL = """
import sys
from pathlib import Path
from tests.store.samples import *
from actors.adapters.store import StoreCorrupt
outcomes = []
for name in sys.argv[1:]:
    try:
        store = Store.open(Path(name), ACCOUNT)
        store.load_states()
        found = len(whys(store))
        store.commit(batch(9_999))
        store.close()
        print("read", found)
    except StoreCorrupt as error:
        print("corrupt")
print("end")
"""


def test_a_truncated_file_is_reported_and_never_a_signal(sound: Path, tmp_path: Path) -> None:
    whole = (sound / "data.mdb").read_bytes()
    cuts = [1, 100, 4_096, 6_000, 8_192, *range(12_288, len(whole), 4_096), len(whole) - 1]
    copies = [shutil.copytree(sound, tmp_path / str(cut)) for cut in cuts]
    for cut, copy in zip(cuts, copies, strict=True):
        (copy / "data.mdb").write_bytes(whole[:cut])

    process = in_another_process(READ_IT_ALL, *copies)
    said, complaints = process.communicate()

    assert process.returncode == 0, complaints
    assert said.splitlines()[-1] == "end"
    assert all(
        line == "corrupt" or cut > len(whole) // 2  # the last pages may be free ones
        for cut, line in zip(cuts, said.splitlines(), strict=False)
    )
    assert said.count("corrupt") >= len(cuts) - 3


def test_a_flipped_bit_is_never_taken_for_data(path: Path) -> None:
    whole = (path / "data.mdb").read_bytes()
    payloads = [found.start() for found in re.finditer(rb"no\. \d+|L{100}|T{100}", whole)]
    draw = random.Random(7)
    with closing(Store.open(path, ACCOUNT)) as store:
        intact = all_of_it(store)
    found = 0
    for place in draw.sample(payloads, 60):
        damaged = bytearray(whole)
        damaged[place + draw.randrange(4)] ^= 1 << draw.randrange(8)
        (path / "data.mdb").write_bytes(damaged)
        with closing(Store.open(path, ACCOUNT)) as store:
            read = all_of_it(store)
        found += read is None
        # Not everything in the file is alive: what an older page says reaches no one.
        assert read in (None, intact)
    assert found > 30


def all_of_it(store: Store) -> tuple[list[str], dict[str, bytes]] | None:
    try:
        return whys(store), store.load_states()
    except StoreCorrupt:
        return None


def test_structural_damage_at_random_places_never_ends_in_a_signal(
    sound: Path, tmp_path: Path
) -> None:
    whole = (sound / "data.mdb").read_bytes()
    draw = random.Random(11)
    copies = [shutil.copytree(sound, tmp_path / str(number)) for number in range(40)]
    for copy in copies:
        damaged = bytearray(whole)
        start = draw.randrange(len(whole) // 4_096) * 4_096 + draw.randrange(64)
        for offset in range(draw.randrange(1, 8)):
            damaged[start + offset] = draw.randrange(256)
        (copy / "data.mdb").write_bytes(damaged)
        (copy / store_files.CHECKED).unlink()  # as after a restart of the machine

    process = in_another_process(READ_IT_ALL, *copies)
    said, complaints = process.communicate()

    assert process.returncode == 0, complaints
    assert said.splitlines()[-1] == "end"


def test_a_gap_is_found(path: Path) -> None:
    with closing(Store.open(path, ACCOUNT)) as store:
        with store._live().begin(write=True) as txn:
            txn.delete((150).to_bytes(8), db=store._dbs.journal)
        with pytest.raises(StoreCorrupt, match="gap: 151 stands where 150 should"):
            whys(store)


def test_a_lost_beginning_is_a_gap_too(path: Path) -> None:
    with closing(Store.open(path, ACCOUNT)) as store:
        with store._live().begin(write=True) as txn:
            txn.delete((1).to_bytes(8), db=store._dbs.journal)
        with pytest.raises(StoreCorrupt, match="gap: 2 stands where 1 should"):
            whys(store)


def test_a_damaged_store_is_kept_aside_and_an_empty_one_started(path: Path) -> None:
    whole = (path / "data.mdb").read_bytes()
    for number in (1, 2):
        (path / "data.mdb").write_bytes(whole[: len(whole) // 2])

        store, copy = Store.open_or_rebuild(path, ACCOUNT)

        with closing(store):
            assert copy is not None
            assert copy == path.with_name(f"1001.corrupt-{number}")
            assert (copy / "data.mdb").stat().st_size == len(whole) // 2
            assert (store.last_seq, store.load_states()) == (0, {})
            store.commit(batch(1))
            assert counter(store) == 1


def test_a_damaged_state_is_reason_enough(path: Path) -> None:
    data = path / "data.mdb"
    data.write_bytes(data.read_bytes().replace(b"L" * 500, b"L" * 499 + b"M"))

    store, copy = Store.open_or_rebuild(path, ACCOUNT)

    store.close()
    assert copy is not None


def test_whoever_reads_a_damaged_store_inherits_no_secret(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, reader = tmp_path / "told", tmp_path / "reader"
    reader.write_text(f'#!/bin/sh\nenv > "{told}"\nexec {sys.executable} "$@"\n', "utf-8")
    reader.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(reader))
    monkeypatch.setenv("PROJECT_X_API_KEY", "canary-key-5f2b9c7d1e")

    found = salvage(path)

    assert found.keys() == {"lockout", "timer", "counter"}
    assert "PATH=" in told.read_text("utf-8")
    assert "canary" not in told.read_text("utf-8")


def test_a_sound_store_is_not_rebuilt(path: Path) -> None:
    store, copy = Store.open_or_rebuild(path, ACCOUNT)

    with closing(store):
        assert copy is None
        assert counter(store) == RECORDS


def test_damaged_copies_do_not_pile_up(path: Path) -> None:
    for _ in range(store_files.COPIES_MAX + 3):
        (path / "data.mdb").write_bytes(b"nonsense")
        store, _ = Store.open_or_rebuild(path, ACCOUNT)
        store.close()

    numbers = sorted(int(copy.suffix[9:]) for copy in path.parent.glob("1001.corrupt-*"))
    assert numbers == list(range(4, store_files.COPIES_MAX + 4))


def test_a_creation_that_was_cut_off_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "1001").mkdir()
    (tmp_path / "1001" / "data.mdb").touch()

    with closing(Store.open(tmp_path / "1001", ACCOUNT)) as store:
        assert store.commit(batch(1)) == 1


class TestFullCheck:
    @pytest.fixture
    def checks(self, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
        checked: list[Path] = []
        really = store_files.check_fully

        def check(path: Path) -> None:
            checked.append(path)
            really(path)

        monkeypatch.setattr(store_files, "check_fully", check)
        return checked

    def open(self, path: Path) -> None:
        Store.open(path, ACCOUNT).close()

    def test_is_done_once_a_boot(self, path: Path, checks: list[Path]) -> None:
        (path / store_files.CHECKED).write_text("an earlier boot")
        self.open(path)
        self.open(path)
        self.open(path)

        assert checks == [path]

    def test_is_done_again_after_a_life_that_broke_off_before_a_commit(
        self, path: Path, checks: list[Path]
    ) -> None:
        store = Store.open(path, ACCOUNT)
        store._live().close()  # as if it had been killed
        assert checks == []
        self.open(path)
        assert checks == [path]

    def test_is_not_done_after_a_life_that_broke_off_later(
        self, path: Path, checks: list[Path]
    ) -> None:
        store = Store.open(path, ACCOUNT)
        store.commit(batch(1))
        store._live().close()
        self.open(path)

        assert checks == []

    def test_is_done_when_the_file_is_too_short(self, path: Path, checks: list[Path]) -> None:
        data = path / "data.mdb"
        data.write_bytes(data.read_bytes()[:-5_000])

        with pytest.raises(StoreCorrupt):
            self.open(path)
        assert checks == [path]

    def test_is_always_done_where_boots_cannot_be_told_apart(
        self, path: Path, checks: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store_files, "_BOOT_ID", path / "none")
        self.open(path)
        self.open(path)

        assert checks == [path, path]
