"""Promises broken on purpose: each mutant must be caught by the simulation, or it proves nothing.

A mutant replaces one function of the product for the length of a test.  Its docstring says which
promise it breaks; what catches it is said by the id that the violation begins with.
"""

# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from actors import account as account_actor
from actors import (
    account_feed,
    account_guard,
    account_life,
    account_reads,
    enforcer,
    gateway,
    last_resort,
    lockout,
    market_data,
    reset,
    roster,
    rule,
    settings,
    timer,
)
from actors.behaviour import Step
from actors.gateway_state import Hubs
from actors.model import (
    demands,
    enforcement_state,
    feed,
    flights,
    ledger,
    pacing,
    quotes,
    readings,
    trading_hours,
    triggers,
)
from actors.model.account_state import in_force
from actors.model.deeds import Action
from actors.plan import AccountPlan
from actors.runtime import Runtime
from protocol.account_facts import TradeSeen
from protocol.answers import TruthFailed, TruthRead
from protocol.commands import PartialClose, PlaceStop
from protocol.effects import Send
from protocol.enforcement import Aim, Goal
from protocol.lifecycle import Resync
from protocol.lockouts import SetLock
from protocol.schedule import ClockSkewed, Purpose, StartTimer, Tick
from protocol.units import SECOND, Nanos

type Plant = Callable[[pytest.MonkeyPatch], None]


class Mutant(NamedTuple):
    """A promise, what breaks it, and the invariants of which one must cry out."""

    name: str
    plant: Plant
    caught_by: tuple[str, ...]


MUTANTS: list[Mutant] = []


def breaks(*caught_by: str) -> Callable[[Plant], Plant]:
    """Enter a mutant into the list."""

    def enter(plant: Plant) -> Plant:
        MUTANTS.append(Mutant(plant.__name__, plant, caught_by))
        return plant

    return enter


@breaks("I10", "I1")
def retries_what_is_uncertain_without_a_look(patch: pytest.MonkeyPatch) -> None:
    """A mutation without an answer is sent again before a read has shown what is true."""
    real = flights.landed

    def landed(*args: Any) -> enforcement_state.State:
        state = real(*args)
        holds = tuple(replace(one, until=Nanos(0), read_after=None) for one in state.kept.holds)
        return replace(state, kept=replace(state.kept, holds=holds))

    patch.setattr(enforcer, "landed", landed)
    patch.setattr(flights, "landed", landed)


@breaks("I10", "I1")
def forgets_at_a_restart_what_was_in_flight(patch: pytest.MonkeyPatch) -> None:
    """What a dead life had sent is not waited for."""

    def resumed(kept: enforcement_state.Kept, now: Any) -> enforcement_state.State:
        fresh = replace(kept, flights=(), holds=(), doubtful=())
        return enforcement_state.State(kept=fresh, read_at=now.mono)

    patch.setattr(enforcer, "resumed", resumed)


@breaks("I10")
def sends_again_what_is_in_flight(patch: pytest.MonkeyPatch) -> None:
    """Two mutations of one position are under way at once."""

    def sendable(state: enforcement_state.State, now: Any) -> tuple[Action, ...]:  # noqa: ARG001
        assert state.view is not None
        return demands.needed(pacing.current(state), state.view)

    patch.setattr(enforcer, "sendable", sendable)


@breaks("I2")
def certifies_after_one_read(patch: pytest.MonkeyPatch) -> None:
    """One read is proof enough."""
    patch.setattr(pacing, "PROOFS", 1)


@breaks("I2")
def proves_within_the_quiet_window(patch: pytest.MonkeyPatch) -> None:
    """The second read of a certificate may follow at once."""
    patch.setattr(pacing, "QUIET", 0)


