"""`riskwarden rules --config F` and `status`, against the real service."""

import json

import pytest

from ops.commands.table import table
from ops.sim.server import SimServer
from protocol.control import RuleStatus
from tests.guardian.conftest import Build, service, sim
from tests.guardian.service import account, login, run

__all__ = ["service", "sim"]

RULES = """
[accounts.rules.daily_realized_loss]
limit = -500
[accounts.rules.max_contracts]
limit = 2
mode = "shadow"
"""


async def test_every_rule_at_work_is_shown_with_what_it_is(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account(rules=RULES))
    await one.start()
    await one.armed()

    code, out, _ = await run("rules", "--config", str(one.file))
    coded, told, _ = await run("rules", "--config", str(one.file), "--json")
    _, status, _ = await run("status", "--config", str(one.file))

    assert (code, coded) == (0, 0)
    assert "account 1001 PRACTICE-1001: ARMED" in out
    loss = next(line for line in out.splitlines() if "daily_realized_loss" in line)
    assert loss.split()[:5] == ["daily_realized_loss", "enforce", "-500.00", "0.00", "500.00"]
    assert loss.split()[5:8] == ["yes", "yes", "yes"]
    assert loss.endswith("yes")
    assert loss in status
    assert "no, shadow" in next(line for line in out.splitlines() if "max_contracts " in line)
    assert "off: " in out
    rules = {rule["rule"]: rule for rule in json.loads(told)["accounts"][0]["rules"]}
    assert rules["daily_realized_loss"]["enforcing"] is True
    assert rules["max_contracts"]["enforcing"] is False
    assert rules["max_contracts"]["remaining"] == "2"

    assert await one.end() == 0
    code, _, err = await run("rules", "--config", str(one.file))
    assert code == 1
    assert "no service is running" in err


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({"loaded": False, "evaluated": None}, ["yes NO yes", "NEVER", "NO"]),
        ({"subscribed": False, "evaluated": None}, ["yes yes NO", "NEVER", "NO"]),
        ({"enforcing": False}, ["yes yes yes", "08:00:00 LATE", "NO"]),
        ({"armed": True, "enforcing": True}, ["yes yes yes", "08:00:00", "yes"]),
    ],
)
def test_what_is_missing_stands_out(more: dict[str, object], seen: list[str]) -> None:
    whole = {"loaded": True, "subscribed": True, "evaluated": "2026-11-25T08:00:00.000Z", **more}
    rule = RuleStatus(
        rule="max_contracts",
        armed=bool(whole.pop("armed", False)),
        mode="enforce",
        limit="2",
        used="1 net",
        unknown=None,
        evaluated=whole.pop("evaluated"),  # type: ignore[arg-type]
        remaining="1",
        **whole,  # type: ignore[arg-type]
    )

    line = table([rule])[1]

    for cell in seen:
        assert f"  {cell}" in line
    assert line.endswith(seen[-1])


def test_what_a_rule_lacks_is_named_below_the_table_with_since_when() -> None:
    rule = RuleStatus(
        rule="max_contracts",
        armed=False,
        mode="enforce",
        limit="2",
        used="1 net",
        unknown=None,
        evaluated=None,
        lacks="loaded",
        since="2026-11-25T08:00:00.000Z",
    )

    assert "    max_contracts: not loaded since 2026-11-25T08:00:00.000Z" in table([rule])
