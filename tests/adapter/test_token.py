"""What a token says of its end, and what is made of it."""

import json
import time
from base64 import urlsafe_b64encode

import pytest

from actors.adapters.projectx import Broker
from actors.adapters.projectx_answers import masked
from actors.adapters.projectx_token import expiry


def token(**claims: object) -> str:
    body = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"header.{body}.signature"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (token(exp=1_800_000_000), 1_800_000_000),
        (token(exp=1.5), 1.5),
        (token(), None),
        (token(exp="soon"), None),
        ("", None),
        ("a.b.c", None),
        ("a.\u00e9.c", None),
        ("opaque", None),
    ],
)
def test_a_token_may_say_when_it_ends(text: str, end: float | None) -> None:
    assert expiry(text) == end


@pytest.mark.parametrize(
    ("life", "after"),
    [
        pytest.param(86_400, 85_800, id="ten minutes early"),
        pytest.param(100, 50, id="a short life: at its half"),
        pytest.param(-3_600, 82_200, id="our clock is wrong"),
        pytest.param(None, 82_200, id="no word of it"),
    ],
)
async def test_a_token_is_renewed_before_its_end_and_never_at_once(
    life: int | None, after: float
) -> None:
    nowhere = "http://127.0.0.1:9"
    rest = Broker(
        username="trader",
        api_key="sim-key-0123456789",
        api_url=nowhere,
        user_hub_url=nowhere,
        market_hub_url=nowhere,
        on_event=lambda _event, _payload: None,
        on_notice=lambda _notice: None,
        mono=time.monotonic_ns,
    )._rest

    rest._take("opaque" if life is None else token(exp=time.time() + life))

    assert rest.renew_at - time.time() == pytest.approx(after, abs=30)
    assert not rest._should_refresh_token()


def test_a_token_is_taken_out_of_any_text() -> None:
    secret = "eyJhbGciOiJub25lIn0." + "eyJleHAiOjF9" + ".c2ln"

    assert masked(f"ws://host/hubs/user?access_token={secret}&id=1") == (
        "ws://host/hubs/user?access_token=***&id=1"
    )
