"""A desk's figures, as they go up the pipe with a report."""

import re
from collections import Counter
from collections.abc import Iterator

from actors.market_data import State as MarketState
from actors.model.account_state import State as AccountState
from actors.model.histogram import Histogram
from actors.model.quotes import Quote
from actors.rule import State as RuleState
from actors.tree import RULE_PREFIX
from ops.desk.counts import HUB_EVENTS, Counts
from ops.desk.desk import Desk
from ops.desk.status import History
from protocol import metrics
from protocol.account_facts import AccountSeen, OrderSeen, PositionSeen, TradeSeen
from protocol.answers import RefusalReason
from protocol.decisions import AlarmKind, Checkpoint
from protocol.market_facts import QuoteSeen
from protocol.message import Message
from protocol.metrics import Bars, Figures, Metric, Series
from protocol.units import SECOND, Nanos

WORD = re.compile(r"(?<!^)(?=[A-Z])")
FACTS: tuple[type[Message], ...] = (AccountSeen, PositionSeen, OrderSeen, TradeSeen, QuoteSeen)
"""What is told as zero before the first one comes, so that the first one is an increase."""
MS = 1_000


def figures(desk: Desk, history: History, spent: int) -> Figures:
    """Return everything there is to tell; the high-water mark begins anew."""
    counts = desk.counts
    for plan in desk.plans:
        for rule in plan.rules:
            path = f"account/{plan.account_id}/{RULE_PREFIX}{rule}"
            state: RuleState | None = desk.runtime.states.get(path)
            if state is not None:
                counts.judged(path, rule, state.times)
    market: MarketState | None = desk.runtime.states.get("market_data")
    for quote in market.quotes.values() if market is not None else ():
        for reason, times in quote.faults.items():
            counts.ignored(quote.contract_id, reason, times)
    told = [*_incoming(counts), *_decided(counts, history), *_gateway(counts, spent)]
    told += _disk(desk)
    for plan in desk.plans:
        drift = counts.drift.dollars(plan.account_id, desk.runtime.states)
        if drift is not None:
            told.append(_one(metrics.LEDGER_DRIFT, drift, str(plan.account_id)))
    told += [_one(metrics.QUOTE_AGE, age, who) for who, age in quote_ages(desk)]
    counts.depth = 0
    return Figures(tuple(told), tuple(_bars(counts)))


def _incoming(counts: Counts) -> Iterator[Series]:
    for kind in {*FACTS, *counts.inputs}:  # a look at a missing kind makes it a zero
        yield _one(metrics.EVENTS, counts.inputs[kind], snake(kind.__name__))
    for kind in (PositionSeen, OrderSeen, TradeSeen):
        yield _one(metrics.DUPLICATES, counts.duplicates[kind], snake(kind.__name__))
    yield _one(metrics.QUOTES_DROPPED, counts.dropped)
    yield _one(metrics.INTAKE_DEPTH, counts.depth)


def _decided(counts: Counts, history: History) -> Iterator[Series]:
    for rule, times in counts.evaluations.items():
        yield _one(metrics.EVALUATIONS, times, rule)
    for metric, by_labels in counts.told.items():
        for labels, times in by_labels.items():
            yield _one(metric, times, *labels)
    for checkpoint in Checkpoint:
        times = counts.checkpoints.times[checkpoint]
        yield _one(metrics.CHECKPOINT, times, checkpoint.word)
    standing = Counter(kind for _, kind in history.alarms)
    for kind in AlarmKind:
        yield _one(metrics.ALARMS, standing[kind.value], kind.value)
        if not counts.told.get(metrics.ALARMS_RAISED, Counter())[kind.value,]:
            yield _one(metrics.ALARMS_RAISED, 0, kind.value)
    refused = counts.told.get(metrics.REFUSED, Counter())
    for event in HUB_EVENTS:
        for reason in RefusalReason:
            if not refused[event, reason.value]:
                yield _one(metrics.REFUSED, 0, event, reason.value)
    for metric in (metrics.HUB_LOSSES, metrics.HUB_RECONNECTS):
        if metric not in counts.told:
            yield _one(metric, 0)


def _gateway(counts: Counts, spent: int) -> Iterator[Series]:
    wire = counts.wire
    yield _one(metrics.REST_REQUESTS, wire.requests)
    for code in {"200", "429", *wire.answers}:
        yield _one(metrics.REST_ANSWERS, wire.answers[code], code)
    if wire.budget is not None:
        yield _one(metrics.REST_BUDGET, wire.budget - spent)
    if wire.skew_s is not None:
        yield _one(metrics.CLOCK_SKEW, wire.skew_s)


def _disk(desk: Desk) -> list[Series]:
    disk = desk.journal.figures()
    return [
        _one(metrics.JOURNAL_PENDING, disk.pending),
        _one(metrics.JOURNAL_AGE, disk.oldest_pending_ms / MS),
        _one(metrics.STORES_FAILING, len(disk.failing)),
    ]


def quote_ages(desk: Desk) -> Iterator[tuple[str, float]]:
    """Yield the age of the oldest quote among the contracts that each account holds.

    A contract that was never quoted counts from the start of the desk.
    """
    now, began = desk.clock().mono, desk.began
    market: MarketState | None = desk.runtime.states.get("market_data")
    for plan in desk.plans:
        state: object = desk.runtime.states.get(f"account/{plan.account_id}")
        if market is None or not isinstance(state, AccountState) or not state.view.holdings:
            continue
        quotes = [market.quotes.get(one.contract_id) for one in state.view.holdings]
        heard = [began if one is None else max(began, newest(one)) for one in quotes]
        yield str(plan.account_id), (now - min(heard)) / SECOND


def newest(quote: Quote) -> Nanos:
    """Return when any price of a contract was last seen."""
    return max(quote.last.seen, quote.bid.seen, quote.ask.seen)


def _bars(counts: Counts) -> Iterator[Bars]:
    alone = {
        metrics.INTAKE_WAIT: counts.wait,
        metrics.DECISION: counts.decision,
        metrics.COMMIT: counts.commit,
    }
    for metric, histogram in alone.items():
        yield _bar(metric, histogram)
    for metric, by_labels in counts.bars.items():
        for labels, histogram in by_labels.items():
            yield _bar(metric, histogram, *labels)


def _one(metric: Metric, value: float, *labels: str) -> Series:
    return Series(metric.name, labels, value)


def _bar(metric: Metric, of: Histogram, *labels: str) -> Bars:
    return Bars(metric.name, labels, tuple(of.counts), of.total)


def snake(name: str) -> str:
    """Return a message's name as label values are written."""
    return WORD.sub("_", name).lower()
