"""When the enforcer may send, read and try again: all of its clockwork.

Every instant here is monotonic: these are durations, and no clock that someone sets may stretch
them.
"""

from msgspec.structs import replace

from actors.model.budget import patience
from actors.model.deeds import Action, Move, Place, position_key
from actors.model.demands import Demand, met, needed, on_its_way_out
from actors.model.enforcement_state import Hold, State, held
from protocol.book import BookView
from protocol.enforcement import Aim, Priority, TruthSeen
from protocol.units import MILLISECOND, SECOND, ContractId, Nanos, Now

LOOK = 50 * MILLISECOND
"""After an answer, before the truth is read: fills follow an accepted close within 10 ms."""
QUIET = 300 * MILLISECOND
"""Between the two reads of a certificate: longer than a stop takes to fill and be reported."""
SETTLE = 500 * MILLISECOND
"""After an accepted mutation, before the same may be sent again."""
RETRY = 250 * MILLISECOND
RETRY_MAX = 5 * SECOND
ANSWER_MAX = 15 * SECOND
"""The SDK answers within its timeout of 5 s; this is for an answer that never comes."""
READ_MAX = 20 * SECOND
DOUBLINGS_MAX = 6
LOOKS_FREE = 2
"""Reads in a row that may show something lacking before the budget slows the next ones down."""
PROOFS = 2


def backoff(first: int, times: int) -> int:
    """Return a span that doubles each time, up to its maximum."""
    return min(first << min(times, DOUBLINGS_MAX), RETRY_MAX)


def looked(state: State, view: BookView) -> State:
    """Take a newer book: a hold ends when what it holds back is needed no more.

    What may still be under way keeps its hold: a second one would hit the next position.  What has
    taken something off did not fail.
    """
    if view is state.view:
        return state
    unjudged = state.unjudged
    if state.view is None or sizes(view) != sizes(state.view):
        unjudged = frozenset(one.rule for one in state.kept.demands)
    if state.kept.holds:
        worked = {position_key(one) for one in lessened(state.view, view)}
        actions = needed(state.kept.demands, view)
        keys = {key for action in actions for key in (action.key, action.pace)}
        holds = tuple(
            replace(one, fails=0, accepted=False) if one.key in worked else one
            for one in state.kept.holds
            if one.key in keys or (one.uncertain and one.read_after is not None)
        )
        state = held(state, holds)
    return replace(state, view=view, unjudged=unjudged)


def departed(state: State, before: BookView | None, now: Now) -> State:
    """Hold back what a market exit may just have done: its fill is told before the position is."""
    view = state.view
    if before is None or view is None or not before.orders:
        return state
    for one in view.holdings:
        old = before.holding(one.contract_id)
        if old is None or old.size != one.size:
            continue
        if on_its_way_out(old, before) > on_its_way_out(one, view):
            key = position_key(one.contract_id)
            holds = state.kept.holds
            found = next((hold for hold in holds if hold.key == key), Hold(key, now.mono))
            others = tuple(hold for hold in holds if hold.key != key)
            hold = replace(found, read_after=now.mono)
            state = replace(held(state, (*others, hold)), read_at=now.mono)
    return state


def lessened(before: BookView | None, view: BookView) -> list[ContractId]:
    """Return the contracts of which less is held than was."""
    was = {} if before is None else sizes(before)
    return [key for key, size in sizes(view).items() if abs(size) < abs(was.get(key, 0))]


def sizes(view: BookView) -> dict[ContractId, int]:
    """Return what is held: a reduction was asked for with these in mind."""
    return {one.contract_id: one.size for one in view.holdings}


def current(state: State) -> tuple[Demand, ...]:
    """Return the demands without the reductions that their rules must judge anew.

    The account shows a change to the enforcer first and to the rules right after, in one step.
    """
    return tuple(
        replace(one, goals=tuple(goal for goal in one.goals if goal.aim is Aim.FLATTEN))
        if one.rule in state.unjudged
        else one
        for one in state.kept.demands
    )


def doubted(state: State, now: Now) -> State:
    """Drop the proofs that the book now contradicts; read soon if it shows a demand newly met."""
    if state.view is None or not state.kept.demands:
        return state
    view = state.view
    shown = [met(one.goals, view) for one in state.kept.demands]
    if any(good and not one.proofs for good, one in zip(shown, state.kept.demands, strict=True)):
        state = replace(state, read_at=min(state.read_at, now.mono))
    if all(good or not one.proofs for good, one in zip(shown, state.kept.demands, strict=True)):
        return state
    demands = tuple(
        one if good else replace(one, proofs=())
        for good, one in zip(shown, state.kept.demands, strict=True)
    )
    return replace(state, kept=replace(state.kept, demands=demands))


