"""`riskwarden rules`: the rules there are, as they describe themselves; or as they stand."""

import sys
from argparse import Namespace
from collections.abc import Iterable

import msgspec

from actors.rules import RULES
from actors.rules.rule import AnyRule
from config.kinds import words
from config.load import load
from config.reference import default_of
from ops.commands.output import put
from ops.commands.status import ask
from ops.commands.table import table
from ops.commands.terminal import columns, fitted
from ops.desk.outcome import Exit
from protocol.control import ARMED, RuleStatus


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


class At(msgspec.Struct, frozen=True):
    """The rules at work on one account."""

    id: int | None
    name: str
    state: str
    rules: list[RuleStatus]


def run(args: Namespace) -> int:
    """Print every rule there is, or those at work in a running service."""
    return listing(args) if args.config is None else working(args)


def working(args: Namespace) -> int:
    """Print the rules of every account as they stand; not all of them armed is an error."""
    accounts = ask(load(args.config).config.service).accounts
    found = [At(one.id, one.name, one.state, one.rules) for one in accounts]
    width = columns()
    shown = (at_work(one, width) for one in found)
    put({"accounts": found}, lambda _: blocks(shown), as_json=args.json)
    armed = all(
        one.state in ARMED and all(not rule.lacks for rule in one.rules) for one in accounts
    )
    return Exit.OK if armed else Exit.STALLED


def listing(args: Namespace) -> int:
    """Print every rule there is."""
    found = [listed(rule) for rule in RULES.values()]
    put({"rules": found}, lambda _: blocks(map(rendered, found)), as_json=args.json)
    return Exit.OK


def blocks(texts: Iterable[str]) -> list[str]:
    """Return blocks of lines with an empty line between them."""
    return ["\n\n".join(texts)]


def at_work(one: At, width: int | None) -> str:
    """Return the rules of an account as a block."""
    head = f"account {one.id} {one.name}: {one.state.upper()}"
    return "\n".join(fitted((head, *table(one.rules, width)), width))


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
