"""Write what the configuration's structs know of themselves: REFERENCE.md and schema.json.

`python -m config.reference` writes both, with `--check` it only says whether they are up to date.
"""

import argparse
import ast
import inspect
import re
import sys
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any, cast, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

from actors.model.calendar import Calendar
from actors.model.feed import FeedPolicy
from actors.model.schedule import ResetSchedule
from actors.rules import RULES
from actors.rules.rule import RuleParams
from config.kinds import bare_type, choices, is_struct, meaning, meta, words
from config.notify import NotifyConfig
from config.schema import AccountConfig, JournalConfig, LoginConfig, Service, ServiceConfig
from config.secret_ref import SecretRef
from config.secrets import FORM
from protocol.units import RuleName

FOLDER = Path(__file__).parent
RULES_FILE = FOLDER / "RULES.md"
OPENING = """\
# Every key of the configuration

Written by `python -m config.reference`; do not edit. What the rules do: [RULES.md](RULES.md).
What happens when prices stop coming: [FEED.md](FEED.md). Complete examples:
[defaults/](defaults/). Editors that know TOML schemas check a file that opens
with `#:schema PATH/config/schema.json`.
"""
RULES_TYPE = dict[RuleName, RuleParams]
type Schema = dict[str, Any]
WRITTEN: dict[object, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    str: {"type": "string"},
    Path: {"type": "string"},
    Decimal: {"type": ["number", "string"]},
    SecretRef: {"type": "string", "pattern": f"^{FORM.pattern}$"},
    Calendar: {"type": "string"},
}


def outputs() -> dict[Path, str]:
    """Return the generated files and what stands in them."""
    return {FOLDER / "REFERENCE.md": reference(), FOLDER / "schema.json": schema_text()}


def reference() -> str:
    """Return the reference: one section per table, one row per key."""
    sections = [
        section("[service]", Service),
        section("[journal]", JournalConfig),
        section("[notify]", NotifyConfig),
        section("[[logins]]", LoginConfig),
        section("[[accounts]]", AccountConfig),
        section("[accounts.reset]", ResetSchedule),
        section("[accounts.feed]", FeedPolicy),
    ]
    for name, rule in RULES.items():
        heading = f"accounts.rules.{name}"
        sections.append(section(f"[{heading}]", rule.params, name))
        sections += [
            section(heading, kind) for heading, kind in tables_within(rule.params, heading).items()
        ]
    return "\n".join((OPENING, *sections))


def tables_within(kind: type[msgspec.Struct], heading: str) -> dict[str, type[msgspec.Struct]]:
    """Return the tables that stand in a rule's own, in lists or under names; no kind twice."""
    found: dict[str, type[msgspec.Struct]] = {}
    for field in msgspec.structs.fields(kind):
        plain = bare_type(field.type)
        held = [one for one in map(bare_type, get_args(plain)) if is_struct(one)]
        path = f"{heading}.{field.encode_name}"
        for inner in held:
            listed = get_origin(plain) is tuple
            found[f"[[{path}]]" if listed else f"[{path}.PRODUCT]"] = inner
    return found


def section(heading: str, kind: type[msgspec.Struct], rule: str = "") -> str:
    """Return the table of one struct's keys."""
    told = meanings(kind, rule)
    rows = "\n".join(
        f"| `{field.encode_name}` | {words(field.type)} | {default_of(field)} "
        f"| {told.get(field.encode_name, '')} |"
        for field in msgspec.structs.fields(kind)
    )
    return (
        f"## `{heading}`\n\n{summary(kind)}\n\n"
        f"| key | write | default | meaning |\n|---|---|---|---|\n{rows}\n"
    )


def summary(kind: type) -> str:
    """Return what a struct says of itself in its first paragraph."""
    return re.sub(r"\s+", " ", (kind.__doc__ or "").partition("\n\n")[0])


