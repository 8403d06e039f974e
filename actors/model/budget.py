"""The minute's requests: what is left, what is kept for enforcement, and what may wait for more.

The Gateway takes 200 requests in any 60 seconds from a login, whatever they ask and for whichever
of its accounts, and turns the rest away.

1. A first close asks nobody: it leaves, also when everything is spent (I4).  What else enforcement
   does, it does in turn (actors/model/claims.py): everybody's first tries, then what was tried in
   vain.  The others leave it what it needs.
2. That is what flattening every account would cost as they are now, within bounds: a flat account
   may hold something the next moment, and without any polls nobody would see it.
3. What is done as a matter of course stops short of it: polls, and stops that are only managed.
   A poll gives way once, and no longer (actors/model/readings.py): then it is a read as in 5.
4. What is refused again and again is spread out by what has been spent: a closed market must not
   cost the login its minute.  Repeats never take the slice that a new breach needs, and share the
   rest by account, or one that is refused for ever would starve one that is not.
5. A read without which an account cannot be judged, at start, after a gap and when its turn has
   passed, may use all but a last slice.
"""

from collections.abc import Iterable
from typing import Final

from actors.model.demands import lacking
from protocol.book import BookView
from protocol.commands import Claim
from protocol.enforcement import Aim, Goal
from protocol.units import SECOND, Nanos

LIMIT: Final = 200
WINDOW: Final = 60 * SECOND
RESERVED: Final = 80
"""Kept for enforcement even if nothing is held: some three accounts' worth."""
RESERVED_MAX: Final = 140
"""Not kept beyond this, however much is held: the polls see what the stream has lost."""
LAST: Final = 40
"""The slice that no read but an enforcer's touches."""
TRUTH: Final = 2
"""Requests of a read of positions and orders."""
DAY: Final = 3
"""The same with the day's trades."""
READS: Final = 3
"""Reads of a flatten that goes well: one may come before the last fill, two are the proof."""
CLOSES: Final = 20
"""Kept for first closes: nothing else touches it that was not put off for long."""
CROWD: Final = 120
"""First cancels and reads of a minute from which on cancels leave closes the whole last slice."""
LATE: Final = 2 * SECOND
"""Their minute begins when a request arrives, and ours when it leaves: we count so much more."""
NEWCOMERS: Final = 60
"""Kept for what enforcement does for the first time: repeats stop short of it."""
CANCELS_LEAVE: Final = 20
"""Repeats that cancel or move leave so much more to those that close, and to reads."""
CALM: Final = 80
"""Requests a minute up to which nobody repeats more slowly for the budget's sake."""
TENSE: Final = 120
"""Requests a minute from which on repeats are as slow as they get.

Not later: five laden accounts' second tries end at some 160, and their third must not come on top.
"""
SPREAD: Final = 120 * SECOND
SPREAD_CLOSE: Final = 30 * SECOND
"""Between repeats from then on; a close, which reduces risk most, waits least."""
EVERYTHING: Final = (Goal(aim=Aim.FLATTEN),)


def flatten_cost(view: BookView) -> int:
    """Return the requests that flattening an account would take; none if nothing is there."""
    if not (view.holdings or view.orders):
        return 0
    deeds = len(lacking(EVERYTHING, EVERYTHING, view))
    return deeds + READS * TRUTH if deeds else 0


def reserve(burdens: Iterable[int]) -> int:
    """Return what is kept for enforcement while flattening the accounts would cost as much."""
    return min(max(RESERVED, sum(burdens)), RESERVED_MAX)


def spare(spent: int, reserved: int = RESERVED) -> int:
    """Return how many requests are left for what may wait."""
    return max(0, LIMIT - reserved - spent)


def judgeable(spent: int) -> int:
    """Return how many requests are left for reads without which accounts cannot be judged."""
    return max(0, LIMIT - LAST - spent)


def left_for(
    claim: Claim, spent: int, *, closes: bool, reads: bool = False, crowded: bool = False
) -> int:
    """Return how many requests are left for what enforcement sends in turn."""
    if claim is Claim.AT_ONCE:
        return LIMIT
    kept = {
        Claim.FIRST: LAST if crowded and not (closes or reads) else CLOSES,
        Claim.ONCE_MORE: LAST if closes else NEWCOMERS + CANCELS_LEAVE // 2,
        Claim.AGAIN: NEWCOMERS if closes or reads else NEWCOMERS + CANCELS_LEAVE,
    }[claim]
    return max(0, LIMIT - kept - spent)


def share(accounts: int) -> int:
    """Return how many requests of a minute one of so many accounts may repeat with."""
    return (LIMIT - NEWCOMERS) // max(1, accounts)


def patience(spent: int, repeats: int, *, closes: bool = False) -> Nanos:
    """Return how long the next repeat waits, so that repeats alone never spend the minute."""
    if not repeats or spent <= CALM:
        return Nanos(0)
    most = SPREAD_CLOSE if closes else SPREAD
    return Nanos(most * min(spent - CALM, TENSE - CALM) // (TENSE - CALM))
