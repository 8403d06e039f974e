"""The enforcements under way, as spans that last from the request to the proof.

What an account hears and does meanwhile belongs to them, whatever set it off.
"""

from collections.abc import Callable

import msgspec

from actors.adapters.spans import Context, Span
from actors.turn import Portion
from protocol.decisions import (
    Decision,
    EnforcementConfirmed,
    EnforcementFailing,
    EnforcementMerged,
    EnforcementRequested,
    EnforcementWithdrawn,
)
from protocol.units import AccountId

UNDER_WAY_MAX = 64
"""Enforcements of one account that are followed at a time; the enforcer holds no more."""


class Under(msgspec.Struct, frozen=True):
    """An enforcement that is under way."""

    context: Context
    parent: Context
    start: int
    requested: EnforcementRequested


class Enforcements:
    """What is being enforced on a desk's accounts."""

    def __init__(self, take: Callable[[Span], None]) -> None:
        self._take = take
        self._under: dict[AccountId, dict[str, Under]] = {}

    def belongs_to(self, who: AccountId | None, portion: Portion) -> Context | None:
        """Return the enforcement that a portion belongs to, unless it begins one of its own."""
        under = self._under.get(who) if who is not None else None
        if not under or any(isinstance(one, EnforcementRequested) for one in portion.decisions):
            return None
        spoken_of = [under[name] for name in map(named, portion.decisions) if name in under]
        return (spoken_of or [*under.values()])[-1].context

    def others(
        self, who: AccountId | None, portion: Portion, context: Context
    ) -> tuple[Context, ...]:
        """Return the enforcements that a portion speaks of, and that another trace told so far."""
        under = self._under.get(who) if who is not None else None
        if not under:
            return ()
        spoken_of = [under[name] for name in map(named, portion.decisions) if name in under]
        return tuple(one.context for one in spoken_of if one.context.trace_id != context.trace_id)

    def follow(self, decision: Decision, span: Context, turn: Context, wall: int) -> None:
        """Begin and end the span that lasts as long as an enforcement."""
        match decision:
            case EnforcementRequested(account_id=who, enforcement_id=name):
                under = self._under.setdefault(who, {})
                under[name] = Under(span, turn, wall, decision)
                if len(under) > UNDER_WAY_MAX:
                    del under[next(iter(under))]
            case EnforcementConfirmed():
                self._over(decision, wall, "confirmed")
            case EnforcementWithdrawn():
                self._over(decision, wall, "withdrawn")
            case _:
                pass

    def _over(
        self, decision: EnforcementConfirmed | EnforcementWithdrawn, wall: int, how: str
    ) -> None:
        under = self._under.get(decision.account_id, {}).pop(decision.enforcement_id, None)
        if under is None:
            return  # requested in an earlier life
        self._take(
            Span(
                name=f"enforcement {under.requested.rule}",
                context=under.context,
                parent=under.parent,
                start=under.start,
                end=wall,
                about=under.requested,
                outcome=how,
            )
        )


def named(decision: Decision) -> str:
    """Return the enforcement that a decision speaks of, or an empty text."""
    match decision:
        case (
            EnforcementConfirmed(enforcement_id=name)
            | EnforcementWithdrawn(enforcement_id=name)
            | EnforcementFailing(enforcement_id=name)
            | EnforcementMerged(enforcement_id=name)
        ):
            return name
        case _:
            return ""
