"""Actors that fail on some messages: production behaviours, struck from outside."""

from collections.abc import Callable
from typing import Any

from thespian.actors import Actor

from actors.behaviour import Behaviour, Step
from actors.plan import AccountPlan
from actors.roster import DeskRoster
from actors.runtime import Runtime
from actors.shell import Shell
from protocol.message import Message
from protocol.units import Now

type When = Callable[[str, Message], bool]
"""Says of an actor's path and a message whether the actor fails on it."""
type How = Callable[[Behaviour[Any], str, When], Behaviour[Any]]
"""Builds what stands in for a behaviour, at a path."""


class StruckError(Exception):
    """The test wanted this."""


class Faulty:
    """A behaviour that fails on some messages."""

    def __init__(self, logic: Behaviour[Any], path: str, when: When) -> None:
        self._logic, self._path, self._when = logic, path, when
        self.kept = logic.kept

    def begin(self, kept: Any, now: Now) -> Step[Any]:
        return self._logic.begin(kept, now)

    def handle(self, state: Any, message: Message, now: Now) -> Step[Any]:
        if self._when(self._path, message):
            raise StruckError(type(message).__name__)
        return self._logic.handle(state, message, now)

    def keep(self, state: Any) -> object:
        return self._logic.keep(state)


class Deaf(Faulty):
    """A behaviour to which some messages are nothing."""

    def handle(self, state: Any, message: Message, now: Now) -> Step[Any]:
        if self._when(self._path, message):
            return Step(state)
        return self._logic.handle(state, message, now)


class FaultyRoster(DeskRoster):
    """A roster whose actors fail when they are told to, or do not hear."""

    def __init__(
        self,
        plans: AccountPlan | tuple[AccountPlan, ...],
        when: When,
        how: How = Faulty,
    ) -> None:
        super().__init__(plans if isinstance(plans, tuple) else (plans,))
        self._when = when
        self._how = how
        self._struck: dict[type[Actor], type[Actor]] = {}

    def actor_class(self, path: str) -> type[Actor]:
        real = super().actor_class(path)
        if real not in self._struck:
            self._struck[real] = struck(real, self._when, self._how)
        return self._struck[real]


def struck(real: type[Actor], when: When, how: How) -> type[Actor]:
    """Return an actor class whose behaviour fails when it is told to."""
    assert issubclass(real, Shell)
    inner: type[Shell] = real

    class Struck(inner):  # type: ignore[valid-type, misc]
        def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:
            return how(super().behaviour(runtime, path), path, when)

    return Struck
