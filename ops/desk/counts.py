"""What a desk counts, from the start of its process to its end: plain integers, nobody is asked.

What happens per message costs an addition or two.  Decisions are rare, and may cost a little more.
The guardian adds up the lives of a desk, so that a restart takes nothing back.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, get_args

from msgspec.structs import astuple

from actors.adapters.wire_figures import WireFigures
from actors.model.account_state import State as AccountState
from actors.model.histogram import Histogram
from actors.plan import AccountPlan
from actors.tree import RULE_PREFIX
from ops.desk.checkpoints import Checkpoints
from ops.desk.drift import Drift
from ops.desk.meters import is_automation, meter
from protocol import metrics
from protocol.account_facts import OrderSeen, PositionSeen, TradeSeen
from protocol.answers import Outcome, Refused
from protocol.commands import Mutation, Read
from protocol.decisions import (
    AlarmRaised,
    DayReset,
    Decision,
    EnforcementConfirmed,
    EnforcementFailing,
    EnforcementMerged,
    EnforcementRequested,
    EnforcementWithdrawn,
    LockedAttempt,
    LockSet,
    VerdictChanged,
    WouldHave,
)
from protocol.market_facts import Fault
from protocol.message import Message
from protocol.metrics import Metric
from protocol.units import SECOND, AccountId, RuleName

FACTS = frozenset({PositionSeen, OrderSeen, TradeSeen})
HUB_EVENTS = (
    "account_update",
    "position_update",
    "order_update",
    "trade_execution",
    "quote_update",
    "other",
)
EVENTS = frozenset(
    {*HUB_EVENTS, "account", "position", "order", "trade", "instrument", "watch_contract"}
)
"""The hub events and the rows of reads that decode knows by name."""
MUTATIONS: tuple[type, ...] = get_args(Mutation.__value__)
ALL: tuple[type, ...] = (*MUTATIONS, *get_args(Read.__value__))
STATES: dict[type, str] = {
    EnforcementRequested: "requested",
    EnforcementMerged: "merged",
    EnforcementConfirmed: "confirmed",
    EnforcementWithdrawn: "withdrawn",
    EnforcementFailing: "failed",
}

type Labels = tuple[str, ...]
type States = Mapping[str, Any]
"""The actors' states by path."""


