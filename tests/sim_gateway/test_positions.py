"""One aggregated row per contract: scaling, reversing, closing, and what is told of it."""

from typing import Any

import pytest

from ops.sim.model import Side
from tests.sim_gateway.rig import Bench


def told(bench: Bench) -> list[tuple[Any, ...]]:
    return [
        (event.action, event.data["type"], event.data["size"], event.data["averagePrice"])
        for event in bench.said("GatewayUserPosition")
    ]


def test_scaling_in_averages_and_scaling_out_does_not() -> None:
    bench = Bench()

    bench.buy(1, "21000")
    bench.buy(3, "21004")
    bench.sell(2, "21010")
    bench.sell(2, "21001")

    assert told(bench) == [
        (1, 1, 1, 21000.0),
        (1, 1, 4, 21003.0),
        (1, 1, 2, 21003.0),
        (2, 0, 0, 21003.0),
    ]
    assert bench.pnl == [None, None, 28.0, -8.0]


def test_a_fill_is_told_as_order_trade_position_account() -> None:
    bench = Bench()
    bench.buy(1)

    assert [event.target for event in bench.said()] == [
        "GatewayUserOrder",
        "GatewayUserOrder",
        "GatewayUserTrade",
        "GatewayUserPosition",
        "GatewayUserAccount",
    ]


def test_a_new_position_has_a_new_id_and_the_flat_message_repeats_the_old_one() -> None:
    bench = Bench()
    for price in ("21000", "21001"):
        bench.buy(1, price)
        bench.at("21005").close()

    first, flat, second, _ = (event.data for event in bench.said("GatewayUserPosition"))
    assert first["id"] == flat["id"] != second["id"]
    assert first["creationTimestamp"] == flat["creationTimestamp"] != second["creationTimestamp"]
    assert flat["averagePrice"] == 21000.0


@pytest.mark.parametrize(
    ("flat", "message"),
    [
        ("removed", (2, 0, 0, 21000.0)),
        ("type0", (1, 0, 0, 21000.0)),
        ("keep_type", (1, 2, 0, 21000.0)),
        ("removed_as_was", (2, 2, 1, 21000.0)),
    ],
)
def test_flat_is_told_in_every_variant(flat: str, message: tuple[Any, ...]) -> None:
    bench = Bench(flat=flat)
    bench.sell(1)
    bench.close()

    assert told(bench)[-1] == message


@pytest.mark.parametrize(
    ("reversal", "messages", "same_id"),
    [
        ("two", [(2, 0, 0, 21000.0), (1, 2, 3, 20990.0)], False),
        ("one", [(1, 2, 3, 20990.0)], False),
        ("same_id", [(1, 2, 3, 20990.0)], True),
    ],
)
def test_a_reversal_is_two_half_turns_and_one_or_two_messages(
    reversal: str, messages: list[tuple[Any, ...]], *, same_id: bool
) -> None:
    bench = Bench(reversal=reversal)
    bench.buy(2)
    before: Any = bench.exchange.positions(1001)[0]
    told(bench)

    bench.sell(5, "20990")

    assert told(bench) == messages
    assert bench.pnl == [None, -40.0, None]
    after: Any = bench.exchange.positions(1001)[0]
    assert (before["id"] == after["id"]) is same_id


def test_accounts_do_not_share_positions() -> None:
    bench = Bench()
    bench.buy(1)
    bench.sell(1, account_id=1002)

    assert bench.position == (1, 1, 21000.0)
    assert bench.pnl == [None]


@pytest.mark.parametrize(
    ("account", "contract", "size", "code"),
    [
        pytest.param(7, None, None, 1, id="unknown account"),
        pytest.param(1001, "CON.F.US.XX.Z26", None, 3, id="unknown contract"),
        pytest.param(1002, None, None, 2, id="no position"),
        pytest.param(1001, None, 3, 5, id="more than there is"),
        pytest.param(1001, None, 0, 5, id="nothing"),
        pytest.param(1001, None, 1, 0, id="some"),
        pytest.param(1001, None, 2, 0, id="all of it as a part"),
        pytest.param(1001, None, None, 0, id="all of it"),
    ],
)
def test_closing_answers_by_the_table(
    account: int, contract: str | None, size: int | None, code: int
) -> None:
    bench = Bench()
    bench.buy(2)
    name = contract or bench.contract_id

    outcome = bench.exchange.close(account, name, bench.now, size=size, by_api=True)

    assert outcome.code == code
    assert outcome.order_id is None


@pytest.mark.parametrize(
    ("account", "switches", "codes"),
    [
        ({"follower": True}, {}, (8, 9)),
        ({"follower": True}, {"follower_close": "accept"}, (0, 0)),
        ({"can_trade": False}, {}, (0, 0)),
        ({"can_trade": False}, {"untradable_close": "refuse"}, (8, 9)),
    ],
)
def test_closing_is_refused_on_accounts_the_broker_shields(
    account: dict[str, bool], switches: dict[str, str], codes: tuple[int, int]
) -> None:
    bench = Bench(**switches)
    bench.buy(3)
    bench.exchange.set_account(1001, account)

    assert (bench.close(1).code, bench.close().code) == (codes[1], codes[0])


def test_an_inactive_contract_cannot_be_closed() -> None:
    bench = Bench()
    bench.buy(1)
    bench.exchange.book.contracts[bench.contract_id].active = False

    assert bench.close().code == 4


def test_closing_leaves_resting_orders_alone() -> None:
    bench = Bench()
    bench.buy(1, stop_loss_bracket=40, take_profit_bracket=40)

    bench.close()

    assert sorted(bench.states.values()) == [1, 1, 2, 2]
    assert bench.position is None


@pytest.mark.parametrize(
    ("how", "second", "left"), [("refuse", 6, None), ("overshoot", 0, (2, 2, 21000.0))]
)
def test_a_second_close_while_the_first_is_pending(
    how: str, second: int, left: tuple[int, int, float] | None
) -> None:
    bench = Bench(close_while_pending=how)
    bench.buy(2)
    bench.exchange.switches.fill_delay_ms = 5

    codes = [bench.close().code, bench.close().code]
    for due in bench.exchange.take_due():
        bench.exchange.carry_out(due, bench.now)

    assert codes == [0, second]
    assert bench.position == left


def test_a_pending_partial_close_answers_with_its_own_number() -> None:
    bench = Bench(fill_delay_ms=5)
    bench.exchange.switches.fill_delay_ms = 0
    bench.buy(2)
    bench.exchange.switches.fill_delay_ms = 5

    assert [bench.close(1).code, bench.close(1).code] == [0, 7]


@pytest.mark.parametrize(
    ("how", "exits", "left"),
    [("refuse", 2, None), ("refuse", 1, None), ("overshoot", 2, (2, 2, 21000.0))],
)
def test_an_exit_that_wins_the_race_against_a_close(
    how: str, exits: int, left: tuple[int, int, float] | None
) -> None:
    bench = Bench(close_while_pending=how)
    bench.buy(2)
    bench.exchange.switches.fill_delay_ms = 5
    bench.close()
    bench.exchange.switches.fill_delay_ms = 0

    bench.order(Side.SELL, exits)
    for due in bench.exchange.take_due():
        bench.exchange.carry_out(due, bench.now)

    assert bench.position == left
