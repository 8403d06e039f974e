"""Who goes first when the minute runs out: what each deed and read of an enforcer may claim.

1. A first close claims everything: it asks nobody, so no count of ours can hold it back.
2. What else is tried for the first time, and the first look at what came of it, come next; then
   second tries, closes before the rest.
3. What was tried in vain more often gives way to all of them, also of the login's other accounts.
4. Nothing gives way for good: what was put off for long enough leaves at once.

What is put off has not left: nothing of it is in doubt, and it is decided on anew by the book of
then.  How much is left for whom is said in actors/model/budget.py.
"""

from msgspec.structs import replace

from actors.model.budget import WINDOW
from actors.model.deeds import Action, Close, move_pace
from actors.model.enforcement_state import Flight, Hold, State, held
from protocol.answers import Answered
from protocol.commands import Claim, ModifyOrder
from protocol.units import SECOND, Nanos, Now

ASK_AGAIN = 5 * SECOND
"""After it was put off: asking costs no request, only a line in the journal."""
CLOSE_WAITS_MAX = 2 * WINDOW
"""How long a close is put off, or a read that it may wait for, before it counts as a first one."""
WAITS_MAX = 5 * WINDOW
"""How long anything is put off."""


def claim_of(action: Action, holds: tuple[Hold, ...], now: Now) -> Claim:
    """Return what a deed may claim."""
    closes = isinstance(action, Close)
    before = [one for one in holds if one.key in (action.key, action.pace)]
    waited = max((waits(one.put_off, now) for one in before), default=0)
    fails = max((one.fails for one in before), default=0)
    if waited >= WAITS_MAX:
        return Claim.AT_ONCE
    if not fails:
        return Claim.AT_ONCE if closes else Claim.FIRST
    if closes and waited >= CLOSE_WAITS_MAX:
        return Claim.FIRST
    return Claim.ONCE_MORE if fails == 1 else Claim.AGAIN


def claim_of_read(state: State, now: Now) -> Claim:
    """Return what the next read of truth may claim."""
    waited = waits(state.put_off, now)
    if waited >= WAITS_MAX:
        return Claim.AT_ONCE
    return Claim.AGAIN if state.looks and waited < CLOSE_WAITS_MAX else Claim.FIRST


def waits(since: Nanos | None, now: Now) -> int:
    """Return for how long something has been put off."""
    return 0 if since is None else now.mono - since


def deed_put_off(state: State, flight: Flight, answer: Answered, now: Now) -> State:
    """Take a deed out of the air that never left: only its next try is held back."""
    command, key = flight.command, flight.key
    if isinstance(command, ModifyOrder):
        key = move_pace(command.order_id)
    before = next((one for one in state.kept.holds if one.key == key), Hold(key, now.mono))
    since = now.mono if before.put_off is None else before.put_off
    hold = replace(before, until=Nanos(now.mono + ASK_AGAIN), put_off=since)
    others = tuple(one for one in state.kept.holds if one.key != key)
    flights = tuple(one for one in state.kept.flights if one is not flight)
    kept = replace(state.kept, flights=flights)
    return held(replace(state, kept=kept, spent=answer.spent), (*others, hold))


def read_put_off(state: State, now: Now) -> State:
    """Take a read that never left: it tells nothing, and takes nothing back either."""
    since = now.mono if state.put_off is None else state.put_off
    return replace(state, reading=None, put_off=since, read_at=Nanos(now.mono + ASK_AGAIN))
