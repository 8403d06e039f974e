"""What an account is guarded by: the settings in force, those that wait, and how they are changed.

Settings travel and are kept as plain tables: what a rule's keys are is its own file's business.
"""

from typing import Any

import msgspec

from protocol.message import Message
from protocol.units import AccountId, Nanos, RuleName

type Keys = dict[str, Any]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """An account's own keys, and those of each of its rules."""

    account: Keys
    rules: dict[RuleName, Keys]


class KeptSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force since when, and what replaces it at the next reset."""

    day: Nanos
    """The reset that began the trading day in which `held` was last in force."""
    held: Settings
    wanted: Settings | None = None


class Reconfigure(Message, frozen=True, kw_only=True):
    """Command: guard the account by these settings, as soon as that may be."""

    account_id: AccountId
    wanted: Settings


class InForce(Message, frozen=True, kw_only=True):
    """To an account: these settings are in force from now on."""

    settings: Settings


class RefuseSettings(Message, frozen=True, kw_only=True):
    """To an account: a configuration was refused, and nothing changes."""

    account_id: AccountId
    problems: tuple[str, ...]
