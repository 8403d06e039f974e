"""Hold the broker's state, hand out its ids, and note every message it causes, in order."""

from decimal import Decimal
from random import Random

from ops.sim import render
from ops.sim.model import (
    LIVE,
    WORKING,
    Account,
    Contract,
    Data,
    Due,
    Event,
    Market,
    Order,
    Position,
    Side,
    Trade,
)
from ops.sim.switches import Switches

FIRST_ORDER_ID = 1_700_000_000
FIRST_POSITION_ID = 400_000_000
FIRST_TRADE_ID = 1_900_000_000
ID_STEP_MAX = 300  # ids grow platform-wide: neighbours of one entry lie a few hundred apart


class Book:
    """The state every part of the exchange reads and writes; it decides nothing."""

    def __init__(self, seed: int, switches: Switches) -> None:
        self.random = Random(seed)
        self.switches = switches
        self.accounts: dict[int, Account] = {}
        self.contracts: dict[str, Contract] = {}
        self.markets: dict[str, Market] = {}
        self.orders: dict[int, Order] = {}
        self.working: dict[int, Order] = {}  # a subset, so that a price need not look at them all
        self.tags: set[tuple[int, str]] = set()
        self.positions: dict[tuple[int, str], Position] = {}
        self.trades: dict[int, Trade] = {}
        self.events: list[Event] = []
        self.due: list[Due] = []
        self._last_order_id = FIRST_ORDER_ID
        self._last_position_id = FIRST_POSITION_ID
        self._last_trade_id = FIRST_TRADE_ID

    def order_id(self) -> int:
        """Return a new order id."""
        self._last_order_id += self.random.randint(1, ID_STEP_MAX)
        return self._last_order_id

    def position_id(self) -> int:
        """Return a new position id: every opening gets one."""
        self._last_position_id += self.random.randint(1, ID_STEP_MAX)
        return self._last_position_id

    def trade_id(self) -> int:
        """Return a new trade id."""
        self._last_trade_id += self.random.randint(1, ID_STEP_MAX)
        return self._last_trade_id

    def contract(self, name: str) -> Contract:
        """Return a contract by id, or by either name of its product (the front one)."""
        if name in self.contracts:
            return self.contracts[name]
        for contract in self.contracts.values():
            if name in contract.names:
                return contract
        raise KeyError(f"no contract {name!r} in this scenario")

    def live(self, contract_id: str) -> list[Order]:
        """Return the orders of a contract that the market can fill, oldest first."""
        return [
            order
            for order in self.working.values()
            if order.contract_id == contract_id and order.status in LIVE
        ]

    def children(self, parent_id: int) -> list[Order]:
        """Return the working bracket orders of an entry."""
        return [order for order in self.working.values() if order.parent_id == parent_id]

    def market_price(self, contract_id: str, side: Side) -> Decimal:
        """Return what a market order pays now."""
        market = self.markets[contract_id]
        if self.switches.fill_at == "last":
            return market.last
        return market.ask if side is Side.BUY else market.bid

    def tell_account(self, account: Account) -> None:
        """Note an account message."""
        data = render.account_data(account)
        self._tell("GatewayUserAccount", account.account_id, data, 1)

    def tell_order(self, order: Order) -> None:
        """Note an order's state and its message."""
        works = order.status in WORKING
        action = 1 if works else self.switches.terminal_order_action
        self.orders[order.order_id] = order
        if works:
            self.working[order.order_id] = order
        else:
            self.working.pop(order.order_id, None)
        self._tell("GatewayUserOrder", order.account_id, render.order_data(order), action)

    def tell_position(self, position: Position) -> None:
        """Note the message of an open position."""
        data = render.position_data(position)
        self._tell("GatewayUserPosition", position.account_id, data, 1)

    def tell_flat(self, position: Position) -> None:
        """Note that a position is gone; it must still hold what it was."""
        data, action = render.flat_data(position, self.switches)
        self._tell("GatewayUserPosition", position.account_id, data, action)

    def tell_trade(self, trade: Trade) -> None:
        """Note a trade message."""
        separate = self.switches.commissions_per_side is not None
        data = render.trade_data(trade, separate_commissions=separate)
        self._tell("GatewayUserTrade", trade.account_id, data, 1)

    def tell_quote(self, contract_id: str, now: int) -> None:
        """Note a full quote."""
        data = render.quote_data(self.contracts[contract_id], self.markets[contract_id], now)
        self.events.append(
            Event(hub="market", target="GatewayQuote", key=contract_id, data=data, at_ns=now)
        )

    def _tell(self, target: str, account_id: int, data: Data, action: int) -> None:
        self.events.append(
            Event(hub="user", target=target, key=account_id, data=data, action=action)
        )
