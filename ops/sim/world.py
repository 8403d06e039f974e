"""Join exchange, hubs, tokens, faults and call log into one simulated Gateway.

Everything that happens goes through `act`: it reads the clock, lets the exchange act, and delivers
what that caused before anyone else gets a turn.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from random import Random

from ops.sim.calls import Calls, RateLimit
from ops.sim.delivery import Delivery
from ops.sim.exchange import Exchange
from ops.sim.faults import Faults
from ops.sim.model import Due
from ops.sim.peers import Hub
from ops.sim.scenario import Scenario
from ops.sim.switches import HubName
from ops.sim.tokens import Tokens

Clock = Callable[[], int]


class World:
    """One simulated Gateway, without its sockets."""

    def __init__(self, scenario: Scenario, clock: Clock = time.time_ns) -> None:
        self.scenario = scenario
        self.speed = 1.0
        self.clock = clock
        self.hubs: dict[HubName, Hub] = {"user": Hub("user"), "market": Hub("market")}
        self.calls = Calls()
        self.limit = RateLimit()
        self.tokens = Tokens()
        self.thawed = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.exchange, self.faults, self.delivery = self._start(scenario)

    def _start(self, scenario: Scenario) -> tuple[Exchange, Faults, Delivery]:
        switches = scenario.fresh_switches()
        exchange = Exchange(scenario.seed, switches)
        for contract, price in scenario.listed():
            exchange.add_contract(contract, price)
        for account in scenario.opened():
            exchange.add_account(account)
        exchange.take_events()
        faults = Faults(switches, self.hubs, self.tokens, self.limit, self.thawed)
        return exchange, faults, Delivery(switches, self.hubs, Random(scenario.seed))

    def reset(self) -> None:
        """Start the scenario anew; connections, subscriptions and tokens stay."""
        self.cancel_tasks()
        self.faults.clear()
        self.calls.clear()
        self.exchange, self.faults, self.delivery = self._start(self.scenario)

    def now(self) -> int:
        """Return the broker's time."""
        return self.clock() + int(self.faults.switches.clock_offset_ms * 1e6)

    def act[T](self, deed: Callable[[Exchange, int], T]) -> T:
        """Let the exchange act now, and deliver what that causes."""
        try:
            return deed(self.exchange, self.now())
        finally:
            self.delivery.publish(self.exchange.take_events())
            for due in self.exchange.take_due():
                self._later(due)

    def _later(self, due: Due) -> None:
        exchange = self.exchange

        def carry_out() -> None:
            if exchange is self.exchange:
                self.act(lambda exchange, now: exchange.carry_out(due, now))

        asyncio.get_running_loop().call_later(due.delay_ms / 1000, carry_out)

    def spawn(self, play: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run something timed beside everything else."""
        task = asyncio.get_running_loop().create_task(play)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def cancel_tasks(self) -> None:
        """Stop everything timed."""
        for task in list(self.tasks):
            task.cancel()
