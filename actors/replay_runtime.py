"""One life of a desk with one account in it, heard again from its journal.

The shells, the runtime and the behaviours are a desk's own.  What stood around the account (the
supervisor, the market, the gateway) is not there: what they said is in the journal, with its time
and its place among what the account's actors heard, and is put into the mailbox at that place.
Ticks are inputs too, and so are failures: an actor that failed fails again, whatever the reason.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from thespian.actors import Actor, ActorAddress

from actors.behaviour import Behaviour, Step
from actors.plan import AccountPlan, read_plan
from actors.roster import DeskRoster
from actors.runtime import ROOT, Runtime
from actors.shell import Shell
from actors.snapshot import read_state
from actors.supervisor import LAST_RESORT
from actors.tree import SETTINGS
from actors.turn import Portion, Turn
from protocol.codec import Recorded, decode_state
from protocol.effects import Spawn, Wake
from protocol.lifecycle import Began, Failed, Snapshot
from protocol.message import Message
from protocol.settings import KeptSettings
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
        assert isinstance(self._runtime, ReplayRuntime)
        again = self._runtime.told_before_next()
        super()._bury(address)
        if again:
            self._runtime.restart()


class Scripted:
    """A behaviour that goes by the journal: it fails where it failed, and resumes a snapshot."""

    def __init__(self, logic: Behaviour[Any], runtime: "ReplayRuntime", path: str) -> None:
        self._logic, self._runtime, self._path = logic, runtime, path
        self.kept = logic.kept
        runtime.logics[path] = logic

    def begin(self, kept: Any, now: Now) -> Step[Any]:
        """Start as always, or as what the snapshot shows."""
        found = self._runtime.resumed(self._path, self._logic)
        if found is not None:
            return found
        step = self._logic.begin(kept, now)
        self._runtime.fail(self._path)
        return step

    def handle(self, state: Any, message: Message, now: Now) -> Step[Any]:
        """Take a message as always."""
        step = self._logic.handle(state, message, now)
        self._runtime.fail(self._path)
        return step

    def keep(self, state: Any) -> object:
        """Keep as always."""
        return self._logic.keep(state)


class ReplayRoster(DeskRoster):
    """The actors of one account."""

    def __init__(self, plan: AccountPlan, release: str) -> None:
        super().__init__((plan,), release)
        self._scripted: dict[type[Actor], type[Actor]] = {}

    def actor_class(self, path: str) -> type[Actor]:
        """Return the class of the actor at this path."""
        if path == ROOT:
            return RootActor
        real = super().actor_class(path)
        if real not in self._scripted:
            self._scripted[real] = scripted(real)
        return self._scripted[real]


def scripted(real: type[Actor]) -> type[Actor]:
    """Return the actor's class with a behaviour that goes by the journal."""
    assert issubclass(real, Shell)
    inner: type[Shell] = real

    class ScriptedActor(inner):  # type: ignore[valid-type, misc]
        def behaviour(self, runtime: Runtime, path: str) -> Behaviour[Any]:
            assert isinstance(runtime, ReplayRuntime)
            return Scripted(super().behaviour(runtime, path), runtime, path)

    return ScriptedActor


class ReplayRuntime(Runtime):
    """One life of a desk, with one account in it, heard again."""

    root: RootActor

    def __init__(self, account_id: AccountId, origin: Began | Snapshot) -> None:
        super().__init__(ReplayRoster(read_plan(origin.plan), origin.release), dict(origin.kept))
        self._account_id = account_id
        self._began = Began(release=origin.release, plan=origin.plan, kept=origin.kept)
        self._script: deque[Recorded] = deque()
        self._tree = f"account/{account_id}"
        self.logics: dict[str, Behaviour[Any]] = {}
        self._resuming: dict[str, bytes] = {}
        self._shared = False

    def resume(self, found: Snapshot, now: Now) -> None:
        """Stand the actors up as a snapshot shows them."""
        tree = self._tree
        settings = found.states.get(f"{tree}/{SETTINGS}")
        if settings is not None:  # it says by which plan the others are to be built
            self.states[f"{tree}/{SETTINGS}"] = decode_state(settings, KeptSettings)
        self.start(now)
        self._resuming, self._shared = dict(found.states), found.shared
        for path in (tree, f"{tree}/last_resort"):
            if path in found.states:
                self.root.spawn(path)
        self._mailboxes.tell(self.addresses[ROOT], Pump())
        self._resuming = {}
        self._end()

    def resumed(self, path: str, logic: Behaviour[Any]) -> Step[Any] | None:
        """Return how an actor starts that the snapshot shows: as it was, its children too."""
        raw = self._resuming.get(path)
        if raw is None:
            return None
        children = [
            Spawn(one.removeprefix(f"{path}/"))
            for one in self._resuming
            if one.startswith(f"{path}/") and not one.endswith(LAST_RESORT)
        ]
        state = read_state(raw, logic)
        if self._shared and path == f"{self._tree}/enforcer":
            # One object, for the enforcer asks whether a view is the one that it has looked at.
            state = replace(state, view=self.states[self._tree].view)
        return Step(state, tuple(children) if path == self._tree else ())

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
            self._mailboxes.tell(self.addresses[ROOT], Pump())
            if len(self._script) == left:  # fewer messages were heard than it is written
                self._enter(self._script.popleft())
        self._mailboxes.tell(self.addresses[ROOT], Pump())
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

    def lost(self, path: str, why: str, heard: object = None) -> None:
        """Note a failure, as it is written: one that came by itself need not be brought about."""
        super().lost(path, self._failure(path) or why, heard)

    def began(self, account: AccountId, path: str) -> Began:
        """Return the start as it is written, but for what was kept otherwise.

        A newer release may keep more, with a default for what was not known then.
        """
        kept = super().began(account, path).kept
        kept = {at: self._as_written(at, raw) for at, raw in kept.items()}
        return replace(self._began, kept=kept)

    def _as_written(self, path: str, raw: bytes) -> bytes:
        logic, written = self.logics.get(path), self._began.kept.get(path)
        if written is None or logic is None or logic.kept is None:
            return raw
        same = decode_state(written, logic.kept) == decode_state(raw, logic.kept)
        return written if same else raw

    def unheard(self, path: str, to: str, message: Message) -> None:
        """Take what was meant for the market or the gateway: their answers are in the journal."""

    def snap(self, account: AccountId, portion: Portion) -> None:
        """Take no snapshot: those in the journal are compared with the states."""

    def wake(self, path: str, wake: Wake) -> None:
        """Take a wish to be woken: the ticks are in the journal."""

    def told_before_next(self) -> bool:
        """Put in what the dying were still told before the next start, if one is due now."""
        heard = self.turn.heard.get(self._account_id, 0)
        due = [one for one in self._script if one.place <= heard]
        starts = [n for n, one in enumerate(due) if isinstance(one.message, Began)]
        for _ in range(starts[0] if starts else 0):
            self._enter(self._script.popleft())
        return bool(starts)

    def restart(self) -> None:
        """Begin again, as it is written."""
        self._enter(self._script.popleft())

    def _put_in(self) -> None:
        script, heard = self._script, self.turn.heard.get(self._account_id, 0)
        while script and script[0].place <= heard:
            self._enter(script.popleft())

    def _enter(self, record: Recorded) -> None:
        if isinstance(record.message, Began):
            self._began = record.message
            self.root.spawn(record.actor)
        elif not isinstance(record.message, Failed | Snapshot) and record.actor in self.addresses:
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
