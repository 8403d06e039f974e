"""Whose truth is read when: at the start, after a gap, and as a matter of course.

1. At the start and after a gap every account is unread.  Those at stake come first: a lock, a
   position or a working order, and of these the more the sooner the more flattening would take.
   The others follow in the order of the configuration.
2. As many are read at once as the minute has requests for, the last slice left out.  Whoever must
   wait stays unread, which is a gap and never flat, until its turn comes.
3. A read asks for the day's trades first, and then for positions and orders.  It is not split to
   have positions sooner: an exit between two reads would count twice or not at all, and all of it
   twice over would keep the last account waiting for longer.
4. While anybody waits, nobody is read as a matter of course.

What the minute has spent is what was last reported, what has been given out since, and what those
may still ask for who have not been read to the end.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from actors.model import budget
from protocol.units import SECOND, AccountId, Nanos, Now

UNDER_WAY_MAX = 20 * SECOND
"""Until a read has been answered, in parts that time out one after the other."""
POLL_BATCH = 20
"""Accounts read in one poll; with more of them they take turns, but all are listed each time."""
LISTS = 12
"""Requests of a minute that ask how much of it is left, and who may trade."""
TRADES_EVERY = 4
"""Every so many polls of an account the day's trades are read too."""


class Reading(NamedTuple):
    """An account that is to be read now."""

    account_id: AccountId
    gap: bool
    trades: bool = True


class Readings(msgspec.Struct, frozen=True):
    """Who waits to be read, who is being read, and what the minute has left."""

    waiting: dict[AccountId, bool] = msgspec.field(default_factory=dict[AccountId, bool])
    """By account: whether something was missed for certain (a gap), or only may have been."""
    under_way: dict[AccountId, Nanos] = msgspec.field(default_factory=dict[AccountId, Nanos])
    """Since when accounts are being read after a gap (monotonic)."""
    burdens: dict[AccountId, int] = msgspec.field(default_factory=dict[AccountId, int])
    """What flattening each account would take, as far as it has said so in this life."""
    locked: frozenset[AccountId] = frozenset()
    spent: int = 0
    turn: int = 0
    """Whose turn it is to be polled: it counts accounts on and on."""

    def reported(self, spent: int, now: Now) -> "Readings":
        """Take what the last minute has really spent."""
        late = now.mono - UNDER_WAY_MAX
        under_way = {one: at for one, at in self.under_way.items() if at > late}
        ahead = budget.DAY * len(under_way)
        return replace(self, under_way=under_way, spent=spent + ahead)

    def weighed(self, account_id: AccountId, requests: int, *, locked: bool) -> "Readings":
        """Take an account's word on what is at stake."""
        others = self.locked - {account_id}
        return replace(
            self,
            burdens={**self.burdens, account_id: requests},
            locked=others | {account_id} if locked else others,
        )

    def missed(self, accounts: Iterable[AccountId], *, gap: bool) -> "Readings":
        """Have accounts wait to be read."""
        waiting = dict(self.waiting)
        for one in accounts:
            waiting[one] = gap or waiting.get(one, False)
        return replace(self, waiting=waiting)

    def begun(self, account_id: AccountId, now: Now) -> "Readings":
        """Note an account that is read out of turn."""
        waiting = {one: gap for one, gap in self.waiting.items() if one != account_id}
        under_way = {**self.under_way, account_id: now.mono}
        return replace(self, waiting=waiting, under_way=under_way, spent=self.spent + budget.DAY)

    def ended(self, account_id: AccountId) -> "Readings":
        """Note that an account has been read to the end."""
        under_way = {one: at for one, at in self.under_way.items() if one != account_id}
        return replace(self, under_way=under_way)

    def lost(self) -> "Readings":
        """Forget who waits: all are unread anew once events are heard again.

        What is under way goes on costing requests.
        """
        return replace(self, waiting={})

    def at_stake(self, account_id: AccountId) -> bool:
        """Tell whether an account is locked or holds anything."""
        return account_id in self.locked or self.burdens.get(account_id, 0) > 0

    def due(self, now: Now, most: int, *, all_heard: bool) -> tuple["Readings", list[Reading]]:
        """Return who is to be read now, `most` accounts at the most.

        Before `all_heard` not everybody has said what is at stake, so if there is no room for all
        only those go that are known to come first.
        """
        line = sorted(self.waiting, key=self._place)
        if not all_heard and len(line) > min(most, self._room(gap=True) // budget.DAY):
            line = [one for one in line if self.at_stake(one)]
        readings, going = self, list[Reading]()
        for one in line[: max(0, most)]:
            gap = self.waiting[one]
            if readings._room(gap=gap) < budget.DAY:
                break
            readings = readings.begun(one, now)
            if not gap:
                readings = readings.ended(one)
            going.append(Reading(one, gap))
        return readings, going

    def polled(self, accounts: tuple[AccountId, ...]) -> tuple["Readings", list[Reading]]:
        """Return the next accounts in turn, a batch of them or as many as there is room for."""
        room, turn, going = self._room(gap=False), self.turn, list[Reading]()
        while len(going) < min(len(accounts), POLL_BATCH):
            lap, place = divmod(turn, len(accounts))
            trades = (lap + place + 1) % TRADES_EVERY == 0
            cost = budget.DAY if trades else budget.TRUTH
            if room < cost:
                break
            room, turn = room - cost, turn + 1
            going.append(Reading(accounts[place], gap=False, trades=trades))
        took = self._room(gap=False) - room
        return replace(self, turn=turn, spent=self.spent + took), going

    def _place(self, account_id: AccountId) -> tuple[bool, bool, int]:
        """Return what comes first: a gap, something at stake, much of it."""
        burden = self.burdens.get(account_id, 0)
        return not self.waiting[account_id], not self.at_stake(account_id), -burden

    def _room(self, *, gap: bool) -> int:
        if gap:
            return budget.judgeable(self.spent + LISTS)
        return budget.spare(self.spent, budget.reserve(self.burdens.values()))
