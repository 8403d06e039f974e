"""What must be so after every step, whatever the weather, and what must be so once it is calm.

Each check names the invariant it stands for.  None of them asks the code under test whether it
is right: they compare what it did with what the broker knows and with what it was told.
"""

from typing import TYPE_CHECKING

import msgspec

from actors import lockout as lockout_actor
from actors.model import account_state, pacing
from actors.model.pacing import ANSWER_MAX, QUIET
from actors.rules import daily_realized_loss, daily_unrealized_loss, max_contracts
from actors.rules.rule import Mode
from actors.turn import Portion, Turn
from protocol.account_facts import PositionSeen
from protocol.answers import Answered, Outcome, TruthRead
from protocol.codec import decode_state
from protocol.commands import CancelOrder, Mutation, PartialClose
from protocol.decisions import (
    DayReset,
    EnforcementConfirmed,
    EnforcementRequested,
    EnforcementWithdrawn,
    LockEnded,
)
from protocol.enforcement import Aim, Goal
from protocol.lifecycle import Phase
from protocol.lockouts import Lock
from protocol.market_facts import MarkSource
from protocol.message import Message
from protocol.units import USD, RuleName
from tests.actors.faulty import StruckError
from tests.sim.broker import ACCOUNT, INSTRUMENTS, gain

if TYPE_CHECKING:
    from tests.sim.kernel import Kernel

