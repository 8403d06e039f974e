"""Enabled = loaded = subscribed = evaluated = enforcing, or the rule's alarm: stage by stage.

Each stage is broken on purpose, for every rule, in the real tree.
"""

from collections.abc import Callable

import msgspec
import pytest

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan, settings_of
from actors.rules import RULES, max_contracts_per_instrument
from actors.rules.rule import Hears, Mode
from ops.desk.armed import STAGES
from ops.desk.armed import rule as standing
from ops.desk.protecting import KIND, Protecting
from ops.desk.status import History
from ops.guardian.watch import unarmed
from protocol.control import AccountStatus, RuleStatus
from protocol.decisions import AlarmCleared, AlarmRaised
from protocol.enforcement import Enforce, Evaluate
from protocol.message import Message
from protocol.settings import Reconfigure
from protocol.units import RuleName
from protocol.words import instant_text
from tests.actors.faulty import Deaf, Faulty, FaultyRoster
from tests.actors.loyal import PATH, Desk
from tests.actors.test_every_rule import CASES, EVERY_RULE
from tests.notify.statuses import account
from tests.sim.broker import ACCOUNT, MNQ

SPARE = max_contracts_per_instrument.NAME


def plan(*rules: str, mode: Mode = Mode.ENFORCE) -> AccountPlan:
    settings = {
        RuleName(one): msgspec.convert(CASES[one].keys, RULES[RuleName(one)].params)
        for one in rules
    }
    return AccountPlan(
        account_id=ACCOUNT, name="practice", mode=mode, reset=ResetSchedule(), rules=settings
    )


class Seen:
    """A desk, and what its process makes of its rules, look by look."""

    def __init__(self, desk: Desk, *configured: str) -> None:
        self.desk = desk
        self.configured = {ACCOUNT: tuple(map(RuleName, configured))}
        self.history = History()
        self.said: list[object] = []
        self._protecting = Protecting()
        self._taken = 0

    def look(self, state: str = "armed") -> AccountStatus:
        """Return the account as the status shows it."""
        for one in self.desk.decisions[self._taken :]:
            self.history.take(one, self.desk.now)
        self._taken = len(self.desk.decisions)
        held = self.desk.runtime.states[PATH].plan
        rules = [
            standing(self.desk.runtime, held, PATH, name, self.desk.now) for name in held.rules
        ]
        status = account(id=ACCOUNT, name="practice", state=state, rules=rules)
        (looked,), said = self._protecting.look(
            [status], self.configured, self.history.alarms, self.desk.now
        )
        for one in said:
            self.history.take(one, self.desk.now)
        self.said += said
        return looked

    def rule(self, name: str) -> RuleStatus:
        return next(one for one in self.look().rules if one.rule == name)

    @property
    def alarm(self) -> str | None:
        return self.history.alarms.get((ACCOUNT, KIND))


def struck(rule: str, path: str, kind: type[Message], how: type[Faulty]) -> Desk:
    """Return a desk of one rule, with an actor that does not bear or does not hear something."""

    def is_struck(at: str, message: Message) -> bool:
        return at == f"{PATH}/{path}" and isinstance(message, kind)

    return Desk(plan(rule), FaultyRoster(plan(rule), is_struck, how))


def not_enabled(rule: str, _: pytest.MonkeyPatch) -> Desk:
    """A reload adds the rule, and the settings actor does not hear of it."""
    before = SPARE if rule != SPARE else "max_contracts"
    desk = struck(before, "settings", Reconfigure, Deaf)
    wanted = settings_of(plan(before, rule))
    desk.hear(Reconfigure(account_id=ACCOUNT, wanted=wanted))
    return desk


def not_loaded(rule: str, _: pytest.MonkeyPatch) -> Desk:
    """Its actor dies of everything that it is to judge."""
    return struck(rule, f"rule/{rule}", Evaluate, Faulty)


