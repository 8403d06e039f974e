"""A desk on its stand: everything real from the SDK to the disk, and a simulated Gateway opposite.

Desk and Gateway share one loop, loopback sockets, and a clock that starts on a Wednesday morning,
so that no test depends on the day it runs.  What the broker holds is read from the Gateway's own
book, what was asked of it from its log of calls, what was decided from the desk's decisions.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Self

from actors.adapters.clock import Clock, ShiftedClock
from actors.adapters.projectx import Broker
from actors.adapters.projectx_hubs import Timings
from actors.adapters.store import Store
from actors.model.account_state import State as AccountState
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.replay import Difference, Replay, turns
from actors.rules import daily_realized_loss, daily_unrealized_loss, max_contracts
from actors.rules.rule import RuleParams
from ops.desk.desk import Desk
from ops.desk.figures import figures
from ops.desk.narrate import line
from ops.desk.status import History, report
from ops.desk.untraced import Tracing
from ops.sim import actions
from ops.sim.calls import Call
from ops.sim.model import WORKING
from ops.sim.scenario import Scenario
from ops.sim.server import SimServer
from protocol.codec import Recorded
from protocol.control import AccountStatus
from protocol.decisions import Decision, EnforcementConfirmed, EnforcementRequested
from protocol.lifecycle import Phase
from protocol.metrics import Metric
from protocol.units import SECOND, AccountId, ContractId, Nanos, Now, RuleName
from tests.e2e.witness import Link, Witness

MORNING = Nanos(1_795_014_000 * SECOND)
"""Wednesday 2026-11-18 15:00 UTC, nine o'clock in Chicago; the trading day ends at 23:00 UTC."""
FIRST, OTHER = AccountId(1001), AccountId(1002)
MNQ, MES = ContractId("CON.F.US.MNQ.Z26"), ContractId("CON.F.US.MES.Z26")
ES, NQ = ContractId("CON.F.US.EP.Z26"), ContractId("CON.F.US.ENQ.Z26")
RTY, GOLD = ContractId("CON.F.US.RTY.Z26"), ContractId("CON.F.US.GCE.Z26")
CLOSE, PARTIAL, CANCEL = "Position/closeContract", "Position/partialCloseContract", "Order/cancel"
PLACE, MODIFY = "Order/place", "Order/modify"
MUTATING = (CLOSE, PARTIAL, CANCEL, PLACE, MODIFY)
PATIENCE_S = 20.0
LOOK_S = 0.002

type Rules = tuple[RuleName, RuleParams]


class MovableClock(ShiftedClock):
    """A clock that someone sets, or that has nothing to tell for a while."""

    def __init__(self, wall: Nanos) -> None:
        super().__init__(wall)
        self._skipped = 0

    def __call__(self) -> Now:
        now = super().__call__()
        return Now(Nanos(now.wall + self._skipped), Nanos(now.mono + self._skipped))

    def move(self, seconds: float) -> None:
        """Set the wall clock while the stopwatch runs on."""
        self._shift += int(seconds * SECOND)

    def skip(self, seconds: float) -> None:
        """Let time pass in which nothing happens."""
        self._skipped += int(seconds * SECOND)


def contracts(limit: int, **more: Any) -> Rules:
    return max_contracts.NAME, max_contracts.Params(limit=limit, **more)


def realized(limit: str | int, **more: Any) -> Rules:
    return daily_realized_loss.NAME, daily_realized_loss.Params(limit=Decimal(limit), **more)


def unrealized(limit: str | int, **more: Any) -> Rules:
    return daily_unrealized_loss.NAME, daily_unrealized_loss.Params(limit=Decimal(limit), **more)


def plan(*rules: Rules, account: AccountId = FIRST, **more: Any) -> AccountPlan:
    return AccountPlan(
        account_id=account, name=str(account), reset=ResetSchedule(), rules=dict(rules), **more
    )


def repeat(account: AccountId, store: Store) -> list[Difference]:
    """Replay an account's whole journal."""
    records = (one for _, one in store.replay() if isinstance(one, Recorded))
    replay = Replay(account)
    found = [replay.take(turn) for turn in turns(records)]
    replay.close()
    return [one for one in found if one is not None]


class Told(NamedTuple):
    """A decision, when it was made, and when the world heard of it."""

    decision: Decision
    now: Now
    mono: int


