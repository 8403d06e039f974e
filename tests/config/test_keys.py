"""Every key that the structs know changes the configuration that comes out, and nothing else."""

import shutil
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, get_origin

import msgspec
import pytest

from actors.model.feed import FeedPolicy
from actors.model.schedule import ResetSchedule
from actors.model.sessions import Window
from actors.rules import RULES
from actors.rules.session_block_outside import Instrument
from config.kinds import bare_type
from config.load import load, understand
from config.notify import NotifyConfig
from config.reference import outputs
from config.schema import AccountConfig, JournalConfig, LoginConfig, Service, ServiceConfig
from ops.desk.identities import Identity
from ops.desk.plans import accounts_of, identify, wanted_plan
from protocol.units import AccountId

FILE = Path("/etc/riskwarden/riskwarden.toml")
NEEDED: dict[object, object] = {
    int: 2,
    Decimal: -100,
    "target": 100,
    "limits": {"MNQ": 2},
    "symbols": ["ES"],
    "calendar": "cme_equity",
}
WINDOW = {"start": "08:30", "end": "15:00"}
CALENDAR = Path(__file__).parents[2] / "config/calendars/cme_equity.toml"
MORE: dict[str, dict[str, Any]] = {
    "trade_frequency_limit": {"per_minute": 2},
    "no_stop_loss_grace": {"stop_ticks": 40},
    "session_block_outside": {"windows": [WINDOW], "instruments": {"MNQ": {"windows": [WINDOW]}}},
}
"""What a rule needs of its keys although none is required by itself, and tables within it."""
BASE: dict[str, Any] = {
    "service": {},
    "journal": {},
    "notify": {},
    "logins": [
        {"name": name, "username": "env:USERNAME", "api_key": "env:API_KEY"}
        for name in ("main", "other")
    ],
    "accounts": [
        {
            "login": "main",
            "id": 1001,
            "reset": {},
            "feed": {},
            "rules": {
                name: MORE.get(name, {})
                | {
                    field.encode_name: NEEDED.get(field.encode_name)
                    or NEEDED[bare_type(field.type)]
                    for field in msgspec.structs.fields(rule.params)
                    if field.required
                }
                for name, rule in RULES.items()
            },
        }
    ],
}
# Keys whose values have a form of their own; None stands for a key that is taken away.
OTHERS: dict[tuple[str, str], Any] = {
    ("Service", "data_dir"): "elsewhere",
    ("Service", "http"): "127.0.0.1:9999",
    ("Service", "otlp"): "https://collector.example:4318",
    ("JournalConfig", "max_mb"): 64,
    ("LoginConfig", "name"): "third",
    ("LoginConfig", "username"): "file:name",
    ("LoginConfig", "api_key"): "credential:key",
    ("LoginConfig", "api_url"): "https://gateway.example/api",
    ("LoginConfig", "user_hub_url"): "https://gateway.example/user",
    ("LoginConfig", "market_hub_url"): "https://gateway.example/market",
    ("AccountConfig", "login"): "other",
    ("AccountConfig", "name"): "PRACTICE-1",
    ("AccountConfig", "rules"): {"max_contracts": {"limit": 1}},
    ("AccountConfig", "reset"): {"at": "0 16 * * *"},
    ("NotifyConfig", "urls"): ["env:DISCORD"],
    ("NotifyConfig", "events"): ["lock"],
    ("NotifyConfig", "shares"): [50],
    ("NotifyConfig", "heartbeat_url"): "file:heartbeat",
    ("NotifyConfig", "heartbeat_every"): "5m",
    ("ResetSchedule", "at"): "0 16 * * *",
    ("ResetSchedule", "zone"): "Europe/London",
    ("AccountConfig", "feed"): {"on_blind": "pause"},
    ("FeedPolicy", "quote_age"): "90s",
    ("FeedPolicy", "truth_age"): "2m",
    ("FeedPolicy", "confirm"): "500ms",
    ("Params", "target"): 7.5,
    ("Params", "grace"): "90s",
    ("Params", "unknown_timeout"): "90s",
    ("Params", "min_interval"): "90s",
    ("Params", "unknown_symbol"): "limit:7",
    ("Params", "limits"): {"ES": 1},
    ("Params", "symbols"): ["M*"],
    ("Params", "cooldown_minute"): "90s",
    ("Params", "cooldown_hour"): "45m",
    ("Params", "cooldown_session"): "2h",
    ("Params", "tiers"): {"7m": -70},
    ("Params", "calendar"): "other.toml",
    ("Params", "windows"): [{"start": "09:00", "end": "12:00"}],
    ("Params", "zone"): "Europe/London",
    ("Params", "no_new_exposure"): "20m",
    ("Params", "flatten_before_end"): "5m",
    ("Params", "instruments"): {"M*": {"windows": [WINDOW]}},
    ("Instrument", "windows"): [{"start": "09:00", "end": "12:00"}],
    ("Instrument", "zone"): "Europe/London",
    ("Instrument", "calendar"): "other.toml",
    ("Window", "start"): "09:00",
    ("Window", "end"): "12:00",
    ("Window", "days"): ["mon"],
}
SESSIONS = ("accounts", 0, "rules", "session_block_outside")
TABLES: dict[tuple[str | int, ...], type[msgspec.Struct]] = {
    ("service",): Service,
    ("journal",): JournalConfig,
    ("notify",): NotifyConfig,
    ("logins", 1): LoginConfig,
    ("accounts", 0): AccountConfig,
    ("accounts", 0, "reset"): ResetSchedule,
    ("accounts", 0, "feed"): FeedPolicy,
    **{("accounts", 0, "rules", name): rule.params for name, rule in RULES.items()},
    (*SESSIONS, "windows", 0): Window,
    (*SESSIONS, "instruments", "MNQ"): Instrument,
}


