"""A busy day for a soak: prices that never rest, traders who break their limits now and then.

Everything is drawn from a seed.  One account stands for each kind of trader:

    steady     one or two contracts at a time, within its limits
    greedy     sometimes more than `max_contracts` allows: the excess must be closed
    hasty      too many trades a minute: locked for some seconds, and trades on all the same
    hurt       closes flat and pauses for some seconds after each loss
    ruined     loses its day with the first contract, is locked until the reset, and trades on
"""

import asyncio
from decimal import Decimal
from random import Random

from ops.sim.perform import Refused
from ops.sim.scenario import AccountRow, ContractRow, Scenario
from ops.sim.server import SimServer

STEADY, GREEDY, HASTY, HURT, RUINED = (1001, 1002, 1003), (2001, 2002), (3001,), (4001,), (5001,)
ACCOUNTS = (*STEADY, *GREEDY, *HASTY, *HURT, *RUINED)
PRODUCTS = {"MNQ": 21_000, "MES": 6_000, "ES": 6_000, "NQ": 21_000, "M2K": 2_400, "MYM": 44_000}
MICROS = ("MNQ", "MES", "M2K", "MYM")
LIMIT = 3
ALL = f"""\
[accounts.rules.max_contracts]
limit = {LIMIT}
[accounts.rules.no_stop_loss_grace]
grace = "10m"
[accounts.rules.daily_unrealized_loss]
limit = -5000
"""
KINDS = {
    HASTY: '[accounts.rules.trade_frequency_limit]\nper_minute = 1\ncooldown_minute = "20s"\n',
    HURT: "[accounts.rules.cooldown_after_loss]\ntiers = { 20s = -0.5 }\n",
    RUINED: "[accounts.rules.daily_realized_loss]\nlimit = -0.01\n",
}
PRICES_A_S = 400
PUSH_S = 0.02
PAUSE_S = (4.0, 20.0)
"""As a busy trader: some fifty orders a minute of one login would spend its requests."""
STRAY_MAX = 40
"""Ticks that a price may stray from where it began."""


def scenario() -> Scenario:
    """Return the accounts and contracts of the day."""
    return Scenario(
        accounts=[AccountRow(id=one, name=f"PRACTICE-{one}") for one in ACCOUNTS],
        contracts=[
            ContractRow(product=name, expiry="Z26", price=Decimal(price))
            for name, price in PRODUCTS.items()
        ],
    )


def rules(account: int) -> str:
    """Return the rules of an account, as its configuration writes them."""
    return ALL + "".join(more for who, more in KINDS.items() if account in who)


class Load:
    """The market and the traders, on one simulated Gateway."""

    def __init__(self, sim: SimServer, seed: int) -> None:
        self.orders = 0
        self._sim = sim
        self._random = Random(seed)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Let everybody begin."""
        self._tasks = [asyncio.create_task(self._prices())]
        self._tasks += [asyncio.create_task(self._trade(one)) for one in ACCOUNTS]

    async def stop(self) -> None:
        """Let everybody stop trading and go flat; prices go on."""
        prices, *traders = self._tasks
        await ended(traders)
        self._tasks = [prices]
        for account in ACCOUNTS:
            for held in self._sim.exchange.positions(account):
                await self._sim.close(account, str(held["contractId"]))

    async def close(self) -> None:
        """End the prices too."""
        await ended(self._tasks)

    def is_flat(self) -> bool:
        """Tell whether nobody holds anything at the broker."""
        return not any(self._sim.exchange.positions(one) for one in ACCOUNTS)

    async def _prices(self) -> None:
        """Push prices at an even rate, however late this loop is."""
        loop, draw = asyncio.get_running_loop(), self._random
        markets = {
            contract.contract_id: (contract.tick_size, self._sim.exchange.book.markets[name].last)
            for name, contract in self._sim.exchange.book.contracts.items()
        }
        stray, names = dict.fromkeys(markets, 0), list(markets)
        begun, pushed = loop.time(), 0
        while True:
            while pushed < (loop.time() - begun) * PRICES_A_S:
                name = draw.choice(names)
                tick, first = markets[name]
                moved = stray[name] + draw.randint(-2, 2)
                stray[name] = max(-STRAY_MAX, min(STRAY_MAX, moved))
                await self._sim.price(name, first + tick * stray[name])
                pushed += 1
            await asyncio.sleep(PUSH_S)

    async def _trade(self, account: int) -> None:
        """Open, wait, close, wait; what the broker refuses was overtaken by the service."""
        draw = self._random
        while True:
            await asyncio.sleep(draw.uniform(*PAUSE_S))
            contract, side = draw.choice(MICROS), draw.choice(("buy", "sell"))
            most = LIMIT + 2 if account in GREEDY else 2
            try:
                await self._sim.order(account, contract, side, draw.randint(1, most))
                self.orders += 1
                await asyncio.sleep(draw.uniform(*PAUSE_S))
                await self._sim.close(account, contract)
            except Refused:
                continue


async def ended(tasks: "list[asyncio.Task[None]]") -> None:
    """End tasks and wait until they have."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
