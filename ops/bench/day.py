"""A long day of one trader: every rule there is, hundreds of fills before, and hundreds to come.

The day is a Wednesday whenever it is lived.  No limit is reached, so what is measured is how much
it costs to watch, event by event.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import (
    RULES,
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
from actors.rules.rule import RuleParams
from config.calendars import load_shipped
from protocol.account_facts import (
    OrderSeen,
    OrderStatus,
    OrderType,
    PositionSeen,
    Side,
    TradeSeen,
)
from protocol.market_facts import QuoteSeen
from protocol.message import Message
from protocol.units import (
    PRICE,
    SECOND,
    AccountId,
    ContractId,
    Nanos,
    OrderId,
    PositionId,
    Price,
    RuleName,
    TradeId,
    Usd,
)

CONTRACT = ContractId("CON.F.US.MNQ.Z26")
AVERAGE = Price(21_000 * PRICE)
TICK = Price(PRICE // 4)
LIMIT = 100
NOW = Nanos(int(datetime(2026, 9, 16, 17, tzinfo=UTC).timestamp()) * SECOND)
"""Noon of a Wednesday in Chicago."""
TRIPS_BEFORE = 300
"""Round trips of the day that are over as the desk starts: 600 fills."""
TRIPS = 300
EVERY = 10 * SECOND
"""A round trip of those to come begins this often; the last is over before NOW."""
QUOTES = 5
"""Before and after each stop is placed."""
IDS_A_TRIP = 10


def plan(account_id: AccountId) -> AccountPlan:
    """Return an account with every rule there is."""
    rules: dict[RuleName, RuleParams] = {
        max_contracts.NAME: max_contracts.Params(limit=LIMIT),
        max_contracts_per_instrument.NAME: max_contracts_per_instrument.Params(
            limits={"MNQ": 2 * LIMIT}
        ),
        daily_realized_loss.NAME: daily_realized_loss.Params(limit=Decimal(-100_000)),
        daily_realized_profit.NAME: daily_realized_profit.Params(target=Decimal(100_000)),
        daily_unrealized_loss.NAME: daily_unrealized_loss.Params(limit=Decimal(-200)),
        max_unrealized_profit.NAME: max_unrealized_profit.Params(target=Decimal(200)),
        trade_frequency_limit.NAME: trade_frequency_limit.Params(
            per_minute=30, per_hour=1_000, per_session=5_000
        ),
        cooldown_after_loss.NAME: cooldown_after_loss.Params(),
        no_stop_loss_grace.NAME: no_stop_loss_grace.Params(),
        session_block_outside.NAME: session_block_outside.Params(
            calendar=load_shipped("cme_equity")
        ),
        auth_loss_guard.NAME: auth_loss_guard.Params(),
        symbol_blocks.NAME: symbol_blocks.Params(symbols=("CL", "GC")),
        trade_management.NAME: trade_management.Params(),
    }
    assert set(rules) == set(RULES), "a rule is missing"
    return AccountPlan(
        account_id=account_id,
        name=str(account_id),
        reset=ResetSchedule(at="0 17 * * *", zone="America/Chicago"),
        rules=rules,
    )


def position(account_id: AccountId, number: int, size: int) -> PositionSeen:
    """Return a position of some size; none is its end."""
    return PositionSeen(
        account_id=account_id,
        position_id=PositionId(number),
        contract_id=CONTRACT,
        size=size,
        average=AVERAGE,
        opened=Nanos(number),
    )


def before(account_id: AccountId) -> tuple[TradeSeen, ...]:
    """Return the fills of the round trips that are over as the desk starts."""
    return tuple(
        fill
        for number in range(TRIPS_BEFORE)
        for fill in (_fill(account_id, number, Side.BUY), _fill(account_id, number, Side.SELL))
    )


def to_come(account_id: AccountId) -> Iterator[Message]:
    """Yield the rest of the day: of what enters the account, one event in five is of a close."""
    for number in range(TRIPS_BEFORE, TRIPS_BEFORE + TRIPS):
        yield from _trip(account_id, number)


def _trip(account_id: AccountId, number: int) -> Iterator[Message]:
    """Yield one round trip: an entry, its stop, quotes that reach nothing, an exit."""
    entry, stop, leave = (number * IDS_A_TRIP + one for one in range(3))
    yield _order(account_id, entry, OrderStatus.OPEN)
    yield _order(account_id, entry, OrderStatus.FILLED)
    yield _fill(account_id, number, Side.BUY)
    yield position(account_id, number + 1, 1)
    yield from _quotes(number)
    yield _order(account_id, stop, OrderStatus.OPEN, stop=Price(AVERAGE - 20 * TICK))
    yield from _quotes(number + 1)
    yield _order(account_id, leave, OrderStatus.OPEN, side=Side.SELL)
    yield _order(account_id, leave, OrderStatus.FILLED, side=Side.SELL)
    yield _fill(account_id, number, Side.SELL)
    yield position(account_id, number + 1, 0)
    yield _order(account_id, stop, OrderStatus.CANCELLED, stop=Price(AVERAGE - 20 * TICK))


def _quotes(number: int) -> Iterator[QuoteSeen]:
    for one in range(number, number + QUOTES):
        last = Price(AVERAGE + (one % 7 - 3) * TICK)
        bid, ask = Price(last - TICK), Price(last + TICK)
        yield QuoteSeen(contract_id=CONTRACT, last=last, bid=bid, ask=ask)


def _fill(account_id: AccountId, number: int, side: Side) -> TradeSeen:
    """Return one of the two fills of a round trip; it loses half a dollar, and costs as much."""
    closes = side is Side.SELL
    ago = (TRIPS_BEFORE + TRIPS - number) * EVERY
    return TradeSeen(
        account_id=account_id,
        trade_id=TradeId(2 * number + closes),
        contract_id=CONTRACT,
        order_id=OrderId(number * IDS_A_TRIP + (2 if closes else 0)),
        side=side,
        size=1,
        price=AVERAGE,
        realized=Usd(-5_000) if closes else None,
        fees=Usd(2_500),
        at=Nanos(NOW - ago + closes * SECOND),
    )


def _order(
    account_id: AccountId,
    order_id: int,
    status: OrderStatus,
    *,
    side: Side = Side.BUY,
    stop: Price | None = None,
) -> OrderSeen:
    """Return a message of an order for one contract: a stop that sells, if it has a price."""
    return OrderSeen(
        account_id=account_id,
        order_id=OrderId(order_id),
        contract_id=CONTRACT,
        status=status,
        type=OrderType.MARKET if stop is None else OrderType.STOP,
        side=side if stop is None else Side.SELL,
        size=1,
        filled=int(status is OrderStatus.FILLED),
        stop_price=stop,
    )