def paced(state: State, message: TruthSeen, now: Now) -> State:
    """Take a read: release what waited for it, and set when to look again."""
    holds = tuple(
        replace(one, read_after=None)
        if one.read_after is not None and message.asked >= one.read_after
        else one
        for one in state.kept.holds
    )
    unread_yet = {one.key for one in holds if one.uncertain and one.read_after is not None}
    doubtful = tuple(key for key in state.kept.doubtful if key in unread_yet)
    state = held(state, holds)
    if doubtful != state.kept.doubtful:
        state = replace(state, kept=replace(state.kept, doubtful=doubtful))
    lacking = not all(met(one.goals, message.view) for one in state.kept.demands)
    span = QUIET
    if lacking:
        repeats = max(0, state.looks - LOOKS_FREE)
        span = max(backoff(QUIET, state.looks), patience(state.spent, repeats, closes=True))
    return replace(
        state,
        reading=None,
        put_off=None,
        looks=state.looks + 1 if lacking else 0,
        read_at=Nanos(now.mono + span),
    )


def proven(demand: Demand, message: TruthSeen, now: Now) -> Demand:
    """Add the proof of a read that shows a demand met, unless it comes too soon after the last.

    Another demand may have had the truth read in the middle of this one's quiet window.
    """
    if not demand.proofs:
        return replace(demand, proofs=(message.command_id,), proven=now.mono)
    if message.asked < demand.proven + QUIET:
        return demand
    return replace(demand, proofs=(*demand.proofs, message.command_id))


def unread(state: State, now: Now) -> State:
    """Take a failed read: it proves nothing, and what was proven must be proven again."""
    demands = tuple(replace(one, proofs=()) if one.proofs else one for one in state.kept.demands)
    return replace(
        state,
        kept=replace(state.kept, demands=demands),
        reading=None,
        put_off=None,
        looks=state.looks + 1,
        read_at=Nanos(now.mono + backoff(RETRY, state.looks)),
    )


def sendable(state: State, now: Now) -> tuple[Action, ...]:
    """Return what the book lacks, is not in flight, and is not held back."""
    assert state.view is not None
    actions = needed(current(state), state.view)
    if not actions:
        return ()
    flying = {one.key for one in state.kept.flights}
    holds = state.kept.holds
    held_back = {one.key for one in holds if one.until > now.mono or one.read_after is not None}
    busy = {one.command.contract_id for one in state.kept.flights}
    return tuple(
        one
        for one in actions
        if one.key not in flying
        and one.key not in held_back
        and one.pace not in held_back
        and not waits(one, flying | held_back, busy)
    )


def waits(action: Action, taken: set[str], busy: set[ContractId]) -> bool:
    """Tell whether a stop must wait for what is under way around its position.

    Nothing is placed beside a deed of the same contract, for it would be too much once that is
    done; and what is only managed waits for every close of the account.
    """
    if not isinstance(action, Move | Place):
        return False
    if isinstance(action, Place) and action.contract_id in busy:
        return True
    closing = {one for one in taken if one.startswith(position_key(ContractId("")))}
    return bool(closing) if action.yields else position_key(action.contract_id) in closing


def worth_reading(state: State) -> bool:
    """Tell whether a read could show something: a stop that waits for its market needs none.

    Nor does what has not even left yet, while the minute's requests are short.
    """
    if any(one.read_after is not None for one in state.kept.holds):
        return True
    late = any(one.put_off is not None for one in state.kept.holds)
    return any(
        (not late and one.priority is not Priority.AUTOMATION)
        or one.withdrawn
        or (state.view is not None and met(one.goals, state.view))
        for one in state.kept.demands
    )


def proofs_needed(demand: Demand) -> int:
    """Return how many reads prove a demand met: a stop stays moved, so one shows it."""
    return 1 if all(goal.aim is Aim.TIGHTEN for goal in demand.goals) else PROOFS


def next_deadline(state: State, now: Now) -> Nanos | None:
    """Return when to look again if nothing is heard until then."""
    if not state.kept.demands:
        return None
    times = [one.deadline for one in state.kept.flights]
    times += [one.until for one in state.kept.holds if one.until > now.mono]
    if state.reading is not None:
        times.append(state.read_deadline)
    elif not state.kept.flights and worth_reading(state):
        times.append(state.read_at)
    return min(times, default=None)
