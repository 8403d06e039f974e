"""Enabled is loaded, subscribed, evaluated and enforcing, or it is seen not to be (lesson 96)."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import RULES, daily_realized_loss, max_contracts
from actors.rules.rule import Hears, Mode, RuleParams
from ops.desk.armed import rule
from ops.desk.prices import live
from protocol.control import RuleStatus
from protocol.decisions import AccountArmed, AlarmCleared, AlarmKind, AlarmRaised
from protocol.enforcement import Evaluate
from protocol.message import Message
from protocol.units import RuleName
from tests.actors.faulty import Deaf, FaultyRoster
from tests.actors.loyal import PATH, Desk
from tests.sim.broker import ACCOUNT, MNQ

COUNT, LOSS = max_contracts.NAME, daily_realized_loss.NAME


def plan(mode: Mode = Mode.ENFORCE) -> AccountPlan:
    rules: dict[RuleName, RuleParams] = {
        COUNT: max_contracts.Params(limit=2),
        LOSS: daily_realized_loss.Params(limit=Decimal(-500)),
    }
    return AccountPlan(
        account_id=ACCOUNT, name="practice", mode=mode, reset=ResetSchedule(), rules=rules
    )


def stands(desk: Desk, name: RuleName) -> RuleStatus:
    """Return how a rule stands, as the status shows it."""
    current = desk.runtime.states[PATH].plan
    return rule(desk.runtime, current, PATH, name, desk.now)


def steps(one: RuleStatus) -> tuple[bool, ...]:
    return one.enabled, one.loaded, one.subscribed, one.evaluated is not None, one.enforcing


def not_armed(desk: Desk) -> list[str]:
    return [one.why for one in desk.said(AlarmRaised) if one.kind is AlarmKind.RULE_NOT_ARMED]


def test_a_rule_that_protects_is_all_of_it_and_says_what_is_left() -> None:
    desk = Desk(plan())
    desk.trade(MNQ, 1)
    desk.move(MNQ, -100)
    desk.wait(6_000)

    count, loss = stands(desk, COUNT), stands(desk, LOSS)
    assert steps(count) == steps(loss) == (True, True, True, True, True)
    assert (count.limit, count.used, count.remaining) == ("2", "1 net", "1")
    assert (loss.limit, loss.used, loss.remaining) == ("-500.00", "-50.37", "449.63")
    assert not_armed(desk) == []


def test_the_figures_that_people_see_follow_each_price() -> None:
    desk = Desk(plan())
    desk.trade(MNQ, 1)
    desk.wait(6_000)
    desk.move(MNQ, -100)

    states = desk.runtime.states
    held = states[PATH]
    view = live(states["market_data"], held.plan, held.view, desk.now)
    newest = rule(desk.runtime, held.plan, PATH, LOSS, desk.now, view=view)
    assert stands(desk, LOSS).used == "-0.37", "the rule itself need not be asked yet"
    assert (newest.used, newest.remaining) == ("-50.37", "449.63")
    assert view.holdings[0].unrealized == -500_000


def test_figures_that_cannot_be_told_anew_are_those_of_the_last_judgement(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(plan())
    desk.trade(MNQ, 1)
    desk.wait(6_000)
    held = desk.runtime.states[PATH]
    broken = replace(held.view, holdings=(None,))

    one = rule(desk.runtime, held.plan, PATH, LOSS, desk.now, view=broken)
    assert one.used == stands(desk, LOSS).used
    assert "the figures of daily_realized_loss cannot be told" in caplog.text


def test_a_rule_in_shadow_is_armed_and_enforces_nothing() -> None:
    one = stands(Desk(plan(Mode.SHADOW)), COUNT)

    assert (one.armed, one.enforcing, one.mode) == (True, False, "shadow")


def test_a_rule_that_will_not_stand_is_seen_and_told() -> None:
    def fails(at: str, message: Message) -> bool:
        return at == f"{PATH}/rule/{COUNT}" and isinstance(message, Evaluate)

    desk = Desk(plan(), FaultyRoster(plan(), fails))

    assert steps(stands(desk, COUNT)) == (True, False, False, False, False)
    assert not stands(desk, COUNT).armed
    assert steps(stands(desk, LOSS)) == (True, True, True, True, True)
    assert AlarmKind.ACTOR_GAVE_UP in {one.kind for one in desk.said(AlarmRaised)}
    assert desk.runtime.states[PATH].locks, "an account that a rule cannot protect is locked"


def test_a_rule_that_hears_nothing_is_seen_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, COUNT, RULES[COUNT]._replace(hears=Hears(0)))
    desk = Desk(plan())

    assert steps(stands(desk, COUNT)) == (True, True, False, False, False)
    assert not stands(desk, COUNT).armed
    assert not_armed(desk) == [f"not judged yet: {COUNT}"]
    (armed,) = desk.said(AccountArmed)
    assert (armed.rules, armed.enabled) == (1, 2)


def test_a_rule_that_judges_no_more_is_seen_and_told() -> None:
    deaf = [False]

    def swallows(at: str, message: Message) -> bool:
        return deaf[0] and at == f"{PATH}/rule/{COUNT}" and isinstance(message, Evaluate)

    desk = Desk(plan(), FaultyRoster(plan(), swallows, Deaf))
    desk.trade(MNQ, 1)
    desk.wait(6_000)
    assert stands(desk, COUNT).armed

    deaf[0] = True
    desk.wait(60_000)
    one = stands(desk, COUNT)
    assert (one.loaded, one.subscribed, one.armed, one.enforcing) == (True, True, False, False)
    assert one.evaluated is not None
    assert not_armed(desk) == [f"not judged for more than 15 s: {COUNT}"]

    deaf[0] = False
    desk.wait(12_000)
    assert stands(desk, COUNT).armed
    assert AlarmKind.RULE_NOT_ARMED in {one.kind for one in desk.said(AlarmCleared)}
