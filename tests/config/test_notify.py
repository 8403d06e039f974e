"""The [notify] table: what is refused, with words that never repeat a secret."""

from pathlib import Path
from typing import Any

import pytest

from config.errors import ConfigError
from config.load import Loaded, understand
from config.secrets import notify_secrets
from tests.config.test_keys import BASE

HOOK = "discord://1234567890/token-that-nobody-shall-see"


def loaded(tmp_path: Path, **notify: Any) -> Loaded:
    document: dict[str, object] = {**BASE, "notify": notify}
    return understand(document, tmp_path / "riskwarden.toml")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shares", [0]),
        ("shares", [75, 100]),
        ("shares", ["75"]),
        ("shares", 75),
        ("events", ["locks"]),
        ("events", "lock"),
        ("heartbeat_every", "9s"),
        ("heartbeat_every", "2d"),
        ("heartbeat_every", "25h"),
        ("heartbeat_every", 60),
        ("heartbeat_method", "put"),
        ("urls", [HOOK]),
        ("urls", HOOK),
        ("urls", ["env:HOOK", 7]),
        ("heartbeat_url", "https://monitor.example/ping/token-that-nobody-shall-see"),
        ("colour", "red"),
    ],
)
def test_what_is_wrong_is_named_by_its_key_and_not_repeated(
    tmp_path: Path, key: str, value: object
) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(tmp_path, **{key: value})

    assert [one.key for one in told.value.problems] == [f"notify.{key}"]
    assert "nobody-shall-see" not in str(told.value)
    assert all(one.mend for one in told.value.problems)


def test_every_secret_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    one = loaded(tmp_path, urls=["env:A", "file:gone"], heartbeat_url="env:B")

    with pytest.raises(ConfigError) as told:
        notify_secrets(one.config.notify, one.file, {"C": "x"})

    keys = [problem.key for problem in told.value.problems]
    assert keys == ["notify.urls", "notify.urls", "notify.heartbeat_url"]


def test_what_stands_behind_the_places_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text(f"{HOOK}\n")
    one = loaded(tmp_path, urls=["file:hook"], heartbeat_url="env:B")

    secrets = notify_secrets(one.config.notify, one.file, {"B": "https://monitor.example/x"})

    assert [url.reveal() for url in secrets.urls] == [HOOK]
    assert secrets.heartbeat is not None
    assert secrets.heartbeat.reveal() == "https://monitor.example/x"
    assert HOOK not in repr(secrets)


@pytest.mark.parametrize("text", ["monitor", "ftp://monitor.example/secret-4711", "https://"])
def test_a_monitor_that_cannot_be_called_is_refused_unseen(tmp_path: Path, text: str) -> None:
    one = loaded(tmp_path, heartbeat_url="env:B")

    with pytest.raises(ConfigError) as told:
        notify_secrets(one.config.notify, one.file, {"B": text})

    assert "notify.heartbeat_url" in str(told.value)
    assert "4711" not in str(told.value)
