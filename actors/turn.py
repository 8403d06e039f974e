"""What one input has caused so far: written by the shells, committed by the desk as one.

The unit of commitment is the account.  When an account dies in mid-turn what it had caused is
forgotten, and its next life begins from what was kept before.  When one of its actors dies, what
the actor had done before that message stands, for others have heard of it: its next life begins
from what it had kept by then.
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

    @property
    def urgent(self) -> bool:
        """Tell whether this must be committed before the world may see it."""
        return bool(self.kept or self.decisions or self.mutations or self.reads)


class Turn:
    """One input, run to completion."""

    def __init__(self, now: Now) -> None:
        self.now = now
        self.taken: dict[str, int] = {}
        """How many messages each actor has taken from its mailbox, by path."""
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

    def take(self, path: str) -> int:
        """Count a message that an actor takes, and return how many that makes."""
        taken = self.taken[path] = self.taken.get(path, 0) + 1
        return taken

    def forget(self, account_id: AccountId) -> None:
        """Drop all that an account which died had caused: its next life knows nothing of it.

        What entered stays in the record: it is what someone will want to look at.
        """
        found = self.portions.get(account_id)
        if found is not None:
            entered = [record for record in found.records if record.entered]
            self.portions[account_id] = Portion(number=found.number, records=entered)
