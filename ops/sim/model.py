"""What the simulated broker knows: accounts, contracts, orders, positions, trades.

Money and prices are Decimals; instants are nanoseconds since 1970 (UTC).  Only the wire has floats.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Literal

Data = dict[str, object]
Hub = Literal["user", "market"]


class Side(IntEnum):
    """Say which way an order or a trade goes."""

    BUY = 0
    SELL = 1

    @property
    def sign(self) -> int:
        """Return +1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def other(self) -> "Side":
        """Return the opposite side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(IntEnum):
    """Number the order types as the Gateway does."""

    LIMIT = 1
    MARKET = 2
    STOP_LIMIT = 3
    STOP = 4
    TRAILING_STOP = 5
    JOIN_BID = 6
    JOIN_ASK = 7


class Status(IntEnum):
    """Number the order states as the Gateway does."""

    NONE = 0
    OPEN = 1
    FILLED = 2
    CANCELLED = 3
    EXPIRED = 4
    REJECTED = 5
    PENDING = 6
    PENDING_CANCELLATION = 7
    SUSPENDED = 8


LIVE = frozenset({Status.OPEN, Status.PENDING, Status.PENDING_CANCELLATION})
WORKING = LIVE | {Status.SUSPENDED}


@dataclass(slots=True, kw_only=True)
class Account:
    """One account of the simulated user."""

    account_id: int
    name: str
    balance: Decimal
    can_trade: bool = True
    is_visible: bool = True
    simulated: bool = True
    follower: bool = False


@dataclass(slots=True, kw_only=True)
class Contract:
    """One expiry of one product; `published` overrides what the wire tells of the tick value."""

    contract_id: str
    name: str
    description: str
    root: str
    symbol: str
    tick_size: Decimal
    tick_value: Decimal
    active: bool = True
    published: Literal["full", "null", "missing", "zero"] = "full"

    @property
    def symbol_id(self) -> str:
        """Return the prefixed symbol that quotes carry."""
        return f"F.US.{self.root}"

    @property
    def names(self) -> set[str]:
        """Return every name that means this contract."""
        return {self.contract_id, self.root, self.symbol, self.name}

    @property
    def point_value(self) -> Decimal:
        """Return the dollars of one whole point."""
        return self.tick_value / self.tick_size


@dataclass(slots=True, kw_only=True)
class Market:
    """The last known prices of a contract."""

    last: Decimal
    bid: Decimal
    ask: Decimal
    opened: Decimal
    high: Decimal
    low: Decimal
    volume: int = 0


@dataclass(slots=True, kw_only=True)
class Order:
    """An order's life; `filled_value` sums price x quantity, so the average stays exact."""

    order_id: int
    account_id: int
    contract_id: str
    symbol_id: str
    type: OrderType
    side: Side
    size: int
    created_ns: int
    updated_ns: int
    status: Status = Status.OPEN
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail: Decimal | None = None
    filled: int = 0
    filled_value: Decimal = Decimal(0)
    tag: str | None = None
    parent_id: int | None = None
    linked_id: int | None = None
    bracket_ticks: int = 0
    triggered: bool = False
    closes: bool = False
    chunks: list[int] = field(default_factory=list[int])

    @property
    def rest(self) -> int:
        """Return what is still to be filled."""
        return self.size - self.filled


@dataclass(slots=True, kw_only=True)
class Position:
    """One aggregated row; `cost` sums price x size still held, so the average stays exact."""

    position_id: int
    account_id: int
    contract_id: str
    created_ns: int
    side: Side
    size: int
    cost: Decimal

    @property
    def average(self) -> Decimal:
        """Return the average entry price, on the tick grid or off it."""
        return self.cost / self.size


@dataclass(slots=True, kw_only=True)
class Trade:
    """One half-turn; `pnl` is None when it opened exposure."""

    trade_id: int
    account_id: int
    contract_id: str
    order_id: int
    created_ns: int
    price: Decimal
    side: Side
    size: int
    fees: Decimal
    commissions: Decimal
    pnl: Decimal | None
    voided: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Event:
    """One hub message, as content: the wire decides on its shape, order and number."""

    hub: Hub
    target: str
    key: int | str
    data: Data
    action: int = 1
    at_ns: int = 0


@dataclass(slots=True, frozen=True, kw_only=True)
class Outcome:
    """What a mutating call came to: 0 is success, any other code is the endpoint's own."""

    code: int = 0
    message: str | None = None
    order_id: int | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Due:
    """Work that the exchange wants done later: the model has no clock, the world calls it back."""

    delay_ms: float
    order_id: int
    kind: Literal["execute", "cancel"]
