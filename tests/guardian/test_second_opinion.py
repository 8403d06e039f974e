"""Our own calculation from prices, beside what the broker says that trades realized."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from msgspec.structs import replace

from actors.model.round_trips import Sizes
from ops.desk.drift import Drift
from ops.desk.second_opinion import SecondOpinion, Trips
from protocol.account_facts import TradeSeen
from protocol.decisions import AlarmCleared, AlarmRaised
from protocol.units import SECOND, ContractId, Usd
from tests.actors.loyal import PATH, Desk
from tests.actors.rig import later
from tests.actors.test_tree import plan
from tests.model.fills import ENQ, MNQ, any_day, fill, log, valued
from tests.sim.broker import ACCOUNT
from tests.sim.broker import MNQ as HELD

PRODUCTS = {one.contract_id: one for one in (MNQ, ENQ)}
CENTS = 100


def differs(fills: tuple[TradeSeen, ...], carried: Mapping[ContractId, int] | None = None) -> Usd:
    sizes: Sizes = dict(carried or {})
    trips = Trips(sizes, PRODUCTS)
    for one in fills:
        trips.take(one)
    return trips.differs


def bent(fills: tuple[TradeSeen, ...], number: int, by: int) -> tuple[TradeSeen, ...]:
    """Return the fills with one of which the broker says something else."""
    one = fills[number]
    other = replace(one, realized=Usd((one.realized or 0) + by))
    return (*fills[:number], other, *fills[number + 1 :])


LONG = log(("09:00:00", 2, 26_000), ("09:01:00", -2, 26_010))
SHORT = log(("09:00:00", -1, 26_000), ("09:01:00", 1, 26_010))
IN_OUT = log(
    ("09:00:00", 1, 26_000), ("09:01:00", 2, 26_006), ("09:02:00", -1, 26_010),
    ("09:03:00", -2, 25_990),
)  # fmt: skip
TURN = log(("09:00:00", 2, 26_000), ("09:01:00", -5, 26_010), ("09:02:00", 3, 26_001.25))


@pytest.mark.parametrize(
    "fills",
    [
        pytest.param(LONG, id="long"),
        pytest.param(SHORT, id="short"),
        pytest.param(IN_OUT, id="scaled in and out"),
        pytest.param(TURN, id="turned round"),
        pytest.param(log(("09:00:00", 3, 26_000), ("09:01:00", -1, 26_010)), id="under way"),
    ],
)
def test_a_broker_that_reckons_as_we_do_differs_in_nothing(fills: tuple[TradeSeen, ...]) -> None:
    assert differs(fills) == 0


def test_it_makes_no_difference_which_entry_an_exit_is_matched_with() -> None:
    first_in_first_out = bent(bent(IN_OUT, 2, 8 * CENTS), 3, -8 * CENTS)

    assert differs(first_in_first_out[:3]) == 0, "not while the position is open"
    assert differs(first_in_first_out) == 0


@pytest.mark.parametrize("number", [1, 2])
def test_a_closing_that_was_booked_wrongly_is_seen_once_it_is_flat(number: int) -> None:
    wrong = bent(TURN, number, -25_00 * CENTS)

    assert differs(wrong[:1]) == 0
    assert differs(wrong) == -25_00 * CENTS


def test_a_position_of_the_day_before_is_left_out_until_it_is_flat() -> None:
    before = {MNQ.contract_id: 2}
    closes = fill(1, "09:00:00", -2, 26_000, realized=12_345)
    after = valued(fill(2, "09:01:00", 1, 26_000), fill(3, "09:02:00", -1, 26_010))

    assert differs((closes, *after), before) == 0
    assert differs((closes, *bent(after, 1, 700)), before) == 700


def test_of_one_that_turns_round_the_rest_counts() -> None:
    before = {MNQ.contract_id: 2}
    turns = fill(1, "09:00:00", -3, 26_000, realized=12_345)
    closes = replace(SHORT[1], trade_id=turns.trade_id, at=turns.at)

    assert differs((turns, closes), before) == 0
    assert differs((turns, *bent((closes,), 0, 700)), before) == 700


def test_a_contract_whose_record_was_never_read_is_left_out() -> None:
    trips = Trips({}, {ENQ.contract_id: ENQ})
    for one in bent(LONG, 1, 900):
        trips.take(one)

    assert trips.differs == 0


@given(any_day())
def test_no_day_differs_from_itself(day: tuple[TradeSeen, ...]) -> None:
    assert differs(day) == 0


def day(change: Callable[[Desk], None]) -> Desk:
    """Return a desk whose trader has made a round trip, and then a change."""
    desk = Desk(plan())
    desk.trade(HELD, 2)
    desk.move(HELD, 4)
    desk.trade(HELD, -2)
    change(desk)
    desk.wait(1_000)
    return desk


def wrong(desk: Desk) -> None:
    ledger = desk.runtime.states[PATH].ledger
    last = ledger.trades[-1]
    told = replace(last, realized=Usd((last.realized or 0) + 30_000))
    state = desk.runtime.states[PATH]
    others = (one for one in ledger.trades if one is not last)
    desk.runtime.states[PATH] = replace(state, ledger=ledger.rebuilt(others, (told,)))


def test_the_accounts_of_a_desk_are_reckoned_as_their_days_grow() -> None:
    desk, second = day(lambda _: None), SecondOpinion()
    assert second.dollars(ACCOUNT, desk.runtime.states) == 0

    wrong(desk)
    assert second.dollars(ACCOUNT, desk.runtime.states) == 3
    assert second.dollars(ACCOUNT, desk.runtime.states) == 3


def test_an_account_that_was_not_read_is_not_reckoned() -> None:
    desk = day(lambda _: None)
    state = desk.runtime.states[PATH]
    states = {PATH: replace(state, trades_known=False)}

    assert SecondOpinion().dollars(ACCOUNT, states) is None
    assert SecondOpinion().dollars(ACCOUNT, {}) is None


def test_a_difference_that_stays_is_an_alarm_that_says_so_until_it_is_gone() -> None:
    desk, drift = day(lambda _: None), Drift()
    right = desk.runtime.states[PATH]
    seen = replace(right.seen, balance=Usd(0))
    desk.runtime.states[PATH] = right = replace(right, seen=seen)

    def told(after: int) -> list[AlarmRaised | AlarmCleared]:
        now = later(desk.now, after * SECOND)
        return list(drift.look((plan(),), desk.runtime.states, now))

    assert told(0) == []
    wrong(desk)
    desk.runtime.states[PATH] = replace(
        desk.runtime.states[PATH], seen=replace(seen, balance=Usd(30_000))
    )
    assert told(1) == [], "the balance moves with it, so only the prices speak against it"
    (raised,) = told(61)
    assert isinstance(raised, AlarmRaised)
    assert "+3.00 away from what their prices make" in raised.why
    assert "balance" not in raised.why

    desk.runtime.states[PATH] = right
    (cleared,) = told(62)
    assert isinstance(cleared, AlarmCleared)
