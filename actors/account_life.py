"""What an account does as its children die, its days end, and its settings change.

Plain functions on the account's state, used by actors/account.py alone.
"""

from msgspec.structs import replace

from actors import account_guard as guard
from actors import account_reads as reads
from actors.account_reads import Learnt
from actors.model.account_state import State, by_urgency, gateway_wall
from actors.model.budget import flatten_cost
from actors.plan import AccountPlan, planned
from actors.rules.rule import Mode
from actors.supervision import GiveUp, RestartThese, on_death
from actors.tree import RULE_PREFIX, Supervision
from protocol.account_facts import AccountSeen
from protocol.decisions import AlarmKind, AlarmRaised, DayReset
from protocol.effects import Effect, Journal, Send, Spawn, Stop
from protocol.enforcement import Aim, Goal, Priority, Verdict
from protocol.lifecycle import Burden, Died
from protocol.lockouts import LockKind, LockRequest, SetLock
from protocol.market_facts import RestTriggers
from protocol.schedule import CancelTimer, ClockSkewed, DayKnown, ResetDue
from protocol.settings import Settings
from protocol.units import Nanos, Now, RuleName

SUPERVISION = RuleName("supervision")
"""The rule name under which a rule that will not stay up locks its account."""
ENFORCER = "enforcer"


class EscalatedError(Exception):
    """A child without which the account cannot live has died too often."""


def ended_day(plan: AccountPlan, state: State, due: ResetDue) -> Learnt:
    """End the trading day: the ledger starts anew, and a rule that gave up is tried again."""
    ended = DayReset(
        account_id=plan.account_id,
        instant=due.instant,
        day=state.day.day,
        realized=state.view.realized,
    )
    day = DayKnown(started=due.instant, day=due.day, next_reset=due.next_reset)
    revived = tuple(Spawn(name) for name in sorted(state.gone))
    state = replace(
        next_day(state, day),
        kept=replace(state.kept, attempts=0),
        gone=frozenset(),
    )
    return state, (Journal(ended), *revived)


def next_day(state: State, day: DayKnown) -> State:
    """Return the state in another trading day: what is held is carried into it.

    A reset actor that was started again tells of the day that it is already.
    """
    if day.started == state.day.started:
        return replace(state, day=day)
    ledger = state.ledger.next_day(day.started)
    settling = state.settling.next_day(state.book.rows, ledger.sizes)
    return replace(state, day=day, ledger=ledger, settling=settling)


def of_today(state: State, verdict: Verdict, now: Now) -> Verdict:
    """Return a verdict without what it wants locked until an instant that has come.

    It was judged by a day that is over, or is about to end within this turn.  The lock would not be
    set, and what it was to be set for is asked for by another day.
    """
    if state.ahead is None:
        return verdict
    wall = gateway_wall(state, now)
    ends = [None if one.lock is None else one.lock.until for one in verdict.breaches]
    pairs = zip(verdict.breaches, ends, strict=True)
    asked = tuple(one for one, end in pairs if end is None or end > wall)
    return verdict if asked == verdict.breaches else replace(verdict, breaches=asked)


def weighed(state: State) -> Learnt:
    """Tell the gateway what is at stake, when that has changed: by it the minute is planned."""
    shadow = state.plan.mode is Mode.SHADOW
    stake = (0, False) if shadow else (flatten_cost(state.view), bool(state.locks))
    if stake == state.stake:
        return state, ()
    requests, locked = stake
    news = Burden(account_id=state.plan.account_id, requests=requests, locked=locked)
    return replace(state, stake=stake), (Send("gateway", news),)


def reconfigured(state: State, settings: Settings) -> Learnt:
    """Take other settings: end the rules that they change, and start those that they add.

    A rule that has ended begins again as `left` hears of it.  One that died too often is tried
    again with its other settings; unchanged it stays gone until the reset, and its account locked.
    """
    before = state.plan
    after = planned(settings, before.account_id, before.name)
    plan = replace(after, mode=before.mode, reset=before.reset, calendars=before.calendars)
    removed = [name for name in before.rules if name not in plan.rules]
    changed = [
        name
        for name in plan.rules
        if name in before.rules and plan.rules[name] != before.rules[name]
    ]
    touched = frozenset(f"{RULE_PREFIX}{one}" for one in (*removed, *changed))
    ending = touched - state.gone
    added = [one for one in plan.rules if one not in before.rules]
    begun = [*added, *(one for one in changed if f"{RULE_PREFIX}{one}" in state.gone)]
    effects: list[Effect] = [Stop(one) for one in sorted(ending)]
    for name in removed:
        effects += forgotten(state, name)
    state = replace(
        state,
        plan=plan,
        rules=by_urgency(plan),
        leaving=state.leaving | ending,
        gone=state.gone - touched,
        verdicts={name: one for name, one in state.verdicts.items() if name in plan.rules},
        judged={name: at for name, at in state.judged.items() if name in plan.rules},
        filled=None,
    )
    over = guard.orphaned(plan, state.locks)
    return state, (*effects, *(Spawn(f"{RULE_PREFIX}{one}") for one in begun), *over)


