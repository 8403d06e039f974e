"""What an account does about exposure that may not be: under a lock, or in a contract of no value.

Plain functions on the account's state, used by actors/account.py alone.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from actors.model.account_state import (
    SOFT,
    State,
    adds,
    covers,
    exposed,
    floor_key,
    in_force,
    lives_of,
    lowered,
)
from actors.model.book import Book
from actors.model.demands import increases, met
from actors.model.round_trips import nearer_to_zero
from actors.model.stops import is_own, misfits
from actors.plan import AccountPlan
from actors.rules import RULES
from protocol.account_facts import WORKING, OrderSeen, OrderStatus, OrderType, PositionSeen
from protocol.decisions import LockedAttempt, VerdictChanged
from protocol.effects import Effect, Journal, Send
from protocol.enforcement import Aim, Breach, Enforce, Goal, Observed, Priority, Verdict
from protocol.lockouts import EndLock, Lock, SetLock
from protocol.units import AccountId, ContractId, Now, RuleName

UNVALUED = RuleName("unvalued_contract")
"""The rule name under which a position that cannot be valued is closed."""
OWN_STOPS = RuleName("own_stops")
"""The rule name under which stops that riskwarden placed go with what they were placed for."""


def undo(state: State, now: Now) -> tuple[Effect, ...]:
    """Demand what the locks in force forbid to be gone, and everything that cannot be valued."""
    wanted: dict[RuleName, tuple[Priority, tuple[Goal, ...], str]] = {}
    for lock in in_force(state, now):
        goals = forbidden(state, lock)
        if met(goals, state.view):
            continue
        cooling = lock.kind in SOFT
        priority = Priority.COOLDOWN if cooling else Priority.HARD_LOCKOUT
        before, others, why = wanted.get(lock.rule, (priority, (), f"locked: {lock.reason}"))
        wanted[lock.rule] = min(priority, before), (*others, *goals), why
        if lock.scope is None and not cooling:
            break
    effects: list[Effect] = [demand(state, rule, *asked) for rule, asked in wanted.items()]
    worthless = [one for one in state.unvalued if exposed(state.view, one)]
    if worthless:
        goals = tuple(Goal(aim=Aim.FLATTEN, contract_id=one) for one in worthless)
        why = f"{worthless[0]} cannot be valued: {state.unvalued[worthless[0]]}"
        effects.append(demand(state, UNVALUED, Priority.HARD_LOCKOUT, goals, why))
    if any(is_own(one) for one in state.view.orders) and misfits(state.view):
        goals = (Goal(aim=Aim.FIT),)
        why = "a stop of ours is more than there is to protect"
        effects.append(demand(state, OWN_STOPS, Priority.POSITION, goals, why))
    return tuple(effects)


def forbidden(state: State, lock: Lock) -> tuple[Goal, ...]:
    """Return what a lock wants of the account as it is.

    A cooldown or a pause touches no exit and no protective stop: it takes back what was added
    since, and the orders that could add more.
    """
    touched = exposed(state.view, lock.scope)
    if lock.kind not in SOFT:
        if lock.scope is None:
            return (Goal(aim=Aim.FLATTEN),)
        return tuple(Goal(aim=Aim.FLATTEN, contract_id=one) for one in touched)
    floors = state.kept.floors.get(floor_key(lock), {})
    goals: list[Goal] = []
    for contract_id in touched:
        goals.append(Goal(aim=Aim.WITHHOLD, contract_id=contract_id))
        held = state.view.holding(contract_id)
        size = held.size if held is not None else 0
        keep = abs(nearer_to_zero(floors.get(contract_id, 0), size))
        if abs(size) > keep:
            goals.append(Goal(aim=Aim.REDUCE, contract_id=contract_id, keep=keep))
    return tuple(goals)


def cooled(state: State, locks: tuple[Lock, ...]) -> State:
    """Return the state under these locks: a new soft one lets stand what there is."""
    before = state.kept.floors
    cooling = {floor_key(one): one for one in locks if one.kind in SOFT}
    floors = {
        key: before[key] if key in before else standing(state, one) for key, one in cooling.items()
    }
    if floors != state.kept.floors:
        lives = {**lives_of(state.view), **state.kept.lives} if floors else {}
        state = replace(state, kept=replace(state.kept, floors=floors, lives=lives))
    return replace(state, locks=locks)


def standing(state: State, lock: Lock) -> dict[ContractId, int]:
    """Return what a new lock lets stand of what there is: no more than its rule says did."""
    held = {one.contract_id: one.size for one in state.view.holdings}
    said = state.verdicts.get(lock.rule)
    for breach in said.breaches if isinstance(said, Verdict) else ():
        if breach.stays is not None and breach.lock is not None and breach.lock.scope == lock.scope:
            return {
                one: nearer_to_zero(breach.stays.get(one, 0), size) for one, size in held.items()
            }
    return held


def lower(state: State) -> State:
    """Return the state with what cooldowns let stay brought down to what there is."""
    if not (state.known and state.kept.floors):
        return state
    kept = lowered(state.kept, state.view)
    return state if kept is state.kept else replace(state, kept=kept)


def demand(
    state: State, rule: RuleName, priority: Priority, goals: tuple[Goal, ...], why: str
) -> Send:
    """Return the command to bring goals about, with the book as it is now."""
    enforce = Enforce(rule=rule, priority=priority, goals=goals, why=why, view=state.view)
    return Send("enforcer", enforce)


def answer(state: State, breach: Breach) -> tuple[Effect, ...]:
    """Lock as a breach asks, then demand its goals, as far as either is not so already.

    A new lock, and one that becomes another kind, is demanded flat even if the book is: it wants
    the proof.
    """
    lock = breach.lock
    if lock is None:
        if met(breach.goals, state.view):
            return ()
        return (demand(state, breach.rule, breach.priority, breach.goals, breach.why),)
    held = next((one for one in state.locks if one.key == (lock.scope, breach.rule)), None)
    more = held is None or adds(held, lock)
    effects: list[Effect] = []
    if more:
        effects.append(Send("lockout", SetLock(rule=breach.rule, request=lock, reason=breach.why)))
    new = held is None or (more and lock.kind is not held.kind)
    if breach.goals and (new or not met(breach.goals, state.view)):
        effects.append(demand(state, breach.rule, breach.priority, breach.goals, breach.why))
    return tuple(effects)


def released(state: State, verdict: Verdict) -> tuple[Effect, ...]:
    """End the locks that waited for this rule to be content, now that it knows it is.

    One that breaches in some scopes is content in the others.
    """
    if verdict.unknown or any(one.lock is None for one in verdict.breaches):
        return ()
    standing = tuple(one.lock.scope for one in verdict.breaches if one.lock is not None)
    waiting = [one for one in state.locks if one.rule == verdict.rule and one.until is None]
    if all(one.scope in standing for one in waiting):
        return ()
    end = EndLock(rule=verdict.rule, why="its condition is over", standing=standing)
    return (Send("lockout", end),)


def orphaned(plan: AccountPlan, locks: tuple[Lock, ...]) -> tuple[Effect, ...]:
    """End the locks that wait for a rule which is enforced no more: nobody else ever would."""
    rules = {one.rule: None for one in locks if one.until is None and one.rule in RULES}
    return tuple(
        Send("lockout", EndLock(rule=rule, why="its rule is enforced here no more"))
        for rule in rules
        if rule not in plan.rules or plan.shadowed(rule)
    )


def withdrawn(state: State, verdict: Verdict | Observed, now: Now) -> tuple[Effect, ...]:
    """Tell the enforcer that a rule is content: when it becomes so, and once in each life.

    The enforcer may hold a reduction from before a restart, and waits for the rule's word on it.
    While a lock of the rule lets stand what there was, it is the lock that asks: it may outlast the
    rule's own clock, if that is ahead of the Gateway's.
    """
    before = state.verdicts.get(verdict.rule)
    asked = before is None or asks(before)
    locked = any(one.rule == verdict.rule and one.kind in SOFT for one in in_force(state, now))
    if asks(verdict) or not asked or locked:
        return ()
    return (demand(state, verdict.rule, Priority.POSITION, (), ""),)


def asks(said: Verdict | Observed | None) -> bool:
    """Tell whether a rule's last word asks for something; one that is only observed never does."""
    return isinstance(said, Verdict) and bool(said.breaches)


