"""What must be so once it has been calm for longer than any answer, poll or back-off takes.

The broker's truth is judged by the specification, with none of the rules' code.
"""

from actors.account_feed import FEED
from actors.model import account_state
from actors.model.aliases import canonical
from actors.model.contract import root
from actors.model.duration import duration
from actors.plan import planned, settings_of
from actors.rules import (
    auth_loss_guard,
    cooldown_after_loss,
    daily_realized_loss,
    daily_realized_profit,
    daily_unrealized_loss,
    max_contracts,
    max_contracts_per_instrument,
    max_unrealized_profit,
    no_stop_loss_grace,
    session_block_outside,
    symbol_blocks,
    trade_frequency_limit,
    trade_management,
)
from actors.rules.rule import Mode, RuleParams
from ops.desk.clocks import TOLERANCE
from protocol.account_facts import OrderType, PositionSeen, Side
from protocol.lifecycle import Phase
from protocol.market_facts import MarkSource
from protocol.units import SECOND, USD, ContractId, Nanos, RuleName
from tests.sim import hours
from tests.sim.broker import INSTRUMENTS, JUNK, Broker, gain
from tests.sim.invariants import Invariants
from tests.sim.stays import stay

INEXACT = 20 * SECOND
"""By how much a reset may be late when two clocks must agree: tolerance, and what is under way."""
JUDGED_WITHIN = 40 * SECOND
"""A poll of truth comes every 15 s, and every rule judges it."""
WAITING = (trade_management.NAME,)
"""What waits by right: a stop is placed once the market is on the right side of it."""
OURS = "riskwarden-stop-"
STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


def at_rest(watch: Invariants) -> None:
    """Judge an account."""
    if watch.flat_by_force:
        _held_flat(watch)
        return
    account, enforcer, broker = watch.account(), watch.enforcer(), _broker(watch)
    assert account is not None, "nobody lives"
    watch.demand(account.phase is Phase.ARMED, f"armed: {account.phase}")
    sizes = {key: row.seen.size for key, row in account.book.rows.items()}
    truth = {key: one.size for key, one in broker.positions.items()}
    watch.demand(sizes == truth, f"book {sizes} is not {truth}")
    orders = set(account.book.orders)
    watch.demand(orders == set(broker.orders), f"orders {orders} are not {set(broker.orders)}")
    realized = account.ledger.realized(include_fees=True)
    wanted = broker.realized(account.day.started)
    watch.demand(realized == wanted, f"I11 ledger {realized} is not {wanted}")
    stops = tuple(f"{watch.account_id}/{name}/" for name in WAITING)
    left = {one for one in watch.requested if not one.startswith(stops)} - watch.settled
    watch.demand(not left, f"never settled: {[watch.requested[one] for one in left]}")
    if enforcer is not None:
        open_ = [one for one in enforcer.kept.demands if one.rule not in WAITING]
        watch.demand(not open_, f"still demanded: {open_}")
    _days(watch)
    _guarded(watch, account)
    _judged(watch)
    _own_stops(watch)
    if watch.plan.mode is Mode.SHADOW:
        idle = not (watch.locks or watch.mutations)
        watch.demand(idle, f"I15 shadow did something: {watch.locks}")
        _sees(watch, account)
        return
    watch.demand(JUNK not in broker.positions, "I12 a contract of no value is held")
    _locks(watch)
    for name, params in watch.plan.rules.items():
        if params.mode is Mode.ENFORCE and name not in watch.gone:
            for breach in _breaches(watch, name, params, account):
                watch.demand(so=False, what=breach)
    _sees(watch, account)


def _broker(watch: Invariants) -> Broker:
    return watch.kernel.brokers[watch.account_id]


def _held_flat(watch: Invariants) -> None:
    """I3: an account whose tree will not stand is flat; one that is only watched is let be."""
    broker = _broker(watch)
    if watch.plan.mode is Mode.SHADOW:
        watch.demand(not watch.mutations, "I15 the last resort of a shadow did something")
        return
    left = (*broker.positions.values(), *broker.orders.values())
    watch.demand(not left, f"I3 the last resort leaves {left}")


