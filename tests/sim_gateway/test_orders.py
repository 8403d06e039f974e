"""Each order type: when it fills, at what price, in how many pieces."""

from typing import Any

import pytest

from ops.sim.model import OrderType, Side, Status
from ops.sim.placing import Change
from tests.sim_gateway.rig import Bench

BUY, SELL = Side.BUY, Side.SELL


@pytest.mark.parametrize(
    ("side", "kind", "prices", "path", "filled"),
    [
        pytest.param(BUY, "MARKET", {}, [], 21000.0, id="market"),
        pytest.param(BUY, "LIMIT", {"limit_price": 20990}, ["20990.25"], None, id="limit above"),
        pytest.param(BUY, "LIMIT", {"limit_price": 20990}, ["20980"], 20990.0, id="limit rests"),
        pytest.param(BUY, "LIMIT", {"limit_price": 21010}, [], 21000.0, id="limit marketable"),
        pytest.param(SELL, "LIMIT", {"limit_price": 21010}, ["21010"], 21010.0, id="limit sell"),
        pytest.param(BUY, "STOP", {"stop_price": 21010}, ["21009.75"], None, id="stop not yet"),
        pytest.param(BUY, "STOP", {"stop_price": 21010}, ["21012"], 21010.0, id="stop buy"),
        pytest.param(SELL, "STOP", {"stop_price": 20990}, ["20980"], 20990.0, id="stop sell"),
        pytest.param(SELL, "STOP", {"stop_price": 21010}, [], 21010.0, id="stop at once"),
        pytest.param(
            BUY,
            "STOP_LIMIT",
            {"stop_price": 21010, "limit_price": 21012},
            ["21020"],
            None,
            id="stop-limit jumped over",
        ),
        pytest.param(
            BUY,
            "STOP_LIMIT",
            {"stop_price": 21010, "limit_price": 21012},
            ["21020", "21011"],
            21012.0,
            id="stop-limit fills on the way back",
        ),
        pytest.param(
            BUY,
            "STOP_LIMIT",
            {"stop_price": 21010, "limit_price": 21012},
            ["21011"],
            21011.0,
            id="stop-limit within its limit",
        ),
        pytest.param(
            SELL,
            "TRAILING_STOP",
            {"trail_price": 20990},
            ["21020", "21011"],
            None,
            id="trailing follows",
        ),
        pytest.param(
            SELL,
            "TRAILING_STOP",
            {"trail_price": 20990},
            ["21020", "21011", "21009"],
            21010.0,
            id="trailing fills",
        ),
        pytest.param(
            BUY,
            "TRAILING_STOP",
            {"trail_price": 21010},
            ["20950", "20961"],
            20960.0,
            id="trailing buy",
        ),
        pytest.param(BUY, "JOIN_BID", {}, ["20999.75"], 20999.75, id="join bid"),
        pytest.param(SELL, "JOIN_ASK", {}, ["21000.25"], 21000.25, id="join ask"),
        pytest.param(BUY, "JOIN_BID", {}, ["21000.25"], None, id="join bid runs away"),
    ],
)
def test_fills_when_and_where_its_type_says(
    side: Side, kind: str, prices: dict[str, Any], path: list[str], filled: float | None
) -> None:
    bench = Bench()
    order_id = bench.order(side, 1, OrderType[kind], **prices)

    for price in path:
        bench.at(price)

    order: Any = next(row for row in bench.exchange.orders(1001) if row["id"] == order_id)
    assert order["filledPrice"] == filled
    assert order["status"] == (Status.OPEN if filled is None else Status.FILLED)


def test_a_stop_gaps_when_switched() -> None:
    bench = Bench(stop_slip="gap")
    bench.order(SELL, 1, OrderType.STOP, stop_price=20990)

    bench.at("20950")

    assert bench.position == (2, 1, 20950.0)


def test_market_orders_pay_the_touch_when_switched() -> None:
    bench = Bench(fill_at="touch")
    bench.buy(1)
    bench.close()

    assert bench.pnl == [None, -1.0]


@pytest.mark.parametrize(
    ("variant", "seen"),
    [
        ("stays_stop", [(1, 4, 20990.0), (2, 4, 20990.0)]),
        ("becomes_market", [(1, 4, 20990.0), (6, 2, None), (2, 2, None)]),
    ],
)
def test_a_triggered_stop_is_told_in_either_variant(
    variant: str, seen: list[tuple[int, int, float | None]]
) -> None:
    bench = Bench(stop_trigger=variant)
    bench.order(SELL, 1, OrderType.STOP, stop_price=20990)
    bench.at("20990")

    told = [event.data for event in bench.said("GatewayUserOrder")]
    assert [(row["status"], row["type"], row["stopPrice"]) for row in told] == seen


def test_a_trailing_stop_tells_its_distance_and_every_move() -> None:
    bench = Bench()
    bench.order(SELL, 1, OrderType.TRAILING_STOP, trail_price=20990)
    bench.at("21005").at("21001")

    told = [event.data for event in bench.said("GatewayUserOrder")]
    assert [(row["stopPrice"], row["trailPrice"], row["trailDistance"]) for row in told] == [
        (20990.0, 20990.0, 10.0),
        (20995.0, 20995.0, 10.0),
    ]


