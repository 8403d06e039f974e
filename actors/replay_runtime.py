"""One life of a desk with one account in it, heard again from its journal.

The shells, the runtime and the behaviours are a desk's own.  What stood around the account (the
supervisor, the market, the gateway) is not there: what they said is in the journal, with its time
and its place among what the account's actors heard, and is put into the mailbox at that place.
Ticks are inputs too, and so are failures: an actor that failed fails again, whatever the reason.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from thespian.actors import Actor, ActorAddress

from actors.behaviour import Behaviour, Step
from actors.plan import AccountPlan, read_plan
from actors.roster import DeskRoster
from actors.runtime import ROOT, Runtime
from actors.shell import Shell
from actors.turn import Turn
from protocol.codec import Recorded
from protocol.effects import Wake
from protocol.lifecycle import Began, Failed
from protocol.message import Message
from protocol.units import AccountId, Now


class Pump(msgspec.Struct, frozen=True):
    """Nothing: handed to the root so that the mailboxes are emptied."""


class Root:
    """Whoever started the account in a desk; here the replay does."""

    kept = None

    def begin(self, kept: Any, now: Now) -> Step[None]:  # noqa: ARG002
        """Wait."""
        return Step(None)

    def handle(self, state: None, message: Message, now: Now) -> Step[None]:  # noqa: ARG002
        """Wait."""
        return Step(state)

    def keep(self, state: None) -> None:
        """Keep nothing."""


class RootActor(Shell):
    """The parent of the account and of its last resort."""

    def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:  # noqa: ARG002
        """Lend the replay a name to send by."""
        assert isinstance(runtime, ReplayRuntime)
        runtime.root = self
        return Root()

    def spawn(self, path: str) -> None:
        """Start the account, or its last resort."""
        self._spawn(path)

    def _bury(self, address: ActorAddress) -> None:
        """Start again what died, as the supervisor did: before its children are told to end."""
        super()._bury(address)
        assert isinstance(self._runtime, ReplayRuntime)
        self._runtime.restart()


class Failing:
    """A behaviour that fails where the journal says so."""

    def __init__(self, logic: Behaviour[Any], fail: Callable[[], None]) -> None:
        self._logic, self._fail = logic, fail
        self.kept = logic.kept

    def begin(self, kept: Any, now: Now) -> Step[Any]:
        """Start as always."""
        step = self._logic.begin(kept, now)
        self._fail()
        return step

    def handle(self, state: Any, message: Message, now: Now) -> Step[Any]:
        """Take a message as always."""
        step = self._logic.handle(state, message, now)
        self._fail()
        return step

    def keep(self, state: Any) -> object:
        """Keep as always."""
        return self._logic.keep(state)


class ReplayRoster(DeskRoster):
    """The actors of one account."""

    def __init__(self, plan: AccountPlan, release: str) -> None:
        super().__init__((plan,), release)
        self._failing: dict[type[Actor], type[Actor]] = {}

    def actor_class(self, path: str) -> type[Actor]:
        """Return the class of the actor at this path."""
        if path == ROOT:
            return RootActor
        real = super().actor_class(path)
        if real not in self._failing:
            self._failing[real] = failing(real)
        return self._failing[real]


def failing(real: type[Actor]) -> type[Actor]:
    """Return the actor's class with a behaviour that fails where the journal says so."""
    assert issubclass(real, Shell)
    inner: type[Shell] = real

    class Scripted(inner):  # type: ignore[valid-type, misc]
        def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:
            assert isinstance(runtime, ReplayRuntime)
            return Failing(super().behaviour(runtime, path), lambda: runtime.fail(path))

    return Scripted


class ReplayRuntime(Runtime):
    """One life of a desk, with one account in it, heard again."""

    root: RootActor

    def __init__(self, account_id: AccountId, began: Began) -> None:
        super().__init__(ReplayRoster(read_plan(began.plan), began.release), dict(began.kept))
        self._account_id = account_id
        self._script: deque[Recorded] = deque()

    def repeat(self, entered: Sequence[Recorded]) -> Turn:
        """Let the account hear what entered in a turn; return what that causes."""
        now = entered[0].now
        if not self._booted:
            self.start(now)
        self.turn = Turn(now)
        self.numbers[self._account_id] = entered[0].turn - 1
        self._script = deque(entered)
        while self._script:
            left = len(self._script)
            self._put_in()
            self._system.tell(self.addresses[ROOT], Pump())
            if len(self._script) == left:  # fewer messages were heard than it is written
                self._enter(self._script.popleft())
        self._system.tell(self.addresses[ROOT], Pump())
        return self._end()

    def hear(self, account: AccountId) -> None:
        """Put in what entered before this message was heard, then count it."""
        self._put_in()
        super().hear(account)

    def fail(self, path: str) -> None:
        """Fail if it is written that the actor failed on what it hears now."""
        why = self._failure(path)
        if why is not None:
            name, _, text = why.partition(": ")
            raise type(name, (Exception,), {})(text)

    def lost(self, path: str, why: str) -> None:
        """Note a failure; one that came by itself need not be brought about."""
        self._failure(path)
        super().lost(path, why)

    def unheard(self, path: str, to: str, message: Message) -> None:
        """Take what was meant for the market or the gateway: their answers are in the journal."""

    def wake(self, path: str, wake: Wake) -> None:
        """Take a wish to be woken: the ticks are in the journal."""

    def restart(self) -> None:
        """Put in what entered up to the next start, if it is written that one is due now."""
        heard = self.turn.heard.get(self._account_id, 0)
        due = [one for one in self._script if one.place <= heard]
        starts = [n for n, one in enumerate(due) if isinstance(one.message, Began)]
        for _ in range(starts[0] + 1 if starts else 0):
            self._enter(self._script.popleft())

    def _put_in(self) -> None:
        script, heard = self._script, self.turn.heard.get(self._account_id, 0)
        while script and script[0].place <= heard:
            self._enter(script.popleft())

    def _enter(self, record: Recorded) -> None:
        if isinstance(record.message, Began):
            self.root.spawn(record.actor)
        elif not isinstance(record.message, Failed) and record.actor in self.addresses:
            self.record(self._account_id, record.actor, record.message, entered=True)
            self.root.send(self.addresses[record.actor], record.message)

    def _failure(self, path: str) -> str | None:
        """Take the failure that is written for this actor and this place, if there is one."""
        if not self._script:
            return None
        written, heard = self._script[0], self.turn.heard.get(self._account_id, 0)
        if (written.actor, written.place) != (path, heard):
            return None
        if not isinstance(written.message, Failed):
            return None
        self._script.popleft()
        return written.message.why
