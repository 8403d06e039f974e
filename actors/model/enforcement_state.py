"""What an enforcer knows: its demands, what is on its way, and what it holds back.

The kept part survives a restart; flights and holds only one within the process.
"""

from typing import Self

import msgspec
from msgspec.structs import replace

from actors.model.demands import Demand
from protocol.book import BookView
from protocol.commands import Mutation, PlaceStop
from protocol.units import SECOND, ContractId, Nanos, Now, RuleName

ORPHAN_MAX = 6 * SECOND
"""How long an enforcer's next life waits for an answer: it may be what the last one died of."""


class Flight(msgspec.Struct, frozen=True, kw_only=True):
    """A mutation on its way, and when to stop believing in an answer."""

    key: str
    command: Mutation
    deadline: Nanos


class Kept(msgspec.Struct, frozen=True):
    """What a restart must know: the last number used, the demands, what was in flight."""

    serial: int = 0
    demands: tuple[Demand, ...] = ()
    flights: tuple[Flight, ...] = ()
    holds: tuple["Hold", ...] = ()
    doubtful: tuple[str, ...] = ()
    """Keys of mutations that may still happen, until a later read shows what is true."""
    tags: dict[ContractId, str] = msgspec.field(default_factory=dict[ContractId, str])
    """Of the stops that may or may not have been placed: tried again, it is under the same tag."""

    def orphaned(self) -> Self:
        """Return it without flights and holds: no answer to their process will ever come.

        Its clock may have been another, too.
        """
        keys = tuple(dict.fromkeys((*(one.key for one in self.flights), *self.doubtful)))
        placed = [one.command for one in self.flights if isinstance(one.command, PlaceStop)]
        tags = {**self.tags, **{one.contract_id: one.tag for one in placed}}
        return replace(self, flights=(), holds=(), doubtful=keys, tags=tags)


class Hold(msgspec.Struct, frozen=True):
    """Nothing is sent for a key before `until`, nor before a read that left after `read_after`."""

    key: str
    until: Nanos
    fails: int = 0
    read_after: Nanos | None = None
    uncertain: bool = False
    """It may still happen: only such a read ends the hold, whatever the book shows meanwhile."""
    accepted: bool = False
    """The last thing sent for the key was accepted, and has changed nothing since."""
    put_off: Nanos | None = None
    """Since when our own budget has put it off."""


class State(msgspec.Struct, frozen=True):
    """The kept part, the newest book, and the reads of this life."""

    kept: Kept
    view: BookView | None = None
    reading: str | None = None
    read_deadline: Nanos = Nanos(0)
    read_at: Nanos = Nanos(0)
    looks: int = 0
    """Reads in a row that showed something still lacking, or failed."""
    put_off: Nanos | None = None
    """Since when our own budget has put the next read off."""
    spent: int = 0
    """The login's requests of the minute before the newest answer."""
    timer: Nanos | None = None
    unjudged: frozenset[RuleName] = frozenset()
    """Rules that have not judged the newest positions: their reductions may be out of date."""


def resumed(kept: Kept, now: Now) -> State:
    """Take up what a crash cut off: what is in doubt may happen, so read first.

    What is still in flight, or held back, is this process's.  The answers will come: until then a
    read would show what was, and a second close would follow the first.
    """
    demands = tuple(replace(one, proofs=()) if one.proofs else one for one in kept.demands)
    known = {one.key for one in kept.holds}
    doubts = tuple(
        Hold(key, now.mono, 0, now.mono, uncertain=True)
        for key in kept.doubtful
        if key not in known
    )
    latest = Nanos(now.mono + ORPHAN_MAX)
    flights = tuple(replace(one, deadline=min(one.deadline, latest)) for one in kept.flights)
    kept = replace(kept, demands=demands, flights=flights, holds=(*kept.holds, *doubts))
    return State(kept=kept, read_at=now.mono)


def held(state: State, holds: tuple[Hold, ...]) -> State:
    """Return the state with these holds."""
    if holds == state.kept.holds:
        return state
    return replace(state, kept=replace(state.kept, holds=holds))