def _guarded(watch: Invariants, account: account_state.State) -> None:
    """Tighten now, loosen at the reset: what is in force is what was asked for, and no less."""
    whole = planned(settings_of(watch.plan), watch.account_id, "")
    watch.demand(account.plan.rules == whole.rules, f"guarded by {account.plan.rules}, not {whole}")
    watch.demand(account.plan.feed == whole.feed, f"guarded by {account.plan.feed}, not {whole}")


def _sees(watch: Invariants, account: account_state.State) -> None:
    """I7: who hears again is not blind, and nothing waits for that."""
    lapses = [one for one in account.feed.lapses if one.contract_id != JUNK]
    blind = lapses or any(one.rule == FEED for one in account.locks)
    watch.demand(not blind, f"I7 still blind: {lapses}, {account.locks}")


def _days(watch: Invariants) -> None:
    """I6: every reset that has come was done."""
    reset, due, kernel = watch.plan.reset, [], watch.kernel
    at = reset.following(Nanos(min(kernel.began, kernel.began + kernel.twists.shift())))
    while at <= (kernel.reached if "skew" in kernel.twists else kernel.wall):
        due.append(at)
        at = reset.following(at)
    if "skew" in kernel.twists:  # one that is due this very moment may be late
        near = kernel.began + min(kernel.twists.shift(), TOLERANCE)
        if due and due[0] not in watch.resets and due[0] <= max(near, watch.named_at or 0):
            del due[0]  # the first day was named later, or by a clock that is within tolerance
        sure = [one for one in due if one <= min(kernel.wall, kernel.time) - INEXACT]
        so = watch.resets == due[: len(watch.resets)] and len(watch.resets) >= len(sure)
        watch.demand(so, f"I6 {watch.resets} are not {due}, or at least {sure}")
        return
    assert watch.first_day is not None, "nothing was ever written"
    due = [one for one in due if one > watch.first_day]
    watch.demand(watch.resets == due, f"I6 {watch.resets} are not {due}")


def _judged(watch: Invariants) -> None:
    """I14: every rule has judged lately."""
    life = watch.kernel.life
    assert life is not None
    for name in set(watch.plan.rules) - watch.gone:
        at = life.runtime.states[f"{watch.path}/rule/{name}"].evaluated
        fresh = at is not None and watch.kernel.wall - at < JUDGED_WITHIN
        watch.demand(fresh, f"I14 {name} judged at {at}, now {watch.kernel.wall}")


def _own_stops(watch: Invariants) -> None:
    """Lesson 80: no stop of ours is left without what it was placed for, or is more than that."""
    broker = _broker(watch)
    for contract_id in {one.contract_id for one in broker.orders.values()}:
        own = [
            one
            for one in broker.orders.values()
            if one.contract_id == contract_id and one.tag is not None and one.tag.startswith(OURS)
        ]
        held = broker.positions.get(contract_id)
        size = 0 if held is None else held.size
        total = sum(one.size - one.filled for one in own)
        against = all((one.side is Side.SELL) == (size > 0) for one in own)
        watch.demand(total <= abs(size) and against, f"I1 stops of ours for {size}: {own}")


def _locks(watch: Invariants) -> None:
    """I3: nothing is left under a lock, and under a cooldown no more than there was."""
    broker = _broker(watch)
    exposed = {one.contract_id for one in broker.orders.values()} | set(broker.positions)
    for lock in watch.lockout().locks:
        if not watch.in_force(lock):
            continue
        if lock.kind not in account_state.SOFT:
            under = [
                one
                for one in exposed
                if lock.scope is None or account_state.covers(lock.scope, one)
            ]
            watch.demand(not under, f"I3 {under} under {lock}")
            continue
        stays = watch.stays[lock.key]
        for contract_id, held in broker.positions.items():
            if not account_state.covers(lock.scope, contract_id):
                continue
            fits = stay(stays, held) == held.size
            watch.demand(fits, f"I3 {held} under {lock}, where {stays.get(contract_id)} was")
        for order in broker.orders.values():
            row = broker.positions.get(order.contract_id)
            exits = row is not None and (row.size > 0) == (order.side is Side.SELL)
            exits = exits or not account_state.covers(lock.scope, order.contract_id)
            watch.demand(exits, f"I3 {order} under {lock}")


