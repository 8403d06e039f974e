"""Of two configurations the stricter reading, rule by rule and key by key (rules.md 4)."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.duration import duration
from actors.model.schedule import ResetSchedule
from actors.model.tightening import differences, stricter, tightened
from actors.plan import AccountPlan, planned, settings_of
from actors.rules import RULES
from actors.rules.rule import Mode, RuleParams
from protocol.market_facts import MarkSource
from protocol.units import AccountId, RuleName

ACCOUNT = AccountId(1001)


def params(rule: str, **keys: Any) -> RuleParams:
    """Return a rule's settings as the configuration would have them."""
    read: RuleParams = msgspec.convert(keys, RULES[RuleName(rule)].params)
    return read


def plan(rules: dict[str, dict[str, Any]], **more: Any) -> AccountPlan:
    read = {RuleName(name): params(name, **keys) for name, keys in rules.items()}
    common: dict[str, Any] = {"reset": ResetSchedule(), **more}
    return AccountPlan(account_id=ACCOUNT, name="practice", rules=read, **common)


ONE_WAY: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    # rule, the looser settings, the stricter ones
    *(
        ("trade_management", {key: loose}, {key: strict})
        for key, loose, strict in (
            ("breakeven", False, True),
            ("trigger_ticks", 10, 8),
            ("offset_ticks", 0, 2),
            ("trailing", False, True),
            ("activation_ticks", 20, 15),
            ("distance_ticks", 10, 5),
            ("step_ticks", 4, 1),
            ("min_interval", "1m", "5s"),
            ("auto_stop_ticks", 40, 20),
        )
    ),
    ("trade_management", {}, {"auto_stop_ticks": 40}),
    ("no_stop_loss_grace", {"on_expiry": "place_stop", "stop_ticks": 40}, {"stop_ticks": 40}),
    ("no_stop_loss_grace", {"stop_ticks": 40}, {"stop_ticks": 20}),
    ("max_contracts", {"limit": 5}, {"limit": 4}),
    ("max_contracts", {"limit": 5}, {"limit": 5, "count": "gross"}),
    ("max_contracts", {"limit": 5}, {"limit": 5, "on_breach": "close"}),
    ("max_contracts_per_instrument", {"limits": {"ES": 2}}, {"limits": {"ES": 1}}),
    (
        "max_contracts_per_instrument",
        {"limits": {"ES": 2, "NQ": 1}},
        {"limits": {"ES": 2}},  # NQ is one of the others then, and they are blocked
    ),
    (
        "max_contracts_per_instrument",
        {"limits": {"ES": 2}, "unknown_symbol": "allow"},
        {"limits": {"ES": 2, "NQ": 9}, "unknown_symbol": "allow"},
    ),
    (
        "max_contracts_per_instrument",
        {"limits": {"ES": 2}, "unknown_symbol": "allow"},
        {"limits": {"EP": 2}, "unknown_symbol": "limit:3"},
    ),
    (
        "max_contracts_per_instrument",
        {"limits": {"ES": 2}},
        {"limits": {"ES": 2}, "on_breach": "close"},
    ),
    ("daily_realized_loss", {"limit": "-500"}, {"limit": "-499.99"}),
    ("daily_realized_loss", {"limit": -500, "combined": False}, {"limit": -500}),
    ("daily_realized_profit", {"target": 500}, {"target": 400}),
    ("daily_realized_profit", {"target": 500, "combined": False}, {"target": 500}),
    ("daily_unrealized_loss", {"limit": -500}, {"limit": -100}),
    ("max_unrealized_profit", {"target": 500}, {"target": 400}),
    ("trade_frequency_limit", {"per_minute": 3}, {"per_minute": 2}),
    ("trade_frequency_limit", {"per_minute": 3}, {"per_minute": 3, "per_hour": 9}),
    ("trade_frequency_limit", {"per_hour": 3}, {"per_hour": 3, "per_session": 9}),
    ("trade_frequency_limit", {"per_hour": 3}, {"per_hour": 3, "count": "orders"}),
    (
        "trade_frequency_limit",
        {"per_hour": 3, "count": "orders"},
        {"per_hour": 3, "count": "fills"},
    ),
    ("trade_frequency_limit", {"per_hour": 3}, {"per_hour": 3, "trigger": "reach"}),
    ("trade_frequency_limit", {"per_hour": 3}, {"per_hour": 3, "cooldown_hour": "31m"}),
    ("trade_frequency_limit", {"per_minute": 3}, {"per_minute": 3, "cooldown_minute": "61s"}),
    ("trade_frequency_limit", {"per_session": 3}, {"per_session": 3, "cooldown_session": "2h"}),
    ("trade_frequency_limit", {"per_hour": 3}, {"per_hour": 3, "flatten": True}),
    ("cooldown_after_loss", {"tiers": {"5m": -100}}, {"tiers": {"5m": -90}}),
    ("cooldown_after_loss", {"tiers": {"5m": -100}}, {"tiers": {"6m": -100}}),
    ("cooldown_after_loss", {"tiers": {"5m": -100}}, {"tiers": {"5m": -100, "9m": -200}}),
    ("cooldown_after_loss", {"flatten": False}, {"flatten": True}),
    ("no_stop_loss_grace", {"grace": "10s"}, {"grace": "9s"}),
    ("no_stop_loss_grace", {"full_coverage": False}, {"full_coverage": True}),
    ("no_stop_loss_grace", {"unknown_timeout": "1m"}, {"unknown_timeout": "59s"}),
    ("no_stop_loss_grace", {"on_unknown": "wait"}, {"on_unknown": "close"}),
    ("symbol_blocks", {"symbols": ["ES"]}, {"symbols": ["EP", "M*"]}),
]