def test_one_order_fills_in_pieces_with_cumulative_volume_and_average() -> None:
    bench = Bench(fill_chunk_max=2)
    bench.buy(5)

    orders = [event.data["fillVolume"] for event in bench.said("GatewayUserOrder")]
    trades: Any = bench.exchange.trades(1001, 0, None)
    assert orders == [0, 2, 4, 5]
    assert [trade["size"] for trade in trades] == [2, 2, 1]
    assert len({trade["id"] for trade in trades}) == 3
    assert len({trade["orderId"] for trade in trades}) == 1


def test_a_partial_fill_can_go_on_elsewhere_and_the_rest_be_cancelled() -> None:
    bench = Bench()
    order_id = bench.buy(5, chunks=[2])
    from decimal import Decimal

    bench.exchange.fill(order_id, 1, Decimal(21003), bench.now)
    order: Any = bench.exchange.orders(1001)[0]
    assert (order["status"], order["fillVolume"], order["filledPrice"]) == (1, 3, 21001.0)

    assert bench.exchange.cancel(1001, order_id, bench.now).code == 0

    assert bench.states == {order_id: Status.CANCELLED}
    assert bench.position == (1, 3, 21001.0)


def test_an_order_is_pending_first_when_switched() -> None:
    bench = Bench(pending_first=True, terminal_order_action=2)
    bench.buy(1)

    told = [(event.action, event.data["status"]) for event in bench.said("GatewayUserOrder")]
    assert told == [(1, 6), (1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stop_price": 20980}, 0),
        ({"size": 3}, 0),
        ({"size": 0}, 3),
        ({"order_id": 1}, 2),
        ({"account_id": 9}, 1),
        ({"account_id": 1002}, 2),
    ],
)
def test_modifying_answers_by_the_table(change: dict[str, Any], code: int) -> None:
    bench = Bench()
    order_id = bench.order(SELL, 1, OrderType.STOP, stop_price=20990)

    fields: dict[str, Any] = {"account_id": 1001, "order_id": order_id} | change
    outcome = bench.exchange.modify(Change(**fields), bench.now, by_api=True)

    assert outcome.code == code
    assert len(bench.said("GatewayUserOrder")) == (2 if code == 0 else 1)


def test_a_stop_moved_across_the_market_fills() -> None:
    bench = Bench()
    order_id = bench.order(SELL, 1, OrderType.STOP, stop_price=20990)
    from decimal import Decimal

    change = Change(account_id=1001, order_id=order_id, stop_price=Decimal(21005))
    bench.exchange.modify(change, bench.now)

    assert bench.states == {order_id: Status.FILLED}
    assert bench.exchange.modify(change, bench.now).code == 3


@pytest.mark.parametrize(
    ("fields", "account", "code"),
    [
        pytest.param({"account_id": 9}, {}, 1, id="account not found"),
        pytest.param({"size": 0}, {}, 2, id="no size"),
        pytest.param({"kind": OrderType.LIMIT}, {}, 2, id="limit without price"),
        pytest.param({"kind": OrderType.STOP}, {}, 2, id="stop without price"),
        pytest.param({"kind": OrderType.TRAILING_STOP}, {}, 2, id="trail without price"),
        pytest.param({}, {"balance": 0}, 3, id="no money"),
        pytest.param({}, {"can_trade": False}, 4, id="account shut"),
        pytest.param({"contract_id": "?"}, {}, 8, id="contract not found"),
        pytest.param({}, {"follower": True}, 10, id="follower"),
    ],
)
def test_placing_is_refused_by_the_table(
    fields: dict[str, Any], account: dict[str, Any], code: int
) -> None:
    bench = Bench()
    bench.exchange.set_account(1001, account)
    bench.said()

    outcome = bench.try_order(BUY, fields.pop("size", 1), **fields)

    assert outcome.code == code
    if code in {2, 3, 4, 10}:
        (event,) = bench.said()
        assert (event.data["id"], event.data["status"]) == (outcome.order_id, Status.REJECTED)


def test_a_custom_tag_is_used_once_per_account() -> None:
    bench = Bench()

    codes = [bench.try_order(BUY, 1, custom_tag="a", account_id=n).code for n in (1001, 1001, 1002)]

    assert codes == [0, 2, 0]


@pytest.mark.parametrize(
    ("account", "code"), [({}, 0), ({"follower": True}, 6), ({"simulated": False}, 6)]
)
def test_cancelling_is_for_simulated_leaders_only(account: dict[str, bool], code: int) -> None:
    bench = Bench()
    order_id = bench.order(BUY, 1, OrderType.LIMIT, limit_price=20000)
    bench.exchange.set_account(1001, account)

    assert bench.exchange.cancel(1001, order_id, bench.now, by_api=True).code == code


def test_a_finished_or_foreign_order_cannot_be_cancelled() -> None:
    bench = Bench()
    order_id = bench.buy(1)

    codes = [bench.exchange.cancel(account, order_id, 1).code for account in (1001, 1002, 9)]

    assert codes == [3, 2, 1]


def test_the_same_seed_says_the_same() -> None:
    def story() -> list[object]:
        bench = Bench(fill_chunk_max=1)
        bench.buy(3, stop_loss_bracket=10, take_profit_bracket=10)
        bench.at("20997.50")
        return [event.data for event in bench.said()]

    assert story() == story()
