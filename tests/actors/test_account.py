"""The account: what it believes when reads and messages cross."""

from decimal import Decimal

from actors.model.account_state import State
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.rules import daily_realized_loss
from actors.rules.rule import RuleParams
from protocol.answers import TruthRead
from protocol.units import MILLISECOND, Nanos, RuleName
from tests.actors.loyal import PATH, Desk
from tests.actors.rig import later
from tests.sim.broker import ACCOUNT, MNQ, Broker


def desk() -> Desk:
    rules: dict[RuleName, RuleParams] = {
        daily_realized_loss.NAME: daily_realized_loss.Params(limit=Decimal(-5_000))
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
