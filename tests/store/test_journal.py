"""The journal thread acknowledges in order, rides out a sick disk, and waits for no one."""

import asyncio
import itertools
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.adapters import journal as journal_module
from actors.adapters.journal import JournalFull, JournalThread
from actors.adapters.store import (
    Batch,
    InMemoryStore,
    Storage,
    Store,
    StoreError,
    Unencodable,
)
from protocol.codec import Recorded
from protocol.units import AccountId, Nanos
from tests.store.samples import (
    ACCOUNT,
    OTHER,
    PANIC,
    SickStore,
    batch,
    counter,
    quote,
    unencodable,
    whys,
)

DISK_FULL = OSError(28, "No space left on device")


class Told:
    """What the loop was told, in its order."""

    def __init__(self) -> None:
        self.done: list[tuple[AccountId, int]] = []
        self.failed: list[tuple[AccountId, int, Exception]] = []
        self.threads: set[str] = set()

    def submit(self, journal: JournalThread, each: Batch, number: int) -> None:
        account_id = each.account_id

        def done() -> None:
            self.threads.add(threading.current_thread().name)
            self.done.append((account_id, number))

        def failed(error: Exception) -> None:
            self.failed.append((account_id, number, error))

        journal.submit(each, done, failed)

    def numbers(self, account_id: AccountId = ACCOUNT) -> list[int]:
        return [number for owner, number in self.done if owner == account_id]

    def ends_with(self, number: int, account_id: AccountId) -> bool:
        return self.numbers(account_id)[-1:] == [number]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running(*stores: Storage, pending_max: int = 10_000) -> AsyncGenerator[JournalThread]:
    journal = JournalThread(stores, asyncio.get_running_loop(), pending_max=pending_max)
    journal.start()
    try:
        yield journal
    finally:
        journal.stop(5)
        assert not journal.is_alive


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "RETRY_MIN", Nanos(5_000_000))
    monkeypatch.setattr(journal_module, "RETRY_MAX", Nanos(20_000_000))


@pytest.fixture
def told() -> Told:
    return Told()


async def test_callbacks_come_on_the_loop_in_order_of_submission(
    tmp_path: Path, told: Told
) -> None:
    stores = [Store.open(tmp_path / str(account), account) for account in (ACCOUNT, OTHER)]
    async with running(*stores) as journal:
        for number in range(1, 501):
            for account_id in (ACCOUNT, OTHER):
                told.submit(journal, batch(number, account_id), number)
            if number % 50 == 0:
                await asyncio.sleep(0)
        await until(lambda: len(told.done) == 1_000)
        figures = journal.figures()

    assert told.numbers(ACCOUNT) == told.numbers(OTHER) == list(range(1, 501))
    assert told.threads == {"MainThread"}
    assert figures.batches == 1_000
    assert figures.transactions < 500, "batches share transactions"
    assert 0 < figures.p50_ms <= figures.p99_ms <= figures.max_ms
    assert (figures.pending, figures.oldest_pending_ms, figures.failing) == (0, 0.0, ())


async def test_an_account_whose_store_is_only_memory_counts_as_failing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "1002", OTHER)
    async with running(InMemoryStore(ACCOUNT), store) as journal:
        assert journal.figures().failing == (ACCOUNT,)


async def test_done_comes_after_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "1001"
    store = Store.open(path, ACCOUNT)
    seen: list[int] = []

    async with running(store) as journal:
        for number in range(1, 20):
            journal.submit(batch(number), lambda: seen.append(store.last_seq), print)
        await until(lambda: len(seen) == 19)

    assert all(newest >= number for number, newest in enumerate(seen, start=1))


async def test_a_transaction_wakes_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    wakes: list[int] = []
    call_soon = loop.call_soon_threadsafe

    def counted(callback: Callable[..., object], *args: object) -> asyncio.Handle:
        wakes.append(1)
        return call_soon(callback, *args)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    told = Told()
    journal = JournalThread([InMemoryStore(ACCOUNT)], loop)
    for number in range(100):
        told.submit(journal, batch(number), number)
    journal.start()
    await until(lambda: len(told.done) == 100)

    assert (len(wakes), journal.figures().transactions) == (1, 1)
    journal.stop(1)


