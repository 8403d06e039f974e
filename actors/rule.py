"""The rule actor: one rule of one account.  There is one for all thirteen.

It judges the book each time its account says so.  It rests the price triggers of its judgement
with the market, and sends its verdict up.  A rule in shadow mode is another behaviour, whose
verdict has no room for a breach: that no mutation can come of it is a matter of types.
"""

from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from actors.behaviour import Step
from actors.model.confirm import Doubt, weigh
from actors.rules.rule import AnyRule, Hears, Judgement, RuleParams, RuleState, Wake
from actors.tree import RULE_PREFIX
from protocol.book import BookView
from protocol.decisions import WouldHave
from protocol.effects import PARENT, Effect, Harmless, Journal, Send
from protocol.enforcement import Breach, Evaluate, Observed, Verdict, WantsTruth
from protocol.market_facts import RestTriggers, Trigger
from protocol.message import Message
from protocol.schedule import CancelTimer, Clock, Purpose, StartTimer
from protocol.units import AccountId, Nanos, Now


class State(msgspec.Struct, frozen=True):
    """The rule's own state, what it has resting in the market, and its last judgement."""

    rule: RuleState
    rested: tuple[Trigger, ...] = ()
    evaluated: Nanos | None = None
    times: int = 0
    """How often this life of the rule has judged."""
    limit: str = ""
    used: str = ""
    left: str = ""
    unknown: str | None = None
    would: tuple[str, ...] = ()
    wake: Wake | None = None
    doubt: Doubt | None = None
    """A breach that waits for a second price; not kept, for prices are not."""


class RuleBehaviour:
    """A rule whose breaches are enforced."""

    _acts: ClassVar[bool] = True

    def __init__(self, rule: AnyRule, params: RuleParams, account_id: AccountId) -> None:
        self._rule = rule
        self._decide = rule.armed(params)
        self._counts_fills = Hears.FILLS in rule.hears
        self._account_id = account_id
        self._timer = f"{RULE_PREFIX}{rule.name}"
        self.kept: type[Any] | None = None if rule.state is RuleState else rule.state

    def begin(self, kept: Any, now: Now) -> Step[State]:  # noqa: ARG002
        """Start from what was kept; the account asks for a judgement when it knows the book."""
        return Step(State(rule=kept if kept is not None else self._rule.state()))

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:
        """Judge the book."""
        match message:
            case Evaluate():
                decided = self._judge(state, message.view, now)
                acted = bool(state.would)
                judged, doubt = weigh(state.doubt, decided, message.view, now, acted=acted)
                said: list[Effect] = []
                if message.afresh or judged.triggers != state.rested:
                    said.append(self._rest(judged))
                if message.afresh or judged.wake != state.wake:
                    said += self._wake(state, judged, now)
                if judged.wants_truth:
                    said.append(self._want(judged))
                if message.afresh or news(state, judged):
                    said += self._say(state, judged)
                return Step(judged_state(state, judged, doubt, now), tuple(said))
            case _:
                return Step(state)

    def _judge(self, state: State, view: BookView, now: Now) -> Judgement[RuleState]:
        """Judge at this instant; what is counted from fills, by the clock that dates them.

        Or a clock that is set an hour ahead would have every cooldown over before it began.
        """
        ahead = view.ahead
        if not (ahead and self._counts_fills):
            return self._decide(state.rule, view, now)
        judged = self._decide(state.rule, view, Now(wall=Nanos(now.wall - ahead), mono=now.mono))
        if judged.wake is None or judged.wake.clock is not Clock.WALL:
            return judged
        return replace(judged, wake=Wake(Clock.WALL, Nanos(judged.wake.at + ahead)))

    def keep(self, state: State) -> RuleState:
        """Keep the rule's own state."""
        return state.rule

    def _rest(self, judged: Judgement[RuleState]) -> Harmless:
        rest = RestTriggers(
            account_id=self._account_id, rule=self._rule.name, triggers=judged.triggers
        )
        return Send("market_data", rest)

    def _wake(self, state: State, judged: Judgement[RuleState], now: Now) -> tuple[Harmless, ...]:
        """Have the account's timer ask again when the judgement wants it to.

        A timer that has fired is gone, also one that fired early because the timer actor died: the
        same wish is then told again, unless it is due, or rule and timer would chase each other.
        """
        if judged.wake is None:
            return () if state.wake is None else (Send("timer", CancelTimer(name=self._timer)),)
        clock, deadline = judged.wake
        ahead = deadline > (now.wall if clock is Clock.WALL else now.mono)
        if judged.wake == state.wake and not ahead:
            return ()
        timer = StartTimer(name=self._timer, purpose=Purpose.RULE, clock=clock, deadline=deadline)
        return (Send("timer", timer),)

    def _want(self, judged: Judgement[RuleState]) -> Harmless:
        urgent = judged.at_once and self._acts
        return Send(PARENT, WantsTruth(rule=self._rule.name, urgent=urgent))

    def _say(self, state: State, judged: Judgement[RuleState]) -> tuple[Effect, ...]:  # noqa: ARG002
        verdict = Verdict(
            rule=self._rule.name,
            breaches=judged.breaches,
            limit=judged.limit,
            used=judged.used,
            unknown=judged.unknown,
        )
        return (Send(PARENT, verdict),)


class ShadowRule(RuleBehaviour):
    """A rule that only says what it would have demanded."""

    _acts: ClassVar[bool] = False

    def _say(self, state: State, judged: Judgement[RuleState]) -> tuple[Harmless, ...]:
        observed = Observed(
            rule=self._rule.name,
            would=tuple(breach.why for breach in judged.breaches),
            limit=judged.limit,
            used=judged.used,
            unknown=judged.unknown,
        )
        if bool(observed.would) == bool(state.would):
            return (Send(PARENT, observed),)
        return (*map(self._would_have, judged.breaches), Send(PARENT, observed))

    def _would_have(self, breach: Breach) -> Journal:
        decision = WouldHave(
            account_id=self._account_id, rule=breach.rule, goals=breach.goals, why=breach.why
        )
        return Journal(decision)


def news(state: State, judged: Judgement[RuleState]) -> bool:
    """Tell whether the account must hear: a breach always, the rest only when it changes.

    The figures of a rule that is content are read off its state by whoever shows them.
    """
    if state.evaluated is None or judged.breaches or state.would:
        return True
    return judged.unknown != state.unknown


def judged_state(
    state: State, judged: Judgement[RuleState], doubt: Doubt | None, now: Now
) -> State:
    """Return the state after a judgement."""
    return State(
        rule=judged.state,
        rested=judged.triggers,
        evaluated=now.wall,
        times=state.times + 1,
        limit=judged.limit,
        used=judged.used,
        left=judged.left,
        unknown=judged.unknown,
        would=tuple(breach.why for breach in judged.breaches) if judged.breaches else (),
        wake=judged.wake,
        doubt=doubt,
    )
