"""One pair of hub connections: opened once, subscribed once, and thrown away when either fails.

Theory: the SDK repairs a dropped hub in place, and every way in which it then dies silently comes
of that: counters that only fall, tasks that end with flags up, events that stay set, restores that
skip each other.  A pair is never repaired.  Whatever goes wrong with it ends in `lost`, once, with
a reason; its owner discards it and builds another.

Events are handed on inside the SDK's receiving loop, in the order of the wire, before the SDK would
start a task for each or let a later partial quote swallow an earlier one.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

from project_x_py import ProjectXConfig, ProjectXRealtimeClient
from pysignalr.client import SignalRClient
from pysignalr.exceptions import AuthorizationError

from actors.adapters.tasks import retrieve
from protocol.units import AccountId, ContractId

DISCARD_SECONDS = 0.5
NO_ACCOUNT = "0"
"""The SDK wants an account of its own; the subscriptions here name theirs."""
PER_ACCOUNT = ("SubscribeOrders", "SubscribePositions", "SubscribeTrades")
HARMLESS_CONTRACT = "-"

WARMED = (SignalRClient,)
"""Imported here because the SDK would at its first connection, and hold the loop for 0.2 s."""

log = logging.getLogger(__name__)

type Intake = Callable[[str, object], None]
type Call = tuple[Any, str, list[object]]
"""A hub, a method of it, and the arguments."""


class LostError(Exception):
    """The pair is of no more use."""


class Pair(ProjectXRealtimeClient):
    """A user hub and a market hub under one token."""

    def __init__(self, token: str, config: ProjectXConfig, on_event: Intake) -> None:
        super().__init__(token, NO_ACCOUNT, config=config)
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.logged_out = False
        self.unauthorized = False
        self.accounts: set[AccountId] = set()
        self.contracts: set[ContractId] = set()
        self._on_event: Intake | None = on_event
        self._all_accounts = False

    async def open(self, timeout: float) -> None:  # noqa: ASYNC109  (one bound for all its waits)
        """Connect both hubs."""
        self._loop = asyncio.get_running_loop()
        await self.setup_connections()
        for hub in self._hubs():
            await hub.start()
            hub._run_task.add_done_callback(partial(self._ended, hub.hub_name))  # noqa: SLF001

        async def ready() -> None:
            await self.user_hub_ready.wait()
            await self.market_hub_ready.wait()

        await self._unless_lost(ready(), timeout)

    async def subscribe(
        self,
        accounts: Iterable[AccountId],
        contracts: Iterable[ContractId],
        timeout: float,  # noqa: ASYNC109  (one bound for all its waits)
    ) -> dict[ContractId, str]:
        """Subscribe to what is not subscribed yet; return the contracts refused, and why.

        A refused account makes the pair useless: better no hubs, loudly, than a deaf account.
        """
        fresh = [account for account in accounts if account not in self.accounts]
        quotes = [contract for contract in contracts if contract not in self.contracts]
        user: Any = self.user_connection
        market: Any = self.market_connection
        calls: list[Call] = [(user, method, [one]) for one in fresh for method in PER_ACCOUNT]
        if fresh and not self._all_accounts:
            calls.append((user, "SubscribeAccounts", []))
        for contract in quotes:
            calls.append((market, "SubscribeContractQuotes", [contract]))  # noqa: PERF401
        answers = await self._unless_lost(_invoke_all(calls), timeout)
        refused = answers[: len(answers) - len(quotes)]
        if any(refused):
            raise LostError(f"a subscription was refused: {next(filter(None, refused))}")
        self.accounts.update(fresh)
        self._all_accounts = self._all_accounts or bool(fresh)
        errors = dict(zip(quotes, answers[len(refused) :], strict=True))
        self.contracts.update(contract for contract, error in errors.items() if not error)
        return {contract: error for contract, error in errors.items() if error}

    async def ping(self, timeout: float) -> None:  # noqa: ASYNC109  (one bound for all its waits)
        """Ask both hubs for something harmless; only an answer proves that they are there."""
        both: list[Call] = [
            (self.user_connection, "SubscribeAccounts", []),
            (self.market_connection, "UnsubscribeContractQuotes", [HARMLESS_CONTRACT]),
        ]
        await self._unless_lost(_invoke_all(both), timeout)

    def fail(self, why: str) -> None:
        """Note the first thing that went wrong."""
        if not self.lost.done():
            self.lost.set_result(why)

    async def discard(self) -> None:
        """End both connections without asking the other side, which may be gone."""
        self._on_event = None
        self.fail("discarded")
        tasks: set[asyncio.Task[None]] = set()
        for hub in self._hubs():
            client = hub._client  # noqa: SLF001
            socket = None if client is None else client._transport._ws  # noqa: SLF001
            if socket is not None:
                socket.transport.abort()
            task = hub._run_task  # noqa: SLF001
            if task is not None:
                task.cancel()
                tasks.add(task)
        if tasks:
            await asyncio.wait(tasks, timeout=DISCARD_SECONDS)

    def _hubs(self) -> list[Any]:
        return [hub for hub in (self.user_connection, self.market_connection) if hub is not None]

    async def _unless_lost[T](self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Return the work's result, unless the pair is lost or the time is over before."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(retrieve)  # whoever is cancelled may fail of something else
        either: set[asyncio.Future[Any]] = {task, self.lost}
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and task.exception() is None:
                return task.result()
            if self.lost.done():
                raise LostError(self.lost.result())
            error = repr(task.exception()) if task.done() else f"no answer within {seconds:g} s"
            raise LostError(f"a hub is silent: {error}")
        finally:
            task.cancel()

    # What the SDK calls.

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        self.unauthorized = self.unauthorized or isinstance(error, AuthorizationError)
        self.fail(f"the {name} hub ended: {type(error).__name__}: {error}")

    def _on_user_hub_close(self) -> None:
        self.fail("the user hub dropped the connection")

    def _on_market_hub_close(self) -> None:
        self.fail("the market hub dropped the connection")

    def _on_gateway_logout(self, *_: Any) -> None:
        self.logged_out = True
        self.fail("the Gateway logged this session out")

    def _on_connection_error(self, hub: str, error: Any) -> None:
        """Leave errors to the invocation that they answer."""

    def _pass_on(self, event: str, payload: object) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event, payload)
        except Exception:  # what was not taken in was missed: only a fresh start makes up for it
            log.exception("the intake refused a hub event")
            self.fail("the intake refused an event")

    def _forward_account_update(self, *args: Any) -> None:
        self._pass_on("account_update", args[0] if len(args) == 1 else list(args))

    def _forward_position_update(self, *args: Any) -> None:
        self._pass_on("position_update", args[0] if len(args) == 1 else list(args))

    def _forward_order_update(self, *args: Any) -> None:
        self._pass_on("order_update", args[0] if len(args) == 1 else list(args))

    def _forward_trade_execution(self, *args: Any) -> None:
        self._pass_on("trade_execution", args[0] if len(args) == 1 else list(args))

    def _forward_quote_update(self, *args: Any) -> None:
        match args:
            case (contract, data):
                self._pass_on("quote_update", {"contract_id": contract, "data": data})
            case (payload,):
                self._pass_on("quote_update", payload)
            case _:
                self._pass_on("quote_update", list(args))

    def _forward_market_trade(self, *args: Any) -> None:
        """Ignore the public tape: nothing here subscribes to it."""

    def _forward_market_depth(self, *args: Any) -> None:
        """Ignore the depth: nothing here subscribes to it."""


async def _invoke_all(calls: Sequence[Call]) -> list[str | None]:
    """Call hub methods at once and return their errors, where they answer with one."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_invoke(*call)) for call in calls]
    return [task.result() for task in tasks]


async def _invoke(hub: Any, method: str, arguments: list[object]) -> str | None:
    answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    async def completed(message: Any) -> None:
        if not answer.done():
            answer.set_result(message.error and str(message.error))

    await hub._client.send(method, arguments, on_invocation=completed)  # noqa: SLF001
    return await answer