class Stand:
    """One simulated Gateway and one desk, which may die and come back."""

    def __init__(
        self,
        folder: Path,
        *plans: AccountPlan,
        timeout_seconds: float = 5.0,
        timings: Timings | None = None,
        tracing: Callable[[Clock], Tracing] | None = None,
        scenario: str | Scenario = "default",
        **switches: Any,
    ) -> None:
        self.plans = plans
        self.clock = MovableClock(MORNING)
        self.sim = SimServer(scenario, clock=lambda: self.clock().wall)
        self.told: list[Told] = []
        self.slowness_s = 0.0
        self.stores: dict[AccountId, Witness] = {}
        self.folder = folder
        self._timeout_seconds = timeout_seconds
        self._timings = timings
        self._tracing = tracing
        self._switches = switches
        self._up = False

    async def __aenter__(self) -> Self:
        await self.sim.__aenter__()
        self.sim.faults.set(**self._switches)
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._up:
            await self.stop()
        await self.sim.__aexit__(None, None, None)
        if not any(error):
            self.repeat()

    def repeat(self) -> None:
        """I9: whatever the test was about, its journals repeat the same decisions and commands."""
        for account_id in self.stores:
            path = self.folder / str(account_id)
            if path.exists():  # or the test has taken its folder away
                with closing(Store.open_to_read(path, account_id)) as store:
                    found = repeat(account_id, store)
                    assert not found, found

    # -- the desk's lives -----------------------------------------------------------------------

    def boot(self) -> None:
        """Start a desk on the stores as they are; nothing is awaited."""
        self.stores = {
            one.account_id: Witness(Store.open(self.folder / str(one.account_id), one.account_id))
            for one in self.plans
        }
        self.history = History()
        self.ended: list[str] = []
        self.link = link = Link()
        self.desk = desk = Desk(
            self.plans,
            dict(self.stores),
            self.clock,
            self._decided,
            self.ended.append,
            tracing=self._tracing(self.clock) if self._tracing is not None else None,
        )
        link.event, link.notice = desk.event, desk.notice
        self.broker = link.broker = Broker(
            username=self.sim.world.scenario.user,
            api_key=self.sim.world.scenario.api_key,
            **self.addresses(),
            on_event=link.on_event,
            on_notice=link.on_notice,
            mono=lambda: self.clock().mono,
            timeout_seconds=self._timeout_seconds,
            timings=self._timings,
            figures=desk.counts.wire,
        )
        self._up = True
        desk.start(link)

    def addresses(self) -> dict[str, str]:
        """Return where the desk finds the Gateway."""
        return {
            "api_url": self.sim.api_url,
            "user_hub_url": self.sim.user_hub_url,
            "market_hub_url": self.sim.market_hub_url,
        }

    async def start(self) -> Self:
        """Start a desk, and wait until all of its accounts are armed."""
        self.boot()
        await self.armed()
        return self

    async def armed(self) -> None:
        await self.until(
            lambda: all(self.state(one.account_id).phase is Phase.ARMED for one in self.plans),
            "every account to be armed",
        )

    async def stop(self) -> None:
        """End the desk as SIGTERM does."""
        self._up = False
        await self.desk.stop()

    async def crash(self) -> None:
        """End the desk as SIGKILL does: what is not on the disk, and what is in flight, is gone."""
        self._up = False
        desk = self.desk
        self.link.cut = True
        desk._stopping = True
        for handle in (desk._timer, desk._flusher):
            assert handle is not None
            handle.cancel()
        for task in tuple(desk._tasks):
            task.cancel()
        await asyncio.to_thread(desk.journal.stop, 0.0)
        await self.broker.close()
        desk.runtime.stop()

    def _decided(self, decision: Decision, now: Now) -> None:
        if self.link.cut:
            return
        self.told.append(Told(decision, now, time.monotonic_ns()))
        self.history.take(decision, now)
        self.desk.counts.decided(decision, self.desk.runtime.states)
        if self.slowness_s:
            time.sleep(self.slowness_s)

    # -- waiting --------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition; on failure tell the whole story."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}\n{self.story()}") from None

    async def proven(self, count: int = 1, account: AccountId = FIRST) -> None:
        """Wait until so many enforcements are confirmed, and none is left open."""

        def done() -> bool:
            return len(self.confirmed(account)) >= count and self.idle(account)

        await self.until(done, f"{count} confirmed enforcements of {account}")

    def idle(self, account: AccountId = FIRST) -> bool:
        kept = self.desk.runtime.states[f"account/{account}/enforcer"].kept
        return not kept.demands and not kept.flights

    # -- what the desk knows and decided --------------------------------------------------------

    def state(self, account: AccountId = FIRST) -> AccountState:
        found: AccountState = self.desk.runtime.states[f"account/{account}"]
        return found

    def report(self, account: AccountId = FIRST) -> AccountStatus:
        whole = report(self.desk, self.history, "main", self.broker.spent)
        return next(one for one in whole.accounts if one.id == account)

    def counted(self, metric: Metric, *labels: object) -> float:
        """Return a figure of the desk as it would go up the pipe; for a distribution its number."""
        told = figures(self.desk, self.history, self.broker.spent)
        key = (metric.name, tuple(map(str, labels)))
        series = {(one.name, one.labels): one.value for one in told.series}
        bars = {(one.name, one.labels): float(sum(one.counts)) for one in told.bars}
        return (series | bars).get(key, 0.0)

    def decided[T](self, kind: type[T], account: AccountId | None = None) -> list[T]:
        """Return the decisions of a kind, of one account if given."""
        return [
            one.decision
            for one in self.told
            if isinstance(one.decision, kind)
            and account in {None, getattr(one.decision, "account_id", None)}
        ]

    def confirmed(self, account: AccountId = FIRST) -> list[EnforcementConfirmed]:
        return self.decided(EnforcementConfirmed, account)

    def requested(self, account: AccountId = FIRST) -> list[str]:
        return [one.rule for one in self.decided(EnforcementRequested, account)]

    def used(self, rule: str, account: AccountId = FIRST) -> str:
        used: str = self.desk.runtime.states[f"account/{account}/rule/{rule}"].used
        return used

    def journal(self, account: AccountId = FIRST) -> list[Recorded]:
        """Return what is on the disk now."""
        found = [record for _, record in self.stores[account].replay()]
        return [record for record in found if isinstance(record, Recorded)]

    def story(self) -> str:
        told = [f"{one.now.mono / 1e9:.3f} {line(one.decision)}" for one in self.told]
        calls = [f"{one.received_ns / 1e9:.3f} {one.endpoint} {one.account} {one.outcome}"
                 for one in self.calls()]  # fmt: skip
        return "\n".join([*told, *calls, f"{self.holdings()} {self.orders()}"])

    # -- the broker's truth ---------------------------------------------------------------------

    def holdings(self, account: AccountId = FIRST) -> dict[str, int]:
        """Return the broker's positions, signed."""
        return {
            held.contract_id: held.size * held.side.sign
            for held in self.sim.exchange.book.positions.values()
            if held.account_id == account
        }

    def orders(self, account: AccountId = FIRST) -> dict[int, str]:
        """Return the contracts of the broker's working orders."""
        return {
            order.order_id: order.contract_id
            for order in self.sim.exchange.book.orders.values()
            if order.account_id == account and order.status in WORKING
        }

    def calls(self, endpoints: Sequence[str] = (), account: AccountId | None = None) -> list[Call]:
        return [
            call
            for call in self.sim.calls.log
            if (not endpoints or call.endpoint in endpoints) and account in {None, call.account}
        ]

    def mutations(self, account: AccountId | None = FIRST) -> list[Call]:
        return self.calls(MUTATING, account)

    def deeds(self, account: AccountId = FIRST) -> list[tuple[str, object]]:
        """Return the mutations as endpoint and contract (or order)."""
        bodies: list[tuple[str, Any]] = [(c.endpoint, c.body) for c in self.mutations(account)]
        return [(name, body.get("contractId", body.get("orderId"))) for name, body in bodies]

    # -- the trader and the market --------------------------------------------------------------

    def watched(self, contract: ContractId) -> bool:
        return self.sim.world.hubs["market"].wanted("GatewayQuote", contract)

    async def price(self, contract: ContractId, price: str | int) -> None:
        await self.sim.price(contract, Decimal(price))

    async def add_contract(self, root: str, expiry: str, price: int, **fields: Any) -> ContractId:
        """List another contract."""
        action = actions.Contract(root=root, expiry=expiry, price=Decimal(price), **fields)
        return ContractId(str((await self.sim.do(action))["contractId"]))

    async def quote(self, contract: ContractId, data: dict[str, object]) -> None:
        """Send a quote as it stands."""
        whole = {"symbol": self.sim.exchange.book.contracts[contract].symbol_id, **data}
        await self.sim.do(actions.Quote(contract=contract, data=whole))

    async def void(self) -> None:
        """Let the broker void the last trade."""
        await self.sim.do(actions.Void())

    async def enter(
        self,
        side: str,
        size: int,
        *,
        contract: ContractId = MNQ,
        at: str | int | None = None,
        account: AccountId = FIRST,
    ) -> None:
        """Let the trader enter at the market, and wait until the desk values the position."""
        price = self.sim.exchange.book.markets[contract].last if at is None else Decimal(at)
        await self.sim.price(contract, price)
        await self.sim.order(account, contract, side, size)
        await self.seen(account)
        await self.until(lambda: self.watched(contract), f"quotes of {contract}")
        await self.sim.price(contract, price)
        await self.until(lambda: self.valued(contract, account), f"{contract} to be valued")

    def valued(self, contract: ContractId, account: AccountId = FIRST) -> bool:
        """Say whether a position has a price, and every rule could judge it."""
        now = self.report(account)
        priced = all(one.unrealized for one in now.positions if one.contract == contract)
        return priced and not any(one.unknown for one in now.rules)

    async def seen(self, account: AccountId = FIRST) -> None:
        """Wait until the desk's book is the broker's."""

        def same() -> bool:
            rows = self.state(account).book.rows
            booked: dict[str, int] = {one: row.seen.size for one, row in rows.items()}
            working = set(self.state(account).book.orders)
            return booked == self.holdings(account) and working == set(self.orders(account))

        await self.until(same, "the book to show the broker's truth")
