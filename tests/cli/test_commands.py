import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.rules import RULES
from protocol.control import ServiceStatus
from tests.cli.conftest import Command
from tests.guardian.service import KEY, account, environment, login, riskwarden, run

NOWHERE = "http://127.0.0.1:1"

type Write = Callable[..., str]


def test_help_imports_next_to_nothing() -> None:
    line = [sys.executable, "-P", "-X", "importtime", "-m", "ops.cli", "--help"]

    ended = subprocess.run(line, check=True, capture_output=True, text=True, env=environment())

    assert "guard the configured accounts" in ended.stdout
    assert "desk" not in ended.stdout.split("options:")[0]
    imported = {row.rpartition("|")[2].strip() for row in ended.stderr.splitlines()}
    assert not imported & {"asyncio", "msgspec", "lmdb", "starlette", "config", "actors"}


def test_a_wrong_command_line_is_a_configuration_error(command: Command) -> None:
    code, _, err = command("bogus")

    assert code == 3
    assert "invalid choice: 'bogus'" in err


def test_the_file_may_stand_in_the_environment(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RISKWARDEN_CONFIG", str(tmp_path / "elsewhere.toml"))

    code, out, _ = command("check")

    assert code == 3
    assert "elsewhere.toml" in out


def test_check_warns_and_passes(
    command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROJECT_X_USERNAME", "trader")
    monkeypatch.setenv("PROJECT_X_API_KEY", KEY)
    parts = login(NOWHERE), account(more='mode = "shadow"')

    code, out, _ = command("check", "--config", write(*parts))
    coded, told, _ = command("check", "--json", "--config", write(*parts))

    assert (code, coded) == (0, 0)
    assert "shadow: nothing is enforced on this account" in out
    assert "nothing is wrong with it" in out
    assert json.loads(told)["problems"] == []
    assert json.loads(told)["warnings"][0]["key"] == "accounts[1001].mode"


def test_check_tells_programs_every_problem(command: Command, write: Write) -> None:
    code, out, _ = command("check", "--json", "--config", write(login(NOWHERE, "two words")))

    assert code == 3
    assert {problem["key"] for problem in json.loads(out)["problems"]} >= {"accounts"}


def test_status_of_nothing(command: Command, write: Write) -> None:
    code, out, err = command("status", "--json", "--config", write(login(NOWHERE), account()))

    assert (code, json.loads(out)["code"]) == (1, 1)
    assert "no service is running" in err
    assert "riskwarden run" in err


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        file, port = at_port_of(other, tmp_path)
        code, _, err = await run("run", "--config", file)

    assert code == 3
    assert f"127.0.0.1:{port} cannot be used: Address already in use" in err


async def test_status_of_something_else(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n<html>")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        file, port = at_port_of(other.sockets[0], tmp_path)
        code, out, err = await run("status", "--config", file)

    assert (code, out) == (1, "")
    assert f"something else answers at 127.0.0.1:{port}" in err


def at_port_of(listener: Any, folder: Path) -> tuple[str, int]:
    port: int = listener.getsockname()[1]
    file = folder / "riskwarden.toml"
    head = f'[service]\nhttp = "127.0.0.1:{port}"\n'
    file.write_text(head + login(NOWHERE) + account(), encoding="utf-8")
    return str(file), port


def test_every_rule_is_listed_with_its_keys(command: Command) -> None:
    code, out, _ = command("rules")
    coded, told, _ = command("rules", "--json")

    assert (code, coded) == (0, 0)
    rules = json.loads(told)["rules"]
    assert [rule["name"] for rule in rules] == list(RULES)
    for rule in rules:
        assert f"{rule['code']} {rule['name']}" in out
        assert rule["what"]
        assert {"key": "mode", "write": 'one of "enforce", "shadow"', "default": '"enforce"'} in (
            rule["keys"]
        )


def test_the_simulator_says_what_it_cannot_play(command: Command) -> None:
    code, _, err = command("sim", "--scenario", "no-such-thing", "--port", "0")

    assert code == 3
    assert "no-such-thing" in err


def test_the_simulator_says_when_its_port_is_taken(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        code, _, err = command("sim", "--port", str(other.getsockname()[1]))

    assert code == 3
    assert "cannot be used" in err


def test_the_simulator_plays_until_it_is_told_to_end() -> None:
    line = riskwarden("sim", "--port", "0")
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        assert "simulated Gateway at http://127.0.0.1:" in process.stdout.readline()
        process.terminate()

    assert process.returncode == 0


def test_the_status_contract_holds_every_key_of_the_issue() -> None:
    names = set(msgspec.json.schema(ServiceStatus)["$defs"]["AccountStatus"]["properties"])

    assert names >= {"id", "name", "login", "state", "mode", "locked", "lockouts"}
    assert names >= {"realized", "unrealized", "positions", "rules", "enforcements"}
