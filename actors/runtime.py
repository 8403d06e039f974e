"""One desk's actors, in process: run one input to completion, and say what it caused.

The composition of a desk owns a runtime and feeds it; so does the seeded simulation, with virtual
time.  The mailboxes deliver in order and return when everything has run, so a turn is
deterministic: the same inputs with the same times cause the same turns.
"""

import heapq
import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any

from thespian.actors import Actor

from actors.behaviour import Orphan
from actors.mailboxes import Address, Mailboxes
from actors.shell import Boot, Life, Roster, Route, account_of
from actors.snapshot import snapshot
from actors.turn import Portion, Turn
from protocol.codec import Recorded, decode_state, encode_state
from protocol.commands import Mutation, Read
from protocol.decisions import DayReset, Decision
from protocol.effects import Wake
from protocol.lifecycle import WISHES, Began, Failed, Wish
from protocol.message import Message
from protocol.schedule import Tick
from protocol.units import AccountId, Nanos, Now

log = logging.getLogger(__name__)

ROOT = "supervisor"
SNAPSHOT_TURNS = 5_000
"""Turns of an account after which all that it knows is written down again: a second of replay."""
TURNS_PER_INPUT_MAX = 1_000
"""Ticks that one input may bring due before something is plainly wrong."""


HEARD_MAX = 300
"""Messages that an account's child may hear within one turn before it is plainly in an exchange
without end: the simulation's worst days never need more than 30, and so many take some 5 ms."""
ACCOUNT_HEARD_MAX = 20 * HEARD_MAX
"""The same for an account, to which they all talk: of an endless exchange the child is to die, and
again each time it is started, until it is given up."""
DESK_HEARD_MAX = 100
"""What each account adds to that for the market, the gateway and the supervisor; 13 are seen."""


