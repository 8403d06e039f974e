"""The supervisor: root of a desk's tree, parent of the market, the accounts and the gateway.

An account that will not stand is replaced by its last resort (actors/last_resort.py), which needs
nothing but the broker: it keeps the account flat until an operator looks.  If the market or the
gateway will not stand the desk itself gives up, and its guardian starts another.
"""

from typing import Any

import msgspec

from actors.behaviour import Step
from actors.supervision import Deaths, GiveUp, RestartThese, on_death
from actors.tree import desk
from protocol.decisions import AlarmKind, AlarmRaised
from protocol.effects import Effect, Journal, Send, Spawn
from protocol.lifecycle import Died, MarketRestarted
from protocol.message import Message
from protocol.units import AccountId, Now

LAST_RESORT = "/last_resort"


class DeskGaveUpError(Exception):
    """A child without which the desk is of no use has died too often."""


class State(msgspec.Struct, frozen=True):
    """Who died when."""

    deaths: Deaths = Deaths()


class Supervisor:
    """A desk's root."""

    kept = None

    def __init__(self, accounts: tuple[AccountId, ...]) -> None:
        self._accounts = accounts
        self._policy = desk(accounts)

    def begin(self, kept: Any, now: Now) -> Step[State]:  # noqa: ARG002
        """Start the children in order."""
        return Step(State(), tuple(Spawn(child.name) for child in self._policy.children))

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:
        """Decide what becomes of a child that died."""
        match message:
            case Died(name=name, why=why) if not name.endswith(LAST_RESORT):
                return self._bury(state, name, why, now)
            case Died(name=name, why=why):
                raise DeskGaveUpError(f"{name}: {why}")
            case _:
                return Step(state)

    def keep(self, state: State) -> None:
        """Keep nothing: deaths are of one process."""

    def _bury(self, state: State, name: str, why: str, now: Now) -> Step[State]:
        deaths, directive = on_death(self._policy, state.deaths, name, now.mono)
        state = State(deaths)
        account_id = AccountId(int(name.split("/")[1])) if name.startswith("account/") else None
        died = AlarmRaised(account_id=account_id, kind=AlarmKind.ACTOR_DIED, why=f"{name}: {why}")
        match directive:
            case RestartThese(names):
                effects: list[Effect] = [Journal(died), *(Spawn(one) for one in names)]
                if name == "market_data":
                    effects += [Send(f"account/{a}", MarketRestarted()) for a in self._accounts]
                elif account_id is not None:
                    effects.append(Send("gateway", Died(name=name, why=why)))
                return Step(state, tuple(effects))
            case GiveUp() if account_id is not None:
                reason = f"{name} died too often, its last resort keeps it flat: {why}"
                kind = AlarmKind.ACTOR_GAVE_UP
                gave_up = AlarmRaised(account_id=account_id, kind=kind, why=reason)
                return Step(state, (Journal(died), Journal(gave_up), Spawn(name + LAST_RESORT)))
            case _:
                raise DeskGaveUpError(f"{name} died too often: {why}")
