"""Carry out actions on a world, whoever asks for them."""

import asyncio
from decimal import Decimal
from random import Random
from typing import Any, cast

import msgspec

from ops.sim import actions, model
from ops.sim.exchange import Exchange
from ops.sim.peers import invocation
from ops.sim.placing import Bracket, Change, Wish
from ops.sim.products import contract_for
from ops.sim.world import World

DEFAULT_BALANCE = Decimal(50_000)


class Refused(ValueError):
    """The exchange said no to a trader."""


def perform(world: World, action: actions.Action) -> model.Data:
    """Do it now (timed ones: start it now) and return what there is to say about it."""
    match action:
        case actions.Price() | actions.Quote() | actions.Contract():
            return _market(world, action)
        case actions.Glide() | actions.Walk() | actions.Burst():
            world.spawn(_timed(world, action))
            return {}
        case actions.Order() | actions.Close() | actions.Modify():
            return _trader(world, action)
        case actions.Cancel():
            return _cancel(world, action)
        case actions.Fill():
            world.act(lambda ex, now: ex.fill(action.order, action.size, action.price, now))
            return {}
        case actions.Void():
            return _void(world, action)
        case actions.Account():
            return _account(world, action)
        case actions.Fault():
            world.faults.set(seconds=action.seconds, **action.set)
            if action.rest is not None:
                world.faults.rest(action.rest)
            return {}
        case actions.Clear():
            world.faults.clear()
            return {}
        case actions.Resend() | actions.Message():
            return _messages(world, action)
        case _:
            return _connections(world, action)


def _messages(world: World, action: actions.Resend | actions.Message) -> model.Data:
    if isinstance(action, actions.Message):
        text = invocation(action.target, action.data)
        return {"sent": world.hubs["user"].broadcast(text, action.target, action.account)}
    rows = world.exchange.positions(action.account)
    for data in rows:
        del data["contractDisplayName"]
        if action.average is not None:
            data["averagePrice"] = float(action.average)
    target = "GatewayUserPosition"
    world.delivery.publish(
        [model.Event(hub="user", target=target, key=action.account, data=data) for data in rows]
    )
    return {"sent": len(rows)}


def _connections(world: World, action: actions.Action) -> model.Data:
    match action:
        case actions.Drop():
            return {"dropped": world.faults.drop(action.hub, action.manner)}
        case actions.Logout():
            return {"told": world.faults.log_out(action.hub)}
        case actions.Revoke():
            return {"revoked": world.faults.revoke_tokens()}
        case actions.Expire():
            return {"expired": world.faults.expire_tokens()}
        case _:
            raise AssertionError(f"unhandled action {action!r}")


def _market(world: World, action: actions.Price | actions.Quote | actions.Contract) -> model.Data:
    match action:
        case actions.Price():
            return push(world, action)
        case actions.Quote():
            contract_id = world.exchange.book.contract(action.contract).contract_id
            text = invocation("GatewayQuote", contract_id, action.data)
            return {"sent": world.hubs["market"].broadcast(text, "GatewayQuote", contract_id)}
        case actions.Contract():
            contract = contract_for(action.root, action.expiry)
            contract.active, contract.published = action.active, action.published
            known = world.exchange.book.markets.get(contract.contract_id)
            price = action.price or (known.last if known else None)
            if price is None:
                raise ValueError("a new contract needs a price")
            world.exchange.add_contract(contract, price)
            return {"contractId": contract.contract_id}


def push(world: World, action: actions.Price) -> model.Data:
    """Move a contract to a price."""
    contract_id = world.exchange.book.contract(action.contract).contract_id
    world.act(
        lambda ex, now: ex.price(
            contract_id,
            action.price,
            now,
            bid=action.bid,
            ask=action.ask,
            volume=action.volume,
        )
    )
    return {}


def wish_of(world: World, order: actions.Order) -> Wish:
    """Return a trader's order as the exchange takes it."""
    return Wish(
        account_id=order.account,
        contract_id=world.exchange.book.contract(order.contract).contract_id,
        type=model.OrderType[order.type.upper()],
        side=model.Side[order.side.upper()],
        size=order.size,
        limit_price=order.limit,
        stop_price=order.stop,
        trail_price=order.trail,
        custom_tag=order.tag,
        stop_loss_bracket=None if order.stop_ticks is None else Bracket(order.stop_ticks),
        take_profit_bracket=None if order.target_ticks is None else Bracket(order.target_ticks),
    )


