"""What the rules demand of an account, and what must still be done to bring it about.

A demand is a state, not an action: "this contract flat", "at most two of that".  Demands merge by
themselves, for the strictest target per contract holds: a flatten of the account absorbs every
close and reduction, a close absorbs the reductions of its contract, and of two reductions the
larger stays.  What is about to be closed has its stops neither moved nor placed; and as long as
anything is, those that are only managed wait.  What to send is the difference between the book and
the targets, so an action is always checked against the newest state, and nothing is sent that the
state does not need.
"""

import msgspec

from actors.model.deeds import Action, Cancel, Close
from actors.model.protection import PROTECTING_TYPES, against
from actors.model.stops import is_clear, meant, misfits, moves, placing, uncovered
from protocol.account_facts import OrderSeen, OrderStatus, OrderType
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Goal, Priority
from protocol.units import ContractId, Nanos, OrderId, RuleName

PLACES_MAX = 4
"""How often a stop is placed for one demand: one that never shows may be there each time."""


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's standing demand; `proofs` are the reads that showed it met, newest last."""

    enforcement_id: str
    rule: RuleName
    priority: Priority
    goals: tuple[Goal, ...]
    why: str
    requested: Nanos
    attempts: int = 0
    proofs: tuple[str, ...] = ()
    proven: Nanos = Nanos(0)
    """Monotonic time of the first of them: the next one must have left a quiet window later."""
    withdrawn: bool = False
    """The rule is content: nothing more is sent, but what was done is still proven."""


def merge(held: tuple[Goal, ...], asked: tuple[Goal, ...]) -> tuple[Goal, ...]:
    """Return a rule's goals after it asked again: its flattens stand, its reductions are new.

    What a standing flatten absorbs is not added: a cooldown's lock asks for less than its rule.
    """
    standing = tuple(goal for goal in held if goal.aim is Aim.FLATTEN)
    return standing + tuple(
        goal
        for goal in asked
        if goal not in standing
        and (goal.aim is Aim.FLATTEN or not flattens(standing, goal.contract_id))
    )


def flattens(goals: tuple[Goal, ...], contract_id: ContractId | None) -> bool:
    """Tell whether these goals want a contract flat."""
    for goal in goals:
        if goal.aim is Aim.FLATTEN and goal.contract_id in (None, contract_id):
            return True
    return False


def keep(goals: tuple[Goal, ...], contract_id: ContractId) -> int | None:
    """Return how many contracts may stay, None for any number: the strictest goal holds."""
    if flattens(goals, contract_id):
        return 0
    return min(
        (g.keep for g in goals if g.aim is Aim.REDUCE and g.contract_id == contract_id),
        default=None,
    )


def needed(demands: tuple[Demand, ...], view: BookView) -> tuple[Action, ...]:
    """Return everything the book still lacks, the most urgent demand's needs first.

    One deed for each key: what is to be cancelled is not moved first.
    """
    active = [demand for demand in demands if not demand.withdrawn]
    goals = tuple(goal for demand in active for goal in demand.goals)
    actions: dict[str, Action] = {}
    for demand in sorted(active, key=lambda one: one.priority):
        managed = demand.priority is Priority.AUTOMATION
        mine = demand.goals
        if demand.attempts >= PLACES_MAX:
            mine = tuple(goal for goal in mine if goal.aim is not Aim.PROTECT)
        stops = stopping(mine, goals, view, managed=managed)
        for action in (*lacking(demand.goals, goals, view), *stops):
            chosen = actions.setdefault(action.key, action)
            if isinstance(action, Cancel) and not isinstance(chosen, Cancel):
                actions[action.key] = action
    return tuple(actions.values())


def lacking(
    mine: tuple[Goal, ...], everyones: tuple[Goal, ...], view: BookView
) -> tuple[Action, ...]:
    """Return what the book lacks of my goals, at the size that everyone's goals ask for.

    Mine are among everyone's.
    """
    actions: list[Action] = []
    for one in view.holdings:
        own, strictest = keep(mine, one.contract_id), keep(everyones, one.contract_id)
        leaving = on_its_way_out(one, view)
        left = abs(one.size) - leaving
        if own is None or strictest is None or left <= own:
            continue
        size = None if strictest == leaving == 0 else left - strictest
        actions.append(Close(one.contract_id, size))
    going = [order for order in view.orders if goes(everyones, order, view)]
    ids = {order.order_id for order in going}
    actions += [
        Cancel(order.contract_id, order.order_id)
        for order in going
        if goes(mine, order, view) and cancellable(order, ids)
    ]
    return tuple(actions)


