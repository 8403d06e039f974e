"""Stops placed and moved for the account they name, to the last digit, through the SDK."""

import pytest
from msgspec.structs import replace

from actors.model.budget import spare
from ops.sim.server import SimServer
from protocol.account_facts import OrderSeen, Side
from protocol.answers import RESERVED, Answered, Outcome, TruthRead
from protocol.commands import ModifyOrder, PlaceStop
from protocol.units import PRICE, OrderId, Price
from tests.adapter.conftest import MNQ, SECOND, Desk


def price(text: str) -> Price:
    whole, _, part = text.partition(".")
    return Price(int(whole) * PRICE + int(part.ljust(9, "0")))


def place(at: str, *, tag: str = "riskwarden-stop-1-1", yields: bool = False) -> PlaceStop:
    return PlaceStop(
        command_id="s",
        account_id=SECOND,
        contract_id=MNQ,
        side=Side.SELL,
        size=2,
        stop_price=price(at),
        tag=tag,
        yields=yields,
    )


def move(order: OrderSeen, *, stop: Price | None = None, size: int | None = None) -> ModifyOrder:
    return ModifyOrder(
        command_id="m",
        account_id=order.account_id,
        contract_id=order.contract_id,
        order_id=order.order_id,
        stop_price=stop,
        size=size,
    )


async def outcome(desk: Desk, command: PlaceStop | ModifyOrder) -> tuple[Outcome, str]:
    answer = await desk.broker.perform(command)
    assert isinstance(answer, Answered)
    assert (answer.command_id, answer.account_id) == (command.command_id, command.account_id)
    return answer.outcome, answer.why


async def orders(desk: Desk) -> list[OrderSeen]:
    truth = await desk.truth(SECOND)
    assert isinstance(truth, TruthRead)
    return list(truth.orders)


@pytest.fixture
async def held(sim: SimServer, desk: Desk) -> Desk:
    """A desk that is logged in, and whose second account is long two."""
    await desk.log_in()
    await sim.order(SECOND, "MNQ", "buy", 2)
    return desk


async def test_a_stop_is_placed_moved_and_made_smaller(held: Desk) -> None:
    assert await outcome(held, place("20900.25")) == (Outcome.ACCEPTED, "")
    (there,) = await orders(held)
    assert (there.stop_price, there.size, there.side) == (price("20900.25"), 2, Side.SELL)
    assert there.tag == "riskwarden-stop-1-1"

    assert await outcome(held, move(there, stop=price("20910.75"))) == (Outcome.ACCEPTED, "")
    (moved,) = await orders(held)
    assert (moved.order_id, moved.stop_price, moved.size) == (there.order_id, price("20910.75"), 2)

    assert await outcome(held, move(there, size=1)) == (Outcome.ACCEPTED, "")
    (smaller,) = await orders(held)
    assert (smaller.stop_price, smaller.size) == (price("20910.75"), 1)


async def test_only_what_changes_is_named(sim: SimServer, held: Desk) -> None:
    await outcome(held, place("20900"))
    (there,) = await orders(held)
    await outcome(held, move(there, size=1))

    (call,) = sim.calls.of("Order/modify")
    assert call.body == {"accountId": SECOND, "orderId": there.order_id, "size": 1}


async def test_a_tag_is_taken_once(held: Desk) -> None:
    await outcome(held, place("20900"))
    what, why = await outcome(held, place("20900"))

    assert (what, "OrderRejected" in why) == (Outcome.REFUSED, True)
    assert len(await orders(held)) == 1


async def test_a_refused_move_says_why(held: Desk) -> None:
    await outcome(held, place("20900"))
    (there,) = await orders(held)
    gone = replace(there, order_id=OrderId(7))
    what, why = await outcome(held, move(gone, stop=price("20910")))

    assert (what, "OrderNotFound" in why) == (Outcome.REFUSED, True)


@pytest.mark.parametrize("kind", ["reset", "status"])
async def test_a_stop_without_an_answer_is_sent_once_and_uncertain(
    sim: SimServer, held: Desk, kind: str
) -> None:
    sim.faults.rest(endpoint="Order/place", kind=kind, when="after", count=1)
    what, _ = await outcome(held, place("20900"))

    assert what is Outcome.UNCERTAIN
    assert len(sim.calls.of("Order/place")) == 1
    assert len(await orders(held)) == 1


async def test_what_yields_is_not_sent_when_requests_run_low(sim: SimServer, held: Desk) -> None:
    for _ in range(spare(0)):
        await held.broker._rest.meter.acquire()

    assert await outcome(held, place("20900", yields=True)) == (Outcome.REFUSED, RESERVED)
    assert sim.calls.of("Order/place") == []
    assert await outcome(held, place("20900")) == (Outcome.ACCEPTED, "")
