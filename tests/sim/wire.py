"""Facts as the hub's payloads, in every shape that was documented or seen: decode reads them back.

The shape is chance; what it says is not.
"""

from decimal import Decimal
from random import Random

from protocol.account_facts import (
    AccountSeen,
    OrderSeen,
    OrderStatus,
    PositionSeen,
    TradeSeen,
)
from protocol.market_facts import QuoteSeen
from protocol.units import PRICE, SECOND, USD, Nanos, Price
from protocol.words import instant_text

type Payload = tuple[str, object]
ADDED, REMOVED = 1, 2


def payload(fact: object, random: Random) -> Payload:
    """Return a fact as a hub event and its payload."""
    match fact:
        case PositionSeen():
            event, row, action = "position_update", position(fact, random), ADDED
            if fact.size == 0 and random.random() < 1 / 2:
                action = REMOVED
        case OrderSeen():
            event, row, action = "order_update", order(fact, random), ADDED
            if fact.status is OrderStatus.CANCELLED and random.random() < 1 / 4:
                action = REMOVED
        case TradeSeen():
            event, row, action = "trade_execution", trade(fact), ADDED
        case AccountSeen():
            event, row, action = "account_update", account(fact), ADDED
        case QuoteSeen():
            return "quote_update", quote(fact, random)
        case _:
            raise AssertionError(fact)
    if random.random() < 1 / 4:
        row = {key: str(one) if key.lower().endswith("id") else one for key, one in row.items()}
    wrapped: object = {"action": action, "data": row}
    if action == ADDED and random.random() < 1 / 3:
        wrapped = row
    return event, [wrapped] if random.random() < 1 / 3 else wrapped


def position(fact: PositionSeen, random: Random) -> dict[str, object]:
    kind = 1 if fact.size > 0 else 2
    return {
        "id": fact.position_id,
        "accountId": fact.account_id,
        "contractId": fact.contract_id,
        "creationTimestamp": instant(fact.opened),
        "type": kind if fact.size else random.choice((0, 0, 1, 2)),
        "size": abs(fact.size),
        "averagePrice": number(fact.average),
        "contractDisplayName": "some field of another version",
    }


def order(fact: OrderSeen, random: Random) -> dict[str, object]:
    row: dict[str, object] = {
        "id": fact.order_id,
        "accountId": fact.account_id,
        "contractId": fact.contract_id,
        "status": int(fact.status),
        "type": int(fact.type),
        "side": int(fact.side),
        "size": fact.size,
        "fillVolume": fact.filled,
        "customTag": fact.tag,
        "updateTimestamp": None if fact.updated is None else instant(fact.updated),
    }
    for key, one in (("limitPrice", fact.limit_price), ("stopPrice", fact.stop_price)):
        if one is not None or random.random() < 1 / 2:
            row[key] = None if one is None else number(one)
    if fact.parent_id is not None:
        row["parentOrderId"] = fact.parent_id
    return row


def trade(fact: TradeSeen) -> dict[str, object]:
    return {
        "id": fact.trade_id,
        "accountId": fact.account_id,
        "contractId": fact.contract_id,
        "creationTimestamp": instant(fact.at),
        "price": number(fact.price),
        "profitAndLoss": None if fact.realized is None else fact.realized / USD,
        "fees": fact.fees / USD,
        "side": int(fact.side),
        "size": fact.size,
        "voided": fact.voided,
        "orderId": fact.order_id,
    }


def account(fact: AccountSeen) -> dict[str, object]:
    return {
        "id": fact.account_id,
        "name": fact.name,
        "canTrade": fact.can_trade,
        "isVisible": True,
        "simulated": True,
    }


def quote(fact: QuoteSeen, random: Random) -> object:
    """Return a quote in one of the market hub's two envelopes; what it does not carry is absent."""
    row: dict[str, object] = {"symbol": f"F.US.{fact.contract_id.split('.')[3]}"}
    for key, one in (("lastPrice", fact.last), ("bestBid", fact.bid), ("bestAsk", fact.ask)):
        if one is not None:
            row[key] = number(one)
    if fact.at is not None:
        row["timestamp"] = instant(fact.at)
    if random.random() < 1 / 4:
        return [fact.contract_id, row]
    return {"contract_id": fact.contract_id, "data": row}


def number(price: Price) -> float:
    return float(Decimal(price) / PRICE)


def instant(at: Nanos) -> str:
    """Return an instant with nine digits: decode reads them all."""
    return f"{instant_text(at)[:-5]}.{at % SECOND:09d}Z"
