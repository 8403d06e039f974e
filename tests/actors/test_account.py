"""The account: what it believes when reads and messages cross."""

from decimal import Decimal
from itertools import permutations

import pytest

from actors.model.account_state import State
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss, daily_realized_profit
from actors.rules.rule import RuleParams
from protocol.account_facts import PositionSeen, TradeSeen
from protocol.answers import TruthRead
from protocol.decisions import LockSet
from protocol.units import MILLISECOND, USD, Nanos, RuleName
from tests.actors.loyal import PATH, Desk
from tests.actors.rig import later
from tests.sim.broker import ACCOUNT, ES, MNQ, NEXT, Broker, Fact

LOSS, PROFIT = daily_realized_loss.NAME, daily_realized_profit.NAME


def desk(*, loss: int = -5_000, profit: int = 5_000) -> Desk:
    rules: dict[RuleName, RuleParams] = {
        daily_realized_loss.NAME: daily_realized_loss.Params(limit=Decimal(loss)),
        daily_realized_profit.NAME: daily_realized_profit.Params(target=Decimal(profit)),
    }
    plan = AccountPlan(account_id=ACCOUNT, name="practice", reset=ResetSchedule(), rules=rules)
    return Desk(plan)


def read(broker: Broker, name: str, asked: Nanos, *, trades: bool = True) -> TruthRead:
    """Return what a read that was asked then would show of the broker as it is now."""
    return TruthRead(
        command_id=f"1001/{name}",
        account_id=ACCOUNT,
        positions=tuple(broker.positions.values()),
        orders=tuple(broker.orders.values()),
        trades=tuple(broker.trades.values()) if trades else None,
        asked=asked,
    )


def account(one: Desk) -> State:
    state = one.runtime.states[PATH]
    assert isinstance(state, State)
    return state


def test_a_read_that_a_later_one_has_overtaken_changes_nothing_i2() -> None:
    """No hub told of the position: the older read would hide it until the next poll."""
    one = desk()
    early = read(one.broker, "a", later(one.now, 10 * MILLISECOND).mono)
    one.broker.market(MNQ, 2, one.now.wall)
    late = read(one.broker, "b", later(one.now, 20 * MILLISECOND).mono)
    one.now = later(one.now, 30 * MILLISECOND)
    one.hear(late)
    one.hear(early)

    assert {key: row.seen.size for key, row in account(one).book.rows.items()} == {MNQ: 2}
    assert len(account(one).ledger.trades) == 1


def test_trades_are_taken_from_an_older_read_if_the_later_one_had_none() -> None:
    one = desk()
    one.broker.market(MNQ, 2, one.now.wall)
    early = read(one.broker, "a", later(one.now, 10 * MILLISECOND).mono)
    late = read(one.broker, "b", later(one.now, 20 * MILLISECOND).mono, trades=False)
    one.now = later(one.now, 30 * MILLISECOND)
    one.hear(late)
    one.hear(early)

    assert len(account(one).ledger.trades) == 1


def test_what_the_hub_said_after_a_read_left_is_put_on_top_of_it() -> None:
    one = desk()
    early = read(one.broker, "a", one.now.mono)
    one.now = later(one.now, 10 * MILLISECOND)
    one.trade(MNQ, 2)
    one.hear(early)

    assert {key: row.seen.size for key, row in account(one).book.rows.items()} == {MNQ: 2}
    assert len(account(one).ledger.trades) == 1


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("ticks", [-80, 80])
def test_003_013_i16_an_exit_counts_its_money_once_whatever_is_told_first(
    order: tuple[int, ...], copies: int, side: int, ticks: int
) -> None:
    """Five MNQ that made 200 either way: 400 would end the day, and does not."""
    one = desk(loss=-300, profit=300)
    one.trade(MNQ, 5 * side)
    one.move(MNQ, ticks)
    one.wait(5_100)  # a sweep has valued the position
    exit_ = one.broker.market(MNQ, -5 * side, one.now.wall)
    assert len(exit_) == 3
    for fact in [exit_[number] for number in order for _ in range(copies)]:
        one.tell([fact])
        one.wait(20)

    assert one.said(LockSet) == []
    assert one.mutations == []
    costs = 10 * 3_700
    made = 200 * USD if ticks * side > 0 else -200 * USD
    assert account(one).view.realized == made - costs


