"""What one input has caused so far: written by the shells, committed by the desk as one.

The unit of commitment is the account.  When an account dies in mid-turn what it had caused is
forgotten, and its next life begins from what was kept before.
"""

import msgspec

from protocol.codec import Recorded
from protocol.commands import Mutation, Read
from protocol.decisions import Decision
from protocol.units import AccountId, Now


class Portion(msgspec.Struct):
    """One account's share of a turn; the desk's own share is under None."""

    number: int = 0
    """Which turn of its account this is, counted from 1 in each life of a desk."""
    records: list[Recorded] = msgspec.field(default_factory=list[Recorded])
    """What entered, what was decided and what was asked of the world, in order."""
    kept: dict[str, object] = msgspec.field(default_factory=dict[str, object])
    """Changed states by actor path."""
    decisions: list[Decision] = msgspec.field(default_factory=list[Decision])
    mutations: list[Mutation] = msgspec.field(default_factory=list[Mutation])
    reads: list[Read] = msgspec.field(default_factory=list[Read])
    authors: dict[str, list[object]] = msgspec.field(default_factory=dict[str, list[object]])
    """Which decisions and commands are whose, by actor path: they go if their actor dies."""

    def decide(self, path: str, decision: Decision) -> None:
        """Add a decision of the actor at this path."""
        self.decisions.append(decision)
        self.authors.setdefault(path, []).append(decision)

    def perform(self, path: str, command: Mutation) -> None:
        """Add a mutation that the actor at this path asks for."""
        self.mutations.append(command)
        self.authors.setdefault(path, []).append(command)

    def ask(self, path: str, command: Read) -> None:
        """Add a read that the actor at this path asks for."""
        self.reads.append(command)
        self.authors.setdefault(path, []).append(command)

    def without(self, path: str) -> "Portion":
        """Return the share as if the actor at this path had not been heard."""
        gone = {id(one) for one in self.authors.get(path, ())}
        return Portion(
            number=self.number,
            records=[one for one in self.records if id(one.message) not in gone],
            kept={one: kept for one, kept in self.kept.items() if one != path},
            decisions=[one for one in self.decisions if id(one) not in gone],
            mutations=[one for one in self.mutations if id(one) not in gone],
            reads=[one for one in self.reads if id(one) not in gone],
            authors={one: theirs for one, theirs in self.authors.items() if one != path},
        )

    @property
    def urgent(self) -> bool:
        """Tell whether this must be committed before the world may see it."""
        return bool(self.kept or self.decisions or self.mutations or self.reads)


class Turn:
    """One input, run to completion."""

    def __init__(self, now: Now) -> None:
        self.now = now
        self.portions: dict[AccountId | None, Portion] = {}
        self.deaths: list[tuple[str, str]] = []
        self.heard: dict[AccountId, int] = {}
        """How many messages each account's actors have heard."""

    def portion(self, account_id: AccountId | None) -> Portion:
        """Return an account's share, to be written to."""
        found = self.portions.get(account_id)
        if found is None:
            found = self.portions[account_id] = Portion()
        return found

    def forget(self, account_id: AccountId | None, path: str, *, whole: bool) -> None:
        """Drop what a dead actor had caused: its own state and words, or its whole account's share.

        Its next life knows nothing of what it asked for in this turn, so none of it may leave.
        What entered stays in the record: it is what someone will want to look at.
        """
        found = self.portions.get(account_id)
        if found is None:
            return
        if not whole:
            self.portions[account_id] = found.without(path)
            return
        entered = [record for record in found.records if record.entered]
        self.portions[account_id] = Portion(number=found.number, records=entered)
