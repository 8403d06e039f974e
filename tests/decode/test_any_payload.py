"""Whatever arrives: a message or a refusal that the journal can hold, and never an exception."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.adapters import decode
from actors.adapters.decode_fields import instant, money, price
from protocol.answers import Refused
from protocol.codec import Recorded, encode
from protocol.codec import decode as decode_record
from protocol.market_facts import QuoteSeen
from protocol.message import Message
from protocol.units import Nanos, Now

from .test_account_objects import LONG, ORDER, ROW, TRADE
from .test_market_objects import CONTRACT, MNQ, QUOTE

EVENTS = ("account_update", "position_update", "order_update", "trade_execution", "quote_update")
VALID = {
    "account_update": ROW,
    "position_update": LONG,
    "order_update": ORDER,
    "trade_execution": TRADE,
    "quote_update": QUOTE | {"contractId": MNQ},
}
KEYS = sorted({key for row in (*VALID.values(), CONTRACT) for key in row} | {"action", "data"})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 9)
    | st.floats()
    | st.text()
    | st.text(st.characters(codec=None))
    | st.sampled_from([MNQ, "F.US.MNQ", "2025-10-29T15:50:13.776995+00:00", 2**63, 10**4000, ""])
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=8)
    ),
)


def journalled(message: object) -> None:
    assert isinstance(message, Message)
    record = Recorded(now=Now(Nanos(0), Nanos(0)), actor="", entered=True, message=message)
    assert decode_record(encode(record)) == record


@given(st.sampled_from([*EVENTS, "heartbeat"]), JSON)
def test_any_json_gives_messages_that_the_journal_can_hold(event: str, payload: object) -> None:
    seen = decode.hub(event, payload)

    for message in seen if isinstance(seen, tuple) else (seen,):
        journalled(message)


@given(st.sampled_from(EVENTS), st.data())
def test_one_odd_field_gives_a_message_or_a_refusal(event: str, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(VALID[event])))
    row = VALID[event] | {key: data.draw(JSON)}

    journalled(decode.hub(event, {"action": 1, "data": row}))


@given(JSON)
def test_any_row_gives_a_message_or_a_refusal(row: object) -> None:
    for read in (decode.account, decode.position, decode.order, decode.trade):
        journalled(read(row))
    decode.instrument(row)


def test_endless_nesting_is_refused() -> None:
    payload: object = LONG
    for _ in range(5_000):
        payload = {"action": 1, "data": [payload]}

    assert isinstance(decode.hub("position_update", payload), Refused)


def test_what_is_too_much_is_refused() -> None:
    seen = decode.hub("position_update", [LONG] * 5_001)

    assert isinstance(seen, tuple)
    assert [type(one) for one in seen] == [Refused]
    immense = decode.hub("order_update", ORDER | {"size": 10**5000})
    assert isinstance(immense, Refused)
    assert "huge" in immense.why


@given(st.decimals(0, 9_000_000_000, places=9, allow_nan=False))
def test_a_price_survives_the_double_it_came_in(amount: Decimal) -> None:
    double = float(amount)
    exact = int((Decimal(repr(double)) * 10**9).to_integral_value())

    assert (price({"p": double}, "p") or 0) == exact


@given(st.decimals(-10_000_000, 10_000_000, places=4, allow_nan=False))
def test_money_survives_the_double_it_came_in(amount: Decimal) -> None:
    assert money({"m": float(amount)}, "m") == int(amount * 10_000)


@given(st.datetimes(timezones=st.timezones()), st.integers(0, 999))
def test_an_instant_is_read_to_the_nanosecond(moment: Any, nanos: int) -> None:
    written = moment.isoformat(timespec="microseconds")
    offset = written[26:]
    whole = int(Decimal(str(moment.replace(microsecond=0).timestamp())))
    if len(offset) > 6 or not 1970 < moment.year < 2262:
        return

    seen = instant({"t": f"{written[:26]}{nanos:03d}{offset}"}, "t")

    assert seen == whole * 10**9 + moment.microsecond * 1_000 + nanos


def test_a_decoded_message_is_immutable() -> None:
    seen = decode.hub("quote_update", {"contract_id": MNQ, "data": QUOTE})

    assert isinstance(seen, QuoteSeen)
    with pytest.raises(AttributeError):
        seen.last = None  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    assert hash(seen) == hash(decode.hub("quote_update", {"contract_id": MNQ, "data": QUOTE}))
