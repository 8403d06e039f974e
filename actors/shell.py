"""The actor shell (OTP: gen_server): what every one of Thespian's actors here is.

A subclass says which behaviour it runs; everything else is here, once: the mailbox, the kept
state, the effects, and death.  An exception never leaves `receiveMessage`: the shell ends the
actor instead, and its parent hears `Died`.

A step's messages are delivered within the turn.  What it keeps, decides and asks of the world is
only written into the turn: the desk commits it, and the world hears of it afterwards.
"""

import logging
from typing import TYPE_CHECKING, Any, Protocol

from thespian.actors import Actor, ActorAddress, ActorExitRequest, ChildActorExited

from actors.behaviour import Behaviour, Step
from actors.mailboxes import Address
from protocol.effects import PARENT, Ask, Journal, Perform, Send, Spawn, Stop, Wake
from protocol.lifecycle import Died
from protocol.message import Message
from protocol.units import AccountId

if TYPE_CHECKING:
    from actors.runtime import Runtime

log = logging.getLogger(__name__)


type Route = tuple[ActorAddress, str, AccountId | None]
"""An actor's address, its path, and the account it belongs to."""


class Roster(Protocol):
    """Knows the Thespian class of every actor of a desk."""

    def actor_class(self, path: str) -> type[Actor]:
        """Return the class of the actor at this path."""
        ...

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """Return the desk's accounts."""
        ...

    def origin(self, account: AccountId) -> tuple[str, bytes]:
        """Return what the journal is to say of an account's start: the release, and the plan."""
        ...


class Boot:
    """The first message: who this actor is, and the desk it belongs to."""

    def __init__(self, path: str, runtime: "Runtime") -> None:
        self.path = path
        self.runtime = runtime


class EndlessError(Exception):
    """An actor hears far more in one turn than any input gives it to hear."""


class Life:
    """One life of an account's tree: when the account dies, its children are not heard any more."""

    def __init__(self) -> None:
        self.over = False


def account_of(path: str) -> AccountId | None:
    """Return the account an actor belongs to; None for the desk's own actors."""
    parts = path.split("/", 2)
    return AccountId(int(parts[1])) if parts[0] == "account" else None


def scope_of(path: str) -> str:
    """Return the prefix under which an actor's short names are looked up."""
    parts = path.split("/", 2)
    return f"{parts[0]}/{parts[1]}/" if parts[0] == "account" else ""


