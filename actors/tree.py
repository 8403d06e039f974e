"""The supervision tree, as data: who is whose child, in which order, and what a death means.

Read top to bottom it is the start order; children stop in reverse.
"""

from enum import StrEnum

import msgspec

from protocol.units import RuleName


class Strategy(StrEnum):
    """Which siblings go down with a child (OTP names)."""

    ONE_FOR_ONE = "one_for_one"
    REST_FOR_ONE = "rest_for_one"
    ONE_FOR_ALL = "one_for_all"


class Restart(StrEnum):
    """Whether a dead child comes back (OTP names)."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One child, and how to treat its death."""

    name: str
    restart: Restart = Restart.PERMANENT


class Supervision(msgspec.Struct, frozen=True, kw_only=True):
    """A supervisor's whole policy: more than `intensity` deaths within the period is giving up."""

    strategy: Strategy
    intensity: int
    period_ms: int
    children: tuple[ChildSpec, ...]

    def __post_init__(self) -> None:
        names = [child.name for child in self.children]
        if len(set(names)) != len(names):
            raise ValueError(f"two children have the same name: {names}")


RULE_PREFIX = "rule/"
SETTINGS = "settings"


def account(rules: tuple[RuleName, ...]) -> Supervision:
    """Return an account's children: those that others talk to start first."""
    return Supervision(
        strategy=Strategy.ONE_FOR_ONE,
        intensity=5,
        period_ms=30_000,
        children=(
            ChildSpec(name="timer"),
            ChildSpec(name="lockout"),
            ChildSpec(name="reset"),
            ChildSpec(name="enforcer"),
            ChildSpec(name=SETTINGS),
            *(ChildSpec(name=f"{RULE_PREFIX}{rule}") for rule in rules),
        ),
    )


def desk(accounts: tuple[int, ...]) -> Supervision:
    """Return a desk's children: prices and accounts stand before the gateway logs in."""
    return Supervision(
        strategy=Strategy.ONE_FOR_ONE,
        intensity=3,
        period_ms=60_000,
        children=(
            ChildSpec(name="market_data"),
            *(ChildSpec(name=f"account/{number}") for number in accounts),
            ChildSpec(name="gateway"),
        ),
    )


def guardian(logins: tuple[str, ...]) -> Supervision:
    """Return a guardian's children: one desk process per login."""
    return Supervision(
        strategy=Strategy.ONE_FOR_ONE,
        intensity=10,
        period_ms=60_000,
        children=tuple(ChildSpec(name=f"desk/{login}") for login in logins),
    )