@pytest.mark.parametrize(("rule", "loose", "strict"), ONE_WAY)
def test_what_is_stricter_applies_at_once_and_what_is_looser_waits(
    rule: str, loose: dict[str, Any], strict: dict[str, Any]
) -> None:
    looser, tighter = params(rule, **loose), params(rule, **strict)

    assert means(stricter(looser, tighter)) == means(tighter)
    assert means(stricter(tighter, looser)) == means(tighter)


def means(one: RuleParams) -> object:
    """Return settings without what only spelling, or an unused default, tells apart."""
    keys = msgspec.to_builtins(one)
    if "limits" in keys:
        names = {"EP": "ES"}
        limits = {names.get(key, key): limit for key, limit in keys["limits"].items()}
        blocked = keys["unknown_symbol"] == "block"
        keys["limits"] = {key: limit for key, limit in limits.items() if limit or not blocked}
    if "symbols" in keys:
        keys["symbols"] = {"ES" if one == "EP" else one for one in keys["symbols"]}
    return keys


PARTLY: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # rule, held, wanted, both
    (
        "max_contracts",
        {"limit": 5, "on_breach": "close"},
        {"limit": 3, "on_breach": "reduce"},
        {"limit": 3, "on_breach": "close"},
    ),
    ("max_contracts", {"limit": 2}, {"limit": 1, "weights": {"MNQ": 0.1}}, {"limit": 1}),
    (
        "max_contracts_per_instrument",
        {"limits": {"ES": 1, "NQ": 4}, "unknown_symbol": "limit:2"},
        {"limits": {"ES": 3, "GC": 9, "CL": 1}, "unknown_symbol": "limit:3"},
        {"limits": {"ES": 1, "NQ": 3, "GC": 2, "CL": 1}, "unknown_symbol": "limit:2"},
    ),
    (
        "daily_realized_loss",
        {"limit": -500, "combined": True},
        {"limit": -300, "combined": False},
        {"limit": -300, "combined": True},
    ),
    (
        "daily_unrealized_loss",
        {"limit": -500, "scope": "account"},
        {"limit": -300, "scope": "position"},
        {"limit": -300, "scope": "account"},  # neither scope is the stricter one in every market
    ),
    (
        "trade_frequency_limit",
        {"per_minute": 2, "cooldown_minute": "2h"},
        {"per_hour": 5, "cooldown_hour": "1h"},
        {"per_minute": 2, "cooldown_minute": "2h", "per_hour": 5, "cooldown_hour": "2h"},
    ),
    (
        "trade_frequency_limit",
        {"per_hour": 5, "count": "round_trips"},
        {"per_hour": 3, "count": "fills"},
        {"per_hour": 3, "count": "round_trips"},
    ),
    (
        "cooldown_after_loss",
        {"tiers": {"5m": -100, "30m": -300}, "basis": "order"},
        {"tiers": {"10m": -200, "20m": -250, "25m": -400}, "basis": "round_trip"},
        {"tiers": {"5m": -100, "10m": -200, "20m": -250, "30m": -300}, "basis": "order"},
    ),
    (
        "no_stop_loss_grace",
        {"grace": "10s", "unknown_timeout": "5s"},
        {"grace": "5s", "unknown_timeout": "10s"},
        {"grace": "5s", "unknown_timeout": "5s"},
    ),
    (
        "symbol_blocks",
        {"symbols": ["ES", "CL"]},
        {"symbols": ["GC"]},
        {"symbols": ["ES", "CL", "GC"]},
    ),
]


