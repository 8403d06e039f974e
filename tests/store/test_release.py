"""What an account asks of the world leaves as soon as the disk has it, whatever there is to do."""

import asyncio
import time
from pathlib import Path

import pytest

from actors.adapters.clock import ShiftedClock
from actors.adapters.store import Store
from ops.bench.day import LIMIT, NOW, plan, position, to_come
from ops.bench.stand import NullBroker
from ops.desk.counts import MUTATIONS
from ops.desk.desk import Desk
from protocol.commands import Mutation, Read
from protocol.decisions import Decision, EnforcementRequested
from protocol.message import Message
from protocol.units import AccountId, Now

ACCOUNTS = FIRST, OTHER = AccountId(1_000), AccountId(1_001)
BEHIND = 200
TAKEN_MAX = 50
"""How many a millisecond each makes within the patience with a disk, twice over."""
BUSY_S = 0.05
TURNS, TURN_S = 12, 0.0002
"""What the HTTP client takes from the beginning of a request to its socket."""


class Noting(NullBroker):
    """A broker that notes how far its desk was when a request was handed over."""

    def __init__(self) -> None:
        super().__init__(ACCOUNTS)
        self.desk: Desk | None = None
        self.taken_by_then: list[int] = []
        self.said: list[Decision] = []
        self.said_by_then: list[Decision] = []
        self.turns = TURNS

    async def perform(self, command: Mutation | Read) -> Message | None:
        """Answer a read; note a mutation."""
        if isinstance(command, MUTATIONS):
            await self._leave(command)
        before = len(self.handed)
        answer = await super().perform(command)
        if len(self.handed) > before and self.desk is not None:
            self.taken_by_then.append(self.desk.inputs)
            self.said_by_then += self.said
        return answer

    async def _leave(self, command: Mutation | Read) -> None:
        assert self.desk is not None
        leaving = self.desk.counts.wire.leaving
        leaving.add(command)
        for _ in range(self.turns):
            time.sleep(TURN_S)  # noqa: ASYNC251  (the loop is held meanwhile)
            await asyncio.sleep(0)
        leaving.discard(command)


@pytest.fixture
async def broker(tmp_path: Path) -> Noting:
    """Return the broker of a desk whose accounts are armed."""
    made = Noting()

    def say(decision: Decision, now: Now) -> None:  # noqa: ARG001
        made.said.append(decision)

    stores = {one: Store.open(tmp_path / str(one), one) for one in ACCOUNTS}
    made.desk = Desk(tuple(map(plan, ACCOUNTS)), {**stores}, ShiftedClock(NOW), say, print)
    made.desk.start(made)
    states = made.desk.runtime.states
    while not all(states[f"account/{one}"].phase.value == "armed" for one in ACCOUNTS):
        await asyncio.sleep(0.01)
    while made.desk.journal.figures().pending:
        await asyncio.sleep(0.01)
    made.said.clear()
    return made


def requested(said: list[Decision]) -> list[Decision]:
    """Return what was said of a demand."""
    return [one for one in said if isinstance(one, EnforcementRequested)]


async def breach(broker: Noting, behind: int) -> Desk:
    """Let an account breach, with so much of another's day behind it."""
    desk = broker.desk
    assert desk is not None
    desk.inputs = 0
    desk.notice(position(FIRST, 1, LIMIT + 1))
    for _, message in zip(range(behind), to_come(OTHER), strict=False):
        desk.notice(message)
    await broker.got.wait()
    await asyncio.sleep(0)
    return desk


async def test_a_request_does_not_wait_for_what_came_in_behind_its_breach(broker: Noting) -> None:
    desk = await breach(broker, BEHIND)

    assert broker.taken_by_then[0] < TAKEN_MAX
    while desk.intake:
        await asyncio.sleep(0.01)
    assert desk.inputs > BEHIND, "and all of that is taken afterwards"
    await desk.stop()


async def test_nor_if_the_disk_answers_while_the_loop_is_busy(broker: Noting) -> None:
    asyncio.get_running_loop().call_later(0, time.sleep, BUSY_S)
    desk = await breach(broker, BEHIND)

    assert broker.taken_by_then[0] < TAKEN_MAX
    await desk.stop()


async def test_a_request_leaves_before_anything_is_said_of_its_breach(broker: Noting) -> None:
    broker.turns = 0
    desk = await breach(broker, 0)

    assert requested(broker.said)
    assert not requested(broker.said_by_then)
    await desk.stop()
