"""The account actor: parent, router, and the single writer of the book.

Every fact about the account enters here: it is deduplicated by identity, booked even while the
account is locked, checked against the locks, and only then shown to the rules that hear of it.
Breaches come back and go on to the lockout actor first, then to the enforcer: both in the same
step, so the lock is on the disk before any request leaves.

It supervises its children by the policy of actors/tree.py.  A rule that will not stay up locks the
account and flattens it; if one of the others will not, the account itself dies and its own
supervisor decides.
"""

from typing import Any

from msgspec.structs import replace

from actors import account_calendars as calendars
from actors import account_feed as feed
from actors import account_guard as guard
from actors import account_life as life
from actors import account_reads as reads
from actors import account_records as records
from actors import account_trades as trades
from actors.behaviour import Step
from actors.model.account_state import EVERYTHING, NOTHING, Kept, State, fresh, viewed
from actors.plan import AccountPlan
from actors.rules.rule import Hears
from actors.tree import SETTINGS
from actors.tree import account as children_of
from protocol.account_facts import AccountSeen, OrderSeen, PositionSeen, TradeSeen
from protocol.answers import (
    Answered,
    HubsLost,
    InstrumentFailed,
    InstrumentRead,
    Refused,
    TruthFailed,
    TruthRead,
)
from protocol.decisions import AlarmKind
from protocol.effects import Effect, Journal, Send, Spawn
from protocol.enforcement import (
    BookChanged,
    Enforced,
    Evaluate,
    Observed,
    TruthUnknown,
    Verdict,
    WantsTruth,
)
from protocol.lifecycle import AccountFound, Arm, Died, MarketRestarted, Phase, Resync
from protocol.lockouts import CertifyLock, LocksChanged
from protocol.market_facts import MarksRead, PriceCrossed
from protocol.message import Message
from protocol.schedule import ClockJumped, ClockSkewed, DayKnown, Purpose, ResetDue, TimerFired
from protocol.settings import InForce, Reconfigure, RefuseSettings, Settings
from protocol.units import Now

type Learning = TruthRead | TruthFailed | InstrumentRead | InstrumentFailed | Refused

CLEARED_BY_TRUTH = (AlarmKind.TRUTH_UNKNOWN, AlarmKind.PAYLOAD_REFUSED)


