"""Where the stop of a position in profit belongs, and at which prices that must be asked again.

Everything is said for a long position and mirrored for a short one: prices become heights, the way
the market has to go for the position to gain.  Stops are rounded to the tick away from the market.
"""

from typing import NamedTuple

import msgspec

from protocol.account_facts import Instrument
from protocol.market_facts import Trigger
from protocol.units import ContractId, Price


class Plan(NamedTuple):
    """How a stop is moved, in ticks; None switches a part off."""

    trigger: int | None
    offset: int
    activation: int | None
    distance: int
    step: int


class Course(msgspec.Struct, frozen=True):
    """A position's prices as heights above zero: what is higher is better for it."""

    long: bool
    tick: int
    entry: int
    best: int
    mark: int

    def price(self, height: int) -> Price:
        """Return a height as a price."""
        return Price(height if self.long else -height)

    def height(self, price: Price) -> int:
        """Return a price as a height."""
        return price if self.long else -price

    def floor(self, height: int) -> int:
        """Return a height on the grid, rounded away from the market."""
        return height - height % self.tick

    def is_clear(self, height: int) -> bool:
        """Tell whether a stop at a height lies below the market by a tick at least."""
        return self.mark - height >= self.tick


def course(instrument: Instrument, *, long: bool, entry: Price, best: Price, mark: Price) -> Course:
    """Return a position's prices as heights."""
    sign = 1 if long else -1
    return Course(long, instrument.tick_size, sign * entry, sign * best, sign * mark)


def breakeven(plan: Plan, at: Course) -> int | None:
    """Return where the stop belongs once the position has gone far enough; None before."""
    if plan.trigger is None or at.best - at.entry < plan.trigger * at.tick:
        return None
    return at.floor(at.entry + plan.offset * at.tick)


def trailed(plan: Plan, at: Course) -> int | None:
    """Return where the stop belongs behind the best price; None before trailing begins."""
    if plan.activation is None or at.best - at.entry < plan.activation * at.tick:
        return None
    return at.floor(at.best - plan.distance * at.tick)


def wanted(plan: Plan, at: Course) -> int | None:
    """Return the highest stop that is due and that the market leaves room for."""
    due = (breakeven(plan, at), trailed(plan, at))
    return max((one for one in due if one is not None and at.is_clear(one)), default=None)


def next_height(plan: Plan, at: Course, stop: int | None) -> int | None:
    """Return the next height at which the stop would be moved; the stop is where it is now.

    Between here and there nothing could change, so quotes on the way are not looked at.
    """
    heights: list[int] = []
    due = (breakeven(plan, at), trailed(plan, at))
    heights.extend(one + at.tick for one in due if one is not None and not at.is_clear(one))
    if plan.trigger is not None and due[0] is None:
        heights.append(at.entry + plan.trigger * at.tick)
    if plan.activation is not None:
        behind = due[1]
        if behind is None:
            heights.append(at.entry + plan.activation * at.tick)
        else:
            step = behind + at.tick
            if stop is not None:
                step = max(step, at.floor(stop + (plan.step + 1) * at.tick - 1))
            heights.append(step + plan.distance * at.tick)
    return min((one for one in heights if one > at.mark), default=None)


def trigger(
    contract_id: ContractId, at: Course, up: int | None, down: int | None
) -> tuple[Trigger, ...]:
    """Return the trigger that rests at two heights: one above the market, one below it."""
    if up is None and down is None:
        return ()
    high = None if up is None else at.price(up)
    low = None if down is None else at.price(down)
    if not at.long:
        low, high = high, low
    return (Trigger(contract_id=contract_id, short=not at.long, low=low, high=high),)
