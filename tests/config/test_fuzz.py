"""Whatever stands in the file: it loads, or `ConfigError` says why not."""

import datetime as dt
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import RULES
from config.errors import ConfigError, render_json, render_text
from config.load import load, understand
from config.secrets import parse_ref

FILE = Path("/etc/riskwarden/riskwarden.toml")
KEYS = st.sampled_from(
    [
        *("service", "logins", "accounts", "data_dir", "http", "name", "username", "api_key"),
        *("api_url", "login", "id", "mode", "mark", "include_fees", "reset", "at", "zone"),
        *("rules", "limit", "combined", "scope", "count", "on_breach", "weights", *RULES),
    ]
)
LIKELY = st.sampled_from(
    [
        *("main", "env:KEY", "file:k", "credential:k", "https://x.example", "http://[::1]:1"),
        *("127.0.0.1:1", "[::1]:99999", "enforce", "shadow", "last", "0 17 * * *", "* * * * *"),
        *("0 0 31 2 *", "America/Chicago", "Europe", "net", "close", "account", "-1e9999999"),
    ]
)
SCALARS = st.one_of(
    LIKELY,
    st.text(max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
)


def tables(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(KEYS | st.text(max_size=8), values, max_size=8)


VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | tables(inner), max_leaves=12
)
RULE = tables(SCALARS)
ACCOUNT = st.fixed_dictionaries(
    {"login": st.just("main")},
    optional={
        "id": st.integers(-1, 3) | VALUES,
        "name": LIKELY,
        "mode": LIKELY,
        "mark": VALUES,
        "reset": st.fixed_dictionaries({}, optional={"at": LIKELY, "zone": LIKELY}) | VALUES,
        "rules": st.dictionaries(st.sampled_from(list(RULES)), RULE) | VALUES,
    },
)
LOGIN = st.fixed_dictionaries(
    {"name": LIKELY, "username": LIKELY, "api_key": LIKELY},
    optional={"api_url": LIKELY | st.text(max_size=30)},
)
DOCUMENTS = st.fixed_dictionaries(
    {"logins": st.lists(LOGIN, max_size=3), "accounts": st.lists(ACCOUNT, max_size=3)},
    optional={"service": tables(SCALARS)},
)


def judge(document: dict[str, Any]) -> None:
    try:
        loaded = understand(document, FILE)
    except ConfigError as error:
        found = error.problems
        assert found
    else:
        found = loaded.warnings
    assert all(problem.what and problem.file for problem in found)
    assert render_text(found).replace("\n", "").isprintable()
    assert render_json(found)


@given(tables(VALUES) | DOCUMENTS)
def test_arbitrary_tables_load_or_say_why_not(document: dict[str, Any]) -> None:
    judge(document)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_arbitrary_bytes_load_or_say_why_not(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.toml"
        path.write_bytes(content)
        with suppress(ConfigError):
            load(path)


@given(st.text())
def test_no_complaint_shows_what_stood_for_a_secret(text: str) -> None:
    with pytest.raises(ValueError, match="is not env:NAME") as caught:
        parse_ref(f"hunter2{text}")

    assert "hunter2" not in str(caught.value)


@given(st.text(min_size=3), st.dates(min_value=dt.date(1, 1, 1)))
def test_a_key_cannot_steer_a_terminal(key: str, value: dt.date) -> None:
    judge({key: value})