class Account:
    """One account."""

    kept = Kept

    def __init__(self, plan: AccountPlan) -> None:
        self._plan = plan

    def begin(self, kept: Any, now: Now) -> Step[State]:
        """Start the children in order; the locks are told first, then the day."""
        unknown = DayKnown(started=now.wall, day="", next_reset=now.wall)
        state = fresh(self._plan, kept if kept is not None else Kept(), unknown)
        children = children_of(tuple(self._plan.rules)).children
        return Step(state, tuple(Spawn(child.name) for child in children))

    def keep(self, state: State) -> Kept:
        """Keep the counters; the rest is read again."""
        return state.kept

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:
        """Route one message."""
        match message:
            case PriceCrossed(marks=marks) | MarksRead(marks=marks):
                heard = state.awaits_marks | Hears.PRICES
                priced = reads.take_marks(state, marks)
                if priced is state:
                    return Step(state)
                return self._settle(priced, heard, now, afresh=state.sweeping, valued=True)
            case PositionSeen() | OrderSeen():
                return self._booked(state, message, now)
            case TradeSeen():
                traded, said = trades.take_trade(state, message, now)
                if traded is state:
                    return Step(state)
                return self._settle(traded, Hears.LEDGER | Hears.FILLS, now, said)
            case Verdict(rule=rule) | Observed(rule=rule) if life.leaves(state, rule):
                return Step(state)
            case Verdict():
                return self._verdict(state, life.of_today(state, message, now), now)
            case Observed():
                said = guard.withdrawn(state, message, now)
                return Step(guard.heard_of(state, message, now), said)
            case Answered():
                return Step(state, (Send("enforcer", message),))
            case TruthRead() | TruthFailed() | InstrumentRead() | InstrumentFailed() | Refused():
                return self._learnt(state, message, now)
            case _:
                return self._lived(state, message, now)

    def _learnt(self, state: State, message: Learning, now: Now) -> Step[State]:
        """Take what a read brought, or that it brought nothing."""
        match message:
            case TruthRead():
                return self._true(state, message, now)
            case TruthFailed():
                state, said = reads.truth_failed(state.plan, state, message, now)
                which, why, left = message.command_id, message.why, message.asked
                unknown = TruthUnknown(command_id=which, why=why, asked=left)
                return Step(state, (*said, Send("enforcer", unknown)))
            case InstrumentRead() | InstrumentFailed():
                state, said = records.take(state.plan, state, message, now)
                return self._settle(state, Hears.POSITIONS | Hears.PRICES, now, said)
            case Refused():
                why = f"{message.event}: {message.why}"
                kind = AlarmKind.PAYLOAD_REFUSED
                state, said = reads.alarm(state.plan, state, kind, why)
                state, asked = reads.ask_truth(state.plan, state)
                return Step(state, (*said, *asked))

    def _true(self, state: State, message: TruthRead, now: Now) -> Step[State]:
        """Take broker truth; if something was missed while it was read, read once more."""
        before, state = state, reads.take_truth(state, message)
        state, said = guard.discover(state.plan.account_id, state, before, now)
        state, cleared = reads.clear(state.plan.account_id, state, *CLEARED_BY_TRUTH)
        waits = trades.waits(before, state)
        step = self._settle(state, EVERYTHING, now, (*said, *cleared, *waits))
        seen = reads.evidence(state.plan, step.state, message)
        said = (*step.effects, Send("enforcer", seen))
        state, more = feed.after_truth(state.plan, step.state, now)
        return Step(state, (*said, *more))

    def _lived(self, state: State, message: Message, now: Now) -> Step[State]:
        """Take what the desk and the clock say."""
        match message:
            case AccountFound(seen=seen):
                state = replace(life.told(state, seen, now), phase=Phase.READING, stake=None)
                state, told = life.weighed(life.clocked(state))
                return Step(state, (*told, *life.clocks(state)))
            case AccountSeen():
                return self._settle(life.told(state, message, now), Hears.STANDING, now)
            case WantsTruth(urgent=urgent):
                return Step(*reads.ask_truth(state.plan, state, trades=False, urgent=urgent))
            case HubsLost():
                return Step(replace(state, feed=replace(state.feed, deaf=True)))
            case Resync(gap=gap, trades=trades):
                return Step(*feed.read_again(state.plan, state, gap=gap, trades=trades))
            case Arm():
                return self._armed(state, now)
            case Reconfigure() | RefuseSettings():
                return Step(state, (Send(SETTINGS, message),))
            case MarketRestarted():
                state, said = reads.sweep(state.plan, state, now)
                return self._settle(state, EVERYTHING, now, said, afresh=True)
            case ClockSkewed(ahead=ahead):
                state = replace(state, ahead=ahead)
                return Step(state, life.clocks(state))  # judged as the lockout has answered
            case ClockJumped():
                state, said = calendars.watched(state, now)
                return self._settle(state, EVERYTHING, now, said)
            case _:
                return self._heard_child(state, message, now)

    def _heard_child(self, state: State, message: Message, now: Now) -> Step[State]:
        """Take what the account's own children say."""
        match message:
            case LocksChanged(locks=locks):
                ended = {one.key for one in state.locks} - {one.key for one in locks}
                heard = EVERYTHING if ended or life.unjudged(state) else NOTHING
                over = (*guard.orphaned(state.plan, locks), *guard.let_go(state, locks))
                step = self._settle(guard.cooled(state, locks), heard, now, over)
                state, told = life.weighed(step.state)
                return Step(state, (*step.effects, *told))
            case DayKnown():
                state, said = calendars.watched(life.next_day(state, message), now)
                state, asked = feed.once_more(state.plan, state)
                return self._settle(state, EVERYTHING, now, (*said, *asked))
            case ResetDue():
                return self._reset(state, message, now)
            case Enforced(rule=rule, certificate=certificate):
                return Step(state, (Send("lockout", CertifyLock(rule=rule, at=certificate.at)),))
            case TimerFired(name=trades.SETTLED):
                state, asked = trades.settled(state.plan, state, now)
                return self._settle(state, Hears.POSITIONS | Hears.PRICES, now, asked)
            case TimerFired(name=records.RECORDS):
                return Step(*records.again(state.plan, state))
            case TimerFired(purpose=Purpose.CALENDAR):
                return Step(*calendars.watched(state, now))
            case TimerFired(purpose=Purpose.READ):
                return Step(*reads.ask_truth(state.plan, state))
            case TimerFired(name=name, purpose=Purpose.RULE):
                return Step(state, reads.woken(state, state.rules, name))
            case TimerFired(purpose=Purpose.SWEEP):
                return Step(*feed.sweep(state.plan, state, now))
            case InForce(settings=settings):
                return self._reconfigured(state, settings, now)
            case Died(name=name) if name in state.leaving:
                state, said = life.left(state, name)
                return self._settle(state, EVERYTHING, now, said, afresh=True)
            case Died():
                return self._bury(state, message, now)
            case _:
                return Step(state)

    def _settle(
        self,
        state: State,
        heard: Hears,
        now: Now,
        said: tuple[Effect, ...] = (),
        *,
        afresh: bool = False,
        valued: bool = False,
    ) -> Step[State]:
        """Bring the view up to date, undo what a lock forbids, and have the rules judge."""
        state = viewed(state.plan, calendars.in_session(state, now))
        if valued:
            state, said = feed.look(state.plan, state, now)
        state, watched = records.watch(state.plan, guard.lower(state), now)
        effects: list[Effect] = [*said, *watched]
        if not valued:
            state, asked = reads.revalue(state.plan, state, heard, afresh=afresh)
            effects += asked
        if heard & reads.BOOKED:
            state, told = life.weighed(state)
            effects += [Send("enforcer", BookChanged(view=state.view)), *told]
        if state.known:
            effects += guard.undo(state, now)
            evaluate = Evaluate(view=state.view, afresh=afresh)
            effects += [Send(one, evaluate) for one in reads.hearing(state, state.rules, heard)]
        state, progress = reads.progress(state.plan, state)
        return Step(state, (*effects, *progress))

    def _booked(self, state: State, fact: PositionSeen | OrderSeen, now: Now) -> Step[State]:
        """Book a position or an order, whether or not the account is locked."""
        before = state.book
        if isinstance(fact, PositionSeen):
            if before.revives(fact):
                return Step(*reads.ask_truth(state.plan, state, trades=False))
            heard = Hears.POSITIONS
            book, changed = before.position(fact)
        else:
            heard = Hears.ORDERS
            book, changed = before.order(fact)
        if book is before:
            return Step(state)
        state, waits = trades.take_row(state, book, fact, now)
        if not changed:
            return Step(state)
        state, said = guard.attempt(state.plan.account_id, state, before, fact, now)
        return self._settle(state, heard, now, (*waits, *said))

    def _verdict(self, state: State, verdict: Verdict, now: Now) -> Step[State]:
        """Take a rule's judgement: say what changed, and answer its breaches."""
        before = state.verdicts.get(verdict.rule)
        effects = [*guard.withdrawn(state, verdict, now), *guard.released(state, verdict)]
        state = guard.heard_of(state, verdict, now)
        unknown = before is not None and before.unknown
        if (bool(verdict.breaches), verdict.unknown) != (guard.asks(before), unknown or None):
            effects.append(Journal(guard.changed(state.plan.account_id, verdict)))
        for breach in verdict.breaches:
            effects += guard.answer(state, breach)
        return Step(state, tuple(effects))

    def _armed(self, state: State, now: Now) -> Step[State]:
        """Start to count: from here on nothing is missed that the hubs say."""
        if state.phase is Phase.ARMED:
            return Step(state)
        state, said = reads.armed(state.plan, state)
        return self._settle(state, EVERYTHING, now, said)

    def _reset(self, state: State, due: ResetDue, now: Now) -> Step[State]:
        """End the trading day, and judge everything again."""
        state, said = life.ended_day(state.plan, state, due)
        return self._settle(state, EVERYTHING, now, (*said, Send(SETTINGS, due)))

    def _reconfigured(self, state: State, settings: Settings, now: Now) -> Step[State]:
        """Be guarded by other settings: end, start and renew rules, and judge everything again."""
        state, said = life.reconfigured(state, settings)
        state, watched = reads.sweep(state.plan, state, now)
        state, told = calendars.watched(state, now)
        return self._settle(state, EVERYTHING, now, (*said, *watched, *told), afresh=True)

    def _bury(self, state: State, death: Died, now: Now) -> Step[State]:
        """Start a dead child again, or fail closed; then judge everything again."""
        policy = children_of(state.rules)
        state, said = life.bury(state.plan, policy, state, death, now)
        return self._settle(state, EVERYTHING, now, said, afresh=True)
