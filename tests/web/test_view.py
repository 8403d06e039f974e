"""Each account's one word: the worst that is true of it."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from ops.web.view import Screen, screen
from protocol.control import (
    AccountStatus,
    DeskStatus,
    LockoutStatus,
    RuleStatus,
    ServiceStatus,
)

NOW = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
RULE = RuleStatus(
    rule="daily_realized_loss",
    armed=True,
    mode="enforce",
    limit="-500.00",
    used="0.00",
    unknown=None,
    evaluated="2026-11-25T14:59:59.000Z",
    enforcing=True,
    loaded=True,
    subscribed=True,
)
LOCK = LockoutStatus(
    rule="daily_realized_loss",
    scope="account",
    reason="lost",
    since="2026-11-25T14:00:00.000Z",
    until=None,
)
ACCOUNT = AccountStatus(
    id=1001,
    name="PRACTICE",
    login="main",
    state="armed",
    mode="enforce",
    locked=False,
    lockouts=[],
    realized="0.00",
    unrealized="0.00",
    positions=[],
    rules=[RULE],
    enforcements=[],
    attempts_while_locked=0,
    next_reset=None,
    alarms=[],
)
DESK = DeskStatus(
    login="main",
    state="armed",
    pid=1,
    hubs="open",
    restarts=0,
    refused=0,
    calls_last_minute=0,
    commit_ms=0.0,
    alarms=[],
    heartbeat="2026-11-25T14:59:59.500Z",
    checkpoints={},
)


def shown(account: AccountStatus = ACCOUNT, desk: DeskStatus = DESK) -> Screen:
    return screen(ServiceStatus(accounts=[account], desks=[desk]), NOW)


@pytest.mark.parametrize(
    ("account", "word"),
    [
        (ACCOUNT, "ARMED"),
        (replace(ACCOUNT, lockouts=[LOCK]), "LOCKED"),
        (replace(ACCOUNT, lockouts=[replace(LOCK, scope="NG")]), "ARMED"),
        (replace(ACCOUNT, mode="shadow"), "SHADOW"),
        (replace(ACCOUNT, state="blind"), "BLIND"),
        (replace(ACCOUNT, state="blind", lockouts=[LOCK]), "BLIND"),
        (replace(ACCOUNT, rules=[RULE, replace(RULE, lacks="loaded")]), "PARTLY ARMED"),
        *(
            (replace(ACCOUNT, state=state, lockouts=[LOCK]), "NOT PROTECTED")
            for state in ("starting", "reading", "evaluated", "stale", "down", "missing")
        ),
        (replace(ACCOUNT, state="last_resort"), "NOT PROTECTED"),
        (replace(ACCOUNT, state="a state of a later release"), "NOT PROTECTED"),
    ],
)
def test_an_account_has_the_worst_word_that_is_true_of_it(
    account: AccountStatus, word: str
) -> None:
    [found] = shown(account).accounts

    assert found.word == word
    assert found.why


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ([RULE], "every rule judges and acts"),
        (
            [RULE, replace(RULE, rule="daily_realized_profit", unknown="no price")],
            "cannot judge just now: Daily realized profit",
        ),
        (
            [
                replace(RULE, unknown="no price"),
                replace(RULE, rule="max_contracts", mode="shadow", enforcing=False),
            ],
            "cannot judge just now: Daily realized loss; only noted: Max contracts",
        ),
    ],
)
def test_an_armed_account_says_which_rules_do_less(rules: list[RuleStatus], why: str) -> None:
    [found] = shown(replace(ACCOUNT, rules=rules)).accounts

    assert (found.word, found.why) == ("ARMED", why)


@pytest.mark.parametrize(
    "desk",
    [
        replace(DESK, state="down", heartbeat=None),
        replace(DESK, state="stale"),
        replace(DESK, state="starting", hubs="closed", restarts=1),
        replace(DESK, heartbeat=(NOW - timedelta(seconds=3.1)).isoformat()),
    ],
)
def test_no_account_is_armed_whose_desk_is_not_heard(desk: DeskStatus) -> None:
    found = shown(desk=desk)

    assert [one.word for one in found.accounts] == ["NOT PROTECTED"]
    assert found.desks[0].gone
    assert found.summary == "0 of 1 accounts protected"


def test_a_first_start_is_no_death() -> None:
    found = shown(
        replace(ACCOUNT, state="starting"), replace(DESK, state="starting", hubs="closed")
    )

    assert found.desks[0].gone is None
    assert found.accounts[0].word == "NOT PROTECTED"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (RULE, "enforcing"),
        (replace(RULE, mode="shadow", enforcing=False), "shadow, only notes"),
        (replace(RULE, enforcing=False), "judges, but nobody acts"),
        (replace(RULE, armed=False, enforcing=False, loaded=False), "not running"),
        (replace(RULE, armed=False, enforcing=False, evaluated=None), "has not judged"),
        (replace(RULE, armed=False, enforcing=False), "judged too long ago"),
    ],
)
def test_a_rule_says_whether_it_protects(rule: RuleStatus, said: str) -> None:
    [account] = shown(replace(ACCOUNT, rules=[rule])).accounts

    assert account.rules[0].standing == said