@pytest.mark.parametrize(
    "error", [DISK_FULL, PANIC, StoreError("?")], ids=lambda e: type(e).__name__
)
async def test_an_outage_is_told_once_and_loses_nothing(
    tmp_path: Path, told: Told, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    sick, well = SickStore.open(tmp_path / "a", ACCOUNT), Store.open(tmp_path / "b", OTHER)
    async with running(sick, well) as journal:
        sick.error = error
        for number in range(1, 11):
            told.submit(journal, batch(number), number)
            told.submit(journal, batch(number, OTHER), number)
            await asyncio.sleep(0.005)
        await until(lambda: len(told.numbers(OTHER)) == 10)
        assert told.numbers(ACCOUNT) == []
        assert told.failed == [(ACCOUNT, 1, error)]
        assert journal.figures().failing == (ACCOUNT,)
        assert journal.oldest_pending_ms(ACCOUNT) >= 40
        assert journal.oldest_pending_ms(OTHER) == 0
        sick.error = None
        await until(lambda: len(told.numbers(ACCOUNT)) == 10)
        assert journal.figures().failing == ()
        sick.error = error
        told.submit(journal, batch(11), 11)
        await until(lambda: len(told.failed) == 2)
        sick.error = None
        await until(lambda: len(told.numbers(ACCOUNT)) == 11)

    assert told.numbers(ACCOUNT) == list(range(1, 12))
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING] * 2
    with closing(Store.open(tmp_path / "a", ACCOUNT)) as store:
        assert whys(store) == [f"no. {number}" for number in range(1, 12)]


async def test_a_store_that_hangs_delays_no_other_account(told: Told) -> None:
    release = threading.Event()

    class Hanging(InMemoryStore):
        def commit_many(self, batches: Sequence[Batch]) -> int:
            release.wait(10)
            return super().commit_many(batches)

    async with running(Hanging(ACCOUNT), InMemoryStore(OTHER)) as journal:
        told.submit(journal, batch(1), 1)
        for number in range(1, 6):
            told.submit(journal, batch(number, OTHER), number)
            await until(partial(told.ends_with, number, OTHER))
        assert told.numbers(ACCOUNT) == []
        assert journal.oldest_pending_ms(ACCOUNT) > journal.oldest_pending_ms(OTHER) == 0
        release.set()
        await until(lambda: told.numbers(ACCOUNT) == [1])


async def test_a_disk_that_lies_makes_no_duplicates(tmp_path: Path, told: Told) -> None:
    sick = SickStore.open(tmp_path / "a", ACCOUNT)
    sick.late_error = PANIC
    async with running(sick) as journal:
        for number in range(1, 6):
            told.submit(journal, batch(number), number)
        await until(lambda: len(told.done) == 5)
        assert whys(sick) == [f"no. {number}" for number in range(1, 6)]


async def test_what_cannot_be_encoded_is_refused_alone(told: Told) -> None:
    store = InMemoryStore(ACCOUNT)
    journal = JournalThread([store], asyncio.get_running_loop())
    for number, each in enumerate([batch(1), unencodable(), batch(3), unencodable(), batch(5)]):
        told.submit(journal, each, number)
    journal.start()
    await until(lambda: len(told.done) == 3)
    await until(lambda: len(told.failed) == 2)
    journal.stop(1)

    assert told.numbers() == [0, 2, 4]
    assert [number for _, number, _ in told.failed] == [1, 3]
    assert {type(error) for _, _, error in told.failed} == {Unencodable}


async def test_a_callback_that_fails_hides_no_other(told: Told) -> None:
    loop = asyncio.get_running_loop()
    complaints: list[str] = []
    loop.set_exception_handler(lambda _, context: complaints.append(str(context["exception"])))
    async with running(InMemoryStore(ACCOUNT)) as journal:
        journal.submit(batch(1), lambda: told.done[99] and None, print)
        told.submit(journal, batch(2), 2)
        await until(lambda: told.numbers() == [2])

    assert complaints == ["list index out of range"]


async def test_stop_writes_what_is_left_and_closes(tmp_path: Path, told: Told) -> None:
    store = Store.open(tmp_path / "1001", ACCOUNT)
    journal = JournalThread([store], asyncio.get_running_loop())
    journal.start()
    for number in range(1, 1_001):
        told.submit(journal, batch(number), number)

    assert journal.stop(10) == 0

    with pytest.raises(StoreError, match="closed"):
        store.load_states()
    with pytest.raises(StoreError, match="submit nothing after stop"):
        told.submit(journal, batch(1), 1)
    with closing(Store.open(tmp_path / "1001", ACCOUNT)) as store:
        assert counter(store) == 1_000
    await until(lambda: len(told.done) == 1_000)


