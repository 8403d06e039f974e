"""How an account learns what it does not know: truth, trades, contract records, prices.

Plain functions on the account's state, used by actors/account.py alone.
"""

from msgspec.structs import replace

from actors.model.account_state import (
    EVERYTHING,
    NOTHING,
    State,
    listeners,
    needed_contracts,
    unresolved,
    viewed,
)
from actors.model.feed import next_look, young_for
from actors.plan import AccountPlan
from actors.rules.rule import Hears
from protocol.account_facts import OrderSeen, PositionSeen, TradeSeen
from protocol.answers import TruthFailed, TruthRead
from protocol.commands import ReadInstrument, ReadTruth
from protocol.decisions import AccountArmed, AlarmCleared, AlarmKind, AlarmRaised
from protocol.effects import Ask, Effect, Journal, Send
from protocol.enforcement import Evaluate, TruthSeen
from protocol.lifecycle import Evaluated, Phase
from protocol.market_facts import Marks, WatchMarks
from protocol.schedule import Clock, Purpose, StartTimer
from protocol.units import MILLISECOND, SECOND, AccountId, ContractId, Nanos, Now, RuleName

SWEEP = 5 * SECOND
"""Between full evaluations while a position is open, should a price trigger ever get lost."""
JUDGED_MAX = 3 * SWEEP
"""How long an enabled rule may go without judging meanwhile before that is an alarm."""
RETRY = 500 * MILLISECOND
RETRY_MAX = 10 * SECOND
DOUBLINGS_MAX = 5
BOOKED = Hears.POSITIONS | Hears.ORDERS
"""What the enforcer hears of."""
VALUED = Hears.LEDGER | Hears.POSITIONS
"""What is judged at the prices of now."""

type Learnt = tuple[State, tuple[Effect, ...]]


def ask_truth(
    plan: AccountPlan, state: State, *, trades: bool = True, urgent: bool = False
) -> Learnt:
    """Read the truth; if a read is on its way, or the day not known yet, as soon as that is over.

    At the start and after a gap the day's trades are part of it: any such read may be what counts.
    """
    if state.reading is not None or not state.day.day:
        return replace(state, again=True), ()
    serial, who = state.kept.serial + 1, plan.account_id
    name = f"{who}/r{serial}"
    trades = trades or not state.trades_known or state.phase is Phase.READING
    since = state.day.started if trades else None
    read = ReadTruth(command_id=name, account_id=who, trades_since=since, urgent=urgent)
    kept = replace(state.kept, serial=serial)
    return replace(state, kept=kept, reading=name, again=False), (Ask(read),)


def take_truth(state: State, message: TruthRead) -> State:
    """Replace the book by broker truth, and put on top what the hub has said since.

    Reads may overtake one another: what an older one shows is history.
    """
    later = [fact for mono, fact in state.recent if mono >= message.asked]
    facts = [fact for fact in later if isinstance(fact, PositionSeen | OrderSeen)]
    if state.truth_asked is None or message.asked >= state.truth_asked:
        book = state.book.truth(message.positions, message.orders, facts)
        filled = state.ledger.sizes if message.trades is None else None
        settling = state.settling.shown(state.book.rows, book.rows, filled, message.asked)
        state = replace(state, book=book, settling=settling, known=True, truth_asked=message.asked)
    newest = state.trades_asked is None or message.asked >= state.trades_asked
    if message.trades is not None and newest:
        since = [fact for fact in later if isinstance(fact, TradeSeen)]
        ledger = state.ledger.rebuilt(message.trades, since)
        settling = state.settling.read(state.book.rows, ledger.sizes, message.asked)
        state = replace(
            state, ledger=ledger, settling=settling, trades_known=True, trades_asked=message.asked
        )
    if message.command_id == state.reading:
        feed = replace(state.feed, put_off="")
        state = replace(state, reading=None, read_fails=0, feed=feed)
    return state


def evidence(plan: AccountPlan, state: State, message: TruthRead) -> TruthSeen:
    """Return the news for the enforcer: the book as it is now, and what the read alone shows."""
    alone = state.book.truth(message.positions, message.orders)
    read = viewed(plan, replace(state, book=alone)).view
    return TruthSeen(command_id=message.command_id, view=state.view, read=read, asked=message.asked)


