"""What to do when a child dies: OTP's supervisor, as a pure function over its policy."""

from typing import assert_never

import msgspec

from actors.tree import Restart, Strategy, Supervision
from protocol.units import MILLISECOND, Nanos


class Deaths(msgspec.Struct, frozen=True):
    """When each child died within the period (monotonic), newest last."""

    at: tuple[tuple[str, Nanos], ...] = ()


class RestartThese(msgspec.Struct, frozen=True):
    """Stop the survivors among these in reverse order, then start all of them in order."""

    names: tuple[str, ...]


class GiveUp(msgspec.Struct, frozen=True):
    """The child dies too often: escalate, and fail closed."""

    name: str


class Forget(msgspec.Struct, frozen=True):
    """The child was not meant to come back."""

    name: str


type Directive = RestartThese | GiveUp | Forget


def on_death(
    policy: Supervision, deaths: Deaths, name: str, now: Nanos, *, normal: bool = False
) -> tuple[Deaths, Directive]:
    """Decide a dead child's fate; its own deaths are counted, not its siblings'.

    OTP counts all children together.  Here one rule that crash-loops must not use up the patience
    that its account has with the others.
    """
    order = [child.name for child in policy.children]
    child = policy.children[order.index(name)]
    if child.restart is Restart.TEMPORARY or (child.restart is Restart.TRANSIENT and normal):
        return deaths, Forget(name)
    horizon = now - policy.period_ms * MILLISECOND
    recent = Deaths((*(death for death in deaths.at if death[1] >= horizon), (name, now)))
    if sum(1 for who, _ in recent.at if who == name) > policy.intensity:
        return recent, GiveUp(name)
    return recent, RestartThese(victims(policy.strategy, order, name))


def victims(strategy: Strategy, order: list[str], name: str) -> tuple[str, ...]:
    """Return who restarts when `name` dies, in start order."""
    match strategy:
        case Strategy.ONE_FOR_ONE:
            return (name,)
        case Strategy.REST_FOR_ONE:
            return tuple(order[order.index(name) :])
        case Strategy.ONE_FOR_ALL:
            return tuple(order)
    assert_never(strategy)
