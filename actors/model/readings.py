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
5. Reads as a matter of course give way to enforcement, but not for ever: who should have been read
   and was not is read at the next occasion whatever the minute has spent, with as few requests as
   can be, or enforcement for one account would make the others blind.  What leaves the last slice
   untouched goes through; what would not is refused before it leaves, and the account is told.

What the minute has spent is what was last reported, what has been given out since, and what those
may still ask for who have not been read to the end.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from actors.model import budget
from protocol.units import SECOND, AccountId, Nanos, Now

POLL = 15 * SECOND
POLL_MANY = 30 * SECOND
POLL_FEW_ACCOUNTS = 5
UNDER_WAY_MAX = 20 * SECOND
"""Until a read has been answered, in parts that time out one after the other."""
POLL_BATCH = 20
"""Accounts read in one poll; with more of them they take turns, but all are listed each time."""
LISTS = 12
"""Requests of a minute that ask how much of it is left, and who may trade."""
TRADES_EVERY = 4
"""Every so many polls of an account the day's trades are read too."""


def interval(accounts: int) -> Nanos:
    """Return how often a login of so many accounts is polled."""
    return Nanos(POLL if accounts <= POLL_FEW_ACCOUNTS else POLL_MANY)


def poll_round(accounts: int) -> Nanos:
    """Return how long it takes until each of so many accounts has had its poll."""
    return Nanos(max(1, -(-accounts // POLL_BATCH)) * interval(accounts))


def patience(accounts: int) -> Nanos:
    """Return after how long without a read an account's turn has passed."""
    return Nanos(poll_round(accounts) + interval(accounts) // 2)


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
    read_at: dict[AccountId, Nanos] = msgspec.field(default_factory=dict[AccountId, Nanos])
    """When each account was last told to read (monotonic)."""
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
        spent = self.spent + budget.DAY
        told = self._told((account_id,), now)
        return replace(told, waiting=waiting, under_way=under_way, spent=spent)

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
            late = not gap and self._is_late(one, now)
            if readings._room(gap=gap) < budget.DAY and not late:
                continue
            readings = readings.begun(one, now)
            if not gap:
                readings = readings.ended(one)
            going.append(Reading(one, gap))
        return readings, going

    def polled(self, accounts: tuple[AccountId, ...], now: Now) -> tuple["Readings", list[Reading]]:
        """Return the next accounts in turn, as many as there is room for, and those that are late.

        A batch of them at the most.
        """
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
        told = self._told((one.account_id for one in going), now)
        told = replace(told, turn=turn, spent=self.spent + took)
        after, late = told.overdue(accounts, now, POLL_BATCH - len(going))
        return after, [*going, *late]

    def overdue(
        self, accounts: tuple[AccountId, ...], now: Now, most: int = POLL_BATCH
    ) -> tuple["Readings", list[Reading]]:
        """Return those whose turn has passed, those at stake first, `most` of them at the most."""
        late = [one for one in accounts if self._is_late(one, now)]
        late.sort(key=lambda one: (not self.at_stake(one), self.read_at[one]))
        going = [Reading(one, gap=False, trades=False) for one in late[:most]]
        told = self._told(late[:most], now)
        return replace(told, spent=self.spent + budget.TRUTH * len(going)), going

    def _told(self, accounts: Iterable[AccountId], now: Now) -> "Readings":
        return replace(self, read_at={**self.read_at, **dict.fromkeys(accounts, now.mono)})

    def _is_late(self, account_id: AccountId, now: Now) -> bool:
        at = self.read_at.get(account_id)
        return at is not None and now.mono - at >= patience(len(self.read_at))

    def _place(self, account_id: AccountId) -> tuple[bool, bool, int]:
        """Return what comes first: a gap, something at stake, much of it."""
        burden = self.burdens.get(account_id, 0)
        return not self.waiting[account_id], not self.at_stake(account_id), -burden

    def _room(self, *, gap: bool) -> int:
        if gap:
            return budget.judgeable(self.spent + LISTS)
        return budget.spare(self.spent, budget.reserve(self.burdens.values()))
