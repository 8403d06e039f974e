"""Tighten at once, loosen at the next reset: what is enforced between two configurations.

What is held stays as far as it is stricter than what is wanted, rule by rule and key by key; the
rest of what is wanted waits for the reset.  A rule that is taken out, or put into shadow, waits
altogether.  What was only watched so far held nobody back, so what is wanted instead of it applies
as it is written.
"""

import msgspec
from msgspec.structs import replace

from actors.model.calendar import Calendar
from actors.plan import NOT_KEYS, AccountPlan
from actors.rules.rule import Mode, RuleParams
from protocol.units import RuleName

IDENTITY = frozenset(NOT_KEYS)


def tightened(held: AccountPlan, wanted: AccountPlan) -> AccountPlan:
    """Return what applies from now on: all of what is held that is stricter, the rest as wanted."""
    if held.mode is Mode.SHADOW:
        return wanted
    if wanted.mode is Mode.SHADOW:
        return replace(held, name=wanted.name)
    rules: dict[RuleName, RuleParams] = {}
    for name in (*wanted.rules, *(one for one in held.rules if one not in wanted.rules)):
        rules[name] = stricter(held.rules.get(name), wanted.rules.get(name))
    return replace(held, name=wanted.name, rules=rules, feed=held.feed.stricter(wanted.feed))


def stricter(held: RuleParams | None, wanted: RuleParams | None) -> RuleParams:
    """Return a rule's settings from now on; None is a rule that is not enabled."""
    if held is None or wanted is None:
        found = held or wanted
        assert found is not None, "a rule that neither enables is not compared"
        return found
    if held.mode is Mode.SHADOW:
        return wanted
    if wanted.mode is Mode.SHADOW:
        return held
    try:
        return held.stricter(wanted)
    except ValueError:
        return held  # the stricter keys of both contradict each other


def differences(before: AccountPlan, after: AccountPlan) -> tuple[str, ...]:
    """Return what changes from one plan to another, key by key, for people."""
    found = changes("", before, after)
    for name in sorted({*before.rules, *after.rules}):
        path = f"rules.{name}"
        if name not in after.rules:
            found.append(f"{path}: removed")
        elif name not in before.rules:
            found.append(f"{path}: added")
        else:
            found += changes(f"{path}.", before.rules[name], after.rules[name])
    return tuple(found)


def changes(path: str, before: msgspec.Struct, after: msgspec.Struct) -> list[str]:
    """Return the keys whose values differ, each with both."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return [
        f"{path}{key}: {text(old[key])} -> {text(new[key])}"
        for key in old
        if key not in IDENTITY and old[key] != new[key]
    ]


def text(value: object) -> str:
    """Return a value for people, much as it is written."""
    if isinstance(value, Calendar):
        return f"{value.name} (reviewed {value.reviewed}, until {value.valid_to})"
    match msgspec.to_builtins(value):
        case bool(truth):
            return str(truth).lower()
        case dict(table):
            return "{" + ", ".join(f"{key} = {text(one)}" for key, one in table.items()) + "}"
        case list(items):
            return "[" + ", ".join(map(text, items)) + "]"
        case None:
            return "none"
        case plain:
            return str(plain)
