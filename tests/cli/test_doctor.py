"""`riskwarden doctor` against the simulated Gateway and its faults."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.sim.scenario import AccountRow, Scenario, load
from ops.sim.server import SimServer
from tests.cli.conftest import Command
from tests.guardian.conftest import Build, service
from tests.guardian.service import account, login, run

__all__ = ["service"]
NOWHERE = "http://127.0.0.1:1"

type Write = Callable[..., str]
type Checks = list[dict[str, Any]]


async def examine(file: str | Path, *options: str, **env: str) -> tuple[int, Checks]:
    code, out, err = await run(
        "doctor", "--json", "--config", str(file), *options, patience_s=30, **env
    )
    assert err == ""
    report = json.loads(out)
    assert report["code"] == code
    return code, report["checks"]


def of(checks: Checks, name: str) -> dict[str, Any]:
    found = [one for one in checks if one["check"] == name]
    assert found, [one["check"] for one in checks]
    worst = ["problem", "warning", "cannot tell", "note", "ok"]
    return min(found, key=lambda one: worst.index(one["verdict"]))


async def test_a_sound_installation_is_said_to_be_sound(sim: SimServer, write: Write) -> None:
    _, checks = await examine(write(login(sim.url), account()))

    sound = ["configuration", "secrets", "calendars", "zone data", "port", "request budget"]
    for name in [*sound, "login", "accounts", "clock"]:
        assert of(checks, name)["verdict"] == "ok", of(checks, name)
    for name in ("disk space", "disk speed", "data folder", "sleep", "notices"):
        assert of(checks, name)["what"]
    assert of(checks, "bracket mode")["verdict"] == "cannot tell"
    assert "practice" in of(checks, "accounts")["what"]


async def test_everything_that_is_not_right_says_why_and_how_to_mend_it(
    sim: SimServer, write: Write
) -> None:
    sim.faults.set(clock_offset_ms=-120_000)
    code, checks = await examine(write(login(sim.url), account("id = 99"), account()))

    assert code == 3
    assert "+120" in of(checks, "clock")["what"] or "+119" in of(checks, "clock")["what"]
    assert "account 99 is not listed" in of(checks, "accounts")["what"]
    for one in checks:
        if one["verdict"] in {"warning", "problem"}:
            assert one["why"], one
            assert one["mend"], one


async def test_an_account_that_may_not_trade_is_the_gateways_problem(write: Write) -> None:
    world = load("default")
    rows = [AccountRow(id=1001, name="PRACTICE-1", can_trade=False)]
    barred = Scenario(accounts=rows, contracts=world.contracts)
    async with SimServer(barred) as sim:
        code, checks = await examine(write(login(sim.url), account()))

    assert of(checks, "accounts")["verdict"] == "problem"
    assert "may not trade" in of(checks, "accounts")["what"]
    assert of(checks, "accounts")["code"] == 4
    assert code in (3, 4)  # 3 where the test's own folder is in memory


async def test_a_wrong_key_and_a_gateway_that_is_gone_are_told_apart(
    sim: SimServer, write: Write
) -> None:
    file = write(login(sim.url), account())
    _, wrong = await examine(file, PROJECT_X_API_KEY="another-key-0123456789")
    _, gone = await examine(write(login(NOWHERE), account()))

    assert "refuses the login" in of(wrong, "login")["what"]
    assert "another-key" not in json.dumps(wrong)
    assert "cannot be reached" in of(gone, "login")["what"]
    assert {of(one, "login")["code"] for one in (wrong, gone)} == {4}


async def test_what_cannot_be_valued_is_named(sim: SimServer, write: Write) -> None:
    contract = "CON.F.US.MNQ.Z26"
    await sim.price(contract, 21_000)
    await sim.order(1001, contract, "buy", 1)
    _, checks = await examine(write(login(sim.url), account()))

    assert of(checks, "contracts")["verdict"] == "ok"
    assert "a tick of 0.25 is worth 0.50" in of(checks, "contracts")["what"]


def test_without_a_configuration_its_problems_are_all_there_is(
    command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROJECT_X_USERNAME", raising=False)
    monkeypatch.delenv("PROJECT_X_API_KEY", raising=False)
    broken, text, _ = command("doctor", "--config", write(login("no address"), account()))
    missing, told, _ = command("doctor", "--offline", "--config", write(login(NOWHERE), account()))

    assert (broken, missing) == (3, 3)
    assert "PROBLEM configuration: " in text
    assert "riskwarden.toml: logins[main].api_url" in text
    assert "PROBLEM secrets: " in told
    assert "riskwarden.toml: logins[main].username" in told
    assert "mend:" in text
    assert "the Gateway was not asked" in told


def test_the_places_of_the_marks_are_named_and_one_that_cannot_be_written_is_a_warning(
    command: Command, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state-of-the-service"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    file = write(login(NOWHERE), account())
    _, sound, _ = command("doctor", "--offline", "--json", "--config", file)
    state.touch()
    code, broken, _ = command("doctor", "--offline", "--json", "--config", file)

    fine, bad = (of(json.loads(told)["checks"], "marks") for told in (sound, broken))
    assert fine["verdict"] == "ok"
    assert str(state / "riskwarden" / "marks") in fine["what"]
    assert (bad["verdict"], code) == ("warning", json.loads(broken)["code"])
    assert code != 0
    assert f"{state / 'riskwarden' / 'marks'} cannot be written: Not a directory" in bad["what"]
    assert bad["why"]
    assert bad["mend"]


async def test_a_product_that_is_not_listed_is_named_with_what_to_write(
    sim: SimServer, write: Write
) -> None:
    rules = "[accounts.rules.max_contracts_per_instrument]\nlimits = { MNQ = 1, NOPE = 1 }\n"

    code, checks = await examine(write(login(sim.url), account(rules=rules)))

    assert (code, of(checks, "products")["verdict"]) == (3, "problem")
    assert "NOPE" in of(checks, "products")["what"]
    assert of(checks, "products")["mend"]
    assert any("named and listed: MNQ" in one["what"] for one in checks)


async def test_a_port_is_ours_while_the_service_runs(sim: SimServer, service: Build) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()

    _, checks = await examine(one.file)

    assert "the service runs, and answers at" in of(checks, "port")["what"]
    assert (await one.account()).state == "armed"
