"""The first price of a contract that is held: nothing stands beside it, and it may be garbage."""

from decimal import Decimal

import pytest

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss, daily_unrealized_loss
from actors.rules.rule import RuleParams
from protocol.commands import CloseContract
from protocol.decisions import LockSet
from protocol.units import PRICE, Price
from tests.actors.loyal import PATH, Desk
from tests.sim.broker import ACCOUNT, MNQ

ONE = daily_unrealized_loss.Params(limit=Decimal(-100))
ALL = daily_realized_loss.Params(limit=Decimal(-500))
CONFIRM_MS = 250


def opened(rule: RuleParams, points: int) -> Desk:
    """Return a desk that has just opened two at 26,000, and hears this as its first price."""
    name = daily_unrealized_loss.NAME if rule is ONE else daily_realized_loss.NAME
    plan = AccountPlan(
        account_id=ACCOUNT, name="practice", reset=ResetSchedule(), rules={name: rule}
    )
    desk = Desk(plan)
    facts = desk.broker.market(MNQ, 2, desk.now.wall)
    desk.broker.prices[MNQ] = Price(points * PRICE)
    desk.tell(facts)
    return desk


def prints(desk: Desk, points: int) -> None:
    desk.wait(10)
    desk.broker.prices[MNQ] = Price(points * PRICE)
    desk.hear(desk.broker.quote(MNQ, desk.now.wall))


def closes(desk: Desk) -> int:
    return sum(isinstance(one, CloseContract) for one in desk.mutations)


@pytest.mark.parametrize("garbage", [2_600, 260, 260_000])
@pytest.mark.parametrize("rule", [ONE, ALL], ids=["a position", "the account"])
def test_garbage_closes_nothing_and_values_nothing(rule: RuleParams, garbage: int) -> None:
    desk = opened(rule, garbage)
    assert desk.runtime.states[PATH].view.unrealized is None, "unknown, and never flat"
    desk.wait(10_000)
    assert closes(desk) == 0

    prints(desk, 25_999)
    desk.wait(10_000)

    assert closes(desk) == 0
    assert desk.said(LockSet) == []
    assert desk.broker.positions[MNQ].size == 2


@pytest.mark.parametrize("rule", [ONE, ALL], ids=["a position", "the account"])
def test_a_second_print_like_it_counts_for_markets_do_jump(rule: RuleParams) -> None:
    desk = opened(rule, 20_000)
    assert closes(desk) == 0

    prints(desk, 20_001)
    desk.wait(CONFIRM_MS)

    assert closes(desk) == 1


def test_a_position_is_closed_at_once_on_a_first_price_that_may_be() -> None:
    assert closes(opened(ONE, 25_900)) == 1


def test_an_account_is_closed_on_a_first_price_when_it_has_stood_to_be_contradicted() -> None:
    desk = opened(ALL, 25_800)
    assert closes(desk) == 0
    desk.wait(CONFIRM_MS - 1)
    assert closes(desk) == 0

    desk.wait(1)
    assert closes(desk) == 1
    assert len(desk.said(LockSet)) == 1


def test_an_account_is_closed_as_soon_as_the_second_price_says_so_too() -> None:
    desk = opened(ALL, 25_800)
    prints(desk, 25_799)

    assert closes(desk) == 1


def test_an_account_stands_if_the_second_price_contradicts_the_first() -> None:
    desk = opened(ALL, 25_800)
    prints(desk, 25_998)
    desk.wait(10_000)

    assert closes(desk) == 0
    assert desk.said(LockSet) == []
