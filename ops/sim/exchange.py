"""The simulated broker: one deterministic model, no I/O, no clock.

Every action takes the instant at which it happens and leaves the messages it caused for
`take_events` and the work it wants done later for `take_due`.  Two exchanges with the same seed
and the same actions say the same, to the id.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from ops.sim import brackets, closing, fills, matching, placing, render
from ops.sim.book import Book
from ops.sim.model import (
    LIVE,
    WORKING,
    Account,
    Contract,
    Data,
    Due,
    Event,
    Market,
    Outcome,
    Status,
    Trade,
)
from ops.sim.switches import Switches

SEARCH_MAX = 20


class Exchange:
    """Answer and act for the Gateway; every fact is in `book`."""

    def __init__(self, seed: int = 1, switches: Switches | None = None) -> None:
        self.switches = switches if switches is not None else Switches()
        self.book = Book(seed, self.switches)

    # -- messages -------------------------------------------------------------------------------

    def take_events(self) -> list[Event]:
        """Return the messages caused since the last call, in order."""
        events, self.book.events = self.book.events, []
        return events

    def take_due(self) -> list[Due]:
        """Return the delayed work asked for since the last call."""
        due, self.book.due = self.book.due, []
        return due

    # -- set-up ---------------------------------------------------------------------------------

    def add_account(self, account: Account) -> None:
        """List an account."""
        self.book.accounts[account.account_id] = account
        self.book.tell_account(account)

    def add_contract(self, contract: Contract, price: Decimal) -> None:
        """List a contract at a first price, one tick between it and bid and ask."""
        self.book.contracts[contract.contract_id] = contract
        tick = contract.tick_size
        self.book.markets[contract.contract_id] = Market(
            last=price, bid=price - tick, ask=price + tick, opened=price, high=price, low=price
        )

    def set_account(self, account_id: int, changes: dict[str, Any]) -> None:
        """Change fields of an account and tell so."""
        account = self.account(account_id)
        for name, value in changes.items():
            if name == "account_id" or not hasattr(account, name):
                raise ValueError(f"an account has no field {name!r} to set")
            setattr(account, name, value)
        self.book.tell_account(account)

    def account(self, account_id: int) -> Account:
        """Return an account that must exist."""
        if account_id not in self.book.accounts:
            raise KeyError(f"no account {account_id} in this scenario")
        return self.book.accounts[account_id]

    # -- the market -----------------------------------------------------------------------------

    def price(
        self,
        contract_id: str,
        last: Decimal,
        now: int,
        *,
        bid: Decimal | None = None,
        ask: Decimal | None = None,
        volume: int = 1,
    ) -> None:
        """Move a contract to a price, tell it, and fill what it reaches."""
        contract, market = self.book.contracts[contract_id], self.book.markets[contract_id]
        market.last = last
        market.bid = last - contract.tick_size if bid is None else bid
        market.ask = last + contract.tick_size if ask is None else ask
        market.high, market.low = max(market.high, last), min(market.low, last)
        market.volume += volume
        self.book.tell_quote(contract_id, now)
        self._tell_market_trade(contract_id, volume, now)
        matching.sweep(self.book, contract_id, now)

    def _tell_market_trade(self, contract_id: str, volume: int, now: int) -> None:
        market, when = self.book.markets[contract_id], render.stamp(now)
        trade: Data = {
            "symbolId": self.book.contracts[contract_id].symbol_id,
            "price": float(market.last),
            "timestamp": when,
            "type": 0,
            "volume": volume,
        }
        self.book.events.append(
            Event(hub="market", target="GatewayTrade", key=contract_id, data=trade)
        )
        for kind, level in ((4, market.bid), (3, market.ask)):
            depth: Data = {
                "timestamp": when,
                "type": kind,
                "price": float(level),
                "volume": volume,
                "currentVolume": volume,
            }
            self.book.events.append(
                Event(hub="market", target="GatewayDepth", key=contract_id, data=depth)
            )

    # -- orders and positions -------------------------------------------------------------------

    def place(
        self,
        wish: placing.Wish,
        now: int,
        *,
        by_api: bool = False,
        chunks: Iterable[int] = (),
    ) -> Outcome:
        """Place an order; `chunks` are the pieces of its first fill, the rest stays open."""
        return placing.place(self.book, wish, now, by_api=by_api, chunks=list(chunks))

    def cancel(self, account_id: int, order_id: int, now: int, *, by_api: bool = False) -> Outcome:
        """Cancel an order."""
        return placing.cancel(self.book, account_id, order_id, now, by_api=by_api)

    def modify(self, change: placing.Change, now: int, *, by_api: bool = False) -> Outcome:
        """Change an order."""
        return placing.modify(self.book, change, now, by_api=by_api)

    def close(
        self,
        account_id: int,
        contract_id: str,
        now: int,
        *,
        size: int | None = None,
        by_api: bool = False,
    ) -> Outcome:
        """Close a position or some of it at the market; resting orders stay."""
        return closing.close(self.book, account_id, contract_id, size, now, by_api=by_api)

    def fill(self, order_id: int, quantity: int, price: Decimal, now: int) -> None:
        """Fill some of a live order by decree."""
        order = self.book.orders.get(order_id)
        if order is None or order.status not in LIVE:
            raise KeyError(f"no live order {order_id}")
        matching.fill_piece(self.book, order, quantity, price, now)

    def void(self, trade_id: int) -> None:
        """Void a trade after the fact."""
        trade = self.book.trades.get(trade_id)
        if trade is None or trade.voided:
            raise KeyError(f"no trade {trade_id} left to void")
        fills.void(self.book, trade)

    def carry_out(self, due: Due, now: int) -> None:
        """Do what was put off, if it still makes sense."""
        order = self.book.orders.get(due.order_id)
        if order is None or order.status not in WORKING:
            return
        if due.kind == "cancel" or closing.overtaken(self.book, order):
            brackets.cancel(self.book, order, now)
        else:
            matching.attempt(self.book, order, now, resting=False)

    # -- answers --------------------------------------------------------------------------------

    def search_contracts(self, text: str) -> list[Data]:
        """Return the contracts whose id, name, symbol or description contains the text."""
        needle = text.strip().upper()
        found = [
            contract
            for contract in self.book.contracts.values()
            if any(needle in word.upper() for word in _words(contract))
        ]
        found.sort(key=lambda contract: needle not in {contract.symbol, contract.root})
        return [render.contract_data(contract) for contract in found[:SEARCH_MAX]]

    def available_contracts(self) -> list[Data]:
        """Return every contract that can be traded."""
        return [render.contract_data(one) for one in self.book.contracts.values() if one.active]

    def positions(self, account_id: int) -> list[Data]:
        """Return the open positions of an account."""
        return [
            render.position_data(held)
            | {"contractDisplayName": self.book.contracts[held.contract_id].name}
            for held in self.book.positions.values()
            if held.account_id == account_id
        ]

    def orders(
        self, account_id: int, statuses: Iterable[int] | None = None, contract_id: str | None = None
    ) -> list[Data]:
        """Return an account's orders of these states (all without), oldest first."""
        wanted = set(statuses) if statuses is not None else {int(status) for status in Status}
        return [
            render.order_data(order)
            for order in self.book.orders.values()
            if order.account_id == account_id
            and int(order.status) in wanted
            and contract_id in {None, order.contract_id}
        ]

    def trades(self, account_id: int, since: int, until: int | None) -> list[Data]:
        """Return an account's half-turns of [since, until], oldest first."""
        separate = self.switches.commissions_per_side is not None
        return [
            render.trade_data(trade, separate_commissions=separate)
            for trade in self.book.trades.values()
            if trade.account_id == account_id and _within(trade, since, until)
        ]


def _within(trade: Trade, since: int, until: int | None) -> bool:
    return since <= trade.created_ns and (until is None or trade.created_ns <= until)


def _words(contract: Contract) -> tuple[str, ...]:
    return (
        contract.contract_id,
        contract.name,
        contract.symbol,
        contract.symbol_id,
        contract.description,
    )