@breaks("I2", "I8", "book", "orders")
def takes_a_failed_read_for_flat(patch: pytest.MonkeyPatch) -> None:
    """A read that failed shows nothing, so there is nothing."""
    real = account_actor.Account._learnt

    def learnt(self: Any, state: Any, message: Any, now: Any) -> Step[Any]:
        if isinstance(message, TruthFailed):
            message = TruthRead(
                command_id=message.command_id,
                account_id=message.account_id,
                positions=(),
                orders=(),
                trades=(),
                asked=now.mono,
            )
        return real(self, state, message, now)

    patch.setattr(account_actor.Account, "_learnt", learnt)


@breaks("I5")
def forgets_locks_at_a_restart(patch: pytest.MonkeyPatch) -> None:
    """A new life knows no lock."""
    real = lockout.Lockout.begin
    patch.setattr(lockout.Lockout, "begin", lambda self, _, now: real(self, None, now))


@breaks("I5")
def shortens_a_lock_that_is_set_again(patch: pytest.MonkeyPatch) -> None:
    """The last word on a lock's end counts, not the latest end."""
    real = account_guard.answer

    def answer(state: Any, breach: Any) -> tuple[Any, ...]:
        said = real(state, breach)
        held = next((one for one in state.locks if one.rule == breach.rule and one.until), None)
        if held is None or breach.lock is None:
            return said
        sooner = replace(breach.lock, until=Nanos(held.until - SECOND))
        again = SetLock(rule=breach.rule, request=sooner, reason=breach.why)
        return (*said, Send("lockout", again))

    patch.setattr(account_guard, "answer", answer)
    patch.setattr(lockout, "adds", lambda *_: True)
    patch.setattr(lockout, "later", lambda _, request: request.until)


@breaks("I5")
def ends_locks_before_their_time(patch: pytest.MonkeyPatch) -> None:
    """A lock is over a second too soon."""
    real = lockout.expire

    def expire(state: Any, now: Any) -> Any:
        return real(state, replace(now, wall=now.wall + SECOND))

    patch.setattr(lockout, "expire", expire)


@breaks("I3")
def does_not_book_while_locked(patch: pytest.MonkeyPatch) -> None:
    """What happens under a lock is not looked at: the lock will see to it."""
    real = account_actor.Account._booked

    def booked(self: Any, state: Any, fact: Any, now: Any) -> Step[Any]:
        if any(one.scope is None for one in in_force(state, now)):
            return Step(state)
        return real(self, state, fact, now)

    patch.setattr(account_actor.Account, "_booked", booked)


@breaks("I11")
def drops_trades_while_locked(patch: pytest.MonkeyPatch) -> None:
    """What is lost under a lock is not counted, nor read again."""
    real, rebuilt = account_actor.Account.handle, ledger.Ledger.rebuilt

    def handle(self: Any, state: Any, message: Any, now: Any) -> Step[Any]:
        if isinstance(message, TradeSeen) and in_force(state, now):
            return Step(state)
        if isinstance(message, TruthRead) and in_force(state, now):
            message = replace(message, trades=None)
        return real(self, state, message, now)

    patch.setattr(account_actor.Account, "handle", handle)
    patch.setattr(ledger.Ledger, "rebuilt", rebuilt)


@breaks("I11")
def books_a_trade_as_often_as_it_is_told(patch: pytest.MonkeyPatch) -> None:
    """The ledger knows no trade by its id: the numbers of two tellings differ."""
    real = ledger.Ledger.book
    told = [0]

    def counted(self: ledger.Ledger, trade: TradeSeen) -> ledger.Ledger:
        told[0] += 1
        other = replace(trade, trade_id=type(trade.trade_id)(trade.trade_id + (told[0] << 32)))
        return real(self, other)

    patch.setattr(ledger.Ledger, "book", counted)
    patch.setattr(account_reads, "take_truth", _without_trades(account_reads.take_truth))


def _without_trades(real: Any) -> Any:
    def take_truth(state: Any, message: TruthRead) -> Any:
        if state.trades_known:
            message = replace(message, trades=None)
        return real(state, message)

    return take_truth


