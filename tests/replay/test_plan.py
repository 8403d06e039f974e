"""The plan that the journal carries is the plan that was in force."""

from pathlib import Path

import msgspec
import pytest

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan, plan_bytes, planned, read_plan, settings_of
from actors.rules.rule import Mode
from config.load import understand
from protocol.codec import decode_state, encode_state
from protocol.market_facts import MarkSource
from protocol.settings import Settings
from protocol.units import AccountId
from tests.config.test_keys import BASE


def every_rule() -> AccountPlan:
    account = understand(BASE, Path("/etc/riskwarden.toml")).config.accounts[0]
    return AccountPlan(
        account_id=AccountId(1001),
        name="PRACTICE",
        mode=Mode.SHADOW,
        mark=MarkSource.EXIT_SIDE,
        include_fees=False,
        reset=ResetSchedule(at="0 16 * * *", zone="Europe/London"),
        rules=account.rules,
    )


def test_a_plan_with_every_rule_comes_back_as_it_was() -> None:
    plan = every_rule()

    back = read_plan(plan_bytes(plan))

    assert back == plan
    assert [type(one) for one in back.rules.values()] == [type(one) for one in plan.rules.values()]
    assert plan_bytes(back) == plan_bytes(plan)


def test_i9_settings_with_every_rule_come_back_from_the_disk_as_they_were() -> None:
    plan = every_rule()
    settings = settings_of(plan)

    back = decode_state(encode_state(settings), Settings)

    assert back == settings, "or a snapshot differs from its own replay"
    assert planned(back, plan.account_id, plan.name) == plan


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"rules": {"max_luck": {"limit": 1}}}, "knows nothing of 'max_luck'"),
        ({"rules": {"max_contracts": {"limit": 1, "luck": 2}}}, "reads the plan otherwise"),
        ({"rules": 7}, "reads the plan otherwise"),
        ({"mark": "luck"}, "reads the plan otherwise"),
    ],
)
def test_a_plan_of_another_release_is_refused_in_words(
    change: dict[str, object], what: str
) -> None:
    fields = msgspec.msgpack.decode(plan_bytes(every_rule()))

    with pytest.raises(ValueError, match=what):
        read_plan(msgspec.msgpack.encode({**fields, **change}))
