"""Objects about an account: observed, documented and odd ones."""

from typing import Any

import pytest

from actors.adapters import decode
from protocol.account_facts import (
    AccountSeen,
    OrderSeen,
    OrderStatus,
    OrderType,
    PositionSeen,
    Side,
    TradeSeen,
)
from protocol.answers import Refused
from protocol.units import AccountId, ContractId, Nanos, OrderId, PositionId, Price, TradeId, Usd

ACCOUNT = AccountId(9100001)
MNQ = ContractId("CON.F.US.MNQ.Z25")
OPENED = Nanos(1_761_753_013_776_995_000)
LONG = {
    "id": 400000001,
    "accountId": 9100001,
    "contractId": "CON.F.US.MNQ.Z25",
    "creationTimestamp": "2025-10-29T15:50:13.776995+00:00",
    "type": 1,
    "size": 1,
    "averagePrice": 26246.0,
}
FLAT = LONG | {"type": 0, "size": 0}
STOP_FILLED = {
    "id": 1700000001,
    "contractId": "CON.F.US.MNQ.Z25",
    "type": 4,
    "side": 1,
    "size": 1,
    "stopPrice": 26242.25,
    "fillVolume": 1,
    "filledPrice": 26242.25,
    "status": 2,
}
ORDER = STOP_FILLED | {
    "accountId": 9100001,
    "symbolId": "F.US.MNQ",
    "creationTimestamp": "2025-10-29T15:40:39.689152+00:00",
    "updateTimestamp": None,
    "status": 1,
    "fillVolume": 0,
    "filledPrice": None,
    "limitPrice": None,
    "customTag": "bracket-SL",
    "parentOrderId": 1700000000,
}
TRADE = {
    "id": 500000001,
    "accountId": 9100001,
    "contractId": "CON.F.US.MNQ.Z25",
    "creationTimestamp": "2025-10-31T17:21:19.0000001Z",
    "price": 25898.25,
    "profitAndLoss": -7.0,
    "fees": 0.74,
    "side": 1,
    "size": 2,
    "voided": False,
    "orderId": 1700000002,
}
ROW = {"id": 9100001, "name": "PRACTICE-1", "balance": 49987.15, "canTrade": True}


def position(**changes: Any) -> PositionSeen:
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "position_id": PositionId(400000001),
        "contract_id": MNQ,
        "size": 1,
        "average": Price(26_246_000_000_000),
        "opened": OPENED,
    }
    return PositionSeen(**(fields | changes))


SHORT = LONG | {"type": 2, "size": 3}


@pytest.mark.parametrize(
    ("payload", "size"),
    [
        pytest.param({"action": 1, "data": LONG}, 1, id="wrapped long"),
        pytest.param(LONG, 1, id="bare long"),
        pytest.param({"action": 1, "data": SHORT}, -3, id="a short is negative"),
        pytest.param({"action": 0, "data": LONG}, 1, id="action 0"),
        pytest.param({"data": LONG}, 1, id="no action"),
        pytest.param(LONG | {"id": "400000001", "accountId": "9100001"}, 1, id="ids as text"),
        pytest.param({"action": 1, "data": FLAT}, 0, id="observed flat"),
        pytest.param({"action": 2, "data": FLAT}, 0, id="removed and flat"),
        pytest.param({"action": 2, "data": LONG}, 0, id="removed, object as it was"),
        pytest.param(LONG | {"size": 0}, 0, id="size 0, type kept"),
        pytest.param(LONG | {"type": 0}, 0, id="type 0, size kept"),
        pytest.param(LONG | {"contractDisplayName": "MNQZ5", "new": [1]}, 1, id="unknown fields"),
    ],
)
def test_a_position_is_read_from_every_shape(payload: object, size: int) -> None:
    assert decode.hub("position_update", payload) == position(size=size)


def test_a_closed_position_may_lack_what_no_longer_matters() -> None:
    closed = {"id": 400000001, "accountId": 9100001, "contractId": MNQ, "size": 0}

    expected = position(size=0, average=Price(0), opened=Nanos(0))
    assert decode.hub("position_update", closed) == expected


def test_a_list_gives_as_many_messages() -> None:
    payload = [{"action": 1, "data": LONG}, {"action": 1, "data": LONG | {"size": -1}}, 7]

    seen = decode.hub("position_update", payload)

    assert isinstance(seen, tuple)
    assert [type(one) for one in seen] == [PositionSeen, Refused, Refused]
    assert seen[0] == position()


