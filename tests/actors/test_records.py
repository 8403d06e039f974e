"""A contract's record: unknown is not the same as not read yet, and neither is for ever."""

from decimal import Decimal

import pytest

from actors.account_reads import SWEEP
from actors.account_records import UNASKED
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss
from protocol.answers import InstrumentFailed
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised
from protocol.units import MILLISECOND
from tests.actors.loyal import Desk
from tests.sim.broker import ACCOUNT, ES, MNQ

UNKNOWN, UNREAD = AlarmKind.CONTRACT_UNKNOWN, AlarmKind.CONTRACT_UNREAD


def plan() -> AccountPlan:
    return AccountPlan(
        account_id=ACCOUNT,
        name="practice",
        reset=ResetSchedule(),
        rules={daily_realized_loss.NAME: daily_realized_loss.Params(limit=Decimal(-500))},
    )


def told(desk: Desk) -> list[tuple[AlarmKind, bool]]:
    """Return what was said of records: the alarm, and whether it was raised or cleared."""
    both = [one for one in desk.decisions if isinstance(one, AlarmRaised | AlarmCleared)]
    found = [(one.kind, isinstance(one, AlarmRaised)) for one in both]
    return [one for one in found if one[0] in {UNKNOWN, UNREAD}]


@pytest.mark.parametrize(
    ("asked", "after"),
    [pytest.param(False, UNASKED, id="our own budget"), pytest.param(True, SWEEP, id="503")],
)
def test_a_record_that_is_not_read_yet_is_asked_for_again_soon(*, asked: bool, after: int) -> None:
    desk = Desk(plan())
    desk.unread[MNQ] = asked
    desk.trade(MNQ, 2)

    assert told(desk) == [(UNREAD, True)], "the Gateway may well know the contract"
    (alarm,) = [one for one in desk.said(AlarmRaised) if one.kind is UNREAD]
    assert MNQ in alarm.why
    assert "asked for again" in alarm.why

    del desk.unread[MNQ]
    desk.wait(after // MILLISECOND + 1)

    assert told(desk) == [(UNREAD, True), (UNREAD, False)]
    assert MNQ in desk.broker.positions, "it was never to be closed"


def test_once_the_record_is_there_a_loss_meanwhile_is_seen() -> None:
    desk = Desk(plan())
    desk.unread[MNQ] = False
    desk.trade(MNQ, 1)
    desk.move(MNQ, -2_000)
    desk.wait(3_000)
    assert MNQ in desk.broker.positions

    del desk.unread[MNQ]
    desk.wait(3_000)

    assert desk.broker.positions == {}


def test_a_position_that_goes_takes_the_alarm_about_its_record_along() -> None:
    desk = Desk(plan())
    desk.unread[MNQ] = False
    desk.trade(MNQ, 1)
    desk.wait(10_000)
    desk.trade(MNQ, -1)

    assert told(desk) == [(UNREAD, True), (UNREAD, False)]


def test_a_failure_that_comes_when_nothing_is_held_any_more_is_no_alarm() -> None:
    desk = Desk(plan())
    desk.trade(MNQ, 1)
    desk.trade(MNQ, -1)

    desk.hear(
        InstrumentFailed(account_id=ACCOUNT, contract_id=MNQ, why="late", final=False, asked=False)
    )
    desk.wait(5_000)

    assert told(desk) == []


def test_contracts_that_lack_their_records_are_named_together_and_once() -> None:
    desk = Desk(plan())
    desk.unread |= {MNQ: False, ES: False}
    desk.trade(MNQ, 1)
    desk.trade(ES, 1)
    desk.wait(20_000)

    first, both = [one.why for one in desk.said(AlarmRaised) if one.kind is UNREAD]
    assert MNQ in first
    assert MNQ in both
    assert ES in both


def test_i12_an_unknown_contract_is_closed_and_its_alarm_ends_with_it() -> None:
    desk = Desk(plan())
    desk.unvalued.add(MNQ)
    desk.trade(MNQ, 1)
    desk.wait(10_000)

    assert desk.broker.positions == {}
    assert told(desk) == [(UNKNOWN, True), (UNKNOWN, False)]


def test_a_record_that_comes_late_lifts_the_word_against_its_contract() -> None:
    desk = Desk(plan())
    desk.unvalued.add(MNQ)
    desk.trade(MNQ, 1)
    desk.wait(10_000)
    desk.unvalued.remove(MNQ)

    desk.trade(MNQ, 1)
    desk.wait(10_000)
    desk.trade(MNQ, 1)
    desk.wait(2_000)

    assert desk.broker.positions[MNQ].size == 1
