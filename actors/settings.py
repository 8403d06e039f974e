"""The settings actor: by what its account is guarded, and what waits for the next reset.

A change tightens at once and loosens at the reset.  Both halves are kept, so that a restart brings
nothing forward: what was in force when the process ended is compared with what the configuration
says at the start (`resumed`), just as a reload is.  Whether a reset has passed meanwhile the clock
of this machine alone does not say: the reset actor does, once the Gateway's has been heard, and
then the configuration applies in whole, as it would have at that reset.
"""

from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import replace

from actors.behaviour import Step
from actors.model.tightening import differences, tightened
from actors.plan import AccountPlan, planned, settings_of
from protocol.decisions import ConfigurationRefused, ConfigurationTaken
from protocol.effects import PARENT, Effect, Journal, Send
from protocol.message import Message
from protocol.schedule import ResetDue
from protocol.settings import InForce, KeptSettings, Reconfigure, RefuseSettings, Settings
from protocol.units import AccountId, Nanos, Now, RuleName

UNREADABLE = "what was in force before is not understood by this version"


class SettingsKeeper:
    """One account's settings."""

    kept = KeptSettings

    def __init__(self, plan: AccountPlan) -> None:
        self._plan = plan

    def begin(self, kept: Any, now: Now) -> Step[KeptSettings]:
        """Take what was found to be in force, and say what that changes."""
        state = self._plan.settings
        if state is None:
            day = self._plan.reset.previous(now.wall)
            state = KeptSettings(day=day, held=settings_of(self._plan))
        if kept is None or (kept.held, kept.wanted) == (state.held, state.wanted):
            return Step(state)
        try:
            applied = differences(self._planned(kept.held), self._planned(state.held))
        except msgspec.ValidationError:
            applied = (UNREADABLE,)
        return Step(state, (self._taken("start", applied, state, now),))

    def handle(self, state: KeptSettings, message: Message, now: Now) -> Step[KeptSettings]:
        """Tighten, wait, or loosen because the day is over."""
        match message:
            case Reconfigure(wanted=wanted):
                after = settled(self._plan, state, wanted)
                return self._changed("reload", state, after, now)
            case ResetDue(instant=instant) if state.wanted is not None:
                after = KeptSettings(day=instant, held=state.wanted)
                return self._changed("reset", state, after, now)
            case ResetDue(instant=instant):
                return Step(KeptSettings(day=instant, held=state.held))
            case RefuseSettings(account_id=account_id, problems=problems):
                refused = ConfigurationRefused(account_id=account_id, problems=problems)
                return Step(state, (Journal(refused),))
            case _:
                return Step(state)

    def keep(self, state: KeptSettings) -> KeptSettings:
        """Keep both halves."""
        return state

    def _changed(
        self, on: str, before: KeptSettings, after: KeptSettings, now: Now
    ) -> Step[KeptSettings]:
        """Say what changes, and have the account do it."""
        applied = differences(self._planned(before.held), self._planned(after.held))
        effects: tuple[Effect, ...] = (self._taken(on, applied, after, now),)
        if after.held != before.held:
            effects += (Send(PARENT, InForce(settings=after.held)),)
        return Step(after, effects)

    def _taken(self, on: str, applied: tuple[str, ...], state: KeptSettings, now: Now) -> Journal:
        held = self._planned(state.held)
        waits = waiting(held, state)
        taken = ConfigurationTaken(
            account_id=self._plan.account_id,
            on=on,
            applied=applied,
            waits=waits,
            until=held.reset.following(now.wall) if waits else None,
        )
        return Journal(taken)

    def _planned(self, settings: Settings) -> AccountPlan:
        return planned(settings, self._plan.account_id, self._plan.name)


def waiting(held: AccountPlan, state: KeptSettings) -> tuple[str, ...]:
    """Return what waits for the reset, key by key."""
    if state.wanted is None:
        return ()
    return differences(held, planned(state.wanted, held.account_id, held.name))


def settled(whose: AccountPlan, state: KeptSettings, wanted: Settings) -> KeptSettings:
    """Return what is in force and what waits, once these settings are asked for."""
    held, asked = (planned(one, whose.account_id, whose.name) for one in (state.held, wanted))
    after = tightened(held, asked)
    return KeptSettings(
        day=state.day,
        held=state.held if after == held else settings_of(after),
        wanted=None if after == asked else wanted,
    )


def rules_of_today(kept: KeptSettings | None, account_id: AccountId) -> tuple[RuleName, ...]:
    """Return the rules that are enforced until the next reset, whatever is configured."""
    if kept is None:
        return ()
    try:
        held = planned(kept.held, account_id, "")
    except msgspec.ValidationError:
        return ()
    return tuple(name for name in held.rules if not held.shadowed(name))


def resumed(kept: KeptSettings | None, wanted: AccountPlan, wall: Nanos) -> AccountPlan:
    """Return the plan in force at a start: as configured, unless it was held tighter before.

    Nothing that was held is over at a start, whatever the clock says.
    """
    asked = settings_of(wanted)
    state = KeptSettings(day=wanted.reset.previous(wall), held=asked)
    if kept is not None:
        with suppress(msgspec.ValidationError):
            state = settled(wanted, kept, asked)
    held = planned(state.held, wanted.account_id, wanted.name)
    return replace(held, settings=state, calendars=wanted.calendars)