def test_a_list_inside_an_envelope_keeps_its_action() -> None:
    seen = decode.hub("position_update", {"action": 2, "data": [LONG]})

    assert seen == position(size=0)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"type": None}, id="direction missing"),
        pytest.param({"type": 3}, id="direction unknown"),
        pytest.param({"type": True}, id="a bool is no number"),
        pytest.param({"size": -1}, id="negative size"),
        pytest.param({"size": 1.0}, id="a fraction is no size"),
        pytest.param({"size": 10**9}, id="absurd size"),
        pytest.param({"averagePrice": float("nan")}, id="average NaN"),
        pytest.param({"averagePrice": float("inf")}, id="average infinite"),
        pytest.param({"averagePrice": -1.0}, id="average negative"),
        pytest.param({"averagePrice": 0.0}, id="average 0"),
        pytest.param({"averagePrice": "26246.0"}, id="average as text"),
        pytest.param({"averagePrice": 10**400}, id="average immense"),
        pytest.param({"averagePrice": 1e300}, id="average too large"),
        pytest.param({"creationTimestamp": None}, id="no time"),
        pytest.param({"creationTimestamp": "2025-10-29T15:50:13"}, id="no offset"),
        pytest.param({"creationTimestamp": "2025-13-29T15:50:13Z"}, id="month 13"),
        pytest.param({"contractId": ""}, id="no contract"),
        pytest.param({"contractId": "\ud800"}, id="a contract that is no text"),
        pytest.param({"id": 0}, id="no id"),
        pytest.param({"id": 2**63}, id="id beyond 64 bits"),
    ],
)
def test_an_odd_position_is_refused_with_its_account(changes: dict[str, Any]) -> None:
    seen = decode.hub("position_update", {"action": 1, "data": LONG | changes})

    assert isinstance(seen, Refused)
    assert (seen.account_id, seen.event) == (ACCOUNT, "position_update")
    assert next(iter(changes)) in seen.why


@pytest.mark.parametrize(
    "payload",
    [None, 1, "x", [], {}, {"action": 1}, {"action": 1, "data": None}, {"action": 9, "data": LONG}],
)
def test_what_is_no_position_is_refused(payload: object) -> None:
    seen = decode.hub("position_update", payload)

    assert isinstance(seen, Refused)


def test_an_unknown_event_is_refused() -> None:
    assert isinstance(decode.hub("trade_update", TRADE), Refused)


def test_a_refusal_shows_only_a_little_of_what_it_refused() -> None:
    seen = decode.hub("position_update", LONG | {"averagePrice": "secret" * 100})

    assert isinstance(seen, Refused)
    assert len(seen.why) < 120


def order(**changes: Any) -> OrderSeen:
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "order_id": OrderId(1700000001),
        "contract_id": MNQ,
        "status": OrderStatus.OPEN,
        "type": OrderType.STOP,
        "side": Side.SELL,
        "size": 1,
        "stop_price": Price(26_242_250_000_000),
        "parent_id": OrderId(1700000000),
        "tag": "bracket-SL",
    }
    return OrderSeen(**(fields | changes))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param({"action": 1, "data": ORDER}, order(), id="working stop"),
        pytest.param(
            {"action": 1, "data": STOP_FILLED | {"accountId": "9100001"}},
            order(status=OrderStatus.FILLED, filled=1, parent_id=None, tag=None),
            id="observed stop, filled",
        ),
        pytest.param(
            {"action": 2, "data": ORDER}, order(status=OrderStatus.CANCELLED), id="removed"
        ),
        pytest.param(
            {"action": 2, "data": ORDER | {"status": 2}},
            order(status=OrderStatus.FILLED),
            id="removed because filled",
        ),
        pytest.param(ORDER | {"status": 8}, order(status=OrderStatus.SUSPENDED), id="suspended"),
        pytest.param(ORDER | {"status": 0}, order(status=OrderStatus.NONE), id="status 0"),
        pytest.param(ORDER | {"type": 99}, order(type=OrderType.UNKNOWN), id="unknown type"),
        pytest.param(ORDER | {"stopPrice": 0.0}, order(stop_price=None), id="price 0 is none"),
        pytest.param(ORDER | {"parentOrderId": 0}, order(parent_id=None), id="parent 0 is none"),
        pytest.param(
            ORDER | {"updateTimestamp": "1970-01-01T01:00:00.123456789+01:00"},
            order(updated=Nanos(123_456_789)),
            id="nanoseconds and an offset",
        ),
        pytest.param(
            ORDER | {"updateTimestamp": "0001-01-01T00:00:00+00:00"}, order(), id="unset instant"
        ),
        pytest.param(ORDER | {"customTag": "a\ud800"}, order(tag="a?"), id="a tag half text"),
    ],
)
def test_an_order_is_read(payload: object, expected: OrderSeen) -> None:
    assert decode.hub("order_update", payload) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 9},
        {"status": None},
        {"side": 2},
        {"type": None},
        {"size": None},
        {"fillVolume": -1},
        {"updateTimestamp": "yesterday"},
        {"updateTimestamp": 5},
        {"limitPrice": float("nan")},
        {"customTag": 5},
    ],
)
def test_an_odd_order_is_refused(changes: dict[str, Any]) -> None:
    assert isinstance(decode.hub("order_update", ORDER | changes), Refused)


