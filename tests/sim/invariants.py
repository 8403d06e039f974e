"""What must be so after every step, whatever the weather, for each account of a run.

Each check names the invariant it stands for.  None of them asks the code under test whether it
is right: they compare what it did with what the broker knows and with what it was told.  What must
be so once it is calm is in tests/sim/at_rest.py.

| id | where it is checked |
|---|---|
| I1 | as a reduction is asked for; at the broker, as a close arrives (tests/sim/broker.py) |
| I2 | before any mutation something was read; no certificate without two good reads |
| I3 | after each step under a lock in force, and at rest, also for cooldowns and symbols |
| I4 | after each step: a demand is in flight, read or timed; no exit is taken away by a cooldown |
| I5 | after each step, at each commit, and as each process begins |
| I6 | as trades are asked for; as a day ends (nothing of it is demanded then); at commit, at rest |
| I7 | after each step: no position is valued by a price that never was; a breach is found at rest |
| I8 | as a mutation is asked for (somebody wants it); each certificate against what was read |
| I9 | tests/replay/test_same_decisions.py: these runs' journals are heard again, bit for bit |
| I10 | as a mutation leaves |
| I11 | at rest |
| I12 | at rest: nothing is held in a contract of no value |
| I13 | at rest: only the account whose calls hang may be late (`Weather.hanging`) |
| I14 | at rest: every rule has judged since it is calm |
| I15 | as a mutation leaves, and at rest |
| I16 | tests/sim/test_timelines.py: every order and duplication of an episode's messages |
"""

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from actors import enforcer as enforcer_actor
from actors import lockout as lockout_actor
from actors import reset as reset_actor
from actors import rule as rule_actor
from actors import timer as timer_actor
from actors.account_feed import FEED
from actors.account_life import SUPERVISION
from actors.model import account_state, enforcement_state
from actors.model.account_state import SOFT, covers
from actors.model.aliases import canonical
from actors.model.demands import Demand
from actors.model.enforcement_state import ORPHAN_MAX
from actors.model.pacing import ANSWER_MAX, QUIET
from actors.model.tightening import tightened
from actors.plan import AccountPlan, planned
from actors.rules import RULES, auth_loss_guard, session_block_outside, symbol_blocks
from actors.rules.rule import Mode
from actors.runtime import of
from actors.tree import RULE_PREFIX, SETTINGS
from actors.turn import Portion, Turn
from ops.desk.armed import acts
from protocol.account_facts import (
    AccountSeen,
    OrderSeen,
    OrderType,
    PositionSeen,
    Side,
    TradeSeen,
)
from protocol.answers import AccountsRead, Answered, LoggedIn, Outcome, TruthRead
from protocol.codec import decode_state
from protocol.commands import (
    CancelOrder,
    CloseContract,
    ModifyOrder,
    Mutation,
    PartialClose,
    PlaceStop,
    ReadTruth,
)
from protocol.decisions import (
    ConfigurationTaken,
    DayReset,
    EnforcementConfirmed,
    EnforcementRequested,
    EnforcementWithdrawn,
    LockEnded,
    LockSet,
    VerdictChanged,
)
from protocol.enforcement import Aim, Goal, Priority
from protocol.lockouts import Lock, LockKind
from protocol.message import Message
from protocol.schedule import Clock
from protocol.settings import KeptSettings, Reconfigure
from protocol.units import AccountId, Now, RuleName
from tests.actors.faulty import StruckError
from tests.sim import hours
from tests.sim.broker import INSTRUMENTS
from tests.sim.hearing import Hearing
from tests.sim.stays import Stays, lowered, stay, stood

if TYPE_CHECKING:
    from tests.sim.kernel import Kernel

WANTED: dict[type, tuple[Aim, ...]] = {
    CloseContract: (Aim.FLATTEN, Aim.REDUCE),
    PartialClose: (Aim.FLATTEN, Aim.REDUCE),
    CancelOrder: (Aim.FLATTEN, Aim.WITHHOLD, Aim.FIT),
    ModifyOrder: (Aim.TIGHTEN, Aim.FIT),
    PlaceStop: (Aim.PROTECT,),
}
"""What must have been demanded for a mutation to be sent."""
ABOUT_STOPS = (Aim.TIGHTEN, Aim.PROTECT, Aim.FIT)

