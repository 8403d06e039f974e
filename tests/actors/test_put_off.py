"""A read that our own budget puts off: late while the last truth is young, and then unknown."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from actors.model.feed import FeedState, OnBlind
from actors.rules import no_stop_loss_grace
from actors.rules.rule import Mode, RuleParams
from protocol.account_facts import OrderType
from protocol.answers import RESERVED, HubsLost, HubsOpened
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised, EnforcementRequested
from protocol.lifecycle import Phase
from protocol.units import MILLISECOND, PRICE, Price, RuleName
from tests.actors.loyal import PATH, Desk
from tests.actors.test_feed import TRUTH_MS, blind, feed, held, plan
from tests.sim.broker import MNQ

STEP_MS = 5_000
WHY = f"positions and orders were last read 90s ago or more: {RESERVED}"
type Hold = Callable[[], Desk]


def flat() -> Desk:
    return Desk(plan())


def unknown(desk: Desk) -> list[str]:
    return [one.why for one in desk.said(AlarmRaised) if one.kind is AlarmKind.TRUTH_UNKNOWN]


def known_again(desk: Desk) -> int:
    return [one.kind for one in desk.said(AlarmCleared)].count(AlarmKind.TRUTH_UNKNOWN)


def age_ms(desk: Desk) -> int:
    """Return how old the account's truth is."""
    asked = desk.runtime.states[PATH].truth_asked
    return int(desk.now.mono - asked) // 1_000_000


def pass_until(desk: Desk, age: int) -> None:
    """Let time pass, prices flowing, until the truth is so old."""
    while age_ms(desk) < age:
        desk.wait(min(STEP_MS, age - age_ms(desk)))
        desk.move(MNQ, 1)


@pytest.mark.parametrize("hold", [flat, held])
def test_a_poll_put_off_by_our_own_budget_is_no_alarm_while_the_truth_is_young(hold: Hold) -> None:
    desk = hold()
    desk.truth_kept = True
    pass_until(desk, TRUTH_MS - STEP_MS)

    assert (unknown(desk), blind(desk)) == ([], [])
    assert feed(desk) is FeedState.LIVE
    desk.truth_kept = False
    desk.wait(10_000)
    assert age_ms(desk) <= 10_000, "it was tried again and again"
    assert desk.said(AlarmCleared) == []


@pytest.mark.parametrize("hold", [flat, held])
def test_once_the_truth_is_too_old_it_is_unknown_and_the_true_cause_is_said(hold: Hold) -> None:
    desk = hold()
    desk.truth_kept = True
    pass_until(desk, TRUTH_MS)
    assert unknown(desk) == [WHY]
    desk.wait(60_000)
    assert unknown(desk) == [WHY], "once"
    assert known_again(desk) == 0

    desk.truth_kept = False
    desk.wait(10_000)
    assert known_again(desk) == 1


def test_who_holds_something_is_blind_then_and_is_told_what_the_minute_went_to() -> None:
    desk = held()
    desk.truth_kept = True
    pass_until(desk, TRUTH_MS + 1_000)

    assert feed(desk) is FeedState.BLIND
    assert blind(desk) == [f"blind: the broker's truth is 90 s old (limit 90s): {RESERVED}"]
    desk.truth_kept = False
    desk.wait(10_000)
    assert feed(desk) is FeedState.LIVE


def test_a_cause_of_the_past_is_not_said_of_what_the_gateway_does_not_answer() -> None:
    desk = held()
    desk.truth_kept = True
    pass_until(desk, 30_000)
    desk.truth_kept = False
    desk.truth_fails = True
    desk.wait(20_000)
    assert unknown(desk) == ["503"], "at once: the Gateway was asked"

    pass_until(desk, TRUTH_MS + 1_000)
    assert blind(desk) == ["blind: the broker's truth is 90 s old (limit 90s)"]


def test_an_account_that_was_never_read_is_unknown_at_once() -> None:
    desk = Desk(plan(), truth_kept=True)

    assert unknown(desk) == [f"positions and orders have not been read yet: {RESERVED}"]
    assert not desk.runtime.states[PATH].known
    desk.truth_kept = False
    desk.wait(10_000)
    assert known_again(desk) == 1


def bare(mode: Mode = Mode.ENFORCE) -> Desk:
    """Return a desk that holds two MNQ for which nobody has told of a stop, and reads put off."""
    rules: dict[RuleName, RuleParams] = {no_stop_loss_grace.NAME: no_stop_loss_grace.Params()}
    desk = Desk(replace(plan(mode=mode), rules=rules))
    desk.trade(MNQ, 2)
    desk.truth_kept = True
    return desk


def test_the_read_that_decides_on_a_position_without_a_stop_is_enforcements_own() -> None:
    """Or the position would be closed because the minute is spent, for want of an answer."""
    desk = bare()
    stop = desk.broker.rest(MNQ, -2, OrderType.STOP, Price(25_900 * PRICE), desk.now.wall)
    assert stop, "of which the hub does not tell"
    pass_until(desk, 30_000)

    assert desk.mutations == []
    assert desk.broker.positions[MNQ].size == 2
    assert desk.said(AlarmRaised) == []


def test_a_position_that_has_no_stop_is_closed_for_that_and_nothing_else() -> None:
    desk = bare()
    desk.wait(11_000)

    assert desk.broker.positions == {}
    (said,) = desk.said(EnforcementRequested)
    assert said.why == f"{MNQ} had no stop that covers all of it for 10s"


def test_a_rule_that_only_watches_takes_no_request_that_enforcement_needs() -> None:
    desk = bare(Mode.SHADOW)
    desk.wait(15_000)

    assert desk.runtime.states[PATH].truth_asked < desk.now.mono - 14_000 * MILLISECOND
    assert desk.mutations == []


def test_what_stays_unread_after_a_gap_is_a_gap_and_never_armed() -> None:
    desk = held()
    desk.hear(HubsLost(why="silent"))
    desk.truth_kept = True
    desk.hear(HubsOpened())
    pass_until(desk, 60_000)

    assert unknown(desk) == []
    assert feed(desk) is FeedState.GAP
    assert desk.runtime.states[PATH].phase is Phase.READING
    desk.truth_kept = False
    desk.wait(10_000)
    assert desk.runtime.states[PATH].phase is Phase.ARMED


def test_a_poll_put_off_closes_nobody_in_its_time() -> None:
    desk = held(OnBlind.FLATTEN)
    desk.truth_kept = True
    pass_until(desk, TRUTH_MS - STEP_MS)
    desk.truth_kept = False
    desk.wait(10_000)

    assert desk.mutations == []
    assert desk.broker.positions[MNQ].size == 2
