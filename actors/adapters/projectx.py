"""The Gateway, as a desk sees it: one login, its REST calls and its hubs, for many accounts.

Theory: a command goes in, one message comes out, and no exception ever does.  Reads and deeds go by
REST and need no hub; hub events go to the desk's intake as they come, unread.  See `projectx_rest`
for the calls, `projectx_hubs` and `projectx_pair` for the connections.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from math import ceil

from msgspec.structs import replace
from project_x_py import ProjectXConfig

from actors.adapters import projectx_mutations, projectx_reads
from actors.adapters.projectx_answers import Withheld, said_no
from actors.adapters.projectx_hubs import Hubs, Timings
from actors.adapters.projectx_pair import Intake
from actors.adapters.projectx_reads import NoInstrument
from actors.adapters.projectx_records import Records
from actors.adapters.projectx_rest import Rest
from actors.adapters.projectx_tamed import REQUESTS_PER_MINUTE
from actors.adapters.wire_figures import WireFigures
from protocol.account_facts import AccountSeen
from protocol.answers import (
    AccountsFailed,
    AccountsRead,
    Answered,
    ContractsFailed,
    ContractsRead,
    HubsLost,
    InstrumentFailed,
    InstrumentRead,
    LoggedIn,
    LoginFailed,
    Outcome,
    RefusalReason,
    Refused,
    TruthFailed,
    TruthRead,
)
from protocol.commands import (
    CancelOrder,
    CloseContract,
    Login,
    ModifyOrder,
    Mutation,
    OpenHubs,
    PartialClose,
    PlaceStop,
    Read,
    ReadAccounts,
    ReadInstrument,
    ReadTruth,
    SearchContracts,
    WatchContract,
)
from protocol.message import Message
from protocol.units import Nanos


class Broker:
    """One login at the Gateway."""

    def __init__(
        self,
        *,
        username: str,
        api_key: str,
        api_url: str,
        user_hub_url: str,
        market_hub_url: str,
        on_event: Intake,
        on_notice: Callable[[Message], None],
        mono: Callable[[], int],
        timeout_seconds: float = 5.0,
        timings: Timings | None = None,
        figures: WireFigures | None = None,
    ) -> None:
        config = ProjectXConfig(
            api_url=api_url,
            user_hub_url=user_hub_url,
            market_hub_url=market_hub_url,
            timeout_seconds=ceil(timeout_seconds),
            requests_per_minute=REQUESTS_PER_MINUTE,
        )
        self._mono = mono
        self._rest = Rest(
            username=username,
            api_key=api_key,
            config=config,
            mono=mono,
            timeout_seconds=timeout_seconds,
            figures=figures,
        )
        self._records = Records(partial(projectx_reads.instrument, self._rest))
        self._hubs = Hubs(
            self._rest, on_event=on_event, on_notice=on_notice, timings=timings or Timings()
        )

    @property
    def spent(self) -> int:
        """Return the number of REST requests of the last minute."""
        return self._rest.meter.spent()

    @property
    def ping_ms(self) -> float | None:
        """Return the newest round trip over both hubs in ms; None while there are none."""
        return self._hubs.ping_ms

    async def perform(self, command: Mutation | Read) -> Message | None:
        """Do what is asked and return the answer; None only for quotes that will come."""
        try:
            return await self._perform(command)
        except Exception as error:  # noqa: BLE001  (no failure of the Gateway's is an exception of the desk's)
            return self._failed(command, error)

    async def _perform(self, command: Mutation | Read) -> Message | None:
        match command:
            case CloseContract() | PartialClose() | CancelOrder() | ModifyOrder() | PlaceStop():
                return await projectx_mutations.perform(self._rest, command)
            case ReadTruth():
                return await self._read_truth(command)
            case ReadAccounts():
                return AccountsRead(accounts=await self._listed())
            case ReadInstrument():
                found = await self._records.of(command.contract_id)
                return InstrumentRead(account_id=command.account_id, instrument=found)
            case SearchContracts(text=text):
                contracts = await projectx_reads.contracts(self._rest, text)
                return ContractsRead(text=text, contracts=contracts)
            case Login():
                return await self._log_in()
            case OpenHubs():
                return await self._hubs.open(command.accounts)
            case WatchContract():
                return await self._watch(command)

    async def _log_in(self) -> Message:
        try:
            await self._rest.log_in()
        except Exception as error:  # noqa: BLE001  (every failure of a login is an answer)
            return LoginFailed(why=self._rest.why(error), refused=said_no(error))
        return LoggedIn(accounts=await self._listed())

    async def _listed(self) -> tuple[AccountSeen, ...]:
        """List the accounts; what the hub says while the list is on its way is newer."""
        asked = Nanos(self._mono())
        listed = await projectx_reads.accounts(self._rest)
        return tuple(replace(one, asked=asked) for one in listed)

    async def _read_truth(self, command: ReadTruth) -> TruthRead:
        asked = Nanos(self._mono())
        positions, orders, trades = await projectx_reads.truth(
            self._rest,
            command.account_id,
            command.trades_since,
            urgent=command.urgent,
            claim=command.claim,
        )
        return TruthRead(
            command_id=command.command_id,
            account_id=command.account_id,
            positions=positions,
            orders=orders,
            trades=trades,
            asked=asked,
        )

    async def _watch(self, command: WatchContract) -> Refused | None:
        why = await self._hubs.watch(command.contract_id)
        if why is None:
            return None
        return unwatched(command, why)

    def _failed(self, command: Mutation | Read, error: Exception) -> Message:
        """Return the failure that answers a command."""
        cause = first(error)
        why, asked = self._rest.why(cause), not isinstance(cause, Withheld)
        match command:
            case ReadTruth():
                return TruthFailed(
                    command_id=command.command_id,
                    account_id=command.account_id,
                    why=why,
                    asked=asked,
                )
            case ReadAccounts():
                return AccountsFailed(why=why, asked=asked)
            case Login():
                return LoginFailed(why=why, refused=False)
            case ReadInstrument():
                return InstrumentFailed(
                    account_id=command.account_id,
                    contract_id=command.contract_id,
                    why=why,
                    final=isinstance(cause, NoInstrument),
                    asked=asked,
                )
            case SearchContracts(text=text):
                return ContractsFailed(text=text, why=why)
            case OpenHubs():
                return HubsLost(why=why)
            case WatchContract():
                return unwatched(command, why)
            case CloseContract() | PartialClose() | CancelOrder() | ModifyOrder() | PlaceStop():
                return Answered(
                    command_id=command.command_id,
                    account_id=command.account_id,
                    outcome=Outcome.UNCERTAIN,
                    why=why,
                )

    async def close(self) -> None:
        """End everything, whatever state it is in; a second time is no error."""
        await asyncio.gather(self._hubs.close(), self._rest.close())


def unwatched(command: WatchContract, why: str) -> Refused:
    """Return the answer to a wish for quotes that will not be fulfilled."""
    return Refused(
        account_id=command.account_id,
        event="watch_contract",
        why=why,
        reason=RefusalReason.WATCH,
    )


def first(error: BaseException) -> BaseException:
    """Return the first cause of a group of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