def hedged(side: int = 1) -> Desk:
    """Return a desk with 300 won in one contract, and 375 lost in another; or the mirror."""
    one = desk(loss=-350, profit=350)
    one.trade(MNQ, 10 * side)
    one.trade(ES, side)
    one.move(MNQ, 60)
    one.move(ES, -30)
    one.wait(5_100)
    assert account(one).view.unrealized == -75 * side * USD
    return one


def one_goes(one: Desk) -> tuple[list[Fact], list[Fact]]:
    """Have the first closed, and return what is told of it: its position, and its trade."""
    facts = one.broker.market(MNQ, -one.broker.positions[MNQ].size, one.now.wall)
    trade: list[Fact] = [fact for fact in facts if isinstance(fact, TradeSeen)]
    return [fact for fact in facts if isinstance(fact, PositionSeen)], trade


@pytest.mark.parametrize(("side", "rule"), [(1, LOSS), (-1, PROFIT)])
def test_003_013_i16_what_is_left_without_what_was_not_told_yet_ends_no_day(
    side: int, rule: RuleName
) -> None:
    one = hedged(side)
    position, trade = one_goes(one)

    one.tell(position)
    assert account(one).verdicts[rule].unknown == f"what was closed of {MNQ} has not been told yet"
    one.wait(50)
    one.tell(trade)
    one.wait(5_100)

    assert account(one).verdicts[rule].unknown is None
    assert one.said(LockSet) == []
    assert one.mutations == []


@pytest.mark.parametrize("trades", [True, False], ids=["a read tells", "nothing ever tells"])
def test_003_a_profit_of_which_no_trade_is_told_is_read_and_not_waited_for_without_end(
    trades: bool,  # noqa: FBT001 - a column
) -> None:
    one = hedged()
    position, trade = one_goes(one)
    one.truth_fails = not trades

    one.tell(position)
    one.wait(3_900)
    assert one.said(LockSet) == []
    one.wait(1_000)

    assert len(one.said(LockSet)) == (0 if trades else 1)
    assert trade


@pytest.mark.parametrize("first", [TradeSeen, PositionSeen], ids=["trade", "position"])
def test_003_a_trade_that_never_comes_is_waited_for_no_longer_by_one_who_trades_on(
    first: type[TradeSeen | PositionSeen],
) -> None:
    """The exit's trade is lost; in another contract there is an exit every second and a half."""
    one = hedged()
    one.trade(NEXT, 10)
    position, _ = one_goes(one)
    one.truth_fails = True
    one.tell(position)

    for _ in range(3):
        exit_ = one.broker.market(NEXT, -1, one.now.wall)
        one.tell(sorted(exit_, key=lambda fact: not isinstance(fact, first)))
        one.wait(1_500)

    assert [said.lock.rule for said in one.said(LockSet)] == [LOSS]


def test_003_a_read_that_shows_no_trades_does_not_end_the_day_either() -> None:
    """The enforcer's own: it may be faster than the hub."""
    one = hedged()
    _, trade = one_goes(one)

    one.hear(read(one.broker, "e1", one.now.mono, trades=False))
    assert account(one).book.rows.keys() == {ES}
    one.wait(50)
    one.tell(trade)
    one.wait(5_100)

    assert one.said(LockSet) == []


def test_003_a_position_that_stays_counts_as_a_whole_again_and_is_read() -> None:
    one = desk(loss=-300)
    one.trade(MNQ, 5)
    one.move(MNQ, -80)
    one.wait(5_100)
    trade = next(
        fact for fact in one.broker.market(MNQ, -5, one.now.wall) if isinstance(fact, TradeSeen)
    )
    one.broker.market(MNQ, 5, one.now.wall)  # nobody hears of it: the broker shows five again
    one.tell([trade])
    assert account(one).view.unrealized == 0
    reads = account(one).kept.serial

    one.wait(2_100)

    assert account(one).kept.serial > reads
    assert account(one).settling.unsettled == {}


def test_003_a_fill_is_judged_at_the_price_of_now() -> None:
    """At the price of the last look, ten contracts would have lost 375."""
    one = desk(loss=-300)
    one.trade(MNQ, 5)
    one.move(MNQ, -80)
    one.wait(5_100)
    assert account(one).view.unrealized == -200 * USD
    one.move(MNQ, 70)  # it comes back, which no trigger waits for

    one.trade(MNQ, 5)

    assert account(one).view.unrealized == -25 * USD
    assert one.said(LockSet) == []
