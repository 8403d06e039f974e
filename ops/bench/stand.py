"""A desk with everything real but the Gateway: for figures without a network.

The broker here answers nothing.  It notes when a request was handed to it.
"""

import asyncio
from decimal import Decimal
from pathlib import Path

from actors.adapters import clock
from actors.adapters.storage import Storage
from actors.adapters.store import Store
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss, daily_unrealized_loss, max_contracts
from ops.desk.desk import Desk
from ops.desk.untraced import Tracing
from protocol.account_facts import AccountSeen, Instrument, PositionSeen
from protocol.answers import HubsOpened, InstrumentRead, LoggedIn, TruthRead
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
    ReadInstrument,
    ReadTruth,
)
from protocol.message import Message
from protocol.units import PRICE, AccountId, ContractId, Nanos, PositionId, Price, Usd

CONTRACT = ContractId("CON.F.US.MNQ.Z26")
AVERAGE = Price(21_000 * PRICE)
LIMIT = 100
TOO_MANY = LIMIT + 1


class NullBroker:
    """Answers reads at once with an empty account, and mutations never."""

    def __init__(self, accounts: tuple[AccountId, ...]) -> None:
        self._accounts = accounts
        self.handed: list[tuple[int, AccountId]] = []
        self.got = asyncio.Event()

    async def perform(self, command: Mutation | Read) -> Message | None:
        """Answer a read; note a mutation."""
        match command:
            case CloseContract() | PartialClose() | CancelOrder() | ModifyOrder() | PlaceStop():
                self.handed.append((clock.now().mono, command.account_id))
                self.got.set()
                return None
            case Login():
                seen = [AccountSeen(account_id=one, name=str(one)) for one in self._accounts]
                return LoggedIn(accounts=tuple(seen))
            case ReadTruth():
                return TruthRead(
                    command_id=command.command_id,
                    account_id=command.account_id,
                    positions=(),
                    orders=(),
                    trades=None if command.trades_since is None else (),
                    asked=clock.now().mono,
                )
            case ReadInstrument():
                return InstrumentRead(account_id=command.account_id, instrument=instrument())
            case OpenHubs():
                return HubsOpened()
            case _:
                return None

    async def close(self) -> None:
        """Hold nothing."""

    @property
    def ping_ms(self) -> float | None:
        """Have no hubs."""
        return None

    @property
    def spent(self) -> int:
        """Spend nothing."""
        return 0


def instrument() -> Instrument:
    """Return the record of the contract that is traded here."""
    return Instrument(
        contract_id=CONTRACT,
        root="MNQ",
        name="MNQZ6",
        tick_size=Price(PRICE // 4),
        tick_value=Usd(5_000),
    )


def plan(account_id: AccountId) -> AccountPlan:
    """Return an account with every rule there is."""
    return AccountPlan(
        account_id=account_id,
        name=str(account_id),
        reset=ResetSchedule(at="0 17 * * *", zone="America/Chicago"),
        rules={
            max_contracts.NAME: max_contracts.Params(limit=LIMIT),
            daily_realized_loss.NAME: daily_realized_loss.Params(limit=Decimal(-100_000)),
            daily_unrealized_loss.NAME: daily_unrealized_loss.Params(limit=Decimal(-200)),
        },
    )


def position(account_id: AccountId, number: int, size: int) -> PositionSeen:
    """Return a position of two, or its end."""
    return PositionSeen(
        account_id=account_id,
        position_id=PositionId(number),
        contract_id=CONTRACT,
        size=size,
        average=AVERAGE,
        opened=Nanos(number),
    )


async def armed(
    folder: Path, accounts: int, tracing: Tracing | None = None
) -> tuple[Desk, NullBroker]:
    """Return a desk on a real store whose accounts are armed."""
    ids = tuple(AccountId(1_000 + number) for number in range(accounts))
    stores: dict[AccountId, Storage] = {one: Store.open(folder / str(one), one) for one in ids}
    counted: list[object] = []
    desk = Desk(
        tuple(plan(one) for one in ids),
        stores,
        clock.now,
        lambda decision, _: counted.append(decision),
        print,
        tracing=tracing,
    )
    broker = NullBroker(ids)
    desk.start(broker)
    while not all(desk.runtime.states[f"account/{one}"].phase.value == "armed" for one in ids):
        await asyncio.sleep(0.01)
    return desk, broker
