"""What the guardian makes of a desk's life and death, without waiting for either."""

import asyncio
import sys
from typing import Any

import pytest
from msgspec.structs import replace

from config.schema import AccountConfig
from ops.desk.boot import Progress, judge
from ops.desk.outcome import Ending, Exit
from ops.desk.outlook import starting
from ops.guardian.child import Child
from ops.guardian.guardian import Guardian
from ops.guardian.watch import BACK_OFF_MAX_S, HUNG_S, RETRY_S, Watch
from protocol.control import PositionStatus
from tests.notify.statuses import account

NOBODY: tuple[AccountConfig, ...] = ()
CRASHED = Ending(1, "crashed")
REFUSED = Ending(4, "refused")


async def never(watch: Watch) -> Child:
    raise NotImplementedError(watch.login)


def guardian(*logins: str) -> Guardian:
    return Guardian(tuple(Watch(login, NOBODY) for login in logins), never)


async def test_restarts_slow_down_and_never_stop() -> None:
    one = guardian("main")
    watch = one.watches[0]

    waits = [one._verdict(watch, CRASHED) for _ in range(12)]

    assert waits[:6] == [0.25, 0.5, 1, 2, 4, BACK_OFF_MAX_S]
    assert waits[9:] == [BACK_OFF_MAX_S, RETRY_S, RETRY_S]
    assert watch.gave_up == "crashed"
    assert "gave up" in watch.desk(0).alarms[-1]


async def test_a_desk_that_never_came_up_ends_a_guardian_that_has_no_other() -> None:
    one = guardian("main")

    assert one._verdict(one.watches[0], REFUSED) == RETRY_S
    assert one._stopping.is_set()
    assert one._ending == REFUSED


async def test_a_desk_that_was_armed_once_is_tried_again_whatever_it_says() -> None:
    one = guardian("main")
    one.watches[0].was_armed = True

    assert one._verdict(one.watches[0], REFUSED) == 0.25
    assert not one._stopping.is_set()


async def test_a_desk_that_never_came_up_leaves_the_others_alone() -> None:
    one = guardian("main", "other")
    other = await sleeper()
    one.watches[1].begins(other)

    assert one._verdict(one.watches[0], REFUSED) == RETRY_S
    assert not one._stopping.is_set()
    other.kill()
    await other.listen(one.watches[1].take)


async def test_a_silent_desk_is_stale_then_hung() -> None:
    watch = Watch("main", NOBODY)
    child = await sleeper()
    watch.begins(child)
    child.heard = 100.0
    watch.take(starting("main"))

    assert watch.is_fresh(103.0)
    assert not watch.is_fresh(103.1)
    assert watch.desk(103.1).state == "stale"
    assert not watch.is_hung(100.0 + HUNG_S)
    assert watch.is_hung(100.1 + HUNG_S)
    assert watch.why_not_ready(104.0) == "silent for 4.0 s"
    child.kill()
    assert await child.listen(watch.take) == -9
    assert watch.died(-9).message == "desk main died by signal 9"
    assert watch.desk(104.0).state == "down"
    assert watch.desk(104.0).pid is None


@pytest.mark.parametrize(
    ("state", "held"), [("starting", 1), ("reading", 1), ("evaluated", 0), ("armed", 0)]
)
async def test_an_account_that_is_not_read_yet_is_not_said_to_hold_nothing_i2(
    state: str, held: int
) -> None:
    """Or the alarm of a position that nobody watches would end with each start of a desk."""
    one = PositionStatus(
        contract="MNQ", side="long", size=2, average="21000", mark=None, unrealized=None
    )
    watch = Watch("main", NOBODY)
    watch.take(replace(starting("main"), accounts=[account(positions=[one])]))
    watch.take(replace(starting("main"), accounts=[account(state=state, positions=[])]))

    assert len(watch.accounts(1.0)[0].positions) == held


async def test_a_child_that_talks_nonsense_is_heard_to_its_end() -> None:
    script = 'print(\'nonsense\'); print(\'{"code": 4, "message": "refused"}\')'
    child = await Child.start(["-c", script], command=[sys.executable])
    heard: list[object] = []

    assert await child.listen(heard.append) == 0
    assert heard == []
    assert child.ending == REFUSED
    child.stop()
    child.kill()


async def sleeper() -> Child:
    return await Child.start(["-c", "import time; time.sleep(60)"], command=[sys.executable])


async def test_a_guardian_that_fails_says_so_and_ends() -> None:
    one = guardian("main")

    ending = await asyncio.wait_for(one.run(), 1)

    assert ending.code == Exit.EXCEPTION
    assert "the guardian fails" in ending.message


START = Progress(
    asking_s=1,
    logged_in_s=None,
    arm_within=60,
    refused=False,
    why="no answer",
    api_url="http://gateway",
    login="main",
    listed=None,
    guarded=frozenset({1001}),
    nameless=(),
    armed=False,
)
THERE: dict[str, Any] = {"listed": {1001: "A", 1002: "B"}, "logged_in_s": 1}


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        pytest.param({}, None, id="not yet in"),
        pytest.param({"asking_s": 61}, Exit.GATEWAY, id="unreachable"),
        pytest.param({"refused": True}, Exit.GATEWAY, id="refused"),
        pytest.param({"refused": True, "armed": True}, None, id="refused, but armed before"),
        pytest.param(THERE, None, id="not yet armed"),
        pytest.param({**THERE, "logged_in_s": 61}, Exit.STALLED, id="stalled"),
        pytest.param({**THERE, "logged_in_s": 61, "armed": True}, None, id="one is armed"),
        pytest.param({**THERE, "guarded": frozenset({7})}, Exit.CONFIGURATION, id="none listed"),
        pytest.param({**THERE, "guarded": frozenset({7, 1001})}, None, id="one of two listed"),
        pytest.param({**THERE, "guarded": frozenset[int](), "nameless": ("B",)}, None, id="named"),
    ],
)
def test_a_desk_judges_its_start(seen: dict[str, Any], code: Exit | None) -> None:
    ending = judge(replace(START, **seen))

    assert (None if ending is None else ending.code) == code