def goes(goals: tuple[Goal, ...], order: OrderSeen, view: BookView) -> bool:
    """Tell whether these goals have an order cancelled: not a close that is on its way."""
    return unwanted(goals, order, view) and not exits(order, size_held(view, order.contract_id))


def stopping(
    mine: tuple[Goal, ...], everyones: tuple[Goal, ...], view: BookView, *, managed: bool
) -> tuple[Action, ...]:
    """Return what the book lacks of my goals about stops, as far as nothing is closing."""
    actions: list[Action] = []
    for goal in mine:
        if goal.aim is Aim.FIT:
            actions.extend(misfits(view))
        if goal.aim not in (Aim.TIGHTEN, Aim.PROTECT):
            continue
        holding = meant(goal, view)
        if holding is None or goal.stop is None or not is_clear(goal.stop, holding):
            continue
        scope = view.holdings if managed else (holding,)
        if any(closing(everyones, one, view) for one in scope):
            continue
        lacks = moves if goal.aim is Aim.TIGHTEN else placing
        actions.extend(lacks(goal, view, yields=managed))
    return tuple(actions)


def closing(goals: tuple[Goal, ...], holding: Holding, view: BookView) -> bool:
    """Tell whether some of a position is about to be closed, by us or at the market."""
    allowed = keep(goals, holding.contract_id)
    excess = allowed is not None and abs(holding.size) > allowed
    return excess or on_its_way_out(holding, view) > 0


def unwanted(goals: tuple[Goal, ...], order: OrderSeen, view: BookView) -> bool:
    """Tell whether these goals want a working order gone."""
    if flattens(goals, order.contract_id):
        return True
    withheld = any(
        goal.aim is Aim.WITHHOLD and goal.contract_id in (None, order.contract_id) for goal in goals
    )
    return withheld and increases(order, size_held(view, order.contract_id))


def size_held(view: BookView, contract_id: ContractId) -> int:
    """Return the signed size that is held of a contract."""
    holding = view.holding(contract_id)
    return 0 if holding is None else holding.size


def increases(order: OrderSeen, size: int) -> bool:
    """Tell whether an order's fill could leave more exposure than this size, or turn it around.

    A stop against the position stays though it be larger, as a partial exit leaves it: without it
    nothing would protect the rest.
    """
    most = 2 * abs(size) if order.type in PROTECTING_TYPES else abs(size)
    return not against(order, size) or order.size - order.filled > most


def cancellable(order: OrderSeen, leaving: set[OrderId]) -> bool:
    """Tell whether a cancel makes sense: not twice, nor of a bracket that goes with its entry.

    One whose entry may stay, because it only lessens what is held, has to go by itself.
    """
    if order.status is OrderStatus.PENDING_CANCELLATION:
        return False
    return not (order.status is OrderStatus.SUSPENDED and order.parent_id in leaving)


def on_its_way_out(holding: Holding, view: BookView) -> int:
    """Return how many contracts of a position the market orders against it are about to take off.

    A close on top of a close that fills late would turn the position around.  One that is larger
    than the position counts too: the row may be an old one that was told late.
    """
    size, own = holding.size, holding.contract_id
    rests = (
        order.size - order.filled
        for order in view.orders
        if order.contract_id == own and fills_against(order, size)
    )
    return min(abs(size), sum(rests))


def fills_against(order: OrderSeen, size: int) -> bool:
    """Tell whether an order is about to fill against a position of this size."""
    return order.type is OrderType.MARKET and against(order, size)


def exits(order: OrderSeen, size: int) -> bool:
    """Tell whether an order is a market exit: most likely our own close, on its way to the fill."""
    return fills_against(order, size) and order.size - order.filled <= abs(size)


def met(goals: tuple[Goal, ...], view: BookView) -> bool:
    """Tell whether a book is as these goals want it.  An unknown book never is."""
    if not view.known:
        return False
    for one in view.holdings:
        allowed = keep(goals, one.contract_id)
        if allowed is not None and abs(one.size) > allowed:
            return False
    if any(unwanted(goals, order, view) for order in view.orders):
        return False
    return not any(unstopped(goal, view) for goal in goals)


def unstopped(goal: Goal, view: BookView) -> bool:
    """Tell whether the stops are not as a goal about them wants, wherever the market is."""
    match goal.aim:
        case Aim.TIGHTEN:
            return bool(moves(goal, view))
        case Aim.PROTECT:
            return uncovered(goal, view) > 0
        case Aim.FIT:
            return bool(misfits(view))
        case _:
            return False
