"""How an account books its trades, and waits for the positions that they change.

Plain functions on the account's state, used by actors/account.py alone.
"""

from msgspec.structs import replace

from actors.account_reads import Learnt, ask_truth, timer
from actors.model.account_state import State, remembered
from actors.model.book import Book
from actors.plan import AccountPlan
from protocol.account_facts import OrderSeen, PositionSeen, TradeSeen
from protocol.effects import Effect
from protocol.schedule import Purpose
from protocol.units import Now

SETTLED = "account/settled"
"""The timer that ends the wait for a position's message, or for its trade."""


def take_trade(state: State, message: TradeSeen, now: Now) -> Learnt:
    """Book a trade; return the state itself if it says nothing new."""
    ledger = state.ledger.book(message)
    if ledger is state.ledger:
        return state, ()
    row = state.book.rows.get(message.contract_id)
    settling = state.settling.told(message, row, ledger.sizes, now.mono)
    traded = replace(state, ledger=ledger, settling=settling)
    return remembered(traded, message, now), waits(state, traded)


def take_row(state: State, book: Book, fact: PositionSeen | OrderSeen, now: Now) -> Learnt:
    """Take a book that a message has changed."""
    before, row = (one.rows.get(fact.contract_id) for one in (state.book, book))
    settling = state.settling.moved(before, row, state.ledger.sizes, now.mono)
    booked = replace(state, book=book, settling=settling)
    return remembered(booked, fact, now), waits(state, booked)


def waits(before: State, state: State) -> tuple[Effect, ...]:
    """Wait for what is missing: a row's trades, or its trades' row."""
    due = state.settling.due
    if due is None or due == before.settling.due:
        return ()
    return (timer(SETTLED, Purpose.READ, due),)


def settled(plan: AccountPlan, state: State, now: Now) -> Learnt:
    """Wait no more for what is late; the truth is read for it."""
    settling = state.settling.overdue(now.mono)
    asked: tuple[Effect, ...] = ()
    if settling is not state.settling:
        state, asked = ask_truth(plan, replace(state, settling=settling))
    due = settling.due
    return state, asked if due is None else (*asked, timer(SETTLED, Purpose.READ, due))