def test_an_order_that_names_no_account_is_refused_without_one() -> None:
    observed = {"id": 1700000101, "type": 4, "side": 1, "stopPrice": 26239.75}

    seen = decode.hub("order_update", observed)

    assert isinstance(seen, Refused)
    assert seen.account_id is None


def trade(**changes: Any) -> TradeSeen:
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "trade_id": TradeId(500000001),
        "contract_id": MNQ,
        "order_id": OrderId(1700000002),
        "side": Side.SELL,
        "size": 2,
        "price": Price(25_898_250_000_000),
        "realized": Usd(-70_000),
        "fees": Usd(7_400),
        "at": Nanos(1_761_931_279_000_000_100),
    }
    return TradeSeen(**(fields | changes))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param(TRADE, trade(), id="bare"),
        pytest.param({"action": 1, "data": TRADE}, trade(), id="wrapped"),
        pytest.param(TRADE | {"profitAndLoss": None}, trade(realized=None), id="opening half"),
        pytest.param(TRADE | {"profitAndLoss": 0}, trade(realized=Usd(0)), id="closed for nothing"),
        pytest.param(
            TRADE | {"commissions": 1.1}, trade(commissions=Usd(11_000)), id="commissions"
        ),
        pytest.param(TRADE | {"fees": None}, trade(fees=Usd(0)), id="no fees"),
        pytest.param(TRADE | {"voided": True}, trade(voided=True), id="voided"),
        pytest.param({"action": 2, "data": TRADE}, trade(voided=True), id="removed"),
        pytest.param(
            TRADE | {"profitAndLoss": 0.30000000000000004}, trade(realized=Usd(3_000)), id="doubles"
        ),
        pytest.param(TRADE | {"profitAndLoss": 7.8125}, trade(realized=Usd(78_125)), id="ZF"),
    ],
)
def test_a_trade_is_read(payload: object, expected: TradeSeen) -> None:
    assert decode.hub("trade_execution", payload) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"profitAndLoss": float("nan")},
        {"profitAndLoss": "7"},
        {"profitAndLoss": True},
        {"price": None},
        {"size": 0},
        {"creationTimestamp": None},
        {"voided": "no"},
    ],
)
def test_an_odd_trade_is_refused(changes: dict[str, Any]) -> None:
    assert isinstance(decode.hub("trade_execution", TRADE | changes), Refused)


@pytest.mark.parametrize("changes", [{"canTrade": True}, {"canTrade": False}, {"canTrade": None}])
def test_an_account_says_whether_it_can_trade_or_does_not(changes: dict[str, Any]) -> None:
    can_trade = changes["canTrade"]
    expected = AccountSeen(
        account_id=ACCOUNT, name="PRACTICE-1", balance=Usd(499_871_500), can_trade=can_trade
    )

    assert decode.hub("account_update", {"action": 1, "data": ROW | changes}) == expected
    assert decode.account(ROW | changes) == expected


def test_a_pushed_account_may_say_next_to_nothing_but_a_listed_one_has_a_name() -> None:
    assert decode.hub("account_update", {"id": 9100001}) == AccountSeen(account_id=ACCOUNT, name="")
    refused = Refused(account_id=ACCOUNT, event="account", why="name is missing")
    assert decode.account({"id": 9100001}) == refused


@pytest.mark.parametrize("changes", [{"id": None}, {"canTrade": 1}, {"balance": float("inf")}])
def test_an_odd_account_is_refused(changes: dict[str, Any]) -> None:
    assert isinstance(decode.hub("account_update", ROW | changes), Refused)


def test_rows_of_rest_are_read_the_same_way() -> None:
    assert decode.position(LONG) == position()
    assert decode.order(ORDER) == order()
    assert decode.trade(TRADE) == trade()
    assert isinstance(decode.order("no object"), Refused)


def test_a_row_that_is_and_is_not_open_is_unknown_not_flat() -> None:
    assert isinstance(decode.position(LONG | {"type": 0}), Refused)
    assert decode.position(FLAT) == position(size=0)