def cases() -> Iterator[Any]:
    for path, kind in TABLES.items():
        for field in msgspec.structs.fields(kind):
            name = ".".join(str(step) for step in (*path, field.encode_name))
            yield pytest.param(path, kind, field, id=name)


def another(kind: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> object:
    """Return a value that is neither the key's default nor the one in BASE."""
    if (kind.__name__, field.encode_name) in OTHERS:
        return OTHERS[kind.__name__, field.encode_name]
    plain = bare_type(field.type)
    if isinstance(plain, type) and issubclass(plain, Enum):
        return next(member.value for member in plain if member is not field.default)
    if get_origin(plain) is dict:
        return {"MNQ": 0.1}
    return {bool: not field.default, int: 7, Decimal: -7.5}[plain]


def at(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


@pytest.mark.parametrize(("path", "kind", "field"), list(cases()))
def test_every_key_has_an_effect(
    path: tuple[str | int, ...],
    kind: type[msgspec.Struct],
    field: msgspec.structs.FieldInfo,
    tmp_path: Path,
) -> None:
    file = tmp_path / FILE.name
    shutil.copy(CALENDAR, tmp_path / "other.toml")
    changed = deepcopy(BASE)
    table = at(changed, path)
    table[field.encode_name] = another(kind, field)
    if kind is AccountConfig and field.encode_name == "name":
        del table["id"]

    before, after = understand(deepcopy(BASE), file).config, understand(changed, file).config

    assert before != after
    assert differing(before, after) <= {path[0]}
    assert getattr(place(after, path), field.name) != getattr(place(before, path), field.name)


def differing(one: ServiceConfig, other: ServiceConfig) -> set[str]:
    names = ("service", "journal", "notify", "logins", "accounts")
    return {name for name in names if getattr(one, name) != getattr(other, name)}


def place(found: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        by_name = isinstance(step, str) and not isinstance(found, dict)
        found = getattr(found, str(step)) if by_name else found[step]
    return found


def test_every_key_of_the_file_is_among_them() -> None:
    tables = [line for line in "\n".join(outputs().values()).splitlines() if line.startswith("## ")]

    assert len(tables) == len(TABLES)
    assert {field.name for field in msgspec.structs.fields(ServiceConfig)} == set(BASE)


def test_what_comes_out_is_what_the_text_says(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text((Path(__file__).parents[2] / "config/defaults/simulator.toml").read_text())

    assert load(path) == understand(tomllib.loads(path.read_text()), path)


@pytest.mark.parametrize("field", msgspec.structs.fields(AccountConfig), ids=lambda one: one.name)
def test_every_key_of_an_account_changes_who_is_guarded_or_by_what(
    field: msgspec.structs.FieldInfo,
) -> None:
    """What the keys of rules change is in tests/rules/test_every_key.py."""
    changed = deepcopy(BASE)
    changed["accounts"][0][field.encode_name] = another(AccountConfig, field)
    if field.encode_name == "name":
        del changed["accounts"][0]["id"]

    before, after = understand(deepcopy(BASE), FILE).config, understand(changed, FILE).config

    assert guarded(before) != guarded(after)


def guarded(config: ServiceConfig) -> list[object]:
    """Return which accounts a desk guards, and by which plans."""
    known = {AccountId(77): Identity(id=77, login="main", name="PRACTICE-1")}
    return [
        (number := identify(account, known), wanted_plan(account, AccountId(number or 0), ""))
        for account in accounts_of(config, "main")
    ]
