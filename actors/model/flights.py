"""Mutations on their way: how a deed becomes one, and what its answer changes.

An answer proves nothing.  Accepted: the book or the next read will show it.  Refused: look again,
and try again later.  Uncertain: it may have happened, so nothing is sent for that position or order
until a later read has shown what is true.

A stop that may or may not have been placed is placed again under the same tag only: the broker
takes a tag once, so however late the first one arrives, there is one stop and not two.
"""

from msgspec.structs import replace

from actors.model.budget import patience
from actors.model.claims import deed_put_off
from actors.model.deeds import Action, Cancel, Close, Move, Place, move_pace
from actors.model.demands import Demand, keep
from actors.model.enforcement_state import Flight, Hold, Kept, State
from actors.model.pacing import LOOK, RETRY, SETTLE, backoff, unread
from actors.model.stops import placed_for, tag_of
from protocol.answers import RESERVED, Answered, Outcome
from protocol.commands import (
    CancelOrder,
    CloseContract,
    ModifyOrder,
    Mutation,
    PartialClose,
    PlaceStop,
)
from protocol.enforcement import Aim
from protocol.units import SECOND, AccountId, Nanos, Now

NOTHING_LEFT = "PositionNotFound"
"""The Gateway's word for a close that came too late: somebody else's exit was faster."""
STOP_RETRY_MAX = 60 * SECOND
"""Between tries at a stop that the broker will not take: each costs requests, and saves none."""
STOP_DOUBLINGS_MAX = 8


def command_of(action: Action, kept: Kept, account_id: AccountId, serial: int) -> Mutation:
    """Return the mutation that does a deed."""
    command_id = f"{account_id}/e{serial}"
    match action:
        case Close(contract_id, size):
            if size is None:
                return CloseContract(
                    command_id=command_id, account_id=account_id, contract_id=contract_id
                )
            return PartialClose(
                command_id=command_id, account_id=account_id, contract_id=contract_id, size=size
            )
        case Cancel(contract_id, order_id):
            return CancelOrder(
                command_id=command_id,
                account_id=account_id,
                contract_id=contract_id,
                order_id=order_id,
            )
        case Move() | Place():
            return _stop_command(action, kept, account_id, command_id)


def _stop_command(
    action: Move | Place, kept: Kept, account_id: AccountId, command_id: str
) -> Mutation:
    if isinstance(action, Move):
        return ModifyOrder(
            command_id=command_id,
            account_id=account_id,
            contract_id=action.contract_id,
            order_id=action.order_id,
            stop_price=action.stop,
            limit_price=action.limit,
            size=action.size,
            yields=action.yields,
        )
    return PlaceStop(
        command_id=command_id,
        account_id=account_id,
        contract_id=action.contract_id,
        side=action.side,
        size=action.size,
        stop_price=action.stop,
        tag=_tag(action, kept),
        yields=action.yields,
    )


def _tag(action: Place, kept: Kept) -> str:
    """Return the tag of a try whose end is not known, or else a new one."""
    before = kept.tags.get(action.contract_id)
    if before is not None and placed_for(before, action.position_id):
        return before
    return tag_of(action.position_id, kept.serial)


def landed(state: State, flight: Flight, answer: Answered, now: Now) -> State:
    """Take an answered mutation out of the air, and hold back the next for its key."""
    if answer.why == RESERVED:
        return deed_put_off(state, flight, answer, now)
    hold = held_back(state, flight, answer, now)
    others = tuple(one for one in state.kept.holds if one.key not in (flight.key, hold.key))
    flights = tuple(one for one in state.kept.flights if one is not flight)
    doubtful = tuple(key for key in state.kept.doubtful if key != flight.key)
    if hold.uncertain:
        doubtful = (*doubtful, hold.key)
    tags = state.kept.tags
    if isinstance(flight.command, PlaceStop):
        tags = {one: tag for one, tag in tags.items() if one != flight.command.contract_id}
        if hold.uncertain:
            tags = {**tags, flight.command.contract_id: flight.command.tag}
    holds = (*others, hold)
    kept = replace(state.kept, flights=flights, holds=holds, doubtful=doubtful, tags=tags)
    state = replace(state, kept=kept, spent=answer.spent)
    read_at = min(state.read_at, Nanos(now.mono + LOOK)) if flights else Nanos(now.mono + LOOK)
    return replace(state, read_at=read_at)


