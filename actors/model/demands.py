"""What the rules demand of an account, and what must still be done to bring it about.

A demand is a state, not an action: "this contract flat", "at most two of that".  Demands merge by
themselves, for the strictest target per contract holds: a flatten of the account absorbs every
close and reduction, a close absorbs the reductions of its contract, and of two reductions the
larger stays.  What to send is the difference between the book and the targets, so an action is
always checked against the newest state, and nothing is sent that the state does not need.
"""

from typing import NamedTuple

import msgspec

from actors.model.protection import PROTECTING_TYPES
from protocol.account_facts import OrderSeen, OrderStatus, OrderType, Side
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Goal, Priority
from protocol.units import ContractId, Nanos, OrderId, RuleName


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


class Close(NamedTuple):
    """Take this many contracts off a position; None is all of them."""

    contract_id: ContractId
    size: int | None

    @property
    def key(self) -> str:
        """Return what may have one unresolved mutation at a time: the contract's position."""
        return f"position/{self.contract_id}"


class Cancel(NamedTuple):
    """Cancel one working order."""

    contract_id: ContractId
    order_id: OrderId

    @property
    def key(self) -> str:
        """Return what may have one unresolved mutation at a time: the order."""
        return f"order/{self.order_id}"


type Action = Close | Cancel


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
    return any(
        goal.aim is Aim.FLATTEN and goal.contract_id in (None, contract_id) for goal in goals
    )


def keep(goals: tuple[Goal, ...], contract_id: ContractId) -> int | None:
    """Return how many contracts may stay, None for any number: the strictest goal holds."""
    if flattens(goals, contract_id):
        return 0
    return min(
        (g.keep for g in goals if g.aim is Aim.REDUCE and g.contract_id == contract_id),
        default=None,
    )


def needed(demands: tuple[Demand, ...], view: BookView) -> tuple[Action, ...]:
    """Return everything the book still lacks, the most urgent demand's needs first."""
    active = [demand for demand in demands if not demand.withdrawn]
    goals = tuple(goal for demand in active for goal in demand.goals)
    actions: list[Action] = []
    for demand in sorted(active, key=lambda one: one.priority):
        for action in lacking(demand.goals, goals, view):
            if action not in actions:
                actions.append(action)
    return tuple(actions)


def lacking(
    mine: tuple[Goal, ...], everyones: tuple[Goal, ...], view: BookView
) -> tuple[Action, ...]:
    """Return what the book lacks of my goals, at the size that everyone's goals ask for."""
    actions: list[Action] = []
    for one in view.holdings:
        own, strictest = keep(mine, one.contract_id), keep(everyones, one.contract_id)
        leaving = on_its_way_out(one, view)
        left = abs(one.size) - leaving
        if own is None or strictest is None or left <= own:
            continue
        size = None if strictest == leaving == 0 else left - strictest
        actions.append(Close(one.contract_id, size))
    working = {order.order_id for order in view.orders}
    actions.extend(
        Cancel(order.contract_id, order.order_id)
        for order in view.orders
        if unwanted(mine, order, view)
        and cancellable(order, working)
        and not exits(order, view.holding(order.contract_id))
    )
    return tuple(actions)


def unwanted(goals: tuple[Goal, ...], order: OrderSeen, view: BookView) -> bool:
    """Tell whether these goals want a working order gone."""
    if flattens(goals, order.contract_id):
        return True
    withheld = any(
        goal.aim is Aim.WITHHOLD and goal.contract_id in (None, order.contract_id) for goal in goals
    )
    return withheld and increases(order, view.holding(order.contract_id))


def increases(order: OrderSeen, holding: Holding | None) -> bool:
    """Tell whether an order's fill could leave more exposure than there is, or turn it around.

    A stop against the position stays though it be larger, as a partial exit leaves it: without it
    nothing would protect the rest.
    """
    if holding is None:
        return True
    size, left = abs(holding.size), order.size - order.filled
    opposite = (order.side is Side.SELL) == (holding.size > 0)
    return not opposite or left > (2 * size if order.type in PROTECTING_TYPES else size)


def cancellable(order: OrderSeen, working: set[OrderId]) -> bool:
    """Tell whether a cancel makes sense: not twice, and a suspended bracket goes with its entry."""
    if order.status is OrderStatus.PENDING_CANCELLATION:
        return False
    return not (order.status is OrderStatus.SUSPENDED and order.parent_id in working)


def on_its_way_out(holding: Holding, view: BookView) -> int:
    """Return how many contracts of a position the market exits at work are about to take off.

    A close on top of a close that fills late would turn the position around.
    """
    rests = (order.size - order.filled for order in view.orders
             if order.contract_id == holding.contract_id and exits(order, holding))  # fmt: skip
    return min(abs(holding.size), sum(rests))


def exits(order: OrderSeen, holding: Holding | None) -> bool:
    """Tell whether an order is a market exit: most likely our own close, on its way to the fill."""
    if holding is None or order.type is not OrderType.MARKET:
        return False
    opposite = (order.side is Side.SELL) == (holding.size > 0)
    return opposite and order.size - order.filled <= abs(holding.size)


def met(goals: tuple[Goal, ...], view: BookView) -> bool:
    """Tell whether a book is as these goals want it.  An unknown book never is."""
    if not view.known:
        return False
    for one in view.holdings:
        allowed = keep(goals, one.contract_id)
        if allowed is not None and abs(one.size) > allowed:
            return False
    return not any(unwanted(goals, order, view) for order in view.orders)