class Runtime:
    """The actor system of a desk.  One thread only may use it."""

    def __init__(self, roster: Roster, stored: dict[str, bytes]) -> None:
        self.roster = roster
        self.stored = stored
        self.kept: dict[str, object] = {}
        self.states: dict[str, Any] = {}
        self.addresses: dict[str, Address] = {}
        self.routes: dict[tuple[str, str], Route] = {}
        """Whom each actor's names mean, as long as nobody comes or goes."""
        self.turn = Turn(Now(wall=Nanos(0), mono=Nanos(0)))
        self.dues: list[tuple[int, str]] = []
        self.calendar: list[tuple[int, str]] = []
        self.numbers: dict[AccountId, int] = {}
        """The number of each account's newest turn."""
        self.snapped: dict[AccountId, int] = {}
        """The number of each account's turn that was followed by a snapshot."""
        self.dying: dict[str, tuple[str, list[Wish]]] = {}
        """Why each actor dies of which its parent has not heard yet, and what is wished of it."""
        self._lives: dict[str, Life] = {}
        self._mailboxes = Mailboxes()
        self.addresses[ROOT] = self._mailboxes.create(roster.actor_class(ROOT))
        self._booted = False

    def start(self, now: Now) -> Turn:
        """Boot the root: it spawns the rest."""
        assert not self._booted
        self._booted = True
        self.turn = Turn(now)
        self._mailboxes.tell(self.addresses[ROOT], Boot(ROOT, self))
        return self._end()

    def input(self, to: str, message: Message, now: Now) -> Turn:
        """Deliver one message from outside to an actor, and everything it causes."""
        return self.input_all((to,), message, now)

    def input_all(self, to: Iterable[str], message: Message, now: Now) -> Turn:
        """Deliver one message from outside to several actors, before anything that it causes."""
        self.turn = Turn(now)
        for path in to:
            address = self.addresses.get(path)
            if address is None:
                log.warning("nobody is called %s: %s lost", path, type(message).__name__)
                continue
            account = account_of(path)
            if account is not None:
                self.record(account, path, message, entered=True)
            self._mailboxes.put(address, message)
        self._mailboxes.run()
        return self._end()

    def due(self, now: Now) -> str | None:
        """Return, and forget, one actor whose tick is due; None when there is none."""
        for heap, clock in ((self.calendar, now.wall), (self.dues, now.mono)):
            if heap and heap[0][0] <= clock:
                return heapq.heappop(heap)[1]
        return None

    def tick(self, now: Now) -> list[Turn]:
        """Deliver every tick that is due."""
        turns: list[Turn] = []
        while (path := self.due(now)) is not None:
            turns.append(self.input(path, Tick(), now))
            assert len(turns) < TURNS_PER_INPUT_MAX, f"{path} asks for ticks without end"
        return turns

    def wait_ns(self, now: Now) -> int | None:
        """Return how long nothing will be due, in nanoseconds; None for ever."""
        waits = [
            heap[0][0] - clock
            for heap, clock in ((self.calendar, now.wall), (self.dues, now.mono))
            if heap
        ]
        return max(0, min(waits)) if waits else None

    def stop(self) -> None:
        """End every actor; nothing more is heard of them."""
        self.addresses.clear()
        self.routes.clear()

    def mailboxes(self) -> dict[str, int]:
        """Return how many messages wait for each actor; any thread may ask, during a turn too."""
        waiting = Counter(str(to) for to, _, _ in tuple(self._mailboxes.waiting))
        return {path: waiting[str(address)] for path, address in tuple(self.addresses.items())}

    # What the shells ask of their desk.

    def actor_class(self, path: str) -> type[Actor]:
        """Return the Thespian class of the actor at this path."""
        return self.roster.actor_class(path)

    def restore(self, path: str, shape: type[Any] | None) -> object:
        """Return what an actor kept in its last life: in this turn, in this process, or before."""
        if shape is None:
            return None
        portion = self.turn.portions.get(account_of(path))
        for memory in (portion.kept if portion is not None else {}, self.kept):
            if path in memory:
                return memory[path]
        raw = self.stored.get(path)
        if raw is None:
            return None
        kept = decode_state(raw, shape)
        return kept.orphaned() if isinstance(kept, Orphan) else kept

    def life(self, path: str) -> Life:
        """Return the life that an actor belongs to; an account and its children live as one."""
        account = account_of(path)
        if account is None:
            return Life()
        tree = f"account/{account}"
        if path in (tree, f"{tree}/last_resort"):
            self._lives[tree] = Life()
        return self._lives[tree]

    def lost(self, path: str, why: str, heard: object = None) -> None:
        """Note that an actor is dying; if it is an account, drop what this turn had of it."""
        account, mailbox = account_of(path), self.addresses.get(path)
        self.dying[path] = why, []
        for message in (heard, *(one for to, one, _ in self._mailboxes.waiting if to is mailbox)):
            self.wished(path, message)
        if path in self._lives:
            self._lives[path].over = True
        if account is not None and path == f"account/{account}":
            self.turn.forget(account)
        self.turn.deaths.append((path, why))
        if account is not None:
            self.record(account, path, Failed(why=why), entered=True)

    def wished(self, path: str, message: object) -> None:
        """Note what a dying actor is told in vain, if it is a wish: its next life hears it."""
        if isinstance(message, WISHES):
            self.dying[path][1].append(message)

    def forget(self, path: str) -> tuple[str, tuple[Wish, ...]]:
        """Forget a dead actor and its children; return why it died, and what was wished of it."""
        why, wishes = self.dying.get(path, ("stopped", []))
        for name in [name for name in self.addresses if of(path, name)]:
            del self.addresses[name]
            self.states.pop(name, None)
            self.dying.pop(name, None)
        self.routes.clear()
        return why, tuple(wishes)

    def decided(self, account: AccountId | None, path: str, decision: Decision) -> None:
        """Write a decision into the turn, under the account it speaks of."""
        if account is None:
            account = getattr(decision, "account_id", None)
        self.turn.portion(account).decisions.append(decision)
        if account is not None:
            self.record(account, path, decision, entered=False)

    def asked(self, account: AccountId | None, path: str, command: Mutation | Read) -> None:
        """Write down what an account's actor asks of the world."""
        if account is not None:
            self.record(account, path, command, entered=False)

    def record(self, account: AccountId, path: str, message: Message, *, entered: bool) -> None:
        """Write into the account's journal, and at which place of its turn."""
        turn = self.turn
        portion = turn.portion(account)
        if not portion.number:
            portion.number = self.numbers[account] = self.numbers.get(account, 0) + 1
        place = turn.heard.get(account, 0)
        portion.records.append(Recorded(turn.now, path, entered, message, portion.number, place))

    def hear(self, account: AccountId) -> None:
        """Count a message that one of an account's actors takes from its mailbox."""
        heard = self.turn.heard
        heard[account] = heard.get(account, 0) + 1

    def hearing_max(self, path: str) -> int:
        """Return how many messages an actor may hear within one turn."""
        account = account_of(path)
        if account is None:
            return ACCOUNT_HEARD_MAX + DESK_HEARD_MAX * len(self.roster.accounts)
        return ACCOUNT_HEARD_MAX if path == f"account/{account}" else HEARD_MAX

    def name(self, address: object) -> str:
        """Return who has this address, in words if nobody has it any more."""
        found = (path for path, one in self.addresses.items() if one == address)
        return next(found, "someone who is gone")

    def unheard(self, path: str, to: str, message: Message) -> None:
        """Say that a message reached nobody."""
        log.warning("%s: nobody is called %s, %s lost", path, to, type(message).__name__)

    def began(self, account: AccountId, path: str) -> Began:  # noqa: ARG002
        """Return what the journal is to say of an account's start: all that a replay needs."""
        tree = f"account/{account}"
        kept = {at: raw for at, raw in self.stored.items() if of(tree, at)}
        kept |= {at: encode_state(one) for at, one in self.kept.items() if of(tree, at)}
        release, plan = self.roster.origin(account)
        return Began(release=release, plan=plan, kept=dict(sorted(kept.items())))

    def wake(self, path: str, wake: Wake) -> None:
        """Remember to tick an actor, once however often it asks for the same instant.

        A timer asks again at each of its ticks: by the reset there would be thousands of them.
        """
        for heap, at in ((self.calendar, wake.wall), (self.dues, wake.mono)):
            if at is not None and (at, path) not in heap:
                heapq.heappush(heap, (at, path))

    def snap(self, account: AccountId, portion: Portion) -> None:
        """Write down all that the account's actors know, at each reset and now and then."""
        since = portion.number - self.snapped.get(account, 0)
        if since < SNAPSHOT_TURNS and not any(isinstance(d, DayReset) for d in portion.decisions):
            return
        tree = f"account/{account}"
        self.snapped[account] = portion.number
        states = {at: self.states[at] for at in self.addresses if of(tree, at)}
        began = self.began(account, tree)
        self.record(account, tree, snapshot(began, states, tree), entered=True)

    def _end(self) -> Turn:
        for account, portion in self.turn.portions.items():
            self.kept.update(portion.kept)
            if account is not None and portion.records:
                self.snap(account, portion)
        return self.turn


def of(tree: str, path: str) -> bool:
    """Tell whether an actor is the root of an account's tree, or stands below it."""
    return path == tree or path.startswith(f"{tree}/")
