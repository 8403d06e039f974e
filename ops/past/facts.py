"""What an explanation is made of: inputs, what was known, commands and answers, the proof."""

from typing import Self, cast

import msgspec

from actors.model.account_state import State as AccountState
from ops.desk.narrate import line
from ops.desk.status import lockout
from protocol.account_facts import AccountSeen, OrderSeen, PositionSeen, TradeSeen
from protocol.answers import Answered, TruthFailed, TruthRead
from protocol.book import Holding
from protocol.codec import Recorded
from protocol.commands import (
    CancelOrder,
    CloseContract,
    ModifyOrder,
    PartialClose,
    PlaceStop,
    ReadTruth,
)
from protocol.control import LockoutStatus
from protocol.decisions import Decision, EnforcementConfirmed
from protocol.lifecycle import Began, Failed, Snapshot
from protocol.market_facts import Marks, MarksRead, PriceCrossed
from protocol.units import MILLISECOND, ContractId, Now, price_text, usd_text
from protocol.words import instant_text

LONG = 400
"""Characters of a message that are shown."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """An input, in words."""

    at: str
    actor: str
    kind: str
    text: str


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What was held, and what it was worth."""

    contract: str
    size: int
    average: str
    mark: str | None
    unrealized: str | None


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What the account knew when the input came."""

    known: bool
    day: str
    realized: str | None
    unrealized: str | None
    positions: list[Position]
    orders: list[str]
    locks: list[LockoutStatus]
    phase: str


class Asked(msgspec.Struct, kw_only=True):
    """A command, how long after the request it left, and what came back."""

    id: str
    command: str
    after_ms: float
    answer: str = "none"
    answered_ms: float | None = None

    def answered(self, record: Recorded, start: Now) -> None:
        """Take the answer."""
        self.answered_ms = _ms(record.now, start)
        match record.message:
            case Answered(outcome=outcome, why=why):
                self.answer = f"{outcome.value}{f', {why}' if why else ''}"
            case TruthRead(positions=positions, orders=orders):
                sizes = [f"{one.size:+d} {one.contract_id}" for one in positions if one.size]
                working = f"{len(orders)} working orders" if orders else "no working order"
                self.answer = f"{', '.join(sizes) or 'no position'}, {working}"
            case TruthFailed(why=why):
                self.answer = f"unknown: {why}"
            case _:
                pass


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, in words."""

    after_ms: float
    text: str


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The flat certificate."""

    scope: str
    reads: list[str]
    at: str
    took_ms: int

    @classmethod
    def of(cls, confirmed: EnforcementConfirmed) -> Self:
        """Read it off a confirmation."""
        return cls(
            scope=confirmed.certificate.contract_id or "account",
            reads=list(confirmed.certificate.reads),
            at=instant_text(confirmed.certificate.at),
            took_ms=confirmed.took_ms,
        )


def heard(record: Recorded) -> Heard:
    """Return an input in words."""
    return Heard(
        at=instant_text(record.now.wall),
        actor=record.actor,
        kind=type(record.message).__name__,
        text=described(record),
    )


def described(record: Recorded) -> str:
    """Return what an input says, as short as it can be said."""
    match record.message:
        case PositionSeen() as it:
            return f"{it.size:+d} {it.contract_id} at {price_text(it.average)}"
        case OrderSeen() as it:
            what = f"{it.side.name.lower()} {it.size} {it.contract_id} {it.type.name.lower()}"
            return f"order {it.order_id}: {what}, {it.status.name.lower()}, filled {it.filled}"
        case TradeSeen() as it:
            made = "an opening" if it.realized is None else f"realized {usd_text(it.realized)}"
            costs = usd_text(it.fees)
            what = f"{it.side.name.lower()} {it.size} {it.contract_id} at {price_text(it.price)}"
            return f"trade {it.trade_id}: {what}, {made}, fees {costs}"
        case PriceCrossed(marks=marks) | MarksRead(marks=marks):
            return ", ".join(map(_mark, marks)) or "no price"
        case AccountSeen() as it:
            return f"{it.name}: can trade {it.can_trade}"
        case Began(release=release):
            return f"the desk starts (riskwarden {release})"
        case Snapshot():
            return "all that the actors know is written down"
        case Failed(why=why):
            return f"it fails: {why}"
        case message:
            text = str(message)
            return text if len(text) <= LONG else f"{text[:LONG]}…"


def _mark(marks: Marks) -> str:
    price = marks.long if marks.long is not None else marks.short
    return f"{marks.contract_id} {'no price' if price is None else price_text(price)}"


def before(state: AccountState) -> Before:
    """Return what an account knows."""
    view = state.view
    total = view.unrealized
    return Before(
        known=view.known,
        day=view.day,
        realized=None if view.realized is None else usd_text(view.realized),
        unrealized=None if total is None else usd_text(total),
        positions=[_position(one) for one in view.holdings],
        orders=[
            f"{one.order_id}: {one.side.name.lower()} {one.size} {one.contract_id} "
            f"{one.type.name.lower()}, {one.status.name.lower()}"
            for one in view.orders
        ],
        locks=[lockout(one) for one in state.locks],
        phase=state.phase.value,
    )


def _position(held: Holding) -> Position:
    return Position(
        contract=held.contract_id,
        size=held.size,
        average=price_text(held.average),
        mark=None if held.mark is None else price_text(held.mark),
        unrealized=None if held.unrealized is None else usd_text(held.unrealized),
    )


def _changed(change: ModifyOrder) -> str:
    """Return what of an order is to become another."""
    limit = change.limit_price
    parts = (
        None if change.stop_price is None else price_text(change.stop_price),
        None if limit is None else f"limit {price_text(limit)}",
        None if change.size is None else f"size {change.size}",
    )
    return ", ".join(one for one in parts if one is not None)


def asked(record: Recorded, start: Now, scope: set[ContractId | None]) -> Asked | None:
    """Return a command of the enforcer in words, None if it is for another contract."""
    contract: ContractId | None = None
    match record.message:
        case CloseContract(command_id=name, contract_id=contract):
            text = f"close {contract}"
        case PartialClose(command_id=name, contract_id=contract, size=size):
            text = f"close {size} of {contract}"
        case CancelOrder(command_id=name, contract_id=contract, order_id=order):
            text = f"cancel order {order} in {contract}"
        case ModifyOrder(command_id=name, contract_id=contract, order_id=order):
            text = f"change order {order} in {contract} to {_changed(record.message)}"
        case PlaceStop(command_id=name, contract_id=contract, side=side, size=size) as stop:
            what = f"{side.name.lower()} {size} of {contract} at {price_text(stop.stop_price)}"
            text = f"place a stop: {what}"
        case ReadTruth(command_id=name):
            text = "read positions and orders"
        case _:
            return None
    if contract is not None and not scope & {None, contract}:
        return None
    return Asked(id=name, command=text, after_ms=_ms(record.now, start))


def told(record: Recorded, start: Now) -> Told | None:
    """Return a decision in words; a command is none."""
    message = record.message
    if not isinstance(message, Decision.__value__):
        return None
    return Told(after_ms=_ms(record.now, start), text=line(cast("Decision", message)).text)


def _ms(now: Now, start: Now) -> float:
    """Return the milliseconds in between, by the stopwatch unless a restart lies there."""
    span = now.mono - start.mono
    if span < 0:
        span = now.wall - start.wall
    return round(span / MILLISECOND, 3)
