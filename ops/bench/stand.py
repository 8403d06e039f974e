"""A desk with everything real but the Gateway: for figures without a network.

The broker here answers nothing.  It notes when a request was handed to it.
"""

import asyncio
import time
from collections import Counter
from pathlib import Path

from actors.adapters.clock import ShiftedClock
from actors.adapters.storage import Storage
from actors.adapters.store import Store
from ops.bench.day import CONTRACT, NOW, TICK, before, plan
from ops.desk.desk import Desk
from ops.desk.untraced import Tracing
from protocol.account_facts import AccountSeen, Instrument
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
from protocol.units import AccountId, Nanos, Usd


class NullBroker:
    """Answers reads at once: the account is flat after a long day.  Answers mutations never."""

    def __init__(self, accounts: tuple[AccountId, ...]) -> None:
        self._accounts = accounts
        self.handed: list[tuple[int, AccountId]] = []
        self.got = asyncio.Event()

    async def perform(self, command: Mutation | Read) -> Message | None:
        """Answer a read; note a mutation."""
        match command:
            case CloseContract() | PartialClose() | CancelOrder() | ModifyOrder() | PlaceStop():
                self.handed.append((time.monotonic_ns(), command.account_id))
                self.got.set()
                return None
            case Login():
                return LoggedIn(accounts=tuple(map(standing, self._accounts)))
            case ReadTruth():
                return TruthRead(
                    command_id=command.command_id,
                    account_id=command.account_id,
                    positions=(),
                    orders=(),
                    trades=None if command.trades_since is None else before(command.account_id),
                    asked=Nanos(time.monotonic_ns()),
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
        tick_size=TICK,
        tick_value=Usd(5_000),
    )


def standing(account_id: AccountId) -> AccountSeen:
    """Return an account that may trade."""
    return AccountSeen(account_id=account_id, name=str(account_id), can_trade=True)


class TimedDesk(Desk):
    """A desk that notes how much of its thread's time each kind of message takes."""

    spent: Counter[type[Message]]
    heard: Counter[type[Message]]

    def _input(self, message: Message) -> None:
        begun = time.thread_time_ns()
        super()._input(message)
        self.spent[type(message)] += time.thread_time_ns() - begun
        self.heard[type(message)] += 1


async def armed(
    folder: Path, accounts: int, tracing: Tracing | None = None
) -> tuple[TimedDesk, NullBroker]:
    """Return a desk on a real store whose accounts are armed."""
    ids = tuple(AccountId(1_000 + number) for number in range(accounts))
    stores: dict[AccountId, Storage] = {one: Store.open(folder / str(one), one) for one in ids}
    counted: list[object] = []
    desk = TimedDesk(
        tuple(map(plan, ids)),
        stores,
        ShiftedClock(NOW),
        lambda decision, _: counted.append(decision),
        print,
        tracing=tracing,
    )
    desk.spent, desk.heard = Counter(), Counter()
    broker = NullBroker(ids)
    desk.start(broker)
    while not all(desk.runtime.states[f"account/{one}"].phase.value == "armed" for one in ids):
        await asyncio.sleep(0.01)
    return desk, broker
