"""A desk that is killed at every one of its commits, before it and after it: a sweep, no sample.

The story: the trader is long, the market falls through his limit, everything is closed and locked.
Whatever instant the desk dies at, the next one ends the story in the same way, once.
"""

import asyncio
import signal
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from actors.adapters.store import Store
from ops.sim.server import SimServer
from protocol.codec import Recorded
from protocol.decisions import EnforcementConfirmed, LockSet
from protocol.units import AccountId
from tests.e2e.conftest import Figure
from tests.guardian.service import MNQ
from tests.process.conftest import Begin, Life, until, watched

ACCOUNT = AccountId(1001)
CLOSE = "Position/closeContract"
LEAST = 6
"""Commits without which the story cannot be told: fewer would be a sweep of nothing."""
MOST = 60


def is_over(life: Life, sim: SimServer) -> bool:
    told = life.account()
    if told is None or not told.locked or sim.exchange.positions(ACCOUNT):
        return False
    return [one.state for one in told.enforcements] == ["confirmed"]


async def tell(life: Life, sim: SimServer) -> None:
    """Let the market fall as soon as anybody listens, until the story or the desk ends."""
    await until(lambda: life.ended or is_over(life, sim) or watched(sim), life, "a listener")
    while not life.ended and not is_over(life, sim):
        await sim.price(MNQ, 20_500)
        for _ in range(20):
            if life.ended or is_over(life, sim):
                break
            await asyncio.sleep(0.01)


def journal(folder: Path) -> list[Recorded]:
    """Return what is on the disk: all of it can be read."""
    with closing(Store.open(folder / "var" / "accounts" / str(ACCOUNT), ACCOUNT)) as store:
        found = [record for _, record in store.replay()]
    records = [record for record in found if isinstance(record, Recorded)]
    assert len(records) == len(found)
    return records


def ends_well(folder: Path, sim: SimServer) -> None:
    messages = [record.message for record in journal(folder)]
    assert sum(isinstance(one, LockSet) for one in messages) == 1, "one lock, never set anew"
    assert sum(isinstance(one, EnforcementConfirmed) for one in messages) == 1
    assert sim.exchange.positions(ACCOUNT) == []
    closes = [call for call in sim.calls.of(CLOSE) if call.outcome == "answered"]
    assert len(closes) == 1, "closed once"
    assert len(sim.calls.of(CLOSE)) <= 2, "and hardly asked for more"
    assert sim.calls.of("Order/place") == []


@pytest.mark.timeout(240)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.fault("desk-killed-at-each-commit")
async def test_i5_a_desk_killed_at_any_commit_is_followed_by_one_that_ends_the_story(
    begin: Begin, tmp_path: Path, figure: Figure, when: str
) -> None:
    slowest, swept = 0.0, 0
    for number in count(1):
        folder = tmp_path / str(number)
        async with SimServer() as sim:
            await sim.price(MNQ, 21_000)
            await sim.order(ACCOUNT, MNQ, "buy", 2)
            first = await begin(folder, sim, kill_at=number, when=when)
            await tell(first, sim)
            survived = not first.ended
            await first.kill()
            assert first.status == signal.SIGKILL

            begun = asyncio.get_running_loop().time()
            second = await begin(folder, sim)
            await tell(second, sim)
            assert not second.ended, second.story()
            slowest = max(slowest, asyncio.get_running_loop().time() - begun)
            await second.kill()
            ends_well(folder, sim)
        if survived:
            break
        swept = number
        assert swept < MOST

    figure("commits swept", swept)
    figure("recovered (s)", slowest)
    assert swept >= LEAST
