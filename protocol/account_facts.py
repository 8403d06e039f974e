"""What the Gateway says about an account: facts in the past tense, decoded and exact."""

from enum import IntEnum

import msgspec

from protocol.message import Message
from protocol.units import AccountId, ContractId, Nanos, OrderId, PositionId, Price, TradeId, Usd


class Side(IntEnum):
    """The side of an order or trade, by the Gateway's numbers."""

    BUY = 0
    SELL = 1


class OrderType(IntEnum):
    """The kind of an order, by the Gateway's numbers."""

    UNKNOWN = 0
    LIMIT = 1
    MARKET = 2
    STOP_LIMIT = 3
    STOP = 4
    TRAILING_STOP = 5
    JOIN_BID = 6
    JOIN_ASK = 7


class OrderStatus(IntEnum):
    """Where an order stands, by the Gateway's numbers; 8 is a bracket waiting for its entry."""

    NONE = 0
    OPEN = 1
    FILLED = 2
    CANCELLED = 3
    EXPIRED = 4
    REJECTED = 5
    PENDING = 6
    PENDING_CANCELLATION = 7
    SUSPENDED = 8


WORKING = frozenset(
    {
        OrderStatus.OPEN,
        OrderStatus.PENDING,
        OrderStatus.PENDING_CANCELLATION,
        OrderStatus.SUSPENDED,
    }
)
"""The statuses from which an order can still fill.  NONE says nothing and is not among them."""


class AccountSeen(Message, frozen=True, kw_only=True):
    """An account, as listed or pushed; `can_trade` None means that the message did not say."""

    account_id: AccountId
    name: str
    balance: Usd | None = None
    can_trade: bool | None = None
    simulated: bool | None = None
    asked: Nanos | None = None
    """Monotonic time at which the list that shows it was asked for; None if the hub told it."""


class PositionSeen(Message, frozen=True, kw_only=True):
    """The one row of a contract: `size` is signed, long > 0, and 0 means closed."""

    account_id: AccountId
    position_id: PositionId
    contract_id: ContractId
    size: int
    average: Price
    opened: Nanos


class OrderSeen(Message, frozen=True, kw_only=True):
    """An order and where it stands; `size` and `filled` count contracts."""

    account_id: AccountId
    order_id: OrderId
    contract_id: ContractId
    status: OrderStatus
    type: OrderType
    side: Side
    size: int
    filled: int = 0
    limit_price: Price | None = None
    stop_price: Price | None = None
    parent_id: OrderId | None = None
    tag: str | None = None
    updated: Nanos | None = None


class TradeSeen(Message, frozen=True, kw_only=True):
    """One execution; `realized` is None on an opening half-turn, costs come off either way."""

    account_id: AccountId
    trade_id: TradeId
    contract_id: ContractId
    order_id: OrderId
    side: Side
    size: int
    price: Price
    realized: Usd | None
    fees: Usd = Usd(0)
    commissions: Usd = Usd(0)
    voided: bool = False
    at: Nanos


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A contract in one of the Gateway's lists."""

    contract_id: ContractId
    name: str
    description: str = ""


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """The economics of a contract, from the Gateway's own record of it."""

    contract_id: ContractId
    root: str
    name: str
    tick_size: Price
    tick_value: Usd
