"""Our base under Thespian's actors delivers what Thespian's own in-process base delivers."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    ActorSystem,
    ActorSystemMessage,
    ChildActorExited,
)

from actors.mailboxes import Mailboxes

type Heard = list[tuple[str, str]]
"""Who heard what, in order."""
type Act = tuple[str, str, "Note | None"]
"""To `send` a note to somebody, to `spawn` somebody, to `stop` somebody."""


class Note:
    """A message, and what whoever hears it does."""

    def __init__(self, name: str, acts: list[Act]) -> None:
        self.name, self.acts = name, acts


class Play:
    """Runs on either base, and notes everything that is heard."""

    def __init__(self) -> None:
        self.heard: Heard = []
        self.cast: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        play = self

        class Player(Actor):
            def receiveMessage(self, msg: object, sender: ActorAddress) -> None:  # noqa: ARG002
                name = play.names[self.myAddress.actorAddressString]
                play.heard.append((name, play.said(msg)))
                for act, whom, note in msg.acts if isinstance(msg, Note) else ():
                    play.act(self, act, whom, note)

        self.player = Player

    def enter(self, name: str, address: ActorAddress) -> None:
        self.cast[name], self.names[address.actorAddressString] = address, name

    def said(self, message: object) -> str:
        if isinstance(message, ChildActorExited):
            return f"exited {self.names[message.childAddress.actorAddressString]}"
        return message.name if isinstance(message, Note) else type(message).__name__

    def act(self, player: Actor, act: str, whom: str, note: Note | None) -> None:
        if act == "spawn":
            if whom not in self.cast:
                self.enter(whom, player.createActor(self.player))
        elif whom in self.cast:
            message: Note | ActorSystemMessage | None = note
            player.send(self.cast[whom], message if act == "send" else ActorExitRequest())


NAMES = st.sampled_from("abcdef")


def notes(acts: st.SearchStrategy[Act]) -> st.SearchStrategy[Note]:
    return st.builds(Note, st.text("xyz", min_size=1, max_size=2), st.lists(acts, max_size=4))


NOTES = st.recursive(
    notes(st.tuples(st.sampled_from(("spawn", "stop")), NAMES, st.none())),
    lambda inner: notes(
        st.tuples(st.just("send"), NAMES, inner)
        | st.tuples(st.sampled_from(("spawn", "stop")), NAMES, st.none())
    ),
    max_leaves=20,
)


def heard(
    messages: list[tuple[str, Note]],
    create: Callable[[type[Actor]], Any],
    tell: Callable[[Any, object], None],
) -> Heard:
    play = Play()
    play.enter("a", create(play.player))
    for whom, note in messages:
        if whom in play.cast:
            tell(play.cast[whom], note)
    return play.heard


@given(st.lists(st.tuples(NAMES, NOTES), max_size=6))
def test_everybody_hears_the_same_in_the_same_order(messages: list[tuple[str, Note]]) -> None:
    ours = Mailboxes()
    theirs = ActorSystem("simpleSystemBase", transientUnique=True, logDefs=False)
    try:
        expected = heard(messages, theirs.createActor, theirs.tell)
    finally:
        theirs.shutdown()

    assert heard(messages, ours.create, ours.tell) == expected
