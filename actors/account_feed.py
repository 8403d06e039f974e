"""What an account does about its own hearing: it notices that it is blind, and acts as configured.

Plain functions on the account's state, used by actors/account.py alone.  The ages are judged when
the market has just told all its marks, for only then is a price's age known.
"""

from msgspec.structs import replace

from actors import account_guard as guard
from actors import account_reads as reads
from actors.account_reads import Learnt
from actors.model import feed as ages
from actors.model.account_state import State
from actors.model.demands import met
from actors.model.feed import FeedState, Lapse, OnBlind
from actors.plan import AccountPlan
from actors.rules.rule import Mode
from protocol.decisions import AlarmKind, WouldHave
from protocol.effects import Effect, Journal, Send
from protocol.enforcement import Aim, Goal, Priority
from protocol.lifecycle import Phase
from protocol.lockouts import EndLock, LockKind, LockRequest, SetLock
from protocol.units import Now, RuleName

FEED = RuleName("feed")
"""The rule name under which a blind account is paused or closed."""
WITHHOLD = (Goal(aim=Aim.WITHHOLD),)


def hearing(state: State) -> FeedState:
    """Return what an account hears, in a word."""
    if state.feed.lapses:
        return FeedState.BLIND
    gap = state.feed.deaf or state.phase is not Phase.ARMED
    return FeedState.GAP if gap else FeedState.LIVE


def look(plan: AccountPlan, state: State, now: Now) -> Learnt:
    """Judge how old prices and truth are; say so when that changes, and do what follows."""
    before = state.feed
    heard = ages.heard(before.heard, state.view.holdings, state.marks, now)
    feed = replace(before, heard=heard)
    lapses = ages.lapses(plan.feed, plan.calendars, feed, state.truth_asked, now)
    state = replace(state, feed=replace(feed, lapses=lapses))
    if not lapses:
        state, cleared = reads.clear(plan.account_id, state, AlarmKind.FEED_BLIND)
        return state, (*cleared, *_resumed(plan, state, now))
    said: tuple[Effect, ...] = ()
    onset = [one.contract_id for one in lapses] != [one.contract_id for one in before.lapses]
    if onset:
        state, said = reads.alarm(plan, state, AlarmKind.FEED_BLIND, why(lapses))
    return state, (*said, *_consequences(plan, state, onset=onset))


def read_again(plan: AccountPlan, state: State, *, gap: bool, trades: bool) -> Learnt:
    """Read the truth; after a gap the account is heard again, but not known until then."""
    if gap:
        hears = replace(state.feed, deaf=False)
        state = replace(state, phase=Phase.READING, reading=None, feed=hears)
    return reads.ask_truth(plan, state, trades=trades)


def sweep(plan: AccountPlan, state: State, now: Now) -> Learnt:
    """Ask for all marks; if they were never told the last time, judge their age without."""
    said: tuple[Effect, ...] = ()
    if state.sweeping:
        state, said = look(plan, state, now)
    state, swept = reads.sweep_through(plan, state, now)
    return state, (*said, *swept)


def after_truth(plan: AccountPlan, state: State, now: Now) -> Learnt:
    """Read once more what was missed meanwhile, and look again if the truth may be what lacked."""
    state, said = once_more(plan, state)
    if reads.unswept(state, now) or state.feed.lapses:
        state, swept = sweep(plan, state, now)
        return state, (*said, *swept)
    if not state.watched and paused(state):  # nobody sweeps for it
        state, resumed = look(plan, state, now)
        said = (*said, *resumed)
    return state, said


def once_more(plan: AccountPlan, state: State) -> Learnt:
    """Read what could not be asked for: a read was on its way, or the day was not known yet.

    An account that is started again is found, and told to read, before it hears which day it is:
    the trades of that day would be asked for since now.
    """
    if not state.again or state.reading is not None:
        return state, ()
    return reads.ask_truth(plan, state)


def why(lapses: tuple[Lapse, ...]) -> str:
    """Return in words what an account does not see."""
    return "blind: " + "; ".join(map(str, lapses))


def _consequences(plan: AccountPlan, state: State, *, onset: bool) -> tuple[Effect, ...]:
    lapses = state.feed.lapses
    match plan.feed.on_blind:
        case OnBlind.ALARM:
            return ()
        case OnBlind.PAUSE if plan.mode is Mode.SHADOW:
            would = WouldHave(
                account_id=plan.account_id, rule=FEED, goals=WITHHOLD, why=why(lapses)
            )
            return (Journal(would),) if onset else ()
        case OnBlind.PAUSE:
            if paused(state):
                return ()
            request = LockRequest(kind=LockKind.PAUSE, until=None)
            return (Send("lockout", SetLock(rule=FEED, request=request, reason=why(lapses))),)
        case OnBlind.FLATTEN:
            goals = _unseen(lapses)
            if met(goals, state.view):
                return ()
            return (guard.demand(state, FEED, Priority.HARD_LOCKOUT, goals, why(lapses)),)


def _unseen(lapses: tuple[Lapse, ...]) -> tuple[Goal, ...]:
    """Return that what cannot be seen be gone: everything, if the truth is what is old."""
    if any(one.contract_id is None for one in lapses):
        return (Goal(aim=Aim.FLATTEN),)
    return tuple(Goal(aim=Aim.FLATTEN, contract_id=one.contract_id) for one in lapses)


def paused(state: State) -> bool:
    """Tell whether the account is paused, be it by an earlier life or another configuration."""
    return any(one.rule == FEED for one in state.locks)


def _resumed(plan: AccountPlan, state: State, now: Now) -> tuple[Effect, ...]:
    """End the pause once all is there that was missed, whatever the configuration asks for now."""
    if not (paused(state) and state.known):
        return ()
    held = state.view.holdings
    if not ages.fresh(plan.feed, held, state.marks, state.truth_asked, now):
        return ()
    return (Send("lockout", EndLock(rule=FEED, why="prices and truth are fresh again")),)
