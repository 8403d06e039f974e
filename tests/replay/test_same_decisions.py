"""I9: the same journal causes the same decisions and the same commands, bit for bit."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from actors import account_guard, account_reads, lockout
from actors.model import book, pacing
from actors.replay import Difference, Replay, ReplayError, turns
from protocol.codec import Recorded, encode
from protocol.lifecycle import Began, Failed
from protocol.units import SECOND
from tests.sim.broker import ACCOUNT
from tests.sim.kernel import Kernel

SEEDS = range(60)
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "actors.shell")


@cache
def journal(seed: int) -> list[Recorded]:
    """Return what a simulated day left: crashes, failing actors, a hostile broker and all."""
    kernel = Kernel(seed)
    kernel.run()
    return [one for _, one in kernel.disks[ACCOUNT].store.replay() if isinstance(one, Recorded)]


def repeat(records: Sequence[Recorded]) -> list[Difference]:
    replay = Replay(ACCOUNT)
    found = [replay.take(turn) for turn in turns(records)]
    replay.close()
    return [one for one in found if one is not None]


@pytest.mark.parametrize("seed", SEEDS)
def test_i9_a_journal_repeats_its_decisions_and_commands(seed: int) -> None:
    assert repeat(journal(seed)) == []


@pytest.mark.timeout(300)
def test_i9_the_seeds_have_everything_that_could_make_a_difference() -> None:
    found = [one for seed in SEEDS for one in journal(seed)]

    starts = [one for one in found if isinstance(one.message, Began)]
    assert len([one for one in starts if one.place == 0]) > len(SEEDS)
    assert len([one for one in starts if one.place > 0]) > 10
    assert len({type(one.message).__name__ for one in found if not one.entered}) >= 15
    assert len([one for one in found if isinstance(one.message, Failed)]) > 100
    assert len({one.actor for one in found if isinstance(one.message, Failed)}) >= 5


def test_i9_a_replay_may_begin_at_any_start_of_a_desk() -> None:
    records = next(found for found in map(journal, SEEDS) if lives(found) > 3)
    starts = [n for n, one in enumerate(records) if is_start(one)]

    assert [repeat(records[begin:]) for begin in starts] == [[]] * len(starts)


def lives(records: Sequence[Recorded]) -> int:
    return sum(map(is_start, records))


def is_start(record: Recorded) -> bool:
    return isinstance(record.message, Began) and (record.turn, record.place) == (1, 0)


REPEAT_ELSEWHERE = """
import logging
import sys
logging.disable()
from protocol.codec import decode
from tests.replay.test_same_decisions import repeat
raw = sys.stdin.buffer.read()
records = []
while raw:
    size = int.from_bytes(raw[:4])
    records.append(decode(raw[4:4 + size]))
    raw = raw[4 + size:]
print(len(repeat(records)))
"""


@pytest.mark.parametrize("hashing", ["1", "2"])
def test_i9_another_process_with_another_order_of_sets_decides_the_same(hashing: str) -> None:
    raw = [encode(one) for seed in range(12) for one in journal(seed)]
    packed = b"".join(len(one).to_bytes(4) + one for one in raw)

    done = subprocess.run(
        [sys.executable, "-c", REPEAT_ELSEWHERE],
        input=packed,
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hashing, "PYTHONPATH": str(ROOT)},
    )

    assert done.stdout.strip() == b"0", done.stderr.decode()


def always[T](answer: T) -> Callable[..., T]:
    return lambda *_: answer  # pyright: ignore[reportUnknownLambdaType]


MUTANTS = {
    "one proof is enough": (pacing, "PROOFS", 1),
    "proofs follow at once": (pacing, "QUIET", 0),
    "nothing is tried again": (pacing, "RETRY", 3_600 * SECOND),
    "a demand is always met": (account_guard, "met", always(1)),
    "exposure under a lock is not counted": (account_guard, "grows", always(0)),
    "no sweep for a lost trigger": (account_reads, "SWEEP", 3_600 * SECOND),
    "locks are not told": (lockout, "announce", always(())),
    "positions are worth nothing": (book, "unrealized", always(0)),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_i9_code_that_decides_otherwise_is_found(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [journal(seed) for seed in range(12)]

    monkeypatch.setattr(*MUTANTS[mutant])

    assert [one for one in records if repeat(one)] != []


def test_i9_an_input_that_is_missing_is_found() -> None:
    records = journal(1)
    gone = next(n for n, one in enumerate(records) if one.entered and one.turn > 20)
    whole = [one.turn for one in records]

    with pytest.raises(ReplayError, match="does not follow"):
        repeat([one for one in records if one.turn != whole[gone]])


def test_i9_a_decision_that_was_tampered_with_is_found() -> None:
    records = journal(1)
    last = max(n for n, one in enumerate(records) if not one.entered and one.actor != "supervisor")

    (found,) = repeat([*records[:last], *records[last + 1 :]])

    assert found.written != found.repeated