def truth_failed(plan: AccountPlan, state: State, message: TruthFailed, now: Now) -> Learnt:
    """Say so, and read again soon: until then nothing new is known, and nothing is flat.

    A read that our own budget put off is late: what was read last counts until it is too old.
    """
    if message.command_id != state.reading:
        return state, ()
    fails = state.read_fails + 1
    span = min(RETRY << min(state.read_fails, DOUBLINGS_MAX), RETRY_MAX)
    feed = replace(state.feed, put_off="" if message.asked else message.why)
    state = replace(state, reading=None, read_fails=fails, feed=feed)
    left = 0 if message.asked else young_for(plan.feed, state.truth_asked, now)
    raised: tuple[Effect, ...] = ()
    if left:
        span = min(span, left, max(left // 2, RETRY))  # the last of several tries is still in time
    else:
        state, raised = alarm(plan, state, AlarmKind.TRUTH_UNKNOWN, unread(plan, state, message))
    return state, (*raised, timer("account/read", Purpose.READ, Nanos(now.mono + span)))


def unread(plan: AccountPlan, state: State, message: TruthFailed) -> str:
    """Return why the truth is unknown; after a read that never left, how old it is as well."""
    if message.asked:
        return message.why
    if state.truth_asked is None:
        return f"positions and orders have not been read yet: {message.why}"
    return f"positions and orders were last read {plan.feed.truth_age} ago or more: {message.why}"


def timer(name: str, purpose: Purpose, deadline: Nanos) -> Send:
    """Return the command that starts one of the account's own stopwatch timers."""
    start = StartTimer(name=name, purpose=purpose, clock=Clock.MONO, deadline=deadline)
    return Send("timer", start)


def ask_records(plan: AccountPlan, state: State, contracts: tuple[ContractId, ...]) -> Learnt:
    """Ask for the records of these contracts, those that are neither there nor on their way."""
    lacking = [one for one in contracts if one not in state.instruments and one not in state.asked]
    asks = (ReadInstrument(account_id=plan.account_id, contract_id=one) for one in lacking)
    return replace(state, asked=state.asked | set(lacking)), tuple(map(Ask, asks))


def revalue(plan: AccountPlan, state: State, heard: Hears, *, afresh: bool) -> Learnt:
    """Have what is held valued anew before it is judged, when something but a price has changed.

    The marks an account has are of the last crossing or sweep.  A day's limit that they help to
    reach must be reached at the prices of now.
    """
    if state.awaits_marks:
        awaits = state.awaits_marks | heard
        return replace(state, awaits_marks=awaits, sweeping=state.sweeping or afresh), ()
    if not (state.view.holdings and heard & VALUED):
        return state, ()
    state = replace(state, awaits_marks=heard, sweeping=state.sweeping or afresh)
    return state, (Send("market_data", watch_marks(plan, state)),)


def hearing(state: State, rules: tuple[RuleName, ...], heard: Hears) -> list[str]:
    """Return the rules that are to judge what changed, the most urgent first.

    All wait for the marks of contracts that have just been asked for, or a rule that needs no
    price would act before a more urgent one that does: the market answers within the same turn.
    """
    if state.awaits_marks:
        return []
    asked, absent = listeners(rules, heard), state.gone | state.leaving
    return [one for one in asked if one not in absent] if absent else asked


def woken(state: State, rules: tuple[RuleName, ...], name: str) -> tuple[Effect, ...]:
    """Have a rule judge because its time has come, unless it is not there, or nothing is known yet.

    A timer outlives a restart, and so may one of a rule that has since been taken out.  Before the
    first truth the book is empty, which is not flat: the rule is asked once it is there.
    """
    if not state.known or name not in hearing(state, rules, ~Hears(0)):
        return ()
    return (Send(name, Evaluate(view=state.view, afresh=True)),)


def watch_marks(plan: AccountPlan, state: State) -> WatchMarks:
    """Return the account's word to the market; the market answers with all its marks."""
    contracts = needed_contracts(state)
    ticks = {one: state.instruments[one].tick_size for one in contracts if one in state.instruments}
    held = {one: row.seen.average for one, row in state.book.rows.items()}
    who, source = plan.account_id, plan.mark
    return WatchMarks(
        account_id=who, source=source, contracts=contracts, ticks=ticks, averages=held
    )


def sweep(plan: AccountPlan, state: State, now: Now) -> Learnt:
    """Ask for all marks again while something is held, and for what was never answered."""
    if not sweeps(state):
        return state, ()
    state, records = ask_records(plan, state, state.watched)
    next_one = timer("account/sweep", Purpose.SWEEP, Nanos(now.mono + pause(plan, state, now)))
    told = Send("market_data", watch_marks(plan, state))
    return replace(state, swept=now.mono), (told, *records, next_one)


def sweep_through(plan: AccountPlan, state: State, now: Now) -> Learnt:
    """Sweep, and have every rule say how it judges once the market has answered."""
    if not sweeps(state):
        return state, ()
    state, overdue = unjudged(plan, state, now)
    state, swept = sweep(plan, state, now)
    return replace(state, awaits_marks=EVERYTHING, sweeping=True), (*overdue, *swept)


def pause(plan: AccountPlan, state: State, now: Now) -> int:
    """Return how long until the next sweep: the feed may want one sooner."""
    return min(SWEEP, next_look(plan.feed, plan.calendars, state.feed, state.truth_asked, now))


def unswept(state: State, now: Now) -> bool:
    """Tell whether the sweep itself got lost."""
    return sweeps(state) and now.mono - state.swept > JUDGED_MAX


def sweeps(state: State) -> bool:
    """Tell whether the market is to be asked now and then.

    Also where nothing is watched any more, if it never answered that: the rules still wait for it.
    """
    return bool(state.watched or state.awaits_marks)


def late_rules(state: State, now: Now) -> list[RuleName]:
    """Return the rules that have not judged for long although something is held."""
    if not state.watched:
        return []
    return [
        rule
        for rule in state.plan.rules
        if now.mono - max(state.judged.get(rule, 0), state.watching) > JUDGED_MAX
    ]


def unjudged(plan: AccountPlan, state: State, now: Now) -> Learnt:
    """Raise an alarm over rules that have not judged for long though they were asked to (I14)."""
    late = late_rules(state, now)
    if late:
        why = f"not judged for more than {JUDGED_MAX // SECOND} s: {', '.join(late)}"
        return alarm(plan, state, AlarmKind.RULE_NOT_ARMED, why)
    if any(rule not in state.verdicts for rule in plan.rules):
        return state, ()
    return clear(plan.account_id, state, AlarmKind.RULE_NOT_ARMED)


def take_marks(state: State, marks: tuple[Marks, ...]) -> State:
    """Take the market's newest marks; return the state itself if they say nothing new."""
    newest = {one.contract_id: one for one in marks}
    if newest == state.marks and not state.awaits_marks:
        return state
    return replace(state, marks=newest, awaits_marks=NOTHING, sweeping=False)


def progress(plan: AccountPlan, state: State) -> Learnt:
    """Tell the gateway once truth, trades and records are there and every rule has judged.

    What is known from before a gap is not enough: a read that failed has still to be answered.
    """
    if state.phase is not Phase.READING or not (state.known and state.trades_known):
        return state, ()
    if unresolved(state) or state.reading is not None or state.read_fails:
        return state, ()
    state = replace(state, phase=Phase.EVALUATED)
    return state, (Send("gateway", Evaluated(account_id=plan.account_id)),)


def armed(plan: AccountPlan, state: State) -> Learnt:
    """Count the rules that have judged: fewer than are enabled is an alarm."""
    missing = [rule for rule in plan.rules if rule not in state.verdicts]
    counted = AccountArmed(
        account_id=plan.account_id,
        rules=len(plan.rules) - len(missing),
        enabled=len(plan.rules),
    )
    state = replace(state, phase=Phase.ARMED)
    if not missing:
        state, cleared = clear(plan.account_id, state, AlarmKind.RULE_NOT_ARMED)
        return state, (Journal(counted), *cleared)
    why = f"not judged yet: {', '.join(missing)}"
    state, raised = alarm(plan, state, AlarmKind.RULE_NOT_ARMED, why)
    return state, (Journal(counted), *raised)


def alarm(plan: AccountPlan, state: State, kind: AlarmKind, why: str) -> Learnt:
    """Raise an alarm, once until it is cleared."""
    if state.alarms.get(kind) == why:
        return state, ()
    raised = AlarmRaised(account_id=plan.account_id, kind=kind, why=why)
    return replace(state, alarms={**state.alarms, kind: why}), (Journal(raised),)


def clear(account_id: AccountId, state: State, *kinds: AlarmKind) -> Learnt:
    """Clear alarms, those that stand."""
    standing = [kind for kind in kinds if kind in state.alarms]
    if not standing:
        return state, ()
    alarms = {one: why for one, why in state.alarms.items() if one not in standing}
    cleared = tuple(Journal(AlarmCleared(account_id=account_id, kind=one)) for one in standing)
    return replace(state, alarms=alarms), cleared