ACCOUNT_PATH = f"account/{ACCOUNT}"
LOCKOUT_PATH = f"{ACCOUNT_PATH}/lockout"
ENFORCER_PATH = f"{ACCOUNT_PATH}/enforcer"

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
    """Watches one run."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self.locks: dict[Key, Lock] = {}
        self.requested: dict[str, str] = {}
        self.settled: set[str] = set()
        self.resets: list[int] = []
        self.mutations = self.confirmed = 0
        self._goals: dict[str, tuple[Goal, ...]] = {}
        self._flights: dict[str, Flight] = {}
        self._reads: dict[str, tuple[TruthRead, int]] = {}

    # What happens

    def booted(self, stored: dict[str, bytes]) -> None:
        """I5: what the disk gives back holds every lock there was."""
        self._reads = {}
        raw = stored.get(LOCKOUT_PATH)
        found = () if raw is None else decode_state(raw, lockout_actor.Kept).locks
        self._no_lock_is_lost(found)

    def crashed(self, since: int = -1) -> None:
        """Nobody will hear the answers: what was under way may have happened."""
        for flight in self._flights.values():
            flight.doubtful_since = since

    def hears(self, message: Message) -> None:
        """Note what the desk is about to hear of its commands."""
        mono = self._kernel.now().mono
        for flight in self._flights.values():
            if flight.doubtful_since is None and flight.deadline <= mono:
                flight.doubtful_since = flight.deadline
        if isinstance(message, Answered):
            for flight in self._flights.values():
                if flight.command_id == message.command_id and flight.doubtful_since is None:
                    if message.outcome is Outcome.UNCERTAIN:
                        flight.doubtful_since = mono
                    else:
                        flight.resolved = True
        if isinstance(message, TruthRead):
            self._reads[message.command_id] = (message, mono)
            for flight in self._flights.values():
                since = flight.doubtful_since
                flight.resolved |= since is not None and message.asked >= since

    def committed(self, portion: Portion) -> None:
        """Judge decisions as they reach the disk."""
        wall = self._kernel.wall
        for decision in portion.decisions:
            match decision:
                case EnforcementRequested(enforcement_id=one, why=why):
                    self.requested[one] = why
                case EnforcementWithdrawn(enforcement_id=one):
                    self.settled.add(one)
                case EnforcementConfirmed():
                    self._proven(decision)
                    self.confirmed += 1
                    self.settled.add(decision.enforcement_id)
                case LockEnded(lock=lock):
                    self._demand(lock.until is not None and lock.until <= wall, "I5 ended early")
                case DayReset(instant=instant):
                    self._demand(instant not in self.resets, f"I6 {instant} twice")
                    self.resets.append(instant)
                case _:
                    pass
        kept = portion.kept.get(LOCKOUT_PATH)
        if isinstance(kept, lockout_actor.Kept):
            self._no_lock_is_lost(kept.locks)
            self.locks = {lock.key: lock for lock in kept.locks}

    def after(self, turn: Turn, cause: str) -> None:
        """Judge the actors once a step is over."""
        for path, why in turn.deaths:
            self._demand(why.startswith(StruckError.__name__), f"{path} died by itself: {why}")
            if path in (ACCOUNT_PATH, ENFORCER_PATH):
                self.crashed(self._kernel.now().mono)
        enforcer, account = self.enforcer(), self.account()
        if enforcer is None or account is None:
            return
        for demand in enforcer.kept.demands:
            self._goals[demand.enforcement_id] = demand.goals
        locks = self.lockout().locks
        self._no_lock_is_lost(locks)
        forbidden = any(self._in_force(lock) for lock in locks)
        exposed = bool(account.book.rows or account.book.orders)
        if forbidden and exposed and account.known:
            flattening = any(
                goal.aim is Aim.FLATTEN and goal.contract_id is None
                for demand in enforcer.kept.demands
                if not demand.withdrawn
                for goal in demand.goals
            )
            self._demand(flattening, f"I3 exposed while locked, and nothing is done, on {cause}")

    def released(self, command: Mutation) -> None:
        """Judge a mutation as it leaves."""
        self.mutations += 1
        enforcer, account = self.enforcer(), self.account()
        self._demand(self._kernel.plan.mode is Mode.ENFORCE, f"I15 {command} from the shadow")
        self._demand(bool(self._reads), f"I2 {command} before anything was known")
        assert enforcer is not None
        assert account is not None
        wanted = [d.goals for d in enforcer.kept.demands if not d.withdrawn]
        goals = [goal for one in wanted for goal in one]
        scopes = [goal for goal in goals if goal.contract_id in (None, command.contract_id)]
        key = f"position/{command.contract_id}"
        if isinstance(command, CancelOrder):
            key = f"order/{command.order_id}"
            scopes = [goal for goal in scopes if goal.aim is Aim.FLATTEN]
        self._demand(bool(scopes), f"I8 nobody asked for {command}")
        if isinstance(command, PartialClose):
            row = account.book.rows.get(command.contract_id)
            held = abs(row.seen.size) if row is not None else 0
            self._demand(0 < command.size < held, f"I1 {command} of {held}")
        before = self._flights.get(key)
        free = before is None or before.resolved
        self._demand(free, f"I10 {command} while {before} is unresolved")
        deadline = self._kernel.now().mono + ANSWER_MAX
        self._flights[key] = Flight(command_id=command.command_id, deadline=deadline)

    # What is so

    def account(self) -> account_state.State | None:
        """Return what the account actor knows."""
        return self._state(ACCOUNT_PATH, account_state.State)

    def enforcer(self) -> pacing.State | None:
        """Return what the enforcer is about."""
        if self._kernel.plan.mode is Mode.SHADOW:
            return None
        return self._state(ENFORCER_PATH, pacing.State)

    def lockout(self) -> lockout_actor.State:
        """Return the locks of the living process."""
        found = self._state(LOCKOUT_PATH, lockout_actor.State)
        assert found is not None
        return found

    def _state[S](self, path: str, shape: type[S]) -> S | None:
        life = self._kernel.life
        found = None if life is None else life.runtime.states.get(path)
        assert found is None or isinstance(found, shape)
        return found

    def _in_force(self, lock: Lock) -> bool:
        ended = lock.until is not None and lock.until <= self._kernel.wall
        return lock.scope is None and not ended

    def _no_lock_is_lost(self, found: tuple[Lock, ...]) -> None:
        """I5: a lock stays until its end has come, and its end never moves earlier."""
        now = {lock.key: lock for lock in found}
        for key, before in self.locks.items():
            if before.until is not None and before.until <= self._kernel.wall:
                continue
            after = now.get(key)
            self._demand(after is not None, f"I5 {before} is gone")
            until = None if after is None else after.until
            longer = until is None or (before.until is not None and until >= before.until)
            self._demand(longer, f"I5 {before} is shorter now: {after}")

    def _proven(self, confirmed: EnforcementConfirmed) -> None:
        """I2, I8: two good reads across the quiet window showed what was demanded."""
        goals = self._goals[confirmed.enforcement_id]
        reads = confirmed.certificate.reads
        known = [self._reads[one] for one in reads if one in self._reads]
        self._demand(len(set(reads)) == len(known) > 1, f"I2 {confirmed} rests on {known}")
        self._demand(
            known[-1][0].asked >= known[0][1] + QUIET, f"I2 {confirmed}: no quiet window: {known}"
        )
        for truth, _ in known:
            for goal in goals:
                self._demand(so(goal, truth), f"I8 {confirmed}: {goal} is not so in {truth}")

    # What must be so in the end

    def at_rest(self) -> None:
        """Judge a world in which nothing has happened for a long while."""
        self._demand(self._kernel.life is not None, "nobody lives")
        account, enforcer = self.account(), self.enforcer()
        assert account is not None
        broker = self._kernel.broker
        self._demand(account.phase is Phase.ARMED, f"armed: {account.phase}")
        sizes = {key: (row.seen.size, row.seen.average) for key, row in account.book.rows.items()}
        truth = {key: (one.size, one.average) for key, one in broker.positions.items()}
        self._demand(sizes == truth, f"book {sizes} is not {truth}")
        orders = set(account.book.orders)
        self._demand(orders == set(broker.orders), f"orders {orders} are not {set(broker.orders)}")
        realized = account.ledger.realized(include_fees=True)
        wanted = broker.realized(account.day.started)
        self._demand(realized == wanted, f"I11 ledger {realized} is not {wanted}")
        locked = any(self._in_force(lock) for lock in self.lockout().locks)
        if locked:
            self._demand(not (truth or orders), f"I3 locked, yet {truth} and {orders}")
        left = set(self.requested) - self.settled
        self._demand(not left, f"never settled: {left}")
        if enforcer is not None:
            self._demand(not enforcer.kept.demands, f"still demanded: {enforcer.kept.demands}")
        if self._kernel.plan.mode is Mode.SHADOW:
            self._demand(not (self.locks or self.mutations), "I15 shadow did something")
            return
        for breach in self._breaches(locked=locked):
            self._demand(so=False, what=breach)

    def _breaches(self, *, locked: bool) -> list[str]:
        """Judge the broker's truth by the specification, with none of the rules' code."""
        broker, plan = self._kernel.broker, self._kernel.plan
        worth = {key: self._worth(one) for key, one in broker.positions.items()}
        found: list[str] = []
        for params in plan.rules.values():
            match params:
                case _ if params.mode is Mode.SHADOW:
                    pass
                case max_contracts.Params(limit=limit, count=count):
                    sizes = [one.size for one in broker.positions.values()]
                    net = count is max_contracts.Count.NET
                    used = abs(sum(sizes)) if net else sum(map(abs, sizes))
                    if used > limit:
                        found.append(f"001 {used} > {limit}")
                case daily_unrealized_loss.Params(limit=limit, scope=scope):
                    whole = scope is daily_unrealized_loss.Scope.ACCOUNT
                    worst = sum(worth.values()) if whole else min(worth.values(), default=0)
                    if worst <= limit * USD - 1:
                        found.append(f"004 {worst}")
                case daily_realized_loss.Params(limit=limit, combined=combined):
                    account = self.account()
                    assert account is not None
                    realized = broker.realized(account.day.started)
                    total = realized + (min(0, sum(worth.values())) if combined else 0)
                    if total <= limit * USD - 1 and not locked:
                        found.append(f"003 {total}, and no lock")
                case _:
                    raise AssertionError(params)
        return found

    def _worth(self, one: PositionSeen) -> int:
        """Value a position; one ten-thousandth is left to rounding."""
        price = self._kernel.broker.prices[one.contract_id]
        if self._kernel.plan.mark is MarkSource.EXIT_SIDE:
            tick = INSTRUMENTS[one.contract_id].tick_size
            price = type(price)(price - tick if one.size > 0 else price + tick)
        return gain(one.contract_id, one.size, one.average, price)

    def _demand(self, so: bool, what: str) -> None:  # noqa: FBT001 - it reads as a sentence
        if not so:
            raise Violation(what)


def so(goal: Goal, truth: TruthRead) -> bool:
    """Tell whether a read shows what a goal wants."""
    scope = {goal.contract_id} if goal.contract_id else set(INSTRUMENTS)
    sizes = [abs(one.size) for one in truth.positions if one.contract_id in scope]
    if goal.aim is Aim.REDUCE:
        return max(sizes, default=0) <= goal.keep
    return not any(sizes) and not any(one.contract_id in scope for one in truth.orders)