def let_go(state: State, locks: tuple[Lock, ...]) -> tuple[Effect, ...]:
    """Withdraw what locks that are over asked for, if their rules will not say that they are."""
    left = {one.key for one in locks}
    over = {one.rule: None for one in state.locks if one.kind in SOFT and one.key not in left}
    return contented(state, over)


def contented(state: State, rules: Iterable[RuleName]) -> tuple[Effect, ...]:
    """Tell the enforcer of those of these rules that are content.

    One that was started again is told of all: it may have died of hearing so, and then holds what
    it was to let go of.
    """
    return tuple(
        demand(state, rule, Priority.POSITION, (), "")
        for rule in rules
        if not asks(state.verdicts.get(rule))
    )


def attempt(
    account_id: AccountId, state: State, before: Book, fact: PositionSeen | OrderSeen, now: Now
) -> tuple[State, tuple[Effect, ...]]:
    """Count exposure that appears, or grows, where a lock forbids it."""
    locks = [one for one in in_force(state, now) if covers(one.scope, fact.contract_id)]
    if not locks or not grows(before, state.book, fact):
        return state, ()
    attempts = state.kept.attempts + 1
    state = replace(state, kept=replace(state.kept, attempts=attempts))
    what = described(fact)
    return state, (Journal(LockedAttempt(account_id=account_id, attempts=attempts, what=what)),)


