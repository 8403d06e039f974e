"""Turn what the broker knows into the Gateway's JSON objects.

The same object goes out by REST and by hub; REST adds a field or two.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from ops.sim.model import Account, Contract, Data, Market, Order, Position, Trade
from ops.sim.switches import Switches

CHANGE_DIGITS = 4


def stamp(nanos: int) -> str:
    """Return an instant as the Gateway writes it, with microseconds and an offset."""
    seconds, rest = divmod(nanos, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1000:06d}+00:00"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def number(value: Decimal | None) -> float | None:
    """Return a JSON number: the wire knows doubles only."""
    return None if value is None else float(value)


def account_data(account: Account) -> Data:
    """Return an account object."""
    return {
        "id": account.account_id,
        "name": account.name,
        "balance": float(account.balance),
        "canTrade": account.can_trade,
        "isVisible": account.is_visible,
        "simulated": account.simulated,
    }


def contract_data(contract: Contract) -> Data:
    """Return a contract object, with as much of its tick value as is published."""
    data: Data = {
        "id": contract.contract_id,
        "name": contract.name,
        "description": contract.description,
        "tickSize": float(contract.tick_size),
        "tickValue": float(contract.tick_value),
        "activeContract": contract.active,
        "symbolId": contract.symbol_id,
    }
    match contract.published:
        case "full":
            pass
        case "null":
            data["tickValue"] = None
        case "zero":
            data["tickValue"] = 0.0
        case "missing":
            del data["tickValue"]
    return data


def position_data(position: Position) -> Data:
    """Return an open position; size is positive, direction is the type."""
    return {
        "id": position.position_id,
        "accountId": position.account_id,
        "contractId": position.contract_id,
        "creationTimestamp": stamp(position.created_ns),
        "type": 1 if position.side.sign > 0 else 2,
        "size": position.size,
        "averagePrice": float(position.average),
    }


def flat_data(position: Position, switches: Switches) -> tuple[Data, int]:
    """Return the last message of a position, with its entry average, and the message's action."""
    data = position_data(position)
    if switches.flat == "removed_as_was":
        return data, 2
    data["size"] = 0
    if switches.flat != "keep_type":
        data["type"] = 0
    return data, 2 if switches.flat == "removed" else 1


def order_data(order: Order) -> Data:
    """Return an order as the hub sends it."""
    average = order.filled_value / order.filled if order.filled else None
    return {
        "id": order.order_id,
        "accountId": order.account_id,
        "contractId": order.contract_id,
        "symbolId": order.symbol_id,
        "creationTimestamp": stamp(order.created_ns),
        "updateTimestamp": stamp(order.updated_ns),
        "status": int(order.status),
        "type": int(order.type),
        "side": int(order.side),
        "size": order.size,
        "limitPrice": number(order.limit),
        "stopPrice": number(order.stop),
        "fillVolume": order.filled,
        "filledPrice": number(average),
        "customTag": order.tag,
        **bracket_data(order),
    }


def bracket_data(order: Order) -> Data:
    """Return the fields only trailing orders and bracket children have."""
    data: Data = {}
    if order.trail is not None:
        data["trailDistance"] = float(order.trail)
        data["trailPrice"] = number(order.stop)
    if order.parent_id is not None:
        data["parentOrderId"] = order.parent_id
    if order.linked_id is not None:
        data["linkedOrderId"] = order.linked_id
    return data


def trade_data(trade: Trade, *, separate_commissions: bool) -> Data:
    """Return a half-turn; commissions are within the fees unless the Gateway tells them apart."""
    fees = trade.fees if separate_commissions else trade.fees + trade.commissions
    data: Data = {
        "id": trade.trade_id,
        "accountId": trade.account_id,
        "contractId": trade.contract_id,
        "creationTimestamp": stamp(trade.created_ns),
        "price": float(trade.price),
        "profitAndLoss": number(trade.pnl),
        "fees": float(fees),
        "side": int(trade.side),
        "size": trade.size,
        "voided": trade.voided,
        "orderId": trade.order_id,
    }
    if separate_commissions:
        data["commissions"] = float(trade.commissions)
    return data


def quote_data(contract: Contract, market: Market, now: int) -> Data:
    """Return a full quote; the wire may thin it out."""
    change, when = market.last - market.opened, stamp(now)
    return {
        "symbol": contract.symbol_id,
        "symbolName": f"/{contract.symbol}",
        "lastPrice": float(market.last),
        "bestBid": float(market.bid),
        "bestAsk": float(market.ask),
        "change": float(change),
        "changePercent": round(float(change / market.opened), CHANGE_DIGITS),
        "open": float(market.opened),
        "high": float(market.high),
        "low": float(market.low),
        "volume": market.volume,
        "lastUpdated": when,
        "timestamp": when,
    }
