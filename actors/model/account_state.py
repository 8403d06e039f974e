"""Everything an account knows, and the view of it that its rules judge."""

import msgspec
from msgspec.structs import replace

from actors.model.aliases import within
from actors.model.book import Book
from actors.model.contract import root
from actors.model.feed import Feed
from actors.model.ledger import Ledger
from actors.model.round_trips import nearer_to_zero
from actors.model.settling import Settling
from actors.plan import AccountPlan
from actors.rules import RULES
from actors.rules.rule import Hears
from actors.supervision import Deaths
from actors.tree import RULE_PREFIX
from protocol.account_facts import AccountSeen, Instrument, OrderSeen, PositionSeen, TradeSeen
from protocol.book import BookView
from protocol.decisions import AlarmKind
from protocol.enforcement import Observed, Verdict
from protocol.lifecycle import Phase
from protocol.lockouts import Lock, LockKind, LockRequest
from protocol.market_facts import Marks
from protocol.schedule import DayKnown
from protocol.units import ContractId, Nanos, Now, PositionId, RuleName

NOTHING = Hears(0)
EVERYTHING = ~NOTHING
SOFT = (LockKind.COOLDOWN, LockKind.PAUSE)
"""Locks under which what there is may stay, and nothing be added."""
RECENT_MAX = 256
"""Facts kept to be applied again on top of a read that left before them."""

type AccountFact = PositionSeen | OrderSeen | TradeSeen


type Floors = dict[str, dict[ContractId, int]]


class Kept(msgspec.Struct, frozen=True):
    """What must survive a restart: the rest is read from the broker again."""

    serial: int = 0
    attempts: int = 0
    floors: Floors = msgspec.field(default_factory=dict)
    """By soft lock: the signed sizes that may stay.  Exits lower them, nothing raises them."""
    lives: dict[ContractId, PositionId] = msgspec.field(
        default_factory=dict[ContractId, PositionId]
    )
    """Of which positions those sizes are, as far as is known: another makes no use of them."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """An account in memory; replaced as a whole by each step."""

    kept: Kept
    plan: AccountPlan
    """What the account is guarded by now."""
    rules: tuple[RuleName, ...]
    """Its rules, the most urgent first."""
    leaving: frozenset[str] = frozenset()
    """Rules that were told to end, to begin again with other settings if they are still planned."""
    phase: Phase = Phase.STARTING
    day: DayKnown
    seen: AccountSeen | None = None
    standing: Nanos | None = None
    """Monotonic time of the newest word on whether the account may trade."""
    known: bool = False
    trades_known: bool = False
    book: Book = Book()
    ledger: Ledger
    settling: Settling = Settling()
    instruments: dict[ContractId, Instrument] = msgspec.field(default_factory=dict)
    unvalued: dict[ContractId, str] = msgspec.field(default_factory=dict)
    """Contracts that the Gateway's record gives no value to, and why."""
    watched: tuple[ContractId, ...] = ()
    awaits_marks: Hears = NOTHING
    """What is to be judged once the market has answered with the marks of what is watched."""
    watching: Nanos = Nanos(0)
    """Monotonic time since when something has been watched."""
    swept: Nanos = Nanos(0)
    sweeping: bool = False
    """Every rule is to say how it judges once the market has answered."""
    judged: dict[RuleName, Nanos] = msgspec.field(default_factory=dict)
    """Monotonic time at which each rule last said how it judges."""
    asked: frozenset[ContractId] = frozenset()
    marks: dict[ContractId, Marks] = msgspec.field(default_factory=dict)
    locks: tuple[Lock, ...] = ()
    verdicts: dict[RuleName, Verdict | Observed] = msgspec.field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    """Children that died too often and are not started again today."""
    deaths: Deaths = Deaths()
    reading: str | None = None
    again: bool = False
    """Something was missed after the read left: read once more when it is back."""
    read_fails: int = 0
    recent: tuple[tuple[Nanos, AccountFact], ...] = ()
    stake: tuple[int, bool] | None = None
    """What the gateway was told of us: the requests that flattening takes, and whether a lock
    holds."""
    alarms: dict[AlarmKind, str] = msgspec.field(default_factory=dict)
    truth_asked: Nanos | None = None
    """Monotonic time at which the newest read of truth left."""
    trades_asked: Nanos | None = None
    """The same of the newest one that brought trades."""
    feed: Feed = Feed()
    filled: Ledger | None = None
    """The ledger whose trades the view carries."""
    ahead: Nanos | None = None
    """How far the wall clock is ahead of the Gateway's; None before the login."""
    session: Nanos | None = None
    """When the account's last session began, if a rule says when sessions are."""
    view: BookView
    """The book as of the last step."""


def fresh(plan: AccountPlan, kept: Kept, day: DayKnown) -> State:
    """Return the state of an account that knows nothing yet but its own day."""
    view = BookView(
        account_id=plan.account_id,
        known=False,
        day=day.day,
        next_reset=day.next_reset,
        realized=None,
    )
    rules = by_urgency(plan)
    return State(
        kept=kept, plan=plan, rules=rules, day=day, ledger=Ledger(started=day.started), view=view
    )


def by_urgency(plan: AccountPlan) -> tuple[RuleName, ...]:
    """Return a plan's rules, the most urgent first."""
    return tuple(sorted(plan.rules, key=lambda name: RULES[name].priority))


