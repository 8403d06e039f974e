"""Stops and targets of an entry: asleep, awake, and each other's end."""

from typing import Any

import pytest

from ops.sim.model import OrderType, Side
from tests.sim_gateway.rig import Bench


def rows(bench: Bench) -> list[Any]:
    return list(bench.exchange.orders(1001))


def resting_entry(bench: Bench, size: int = 1, **more: Any) -> int:
    return bench.order(
        Side.BUY,
        size,
        OrderType.LIMIT,
        limit_price=20990,
        stop_loss_bracket=40,
        take_profit_bracket=80,
        **more,
    )


def test_children_sleep_until_the_entry_fills() -> None:
    bench = Bench()
    entry = resting_entry(bench, custom_tag="mine")

    _, stop, target = rows(bench)
    assert (stop["status"], stop["type"], stop["stopPrice"]) == (8, 4, 20980.0)
    assert (target["status"], target["type"], target["limitPrice"]) == (8, 1, 21010.0)
    assert (stop["customTag"], target["customTag"]) == ("mine-SL", "mine-TP")
    assert stop["parentOrderId"] == target["parentOrderId"] == entry
    assert "linkedOrderId" not in stop
    assert target["linkedOrderId"] == stop["id"]

    bench.at("20990")

    assert [row["status"] for row in rows(bench)] == [2, 1, 1]


def test_prices_follow_the_fill_of_a_market_entry() -> None:
    bench = Bench()
    bench.sell(2, "21003.25", stop_loss_bracket=4, take_profit_bracket=8)

    _, stop, target = rows(bench)
    assert (stop["side"], stop["size"], stop["stopPrice"]) == (0, 2, 21004.25)
    assert target["limitPrice"] == 21001.25


@pytest.mark.parametrize(("price", "ends"), [("20980", [2, 2, 3]), ("21010", [2, 3, 2])])
def test_one_half_cancels_the_other(price: str, ends: list[int]) -> None:
    bench = Bench()
    resting_entry(bench)
    bench.at("20990")
    bench.said()

    bench.at(price)

    assert [row["status"] for row in rows(bench)] == ends
    assert bench.position is None
    targets = [event.target.removeprefix("GatewayUser") for event in bench.said()]
    assert targets == ["Order", "Order", "Trade", "Position", "Account"]


def test_the_other_half_stays_when_the_broker_does_not_care() -> None:
    bench = Bench(sibling_cancel="none")
    resting_entry(bench)
    bench.at("20990").at("20980").at("21010")

    assert [row["status"] for row in rows(bench)] == [2, 2, 2]
    assert bench.position == (2, 1, 21010.0)


def test_the_other_half_goes_late() -> None:
    bench = Bench(sibling_cancel="late", late_cancel_ms=300)
    resting_entry(bench)
    bench.at("20990").at("20980")

    (due,) = bench.exchange.take_due()
    assert (due.delay_ms, due.kind) == (300, "cancel")
    assert [row["status"] for row in rows(bench)] == [2, 2, 1]
    bench.exchange.carry_out(due, bench.now)
    assert [row["status"] for row in rows(bench)] == [2, 2, 3]


def test_cancelling_the_entry_cancels_sleeping_children() -> None:
    bench = Bench()
    entry = resting_entry(bench)

    bench.exchange.cancel(1001, entry, bench.now)

    assert [row["status"] for row in rows(bench)] == [3, 3, 3]


def test_a_partly_filled_entry_wakes_its_children_for_what_filled() -> None:
    bench = Bench()
    entry = bench.buy(5, chunks=[2], stop_loss_bracket=4)
    assert [(row["status"], row["size"]) for row in rows(bench)] == [(1, 5), (1, 2)]

    bench.exchange.cancel(1001, entry, bench.now)

    assert [(row["status"], row["size"]) for row in rows(bench)] == [(3, 5), (1, 2)]


@pytest.mark.parametrize(("how", "ends"), [("none", [1, 1]), ("auto", [3, 3]), ("late", [1, 1])])
def test_brackets_may_outlive_an_exit_by_hand(how: str, ends: list[int]) -> None:
    bench = Bench(flat_cancels_brackets=how)
    bench.buy(1, stop_loss_bracket=40, take_profit_bracket=40)
    bench.said()

    bench.sell(1)

    assert [row["status"] for row in rows(bench)[1:3]] == ends
    assert len(bench.exchange.take_due()) == (2 if how == "late" else 0)
    if how == "auto":  # fill, cancel, cancel, then flat: as recorded
        told = [event.target.removeprefix("GatewayUser") for event in bench.said()]
        assert told == ["Order"] * 4 + ["Trade", "Position", "Account"]


def test_an_identical_position_follows_a_change_of_brackets_when_switched() -> None:
    bench = Bench(resend_position_on_bracket=True)
    bench.buy(1, stop_loss_bracket=40)
    stop = rows(bench)[1]["id"]
    bench.exchange.cancel(1001, stop, bench.now)

    told = [event.data for event in bench.said("GatewayUserPosition")]
    assert len(told) == 3
    assert told[0] == told[1] == told[2]
