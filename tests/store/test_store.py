"""A store keeps what was committed, says who may have it, and tells damage from data."""

import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import lmdb
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.adapters import store_schema
from actors.adapters.retention import DAY, Retention
from actors.adapters.store import (
    Batch,
    InMemoryStore,
    Storage,
    Store,
    StoreError,
    Unencodable,
    Unreadable,
)
from protocol.codec import Recorded, encode
from protocol.lifecycle import Began
from protocol.units import Nanos, Now
from tests.store.samples import (
    ACCOUNT,
    OTHER,
    PANIC,
    SickStore,
    batch,
    counter,
    decision,
    in_another_process,
    unencodable,
    whys,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts" / str(ACCOUNT)


BATCHES = st.lists(
    st.builds(
        Batch,
        account_id=st.just(ACCOUNT),
        records=st.lists(st.integers(0, 2**62).map(decision), max_size=4).map(tuple),
        states=st.lists(
            st.tuples(
                st.sampled_from(["lockout", "timer", "rule/max_contracts"]),
                st.none() | st.dictionaries(st.text(max_size=3), st.integers(-9, 9), max_size=3),
            ),
            max_size=4,
        ).map(tuple),
    ),
    max_size=6,
)


@given(st.lists(BATCHES, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_every_commit_survives_a_new_process_and_the_twin_agrees(
    tmp_path_factory: pytest.TempPathFactory, lives: list[list[Batch]]
) -> None:
    path = tmp_path_factory.mktemp("store") / "account"
    twin = InMemoryStore(ACCOUNT)
    for number, batches in enumerate(lives, start=1):
        with closing(Store.open(path, ACCOUNT)) as store:
            for each in batches[:3]:
                assert store.commit(each) == twin.commit(each)
            assert store.commit_many(batches[3:]) == twin.commit_many(batches[3:])
            assert store.generation == twin.generation == number
        twin = twin.reopened()
    with closing(Store.open(path, ACCOUNT)) as store:
        assert list(store.replay()) == list(twin.replay())
        assert store.load_states() == twin.load_states()
        assert store.last_seq == twin.last_seq


@pytest.fixture(params=["disk", "memory"])
def either(request: pytest.FixtureRequest, path: Path) -> Storage:
    return Store.open(path, ACCOUNT) if request.param == "disk" else InMemoryStore(ACCOUNT)


def test_a_batch_is_refused_as_a_whole_if_any_part_cannot_be_written(either: Storage) -> None:
    either.commit(batch(1))
    broken = unencodable()

    with pytest.raises(Unencodable, match=r"1001.*object") as caught:
        either.commit_many((batch(2), broken))

    assert caught.value.batch is broken
    assert either.last_seq == 1
    assert set(either.load_states()) == {"counter"}


def test_a_state_of_none_forgets_the_actor(either: Storage) -> None:
    either.commit(batch(1))
    either.commit(Batch(ACCOUNT, states=(("counter", None), ("never seen", None))))

    assert either.load_states() == {}


def test_a_replay_may_start_anywhere(either: Storage) -> None:
    either.commit_many([batch(number) for number in range(1, 6)])

    assert [seq for seq, _ in either.replay(after=3)] == [4, 5]
    assert list(either.replay(after=5)) == list(either.replay(after=99)) == []


def test_a_closed_store_refuses(either: Storage) -> None:
    either.close()

    for use in (either.load_states, lambda: list(either.replay()), lambda: either.commit(batch(1))):
        with pytest.raises(StoreError, match="closed"):
            use()


def test_another_accounts_batch_is_our_mistake(either: Storage) -> None:
    with pytest.raises(AssertionError):
        either.commit(batch(1, OTHER))


def test_accounts_share_nothing(tmp_path: Path) -> None:
    with (
        closing(Store.open(tmp_path / "a", ACCOUNT)) as store,
        closing(Store.open(tmp_path / "b", OTHER)) as other,
    ):
        store.commit(batch(1))
        other.commit_many((batch(7, OTHER), batch(8, OTHER)))

        assert (whys(store), whys(other)) == (["no. 1"], ["no. 7", "no. 8"])
        assert (counter(store), counter(other)) == (1, 8)


def test_only_the_owner_may_read(path: Path) -> None:
    path.mkdir(parents=True, mode=0o755)
    with closing(Store.open(path, ACCOUNT)) as store:
        store.commit(batch(1))

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert modes.keys() >= {"data.mdb", "lock.mdb"}
    assert set(modes.values()) == {0o600}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"file/1001.*riskwarden needs a folder"):
        Store.open(tmp_path / "file" / "1001", ACCOUNT)


def test_a_forked_child_is_refused(path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from tests.store.samples import *
store = Store.open(Path(sys.argv[1]), ACCOUNT)
if os.fork() == 0:
    try:
        store.commit(batch(1))
    except Exception as error:
        print(error, flush=True)
    store.close()
    os._exit(0)
os.wait()
print(store.commit(batch(2)))
"""
    said, complaints = in_another_process(script, path).communicate()

    assert "opened by another process; open it where it is used\n1" in said, complaints


def test_another_process_may_read_along(path: Path) -> None:
    script = """
import sys
from pathlib import Path
from tests.store.samples import *
store = Store.open_to_read(Path(sys.argv[1]), ACCOUNT)
print(whys(store), store.generation)
try:
    store.commit(batch(2))
except Exception as error:
    print(type(error).__name__)
"""
    with closing(Store.open(path, ACCOUNT)) as store:
        store.commit(batch(1))
        said, complaints = in_another_process(script, path).communicate()
        store.commit(batch(2))

        assert said == "['no. 1'] 1\nStoreError\n", complaints
        assert whys(store) == ["no. 1", "no. 2"]


def test_a_reader_of_nothing_is_told_so(path: Path) -> None:
    with pytest.raises(StoreError, match="nothing was ever recorded"):
        Store.open_to_read(path, ACCOUNT)
    assert not path.exists()


def test_the_map_grows_when_it_is_full(path: Path) -> None:
    store = Store(path, ACCOUNT, map_bytes=64 * 1024)
    big = Batch(ACCOUNT, states=tuple((f"rule/{n}", "x" * 4_000) for n in range(100)))
    with closing(store):
        store.commit_many((batch(1), big))
        reading = store.replay()
        next(reading)
        for number in range(2, 400):
            store.commit_many((batch(number),) * 2)

        assert store.last_seq == 1 + 398 * 2
        assert len(store.load_states()) == 101
    with closing(Store(path, ACCOUNT, map_bytes=64 * 1024)) as store:  # smaller than the file
        assert store.commit(batch(400)) == 2 + 398 * 2


def test_a_full_map_has_an_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.adapters.store.MAP_BYTES_MAX", 128 * 1024)
    with closing(Store(path, ACCOUNT, map_bytes=64 * 1024)) as store:
        store.commit(batch(1))
        with pytest.raises(StoreError, match="larger than 131072 bytes"):
            store.commit(Batch(ACCOUNT, states=(("rule", "x" * 200_000),)))

        assert counter(store) == 1


def test_a_journal_keeps_its_newest_records(path: Path) -> None:
    with closing(Store(path, ACCOUNT, records_max=10)) as store:
        for number in range(1, 31):
            store.commit(batch(number))
        assert whys(store) == [f"no. {number}" for number in range(21, 31)]
        assert whys(store, after=25) == [f"no. {number}" for number in range(26, 31)]

    with closing(Store(path, ACCOUNT, records_max=5)) as store:
        store.commit(batch(31))
        assert next(store.replay())[0] == 23, "it goes little by little"


def test_a_record_of_a_newer_version_does_not_hide_the_others(path: Path) -> None:
    with closing(Store.open(path, ACCOUNT)) as store:
        store.commit(batch(1))
        newer = encode(decision(2)).replace(b"AlarmRaised", b"AlarmRisen!")
        store._seq = store._write(store_group(newer))
        store.commit(batch(3))

        first, strange, last = [record for _, record in store.replay()]
    assert isinstance(first, Recorded)
    assert isinstance(last, Recorded)
    assert isinstance(strange, Unreadable)
    assert strange.raw == newer
    assert "AlarmRisen!" in strange.why


def store_group(*payloads: bytes) -> Any:
    from actors.adapters.storage import Encoded

    return Encoded(list(payloads), {}, {})


@pytest.mark.parametrize("error", [PANIC, OSError("the disk lied")], ids=["panic", "oserror"])
def test_a_commit_that_failed_after_it_was_written_is_not_written_twice(
    path: Path, error: Exception
) -> None:
    with closing(SickStore.open(path, ACCOUNT)) as store:
        store.commit(batch(1))
        store.late_error = error
        with pytest.raises(type(error)):
            store.commit_many((batch(2), batch(3)))

        assert store.commit_many((batch(2), batch(3), batch(4))) == 4
        assert whys(store) == ["no. 1", "no. 2", "no. 3", "no. 4"]
        assert counter(store) == 4
        assert store.generation == 1


def test_an_open_counts_lives_and_frees_the_slots_of_killed_readers(path: Path) -> None:
    for life in (1, 2, 3):
        with closing(Store.open(path, ACCOUNT)) as store:
            assert store.generation == life
    script = """
import os, sys
from pathlib import Path
from tests.store.samples import *
store = Store.open_to_read(Path(sys.argv[1]), ACCOUNT)
transaction = store._env.begin()
os.kill(os.getpid(), 9)
"""
    in_another_process(script, path).communicate()

    with closing(Store.open(path, ACCOUNT)) as store:
        assert store._live().reader_check() == 0


class TestSchema:
    def migrated(self, path: Path, schema: int, migrations: Any) -> list[str]:
        with closing(Store.open(path, ACCOUNT)) as store:
            env, dbs = store._live(), store._dbs
            store_schema.enter(env, dbs, ACCOUNT, schema=schema, migrations=migrations)
            return sorted(store.load_states())

    def rename(self, old: str, new: str) -> store_schema.Migration:
        def step(txn: store_schema.Txn, dbs: store_schema.Databases) -> None:
            from actors.adapters.storage import name_seed, seal, unseal

            sealed = txn.pop(old.encode(), db=dbs.state)
            assert sealed is not None
            payload = unseal(sealed, name_seed(old))
            assert payload is not None
            txn.put(new.encode(), seal(payload, name_seed(new)), db=dbs.state)

        return step

    def schema_of(self, path: Path) -> int:
        with lmdb.open(str(path), max_dbs=3) as env, env.begin() as txn:
            return int(txn.get(b"schema", db=env.open_db(b"meta", txn=txn)) or b"0")

    def test_a_newer_store_is_refused_with_both_numbers_and_a_remedy(self, path: Path) -> None:
        Store.open(path, ACCOUNT).close()
        with lmdb.open(str(path), max_dbs=3) as env:
            meta = env.open_db(b"meta")
            with env.begin(write=True) as txn:
                txn.put(b"schema", b"99", db=meta)

        with pytest.raises(StoreError, match=r"schema 99.*schema 2; install the version"):
            Store.open(path, ACCOUNT)
        with pytest.raises(StoreError, match="schema 99"):
            Store.open_or_rebuild(path, ACCOUNT)
        with pytest.raises(StoreError, match="schema 99"):
            Store.open_to_read(path, ACCOUNT)

    def test_another_accounts_store_is_refused(self, path: Path) -> None:
        Store.open(path, ACCOUNT).close()

        with pytest.raises(StoreError, match="of account 1001, not of account 1002; put"):
            Store.open(path, OTHER)

    def test_migrations_run_in_order_and_once(self, path: Path) -> None:
        with closing(Store.open(path, ACCOUNT)) as store:
            store.commit(batch(1))
        steps = {2: self.rename("counter", "count"), 3: self.rename("count", "tally")}

        assert self.migrated(path, 4, steps) == ["tally"]
        assert self.schema_of(path) == 4

    def test_a_migration_that_fails_leaves_the_schema_before_it(self, path: Path) -> None:
        with closing(Store.open(path, ACCOUNT)) as store:
            store.commit(batch(1))
        steps = {2: self.rename("counter", "count"), 3: self.rename("never there", "tally")}

        with pytest.raises(AssertionError):
            self.migrated(path, 4, steps)

        assert self.schema_of(path) == 3
        steps[3] = self.rename("count", "tally")
        with lmdb.open(str(path), max_dbs=3) as env:
            dbs = store_schema.databases(env, create=False)
            store_schema.enter(env, dbs, ACCOUNT, schema=4, migrations=steps)
        assert self.schema_of(path) == 4

    def test_there_is_a_step_from_every_schema_to_the_next(self) -> None:
        assert [*store_schema.MIGRATIONS] == [*range(1, store_schema.SCHEMA)]

    def test_from_1_to_2_what_was_written_stays_and_is_known_to_lack_something(
        self, path: Path
    ) -> None:
        first_schema(path, records=3)
        with closing(Store.open_to_read(path, ACCOUNT)) as store:
            assert counter(store) == 3  # whoever looks for locks finds them before a desk starts

        with closing(Store.open(path, ACCOUNT)) as store:
            store.commit(batch(4))

            assert store.whole_from == 4
            assert whys(store) == ["no. 1", "no. 2", "no. 3", "no. 4"]
            assert [one.turn for _, one in store.replay() if isinstance(one, Recorded)] == [0] * 4
        assert self.schema_of(path) == 2
        with closing(Store.open(path, ACCOUNT)) as store:
            assert store.whole_from == 4


def first_schema(path: Path, records: int) -> None:
    """Write a store as the first release did: records without a turn and a place."""
    from actors.adapters.storage import name_seed, seal

    path.mkdir(mode=0o700, parents=True)
    with lmdb.open(str(path), max_dbs=3) as env, env.begin(write=True) as txn:
        journal, state, meta = (
            env.open_db(name, txn=txn) for name in (b"journal", b"state", b"meta")
        )
        for key, value in ((b"schema", b"1"), (b"account", b"1001"), (b"generation", b"1")):
            txn.put(key, value, db=meta)
        for seq in range(1, records + 1):
            whole = msgspec.msgpack.decode(encode(decision(seq)))
            txn.put(seq.to_bytes(8), seal(msgspec.msgpack.encode(whole[:4]), seq), db=journal)
        kept = seal(msgspec.msgpack.encode({"n": records}), name_seed("counter"))
        txn.put(b"counter", kept, db=state)


def test_the_layout_on_disk_is_pinned(path: Path) -> None:
    with closing(Store.open(path, ACCOUNT)) as store:
        store.commit(batch(5))
    with lmdb.open(str(path), max_dbs=3) as env:
        found = {
            name: dict(txn.cursor(db))
            for name in (b"journal", b"state", b"meta")
            for db in [env.open_db(name, create=False)]
            for txn in [env.begin()]
        }
    assert [*found[b"journal"]] == [b"\0\0\0\0\0\0\0\1"]
    assert found[b"journal"][b"\0\0\0\0\0\0\0\1"][4:] == encode(decision(5))
    assert found[b"state"][b"counter"][4:] == msgspec.msgpack.encode({"n": 5})
    assert found[b"meta"] == {b"schema": b"2", b"account": b"1001", b"generation": b"1"}


def beginning(number: int, days: float) -> Batch:
    """Build a record that a replay may begin at."""
    began = Began(release="", plan=b"", kept={})
    at = Now(Nanos(int(days * DAY)), Nanos(number))
    return Batch(ACCOUNT, (Recorded(at, "account/1001", entered=True, message=began, turn=1),))


def fillers(many: int) -> Batch:
    return Batch(ACCOUNT, tuple(map(decision, range(many))))


class TestRetention:
    def test_a_journal_is_cut_where_a_replay_may_begin(self, path: Path) -> None:
        with closing(Store.open(path, ACCOUNT, Retention(age=Nanos(3 * DAY)))) as store:
            for day in range(8):
                store.commit(beginning(day, day))
                store.commit(fillers(10))
            kept = [seq for seq, _ in store.replay()]
            whole = [seq for seq, _ in store.beginnings()]

            # Day 3 is older than 3 days at the start of day 7, and day 4 is not: day 3 begins it.
            assert kept == list(range(3 * 11 + 1, 8 * 11 + 1))
            assert whole == [3 * 11 + 1, 4 * 11 + 1, 5 * 11 + 1, 6 * 11 + 1, 7 * 11 + 1]

    def test_the_only_beginning_stays_however_old_it_is(self, path: Path) -> None:
        with closing(Store.open(path, ACCOUNT, Retention(age=Nanos(DAY)))) as store:
            store.commit(beginning(0, 0))
            store.commit(fillers(10))
            store.commit(beginning(1, 100))

            assert next(seq for seq, _ in store.replay()) == 1

    def test_a_journal_that_has_grown_too_large_loses_its_oldest_part(self, path: Path) -> None:
        limit = 2**20
        with closing(Store.open(path, ACCOUNT, Retention(size=limit))) as store:
            sizes: list[int] = []
            for number in range(60):
                store.commit(beginning(number, number / 100))
                for _ in range(4):
                    store.commit(fillers(250))
                with store._reader() as txn:
                    sizes.append(store_schema.used_bytes(txn, store._dbs))
            first = next(seq for seq, _ in store.replay())

            assert max(sizes) < 1.5 * limit
            assert sizes[-1] > limit / 3
            assert first == store.beginnings()[0][0] > 1

    def test_without_a_limit_nothing_goes(self, path: Path) -> None:
        with closing(Store.open(path, ACCOUNT)) as store:
            for day in range(9):
                store.commit(beginning(day, 1_000 * day))

            assert len(list(store.replay())) == 9