type Key = tuple[str | None, RuleName]


class Violation(AssertionError):
    """An invariant does not hold."""


class Flight(msgspec.Struct):
    """A mutation that was let out: unresolved until an answer, or a read that left later."""

    command_id: str
    deadline: int
    doubtful_since: int | None = None
    resolved: bool = False


class Invariants:
    """Watches one account of a run."""

    def __init__(self, kernel: "Kernel", plan: AccountPlan) -> None:
        self.kernel = kernel
        self.plan = plan
        self.account_id: AccountId = plan.account_id
        self.path = f"account/{plan.account_id}"
        self.locks: dict[Key, Lock] = {}
        """Those that are on the disk."""
        self.living: dict[Key, Lock] = {}
        """Those that the living process has told of."""
        self.stays: dict[Key, Stays] = {}
        """What was held, as far as was known, as a cooldown began, less what has left since."""
        self._untimed: set[str] = set()
        """Who waited for what no timer had as the last turn ended: its actor may be on its way."""
        self._written = self.stays
        """The same as the disk knows it: what a crash takes back was never known."""
        self._unwritten: dict[int, dict[Key, Stays]] = {}
        self.requested: dict[str, str] = {}
        self.settled: set[str] = set()
        self.resets: list[int] = []
        self.named_at: int | None = None
        """When the first day had its name by the Gateway's clock too."""
        self.first_day: int | None = None
        """When the first day began that the disk was told of: a reset before that is none."""
        self.mutations = self.confirmed = 0
        self.may_trade: bool | None = None
        self._told_at = -1
        """As of when, by the stopwatch of this life."""
        self._wanted = plan
        """What the desk was asked for last; it applies in whole at the next reset."""
        self._told = plan
        """What the desk was told last: asked for once it says that it has taken it."""
        self._guarded: AccountPlan | None = None
        """By what it is guarded as the disk has it."""
        self._gentle = gentle(plan)
        """Rules whose cooldown has always let positions and their exits stand."""
        self.hearing = Hearing(self)
        self._lateness = hours.Lateness()
        self._goals: dict[str, tuple[Goal, ...]] = {}
        self._heard: Message | None = None
        self.asked: dict[str, tuple[Demand, ...]] = {}
        """What was demanded as each mutation was asked for, by its id, until that is judged."""
        self._flights: dict[str, Flight] = {}
        self._reborn = -1
        """When the enforcer last began anew within a process."""
        self._reads: dict[str, tuple[TruthRead, int]] = {}

    # What happens

    def booted(self, stored: dict[str, bytes]) -> None:
        """I5: what the disk gives back holds every lock that was written."""
        self._reads, self._told_at = {}, -1
        self.hearing.begins()
        self._lateness.begins()
        wanted = self.kernel.wanted[self.account_id]
        self.plan = wanted if self._guarded is None else self._guarded
        self._asked_for(wanted)
        raw = stored.get(f"{self.path}/lockout")
        found = () if raw is None else decode_state(raw, lockout_actor.Kept).locks
        self._no_lock_is_lost(self.locks, found)
        self.living = {}
        self.stays = {key: one for key, one in self.stays.items() if key in _cooling(found)}

    def _asked_for(self, wanted: AccountPlan) -> None:
        """Take what is configured: what is tighter applies at once, the rest at the reset."""
        self._wanted = wanted
        self._guarded_by(tightened(self.plan, wanted))

    def _guarded_by(self, plan: AccountPlan) -> None:
        self.plan = plan
        self._gentle &= gentle(plan)

    def crashed(self) -> None:
        """Nobody will hear the answers: what was under way may have happened."""
        for flight in self._flights.values():
            flight.doubtful_since = -1
        self.stays = self._written
        self._unwritten.clear()

    def _restarted(self) -> None:
        """The next life waits for the same answers, but not as long: it may have died of one."""
        self._reborn = self.kernel.now().mono
        for flight in self._flights.values():
            flight.deadline = min(flight.deadline, self._reborn + ORPHAN_MAX)

    def hears(self, message: Message) -> None:
        """Note what the desk is about to hear of its commands, and of its leave to trade."""
        mono = self.kernel.now().mono
        self._heard = message
        for flight in self._flights.values():
            if flight.doubtful_since is None and flight.deadline <= mono:
                flight.doubtful_since = flight.deadline
        listed = message.accounts if isinstance(message, AccountsRead | LoggedIn) else (message,)
        for one in listed:
            if isinstance(one, AccountSeen) and one.account_id == self.account_id:
                self._told_of(one, mono)
        if isinstance(message, Answered) and message.account_id == self.account_id:
            self._answered(message, mono)
        if isinstance(message, Reconfigure) and message.account_id == self.account_id:
            self.kernel.happened.add("reload")
            self._told = planned(message.wanted, self.account_id, self.plan.name)
        if isinstance(message, TruthRead) and message.account_id == self.account_id:
            self._reads[message.command_id] = (message, mono)
            for flight in self._flights.values():
                since = flight.doubtful_since
                flight.resolved |= since is not None and message.asked >= since

    def _told_of(self, seen: AccountSeen, mono: int) -> None:
        """Note whether the account may trade, unless it is told from before what was heard."""
        asked = seen.asked
        if seen.can_trade is not None and (asked is None or asked > self._told_at):
            self.may_trade, self._told_at = seen.can_trade, mono if asked is None else asked

    def _answered(self, message: Answered, mono: int) -> None:
        for flight in self._flights.values():
            if flight.command_id == message.command_id and flight.doubtful_since is None:
                if message.outcome is Outcome.UNCERTAIN:
                    flight.doubtful_since = mono
                else:
                    flight.resolved = True

    def committed(self, portion: Portion) -> None:
        """Judge decisions as they reach the disk."""
        for decision in portion.decisions:
            match decision:
                case EnforcementRequested(enforcement_id=one, why=why):
                    self.requested[one] = why
                case EnforcementWithdrawn(enforcement_id=one):
                    self.settled.add(one)
                case EnforcementConfirmed():
                    self.confirmed += 1
                    self.settled.add(decision.enforcement_id)
                case DayReset(instant=instant):
                    self.demand(instant not in self.resets, f"I6 {instant} twice")
                    self.resets.append(instant)
                case LockEnded(lock=lock):  # judged as it was decided: by now the clock may be set
                    self.locks.pop(lock.key, None)
                case _:
                    pass
        self._written = self._unwritten.pop(id(portion), self._written)
        kept = portion.kept.get(f"{self.path}/lockout")
        if isinstance(kept, lockout_actor.Kept):
            self._no_lock_is_lost(self.locks, kept.locks)
            self.locks = {lock.key: lock for lock in kept.locks}
        day = portion.kept.get(f"{self.path}/reset")
        if isinstance(day, reset_actor.Kept):
            if self.first_day is None:
                self.first_day = day.last_reset
            if self.named_at is None and not day.guessed:
                self.named_at = self.kernel.time
        guarded = portion.kept.get(f"{self.path}/{SETTINGS}")
        if isinstance(guarded, KeptSettings):
            whole = planned(guarded.held, self.account_id, self.plan.name)
            self._guarded = replace(self.plan, rules=whole.rules, feed=whole.feed)

    def after(self, turn: Turn, cause: str) -> None:
        """Judge the actors once a step is over, before any of it is written."""
        for path, why in turn.deaths:
            if not path.startswith(self.path):
                continue
            doomed = path == self.path and self._is_doomed()
            struck = why.startswith(StruckError.__name__) or doomed
            self.demand(struck, f"{path} died by itself: {why}")
            if path in (self.path, f"{self.path}/enforcer"):
                self._restarted()
            if path == self.path:
                self.hearing.begins()
                self._lateness.begins()
            self.hearing.buried(RuleName(path.rsplit("/", 1)[1]))
        enforcer, account = self.enforcer(), self.account()
        heard, self._heard = self._heard, None
        if account is not None and not turn.deaths:
            self._booked(account, heard)
        portion = turn.portions.get(self.account_id)
        if portion is not None:
            self._decided(portion)
            self._whole_days(portion, account)
        if account is not None:
            self._priced(account)
            self.hearing.doubts(account)
        if account is not None and not turn.deaths and "feed" in self.kernel.twists:
            self.hearing.judge(account)
        if account is not None and portion is not None and self.alive("lockout"):
            self._locked(account, enforcer, cause)
            self._without()
            self._within_hours(account)
        if account is not None and enforcer is not None:
            self._acted(account)
        if enforcer is not None:
            for demand in enforcer.kept.demands:
                self._goals[demand.enforcement_id] = demand.goals
            self._under_way(enforcer, cause)
        if portion is not None:
            for command in portion.mutations:
                self._asked(command)
            self._unwritten[id(portion)] = self.stays
        if not self.flat_by_force:
            self._timed(cause)

    def _timed(self, cause: str) -> None:
        """I4: whoever waits for an instant is waited for by the timer: nobody would ask again."""
        timer = self._state("/timer", timer_actor.State)
        if timer is None:
            return
        now = self.kernel.now()
        held = {one.name for one in timer.kept.timers}
        enforcer, lockout = self.enforcer(), self.lockout()
        reset = self._state("/reset", reset_actor.State)
        waits: list[str] = []
        if enforcer is not None and enforcer.timer is not None:
            waits.append(enforcer_actor.TIMER)
        if lockout.ahead is not None and any(one.until is not None for one in lockout.locks):
            waits.append(lockout_actor.TIMER)
        if reset is not None and reset.ahead is not None:
            waits.append(reset_actor.TIMER)
        for rule in self.plan.rules:
            one = self._state(f"/{RULE_PREFIX}{rule}", rule_actor.State)
            if one is not None and one.wake is not None:
                clock = now.wall if one.wake.clock is Clock.WALL else now.mono
                if one.wake.at > clock:
                    waits.append(f"{RULE_PREFIX}{rule}")
        missing, before = set(waits) - held, self._untimed
        self._untimed = missing
        self.demand(not missing & before, f"I4 {missing} wait for what no timer has, on {cause}")

    def _is_doomed(self) -> bool:
        """Tell whether somebody will not stand without whom the account cannot: a rule is none."""
        doomed, rules = self.kernel.weather.doomed, f"{self.path}/{RULE_PREFIX}"
        return any(of(self.path, one) and not one.startswith(rules) for one in doomed)

    def _acted(self, account: account_state.State) -> None:
        """I14: what a rule has found is so, or demanded: or its alarm would be raised in error."""
        life = self.kernel.life
        assert life is not None
        for rule in set(account.plan.rules) - self.gone:
            acted = acts(life.runtime, account, self.path, rule)
            verdict = account.verdicts.get(rule)
            self.demand(acted, f"I14 nobody acts on what {rule} has found: {verdict}")

    def _booked(self, account: account_state.State, heard: Message | None) -> None:
        """I3, I11: what is heard is booked at once, locked or not, if it is still so.

        A position that is again just as it was may be a copy: then the truth is being read.
        """
        if getattr(heard, "account_id", None) != self.account_id:
            return
        if isinstance(heard, PositionSeen) and heard.size:
            true = self.kernel.brokers[self.account_id].positions.get(heard.contract_id)
            row = account.book.rows.get(heard.contract_id)
            shown = true != heard or (row is not None and row.seen == heard)
            read = heard in account.book.replaced and account.reading is not None
            self.demand(shown or read, f"I3 {heard} is not in the book: {row}")
        if isinstance(heard, TradeSeen) and heard.at >= account.day.started:
            stands = heard.trade_id in {one.trade_id for one in account.ledger.trades}
            wanted = not self.kernel.brokers[self.account_id].trades[heard.trade_id].voided
            self.demand(stands is wanted or not heard.voided, f"I11 {heard} still counts")
            self.demand(stands or not wanted, f"I11 {heard} does not count")

    def _decided(self, portion: Portion) -> None:
        anew, before = False, self.plan
        withdrawn = {one.rule for one in portion.decisions if isinstance(one, EnforcementWithdrawn)}
        for decision in portion.decisions:
            match decision:
                case EnforcementRequested(rule=rule) if anew and rule not in withdrawn:
                    self._of_today(rule)
                case EnforcementConfirmed():
                    self._proven(decision)
                case LockEnded(lock=lock):
                    self._over(lock)
                case ConfigurationTaken(on="reload"):
                    self._asked_for(self._told)
                case DayReset():
                    anew = True
                    self._guarded_by(self._wanted)
                case VerdictChanged(rule=rule, unknown=unknown):
                    self.hearing.doubted(rule, unknown, self.plan)
                case LockSet() if (account := self.account()) is not None:
                    self.hearing.locks(decision, account, self.plan)
                    self._outside(decision.lock, before)
                case _:
                    pass

    def _whole_days(self, portion: Portion, account: account_state.State | None) -> None:
        """I6: whoever asks for trades asks for those of the whole day."""
        for read in portion.reads:
            if account is not None and isinstance(read, ReadTruth) and read.trades_since:
                whole = read.trades_since <= account.day.started
                self.demand(whole, f"I6 {read.command_id} asks for less than the day's trades")

    def _outside(self, lock: Lock, before: AccountPlan) -> None:
        """RULE-009: a lock covers what may not be traded, and no longer than that is so.

        It may still be set by what was in force as the turn began, as in that of a reset.  One that
        hardens keeps its end.
        """
        plans = (before.rules.get(lock.rule), self.plan.rules.get(lock.rule))
        known = [one for one in plans if isinstance(one, session_block_outside.Params)]
        wrong = [hours.rightly_set(one, lock, self.kernel.wall) for one in known]
        if known and "hours" in self.kernel.twists:
            self.kernel.happened.add("hours")
        old = self.living.get(lock.key)
        hardens = old is not None and old.kind in SOFT and old.until == lock.until
        self.demand(hardens or not wrong or None in wrong, f"009 {wrong}: {lock}")

    def _within_hours(self, account: account_state.State) -> None:
        """RULE-009: what may not be traded is locked before long, whether or not it is held."""
        name = session_block_outside.NAME
        params = self.plan.rules.get(name)
        if not isinstance(params, session_block_outside.Params) or name in self.gone:
            return
        if Mode.SHADOW in (self.plan.mode, params.mode) or not account.known:
            self._lateness.begins()
            return
        late = self._lateness.unlocked(self, params, self.kernel.now())
        self.demand(not late, f"009 {late} may still be traded")

    def _of_today(self, rule: RuleName) -> None:
        """I6: what a day did is not answered on the day after."""
        state = self._state(f"/{RULE_PREFIX}{rule}", rule_actor.State)
        account = self.account()
        if state is None or account is None:
            return  # not a rule's demand, or it has died of this turn
        locked = any(one.rule == rule for one in account.locks)
        self.demand(locked or bool(state.would), f"I6 {rule} demands what the last day did")

    def _over(self, lock: Lock) -> None:
        """I5: a lock ends when its time has come, or by the state that it waited for."""
        if lock.until is not None:
            self.demand(lock.until <= self.kernel.agreed, f"I5 {lock} ended early")
        else:
            self.demand(self._waits_no_more(lock), f"I5 {lock} ended without its condition")
        self.living.pop(lock.key, None)
        self.stays = {key: stays for key, stays in self.stays.items() if key != lock.key}

    def _waits_no_more(self, lock: Lock) -> bool:
        """I5: a lock without an instant ends by the state that it waited for, or with its rule."""
        params = self.plan.rules.get(lock.rule)
        if lock.rule in RULES and (params is None or params.mode is Mode.SHADOW):
            return True
        if isinstance(params, symbol_blocks.Params):
            return lock.scope not in set(map(canonical, params.symbols))
        if isinstance(params, session_block_outside.Params):
            return not hours.unlocked(self, params, self.kernel.wall)
        if lock.rule == FEED:
            return self.hearing.sees()
        return lock.rule == auth_loss_guard.NAME and self.may_trade is True

    def _priced(self, account: account_state.State) -> None:
        """I7: what values a position is a price that was true some time."""
        for contract_id, marks in account.marks.items():
            tick = INSTRUMENTS[contract_id].tick_size
            low, high = self.kernel.street.range[contract_id]
            for price in (marks.long, marks.short):
                fits = price is None or low - tick <= price <= high + tick
                fits = fits or price in self.kernel.street.misprints
                self.demand(fits, f"I7 {contract_id} is valued by {price}, of {low} to {high}")

    def _locked(
        self, account: account_state.State, enforcer: enforcement_state.State | None, cause: str
    ) -> None:
        """I3, I5: no lock is lost, and what is exposed under one is being undone."""
        locks = self.lockout().locks
        self._no_lock_is_lost(self.living, locks)
        self.living = {lock.key: lock for lock in locks}
        held = {key: row.seen for key, row in account.book.rows.items()}
        broker, cooling = self.kernel.brokers[self.account_id], _cooling(locks)
        self.stays = {
            key: self.stays[key] if key in self.stays else stood(lock, held, broker)
            for key, lock in cooling.items()
        }
        if account.known:
            self.stays = {one: lowered(stays, held) for one, stays in self.stays.items()}
        if enforcer is None or not account.known:
            return
        goals = [
            goal
            for demand in enforcer.kept.demands
            if not demand.withdrawn
            for goal in demand.goals
            if goal.aim is Aim.FLATTEN
        ]
        exposed = set(held) | {one.contract_id for one in account.book.orders.values()}
        for lock in locks:
            if lock.kind in SOFT or not self.in_force(lock):
                continue
            for contract_id in exposed:
                undone = any(goal.contract_id in (None, contract_id) for goal in goals)
                so = undone or not covers(lock.scope, contract_id)
                self.demand(so, f"I3 {contract_id} under {lock}, and nothing is done, on {cause}")

    def _without(self) -> None:
        """I3: an account without a rule that will not stand is locked until its reset."""
        for rule in self.gone:
            self.kernel.happened.add("gone")
            path = f"{self.path}/{RULE_PREFIX}{rule}"
            self.demand(path in self.kernel.weather.doomed, f"{path} is gone by itself")
            locked = any(
                one.rule == SUPERVISION and one.kind is LockKind.HARD and one.scope is None
                for one in self.lockout().locks
            )
            needed = self.plan.mode is Mode.ENFORCE and self.plan.rules[rule].mode is Mode.ENFORCE
            self.demand(locked or not needed, f"I3 {rule} is gone, and the account is open")

    def _under_way(self, enforcer: enforcement_state.State, cause: str) -> None:
        """I4: while something is demanded, something is in flight, is read, or has a time."""
        if any(one.priority is not Priority.AUTOMATION for one in enforcer.kept.demands):
            busy = enforcer.kept.flights or enforcer.reading or enforcer.timer is not None
            self.demand(bool(busy), f"I4 {enforcer.kept.demands} sleep, on {cause}")

    def _asked(self, command: Mutation) -> None:
        """Judge a mutation as it is decided on: I1, I2, I8, I15."""
        if isinstance(command, PlaceStop):
            self.kernel.happened.add("place_stop")
        enforcer, account = self.enforcer(), self.account()
        if self.flat_by_force:
            self.kernel.happened.add("last_resort")
            closing = isinstance(command, CloseContract | CancelOrder)
            self.demand(closing and bool(self._reads), f"I1, I2 {command} of the last resort")
            self.demand(self.plan.mode is Mode.ENFORCE, f"I15 {command} from the shadow")
            return
        self.demand(self.plan.mode is Mode.ENFORCE, f"I15 {command} from the shadow")
        self.demand(bool(self._reads), f"I2 {command} before anything was known")
        assert enforcer is not None
        assert account is not None
        asking = {
            demand.rule
            for demand in self.asked.pop(command.command_id, ())
            if not demand.withdrawn
            for goal in demand.goals
            if goal.contract_id in (None, command.contract_id) and goal.aim in WANTED[type(command)]
        }
        self.demand(bool(asking), f"I8 nobody asked for {command}")
        if asking <= self._gentle:
            self._spared(command, account, asking)
        if isinstance(command, PartialClose):
            row = account.book.rows.get(command.contract_id)
            held = abs(row.seen.size) if row is not None else 0
            self.demand(0 < command.size < held, f"I1 {command} of {held}")
        if isinstance(command, PlaceStop):
            row = account.book.rows.get(command.contract_id)
            held = 0 if row is None else row.seen.size
            against = 0 < command.size <= abs(held) and (command.side is Side.SELL) == (held > 0)
            self.demand(against, f"I1 {command} of {held}")
        if isinstance(command, ModifyOrder):
            self._tightens(command, account.book.orders.get(command.order_id))

    def _tightens(self, command: ModifyOrder, order: OrderSeen | None) -> None:
        """I1: a stop is moved towards the market, or made smaller, and never the other way."""
        assert order is not None, command
        smaller = command.size is None or command.size <= order.size
        old, new = order.stop_price, command.stop_price
        nearer = (
            new is None or old is None or (new >= old if order.side is Side.SELL else new <= old)
        )
        self.demand(smaller and nearer, f"I1 {command} loosens {order}")
        moves = order.type is not OrderType.TRAILING_STOP
        self.demand(moves, f"I1 {command}, and {order} moves by itself")
        limit, stop = command.limit_price, command.stop_price
        room = 0 if limit is None or stop is None else stop - limit
        beyond = room >= 0 if order.side is Side.SELL else room <= 0
        self.demand(beyond, f"I1 {command} would not fill where it is reached")

    def _spared(
        self, command: Mutation, account: account_state.State, asking: set[RuleName]
    ) -> None:
        """I4: a cooldown that lets positions stand takes away no exit, and closes none whole."""
        row = account.book.rows.get(command.contract_id)
        held = 0 if row is None else row.seen.size
        if isinstance(command, CancelOrder):
            order = account.book.orders.get(command.order_id)
            exits = (
                order is not None
                and held != 0
                and (order.side is Side.SELL) == (held > 0)
                and order.size - order.filled <= abs(held)
            )
            self.demand(not exits, f"I4 {asking} take away {order} of {held}")
        if isinstance(command, CloseContract):
            seen = None if row is None else row.seen
            stays = [stay(self.stays[None, one], seen) for one in asking]
            self.demand(0 in stays, f"I4 {asking} close {held} in {command.contract_id}")

    def leaves(self, command: Mutation, decided: Now) -> None:
        """I10: at most one mutation of a position or an order is unresolved."""
        self.mutations += 1
        if self.flat_by_force:  # it knows no flight: it looks, and closes what it sees again
            return
        key = f"position/{command.contract_id}"
        if isinstance(command, CancelOrder | ModifyOrder):
            key = f"order/{command.order_id}"
        if isinstance(command, PlaceStop):
            key = f"stop/{command.contract_id}"
        before = self._flights.get(key)
        free = before is None or before.resolved
        self.demand(free, f"I10 {command} while {before} is unresolved")
        patience = ORPHAN_MAX if decided.mono == self._reborn else ANSWER_MAX
        deadline = decided.mono + patience
        self._flights[key] = Flight(command_id=command.command_id, deadline=deadline)

    # What is so

    @property
    def flat_by_force(self) -> bool:
        """Tell whether the account's last resort holds it flat, in place of its tree."""
        life = self.kernel.life
        return life is not None and f"{self.path}/last_resort" in life.runtime.addresses

    @property
    def gone(self) -> set[RuleName]:
        """Return the rules that were given up in this life."""
        if self.account() is None:
            return set()
        return {one for one in self.plan.rules if not self.alive(f"{RULE_PREFIX}{one}")}

    def account(self) -> account_state.State | None:
        """Return what the account actor knows."""
        return self._state("", account_state.State)

    def enforcer(self) -> enforcement_state.State | None:
        """Return what the enforcer is about."""
        if self.plan.mode is Mode.SHADOW:
            return None
        return self._state("/enforcer", enforcement_state.State)

    def lockout(self) -> lockout_actor.State:
        """Return the locks of the living process."""
        found = self._state("/lockout", lockout_actor.State)
        assert found is not None
        return found

    def alive(self, name: str) -> bool:
        """Tell whether a child of the account lives."""
        life = self.kernel.life
        return life is not None and f"{self.path}/{name}" in life.runtime.states

    def _state[S](self, name: str, shape: type[S]) -> S | None:
        life = self.kernel.life
        found = None if life is None else life.runtime.states.get(self.path + name)
        assert found is None or isinstance(found, shape)
        return found

    def in_force(self, lock: Lock) -> bool:
        """Tell whether a lock holds now, whatever its clock thinks of the Gateway's."""
        return lock.until is None or lock.until > self.kernel.agreed

    def _no_lock_is_lost(self, known: dict[Key, Lock], found: tuple[Lock, ...]) -> None:
        """I5: a lock stays until it is said to have ended, and its end never moves earlier."""
        now = {lock.key: lock for lock in found}
        for key, before in known.items():
            after = now.get(key)
            self.demand(after is not None, f"I5 {before} is gone")
            until = None if after is None else after.until
            longer = until is None or (before.until is not None and until >= before.until)
            self.demand(longer, f"I5 {before} is shorter now: {after}")

    def _proven(self, confirmed: EnforcementConfirmed) -> None:
        """I2, I8: two good reads across the quiet window showed what was demanded."""
        goals = self._goals[confirmed.enforcement_id]
        reads = confirmed.certificate.reads
        known = [self._reads[one] for one in reads if one in self._reads]
        if all(goal.aim is Aim.TIGHTEN for goal in goals):
            self.demand(len(known) == len(reads) > 0, f"I2 {confirmed} rests on {known}")
            return
        self.demand(len(set(reads)) == len(known) > 1, f"I2 {confirmed} rests on {known}")
        self.demand(
            known[-1][0].asked >= known[0][1] + QUIET, f"I2 {confirmed}: no quiet window: {known}"
        )
        for truth, _ in known:
            for goal in goals:
                self.demand(so(goal, truth), f"I8 {confirmed}: {goal} is not so in {truth}")

    def demand(self, so: bool, what: str) -> None:  # noqa: FBT001 - it reads as a sentence
        """Raise a violation unless it is so."""
        if not so:
            raise Violation(f"account {self.account_id}: {what}")

    def at_rest(self) -> None:
        """Judge a world in which nothing has happened for a long while."""
        from tests.sim.at_rest import at_rest

        at_rest(self)


def gentle(plan: AccountPlan) -> set[RuleName]:
    """Return the rules whose cooldown lets positions and their exits stand."""
    return {name for name, params in plan.rules.items() if not getattr(params, "flatten", True)}


def _cooling(locks: tuple[Lock, ...]) -> dict[Key, Lock]:
    return {one.key: one for one in locks if one.kind in SOFT}


def so(goal: Goal, truth: TruthRead) -> bool:
    """Tell whether a read shows what a goal wants."""
    scope = {goal.contract_id} if goal.contract_id else set(INSTRUMENTS)
    held = {one.contract_id: one.size for one in truth.positions if one.contract_id in scope}
    orders = [one for one in truth.orders if one.contract_id in scope]
    if goal.aim in ABOUT_STOPS:
        return True  # about stops: what may be done to them is judged as it is asked for
    if goal.aim is Aim.REDUCE:
        return max(map(abs, held.values()), default=0) <= goal.keep
    if goal.aim is Aim.WITHHOLD:  # what is left could only lessen what is held
        sides = {key: 1 if size > 0 else -1 for key, size in held.items()}
        return all(sides.get(one.contract_id) == (1 if one.side else -1) for one in orders)
    return not any(held.values()) and not orders
