"""Thespian's actors in one thread, each message in the order in which it was sent (ADR 0021).

The desk's own base under Thespian's `Actor`: it does what `simpleSystemBase` does for the few calls
that a shell makes, and nothing else.  An actor that was asked to exit hears so and is gone; its
parent is told once, and only then its children are asked to exit too.  What is sent to an actor
that is gone is dropped.
"""

from collections import deque
from itertools import count

from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    ActorSystemMessage,
    ChildActorExited,
)


class Address(ActorAddress):
    """Where one actor is reached as long as it lives."""

    def __init__(self, name: str, parent: "Address | None") -> None:
        super().__init__(name)
        self.actor: Actor | None = None
        self.parent = parent
        self.children: list[Address] = []


class Reference:
    """What an `Actor` calls to reach the world; the names are Thespian's."""

    globalName = None  # noqa: N815

    def __init__(self, mailboxes: "Mailboxes", address: Address) -> None:
        self._mailboxes = mailboxes
        self.address = address

    def createActor(self, actor_class: type[Actor], *_: object) -> Address:
        """Start a child."""
        return self._mailboxes.create(actor_class, self.address)

    def actor_send(self, to: Address, message: object) -> None:
        """Put a message at the end of the queue."""
        self._mailboxes.waiting.append((to, message, self.address))


class Mailboxes:
    """All actors of a desk, and what waits for them.  One thread only may use it."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Address, object, Address]] = deque()
        self._numbers = count()
        self._outside = Address("outside", None)

    def create(self, actor_class: type[Actor], parent: Address | None = None) -> Address:
        """Start an actor; without a parent, one at the top."""
        parent = parent or self._outside
        address = Address(f"{actor_class.__name__}-{next(self._numbers)}", parent)
        address.actor = actor_class()
        address.actor._myRef = Reference(self, address)  # noqa: SLF001  (so Thespian has it)
        parent.children.append(address)
        return address

    def tell(self, to: Address, message: object) -> None:
        """Deliver a message from outside, and everything that it causes."""
        self.put(to, message)
        self.run()

    def put(self, to: Address, message: object) -> None:
        """Put a message from outside at the end of the queue."""
        self.waiting.append((to, message, self._outside))

    def run(self) -> None:
        """Deliver what waits, and everything that it causes."""
        waiting = self.waiting
        while waiting:
            at, message, sender = waiting.popleft()
            if at.actor is not None:
                at.actor.receiveMessage(message, sender)
            if isinstance(message, ActorSystemMessage):
                self._ended(at, message, sender)

    def _ended(self, to: Address, message: ActorSystemMessage, sender: Address) -> None:
        if to.actor is not None and isinstance(message, ActorExitRequest):
            to.actor = None
            if to.parent is not None:
                self.waiting.append((to.parent, ChildActorExited(to), to))
        if isinstance(message, ChildActorExited):
            to.children.remove(sender)
            for child in sender.children:
                self.waiting.append((child, ActorExitRequest(), sender))