def default_of(field: FieldInfo) -> str:
    """Return a key's default as one would write it."""
    if field.required:
        return "required"
    default = field.default
    if default is msgspec.NODEFAULT:
        default = field.default_factory()
    return "none" if default is None else f"`{toml(default)}`"


def toml(value: object) -> str:
    """Return a value as one writes it in TOML."""
    match value:
        case bool():
            return str(value).lower()
        case Enum():
            return toml(value.value)
        case str() | Path():
            return msgspec.json.encode(str(value)).decode()
        case msgspec.Struct():
            return toml(msgspec.to_builtins(value))
        case tuple() | list():
            return f"[{', '.join(map(toml, cast('tuple[object, ...]', value)))}]"
        case dict():
            items = cast("dict[str, object]", value).items()
            inner = ", ".join(f"{key} = {toml(item)}" for key, item in items)
            return f"{{ {inner} }}" if inner else "{}"
        case _:
            return str(value)


def meanings(kind: type[msgspec.Struct], rule: str) -> dict[str, str]:
    """Return what each key means: by its annotation, the text below it, or the rule book."""
    annotated = {field.name: meaning(field.type) for field in msgspec.structs.fields(kind)}
    own = {key: told for key, told in annotated.items() if told}
    return (rule_meanings(rule) if rule else {}) | texts_below(kind) | own


def texts_below(kind: type) -> dict[str, str]:
    """Return the text that stands below a field in the source."""
    (node,) = ast.parse(dedent(inspect.getsource(kind))).body
    assert isinstance(node, ast.ClassDef)
    told: dict[str, str] = {}
    for field, below in pairwise(node.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(text))):
                told[name] = re.sub(r"\s+", " ", text)
            case _:
                continue
    return told


def rule_meanings(rule: str) -> dict[str, str]:
    """Return what RULES.md says of a rule's keys, so that it is said once."""
    text = RULES_FILE.read_text(encoding="utf-8")
    part = text.partition(f"\n## {rule}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|[^|]*\| (.*) \|$", part, re.MULTILINE)
    return dict(rows)


def schema_text() -> str:
    """Return the JSON schema for editors: of what is written, not of what is held."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **table(ServiceConfig)}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def table(kind: type[msgspec.Struct], rule: str = "") -> Schema:
    """Describe a table of known keys."""
    told = meanings(kind, rule)
    fields = msgspec.structs.fields(kind)
    found: Schema = {
        "type": "object",
        "description": summary(kind),
        "additionalProperties": False,
        "required": [field.encode_name for field in fields if field.required],
        "properties": {field.encode_name: key(field, told) for field in fields},
    }
    if kind is AccountConfig:
        found["oneOf"] = [{"required": ["id"]}, {"required": ["name"]}]
    return found


def key(field: FieldInfo, told: dict[str, str]) -> Schema:
    """Describe one key."""
    shown: Schema = {"description": told.get(field.encode_name, "").replace("`", "")}
    if pattern := meta(field.type).pattern:
        shown["pattern"] = pattern
    return {**described(bare_type(field.type)), **shown}


def described(plain: Any) -> Schema:
    """Describe what may be written for a type."""
    if plain == RULES_TYPE:
        rules = {str(name): table(rule.params, str(name)) for name, rule in RULES.items()}
        return {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": rules,
        }
    if allowed := choices(plain):
        return {"enum": list(allowed)}
    if is_struct(plain):
        return table(plain)
    if get_origin(plain) is dict:
        items = described(bare_type(get_args(plain)[1]))
        return {"type": "object", "additionalProperties": items}
    if get_origin(plain) is tuple:
        return {"type": "array", "minItems": 1, "items": described(get_args(plain)[0])}
    return dict(WRITTEN[plain])


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(prog="python -m config.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if outdated")
    check = parser.parse_args(arguments).check
    stale = [
        path
        for path, text in outputs().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if check:
            sys.stderr.write(f"{path} is outdated: run python -m config.reference\n")
        else:
            path.write_text(outputs()[path], encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
