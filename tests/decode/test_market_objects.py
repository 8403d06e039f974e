"""Quotes and contracts' records: partial, prefixed, zero and odd."""

from typing import Any

import pytest
from msgspec.structs import replace

from actors.adapters import decode
from protocol.account_facts import Instrument
from protocol.answers import Refused
from protocol.market_facts import Fault, QuoteSeen
from protocol.units import ContractId, Nanos, Price, Usd

MNQ = ContractId("CON.F.US.MNQ.Z25")
QUOTE = {
    "symbol": "F.US.MNQ",
    "symbolName": "/MNQ",
    "lastPrice": 26271.5,
    "bestBid": 26271.0,
    "bestAsk": 26271.75,
    "volume": 1,
    "timestamp": "2025-10-30T19:19:41.1+00:00",
}
LAST, BID, ASK = (
    Price(26_271_500_000_000),
    Price(26_271_000_000_000),
    Price(26_271_750_000_000),
)
AT = Nanos(1_761_851_981_100_000_000)
FULL = QuoteSeen(contract_id=MNQ, last=LAST, bid=BID, ask=ASK, at=AT)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({"contract_id": MNQ, "data": QUOTE}, id="as the SDK passes it on"),
        pytest.param(
            {"contract_id": MNQ, "data": {"action": 1, "data": QUOTE}}, id="wrapped twice"
        ),
        pytest.param(QUOTE | {"contractId": MNQ}, id="bare, naming its contract"),
        pytest.param({"contract_id": MNQ, "data": [QUOTE]}, id="a list of one"),
        pytest.param({"contract_id": "unknown", "data": QUOTE | {"contractId": MNQ}}, id="unknown"),
    ],
)
def test_a_quote_is_read_from_every_shape(payload: object) -> None:
    assert decode.hub("quote_update", payload) == FULL


def test_the_market_hubs_own_list_is_read() -> None:
    assert decode.hub("quote_update", [MNQ, QUOTE]) == (FULL,)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param({"symbol": "F.US.MNQ"}, {}, id="nothing but the symbol"),
        pytest.param({"bestBid": 26271}, {"bid": BID}, id="only the bid, an integer"),
        pytest.param({"bestAsk": 26271.75, "bestBid": None}, {"ask": ASK}, id="only the ask"),
        pytest.param(
            {"lastPrice": 0.0, "bestBid": 26271.0},
            {"bid": BID, "faults": (Fault.ZERO,)},
            id="lesson 38: last 0 is none",
        ),
        pytest.param(
            {"lastPrice": 0, "bestBid": 0, "bestAsk": 0}, {"faults": (Fault.ZERO,) * 3}, id="all 0"
        ),
        pytest.param({"lastPrice": -0.0}, {"faults": (Fault.ZERO,)}, id="minus 0"),
        pytest.param(
            {"bid": 26271.0, "ask": 26271.75, "last_price": 0.0},
            {"bid": BID, "ask": ASK, "faults": (Fault.ZERO,)},
            id="the SDK's names",
        ),
        pytest.param(
            {"lastPrice": 26271.5, "bestBid": 26271.75, "bestAsk": 26271.0},
            {"last": LAST, "faults": (Fault.CROSSED,)},
            id="crossed: neither side",
        ),
        pytest.param(
            {"bestBid": 26271.0, "bestAsk": 26271.0}, {"bid": BID, "ask": BID}, id="locked"
        ),
        pytest.param(
            {"lastUpdated": "2025-10-30T19:19:41.1Z", "timestamp": None}, {"at": AT}, id="updated"
        ),
    ],
)
def test_a_partial_quote_says_what_it_says(data: dict[str, Any], expected: dict[str, Any]) -> None:
    seen = decode.hub("quote_update", {"contract_id": MNQ, "data": data})

    assert seen == QuoteSeen(contract_id=MNQ, **expected)


@pytest.mark.parametrize("key", ["lastPrice", "bestBid", "bestAsk"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), -1.0, -1, 1e300])
def test_i7_a_number_that_is_no_price_is_left_out_and_noted(key: str, number: float) -> None:
    seen = decode.hub("quote_update", {"contract_id": MNQ, "data": QUOTE | {key: number}})

    field = {"lastPrice": "last", "bestBid": "bid", "bestAsk": "ask"}[key]
    assert seen == replace(FULL, **{field: None}, faults=(Fault.NO_PRICE,))


@pytest.mark.parametrize(
    "changes",
    [
        {"bestBid": True},
        {"bestBid": "26271.0"},
        {"bestBid": [26271.0]},
        {"timestamp": "now"},
        {"timestamp": "2025-10-30T19:19:41"},
        {"timestamp": "1900-01-01T00:00:00Z"},
        {"timestamp": "2999-01-01T00:00:00Z"},
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any]) -> None:
    seen = decode.hub("quote_update", {"contract_id": MNQ, "data": QUOTE | changes})

    assert isinstance(seen, Refused)
    assert next(iter(changes)) in seen.why


def test_a_quote_of_nothing_is_refused() -> None:
    assert isinstance(decode.hub("quote_update", {"contract_id": None, "data": {}}), Refused)
    assert isinstance(decode.hub("quote_update", {"contract_id": MNQ, "data": None}), Refused)
    assert isinstance(decode.hub("quote_update", {"contract_id": 7, "data": QUOTE}), Refused)


def test_a_quote_that_names_only_its_symbol_keeps_that_name() -> None:
    assert decode.hub("quote_update", {"symbol": "F.US.MNQ"}) == QuoteSeen(
        contract_id=ContractId("F.US.MNQ")
    )


CONTRACT = {
    "id": "CON.F.US.EP.Z25",
    "name": "ESZ5",
    "tickSize": 0.25,
    "tickValue": 12.5,
    "activeContract": True,
    "symbolId": "F.US.EP",
}
ES = Instrument(
    contract_id=ContractId("CON.F.US.EP.Z25"),
    root="EP",
    name="ESZ5",
    tick_size=Price(250_000_000),
    tick_value=Usd(125_000),
)


@pytest.mark.parametrize("symbol", ["F.US.EP", None, "", "EP", 7, "F.US."])
def test_a_root_comes_from_the_symbol_or_the_contract(symbol: object) -> None:
    assert decode.instrument(CONTRACT | {"symbolId": symbol}) == ES


def test_small_and_uneven_ticks_are_exact() -> None:
    yen = decode.instrument(CONTRACT | {"tickSize": 0.0000005, "tickValue": 6.25})
    five_year = decode.instrument(CONTRACT | {"tickSize": 0.0078125, "tickValue": 7.8125})

    assert isinstance(yen, Instrument)
    assert yen.tick_size == 500
    assert isinstance(five_year, Instrument)
    assert (five_year.tick_size, five_year.tick_value) == (7_812_500, 78_125)


@pytest.mark.parametrize(
    "changes",
    [
        {"tickSize": 0},
        {"tickSize": None},
        {"tickSize": -0.25},
        {"tickValue": 0.0},
        {"tickValue": None},
        {"tickValue": float("nan")},
        {"tickValue": 0.00001},
        {"tickValue": "12.5"},
        {"id": "EP", "symbolId": None},
    ],
)
def test_an_instrument_without_economics_is_refused(changes: dict[str, Any]) -> None:
    assert isinstance(decode.instrument(CONTRACT | changes), Refused)
