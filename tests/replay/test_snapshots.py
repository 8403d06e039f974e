"""A replay may begin at a snapshot, in the middle of a desk's life."""

import logging
from functools import cache

import pytest

from actors import runtime
from actors.replay import Replay, ReplayError, snapshot_of, turns
from protocol.codec import Recorded
from protocol.lifecycle import Snapshot
from tests.replay.test_same_decisions import repeat
from tests.sim.broker import ACCOUNT
from tests.sim.kernel import Kernel

SEEDS = range(12)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "actors.shell")


@cache
def journal(seed: int) -> list[Recorded]:
    """Return a journal that has a snapshot every few turns."""
    usual = runtime.SNAPSHOT_TURNS
    runtime.SNAPSHOT_TURNS = 3 + seed % 7
    try:
        kernel = Kernel(seed)
        kernel.run()
    finally:
        runtime.SNAPSHOT_TURNS = usual
    return [one for _, one in kernel.store.replay() if isinstance(one, Recorded)]


@pytest.mark.parametrize("seed", SEEDS)
def test_i9_what_the_actors_know_is_repeated_too(seed: int) -> None:
    records = journal(seed)

    assert sum(isinstance(one.message, Snapshot) for one in records) > 5
    assert repeat(records) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_i9_a_replay_that_begins_at_any_snapshot_decides_the_same(seed: int) -> None:
    whole = list(turns(journal(seed)))
    begins = [n for n, turn in enumerate(whole) if snapshot_of(turn) is not None]

    for begin in begins[:: max(1, len(begins) // 6)]:
        replay = Replay(ACCOUNT)
        found = [replay.take(turn) for turn in whole[begin:]]
        replay.close()

        assert [one for one in found if one is not None] == []


def test_a_replay_cannot_begin_in_between() -> None:
    whole = list(turns(journal(1)))
    begin = next(n for n in range(5, 99) if snapshot_of(whole[n]) is None and whole[n][0].turn > 1)

    with pytest.raises(ReplayError, match="next start or snapshot"):
        Replay(ACCOUNT).take(whole[begin])


def test_i9_a_state_that_is_not_the_same_is_found() -> None:
    records = [*journal(2)]
    (at, was), *others = [
        (n, one) for n, one in enumerate(records) if isinstance(one.message, Snapshot)
    ]
    other = next(one.message for _, one in others if states(one) != states(was))
    records[at] = Recorded(was.now, was.actor, was.entered, other, was.turn, was.place)

    (found, *_) = repeat(records)

    assert " knew " in found.written


def states(record: Recorded) -> dict[str, bytes]:
    assert isinstance(record.message, Snapshot)
    return record.message.states
