"""The parts of a configuration file that are read in a way of their own."""

from pathlib import Path
from typing import cast

from actors.rules import RULES
from actors.rules.rule import RuleParams
from config.errors import Invalid, bare, did_you_mean, printable
from config.kinds import found
from config.read import Known, Reader, Special, Steps, Table
from config.schema import AccountConfig, LoginConfig
from config.secret_ref import SecretRef
from config.secrets import parse_ref
from config.sessions import SESSIONS
from protocol.units import RuleName


def read_ref(reader: Reader, raw: object, path: Steps) -> SecretRef | None:
    """Read where a secret stands."""
    try:
        return parse_ref(raw if isinstance(raw, str) else "", path[-1])
    except Invalid as fault:
        reader.refuse(path, fault.what, why=fault.why, mend=fault.mend)
        return None


def read_refs(reader: Reader, raw: object, path: Steps) -> tuple[SecretRef, ...] | None:
    """Read a list of places of secrets, whatever is wrong with the others."""
    if not isinstance(raw, list):
        mend = f'write {path[-1]} = ["env:RISKWARDEN_NOTIFY"]'
        reader.refuse(path, f"expected a list, got {found(raw)}", mend=mend)
        return None
    items = cast("list[object]", raw)
    read = [read_ref(reader, item, path) for item in items]
    kept = tuple(one for one in read if one is not None)
    return kept if len(kept) == len(items) else None


def read_path(reader: Reader, raw: object, path: Steps) -> Path | None:
    """Read a path as it is written."""
    if isinstance(raw, str):
        return Path(raw)
    reader.refuse(path, f"expected a path in quotes, got {found(raw)}")
    return None


def read_logins(reader: Reader, raw: object, path: Steps) -> tuple[LoginConfig, ...] | None:
    """Read every [[logins]] table, whatever is wrong with the others."""
    return read_list(reader, LoginConfig, raw, path)


def read_accounts(reader: Reader, raw: object, path: Steps) -> tuple[AccountConfig, ...] | None:
    """Read every [[accounts]] table, whatever is wrong with the others."""
    return read_list(reader, AccountConfig, raw, path)


def read_list[S: (LoginConfig, AccountConfig)](
    reader: Reader, kind: type[S], raw: object, path: Steps
) -> tuple[S, ...] | None:
    """Read a list of tables, each under the name that people know it by."""
    if not isinstance(raw, list) or not raw:
        what = "is empty" if raw == [] else f"expected tables, got {found(raw)}"
        reader.refuse(path, what, mend=f"write [[{path[-1]}]] above each of them")
        return None
    read: list[S] = []
    for number, item in enumerate(cast("list[object]", raw), start=1):
        step = (*path, f"[{label(item, number)}]")
        table = reader.expect_table(item, step, f"write [[{path[-1]}]] above its keys")
        made = None if table is None else reader.struct(kind, table, step)
        if made is not None:
            read.append(made)
    return tuple(read)


def label(item: object, number: int) -> str:
    """Return what to call a table of a list: its id, its name, or else its place."""
    table = cast("Table", item) if isinstance(item, dict) else {}
    match table:
        case {"id": int(known)} if not isinstance(known, bool):
            return printable(str(known)) if abs(known) < 2**63 else f"#{number}"
        case {"name": str(known)} if known:
            return bare(known)
        case _:
            return f"#{number}"


def read_rules(reader: Reader, raw: object, path: Steps) -> dict[RuleName, RuleParams] | None:
    """Read an account's rules, each by the parameters that the registry names for it."""
    table = reader.expect_table(raw, path, "write [accounts.rules.NAME] above a rule's keys")
    if table is None:
        return None
    if not table:
        reader.refuse(path, "is empty", why=UNGUARDED, mend=f"known rules: {listed()}")
        return None
    rules: dict[RuleName, RuleParams] = {}
    for name, settings in table.items():
        place = (*path, bare(name))
        rule = RULES.get(RuleName(name))
        if rule is None:
            mend = did_you_mean(name, RULES) or "take one of these"
            reader.refuse(place, "unknown rule", why=f"known rules: {listed()}", mend=mend)
            continue
        keys = reader.expect_table(settings, place, f"write [accounts.rules.{name}] above its keys")
        made = None if keys is None else reader.struct(rule.params, keys, place)
        if made is not None:
            rules[rule.name] = made
    return rules


def listed() -> str:
    """Return the names of all rules."""
    return ", ".join(sorted(RULES))


UNGUARDED = "an account without rules is not guarded"
NO_TARGET = Known(
    what="is left out on purpose: riskwarden places no targets",
    why="a stop and a target that the broker does not link can both fill, and turn the position "
    "around",
    mend="take the key out; place the target yourself, as a bracket in the broker's screen, or let "
    "max_unrealized_profit close the position at an amount",
)
"""RULE-012's other half (ADR 0013): people look for it, so it is not called a misspelling."""
MISPLACED = {
    str(name): Known(f"rules stand under their account: [accounts.rules.{name}]") for name in RULES
} | {"auto_target_ticks": NO_TARGET}
SPECIAL: dict[object, Special] = {
    SecretRef: read_ref,
    tuple[SecretRef, ...]: read_refs,
    Path: read_path,
    tuple[LoginConfig, ...]: read_logins,
    tuple[AccountConfig, ...]: read_accounts,
    dict[RuleName, RuleParams]: read_rules,
    **SESSIONS,
}
