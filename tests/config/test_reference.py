"""The generated documents agree with the structs, and the written ones with both."""

import re
from pathlib import Path

import msgspec
import pytest

from actors.rules import RULES
from config.reference import FOLDER, RULES_FILE, default_of, main, outputs, reference, rule_meanings
from protocol.units import RuleName


@pytest.mark.parametrize("path", sorted(outputs()), ids=lambda path: path.name)
def test_the_generated_files_are_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == outputs()[path], "run python -m config.reference"


def test_the_check_finds_nothing_to_write() -> None:
    assert main(["--check"]) == 0


def test_every_key_has_a_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", reference(), re.MULTILINE)

    assert len(rows) > 20
    assert [key for key, told in rows if not told] == []


@pytest.mark.parametrize("name", RULES)
def test_the_rule_book_tells_every_key_and_its_default(name: RuleName) -> None:
    part = RULES_FILE.read_text(encoding="utf-8").partition(f"\n## {name}\n")[2]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \|", part.partition("\n## ")[0], re.MULTILINE)

    fields = msgspec.structs.fields(RULES[name].params)
    assert dict(rows) == {field.encode_name: default_of(field) for field in fields}
    assert all(rule_meanings(name).values())


@pytest.mark.parametrize("name", RULES)
def test_the_rule_book_shows_an_example_and_what_the_trader_sees(name: RuleName) -> None:
    part = RULES_FILE.read_text(encoding="utf-8").partition(f"\n## {name}\n")[2]
    part = part.partition("\n## ")[0]

    assert f"```toml\n[accounts.rules.{name}]\n" in part
    assert "**What you see.**" in part


def test_the_schema_knows_every_rule() -> None:
    schema = msgspec.json.decode(outputs()[FOLDER / "schema.json"])

    rules = schema["properties"]["accounts"]["items"]["properties"]["rules"]
    assert set(rules["properties"]) == set(RULES)
    assert rules["additionalProperties"] is False
