"""Actors that talk to one another without end: the turn ends, and supervision decides."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from actors.behaviour import Behaviour, Step
from actors.runtime import HEARD_MAX
from actors.tree import desk as desk_tree
from protocol.decisions import AlarmKind, AlarmRaised, LockSet
from protocol.effects import PARENT, Effect, Send
from protocol.enforcement import Evaluate
from protocol.lifecycle import Arm, MarketRestarted
from protocol.message import Message
from protocol.units import Now
from tests.actors.faulty import Faulty, FaultyRoster
from tests.actors.loyal import PATH, Desk
from tests.actors.test_tree import COUNT, LOSS, plan
from tests.sim.broker import ACCOUNT, ES, MNQ

ONE, OTHER = f"rule/{COUNT}", f"rule/{LOSS}"
SILENCE_S = 5.0
"""After which a guardian ends a desk that says nothing; compared with processor time here."""


class Talk:
    """Who answers what, and with what; nobody until it begins."""

    def __init__(self, answers: dict[str, Callable[[Message], tuple[Effect, ...]]]) -> None:
        self.answers = answers
        self.begun = False

    def __call__(self, logic: Behaviour[Any], path: str, when: object) -> "Talker":  # noqa: ARG002
        return Talker(logic, path, self)


class Talker(Faulty):
    """A behaviour that also answers, in its own way."""

    def __init__(self, logic: Behaviour[Any], path: str, talk: Talk) -> None:
        super().__init__(logic, path, lambda _, __: False)
        self._talk = talk

    def handle(self, state: Any, message: Message, now: Now) -> Step[Any]:
        step = super().handle(state, message, now)
        answer = self._talk.answers.get(self._path)
        if answer is None or not self._talk.begun:
            return step
        return Step(step.state, (*step.effects, *answer(message)))


def to(name: str, on: type[Message] = Evaluate) -> Callable[[Message], tuple[Effect, ...]]:
    """Return what begins an exchange with another actor at one kind of message, and keeps it up."""
    return lambda message: (Send(name, Arm()),) if isinstance(message, on | Arm) else ()


def talking(answers: dict[str, Callable[[Message], tuple[Effect, ...]]]) -> tuple[Desk, Talk]:
    talk = Talk(answers)
    return Desk(plan(), FaultyRoster(plan(), lambda _, __: False, talk)), talk


def given_up(desk: Desk) -> list[str]:
    raised = desk.said(AlarmRaised)
    return [one.why for one in raised if one.kind is AlarmKind.ACTOR_GAVE_UP]


def test_two_rules_that_talk_for_ever_die_by_name_until_their_account_is_locked_and_flat() -> None:
    desk, talk = talking({f"{PATH}/{ONE}": to(OTHER), f"{PATH}/{OTHER}": to(ONE)})
    talk.begun = True
    begun = time.process_time()
    desk.trade(MNQ, 1)
    took = time.process_time() - begun

    path, why = desk.deaths[0]
    assert path in {f"{PATH}/{ONE}", f"{PATH}/{OTHER}"}
    assert why.startswith(f"EndlessError: {HEARD_MAX} messages in one turn, the last from {PATH}/")
    assert {path for path, _ in desk.deaths} == {f"{PATH}/{ONE}", f"{PATH}/{OTHER}"}
    assert len(given_up(desk)) >= 1
    assert {one.lock.rule for one in desk.said(LockSet)} == {"supervision"}
    assert took < SILENCE_S, "nobody has to end the desk for it"
    desk.wait(2_000)
    assert desk.broker.positions == {}


def test_a_lock_from_before_outlives_the_talk() -> None:
    desk, talk = talking({f"{PATH}/{ONE}": to(OTHER), f"{PATH}/{OTHER}": to(ONE)})
    desk.trade(MNQ, 2)
    desk.move(MNQ, -600)
    desk.wait(2_000)
    before = desk.runtime.states[PATH].locks
    assert [one.rule for one in before] == [LOSS]

    talk.begun = True
    desk.trade(ES, 1)
    desk.wait(2_000)

    assert set(before) < set(desk.runtime.states[PATH].locks)
    assert desk.broker.positions == {}
    again = Desk(plan(), stored=desk.stored, broker=desk.broker)
    assert set(before) < set(again.runtime.states[PATH].locks)


def test_a_rule_that_talks_with_its_account_for_ever_ends_flat_whoever_dies_of_it() -> None:
    def shout(message: Message) -> tuple[Effect, ...]:
        return (Send(PARENT, MarketRestarted()),) if isinstance(message, Evaluate) else ()

    desk, talk = talking({f"{PATH}/{ONE}": shout})
    talk.begun = True
    begun = time.process_time()
    desk.trade(MNQ, 1)
    assert time.process_time() - begun < SILENCE_S
    assert given_up(desk)
    desk.wait(10_000)

    assert desk.broker.positions == {}


@pytest.mark.parametrize("one", ["enforcer", "timer"])
def test_what_an_account_cannot_do_without_takes_it_down_to_its_last_resort(one: str) -> None:
    other = "lockout"
    talk_of = {f"{PATH}/{one}": to(other), f"{PATH}/{other}": to(one), f"{PATH}/{ONE}": to(one)}
    desk, talk = talking(talk_of)
    talk.begun = True
    for _ in range(desk_tree((ACCOUNT,)).intensity + 1):
        desk.trade(MNQ, 1)
    desk.wait(10_000)

    assert f"{PATH}/{one}" in {path for path, _ in desk.deaths}
    assert [PATH in why for why in given_up(desk)][-1:] == [True]
    assert desk.broker.positions == {}


def test_a_market_and_a_gateway_that_talk_for_ever_end_the_desk_in_words() -> None:
    desk, talk = talking({"market_data": to("gateway", Message), "gateway": to("market_data")})
    talk.begun = True
    begun = time.process_time()
    desk.move(MNQ, 1)
    for _ in range(desk_tree((ACCOUNT,)).intensity + 1):
        desk.move(MNQ, 1)

    ended = [why for path, why in desk.deaths if path == "supervisor"]
    assert "EndlessError" in ended[0]
    assert time.process_time() - begun < SILENCE_S
