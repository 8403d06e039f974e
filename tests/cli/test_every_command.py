"""Every command there is, by the command line's own word: help, JSON, and errors that help."""

import argparse
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.cli import HIDDEN, Parser, parser
from tests.cli.conftest import Command
from tests.guardian.service import KEY, account, login

README = Path(__file__).parents[2] / "README.md"
NOWHERE = "http://127.0.0.1:1"
WRONG_KEY = "not-the-key-9876543210"

type Write = Callable[..., str]


def commands() -> dict[str, Parser]:
    """Return every command that `--help` lists; the guardian's own have no line there."""
    (found,) = [one for one in parser()._actions if isinstance(one, argparse._SubParsersAction)]
    listed = {one.dest for one in found._choices_actions}
    assert {f"'{name}'" for name in found.choices if name not in listed} == set(
        HIDDEN.removesuffix(", ").split(", ")
    ), "what is not listed is hidden on purpose"
    return {name: one for name, one in found.choices.items() if name in listed}


ALL = commands()
PEOPLES = sorted(ALL)
CONFIGURED = [
    name for name in PEOPLES if any("--config" in one.option_strings for one in ALL[name]._actions)
]
MORE = {
    "notify": ("test",),
    "explain": ("1001/daily_realized_loss/1",),
    "replay": ("--account", "1001"),
    "backup": ("--to", "elsewhere"),
    "drill": ("--account", "PRACTICE-1001"),
}
"""What a command cannot do without, or what makes it read its configuration."""


def problems(out: str, err: str) -> Iterator[str]:
    """Yield what was said, line by line, on either side; a program is told in JSON."""
    yield from err.splitlines()
    yield from (json.dumps(json.loads(out), indent=1) if out.startswith("{") else out).splitlines()


def test_the_table_knows_every_command() -> None:
    assert set(MORE) <= set(PEOPLES)
    assert set(CONFIGURED) == set(PEOPLES) - {"sim", "demo", "soak"}


def test_no_command_is_lost_unnoticed() -> None:
    """One was, once, with its tests and its lines in the README."""
    known = "backup check demo doctor drill explain notify reload replay rules run sim smoke soak "
    known += "status top trace verify"

    assert sorted(known.split()) == PEOPLES


def test_the_readme_lists_every_command() -> None:
    rows = [line for line in README.read_text("utf-8").splitlines() if line.startswith("| `risk")]
    listed = [name for row in rows for name in re.findall(r"`riskwarden (\w+)", row)]

    assert sorted(listed) == PEOPLES


@pytest.mark.parametrize("name", PEOPLES)
def test_help_says_what_a_command_is_for_and_every_option_does(command: Command, name: str) -> None:
    code, out, err = command(name, "--help")
    coded, listed, _ = command("--help")

    assert (code, err, coded) == (0, "", 0)
    assert f"usage: riskwarden {name}" in out
    assert f"  {name} " in listed or f"  {name}\n" in listed
    silent = [one.dest for one in ALL[name]._actions if not one.help]
    assert silent == []


@pytest.mark.parametrize("name", PEOPLES)
def test_every_command_speaks_to_programs(name: str) -> None:
    assert any("--json" in one.option_strings for one in ALL[name]._actions)


@pytest.mark.parametrize("name", PEOPLES)
def test_a_wrong_option_is_named_and_is_a_configuration_error(command: Command, name: str) -> None:
    code, out, err = command(name, *MORE.get(name, ()), "--bogus")

    assert (code, out) == (3, "")
    assert "--bogus" in err
    assert "usage: riskwarden" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", CONFIGURED)
def test_a_bad_configuration_says_what_where_why_and_how_to_mend_it(
    command: Command, write: Write, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PROJECT_X_API_KEY", KEY)
    file = write(login(NOWHERE, key=WRONG_KEY), account(more="limt = 5"))

    code, out, err = command(name, *MORE.get(name, ()), "--config", file)

    said = "\n".join(problems(out, err))
    assert code == 3
    assert file in said
    assert "accounts[1001].limt" in said, "where"
    assert "what: unknown key" in said or "no such key" in said or "limt" in said, "what"
    assert "logins[main].api_key" in said
    assert "why:" in said
    assert "ends up in backups" in said, "why"
    assert "mend:" in said
    assert "env:PROJECT_X_API_KEY" in said, "mend"
    assert WRONG_KEY not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", sorted({*CONFIGURED} - {"run", "doctor"}))
def test_a_program_is_told_of_a_bad_configuration_in_one_document(
    command: Command, write: Write, name: str
) -> None:
    file = write(login(NOWHERE, key=WRONG_KEY), account(more="limt = 5"))

    code, out, _ = command(name, *MORE.get(name, ()), "--json", "--config", file)

    assert code == 3
    found = {one["key"]: one for one in json.loads(out)["problems"]}
    assert found["accounts[1001].limt"]["what"] == "unknown key"
    assert found["logins[main].api_key"]["mend"]
    assert WRONG_KEY not in out


@pytest.mark.parametrize("name", CONFIGURED)
def test_a_configuration_that_is_not_there_is_named(
    command: Command, tmp_path: Path, name: str
) -> None:
    file = str(tmp_path / "nowhere.toml")

    code, out, err = command(name, *MORE.get(name, ()), "--config", file)

    said = "\n".join(problems(out, err))
    assert code == 3
    assert "nowhere.toml" in said
    assert "there is no such file" in said
    assert "config/defaults" in said
    assert "Traceback" not in said


ASKING = ("status", "top", "reload", "trace", "rules")


@pytest.mark.parametrize("name", ASKING)
def test_a_service_that_does_not_run_is_said_so(command: Command, write: Write, name: str) -> None:
    code, out, err = command(name, "--json", "--config", write(login(NOWHERE), account()))

    assert (code, json.loads(out)["code"]) == (1, 1)
    assert "no service is running" in err
    assert json.loads(out)["error"] in err
    assert "start it with `riskwarden run`" in err


PAST = ("explain", "replay", "verify", "backup")


@pytest.mark.parametrize("name", PAST)
def test_a_past_that_was_never_recorded_is_said_so(
    command: Command, write: Write, name: str
) -> None:
    file = write(login(NOWHERE), account())

    code, out, err = command(name, *MORE.get(name, ()), "--json", "--config", file)

    assert (code, json.loads(out)["code"]) == (3, 3)
    assert "nothing was ever recorded here" in err
    assert "nothing was ever recorded here" in json.loads(out)["error"]
    assert "data_dir" in err