def listeners(rules: tuple[RuleName, ...], heard: Hears) -> list[str]:
    """Return the actors of those rules that hear of a change, in the order of the rules."""
    # Plain integers: flags take thirty times as long, and this is asked at every event.
    bits = heard._value_
    return [f"{RULE_PREFIX}{one}" for one in rules if RULES[one].hears._value_ & bits]


def viewed(plan: AccountPlan, state: State) -> State:
    """Return the state with its view brought up to date."""
    realized = None
    if state.trades_known:
        realized = state.ledger.realized(include_fees=plan.include_fees)
    fills = state.view.fills if state.ledger is state.filled else day_fills(state)
    view = BookView(
        account_id=plan.account_id,
        known=state.known,
        day=state.day.day,
        next_reset=state.day.next_reset,
        realized=realized,
        holdings=state.book.holdings(state.instruments, state.marks, state.settling.unsettled),
        orders=state.book.working,
        fills=fills,
        include_fees=plan.include_fees,
        can_trade=None if state.seen is None else state.seen.can_trade,
        truth_asked=state.truth_asked,
        session=state.session,
        confirm=plan.feed.confirm_span,
        under_lock=under_lock(state),
        ahead=state.ahead or Nanos(0),
        untold=tuple(sorted(state.settling.untold)),
    )
    return replace(state, view=view, filled=state.ledger)


def day_fills(state: State) -> tuple[TradeSeen, ...]:
    """Return the day's trades that stand, oldest first, if a rule wants them."""
    if not listeners(state.rules, Hears.FILLS):
        return ()
    if state.filled is None:
        return state.ledger.trades
    return state.ledger.trades_since(state.filled, state.view.fills)


def remembered(state: State, fact: AccountFact, now: Now) -> State:
    """Return the state with a fact noted, should a read that left earlier still come."""
    return replace(state, recent=(*state.recent, (now.mono, fact))[-RECENT_MAX:])


def needed_contracts(state: State) -> tuple[ContractId, ...]:
    """Return the contracts that must be valued: those held, and those an order could open."""
    held = set(state.book.rows)
    return tuple(sorted(held | {order.contract_id for order in state.book.orders.values()}))


def unresolved(state: State) -> bool:
    """Tell whether a held contract's record is still awaited."""
    return any(
        one not in state.instruments and one not in state.unvalued for one in state.book.rows
    )


def gateway_wall(state: State, now: Now) -> Nanos:
    """Return the time by the Gateway's clock; by ours until it is known how the two differ."""
    return Nanos(now.wall - (state.ahead or 0))


def in_force(state: State, now: Now) -> tuple[Lock, ...]:
    """Return the locks that hold now, the widest first, then the strictest, then the longest."""
    if not state.locks:
        return ()
    wall = gateway_wall(state, now)
    held = [one for one in state.locks if one.until is None or one.until > wall]
    return tuple(sorted(held, key=_weight))


def adds(held: Lock, request: LockRequest) -> bool:
    """Tell whether a lock is asked for as a longer one, or as one under which less may stay.

    One that waits for a condition is not to wait for ever, so it does not become one with an end.
    """
    if held.until is not None and (request.until is None or request.until > held.until):
        return True
    ends = held.until is not None or request.until is None
    return ends and held.kind in SOFT and request.kind not in SOFT


def _weight(lock: Lock) -> tuple[bool, bool, int]:
    return (lock.scope is not None, lock.kind in SOFT, -(lock.until or 1 << 63))


def lowered(kept: Kept, view: BookView) -> Kept:
    """Return what cooldowns let stay after an exit: never more than there is, nor turned around.

    Nor another position in its place, be it told of before the end of the one that may stay.
    """
    lives = lives_of(view)
    same = {one: id_ for one, id_ in lives.items() if kept.lives.get(one, id_) == id_}
    held = {one.contract_id: one.size for one in view.holdings if one.contract_id in same}
    floors = {
        lock: {
            contract: nearer_to_zero(size, held.get(contract, 0)) for contract, size in one.items()
        }
        for lock, one in kept.floors.items()
    }
    if floors == kept.floors and lives == kept.lives:
        return kept
    return replace(kept, floors=floors, lives=lives)


def lives_of(view: BookView) -> dict[ContractId, PositionId]:
    """Return the positions held, each by its contract."""
    return {one.contract_id: one.position_id for one in view.holdings}


def floor_key(lock: Lock) -> str:
    """Return the name under which it is kept what a cooling lock lets stay."""
    return lock.rule if lock.scope is None else f"{lock.rule} {lock.scope}"


def covers(scope: str | None, contract_id: ContractId) -> bool:
    """Tell whether a scope (everything, a contract, or a pattern of roots) takes in a contract."""
    return scope is None or scope == contract_id or within(scope, root(contract_id))


def under_lock(state: State) -> tuple[ContractId, ...]:
    """Return the contracts held that a lock covers, sorted."""
    if not state.locks:
        return ()
    scopes = {one.scope for one in state.locks}
    return tuple(
        sorted(held for held in state.book.rows if any(covers(one, held) for one in scopes))
    )


def exposed(view: BookView, scope: str | None) -> tuple[ContractId, ...]:
    """Return the contracts of a scope in which there is a position or a working order."""
    held = {one.contract_id for one in view.holdings}
    seen = held | {one.contract_id for one in view.orders}
    return tuple(sorted(one for one in seen if covers(scope, one)))
