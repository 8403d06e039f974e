"""What an earlier release has written is understood by this one: its journal and what it kept.

The journals of `earlier` are of accounts under all thirteen rules, with two lives of a desk each.
Their names begin with the commit that wrote them.  The second life begins with the states that the
first has kept, as the desk of a new release does that is started on an old store.  They are never
recorded anew: what decides otherwise meanwhile may differ, but no lock is lost by it, or shorter.
"""

import logging
from pathlib import Path

import pytest

from actors.lockout import State as LockoutState
from actors.replay import Replay, start_of, turns
from actors.rules import RULES
from protocol.codec import Recorded
from protocol.decisions import LockEnded, LockSet
from protocol.lifecycle import Began
from protocol.units import AccountId, Nanos
from tests.replay.record import FOLDER, read

EARLIER = sorted((FOLDER.parent / "earlier").glob("*.journal"))


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "actors.shell")


def account_of(path: Path) -> AccountId:
    return AccountId(int(path.stem.rpartition("-")[2]))


def written(records: list[Recorded]) -> dict[tuple[str, str | None], Nanos | None]:
    """Return the locks that a journal leaves in force."""
    locks = dict[tuple[str, str | None], Nanos | None]()
    for record in records:
        match record.message:
            case LockSet(lock=lock):
                locks[lock.rule, lock.scope] = lock.until
            case LockEnded(lock=lock):
                del locks[lock.rule, lock.scope]
            case _:
                pass
    return locks


def lives(records: list[Recorded]) -> list[Began]:
    return [began for turn in turns(records) if (began := start_of(turn)) is not None]


def test_there_are_some_and_they_tell_of_locks_under_every_rule() -> None:
    found = [read(path) for path in EARLIER]

    assert len(found) >= 3
    for records in found:
        first, second = lives(records)
        assert not first.kept
        assert {path.rpartition("/")[2] for path in second.kept} >= {"lockout", "enforcer", "reset"}
        assert all(name in str(second.plan) for name in RULES)
        assert written(records)


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: path.stem)
def test_i9_what_an_earlier_release_wrote_is_repeated_to_its_end_with_the_same_locks(
    path: Path,
) -> None:
    records, replay = read(path), Replay(account_of(path))
    _, second = lives(records)

    for turn in turns(records):
        replay.take(turn)

    assert set(second.kept) <= set(replay.states), "nobody died of what it had kept"
    lockout = replay.states[f"{replay.tree}/lockout"]
    assert isinstance(lockout, LockoutState)
    assert {(one.rule, one.scope): one.until for one in lockout.locks} == written(records)
    replay.close()