class Shell(Actor):
    """Runs one behaviour behind one mailbox."""

    _path = ""
    _account: AccountId | None = None
    _dead = False
    _runtime: "Runtime"
    _life = Life()

    def behaviour(self, runtime: "Runtime", path: str) -> Behaviour[Any]:
        """Build this actor's logic; a subclass's only duty."""
        raise NotImplementedError

    def receiveMessage(self, msg: object, sender: ActorAddress) -> None:
        """Take one message from the mailbox; any failure is the end of this actor."""
        if not self._path and isinstance(msg, Boot):
            self._account, self._runtime = account_of(msg.path), msg.runtime
        runtime = self._runtime
        if self._account is not None:
            runtime.hear(self._account)
        if self._dead or self._life.over:
            return  # what was still in the mailbox dies with it, or with its account
        turn = runtime.turn
        try:
            if self._path and turn.take(self._path) > self._most:
                self._end(sender)
            match msg:
                case Message():
                    self._apply(self._logic.handle(self._state, msg, turn.now))
                case Boot():
                    self._boot(msg)
                case ChildActorExited(childAddress=address):
                    self._bury(address)
                case _:
                    log.debug("%s ignored %r", self._path, type(msg))
        except Exception as error:
            log.exception("%s failed on %s", self._path, type(msg).__name__)
            self._die(f"{type(error).__name__}: {error}", msg)

    def _end(self, sender: ActorAddress) -> None:
        """End an exchange without end, and with it this actor; its next life begins anew."""
        self._runtime.turn.taken[self._path] = 0
        who = self._runtime.name(sender)
        raise EndlessError(f"{self._most} messages in one turn, the last from {who}")

    def _boot(self, boot: Boot) -> None:
        self._path, self._scope = boot.path, scope_of(boot.path)
        self._life = boot.runtime.life(boot.path)
        if self._life.over:
            return  # its account died before it was born
        self._most = boot.runtime.hearing_max(boot.path)
        self._children: list[tuple[ActorAddress, str]] = []  # addresses cannot be hashed
        self._logic = self.behaviour(boot.runtime, boot.path)
        kept = boot.runtime.restore(boot.path, self._logic.kept)
        self._kept: object = kept
        self._apply(self._logic.begin(kept, boot.runtime.turn.now))

    def _die(self, why: str, heard: object) -> None:
        self._dead = True
        runtime = self._runtime
        runtime.lost(self._path, why, heard)
        self.send(self.myAddress, ActorExitRequest())

    def _bury(self, address: ActorAddress) -> None:
        name = next((name for held, name in self._children if held == address), None)
        if name is None:
            return
        self._children = [child for child in self._children if child[1] != name]
        path = self._child_path(name)
        why, wishes = self._runtime.forget(path)
        died = Died(name=name, why=why, unheard=wishes)
        self._apply(self._logic.handle(self._state, died, self._runtime.turn.now))

    def _apply(self, step: Step[Any]) -> None:
        self._state = step.state
        self._runtime.states[self._path] = step.state
        if self._logic.kept is not None:
            kept = self._logic.keep(step.state)
            if kept is not self._kept:
                self._kept = kept
                self._runtime.turn.portion(self._account).kept[self._path] = kept
        for effect in step.effects:
            if isinstance(effect, Send):  # nine of ten
                self._send(effect.to, effect.message)
            else:
                self._perform(effect)

    def _perform(self, effect: Journal | Perform | Ask | Wake | Spawn | Stop) -> None:
        runtime = self._runtime
        match effect:
            case Journal(decision):
                runtime.decided(self._account, self._path, decision)
            case Perform(command):
                runtime.turn.portion(self._account).mutations.append(command)
                runtime.asked(self._account, self._path, command)
            case Ask(command):
                runtime.turn.portion(self._account).reads.append(command)
                runtime.asked(self._account, self._path, command)
            case Wake():
                runtime.wake(self._path, effect)
            case Spawn(name):
                self._spawn(name)
            case Stop(name):
                path = self._child_path(name)
                if path in runtime.addresses:
                    self.send(runtime.addresses[path], ActorExitRequest())

    def _send(self, to: str, message: Message) -> None:
        runtime = self._runtime
        found = runtime.routes.get((self._path, to)) or self._route(to)
        if found is None:
            runtime.unheard(self._path, to, message)
            return
        address, path, other = found
        if other is not None and other != self._account:
            runtime.record(other, path, message, entered=True)
        if path in runtime.dying:
            runtime.wished(path, message)
        self.send(address, message)

    def _route(self, to: str) -> Route | None:
        """Find who is meant by a name, and remember it until somebody comes or goes."""
        runtime = self._runtime
        path = self._parent_path() if to == PARENT else self._scope + to
        if path not in runtime.addresses:
            path = to
        address = runtime.addresses.get(path)
        if address is None:
            return None
        found = runtime.routes[self._path, to] = (address, path, account_of(path))
        return found

    def _spawn(self, name: str) -> None:
        path = self._child_path(name)
        other = account_of(path)
        if other is not None and other != self._account:
            runtime = self._runtime
            runtime.record(other, path, runtime.began(other, path), entered=True)
        address = self.createActor(self._runtime.actor_class(path))
        assert isinstance(address, Address)
        self._children.append((address, name))
        self._runtime.addresses[path] = address
        self._runtime.routes.clear()
        self.send(address, Boot(path, self._runtime))

    def _child_path(self, name: str) -> str:
        return f"{self._path}/{name}" if self._account is not None else name

    def _parent_path(self) -> str:
        if self._account is None or self._path == self._scope[:-1]:
            return "supervisor"
        return self._scope[:-1]