def held_back(state: State, flight: Flight, answer: Answered, now: Now) -> Hold:
    """Return what an answer holds back, and until when.

    A close may be repeated, for it takes what is left.  A reduction was sized for the book of
    then, so a second one wants a read of what the first has done, and so does a stop that is moved
    or placed.  One that has been moved may be cancelled at once.

    A yes is no more than a word: what is accepted again and again, and not done, is asked for more
    and more slowly too.
    """
    command, outcome = flight.command, answer.outcome
    key = flight.key
    if isinstance(command, ModifyOrder) and outcome is not Outcome.UNCERTAIN:
        key = move_pace(command.order_id)
    fails = max((one.fails for one in state.kept.holds if one.key in (flight.key, key)), default=0)
    if outcome is Outcome.ACCEPTED:
        sized = isinstance(command, PartialClose | ModifyOrder | PlaceStop)
        span = SETTLE
        if in_vain(state, flight, answer):
            fails += 1
            span = backoff(SETTLE, fails)
        after = now.mono if sized else None
        return Hold(key, Nanos(now.mono + span), fails, after, accepted=True)
    span = backoff(RETRY, fails)
    if isinstance(command, ModifyOrder | PlaceStop):
        span = min(RETRY << min(fails, STOP_DOUBLINGS_MAX), STOP_RETRY_MAX)
    closes = isinstance(command, CloseContract | PartialClose)
    span = max(span, patience(answer.spent, fails, closes=closes))
    return Hold(key, Nanos(now.mono + span), fails + 1, now.mono, outcome is Outcome.UNCERTAIN)


def overdue(state: State, now: Now) -> State:
    """Give up on answers that do not come: what they were to tell is uncertain."""
    for flight in state.kept.flights:
        if flight.deadline <= now.mono:
            answer = Answered(
                command_id=flight.command.command_id,
                account_id=flight.command.account_id,
                outcome=Outcome.UNCERTAIN,
                why="no answer",
            )
            state = landed(state, flight, answer, now)
    if state.reading is not None and state.read_deadline <= now.mono:
        state = unread(state, now)
    return state


def serves(demand: Demand, flight: Flight) -> bool:
    """Tell whether a mutation was sent for this demand."""
    contract_id = flight.command.contract_id
    aims = {goal.aim for goal in demand.goals if goal.contract_id in (None, contract_id)}
    match flight.command:
        case CancelOrder():
            return bool(aims & {Aim.FLATTEN, Aim.WITHHOLD, Aim.FIT})
        case ModifyOrder():
            return bool(aims & {Aim.TIGHTEN, Aim.FIT})
        case PlaceStop():
            return Aim.PROTECT in aims
        case _:
            return keep(demand.goals, contract_id) is not None


def in_vain(state: State, flight: Flight, message: Answered) -> bool:
    """Tell whether what is accepted was accepted before, and that changed nothing."""
    before = any(one.key == flight.key and one.accepted for one in state.kept.holds)
    return before and message.outcome is Outcome.ACCEPTED


def harmless(flight: Flight, message: Answered) -> bool:
    """Tell whether an answer is no failure: yes, or nothing was left to close or to cancel.

    A cancel is refused when the order has just filled or gone; the next read tells which.
    """
    if message.outcome is Outcome.REFUSED:
        gone = isinstance(flight.command, CancelOrder) or NOTHING_LEFT in message.why
        return gone or message.why == RESERVED
    return message.outcome is Outcome.ACCEPTED
