"""How an account books its trades, and waits for the positions that they change.

Plain functions on the account's state, used by actors/account.py alone.
"""

from msgspec.structs import replace

from actors.account_reads import Learnt, ask_truth, timer
from actors.model.account_state import State, remembered
from actors.model.settling import SETTLE
from actors.plan import AccountPlan
from protocol.account_facts import TradeSeen
from protocol.schedule import Purpose
from protocol.units import Nanos, Now

SETTLED = "account/settled"
"""The timer that ends the wait for a position's message."""


def take_trade(state: State, message: TradeSeen, now: Now) -> Learnt:
    """Book a trade; return the state itself if it says nothing new."""
    ledger = state.ledger.book(message)
    if ledger is state.ledger:
        return state, ()
    row = state.book.rows.get(message.contract_id)
    settling = state.settling.told(message, row, ledger.sizes, now.mono)
    traded = replace(state, ledger=ledger, settling=settling)
    if settling is state.settling:
        return remembered(traded, message, now), ()
    waits = timer(SETTLED, Purpose.READ, Nanos(now.mono + SETTLE))
    return remembered(traded, message, now), (waits,)


def settled(plan: AccountPlan, state: State) -> Learnt:
    """Count every row as a whole again; one that lags for so long is read again."""
    if not state.settling.unsettled:
        return state, ()
    return ask_truth(plan, replace(state, settling=state.settling.settled()))
