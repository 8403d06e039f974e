"""The enforcer: the one actor that acts on an account, until broker truth shows it is done.

It holds the rules' demands and compares them with the book (actors/model/demands.py).  What is
lacking is sent in parallel by contract, with at most one unresolved mutation per position and per
order.  When nothing is in flight it reads the truth; a demand is met when two reads across a quiet
window show it, and no event between them says otherwise.  That is the flat certificate.

An answer proves nothing.  Accepted: wait for the book or the next read to show it.  Refused: look
again, and try again later.  Uncertain: it may have happened, so nothing is sent for that position
or order until a later read has shown what is true.  It never stops trying.
"""

from typing import Any

from msgspec.structs import replace

from actors.behaviour import Step
from actors.model.claims import claim_of, claim_of_read, read_put_off
from actors.model.deeds import Action
from actors.model.demands import Demand, merge, met
from actors.model.enforcement_state import Flight, Kept, State, resumed
from actors.model.flights import command_of, harmless, in_vain, landed, overdue, serves
from actors.model.pacing import (
    ANSWER_MAX,
    READ_MAX,
    departed,
    doubted,
    looked,
    next_deadline,
    paced,
    proofs_needed,
    proven,
    sendable,
    unread,
    worth_reading,
)
from protocol.answers import RESERVED, Answered
from protocol.commands import PlaceStop, ReadTruth
from protocol.decisions import (
    EnforcementConfirmed,
    EnforcementFailing,
    EnforcementMerged,
    EnforcementRequested,
    EnforcementWithdrawn,
)
from protocol.effects import PARENT, Ask, Effect, Journal, Perform, Send
from protocol.enforcement import (
    Aim,
    BookChanged,
    Enforce,
    Enforced,
    FlatCertificate,
    TruthSeen,
    TruthUnknown,
)
from protocol.message import Message
from protocol.schedule import Clock, Purpose, StartTimer, TimerFired
from protocol.units import MILLISECOND, AccountId, Nanos, Now

TIMER = "enforcer/next"
DEMANDS_MAX = 64


