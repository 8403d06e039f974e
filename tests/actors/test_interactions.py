"""What rules do to one another: each pair of the book that one day's trading brings together."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import (
    cooldown_after_loss,
    daily_realized_loss,
    daily_realized_profit,
    daily_unrealized_loss,
    max_contracts,
    max_unrealized_profit,
    no_stop_loss_grace,
    trade_frequency_limit,
    trade_management,
)
from actors.rules.rule import RuleParams
from protocol.account_facts import OrderType
from protocol.commands import CloseContract, ModifyOrder
from protocol.decisions import EnforcementRequested, LockSet
from protocol.lockouts import LockKind
from protocol.schedule import ClockSkewed
from protocol.units import PRICE, SECOND, ContractId, Nanos, Now, Price, RuleName
from tests.actors.loyal import PATH, Desk
from tests.sim.broker import ACCOUNT, ES, MNQ, Broker, Fact, Refusal

COUNT = max_contracts.Params(limit=2)
LOSS = daily_realized_loss.Params(limit=Decimal(-100))
OPEN_LOSS = daily_unrealized_loss.Params(limit=Decimal(-120))
OPEN_PROFIT = max_unrealized_profit.Params(target=Decimal(120))
PROFIT = daily_realized_profit.Params(target=Decimal(100))
COOLDOWN = cooldown_after_loss.Params(tiers={"5m": Decimal(-20)})
STOPS = no_stop_loss_grace.Params(grace="10s")


def desk(*rules: RuleParams) -> Desk:
    names = {type(one): name for name, one in BY_NAME.items()}
    named = {names[type(one)]: one for one in rules}
    plan = AccountPlan(
        account_id=ACCOUNT, name="practice", reset=ResetSchedule(), rules=dict(named)
    )
    return Desk(plan)


BY_NAME: dict[RuleName, RuleParams] = {
    max_contracts.NAME: COUNT,
    daily_realized_loss.NAME: LOSS,
    daily_unrealized_loss.NAME: OPEN_LOSS,
    max_unrealized_profit.NAME: OPEN_PROFIT,
    daily_realized_profit.NAME: PROFIT,
    cooldown_after_loss.NAME: COOLDOWN,
    no_stop_loss_grace.NAME: STOPS,
    trade_frequency_limit.NAME: trade_frequency_limit.Params(per_minute=1),
    trade_management.NAME: trade_management.Params(min_interval="1s"),
}


def locks(one: Desk) -> list[RuleName]:
    return [lock.rule for lock in one.runtime.states[PATH].locks]


def closed(one: Desk) -> list[str]:
    return [command.contract_id for command in one.mutations if isinstance(command, CloseContract)]


def test_004_closes_and_the_loss_it_books_breaches_003() -> None:
    one = desk(OPEN_LOSS, daily_realized_loss.Params(limit=Decimal(-100), combined=False))
    one.trade(MNQ, 2)
    one.move(MNQ, -120)
    one.wait(2_000)

    assert locks(one) == [daily_realized_loss.NAME]
    assert one.broker.positions == {}
    assert closed(one) == [MNQ]


def test_005_takes_the_profit_and_013_ends_the_day() -> None:
    one = desk(OPEN_PROFIT, daily_realized_profit.Params(target=Decimal(100), combined=False))
    one.trade(MNQ, 2)
    one.move(MNQ, 120)
    one.wait(2_000)

    assert locks(one) == [daily_realized_profit.NAME]
    assert one.broker.positions == {}
    assert closed(one) == [MNQ]


def test_001_and_003_at_once_close_all_once() -> None:
    one = desk(COUNT, LOSS)
    one.trade(MNQ, 2)
    one.broker.move(MNQ, -120, one.now.wall)
    one.tell(one.broker.market(MNQ, 1, one.now.wall))
    one.hear(one.broker.quote(MNQ, one.now.wall))
    one.wait(3_000)

    assert locks(one) == [daily_realized_loss.NAME]
    assert one.broker.positions == {}
    ids = [command.command_id for command in one.mutations]
    assert len(ids) == len(set(ids)) <= 2


def test_a_cooldown_under_a_hard_lock_ends_by_itself_and_the_lock_stays() -> None:
    one = desk(COOLDOWN, LOSS)
    one.trade(MNQ, 2)
    one.move(MNQ, -120)
    one.wait(2_000)
    assert set(locks(one)) == {cooldown_after_loss.NAME, daily_realized_loss.NAME}

    one.wait(301_000)
    assert locks(one) == [daily_realized_loss.NAME]
    one.trade(MNQ, 1)
    one.wait(2_000)
    assert one.broker.positions == {}


def test_007_counts_a_partial_filled_round_trip_once() -> None:
    one = desk(COOLDOWN)
    one.tell(one.broker.market_in_parts(MNQ, 3, one.now.wall))
    one.move(MNQ, -20)
    one.tell(one.broker.market_in_parts(MNQ, -3, one.now.wall))
    one.wait(2_000)

    (lock,) = one.said(LockSet)
    assert lock.lock.rule == cooldown_after_loss.NAME
    assert one.broker.positions == {}
    assert closed(one) in ([], [MNQ]), "told of the money before the position, it looks once"


def test_a_loss_under_a_lock_is_booked() -> None:
    one = desk(daily_realized_loss.Params(limit=Decimal(-100), combined=False))
    one.trade(MNQ, 2)
    one.move(MNQ, -120)
    one.trade(MNQ, -2)
    before = one.runtime.states[PATH].ledger.gross
    one.trade(ES, 1)
    one.wait(2_000)
    one.trade(ES, 1)
    one.move(ES, -4)
    one.wait(2_000)

    assert locks(one) == [daily_realized_loss.NAME]
    assert one.broker.positions == {}
    assert one.runtime.states[PATH].ledger.realized(include_fees=True) == one.broker.realized(
        one.runtime.states[PATH].day.started
    )
    assert one.runtime.states[PATH].ledger.costs > 0
    assert before < 0


def test_008_lets_a_stop_of_the_brokers_screen_stand() -> None:
    one = desk(STOPS)
    one.trade(MNQ, 1)
    one.wait(5_000)
    stop = Price(25_990 * PRICE)
    one.tell(one.broker.rest(MNQ, -1, OrderType.STOP, stop, one.now.wall))
    one.wait(30_000)
    assert MNQ in one.broker.positions

    order_id = next(iter(one.broker.orders))
    one.tell(one.broker.cancel(order_id, one.now.wall))
    one.wait(12_000)
    assert one.broker.positions == {}


def test_012_moves_no_stop_while_the_account_is_closed() -> None:
    one = desk(BY_NAME[trade_management.NAME], PROFIT)
    one.trade(MNQ, 2)
    stop = Price(25_990 * PRICE)
    one.tell(one.broker.rest(MNQ, -2, OrderType.STOP, stop, one.now.wall))
    one.move(MNQ, 150)
    one.wait(5_000)

    assert locks(one) == [daily_realized_profit.NAME]
    assert one.broker.positions == {}
    assert not any(isinstance(command, ModifyOrder) for command in one.mutations)


def test_012_moves_the_stop_as_long_as_nothing_is_locked() -> None:
    one = desk(BY_NAME[trade_management.NAME], PROFIT)
    one.trade(MNQ, 1)
    stop = Price(25_990 * PRICE)
    one.tell(one.broker.rest(MNQ, -1, OrderType.STOP, stop, one.now.wall))
    one.move(MNQ, 40)
    one.wait(5_000)

    assert locks(one) == []
    assert any(isinstance(command, ModifyOrder) for command in one.mutations)


@pytest.mark.parametrize("ticks", [-300, 300])
def test_all_of_them_together_close_a_position_once_lesson_115(ticks: int) -> None:
    one = desk(*BY_NAME.values())
    one.trade(MNQ, 2)
    one.tell(one.broker.rest(MNQ, -2, OrderType.STOP, Price(20_000 * PRICE), one.now.wall))
    one.move(MNQ, ticks)
    one.wait(5_000)

    assert one.broker.positions == {}
    assert closed(one) == [MNQ]
    state = one.runtime.states[PATH]
    assert state.ledger.realized(include_fees=True) == one.broker.realized(state.day.started)


class Reluctant(Broker):
    """A broker that refuses so many closes."""

    refuses = 0

    def close(
        self, contract_id: ContractId, size: int | None, at: Nanos, *, late: bool = False
    ) -> list[Fact]:
        if self.refuses:
            self.refuses -= 1
            raise Refusal("busy")
        return super().close(contract_id, size, at, late=late)


def cooling_with_a_clock_ahead(*, flatten: bool = True) -> tuple[Desk, Reluctant]:
    """Return a desk under a cooldown that is over by its own clock, and not by the Gateway's."""
    broker = Reluctant()
    cooldown = replace(COOLDOWN, flatten=flatten)
    rules: dict[RuleName, RuleParams] = {cooldown_after_loss.NAME: cooldown}
    one = Desk(
        AccountPlan(account_id=ACCOUNT, name="practice", reset=ResetSchedule(), rules=rules),
        broker=broker,
    )
    one.trade(MNQ, 1)
    one.move(MNQ, -60)
    one.trade(MNQ, -1)
    one.wait(2_000)
    assert locks(one) == [cooldown_after_loss.NAME]
    hour = Nanos(3_600 * SECOND)
    one.now = Now(wall=Nanos(one.now.wall + hour), mono=one.now.mono)
    one._take(one.runtime.input(PATH, ClockSkewed(ahead=hour), one.now))
    return one, broker


