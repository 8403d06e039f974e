"""Who stands in for the actors that act, on an account in shadow mode: they cannot act.

A shadow account is judged like any other, so what its rules, locks and dead actors demand arrives
here too.  It is written down as what would have been demanded.  No effect that these behaviours
can return is a mutation: that is a matter of types.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from actors.behaviour import Step
from actors.model.enforcement_state import Kept
from protocol.decisions import WouldHave
from protocol.effects import Harmless, Journal
from protocol.enforcement import Enforce, Goal
from protocol.message import Message
from protocol.units import AccountId, Now, RuleName


class State(msgspec.Struct, frozen=True):
    """What is kept, and what each rule would have demanded last."""

    kept: Kept
    wanted: dict[RuleName, tuple[Goal, ...]] = msgspec.field(default_factory=dict)


class ShadowEnforcer:
    """One account's enforcement, in words."""

    kept = Kept

    def __init__(self, account_id: AccountId) -> None:
        self._account_id = account_id

    def begin(self, kept: Any, now: Now) -> Step[State]:  # noqa: ARG002
        """Forget what was demanded before: in another mode, of a book long gone."""
        return Step(State(kept=Kept(serial=kept.serial if kept is not None else 0)))

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:  # noqa: ARG002
        """Say what would have been demanded, once until it changes."""
        match message:
            case Enforce(rule=rule, goals=goals) if goals != state.wanted.get(rule, ()):
                wanted = {**state.wanted, rule: goals}
                return Step(replace(state, wanted=wanted), self._say(message))
            case _:
                return Step(state)

    def keep(self, state: State) -> Kept:
        """Keep the last number used, so that none is used twice."""
        return state.kept

    def _say(self, demand: Enforce) -> tuple[Harmless, ...]:
        if not demand.goals:
            return ()
        decision = WouldHave(
            account_id=self._account_id, rule=demand.rule, goals=demand.goals, why=demand.why
        )
        return (Journal(decision),)


class ShadowLastResort:
    """One account whose tree will not stand, left alone: the alarm has been raised."""

    kept = None

    def begin(self, kept: Any, now: Now) -> Step[None]:  # noqa: ARG002
        """Do nothing."""
        return Step(None)

    def handle(self, state: None, message: Message, now: Now) -> Step[None]:  # noqa: ARG002
        """Do nothing."""
        return Step(state)

    def keep(self, state: None) -> None:
        """Keep nothing."""