class Enforcer:
    """One account's enforcement."""

    kept = Kept

    def __init__(self, account_id: AccountId) -> None:
        self._account_id = account_id

    def begin(self, kept: Any, now: Now) -> Step[State]:
        """Take up what a crash cut off: what was in flight may have happened, so read first."""
        return self._advance(resumed(kept if kept is not None else Kept(), now), (), now)

    def handle(self, state: State, message: Message, now: Now) -> Step[State]:
        """Take a demand, the book, an answer, the truth, or the time."""
        match message:
            case Enforce():
                return self._demand(state, message, now)
            case BookChanged(view=view):
                seen = departed(looked(state, view), state.view, now)
                return self._advance(doubted(seen, now), (), now)
            case Answered():
                return self._answered(state, message, now)
            case TruthSeen() if message.command_id == state.reading:
                return self._truth(state, message, now)
            case TruthUnknown() if message.command_id == state.reading:
                failed = unread(state, now) if message.asked else read_put_off(state, now)
                return self._advance(failed, (), now)
            case TimerFired(purpose=Purpose.ENFORCER):
                return self._advance(overdue(replace(state, timer=None), now), (), now)
            case _:
                return Step(state)

    def keep(self, state: State) -> Kept:
        """Keep the demands and what is in flight."""
        return state.kept

    def _demand(self, state: State, message: Enforce, now: Now) -> Step[State]:
        state = looked(state, message.view)
        state = replace(state, unjudged=state.unjudged - {message.rule})
        held = next((one for one in state.kept.demands if one.rule == message.rule), None)
        goals = merge(held.goals if held else (), message.goals)
        if held is not None and goals == held.goals and not held.withdrawn:
            return self._advance(doubted(state, now), (), now)
        if not goals:
            return self._withdraw(state, held, now) if held else Step(state)
        serial = state.kept.serial
        if held is None:
            serial += 1
            demand = Demand(
                enforcement_id=f"{self._account_id}/{message.rule}/{serial}",
                rule=message.rule,
                priority=message.priority,
                goals=goals,
                why=message.why,
                requested=now.wall,
            )
            said = Journal(self._requested(demand))
        else:
            anew = any(goal.aim is Aim.PROTECT and goal not in held.goals for goal in goals)
            attempts = 0 if anew else held.attempts
            demand = replace(held, goals=goals, attempts=attempts, proofs=(), withdrawn=False)
            said = Journal(
                EnforcementMerged(
                    account_id=self._account_id,
                    enforcement_id=held.enforcement_id,
                    rule=held.rule,
                    why=message.why,
                )
            )
        others = tuple(one for one in state.kept.demands if one.rule != message.rule)
        assert len(others) < DEMANDS_MAX, f"more than {DEMANDS_MAX} demands"
        kept = replace(state.kept, serial=serial, demands=(*others, demand))
        state = replace(state, kept=kept, read_at=now.mono, looks=0)
        return self._advance(state, (said,), now)

    def _requested(self, demand: Demand) -> EnforcementRequested:
        return EnforcementRequested(
            account_id=self._account_id,
            enforcement_id=demand.enforcement_id,
            rule=demand.rule,
            priority=demand.priority,
            goals=demand.goals,
            why=demand.why,
        )

    def _withdraw(self, state: State, held: Demand, now: Now) -> Step[State]:
        """Send no more for a rule that is content; what was brought about is still proven.

        So is what is under way: a position may be seen reduced before its orders are seen gone.
        """
        demands = tuple(
            replace(one, withdrawn=True) if one is held else one for one in state.kept.demands
        )
        under_way = any(serves(held, one) for one in state.kept.flights)
        if under_way or (state.view is not None and met(held.goals, state.view)):
            return self._advance(replace(state, kept=replace(state.kept, demands=demands)), (), now)
        return self._advance(*self._dropped(state, held), now)

    def _dropped(self, state: State, held: Demand) -> tuple[State, tuple[Effect, ...]]:
        others = tuple(one for one in state.kept.demands if one.rule != held.rule)
        withdrawn = EnforcementWithdrawn(
            account_id=self._account_id, enforcement_id=held.enforcement_id, rule=held.rule
        )
        state = replace(state, kept=replace(state.kept, demands=others))
        return state, (Journal(withdrawn),)

    def _answered(self, state: State, message: Answered, now: Now) -> Step[State]:
        flight = next(
            (one for one in state.kept.flights if one.command.command_id == message.command_id),
            None,
        )
        if flight is None:
            return Step(state)  # an earlier life's, or one given up on: the next read tells
        vain = in_vain(state, flight, message)
        state = landed(state, flight, message, now)
        failed = vain or not harmless(flight, message)
        why = "accepted, as before, and not done" if vain else message.why
        said = self._failing(state, flight, why) if failed else ()
        left = message.why != RESERVED
        counts = failed or (left and isinstance(flight.command, PlaceStop))
        demands = tuple(
            replace(one, attempts=one.attempts + 1) if counts and serves(one, flight) else one
            for one in state.kept.demands
        )
        state = replace(state, kept=replace(state.kept, demands=demands))
        return self._advance(doubted(state, now), said, now)

    def _failing(self, state: State, flight: Flight, why: str) -> tuple[Effect, ...]:
        return tuple(
            Journal(
                EnforcementFailing(
                    account_id=self._account_id,
                    enforcement_id=one.enforcement_id,
                    rule=one.rule,
                    attempt=one.attempts + 1,
                    why=f"{flight.command.__class__.__name__}: {why}",
                )
            )
            for one in state.kept.demands
            if serves(one, flight)
        )

    def _truth(self, state: State, message: TruthSeen, now: Now) -> Step[State]:
        """Prove what this read proves, and look again after the quiet window."""
        state = paced(looked(state, message.view), message, now)
        if state.kept.flights:
            return self._advance(doubted(state, now), (), now)
        left: list[Demand] = []
        effects: list[Effect] = []
        for one in state.kept.demands:
            met_now = met(one.goals, message.view)
            if one.withdrawn and not met_now:
                _, dropped = self._dropped(state, one)
                effects += dropped
                continue
            shown = met_now and met(one.goals, message.read)
            proved = proven(one, message, now) if shown else replace(one, proofs=())
            if len(proved.proofs) < proofs_needed(one):
                left.append(proved)
                continue
            effects += self._confirm(proved, now)
        state = replace(state, kept=replace(state.kept, demands=tuple(left)))
        return self._advance(state, tuple(effects), now)

    def _confirm(self, demand: Demand, now: Now) -> tuple[Effect, ...]:
        certificate = FlatCertificate(
            account_id=self._account_id,
            contract_id=demand.goals[0].contract_id if len(demand.goals) == 1 else None,
            reads=demand.proofs,
            at=now.wall,
        )
        confirmed = EnforcementConfirmed(
            account_id=self._account_id,
            enforcement_id=demand.enforcement_id,
            rule=demand.rule,
            certificate=certificate,
            took_ms=(now.wall - demand.requested) // MILLISECOND,
        )
        enforced = Enforced(
            enforcement_id=demand.enforcement_id, rule=demand.rule, certificate=certificate
        )
        return (Journal(confirmed), Send(PARENT, enforced))

    def _advance(self, state: State, said: tuple[Effect, ...], now: Now) -> Step[State]:
        """Send what is lacking and allowed; with nothing in flight, read the truth when due."""
        effects: list[Effect] = [*said]
        if not state.kept.demands:
            return Step(state, tuple(effects))
        if state.view is not None and state.view.known:
            actions = sendable(state, now)
            if actions:
                state, sent = self._send(state, actions, now)
                effects += sent
        quiet = not state.kept.flights and state.reading is None
        if quiet and state.read_at <= now.mono and worth_reading(state):
            serial = state.kept.serial + 1
            command_id = f"{self._account_id}/e{serial}"
            kept = replace(state.kept, serial=serial)
            deadline = Nanos(now.mono + READ_MAX)
            state = replace(state, kept=kept, reading=command_id, read_deadline=deadline)
            read = ReadTruth(
                command_id=command_id,
                account_id=self._account_id,
                urgent=True,
                claim=claim_of_read(state, now),
            )
            effects.append(Ask(read))
        due = next_deadline(state, now)
        if due is not None and due != state.timer:
            state = replace(state, timer=due)
            timer = StartTimer(name=TIMER, purpose=Purpose.ENFORCER, clock=Clock.MONO, deadline=due)
            effects.append(Send("timer", timer))
        return Step(state, tuple(effects))

    def _send(
        self, state: State, actions: tuple[Action, ...], now: Now
    ) -> tuple[State, list[Effect]]:
        serial = state.kept.serial
        flights: list[Flight] = []
        for action in actions:
            serial += 1
            command = command_of(action, state.kept, self._account_id, serial)
            command = replace(command, claim=claim_of(action, state.kept.holds, now))
            deadline = Nanos(now.mono + ANSWER_MAX)
            flights.append(Flight(key=action.key, command=command, deadline=deadline))
        demands = tuple(replace(d, proofs=()) if d.proofs else d for d in state.kept.demands)
        flying = (*state.kept.flights, *flights)
        kept = replace(state.kept, serial=serial, demands=demands, flights=flying)
        return replace(state, kept=kept), [Perform(one.command) for one in flights]