def discover(
    account_id: AccountId, state: State, before: State, now: Now
) -> tuple[State, tuple[Effect, ...]]:
    """Count what a read shows that the hub did not tell, as if it had.

    The first read has nothing to compare with: it counts where a lock was proven flat in the life
    before, and what it shows under any other lock may be what that lock was set for, or let stay.
    """
    locks = [one for one in in_force(before, now) if one.kind not in SOFT]
    proven = [one.scope for one in locks if one.certified is not None]
    said: list[Effect] = []
    shown = tuple(row.seen for row in state.book.rows.values())
    facts: tuple[PositionSeen | OrderSeen, ...] = (*shown, *state.book.working)
    for fact in facts:
        if before.known or any(covers(one, fact.contract_id) for one in proven):
            state, counted = attempt(account_id, state, before.book, fact, now)
            said += counted
    return state, tuple(said)


def grows(before: Book, book: Book, fact: PositionSeen | OrderSeen) -> bool:
    """Tell whether a fact shows more exposure than the book had, or could lead to more.

    Another position is new, also if it is told of before the end of the one it follows.  A market
    order is not counted: the position that it opens is.  Nor is a bracket that sleeps: its entry
    is.
    """
    if isinstance(fact, OrderSeen):
        new = fact.order_id not in before.orders and fact.status in WORKING
        counted = fact.type is not OrderType.MARKET and fact.status is not OrderStatus.SUSPENDED
        return new and counted and increases(fact, size_in(book, fact.contract_id))
    row = before.rows.get(fact.contract_id)
    same = row is not None and row.seen.position_id == fact.position_id
    held = size_in(before, fact.contract_id) if same else 0
    return abs(fact.size) > abs(held) or fact.size * held < 0


def size_in(book: Book, contract_id: ContractId) -> int:
    """Return the signed size that a book shows of a contract."""
    row = book.rows.get(contract_id)
    return row.seen.size if row is not None else 0


def described(fact: PositionSeen | OrderSeen) -> str:
    """Return a fact in a few words."""
    if isinstance(fact, PositionSeen):
        return f"position of {fact.size} in {fact.contract_id}"
    return f"{fact.side.name.lower()} order of {fact.size} in {fact.contract_id}"


def changed(account_id: AccountId, verdict: Verdict) -> VerdictChanged:
    """Return the decision that says that a rule judges otherwise than before."""
    return VerdictChanged(
        account_id=account_id,
        rule=verdict.rule,
        breached=bool(verdict.breaches),
        limit=verdict.limit,
        used=verdict.used,
        unknown=verdict.unknown,
        why=verdict.breaches[0].why if verdict.breaches else "",
    )


def heard_of(state: State, verdict: Verdict | Observed, now: Now) -> State:
    """Return the state with a rule's newest word, and when it was said."""
    return replace(
        state,
        verdicts={**state.verdicts, verdict.rule: verdict},
        judged={**state.judged, verdict.rule: now.mono},
    )
