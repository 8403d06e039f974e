"""The tree alive: actors that die are restarted, those that keep dying fail closed."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from actors.model.account_state import NOTHING
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss, max_contracts
from actors.rules.rule import Mode, RuleParams
from actors.tree import account as tree_of
from actors.tree import desk as desk_tree
from protocol.account_facts import AccountSeen, PositionSeen
from protocol.answers import Answered, Outcome
from protocol.commands import Mutation
from protocol.decisions import (
    AccountArmed,
    AlarmKind,
    AlarmRaised,
    DayReset,
    EnforcementConfirmed,
    EnforcementRequested,
    LockSet,
    WouldHave,
)
from protocol.enforcement import Enforce, Evaluate, Priority
from protocol.lockouts import SetLock
from protocol.market_facts import QuoteSeen, WatchMarks
from protocol.message import Message
from protocol.schedule import ClockSkewed, StartTimer
from protocol.units import MILLISECOND, RuleName
from tests.actors.faulty import FaultyRoster
from tests.actors.loyal import FOUND, PATH, Desk
from tests.sim.broker import ACCOUNT, ES, MNQ

COUNT, LOSS = max_contracts.NAME, daily_realized_loss.NAME


def plan(mode: Mode = Mode.ENFORCE, rule_mode: Mode = Mode.ENFORCE) -> AccountPlan:
    rules: dict[RuleName, RuleParams] = {
        COUNT: max_contracts.Params(limit=2, mode=rule_mode),
        LOSS: daily_realized_loss.Params(limit=Decimal(-500), mode=rule_mode),
    }
    return AccountPlan(
        account_id=ACCOUNT, name="practice", mode=mode, reset=ResetSchedule(), rules=rules
    )


def failing(one: AccountPlan, path: str, when: Callable[[Message], bool]) -> FaultyRoster:
    """Return a roster in which the actor at a path fails on some messages."""
    return FaultyRoster(one, lambda at, message: at == path and when(message))


class Times:
    """Is true so many times for messages of a kind, and never again."""

    def __init__(self, count: int, kind: type[Message]) -> None:
        self.left, self._kind = count, kind

    def __call__(self, message: Message) -> bool:
        if not isinstance(message, self._kind) or not self.left:
            return False
        self.left -= 1
        return True


def alarms(desk: Desk) -> list[AlarmKind]:
    return [one.kind for one in desk.said(AlarmRaised)]


def test_a_desk_arms_and_enforces() -> None:
    desk = Desk(plan())
    assert desk.said(AccountArmed)[-1].rules == 2

    desk.trade(MNQ, 3)
    desk.wait(2_000)
    assert desk.broker.positions[MNQ].size == 2
    assert len(desk.said(EnforcementConfirmed)) == 1
    assert alarms(desk) == []


def test_a_rule_that_dies_is_restarted_and_judges_again() -> None:
    struck = Times(1, Evaluate)
    desk = Desk(plan(), failing(plan(), f"{PATH}/rule/{COUNT}", lambda _: False))
    assert desk.deaths == []

    desk = Desk(plan(), failing(plan(), f"{PATH}/rule/{COUNT}", struck))
    assert [path for path, _ in desk.deaths] == [f"{PATH}/rule/{COUNT}"]
    assert alarms(desk) == [AlarmKind.ACTOR_DIED]
    desk.trade(MNQ, 3)
    desk.wait(2_000)
    assert desk.broker.positions[MNQ].size == 2


def test_a_breach_that_kills_its_rule_is_judged_by_the_next_life() -> None:
    struck = Times(0, Evaluate)
    desk = Desk(plan(), failing(plan(), f"{PATH}/rule/{COUNT}", struck))
    struck.left = 1
    desk.trade(MNQ, 3)
    desk.wait(2_000)

    assert len(desk.deaths) == 1
    assert desk.broker.positions[MNQ].size == 2


def test_a_rule_that_keeps_dying_locks_and_flattens_its_account() -> None:
    desk = Desk(plan(), failing(plan(), f"{PATH}/rule/{COUNT}", lambda _: True))
    assert len(desk.deaths) == tree_of(tuple(plan().rules)).intensity + 1
    assert AlarmKind.ACTOR_GAVE_UP in alarms(desk)
    (lock,) = desk.said(LockSet)
    assert lock.lock.rule == "supervision"
    assert lock.lock.until == desk.runtime.states[PATH].day.next_reset
    (demand,) = desk.runtime.states[f"{PATH}/enforcer"].kept.demands
    assert demand.priority is Priority.KILL_SWITCH, "before whatever else is demanded"

    desk.trade(MNQ, 1)
    desk.trade(ES, -1)
    desk.wait(2_000)
    assert desk.broker.positions == {}


def test_a_lockout_that_dies_of_it_locks_for_a_rule_that_is_gone_all_the_same() -> None:
    rule, lockout = f"{PATH}/rule/{COUNT}", f"{PATH}/lockout"
    struck = Times(1, SetLock)
    roster = FaultyRoster(plan(), lambda at, one: at == rule or (at == lockout and struck(one)))
    desk = Desk(plan(), roster)

    assert lockout in {path for path, _ in desk.deaths}
    assert [one.rule for one in desk.runtime.states[lockout].locks] == ["supervision"]


def test_one_rule_that_keeps_dying_masks_no_other_lesson_87() -> None:
    desk = Desk(plan(), failing(plan(), f"{PATH}/rule/{COUNT}", lambda _: True))
    desk.trade(ES, 1)
    desk.wait(2_000)

    states = desk.runtime.states
    assert states[f"{PATH}/rule/{LOSS}"].evaluated is not None


@pytest.mark.parametrize("name", ["timer", "lockout"])
def test_a_servant_that_dies_is_restarted_and_serves(name: str) -> None:
    struck = Times(1, Message)
    desk = Desk(plan(), failing(plan(), f"{PATH}/{name}", struck))
    desk.trade(MNQ, 2)
    desk.move(MNQ, -600)
    desk.wait(2_000)

    assert struck.left == 0
    assert desk.broker.positions == {}
    assert len(desk.runtime.states[f"{PATH}/lockout"].locks) == 1


@pytest.mark.parametrize("message", range(1, 9))
def test_an_enforcer_that_dies_at_any_message_loses_and_doubles_nothing_i10(message: int) -> None:
    struck = Counted(0)
    desk = Desk(plan(), failing(plan(), f"{PATH}/enforcer", struck))
    desk.trade(ES, 1)
    struck.countdown = message
    desk.trade(MNQ, 3)
    desk.wait(40_000)

    assert desk.broker.positions[ES].size + desk.broker.positions[MNQ].size == 2
    ids = [one.command_id for one in desk.mutations]
    assert len(set(ids)) == len(ids)
    requested = {one.enforcement_id for one in desk.said(EnforcementRequested)}
    assert {one.enforcement_id for one in desk.said(EnforcementConfirmed)} == requested


def test_a_wish_that_kills_the_timer_is_heard_by_its_next_life_i4() -> None:
    """Whoever made it waits to be woken, and would not make it again."""
    struck = Times(0, StartTimer)
    desk = Desk(plan(), failing(plan(), f"{PATH}/timer", struck))
    desk.trade(MNQ, 2)
    struck.left = 2
    desk.move(MNQ, -600)
    desk.wait(2_000)

    assert [path for path, _ in desk.deaths] == [f"{PATH}/timer"] * 2
    assert len(desk.said(EnforcementConfirmed)) == len(desk.said(EnforcementRequested)) == 1


@pytest.mark.parametrize("message", range(1, 7))
def test_a_timer_that_dies_at_any_message_takes_no_wish_with_it_i4(message: int) -> None:
    """Others may have made theirs in the same turn, and none would make it again."""
    struck = Counted(0)
    desk = Silent(plan(), failing(plan(), f"{PATH}/timer", struck))
    desk.trade(MNQ, 2)
    struck.countdown = message
    desk.move(MNQ, -600)
    desk.wait(40_000)

    assert [path for path, _ in desk.deaths] == [f"{PATH}/timer"]
    assert desk.broker.positions == {}
    timers = {one.name for one in desk.runtime.states[f"{PATH}/timer"].kept.timers}
    assert timers >= {"lockout/end", "reset/next"}


def test_a_day_is_reset_once_though_the_reset_dies_later_in_the_turn_i6() -> None:
    """The account has heard of it, so the next life must not say so again."""
    rule, reset = Times(0, Evaluate), Times(0, ClockSkewed)
    struck = {f"{PATH}/rule/{COUNT}": rule, f"{PATH}/reset": reset}
    never = Times(0, Message)
    desk = Desk(plan(), FaultyRoster(plan(), lambda at, one: struck.get(at, never)(one)))
    today = desk.runtime.states[PATH].day
    desk.wait((today.next_reset - desk.now.wall) // MILLISECOND - 1)
    rule.left = reset.left = 1
    desk.wait(2)

    assert {path for path, _ in desk.deaths} == set(struck)
    assert [one.instant for one in desk.said(DayReset)] == [today.next_reset]
    assert desk.runtime.states[PATH].day.started == today.next_reset


class Counted:
    """Is true at the n-th message from now."""

    def __init__(self, countdown: int) -> None:
        self.countdown = countdown

    def __call__(self, message: Message) -> bool:  # noqa: ARG002
        self.countdown -= 1
        return self.countdown == 0


class Silent(Desk):
    """A desk whose broker never gets the first thing that it is asked to do, nor answers it."""

    def _execute(self, command: Mutation) -> Message:
        if len(self.mutations) > 1:
            return super()._execute(command)
        return Answered(
            command_id="another's", account_id=ACCOUNT, outcome=Outcome.ACCEPTED, why=""
        )


class Refusing(Desk):
    """A desk whose broker refuses whatever it is asked to do."""

    def _execute(self, command: Mutation) -> Message:
        return Answered(
            command_id=command.command_id, account_id=ACCOUNT, outcome=Outcome.REFUSED, why="429"
        )


def test_an_enforcer_that_dies_of_hearing_it_is_needed_no_more_lets_go_all_the_same() -> None:
    struck = Times(0, Enforce)
    roster = failing(plan(), f"{PATH}/enforcer", lambda one: not goals(one) and struck(one))
    desk = Refusing(plan(), roster)
    desk.trade(MNQ, 3)
    struck.left = 1
    desk.trade(ES, -1)
    desk.wait(2_000)

    assert [path for path, _ in desk.deaths] == [f"{PATH}/enforcer"]
    assert desk.runtime.states[f"{PATH}/enforcer"].kept.demands == ()


def goals(message: Message) -> bool:
    return isinstance(message, Enforce) and bool(message.goals)


def test_an_account_that_dies_comes_back_armed_and_knows_its_locks() -> None:
    struck = Times(0, PositionSeen)
    desk = Desk(plan(), failing(plan(), PATH, struck))
    desk.trade(MNQ, 2)
    desk.move(MNQ, -600)
    desk.wait(2_000)
    struck.left = 1
    desk.trade(MNQ, 1)
    desk.wait(2_000)

    assert [path for path, _ in desk.deaths] == [PATH]
    assert len(desk.runtime.states[PATH].locks) == 1
    assert desk.broker.positions == {}
    assert len(desk.said(AccountArmed)) > 1


def test_an_account_that_dies_comes_back_knowing_what_its_day_has_made() -> None:
    """It is found, and told to read, before it hears when its day began."""
    struck = Times(0, AccountSeen)
    desk = Desk(plan(), failing(plan(), PATH, struck))
    desk.trade(MNQ, 1)
    desk.wait(1_000)
    desk.move(MNQ, -60)
    desk.trade(MNQ, -1)
    desk.wait(1_000)
    before = desk.runtime.states[PATH].view
    assert before.realized < 0

    struck.left = 1
    desk.hear(FOUND)

    assert [path for path, _ in desk.deaths] == [PATH]
    view = desk.runtime.states[PATH].view
    assert (view.known, view.day, view.realized) == (True, before.day, before.realized)


def test_an_account_that_keeps_dying_is_held_flat_by_its_last_resort() -> None:
    desk = Desk(plan(), failing(plan(), PATH, lambda one: isinstance(one, PositionSeen)))
    for _ in range(desk_tree((ACCOUNT,)).intensity + 1):
        desk.trade(MNQ, 1)
    assert AlarmKind.ACTOR_GAVE_UP in alarms(desk)
    desk.wait(10_000)
    assert desk.broker.positions == {}

    desk.trade(ES, 2)
    desk.wait(5_000)
    assert desk.broker.positions == {}


def test_a_desk_whose_market_keeps_dying_gives_up_itself() -> None:
    path = "market_data"
    desk = Desk(plan(), failing(plan(), path, lambda one: isinstance(one, QuoteSeen)))
    for _ in range(desk_tree((ACCOUNT,)).intensity + 1):
        desk.trade(MNQ, 1)
        desk.move(MNQ, 1)

    assert desk.deaths[-1][0] == "supervisor"


def test_a_market_that_dies_is_told_again_what_to_watch() -> None:
    struck = Times(0, QuoteSeen)
    desk = Desk(plan(), failing(plan(), "market_data", struck))
    desk.trade(MNQ, 2)
    struck.left = 1
    desk.move(MNQ, 1)
    desk.move(MNQ, -600)
    desk.wait(2_000)

    assert len(desk.deaths) == 1
    assert desk.broker.positions == {}


def test_a_market_that_dies_of_hearing_that_nothing_is_held_answers_all_the_same_i14() -> None:
    """The rules wait for its answer, and would have waited until the next position."""
    struck = Times(0, WatchMarks)
    roster = failing(plan(), "market_data", lambda one: watches_nothing(one) and struck(one))
    desk = Desk(plan(), roster)
    desk.trade(MNQ, 2)
    struck.left = 1
    desk.trade(MNQ, -2)
    desk.wait(2_000)

    assert len(desk.deaths) == 1
    assert desk.runtime.states[PATH].awaits_marks == NOTHING


def watches_nothing(message: Message) -> bool:
    return isinstance(message, WatchMarks) and not message.contracts


# I15: shadow never reaches a mutating call


def shadowed(desk: Desk) -> None:
    desk.trade(MNQ, 5)
    desk.move(MNQ, -600)
    desk.trade(MNQ, 1)
    desk.wait(30_000)

    assert desk.mutations == []
    assert desk.said(LockSet) == []


def test_a_shadow_account_says_what_it_would_have_done_i15() -> None:
    desk = Desk(plan(mode=Mode.SHADOW))
    shadowed(desk)

    assert {one.rule for one in desk.said(WouldHave)} == {COUNT, LOSS}


def test_shadow_rules_of_an_enforced_account_do_nothing_either_i15() -> None:
    desk = Desk(plan(rule_mode=Mode.SHADOW))
    shadowed(desk)

    assert {one.rule for one in desk.said(WouldHave)} == {COUNT, LOSS}


def test_a_shadow_account_leaves_what_it_cannot_value_i15() -> None:
    desk = Desk(plan(mode=Mode.SHADOW))
    desk.unvalued.add(MNQ)
    shadowed(desk)

    assert AlarmKind.CONTRACT_UNKNOWN in alarms(desk)


def test_an_enforced_account_closes_what_it_cannot_value_i12() -> None:
    desk = Desk(plan())
    desk.unvalued.add(MNQ)
    desk.trade(MNQ, 1)
    desk.wait(2_000)

    assert desk.broker.positions == {}


def test_a_shadow_accounts_rule_that_keeps_dying_touches_nothing_i15() -> None:
    shadow = plan(mode=Mode.SHADOW)
    desk = Desk(shadow, failing(shadow, f"{PATH}/rule/{COUNT}", lambda _: True))
    shadowed(desk)

    assert AlarmKind.ACTOR_GAVE_UP in alarms(desk)


def test_a_shadow_rule_that_keeps_dying_touches_nothing_i15() -> None:
    shadow = plan(rule_mode=Mode.SHADOW)
    desk = Desk(shadow, failing(shadow, f"{PATH}/rule/{COUNT}", lambda _: True))
    shadowed(desk)

    assert AlarmKind.ACTOR_GAVE_UP in alarms(desk)


def test_a_shadow_account_that_keeps_dying_is_left_alone_i15() -> None:
    shadow = plan(mode=Mode.SHADOW)
    desk = Desk(shadow, failing(shadow, PATH, lambda one: isinstance(one, PositionSeen)))
    for _ in range(6):
        desk.trade(MNQ, 1)
    desk.wait(10_000)

    assert AlarmKind.ACTOR_GAVE_UP in alarms(desk)
    assert desk.mutations == []


def test_what_was_demanded_before_the_shadow_fell_is_left_alone_i15() -> None:
    before = Desk(plan())
    before.trade(MNQ, 2)
    before.move(MNQ, -600)
    assert before.stored
    broker = before.broker
    before.runtime.stop()
    broker.market(MNQ, 2, before.now.wall)
    after = Desk(plan(mode=Mode.SHADOW), stored=before.stored, broker=broker)
    after.wait(30_000)

    assert after.mutations == []


def test_a_tick_that_is_asked_for_again_and_again_is_one_tick() -> None:
    desk = Desk(plan())
    desk.trade(MNQ, 1)

    desk.wait(2 * 3_600 * 1_000)  # by the reset there were too many, and the desk died of it

    runtime = desk.runtime
    assert len(runtime.calendar) == len(set(runtime.calendar)) < 5
    assert len(runtime.dues) == len(set(runtime.dues)) < 10