async def test_stop_says_how_much_a_dead_disk_cost(tmp_path: Path, told: Told) -> None:
    sick = SickStore.open(tmp_path / "1001", ACCOUNT)
    sick.error = DISK_FULL
    journal = JournalThread([sick], asyncio.get_running_loop())
    journal.start()
    for number in range(3):
        told.submit(journal, batch(number), number)

    assert journal.stop(0.05) == 3
    assert not journal.is_alive


async def test_stop_writes_even_if_nothing_was_started(told: Told) -> None:
    store = InMemoryStore(ACCOUNT)
    journal = JournalThread([store], asyncio.get_running_loop())
    told.submit(journal, batch(1), 1)

    assert journal.stop(1) == 0
    assert store.reopened().last_seq == 1


def test_a_loop_that_ended_first_costs_no_data(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    store = InMemoryStore(ACCOUNT)
    journal = JournalThread([store], loop)
    loop.close()
    journal.submit(batch(1), print, print)

    assert journal.stop(1) == 0
    assert store.reopened().last_seq == 1
    assert "too late" in caplog.text


async def test_an_account_may_come_later(told: Told) -> None:
    async with running(InMemoryStore(ACCOUNT)) as journal:
        with pytest.raises(StoreError, match="1002 has no store"):
            told.submit(journal, batch(1, OTHER), 1)
        journal.adopt(InMemoryStore(OTHER))
        told.submit(journal, batch(1, OTHER), 1)
        await until(lambda: told.numbers(OTHER) == [1])


def step(number: int, actor: str, quotes: int) -> Batch:
    """Build a step that carries quotes along with its decision and its state."""
    plain = batch(number)
    state = ((actor, {"n": number}),)
    return Batch(ACCOUNT, (*map(quote, range(number, number + quotes)), *plain.records), state)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=60),
    st.integers(10, 60),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_a_full_memory_forgets_quotes_and_older_states_and_nothing_else(
    steps: list[tuple[str, int]], pending_max: int
) -> None:
    loop = asyncio.new_event_loop()
    store = InMemoryStore(ACCOUNT)
    journal = JournalThread([store], loop, pending_max=pending_max)
    told, taken = Told(), list[int]()
    for number, (actor, quotes) in enumerate(steps, start=1):
        try:
            told.submit(journal, step(number, actor, quotes), number)
            taken.append(number)
        except JournalFull:
            pass
    dropped = journal.figures().quotes_dropped
    assert journal.stop(5) == 0
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()

    found = store.reopened()
    records = [record for _, record in found.replay() if isinstance(record, Recorded)]
    decisions = [record for record in records if type(record.message).__name__ == "AlarmRaised"]
    expected = {
        actor: number for number, (actor, _) in enumerate(steps, start=1) if number in taken
    }
    assert [record.now.mono for record in decisions] == taken == told.numbers()
    assert len(records) - len(decisions) + dropped == sum(steps[n - 1][1] for n in taken)
    assert {name: raw[-1] for name, raw in found.load_states().items()} == expected


async def test_a_full_memory_refuses_to_the_face(told: Told) -> None:
    journal = JournalThread([InMemoryStore(ACCOUNT)], asyncio.get_running_loop(), pending_max=30)
    numbers = itertools.count()
    with pytest.raises(JournalFull, match="wait for the disk"):  # noqa: PT012
        while number := next(numbers) + 1:
            told.submit(journal, batch(number), number)
    taken = journal.figures().pending

    assert 10 <= taken <= 15, "each holds a record and itself; their states became one"
    assert journal.stop(1) == 0


async def test_the_oldest_quotes_go_first(told: Told) -> None:
    store = InMemoryStore(ACCOUNT)
    journal = JournalThread([store], asyncio.get_running_loop(), pending_max=40)
    for number in range(21):
        told.submit(journal, Batch(ACCOUNT, (quote(number),)), number)
    journal.stop(1)

    kept = [
        record.now.mono for _, record in store.reopened().replay() if isinstance(record, Recorded)
    ]
    assert kept == list(range(kept[0], 21))
    assert kept[0] == journal.figures().quotes_dropped > 0
