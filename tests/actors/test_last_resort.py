"""The last resort, told by itself what a read shows."""

from msgspec.structs import replace

from actors.last_resort import LastResort
from protocol.account_facts import OrderType, PositionSeen, Side
from protocol.answers import TruthRead
from protocol.commands import CancelOrder, CloseContract
from protocol.effects import Perform
from protocol.units import ContractId, Nanos, PositionId, Price
from tests.actors.rig import ES, MNQ, START, order
from tests.sim.broker import ACCOUNT


def position(contract_id: ContractId, size: int) -> PositionSeen:
    return PositionSeen(
        account_id=ACCOUNT,
        position_id=PositionId(1),
        contract_id=contract_id,
        size=size,
        average=Price(0),
        opened=Nanos(1),
    )


def test_it_closes_nothing_that_is_on_its_way_out_i1() -> None:
    """A close on top of one that fills late, or for each of two reads, would turn it around."""
    logic = LastResort(ACCOUNT)
    exiting = order(7, side=Side.SELL, kind=OrderType.MARKET, size=2)
    entering = order(8, side=Side.BUY, kind=OrderType.MARKET, size=1)
    begun = logic.begin(None, START).state
    truth = TruthRead(
        command_id=begun.reading,
        account_id=ACCOUNT,
        positions=(position(MNQ, 2), position(ES, -1)),
        orders=(exiting, entering),
        asked=START.mono,
    )

    assert logic.handle(begun, replace(truth, command_id="1001/r7"), START).effects == ()
    effects = logic.handle(begun, truth, START).effects

    commands = [one.command for one in effects if isinstance(one, Perform)]
    assert [(type(one), one.contract_id) for one in commands] == [
        (CloseContract, ES),
        (CancelOrder, MNQ),
    ]
