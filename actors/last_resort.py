"""The last resort: keeps an account flat when its own tree will not stand.

It knows no rule, no lock and no day.  It reads the truth, closes and cancels whatever is there,
and reads again, until an operator restarts the desk.  It is small so that it cannot fail the way
the tree did.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from actors.behaviour import Step
from actors.model.demands import cancellable, exits
from protocol.answers import TruthFailed, TruthRead
from protocol.commands import CancelOrder, CloseContract, ReadTruth
from protocol.effects import Ask, Effect, Perform, Wake
from protocol.message import Message
from protocol.schedule import Tick
from protocol.units import SECOND, AccountId, Nanos, Now

EVERY = 3 * SECOND
"""Longer than an accepted close takes to show, shorter than a person takes to look."""


class State(msgspec.Struct, frozen=True):
    """The number of the last command, from this life's start; and the read that is awaited.

    What the account had asked for may still be answered: acting on both would close twice.
    """

    begun: Nanos
    serial: int = 0
    reading: str = ""


class LastResort:
    """One account, held flat."""

    kept = None

    def __init__(self, account_id: AccountId) -> None:
        self._account_id = account_id

    def begin(self, kept: Any, now: Now) -> Step[State]:  # noqa: ARG002
        """Read the truth."""
        return self._read(State(begun=now.wall), now)

    def keep(self, state: State) -> None:
        """Keep nothing."""

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:
        """Undo what a read shows, and read again after a while, whatever came of it."""
        match message:
            case TruthRead(command_id=command_id) if command_id == state.reading:
                return self._undo(state, message)
            case TruthFailed():
                return Step(state)
            case Tick():
                return self._read(state, now)
            case _:
                return Step(state)

    def _read(self, state: State, now: Now) -> Step[State]:
        state = replace(state, serial=state.serial + 1)
        command_id = self._command_id(state)
        state = replace(state, reading=command_id)
        read = ReadTruth(command_id=command_id, account_id=self._account_id, urgent=True)
        return Step(state, (Ask(read), Wake(mono=Nanos(now.mono + EVERY))))

    def _undo(self, state: State, truth: TruthRead) -> Step[State]:
        effects: list[Effect] = []
        held = {one.contract_id: one.size for one in truth.positions if one.size}
        # A second close, on top of one that fills late, would turn the position around.
        leaving = [one for one in truth.orders if exits(one, held.get(one.contract_id, 0))]
        for contract_id in sorted(set(held) - {one.contract_id for one in leaving}):
            state = replace(state, serial=state.serial + 1)
            command_id = self._command_id(state)
            close = CloseContract(
                command_id=command_id, account_id=self._account_id, contract_id=contract_id
            )
            effects.append(Perform(close))
        working = {order.order_id for order in truth.orders}
        for order in truth.orders:
            if order in leaving or not cancellable(order, working):
                continue
            state = replace(state, serial=state.serial + 1)
            cancel = CancelOrder(
                command_id=self._command_id(state),
                account_id=self._account_id,
                contract_id=order.contract_id,
                order_id=order.order_id,
            )
            effects.append(Perform(cancel))
        return Step(state, tuple(effects))

    def _command_id(self, state: State) -> str:
        return f"{self._account_id}/l{state.begun}.{state.serial}"