def not_subscribed(rule: str, patch: pytest.MonkeyPatch) -> Desk:
    """It hears of nothing."""
    patch.setitem(RULES, RuleName(rule), RULES[RuleName(rule)]._replace(hears=Hears(0)))
    return Desk(plan(rule))


def not_evaluated(rule: str, _: pytest.MonkeyPatch) -> Desk:
    """It is asked, and does not judge."""
    return struck(rule, f"rule/{rule}", Evaluate, Deaf)


def not_enforcing(rule: str, _: pytest.MonkeyPatch) -> Desk:
    """It is broken, and the enforcer does not hear what it demands."""
    desk = struck(rule, "enforcer", Enforce, Deaf)
    CASES[rule].breaks(desk)
    desk.wait(10_500)
    return desk


BREAKS: dict[str, Callable[[str, pytest.MonkeyPatch], Desk]] = {
    "enabled": not_enabled,
    "loaded": not_loaded,
    "subscribed": not_subscribed,
    "evaluated": not_evaluated,
    "enforcing": not_enforcing,
}


def test_every_stage_is_broken_here() -> None:
    assert tuple(BREAKS) == STAGES


@EVERY_RULE
@pytest.mark.parametrize("stage", STAGES)
def test_a_rule_that_lacks_a_stage_raises_its_alarm_which_says_so(
    rule: str, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen(BREAKS[stage](rule, monkeypatch), rule)
    since = instant_text(seen.desk.now.wall)

    first = seen.rule(rule)
    assert (first.lacks, first.since) == (stage, since)
    assert unarmed(seen.look()) == f"practice ({rule} not {stage} since {since})"
    assert seen.said == [], "one moment alone is no alarm of ours"

    seen.desk.wait(2_500)
    again = seen.rule(rule)
    assert (again.lacks, again.since) == (stage, since)
    assert seen.alarm is not None
    assert f"{rule} is not {stage} since {since}: " in seen.alarm
    raised = len(seen.said)
    seen.desk.wait(1_000)
    seen.look()
    assert len(seen.said) == raised, "said once"


@EVERY_RULE
def test_a_rule_that_is_all_of_it_raises_no_alarm(rule: str) -> None:
    seen = Seen(Desk(plan(rule)), rule)
    seen.look()
    CASES[rule].breaks(seen.desk)

    for _ in range(24):
        seen.desk.wait(500)
        assert [one.lacks for one in seen.look().rules] == [""]
    assert seen.said == []


@EVERY_RULE
def test_a_rule_in_shadow_lacks_nothing(rule: str) -> None:
    seen = Seen(Desk(plan(rule, mode=Mode.SHADOW)), rule)
    CASES[rule].breaks(seen.desk)
    seen.desk.wait(5_000)

    assert [one.lacks for one in seen.look().rules] == [""]
    assert seen.said == []


def test_the_alarm_ends_when_the_stage_is_there_again() -> None:
    deaf = [True]

    def is_deaf(at: str, message: Message) -> bool:
        return deaf[0] and at == f"{PATH}/enforcer" and isinstance(message, Enforce)

    seen = Seen(Desk(plan("max_contracts"), FaultyRoster(plan("max_contracts"), is_deaf, Deaf)))
    seen.desk.trade(MNQ, 3)
    seen.look()
    seen.desk.wait(3_000)
    assert seen.rule("max_contracts").lacks == "enforcing"
    assert seen.alarm is not None

    deaf[0] = False
    seen.desk.wait(6_000)
    assert seen.rule("max_contracts").lacks == ""
    assert seen.rule("max_contracts").since is None
    assert seen.alarm is None
    assert [type(one) for one in seen.said] == [AlarmRaised, AlarmCleared]
    assert seen.desk.broker.positions[MNQ].size == 2


def test_an_account_on_its_way_or_in_last_resort_says_so_by_its_state() -> None:
    seen = Seen(struck("max_contracts", "rule/max_contracts", Evaluate, Deaf), "max_contracts")

    for state in ("reading", "evaluated", "last_resort"):
        seen.look(state)
        seen.desk.wait(3_000)
        seen.look(state)
    assert seen.said == []