def test_a_cooldown_undoes_though_it_is_over_by_a_clock_that_is_ahead_i3() -> None:
    one, broker = cooling_with_a_clock_ahead()
    broker.refuses = 2
    one.trade(MNQ, 1)
    one.wait(3_000)

    assert locks(one) == [cooldown_after_loss.NAME]
    assert one.broker.positions == {}
    assert broker.refuses == 0


def test_what_a_cooldown_that_lets_stand_asked_for_ends_with_it() -> None:
    one, broker = cooling_with_a_clock_ahead(flatten=False)
    broker.refuses = 10**6
    one.trade(MNQ, 1)
    one.wait(302_000)
    assert locks(one) == []

    broker.refuses = 0
    one.wait(30_000)
    assert one.broker.positions[MNQ].size == 1
    assert one.runtime.states[f"{PATH}/enforcer"].kept.demands == ()


def test_no_lock_that_ends_with_its_day_is_asked_for_again_by_what_the_day_lost() -> None:
    """A machine that slept through the reset is ahead until the Gateway's clock is heard again."""
    one = desk(LOSS)
    one.trade(MNQ, 1)
    one.move(MNQ, -300)
    one.wait(2_000)
    assert locks(one) == [daily_realized_loss.NAME]
    slept = Nanos(one.runtime.states[PATH].day.next_reset - one.now.wall + SECOND)
    one.now = Now(wall=Nanos(one.now.wall + slept), mono=one.now.mono)
    one._take(one.runtime.input(PATH, ClockSkewed(ahead=slept), one.now))
    one.wait(1)
    assert locks(one) == [daily_realized_loss.NAME]

    one._take(one.runtime.input(PATH, ClockSkewed(ahead=Nanos(0)), one.now))
    one.trade(MNQ, 1)
    one.wait(2_000)
    assert locks(one) == []
    assert len(one.said(EnforcementRequested)) == 1
    assert one.broker.positions[MNQ].size == 1


@pytest.mark.parametrize(
    ("rule", "lasts_s"),
    [
        pytest.param(COOLDOWN, 300, id="007"),
        pytest.param(trade_frequency_limit.Params(per_minute=1), 60, id="006"),
    ],
)
def test_a_clock_that_is_ahead_takes_no_cooldown_away_i5(rule: RuleParams, lasts_s: int) -> None:
    """The Gateway dates the fills: by this machine's clock it would be over before it began."""
    one = desk(rule)
    hour = Nanos(3_600 * SECOND)
    one.now = Now(wall=Nanos(one.now.wall + hour), mono=one.now.mono)
    one._take(one.runtime.input(PATH, ClockSkewed(ahead=hour), one.now))
    for signed, ticks in ((1, -60), (-1, 0), (1, 0), (-1, 0)):
        one.tell(one.broker.market(MNQ, signed, Nanos(one.now.wall - hour)))
        one.move(MNQ, ticks)
        one.wait(100)
    (lock,) = one.runtime.states[PATH].locks

    assert lock.kind is LockKind.COOLDOWN
    one.wait((lasts_s - 2) * 1_000)
    assert len(locks(one)) == 1
    one.wait(3_000)
    assert locks(one) == []