class Counts:
    """One desk process's figures.  For the event loop's thread."""

    def __init__(self) -> None:
        self.checkpoints = Checkpoints()
        self.inputs: defaultdict[type[Message], int] = defaultdict(int)
        self.duplicates: Counter[type[Message]] = Counter()
        self.evaluations: Counter[str] = Counter()
        self._known: dict[str, int] = {}
        """What actors counted by themselves, as last seen."""
        self.dropped = 0
        self.depth = 0
        """The most that waited since somebody looked."""
        self.wait = Histogram(metrics.INTAKE_WAIT.bounds)
        self.decision = Histogram(metrics.DECISION.bounds)
        self.commit = Histogram(metrics.COMMIT.bounds)
        """Fed by the journal's threads, under the journal's lock."""
        self.wire = WireFigures()
        self.drift = Drift()
        self.told: dict[Metric, Counter[Labels]] = {}
        self.bars: dict[Metric, dict[Labels, Histogram]] = {}

    def add(self, metric: Metric, *labels: object) -> None:
        """Count one, under the values of the metric's labels."""
        self.add_some(metric, 1, *labels)

    def add_some(self, metric: Metric, times: int, *labels: object) -> None:
        """Count as many."""
        self._count(metric, *labels)[tuple(map(str, labels))] += times

    def observe(self, metric: Metric, value: float, *labels: object) -> None:
        """Take one value of a distribution."""
        self._bar(metric, *labels).observe(value)

    def _count(self, metric: Metric, *labels: object) -> Counter[Labels]:
        counted = self.told.setdefault(metric, Counter())
        counted.setdefault(tuple(map(str, labels)), 0)
        return counted

    def _bar(self, metric: Metric, *labels: object) -> Histogram:
        known, key = self.bars.setdefault(metric, {}), tuple(map(str, labels))
        if key not in known:
            known[key] = Histogram(metric.bounds)
        return known[key]

    def unmoved(self, message: Message, state: object) -> None:
        """Count a message that left who heard it as it was: a fact told twice, if an account."""
        if type(message) in FACTS and isinstance(state, AccountState):
            self.duplicates[type(message)] += 1

    def judged(self, path: str, rule: str, times: int) -> None:
        """Take how often a rule's actor has judged; one that was restarted began anew."""
        self.evaluations[rule] += self._grown(path, times)

    def ignored(self, contract: str, reason: str, times: int) -> None:
        """Take how many prices of a contract the market did not believe; likewise."""
        self.add_some(metrics.PRICES_IGNORED, self._grown(f"{contract} {reason}", times), reason)

    def _grown(self, what: str, now: int) -> int:
        before, self._known[what] = self._known.get(what, 0), now
        return now - before if now >= before else now

    def refused(self, message: Refused) -> None:
        """Count a payload that was refused; what a broker calls its events is not ours to trust."""
        event = message.event if message.event in EVENTS else "other"
        self.add(metrics.REFUSED, event, message.reason.value)

    def expect(self, plans: Iterable[AccountPlan]) -> None:
        """Begin at zero what may happen once a day: the first time must be an increase."""
        for kind in ALL:
            self._bar(metrics.COMMAND_TIME, kind.__name__)
        for reason in Fault:
            self._count(metrics.PRICES_IGNORED, reason.value)
        for kind in MUTATIONS:
            for how in Outcome:
                self._count(metrics.COMMANDS, kind.__name__, how.value)
        for plan in plans:
            for rule, params in plan.rules.items():
                if is_automation(rule):
                    continue
                self._bar(metrics.TIME_TO_FLAT, rule)
                if any(isinstance(one, Decimal) for one in astuple(params)):
                    self._bar(metrics.OVERSHOOT, rule, "breach")
                    self._bar(metrics.OVERSHOOT, rule, "flat")

    def performed(self, command: Mutation | Read, how: str, nanos: int) -> None:
        """Count a command whose answer is there."""
        kind = type(command).__name__
        self.add(metrics.COMMANDS, kind, how)
        self.observe(metrics.COMMAND_TIME, nanos / SECOND, kind)

    def decided(self, decision: Decision, states: States) -> None:
        """Count what was decided."""
        match decision:
            case VerdictChanged(breached=True, account_id=who, rule=rule) if not is_automation(
                rule
            ):
                self.add(metrics.BREACHES, who, rule)
                self._overshot(rule, decision.limit, decision.used, "breach")
            case WouldHave(account_id=who, rule=rule):
                self.add(metrics.WOULD_HAVE, who, rule)
            case LockSet(lock=lock):
                self.add(metrics.LOCKS, lock.account_id, lock.rule)
            case LockedAttempt(account_id=who):
                self.add(metrics.ATTEMPTS, who)
            case DayReset(account_id=who):
                self.add(metrics.RESETS, who)
            case AlarmRaised(kind=kind):
                self.add(metrics.ALARMS_RAISED, kind.value)
            case (
                EnforcementRequested()
                | EnforcementMerged()
                | EnforcementConfirmed()
                | EnforcementWithdrawn()
                | EnforcementFailing()
            ):
                self._enforced(decision, states)
            case _:
                pass

    def _enforced(
        self,
        decision: EnforcementRequested
        | EnforcementMerged
        | EnforcementConfirmed
        | EnforcementWithdrawn
        | EnforcementFailing,
        states: States,
    ) -> None:
        who, rule = decision.account_id, decision.rule
        self.add(metrics.ENFORCEMENTS, who, rule, STATES[type(decision)])
        if isinstance(decision, EnforcementConfirmed) and not is_automation(rule):
            self.observe(metrics.TIME_TO_FLAT, decision.took_ms / 1_000, rule)
            self._flat(who, rule, states)

    def _flat(self, who: AccountId, rule: RuleName, states: States) -> None:
        """Note how far past its limit the money ended; a rule about open positions says nothing."""
        judged = states.get(f"account/{who}/{RULE_PREFIX}{rule}")
        if judged is not None:
            self._overshot(rule, judged.limit, judged.used, "flat")

    def _overshot(self, rule: RuleName, limit: str, used: str, at: str) -> None:
        money = meter(limit, used)
        if money is not None and money.left <= 0:
            self.observe(metrics.OVERSHOOT, -money.left, rule, at)
