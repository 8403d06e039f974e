"""How an account comes to the records of its contracts, without which nothing held can be valued.

A contract of which the Gateway has no record that values it is unknown: what is held of it must go.
One whose record could not be read yet is another thing: it is asked for again until it is there.

Plain functions on the account's state, used by actors/account.py alone.
"""

from msgspec.structs import replace

from actors import account_reads as reads
from actors.account_reads import Learnt
from actors.model.account_state import EVERYTHING, State, needed_contracts
from actors.plan import AccountPlan
from protocol.answers import InstrumentFailed, InstrumentRead
from protocol.commands import WatchContract
from protocol.decisions import AlarmKind
from protocol.effects import Ask, Effect, Send
from protocol.schedule import Purpose
from protocol.units import SECOND, ContractId, Nanos, Now

RECORDS = "account/records"
"""The timer at whose end records are asked for again that were never asked of the Gateway."""
UNASKED = 2 * SECOND
"""Until then: such a refusal is our own, and costs no request.  Others wait for the next sweep."""


def watch(plan: AccountPlan, state: State, now: Now) -> Learnt:
    """Have every needed contract quoted and valued, and its record read."""
    contracts = needed_contracts(state)
    if contracts == state.watched:
        return state, ()
    effects: list[Effect] = [Send("market_data", reads.watch_marks(plan, state))]
    effects += [
        Ask(WatchContract(account_id=plan.account_id, contract_id=one))
        for one in contracts
        if one not in state.watched
    ]
    if contracts and not state.watched:
        effects.append(reads.timer("account/sweep", Purpose.SWEEP, Nanos(now.mono + reads.SWEEP)))
        state = replace(state, swept=now.mono, watching=now.mono)
    state, asked = reads.ask_records(plan, state, contracts)
    state = replace(state, watched=contracts, awaits_marks=EVERYTHING)
    state, over = cleared(plan, state)
    return state, (*effects, *asked, *over)


def take(
    plan: AccountPlan, state: State, message: InstrumentRead | InstrumentFailed, now: Now
) -> Learnt:
    """Take a contract's record; without one that values it, its positions must go."""
    if isinstance(message, InstrumentRead):
        name = message.instrument.contract_id
        unvalued = {one: why for one, why in state.unvalued.items() if one != name}
        known = {**state.instruments, name: message.instrument}
        state = replace(state, instruments=known, unvalued=unvalued, asked=state.asked - {name})
        state, over = cleared(plan, state)
        return state, (Send("market_data", reads.watch_marks(plan, state)), *over)
    name, why = message.contract_id, message.why
    state = replace(state, asked=state.asked - {name})
    if message.final:
        state = replace(state, unvalued={**state.unvalued, name: why})
        state, raised = reads.alarm(plan, state, AlarmKind.CONTRACT_UNKNOWN, f"{name}: {why}")
        state, over = cleared(plan, state)
        return state, (*raised, *over)
    unread = [one for one in lacking(state) if one not in state.unvalued]
    if name not in unread:
        return state, ()  # nothing is held or ordered in it any more
    why = f"{', '.join(unread)} cannot be valued yet, the record is asked for again: {why}"
    state, raised = reads.alarm(plan, state, AlarmKind.CONTRACT_UNREAD, why)
    if message.asked:
        return state, raised
    return state, (*raised, reads.timer(RECORDS, Purpose.READ, Nanos(now.mono + UNASKED)))


def again(plan: AccountPlan, state: State) -> Learnt:
    """Ask again for the records of what is watched."""
    return reads.ask_records(plan, state, state.watched)


def cleared(plan: AccountPlan, state: State) -> Learnt:
    """Clear the alarms about contracts that have their records by now, or are no more needed."""
    unknown = {one in state.unvalued for one in lacking(state)}
    over: list[AlarmKind] = []
    if True not in unknown:
        over.append(AlarmKind.CONTRACT_UNKNOWN)
    if False not in unknown:
        over.append(AlarmKind.CONTRACT_UNREAD)
    return reads.clear(plan.account_id, state, *over)


def lacking(state: State) -> list[ContractId]:
    """Return the needed contracts whose record is not there."""
    return [one for one in state.watched if one not in state.instruments]
