"""What is judged, told, or dies in the very turn in which a day ends is no matter of the next."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from actors.model.schedule import ResetSchedule
from actors.model.sessions import Window
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss, session_block_outside, trade_frequency_limit
from config.calendars import load_shipped
from protocol.account_facts import PositionSeen
from protocol.decisions import EnforcementRequested
from protocol.message import Message
from protocol.schedule import ClockSkewed, TimerFired
from protocol.units import MILLISECOND, SECOND, Nanos, Now
from tests.actors.faulty import FaultyRoster
from tests.actors.loyal import PATH, Desk
from tests.actors.rig import later
from tests.sim.broker import ACCOUNT, MNQ

DAY = 86_400 * SECOND
PLAN = AccountPlan(
    account_id=ACCOUNT,
    name="practice",
    reset=ResetSchedule(),
    rules={daily_realized_loss.NAME: daily_realized_loss.Params(limit=Decimal(-100))},
)


def left(one: Desk) -> int:
    """Return how long the day still lasts."""
    ends: int = one.runtime.states[PATH].day.next_reset
    return ends - one.now.wall


def locks(one: Desk) -> list[str]:
    return [lock.rule for lock in one.runtime.states[PATH].locks]


def stalled(one: Desk, ms: int) -> None:
    """Let time pass in which nobody looks, and then all at once that is due."""
    one.now = later(one.now, ms * MILLISECOND)
    for turn in one.runtime.tick(one.now):
        one._take(turn)


def lost(one: Desk, ticks: int, *, before_ms: int = 13_700) -> None:
    """Lose half a dollar a tick with an exit, and shortly before the reset."""
    one.wait(left(one) // MILLISECOND - before_ms)
    one.trade(MNQ, 1)
    one.wait(1_000)
    one.move(MNQ, -ticks)
    one.wait(1_000)


def once(at: str, kind: type[Message]) -> tuple[Callable[[str, Message], bool], list[bool]]:
    """Return what fails an actor on the next message of a kind, once it is armed."""
    armed: list[bool] = []

    def when(path: str, message: Message) -> bool:
        return path == f"{PATH}/{at}" and isinstance(message, kind) and bool(armed and armed.pop())

    return when, armed


def test_what_a_second_price_bears_out_as_the_day_ends_closes_nothing_in_the_next() -> None:
    one = Desk(PLAN)
    lost(one, 120)
    one.trade(MNQ, -1)
    one.wait(5_500)
    one.trade(MNQ, 1)
    one.wait(left(one) // MILLISECOND - 100)
    one.tell(one.broker.move(MNQ, -120, one.now.wall))
    one.hear(replace(one.broker.quote(MNQ, one.now.wall), bid=None, ask=None))
    assert one.runtime.states[f"{PATH}/rule/daily_realized_loss"].doubt is not None

    stalled(one, 400)
    one.wait(3_000)

    assert (locks(one), one.said(EnforcementRequested)) == ([], [])
    assert one.broker.positions[MNQ].size == 1


@pytest.mark.parametrize("kind", [TimerFired, ClockSkewed], ids=["at-it", "after-a-sleep"])
def test_a_reset_actor_that_dies_as_the_day_ends_has_nothing_asked_for_again(
    kind: type[Message],
) -> None:
    when, armed = once("reset", kind)
    one = Desk(PLAN, FaultyRoster(PLAN, when))
    lost(one, 300)
    assert locks(one) == [daily_realized_loss.NAME]
    if kind is ClockSkewed:  # the stopwatch stood still
        slept = Nanos(left(one) + SECOND)
        one.now = Now(wall=Nanos(one.now.wall + slept), mono=one.now.mono)
        one._take(one.runtime.input(PATH, ClockSkewed(ahead=slept), one.now))
        one.wait(1)
        assert locks(one) == [daily_realized_loss.NAME]

    armed.append(True)
    if kind is ClockSkewed:
        one._take(one.runtime.input(PATH, ClockSkewed(ahead=Nanos(0)), one.now))
    else:
        one.wait(left(one) // MILLISECOND)
    one.trade(MNQ, 1)
    one.wait(2_000)

    assert [path for path, _ in one.deaths] == [f"{PATH}/reset"]
    assert (locks(one), len(one.said(EnforcementRequested))) == ([], 1)
    assert one.broker.positions[MNQ].size == 1


def test_a_reset_actor_that_begins_again_counts_no_exit_twice() -> None:
    """The trade is told, the position's message is not: reset and day are as they were."""
    when, armed = once("reset", ClockSkewed)
    one = Desk(PLAN, FaultyRoster(PLAN, when))
    lost(one, 120)
    order, trade, row = one.broker.market(MNQ, -1, one.now.wall)
    one.tell([order, trade])

    armed.append(True)
    one._take(one.runtime.input(f"{PATH}/reset", ClockSkewed(ahead=Nanos(0)), one.now))
    one.hear(row)
    one.wait(2_000)

    assert [path for path, _ in one.deaths] == [f"{PATH}/reset"]
    assert (locks(one), one.said(EnforcementRequested)) == ([], [])


def test_an_exit_that_was_told_before_the_reset_is_no_loss_of_the_day_after() -> None:
    one = Desk(PLAN)
    lost(one, -200)
    one.trade(MNQ, -1)
    one.wait(1_000)
    one.trade(MNQ, 1)
    one.wait(1_000)
    one.move(MNQ, -300)
    one.wait(left(one) // MILLISECOND - 10)
    *told, row = one.broker.market(MNQ, -1, one.now.wall)
    assert isinstance(row, PositionSeen)
    one.tell(told)

    stalled(one, 10)
    one.hear(row)
    one.wait(2_000)

    assert (locks(one), one.said(EnforcementRequested)) == ([], [])


def test_006_a_clock_set_forward_begins_no_other_session() -> None:
    """The Gateway dates the fills: by this machine's clock they would all be of sessions before."""
    rules = {
        session_block_outside.NAME: session_block_outside.Params(
            calendar=load_shipped("cme_equity"), windows=(Window("00:00", "15:00"),)
        ),
        trade_frequency_limit.NAME: trade_frequency_limit.Params(per_session=2),
    }
    one = Desk(replace(PLAN, rules=rules))
    ahead = Nanos(4 * DAY)
    one.now = Now(wall=Nanos(one.now.wall + ahead), mono=one.now.mono)
    one._take(one.runtime.input(PATH, ClockSkewed(ahead=ahead), one.now))

    for signed in (1, -1, 1, -1, 1):
        one.tell(one.broker.market(MNQ, signed, Nanos(one.now.wall - ahead)))
        one.wait(1_000)

    assert locks(one) == [trade_frequency_limit.NAME]
