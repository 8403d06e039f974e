"""I8: what is demanded just as a mutation is asked for.

A demand may be made, acted upon and withdrawn within one turn, as under a pause that ends by the
read that shows what it forbids.  Once the turn is over the enforcer knows nothing of it any more.
"""

from typing import TYPE_CHECKING, Any

from actors.behaviour import Behaviour, Step
from actors.model import enforcement_state
from actors.shell import account_of
from protocol.effects import Perform
from protocol.message import Message
from protocol.units import AccountId, Now
from tests.actors.faulty import Faulty, When

if TYPE_CHECKING:
    from tests.sim.invariants import Invariants


class Asking(Faulty):
    """A behaviour that fails when it is told to; of an enforcer's mutations it is noted why."""

    def __init__(
        self,
        watches: "dict[AccountId, Invariants]",
        logic: Behaviour[Any],
        path: str,
        when: When,
    ) -> None:
        super().__init__(logic, path, when)
        account_id = account_of(path)
        self._watch = None if account_id is None else watches[account_id]

    def begin(self, kept: Any, now: Now) -> Step[Any]:
        return self._noted(super().begin(kept, now))

    def handle(self, state: Any, message: Message, now: Now) -> Step[Any]:
        return self._noted(super().handle(state, message, now))

    def _noted(self, step: Step[Any]) -> Step[Any]:
        if self._watch is not None and isinstance(step.state, enforcement_state.State):
            for effect in step.effects:
                if isinstance(effect, Perform):
                    demands = step.state.kept.demands
                    self._watch.asked[effect.command.command_id] = demands
        return step
