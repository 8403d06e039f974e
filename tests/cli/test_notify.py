"""`riskwarden notify test`, with real webhooks."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.cli.conftest import Command
from tests.guardian.service import KEY, account, login
from tests.notify.sink import Sink

NOWHERE = "http://127.0.0.1:1"
TABLE = '[notify]\nurls = ["env:GOOD", "env:BAD"]\n'


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    one = Sink()
    monkeypatch.setenv("GOOD", one.url())
    monkeypatch.setenv("BAD", "json://127.0.0.1:1/hook-secret-4711?cto=1")
    monkeypatch.setenv("PROJECT_X_USERNAME", "trader")
    monkeypatch.setenv("PROJECT_X_API_KEY", KEY)
    yield one
    one.close()


def test_it_says_for_each_target_what_happened(
    command: Command, write: Callable[..., str], sink: Sink
) -> None:
    file = write(TABLE, login(NOWHERE), account())

    code, out, _ = command("notify", "test", "--config", file)
    coded, told, _ = command("notify", "test", "--json", "--config", file)

    assert (code, coded) == (1, 1)
    assert "json (notify.urls, number 1): taken" in out
    assert "json (notify.urls, number 2): FAILED" in out
    assert "4711" not in out + told
    assert [one["arrived"] for one in json.loads(told)["targets"]] == [True, False]
    assert sink.titles() == ["riskwarden: a test"] * 2


def test_it_is_fine_when_all_arrive(
    command: Command, write: Callable[..., str], sink: Sink
) -> None:
    table = '[notify]\nurls = ["env:GOOD"]\nheartbeat_url = "env:BEAT"\n'
    file = write(table, login(NOWHERE), account())

    missing, _, err = command("notify", "test", "--config", file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEAT", f"http://127.0.0.1:{sink.port}/beat")
        code, out, _ = command("notify", "test", "--config", file)

    assert missing == 3
    assert "BEAT" in err
    assert code == 0
    assert "not called by a test" in out
    assert [path for _, path in sink.calls] == ["/hook-secret-4711"]


def test_nothing_to_test_is_a_configuration_error(
    command: Command, write: Callable[..., str]
) -> None:
    code, _, err = command("notify", "test", "--config", write(login(NOWHERE), account()))

    assert code == 3
    assert "urls =" in err


def test_check_names_an_address_that_is_missing(
    command: Command, write: Callable[..., str], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BAD")
    code, out, _ = command("check", "--config", write(TABLE, login(NOWHERE), account()))

    assert sink.calls == []
    assert code == 3
    assert "notify.urls" in out