def _trader(world: World, action: actions.Order | actions.Close | actions.Modify) -> model.Data:
    match action:
        case actions.Order():
            wish = wish_of(world, action)
            return _said(world.act(lambda ex, now: ex.place(wish, now, chunks=action.chunks)))
        case actions.Close():
            name = world.exchange.book.contract(action.contract).contract_id
            if action.cancel_orders:
                _cancel_all(world, action.account, name)
            size = action.size
            return _said(world.act(lambda ex, now: ex.close(action.account, name, now, size=size)))
        case actions.Modify():
            change = Change(
                account_id=action.account,
                order_id=action.order,
                size=action.size,
                limit_price=action.limit,
                stop_price=action.stop,
                trail_price=action.trail,
            )
            return _said(world.act(lambda ex, now: ex.modify(change, now)))


def _said(outcome: model.Outcome) -> model.Data:
    if outcome.code:
        raise Refused(f"{outcome.message} (errorCode {outcome.code})")
    return {} if outcome.order_id is None else {"orderId": outcome.order_id}


def _cancel(world: World, action: actions.Cancel) -> model.Data:
    order_id = action.order
    if order_id is None:
        return {"cancelled": _cancel_all(world, action.account, None)}
    return _said(world.act(lambda ex, now: ex.cancel(action.account, order_id, now)))


def _cancel_all(world: World, account_id: int, contract_id: str | None) -> int:
    open_orders = world.exchange.orders(account_id, model.WORKING, contract_id)

    def cancel_each(exchange: Exchange, now: int) -> int:
        for data in open_orders:
            exchange.cancel(account_id, cast("int", data["id"]), now)
        return len(open_orders)

    return world.act(cancel_each)


def _void(world: World, action: actions.Void) -> model.Data:
    trade_id = action.trade
    if trade_id is None:
        mine = [
            trade.trade_id
            for trade in world.exchange.book.trades.values()
            if not trade.voided and action.account in {None, trade.account_id}
        ]
        if not mine:
            raise KeyError("no trade to void")
        trade_id = mine[-1]
    world.act(lambda ex, _: ex.void(trade_id))
    return {"tradeId": trade_id}


def _account(world: World, action: actions.Account) -> model.Data:
    fields: dict[str, Any] = msgspec.structs.asdict(action)
    changes: dict[str, Any] = {
        name: value
        for name, value in fields.items()
        if value is not None and name not in {"at", "account"}
    }
    if action.account in world.exchange.book.accounts:
        world.act(lambda ex, _: ex.set_account(action.account, changes))
        return {"added": False}
    start: dict[str, Any] = {"name": f"PRACTICE-{action.account}", "balance": DEFAULT_BALANCE}
    account = model.Account(account_id=action.account, **(start | changes))
    world.act(lambda ex, _: ex.add_account(account))
    return {"added": True}


async def _timed(world: World, action: actions.Glide | actions.Walk | actions.Burst) -> None:
    contract = world.exchange.book.contract(action.contract)
    market, tick = world.exchange.book.markets[contract.contract_id], contract.tick_size
    path, pause_s = _path(world.scenario.seed, action, market.last, tick)
    pause_s /= world.speed
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number, price in enumerate(path, start=1):
        push(world, actions.Price(contract=contract.contract_id, price=price))
        await asyncio.sleep(max(0.0, begun + number * pause_s - loop.time()))


def _path(
    seed: int, action: actions.Glide | actions.Walk | actions.Burst, last: Decimal, tick: Decimal
) -> tuple[list[Decimal], float]:
    match action:
        case actions.Glide():
            count = max(1, round(action.seconds * 1000 / action.every_ms))
            ticks = (action.to - last) / tick
            path = [
                last + tick * (ticks * step / count).to_integral_value() for step in range(1, count)
            ]
            return [*path, action.to], action.every_ms / 1000
        case actions.Walk():
            count = max(1, round(action.seconds * 1000 / action.every_ms))
            random = Random(f"{seed}/{action.contract}/{last}")
            walked: list[Decimal] = []
            for _ in range(count):
                last += tick * random.randint(-action.ticks, action.ticks)
                walked.append(last)
            return walked, action.every_ms / 1000
        case actions.Burst():
            path = [last + tick * (number % 2) for number in range(action.count)]
            return path, 1 / action.per_second
