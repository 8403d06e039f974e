"""Objects about an account, and a contract's record, as messages: the shared half of hub and REST.

Each function raises `Odd` on an object that it cannot read to the last digit.  `removed` is the
hub's action 2: the row that the object describes is gone.
"""

from actors.adapters.decode_fields import (
    Odd,
    Raw,
    account_id,
    code,
    contract_id,
    count,
    exact,
    flag,
    identity,
    instant,
    money,
    odd,
    optional_identity,
    positive_count,
    price,
    required_instant,
    required_price,
    text,
)
from protocol.account_facts import (
    WORKING,
    AccountSeen,
    Instrument,
    Listing,
    OrderSeen,
    OrderStatus,
    OrderType,
    PositionSeen,
    Side,
    TradeSeen,
)
from protocol.units import PRICE, USD, ContractId, Nanos, OrderId, PositionId, Price, TradeId, Usd

UNDEFINED, LONG, SHORT = 0, 1, 2
QUOTE_PREFIX = "F.US."
CONTRACT_PREFIX = "CON."
CONTRACT_PARTS = 5
"""CON.F.US.EP.Z25: the fourth part is the root."""

_STATUS = {int(status): status for status in OrderStatus}
_TYPE = {int(kind): kind for kind in OrderType}
_SIDE = {int(side): side for side in Side}


def account(row: Raw) -> AccountSeen:
    """Read an account; a message without `canTrade` does not say whether it can."""
    return AccountSeen(
        account_id=account_id(row, "id"),
        name=text(row, "name") or "",
        balance=money(row, "balance"),
        can_trade=flag(row, "canTrade"),
        simulated=flag(row, "simulated"),
    )


def position(row: Raw, *, removed: bool = False) -> PositionSeen:
    """Read a position; removed, size 0 and type 0 each say that it is closed.

    A closed one may lack what no longer matters: its average and its opening time are then 0.
    """
    kind = row.get("type")
    if removed or (kind == UNDEFINED and type(kind) is int) or _none_left(row):
        size, average, opened = 0, price(row, "averagePrice"), instant(row, "creationTimestamp")
    else:
        if type(kind) is not int or kind not in (LONG, SHORT):
            raise odd("type", kind, "long or short")
        size = positive_count(row, "size") * (1 if kind == LONG else -1)
        average = required_price(row, "averagePrice")
        opened = required_instant(row, "creationTimestamp")
    return PositionSeen(
        account_id=account_id(row),
        position_id=PositionId(identity(row, "id")),
        contract_id=contract_id(row),
        size=size,
        average=Price(0) if average is None else average,
        opened=Nanos(0) if opened is None else opened,
    )


def _none_left(row: Raw) -> bool:
    size = row.get("size")
    return type(size) is int and size == 0


def order(row: Raw, *, removed: bool = False) -> OrderSeen:
    """Read an order; one that is removed while its status still says working is cancelled.

    An unknown type is kept as UNKNOWN, so that the order can be seen and cancelled.  An unknown
    status is refused: whether such an order can still fill is not ours to guess.
    """
    status = _STATUS.get(code(row, "status"))
    if status is None:
        raise odd("status", row.get("status"), "a known order status")
    if removed and status in WORKING:
        status = OrderStatus.CANCELLED
    parent = optional_identity(row, "parentOrderId")
    return OrderSeen(
        account_id=account_id(row),
        order_id=OrderId(identity(row, "id")),
        contract_id=contract_id(row),
        status=status,
        type=_TYPE.get(code(row, "type"), OrderType.UNKNOWN),
        side=_side(row),
        size=count(row, "size"),
        filled=0 if row.get("fillVolume") is None else count(row, "fillVolume"),
        limit_price=price(row, "limitPrice"),
        stop_price=price(row, "stopPrice"),
        parent_id=None if parent is None else OrderId(parent),
        tag=text(row, "customTag"),
        updated=instant(row, "updateTimestamp"),
    )


def trade(row: Raw, *, removed: bool = False) -> TradeSeen:
    """Read an execution; a null result is an opening half-turn, a removed one counts as voided."""
    return TradeSeen(
        account_id=account_id(row),
        trade_id=TradeId(identity(row, "id")),
        contract_id=contract_id(row),
        order_id=OrderId(optional_identity(row, "orderId") or 0),
        side=_side(row),
        size=positive_count(row, "size"),
        price=required_price(row, "price"),
        realized=money(row, "profitAndLoss"),
        fees=money(row, "fees") or Usd(0),
        commissions=money(row, "commissions") or Usd(0),
        voided=removed or bool(flag(row, "voided")),
        at=required_instant(row, "creationTimestamp"),
    )


def _side(row: Raw) -> Side:
    side = _SIDE.get(code(row, "side"))
    if side is None:
        raise odd("side", row.get("side"), "buy or sell")
    return side


def instrument(row: Raw) -> Instrument:
    """Read a contract's record; without an exact, positive tick it has no value to us."""
    contract = contract_id(row, "id")
    return Instrument(
        contract_id=contract,
        root=root(contract, row.get("symbolId")),
        name=text(row, "name") or "",
        tick_size=Price(exact(row, "tickSize", PRICE)),
        tick_value=Usd(exact(row, "tickValue", USD)),
    )


def listing(row: Raw) -> Listing:
    """Read a contract of a list, of which only the id must make sense."""
    return Listing(
        contract_id=contract_id(row, "id"),
        name=text(row, "name") or "",
        description=text(row, "description") or "",
    )


def root(contract: ContractId, symbol: object = None) -> str:
    """Return a product's root, EP of F.US.EP, from its symbol or else from the contract's id."""
    if isinstance(symbol, str) and symbol.startswith(QUOTE_PREFIX) and symbol.isascii():
        name = symbol.removeprefix(QUOTE_PREFIX)
        if name:
            return name
    parts = contract.split(".")
    if contract.startswith(CONTRACT_PREFIX) and len(parts) == CONTRACT_PARTS and parts[3]:
        return parts[3]
    raise Odd("neither symbolId nor id name a root")