@pytest.mark.parametrize(("rule", "held", "wanted", "both"), PARTLY)
def test_what_is_partly_stricter_applies_in_part(
    rule: str, held: dict[str, Any], wanted: dict[str, Any], both: dict[str, Any]
) -> None:
    assert stricter(params(rule, **held), params(rule, **wanted)) == params(rule, **both)


def test_every_order_is_of_a_key_that_there_is() -> None:
    for rule in RULES.values():
        keys = {field.name for field in msgspec.structs.fields(rule.params)}
        assert rule.params.orders.keys() <= keys, rule.name


@pytest.mark.parametrize(("rule", "one", "other"), [(row[0], row[1], row[2]) for row in PARTLY])
def test_asking_again_changes_nothing(
    rule: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    held, wanted = params(rule, **one), params(rule, **other)
    now = stricter(held, wanted)

    assert stricter(now, wanted) == now
    assert stricter(now, held) == now
    assert stricter(held, held) == held


tiers = st.dictionaries(st.integers(1, 90), st.integers(-900, -1), min_size=1, max_size=4).filter(
    lambda found: all(found[a] > found[b] for a in found for b in found if a < b)
)


@given(tiers, tiers, st.integers(-1_000, 0))
def test_every_loss_cools_down_as_long_as_the_longer_of_both(
    one: dict[int, int], other: dict[int, int], loss: int
) -> None:
    held, wanted = (
        {f"{minutes}m": loss for minutes, loss in each.items()} for each in (one, other)
    )
    both = stricter(
        params("cooldown_after_loss", tiers=held), params("cooldown_after_loss", tiers=wanted)
    )

    found: dict[str, Decimal] = msgspec.structs.asdict(both)["tiers"]
    spans = [span(each, loss) for each in (held, wanted)]
    assert span(found, loss) == max(spans)


def span(table: dict[str, Any], loss: int) -> int:
    return max((duration(text) for text, least in table.items() if loss <= least), default=0)


# -- accounts -----------------------------------------------------------------------------------

LOSS = {"daily_realized_loss": {"limit": -500}}
BOTH = LOSS | {"max_contracts": {"limit": 2}}


def test_a_rule_is_added_at_once_and_removed_later() -> None:
    assert tightened(plan(LOSS), plan(BOTH)) == plan(BOTH)
    assert tightened(plan(BOTH), plan(LOSS)) == plan(BOTH)
    assert tightened(plan(BOTH), plan({})) == plan(BOTH)


def test_shadow_waits_and_enforcing_does_not() -> None:
    shadow = plan({"daily_realized_loss": {"limit": -100, "mode": "shadow"}})

    assert tightened(plan(LOSS), shadow) == plan(LOSS)
    assert tightened(shadow, plan(LOSS)) == plan(LOSS)  # it held nobody to -100
    assert tightened(plan(LOSS), plan(BOTH, mode=Mode.SHADOW)) == plan(LOSS)
    assert tightened(plan(BOTH, mode=Mode.SHADOW), plan(LOSS)) == plan(LOSS)


@pytest.mark.parametrize(
    "more",
    [
        {"reset": ResetSchedule(at="0 18 * * *")},
        {"include_fees": False},
        {"mark": MarkSource.MID},
    ],
)
def test_how_the_day_is_counted_changes_at_its_end(more: dict[str, Any]) -> None:
    assert tightened(plan(LOSS), plan(LOSS, **more)) == plan(LOSS)


def test_differences_are_told_key_by_key() -> None:
    held = plan(LOSS | {"symbol_blocks": {"symbols": ["ES"]}})
    wanted = plan(
        {
            "daily_realized_loss": {"limit": -400.5, "combined": False},
            "max_contracts": {"limit": 1},
        },
        reset=ResetSchedule(zone="UTC"),
    )

    assert differences(held, wanted) == (
        "reset: {at = 0 17 * * *, zone = America/Chicago} -> {at = 0 17 * * *, zone = UTC}",
        "rules.daily_realized_loss.limit: -500 -> -400.5",
        "rules.daily_realized_loss.combined: true -> false",
        "rules.max_contracts: added",
        "rules.symbol_blocks: removed",
    )
    assert differences(held, held) == ()


@pytest.mark.parametrize("name", sorted({row[0] for row in ONE_WAY}))
def test_settings_come_back_from_the_tables_they_are_kept_in(name: str) -> None:
    strict = next(row[2] for row in ONE_WAY if row[0] == name)
    one = plan({name: strict}, mark=MarkSource.EXIT_SIDE, include_fees=False)

    kept = msgspec.msgpack.decode(
        msgspec.msgpack.encode(settings_of(one)), type=type(settings_of(one))
    )

    assert planned(kept, ACCOUNT, "practice") == one
