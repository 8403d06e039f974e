"""I14: every enabled rule judges in time while something is held, or an alarm says it does not.

The market is silent in all of these: nothing but the sweep has a rule judge.
"""

from collections.abc import Callable
from decimal import Decimal

import pytest

from actors.account_reads import JUDGED_MAX, SWEEP
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss, max_contracts
from actors.rules.rule import Mode, RuleParams
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised
from protocol.enforcement import Evaluate
from protocol.market_facts import MarksRead, RestTriggers
from protocol.message import Message
from protocol.schedule import Purpose, TimerFired
from protocol.units import MILLISECOND, RuleName
from tests.actors.faulty import Deaf, FaultyRoster
from tests.actors.loyal import PATH, Desk
from tests.sim.broker import ACCOUNT, MNQ

COUNT, LOSS = max_contracts.NAME, daily_realized_loss.NAME
SWEEP_MS, LATE_MS = SWEEP // MILLISECOND, JUDGED_MAX // MILLISECOND


def plan(mode: Mode = Mode.ENFORCE) -> AccountPlan:
    rules: dict[RuleName, RuleParams] = {
        COUNT: max_contracts.Params(limit=9),
        LOSS: daily_realized_loss.Params(limit=Decimal(-500)),
    }
    return AccountPlan(
        account_id=ACCOUNT, name="practice", mode=mode, reset=ResetSchedule(), rules=rules
    )


class Ears:
    """Which actor does not hear which messages, while it does not."""

    def __init__(self, path: str, which: Callable[[Message], bool]) -> None:
        self.path, self._which = path, which
        self.shut = False

    def __call__(self, path: str, message: Message) -> bool:
        return self.shut and path == self.path and self._which(message)


def evaluations(message: Message) -> bool:
    return isinstance(message, Evaluate)


def deaf(ears: Ears, mode: Mode = Mode.ENFORCE) -> Desk:
    """Return a desk that holds something, with somebody who has just stopped hearing."""
    desk = Desk(plan(mode), FaultyRoster(plan(mode), ears, Deaf))
    desk.trade(MNQ, 2)
    ears.shut = True
    return desk


def unarmed(desk: Desk) -> list[str]:
    return [one.why for one in desk.said(AlarmRaised) if one.kind is AlarmKind.RULE_NOT_ARMED]


def evaluated(desk: Desk, rule: RuleName) -> int:
    at: int = desk.runtime.states[f"{PATH}/rule/{rule}"].evaluated
    return at


@pytest.mark.parametrize("mode", Mode)
def test_i14_every_rule_judges_again_and_again_in_a_silent_market(mode: Mode) -> None:
    desk = Desk(plan(mode))
    desk.trade(MNQ, 2)

    for _ in range(6):
        desk.wait(SWEEP_MS)
        assert {evaluated(desk, rule) for rule in (COUNT, LOSS)} == {desk.now.wall}
    assert unarmed(desk) == []


@pytest.mark.parametrize("mode", Mode)
def test_i14_a_rule_that_does_not_judge_is_an_alarm_until_it_does(mode: Mode) -> None:
    ears = Ears(f"{PATH}/rule/{COUNT}", evaluations)
    desk = deaf(ears, mode)
    desk.wait(LATE_MS)
    assert unarmed(desk) == []

    desk.wait(2 * SWEEP_MS)
    assert unarmed(desk) == [f"not judged for more than 15 s: {COUNT}"]
    desk.wait(4 * SWEEP_MS)
    assert len(unarmed(desk)) == 1, "said once"

    ears.shut = False
    desk.wait(2 * SWEEP_MS)
    assert [one.kind for one in desk.said(AlarmCleared)] == [AlarmKind.RULE_NOT_ARMED]


def test_i14_a_market_that_does_not_answer_is_an_alarm_over_every_rule() -> None:
    desk = deaf(Ears(PATH, lambda message: isinstance(message, MarksRead)))

    desk.wait(LATE_MS + 2 * SWEEP_MS)

    assert unarmed(desk) == [f"not judged for more than 15 s: {COUNT}, {LOSS}"]


def test_i14_a_lost_sweep_is_found_out_by_the_polls() -> None:
    def is_sweep(message: Message) -> bool:
        return isinstance(message, TimerFired) and message.purpose is Purpose.SWEEP

    ears = Ears(PATH, is_sweep)
    desk = deaf(ears)
    desk.wait(SWEEP_MS)  # the one that is lost, and with it all that would have followed
    ears.shut = False

    desk.wait(LATE_MS + 15_000)
    assert evaluated(desk, COUNT) >= desk.now.wall - SWEEP


def test_i14_what_was_judged_hours_ago_is_no_alarm_as_a_position_opens() -> None:
    desk = Desk(plan())
    desk.wait(2 * 3_600 * 1_000)
    desk.trade(MNQ, 2)
    desk.wait(4 * SWEEP_MS)

    assert unarmed(desk) == []


def test_a_sweep_rests_a_trigger_again_that_the_market_has_lost() -> None:
    ears = Ears("market_data", lambda message: isinstance(message, RestTriggers))
    desk = Desk(plan(), FaultyRoster(plan(), ears, Deaf))
    ears.shut = True
    desk.trade(MNQ, 2)
    ears.shut = False
    desk.wait(SWEEP_MS)

    desk.move(MNQ, -600)
    desk.wait(1_000)
    assert desk.broker.positions == {}