def _breaches(
    watch: Invariants, name: RuleName, params: RuleParams, account: account_state.State
) -> list[str]:
    broker = _broker(watch)
    worth = {key: _worth(watch, one) for key, one in broker.positions.items()}
    sizes = {key: one.size for key, one in broker.positions.items()}
    locked = any(one.scope is None and one.rule == name for one in watch.lockout().locks)
    realized, opened = broker.realized(account.day.started), sum(worth.values())
    found: list[str] = []
    match params:
        case max_contracts.Params(limit=limit, count=count):
            net = count is max_contracts.Count.NET
            used = abs(sum(sizes.values())) if net else sum(map(abs, sizes.values()))
            found += [f"001 {used} > {limit}"] * (used > limit)
        case max_contracts_per_instrument.Params():
            found += _too_many(params, sizes)
        case daily_realized_loss.Params(limit=limit, combined=combined):
            total = realized + (min(0, opened) if combined else 0)
            found += [f"003 {total}, and no lock"] * (total <= limit * USD - 1 and not locked)
        case daily_realized_profit.Params(target=target, combined=combined):
            total = realized + (max(0, opened) if combined else 0)
            found += [f"013 {total}, and no lock"] * (total >= target * USD + 1 and not locked)
        case daily_unrealized_loss.Params(limit=limit, scope=scope):
            whole = scope is daily_unrealized_loss.Scope.ACCOUNT
            worst = opened if whole else min(worth.values(), default=0)
            found += [f"004 {worst}"] * (worst <= limit * USD - 1)
        case max_unrealized_profit.Params(target=target):
            best = max(worth.values(), default=0)
            found += [f"005 {best}"] * (best >= target * USD + 1)
        case no_stop_loss_grace.Params(grace=grace, full_coverage=full):
            if duration(grace) < JUDGED_WITHIN:
                found += [f"008 {one}" for one in broker.positions.values()
                          if not _protected(watch, one, full=full)]  # fmt: skip
        case auth_loss_guard.Params():
            found += [f"010 locked: {locked}"] * (locked == broker.can_trade)
        case symbol_blocks.Params(symbols=symbols):
            exposed = {one.contract_id for one in broker.orders.values()} | set(sizes)
            found += [
                f"011 {one}"
                for one in exposed
                if any(account_state.covers(canonical(pattern), one) for pattern in symbols)
            ]
        case session_block_outside.Params():
            found += hours.at_rest(watch, params)
        case trade_management.Params():
            pass  # a stop is never loosened: tests/sim/invariants.py
        case trade_frequency_limit.Params() | cooldown_after_loss.Params():
            pass  # what cools down is judged by tests/rules; what a cooldown forbids, above
        case _:
            raise AssertionError(params)
    return found


def _too_many(
    params: max_contracts_per_instrument.Params, sizes: dict[ContractId, int]
) -> list[str]:
    limits = {canonical(name): limit for name, limit in params.limits.items()}
    others = {"block": 0, "allow": 10**6, "limit:2": 2}[params.unknown_symbol]
    sums: dict[str, int] = {}
    for contract_id, size in sizes.items():
        product = canonical(root(contract_id))
        sums[product] = sums.get(product, 0) + size
    return [
        f"002 {product} {size}"
        for product, size in sums.items()
        if abs(size) > limits.get(product, others) or limits.get(product, others) == 0
    ]


def _protected(watch: Invariants, held: PositionSeen, *, full: bool) -> bool:
    """Tell whether stops of the losing side take the position off."""
    broker = _broker(watch)
    against = Side.SELL if held.size > 0 else Side.BUY
    stops = [
        one
        for one in broker.orders.values()
        if one.contract_id == held.contract_id and one.side is against and one.type in STOPS
    ]
    covered = sum(one.size - one.filled for one in stops)
    return covered >= abs(held.size) if full else covered > 0


def _worth(watch: Invariants, one: PositionSeen) -> int:
    """Value a position; one ten-thousandth is left to rounding."""
    price = _broker(watch).prices[one.contract_id]
    if watch.plan.mark is MarkSource.EXIT_SIDE:
        tick = INSTRUMENTS[one.contract_id].tick_size
        price = type(price)(price - tick if one.size > 0 else price + tick)
    return gain(one.contract_id, one.size, one.average, price)