def forgotten(state: State, name: RuleName) -> tuple[Effect, ...]:
    """Take back what a rule that is no more had asked for; a lock that it set ends by itself."""
    rest = RestTriggers(account_id=state.plan.account_id, rule=name, triggers=())
    return (
        Send("market_data", rest),
        Send("timer", CancelTimer(name=f"{RULE_PREFIX}{name}")),
        guard.demand(state, name, Priority.POSITION, (), ""),
    )


def leaves(state: State, rule: RuleName) -> bool:
    """Tell whether a rule was told to end: what it still says is by settings of before."""
    return f"{RULE_PREFIX}{rule}" in state.leaving


def left(state: State, name: str) -> Learnt:
    """Note that a rule has ended as it was told to, and start it again if it is still planned."""
    state = replace(state, leaving=state.leaving - {name})
    planned_still = RuleName(name.removeprefix(RULE_PREFIX)) in state.plan.rules
    return state, (Spawn(name),) if planned_still else ()


def told(state: State, seen: AccountSeen, now: Now) -> State:
    """Return the state with what is said of the account, unless newer word is known.

    A list that was under way when the hub said that the account may not trade may say from before
    that it may; it would end the lock.  An account that was started again is told from when on a
    list counts, without a word on whether it may trade.
    """
    at = now.mono if seen.asked is None else seen.asked
    if seen.asked is not None and state.standing is not None and at <= state.standing:
        return state
    says = seen.can_trade is not None or seen.asked is not None
    return replace(state, seen=seen, standing=at if says else state.standing)


def clocked(state: State) -> State:
    """Return the state of an account that was found: the Gateway did not contradict our clock."""
    return state if state.ahead is not None else replace(state, ahead=Nanos(0))


def clocks(state: State) -> tuple[Effect, ...]:
    """Tell those by whom days and locks end how far the clock is ahead, once it is known.

    A day ends before its locks do, and both before anything is judged by the new clock: what the
    day lost would be enforced once more on the day after.
    """
    if state.ahead is None:
        return ()
    skewed = ClockSkewed(ahead=state.ahead)
    return tuple(Send(one, skewed) for one in ("reset", "lockout"))


def unjudged(state: State) -> bool:
    """Tell whether no rule has judged yet by what was said last of the clock."""
    return state.ahead is not None and state.ahead != state.view.ahead


def bury(plan: AccountPlan, policy: Supervision, state: State, death: Died, now: Now) -> Learnt:
    """Start a dead child again, or fail closed; raise what its supervisor must decide."""
    name, why = death.name, death.why
    deaths, directive = on_death(policy, state.deaths, name, now.mono)
    state = replace(state, deaths=deaths)
    said = f"{name}: {why}"
    died = AlarmRaised(account_id=plan.account_id, kind=AlarmKind.ACTOR_DIED, why=said)
    match directive:
        case RestartThese(names):
            anew = guard.contented(state, state.verdicts) if ENFORCER in names else ()
            begun = tuple(Spawn(one) for one in names)
            wishes = tuple(Send(name, one) for one in death.unheard)
            return state, (Journal(died), *begun, *wishes, *clocks(state), *anew)
        case GiveUp() if name.startswith(RULE_PREFIX):
            state, closed = fail_closed(plan, replace(state, gone=state.gone | {name}), death)
            return state, (Journal(died), *closed)
        case _:
            raise EscalatedError(f"{name} died too often: {why}")


def fail_closed(plan: AccountPlan, state: State, death: Died) -> tuple[State, tuple[Effect, ...]]:
    """Lock and flatten an account whose rule will not stay up, and tell someone.

    A rule that was only watching protected nothing: that it is gone is said, and no more.
    """
    reason = f"{death.name} died too often and cannot protect this account: {death.why}"
    request = LockRequest(kind=LockKind.HARD, until=state.day.next_reset)
    lock = SetLock(rule=SUPERVISION, request=request, reason=reason)
    state, raised = reads.alarm(plan, state, AlarmKind.ACTOR_GAVE_UP, reason)
    if plan.shadowed(RuleName(death.name.removeprefix(RULE_PREFIX))):
        return state, raised
    goals = (Goal(aim=Aim.FLATTEN),)
    flatten = guard.demand(state, SUPERVISION, Priority.KILL_SWITCH, goals, reason)
    return state, (*raised, Send("lockout", lock), flatten)
