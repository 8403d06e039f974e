"""The market data actor: every contract's latest quote, and the price triggers that rest in it.

A quote is merged and compared with the nearest triggers, and nothing is said while none is
reached: the cost of a quote does not grow with the number of accounts.  A crossing goes on at
once, with the marks of every contract the account watches, so that the account can judge all of
its positions at the prices of one instant.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from actors.behaviour import Step
from actors.model.quotes import Quote, marks, prices
from actors.model.triggers import Owner, TriggerBook
from protocol.effects import Send
from protocol.market_facts import (
    Marks,
    MarkSource,
    MarksRead,
    PriceCrossed,
    QuoteSeen,
    RestTriggers,
    WatchMarks,
)
from protocol.message import Message
from protocol.units import AccountId, ContractId, Now, Price


class State(msgspec.Struct, frozen=True):
    """The market of one login."""

    quotes: dict[ContractId, Quote] = msgspec.field(default_factory=dict)
    triggers: TriggerBook = TriggerBook()
    watchers: dict[AccountId, WatchMarks] = msgspec.field(default_factory=dict)
    ticks: dict[ContractId, Price] = msgspec.field(default_factory=dict)


class MarketData:
    """One login's market."""

    kept = None

    def begin(self, kept: Any, now: Now) -> Step[State]:  # noqa: ARG002
        """Start empty; the accounts say again what they need."""
        return Step(State())

    def keep(self, state: State) -> None:
        """Keep nothing: a price from before a restart is no price."""

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:
        """Take a quote, a trigger, or an account's wish to know."""
        match message:
            case QuoteSeen():
                return self._quoted(state, message, now)
            case RestTriggers():
                owner = Owner(message.account_id, message.rule)
                source = self._source(state, message.account_id)
                rested = state.triggers.rest(owner, message.triggers, source)
                return Step(replace(state, triggers=rested))
            case WatchMarks():
                watchers = {**state.watchers, message.account_id: message}
                ticks = {**state.ticks, **message.ticks}
                state = doubted(replace(state, watchers=watchers, ticks=ticks), message)
                news = MarksRead(
                    account_id=message.account_id, marks=seen(state, message.account_id, now)
                )
                return Step(state, (Send(f"account/{message.account_id}", news),))
            case _:
                return Step(state)

    def _quoted(self, state: State, message: QuoteSeen, now: Now) -> Step[State]:
        contract_id = message.contract_id
        quote = state.quotes.get(contract_id) or Quote(contract_id=contract_id)
        held_at = () if quote.prints else averages(state, contract_id)
        tick_size = state.ticks.get(contract_id)
        quote = quote.merged(message, now.mono, tick_size=tick_size, held_at=held_at)
        state = replace(state, quotes={**state.quotes, contract_id: quote})
        owners = state.triggers.crossed(contract_id, prices(quote, now.mono))
        if not owners:
            return Step(state)
        accounts = sorted({owner.account_id for owner in owners})
        return Step(state, tuple(crossing(state, one, contract_id, now) for one in accounts))

    def _source(self, state: State, account_id: AccountId) -> MarkSource:
        watch = state.watchers.get(account_id)
        return watch.source if watch is not None else MarkSource.LAST


def averages(state: State, contract_id: ContractId) -> tuple[Price, ...]:
    """Return the average prices at which a contract is held."""
    watches = state.watchers.values()
    return tuple(one.averages[contract_id] for one in watches if contract_id in one.averages)


def doubted(state: State, watch: WatchMarks) -> State:
    """Return the state with lone first prints doubted that are far from what is held."""
    seen_once = [
        one for one in watch.averages if one in state.quotes and state.quotes[one].prints <= 1
    ]
    news = {one: state.quotes[one].held(averages(state, one)) for one in seen_once}
    return replace(state, quotes={**state.quotes, **news}) if news else state


def seen(state: State, account_id: AccountId, now: Now) -> tuple[Marks, ...]:
    """Return the marks of every contract an account watches, as far as there are any."""
    watch = state.watchers.get(account_id)
    if watch is None:
        return ()
    return tuple(
        marks(state.quotes[one], watch.source, now.mono)
        for one in watch.contracts
        if one in state.quotes
    )


def crossing(state: State, account_id: AccountId, contract_id: ContractId, now: Now) -> Send:
    """Return the message that tells an account that a trigger of its was reached."""
    news = PriceCrossed(
        account_id=account_id, contract_id=contract_id, marks=seen(state, account_id, now)
    )
    return Send(f"account/{account_id}", news)