@breaks("I11")
def ignores_that_a_trade_was_voided(patch: pytest.MonkeyPatch) -> None:
    """A trade once told stands for good."""
    real = ledger.Ledger.book
    patch.setattr(
        ledger.Ledger,
        "book",
        lambda self, trade: self if trade.voided else real(self, trade),
    )


@breaks("I7")
def takes_a_price_of_zero_for_a_price(patch: pytest.MonkeyPatch) -> None:
    """Whatever the Gateway sends is a price."""

    def merged(self: quotes.Quote, message: Any, now: Any, **_: Any) -> Any:
        tapes = [self.last, self.bid, self.ask]
        for number, price in enumerate((message.last, message.bid, message.ask)):
            if price is not None:
                tapes[number] = quotes.Tape(price, now)
        last, bid, ask = tapes
        return quotes.Quote(contract_id=self.contract_id, last=last, bid=bid, ask=ask)

    patch.setattr(quotes.Quote, "merged", merged)


@breaks("I4")
def cancels_protective_stops_under_a_cooldown(patch: pytest.MonkeyPatch) -> None:
    """A cooldown takes every order."""
    real = account_guard.forbidden

    def forbidden(state: Any, lock: Any) -> tuple[Goal, ...]:
        goals = real(state, lock)
        return tuple(
            replace(one, aim=Aim.FLATTEN) if one.aim is Aim.WITHHOLD else one for one in goals
        )

    patch.setattr(account_guard, "forbidden", forbidden)


