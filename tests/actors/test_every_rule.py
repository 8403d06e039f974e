"""Every rule, from its settings to the broker's command: loaded, wired, enforced.

Production actors, a loyal broker, virtual time.  `python -m ops.matrix` makes the page of rules of
what passes here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import RULES
from config.calendars import load_shipped
from ops.desk.armed import rule as standing
from protocol.control import RuleStatus
from protocol.decisions import AlarmRaised, EnforcementRequested, LockSet
from protocol.lifecycle import Phase
from protocol.units import RuleName
from tests.actors.loyal import FOUND, PATH, Desk
from tests.sim.broker import ACCOUNT, MNQ

GRACE_MS = 20_000
EVERY_RULE = pytest.mark.parametrize("rule", list(RULES))


class Case(NamedTuple):
    """A rule's settings, and what a trader does to break it."""

    keys: dict[str, Any]
    breaks: Callable[[Desk], None]


def holds(size: int, ticks: int = 0) -> Callable[[Desk], None]:
    """Return the story of a position, and of the market after it."""

    def story(desk: Desk) -> None:
        desk.trade(MNQ, size)
        if ticks:
            desk.move(MNQ, ticks)

    return story


def trades_twice(desk: Desk) -> None:
    desk.trade(MNQ, 1)
    desk.wait(1_000)
    desk.trade(MNQ, 1)


def loses_and_comes_again(desk: Desk) -> None:
    desk.trade(MNQ, 1)
    desk.move(MNQ, -200)
    desk.trade(MNQ, -1)
    desk.wait(1_000)
    desk.trade(MNQ, 1)


def loses_its_leave(desk: Desk) -> None:
    desk.trade(MNQ, 1)
    desk.hear(replace(FOUND, can_trade=False))


ELSEWHEN = [{"start": "12:00", "end": "13:00"}]
"""A window that is not open in the morning on which every story begins."""
CASES = {
    "max_contracts": Case({"limit": 2}, holds(3)),
    "max_contracts_per_instrument": Case({"limits": {"MNQ": 2}}, holds(3)),
    "daily_realized_loss": Case({"limit": -100}, holds(2, -200)),
    "daily_realized_profit": Case({"target": 100}, holds(2, 300)),
    "daily_unrealized_loss": Case({"limit": -100}, holds(2, -200)),
    "max_unrealized_profit": Case({"target": 100}, holds(2, 300)),
    "no_stop_loss_grace": Case({"grace": "10s"}, holds(1)),
    "auth_loss_guard": Case({}, loses_its_leave),
    "symbol_blocks": Case({"symbols": ["M*"]}, holds(1)),
    "trade_frequency_limit": Case({"per_minute": 1, "flatten": True}, trades_twice),
    "cooldown_after_loss": Case({"tiers": {"5m": -20}}, loses_and_comes_again),
    "session_block_outside": Case(
        {"calendar": msgspec.to_builtins(load_shipped("cme_equity")), "windows": ELSEWHEN},
        holds(1),
    ),
    "trade_management": Case({"auto_stop_ticks": 40}, holds(1)),
}


def guarded(rule: str) -> Desk:
    """Return a desk whose account is guarded by one rule."""
    name = RuleName(rule)
    settings = msgspec.convert(CASES[rule].keys, RULES[name].params)
    plan = AccountPlan(
        account_id=ACCOUNT, name="practice", reset=ResetSchedule(), rules={name: settings}
    )
    return Desk(plan)


def stands(desk: Desk, rule: str) -> RuleStatus:
    return standing(desk.runtime, desk.runtime.states[PATH].plan, PATH, RuleName(rule), desk.now)


@EVERY_RULE
def test_loaded(rule: str) -> None:
    """It is built from its settings, and its actor lives."""
    desk = guarded(rule)

    assert desk.runtime.states[PATH].phase is Phase.ARMED
    one = stands(desk, rule)
    assert one.enabled
    assert one.loaded
    assert one.limit
    assert desk.deaths == []


@EVERY_RULE
def test_wired(rule: str) -> None:
    """It judges as the account arms, and again because of what it hears."""
    desk = guarded(rule)
    first = stands(desk, rule)
    assert first.subscribed
    assert first.evaluated is not None

    desk.wait(1)
    CASES[rule].breaks(desk)
    again = stands(desk, rule)
    assert again.evaluated is not None
    assert again.evaluated > first.evaluated
    assert again.armed


@EVERY_RULE
def test_enforced(rule: str) -> None:
    """What it finds reaches the broker as a command, and what it locks is locked."""
    desk = guarded(rule)
    CASES[rule].breaks(desk)
    desk.wait(GRACE_MS)

    assert stands(desk, rule).enforcing
    assert rule in {one.rule for one in desk.said(EnforcementRequested)}
    assert desk.mutations
    assert {one.lock.rule for one in desk.said(LockSet)} <= {rule}
    assert desk.said(AlarmRaised) == []
