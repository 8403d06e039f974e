"""`riskwarden rules`: the rules there are, as they describe themselves."""

import sys
from argparse import Namespace

import msgspec

from actors.rules import RULES
from actors.rules.rule import AnyRule
from config.kinds import words
from config.reference import default_of
from ops.desk.outcome import Exit


class Key(msgspec.Struct, frozen=True):
    """One setting."""

    key: str
    write: str
    default: str


class Listed(msgspec.Struct, frozen=True):
    """One rule."""

    code: str
    name: str
    what: str
    keys: list[Key]


def run(args: Namespace) -> int:
    """Print every rule."""
    found = [listed(rule) for rule in RULES.values()]
    if args.json:
        text = msgspec.json.format(msgspec.json.encode({"rules": found})).decode()
    else:
        text = "\n\n".join(rendered(one) for one in found)
    sys.stdout.write(text + "\n")
    return Exit.OK


def listed(rule: AnyRule) -> Listed:
    """Return a rule, described by the first sentence of its specification."""
    specification = sys.modules[rule.params.__module__].__doc__ or ""
    what = " ".join(specification.partition("\n\n")[0].split()).removeprefix(f"{rule.code}: ")
    fields = msgspec.structs.fields(rule.params)
    keys = [
        Key(one.encode_name, words(one.type).replace("`", ""), default_of(one).replace("`", ""))
        for one in fields
    ]
    return Listed(rule.code, rule.name, what, keys)


def rendered(rule: Listed) -> str:
    """Return a rule as a block."""
    wide = max(len(key.key) for key in rule.keys)
    keys = [f"  {key.key:<{wide}}  {key.default:<10}  {key.write}" for key in rule.keys]
    return "\n".join((f"{rule.code} {rule.name}", f"  {rule.what}", "", *keys))