@breaks("I4", "I6")
def loses_the_timer_of_the_reset(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the clock when the day ends."""
    real = timer.Timer.handle

    def handle(self: Any, state: Any, message: Any, now: Any) -> Step[Any]:
        if isinstance(message, StartTimer) and message.purpose is Purpose.RESET:
            return Step(state)
        return real(self, state, message, now)

    patch.setattr(timer.Timer, "handle", handle)


@breaks("I15")
def lets_the_shadow_act(patch: pytest.MonkeyPatch) -> None:
    """An account that is only watched is enforced like any other."""
    patch.setattr(roster, "ShadowEnforcer", enforcer.Enforcer)
    patch.setattr(AccountPlan, "shadowed", lambda _plan, _rule: False)


@breaks("I1")
def reduces_twice(patch: pytest.MonkeyPatch) -> None:
    """A reduction is asked for at the size of the whole position, and one more."""
    real = flights.command_of

    def command_of(*args: Any) -> Any:
        asked = real(*args)
        if isinstance(asked, PartialClose):
            return replace(asked, size=asked.size + 1)
        return asked

    patch.setattr(enforcer, "command_of", command_of)


@breaks("I8", "still demanded", "never settled", "I3")
def acts_on_an_answer_as_if_it_were_proof(patch: pytest.MonkeyPatch) -> None:
    """Accepted is done: the demand is dropped, and confirmed by no read."""
    real = enforcer.Enforcer._answered

    def answered(self: Any, state: Any, message: Any, now: Any) -> Step[Any]:
        step = real(self, state, message, now)
        if message.outcome == "accepted" and step.state.kept.demands:
            return Step(replace(step.state, kept=replace(step.state.kept, demands=())), ())
        return step

    patch.setattr(enforcer.Enforcer, "_answered", answered)


@breaks("book", "orders", "armed", "I11", "001", "002", "I3")
def does_not_read_again_after_a_gap(patch: pytest.MonkeyPatch) -> None:
    """What the hub did not tell is not asked for, neither at once nor by polls; the start is."""
    real = gateway.Gateway.handle

    def handle(self: Any, state: Any, message: Any, now: Any) -> Step[Any]:
        step = real(self, state, message, now)
        if state.hubs is Hubs.CLOSED:
            return step
        deaf = tuple(
            one
            for one in step.effects
            if not (isinstance(one, Send) and isinstance(one.message, Resync))
        )
        return Step(step.state, deaf)

    patch.setattr(gateway.Gateway, "handle", handle)


@breaks("I8", "I1")
def closes_also_what_nobody_asked_for(patch: pytest.MonkeyPatch) -> None:
    """Every demand is taken for a flatten of the whole account."""
    real = demands.keep

    def keep(goals: tuple[Goal, ...], contract_id: Any) -> int | None:
        found = real(goals, contract_id)
        return 0 if goals else found

    patch.setattr(demands, "keep", keep)


@breaks("I8")
def acts_for_a_rule_that_is_content(patch: pytest.MonkeyPatch) -> None:
    """What was withdrawn is brought about all the same."""
    real = demands.needed

    def needed(held: tuple[demands.Demand, ...], view: Any) -> tuple[Action, ...]:
        return real(tuple(replace(one, withdrawn=False) for one in held), view)

    patch.setattr(pacing, "needed", needed)


@breaks("004", "003", "005", "013", "I7")
def forgets_the_triggers_that_rest_in_the_market(patch: pytest.MonkeyPatch) -> None:
    """No price ever asks a rule to judge, and neither does the sweep."""
    patch.setattr(triggers.TriggerBook, "crossed", lambda *_: ())
    patch.setattr(market_data, "seen", lambda *_: ())


@breaks("I1")
def places_a_stop_for_more_than_is_held(patch: pytest.MonkeyPatch) -> None:
    """A stop of ours is one contract too many: as it fills it opens a position."""
    real = flights.command_of

    def command_of(*args: Any) -> Any:
        asked = real(*args)
        return replace(asked, size=asked.size + 1) if isinstance(asked, PlaceStop) else asked

    patch.setattr(enforcer, "command_of", command_of)


@breaks("I1")
def leaves_its_stops_behind(patch: pytest.MonkeyPatch) -> None:
    """Stops of ours stay when their position goes."""
    patch.setattr(account_guard, "misfits", lambda _: ())
    patch.setattr(demands, "misfits", lambda _: ())


@breaks("guarded by", "009")
def loosens_at_once(patch: pytest.MonkeyPatch) -> None:
    """What is asked for is in force, be it looser."""
    patch.setattr(settings, "tightened", lambda _, asked: asked)


@breaks("guarded by")
def loosens_at_a_restart(patch: pytest.MonkeyPatch) -> None:
    """A start is guarded by what is configured, whatever was in force."""
    patch.setattr(settings, "resumed", lambda _kept, wanted, _wall: wanted)


@breaks("I5")
def ends_locks_by_its_own_clock(patch: pytest.MonkeyPatch) -> None:
    """A clock that is ahead of the Gateway's ends locks."""
    real = lockout.expire

    def expire(state: Any, now: Any) -> Any:
        step = real(state if state.ahead is None else replace(state, ahead=Nanos(0)), now)
        return Step(replace(step.state, ahead=state.ahead), step.effects)

    patch.setattr(lockout, "expire", expire)


@breaks("I6")
def asks_for_trades_before_it_knows_the_day(patch: pytest.MonkeyPatch) -> None:
    """An account that is born again asks for the trades since now."""
    real = account_reads.ask_truth

    def ask_truth(plan: AccountPlan, state: Any, **how: bool) -> Any:
        day = state.day
        state = replace(state, day=replace(day, day=day.day or "today"))
        after, said = real(plan, state, **how)
        return replace(after, day=day), said

    patch.setattr(account_reads, "ask_truth", ask_truth)


@breaks("I6", "I5")
def ends_days_by_its_own_clock(patch: pytest.MonkeyPatch) -> None:
    """A clock that is ahead of the Gateway's ends the trading day."""
    real = reset.Reset.handle

    def handle(self: Any, state: Any, message: Any, now: Any) -> Step[Any]:
        if isinstance(message, ClockSkewed):
            message = ClockSkewed(ahead=Nanos(0))
        return real(self, state, message, now)

    patch.setattr(reset.Reset, "handle", handle)


@breaks("I6", "I5")
def tells_an_account_that_died_nothing_of_the_clocks(patch: pytest.MonkeyPatch) -> None:
    """An account that is born again takes this machine's clock for right."""
    real = gateway.Gateway._again

    def again(self: Any, state: Any, account_id: Any, now: Any) -> Step[Any]:
        return real(self, replace(state, ahead=None), account_id, now)

    patch.setattr(gateway.Gateway, "_again", again)


@breaks("I7")
def does_not_notice_that_it_is_blind(patch: pytest.MonkeyPatch) -> None:
    """No price is ever too old."""
    patch.setattr(feed, "lapses", lambda *_: ())


@breaks("I7")
def never_sees_again(patch: pytest.MonkeyPatch) -> None:
    """A pause goes on although prices have come."""
    patch.setattr(account_feed, "_resumed", lambda *_: ())


@breaks("I7")
def closes_an_account_on_one_print(patch: pytest.MonkeyPatch) -> None:
    """A crossing is believed at once."""
    patch.setattr(rule, "weigh", lambda _doubt, judged, *_args, **_keys: (judged, None))


@breaks("I3")
def leaves_an_account_open_without_a_rule(patch: pytest.MonkeyPatch) -> None:
    """A rule that will not stand is given up, and nothing is locked for it."""
    real = account_life.fail_closed

    def fail_closed(*args: Any) -> Any:
        state, said = real(*args)
        return state, tuple(one for one in said if getattr(one, "to", "") != "lockout")

    patch.setattr(account_life, "fail_closed", fail_closed)


@breaks("I3")
def looks_once_as_the_last_resort(patch: pytest.MonkeyPatch) -> None:
    """What is opened after its first read stays."""
    real = last_resort.LastResort.handle

    def handle(self: Any, state: Any, message: Any, now: Any) -> Step[Any]:
        return Step(state) if isinstance(message, Tick) else real(self, state, message, now)

    patch.setattr(last_resort.LastResort, "handle", handle)


@breaks("I4")
def loses_what_a_timer_did_not_hear(patch: pytest.MonkeyPatch) -> None:
    """A timer that dies takes what was wished of it after that with it."""
    real = Runtime.wished

    def wished(self: Runtime, path: str, message: object) -> None:
        if not (path.endswith("/timer") and self.dying[path][1]):
            real(self, path, message)

    patch.setattr(Runtime, "wished", wished)


@breaks("I3")
def loses_what_a_lockout_did_not_hear(patch: pytest.MonkeyPatch) -> None:
    """A lockout that dies takes what was wished of it with it."""
    real = Runtime.wished

    def wished(self: Runtime, path: str, message: object) -> None:
        if not path.endswith("/lockout"):
            real(self, path, message)

    patch.setattr(Runtime, "wished", wished)


@breaks("book", "orders", "armed", "I11", "001", "002", "I3", "010")
def trusts_the_hubs_as_long_as_they_are_open(patch: pytest.MonkeyPatch) -> None:
    """Nothing is read as a matter of course: what an open hub does not tell is not known."""

    def polled(self: Any, accounts: Any, now: Any) -> Any:  # noqa: ARG001
        return self, []

    patch.setattr(readings.Readings, "polled", polled)


@breaks("009")
def locks_all_products_when_the_account_may_not_trade(patch: pytest.MonkeyPatch) -> None:
    """A product with hours of its own is locked by the account's."""
    real = trading_hours.TradingHours.scope

    def scope(self: Any, pattern: str | None) -> str | None:
        return None if pattern is None else real(self, pattern)

    patch.setattr(trading_hours.TradingHours, "scope", scope)


@breaks("009")
def hears_of_the_end_of_a_session_by_chance(patch: pytest.MonkeyPatch) -> None:
    """Nobody is woken as a window ends: it is noticed when something else happens."""
    patch.setattr(trading_hours.TradingHours, "next_change", lambda *_: None)
