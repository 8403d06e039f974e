"""The registry: a rule is data, and this is the only list of them."""

from typing import Any

import msgspec
import pytest

from actors.rules import RULES
from actors.rules.rule import AnyRule, Hears, Judgement, Mode, RuleParams, RuleState
from config.calendars import load_shipped
from protocol.enforcement import Breach, Observed, Verdict
from protocol.units import RuleName

EVERY_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))


def test_a_rule_stands_under_its_own_name() -> None:
    assert {name: rule.name for name, rule in RULES.items()} == {name: name for name in RULES}


def test_the_specification_numbers_each_rule_once() -> None:
    codes = {name: rule.code for name, rule in RULES.items()}

    assert codes == {
        "max_contracts": "RULE-001",
        "max_contracts_per_instrument": "RULE-002",
        "daily_realized_loss": "RULE-003",
        "daily_unrealized_loss": "RULE-004",
        "max_unrealized_profit": "RULE-005",
        "no_stop_loss_grace": "RULE-008",
        "trade_frequency_limit": "RULE-006",
        "cooldown_after_loss": "RULE-007",
        "session_block_outside": "RULE-009",
        "auth_loss_guard": "RULE-010",
        "symbol_blocks": "RULE-011",
        "trade_management": "RULE-012",
        "daily_realized_profit": "RULE-013",
    }


NAMING: dict[str, tuple[dict[str, Any], tuple[tuple[str, str], ...]]] = {
    "max_contracts": (
        {"limit": 1, "weights": {"ES": 1, "mnq": 0.1}},
        (("weights.ES", "ES"), ("weights.mnq", "mnq")),
    ),
    "max_contracts_per_instrument": ({"limits": {"EP": 1}}, (("limits.EP", "EP"),)),
    "symbol_blocks": ({"symbols": ["CL", "M*", "*"]}, (("symbols", "CL"),)),
    "session_block_outside": (
        {
            "calendar": msgspec.to_builtins(load_shipped("cme_equity")),
            "instruments": {
                one: {"windows": [{"start": "09:00", "end": "10:00"}]} for one in ["GC", "M*"]
            },
        },
        (("instruments.GC", "GC"),),
    ),
}
"""Rules that name products, and which of what they are given are names."""
NAMING_KEYS = {"weights", "limits", "symbols", "instruments"}


@EVERY_RULE
def test_a_rule_says_which_products_it_names_and_where(rule: AnyRule) -> None:
    keys = {one.name for one in msgspec.structs.fields(rule.params)}
    assert bool(keys & NAMING_KEYS) == (rule.name in NAMING)
    if rule.name in NAMING:
        written, named = NAMING[rule.name]
        assert msgspec.convert(written, rule.params).products == named


@EVERY_RULE
def test_a_rule_is_enforced_unless_it_says_otherwise(rule: AnyRule) -> None:
    assert issubclass(rule.params, RuleParams)
    assert RuleParams().mode is Mode.ENFORCE


@EVERY_RULE
def test_a_rule_starts_from_nothing(rule: AnyRule) -> None:
    assert isinstance(rule.state(), RuleState)


@EVERY_RULE
def test_a_rule_hears_something(rule: AnyRule) -> None:
    assert rule.hears
    assert rule.hears in ~Hears(0)


def test_no_name_can_be_taken_for_a_path() -> None:
    assert all(name.isidentifier() for name in RULES)


def test_a_judgement_is_content_only_if_it_says_so() -> None:
    judged = Judgement(RuleState(), "1", "0")

    assert (judged.breaches, judged.triggers, judged.unknown) == ((), (), None)


def test_a_shadow_rules_verdict_has_no_room_for_a_breach() -> None:
    """I15: shadow is a type, not an if."""
    assert "breaches" in Verdict.__struct_fields__
    assert "breaches" not in Observed.__struct_fields__
    observed = Observed(rule=RuleName("max_contracts"), limit="", used="")
    assert not any(isinstance(getattr(observed, one), Breach) for one in Observed.__struct_fields__)
