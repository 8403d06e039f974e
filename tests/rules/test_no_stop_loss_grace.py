"""RULE-008: a position that has had no stop for as long as the grace is closed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.rules.no_stop_loss_grace import (
    NAME,
    RULE,
    OnExpiry,
    OnUnknown,
    Params,
    State,
    decide,
)
from actors.rules.rule import Hears, Judgement, Wake
from protocol.account_facts import OrderSeen, OrderStatus, OrderType, Side
from protocol.book import Holding
from protocol.codec import decode_state, encode_state
from protocol.enforcement import Aim, Goal, Priority
from protocol.schedule import Clock
from protocol.units import (
    MILLISECOND,
    SECOND,
    AccountId,
    ContractId,
    Nanos,
    Now,
    OrderId,
    PositionId,
)
from tests.rules.books import ACCOUNT, ES, MNQ, price, priced, view

BUY, SELL = Side.BUY, Side.SELL
START = Now(wall=Nanos(1_800_000_000 * SECOND), mono=Nanos(50 * SECOND))
LONG = priced(MNQ, 2, "21000", "21000")
SHORT = priced(MNQ, -2, "21000", "21000")


def order(
    side: Side = SELL,
    stop: str | None = "20990",
    *,
    number: int = 1,
    kind: OrderType = OrderType.STOP,
    status: OrderStatus = OrderStatus.OPEN,
    size: int = 2,
    contract: ContractId = MNQ,
    account: AccountId = ACCOUNT,
    parent: int | None = None,
    tag: str | None = None,
) -> OrderSeen:
    return OrderSeen(
        account_id=account,
        order_id=OrderId(number),
        contract_id=contract,
        status=status,
        type=kind,
        side=side,
        size=size,
        stop_price=None if stop is None else price(stop),
        parent_id=None if parent is None else OrderId(parent),
        tag=tag,
    )


def close(*contracts: ContractId) -> tuple[Goal, ...]:
    return tuple(Goal(aim=Aim.FLATTEN, contract_id=one) for one in contracts)


class Story:
    """A book that changes as time goes by, and the rule that is asked at each step.

    It is asked again at each instant it wished for, and a read that it wants is answered with the
    book as it is, unless the broker is `silent`.
    """

    def __init__(self, *, silent: bool = False, **settings: Any) -> None:
        self.params = Params(**settings)
        self.silent = silent
        self.now = START
        self.state = State()
        self.book = replace(view(), truth_asked=Nanos(START.mono - SECOND))
        self.reads = 0
        self.judged: Judgement[State] = self._ask()

    def shows(self, *holdings: Holding, orders: tuple[OrderSeen, ...] = ()) -> "Story":
        held = view(*holdings).holdings
        self.book = replace(self.book, holdings=held, orders=orders)
        self._ask()
        return self

    def wait(self, seconds: float) -> "Story":
        end = self.moved(round(seconds * 1_000) * MILLISECOND)
        while (wake := self.judged.wake) is not None:
            left = wake.at - (self.now.wall if wake.clock is Clock.WALL else self.now.mono)
            assert left > 0, "a wish for the past would be granted for ever"
            if self.now.mono + left > end.mono:
                break
            self.now = self.moved(left)
            self._ask()
        self.now = end
        return self

    def moved(self, nanos: int) -> Now:
        return Now(Nanos(self.now.wall + nanos), Nanos(self.now.mono + nanos))

    def answer(self) -> "Story":
        """Let a read that leaves now bring the book as it is."""
        self.book = replace(self.book, truth_asked=self.now.mono)
        self._ask()
        return self

    def restart(self, mono: int) -> "Story":
        """Bring the rule back from the disk, with a stopwatch that begins elsewhere."""
        self.state = decode_state(encode_state(self.state), State)
        self.now = Now(self.now.wall, Nanos(mono))
        self.book = replace(self.book, truth_asked=Nanos(mono))
        self._ask()
        return self

    def _ask(self) -> Judgement[State]:
        self.judged = decide(self.params, self.state, self.book, self.now)
        if self.judged.state == self.state:
            assert self.judged.state is self.state, "nothing new is written to the disk"
        self.state = self.judged.state
        if self.judged.wants_truth:
            self.reads += 1
            if not self.silent:
                self.answer()
        return self.judged

    @property
    def goals(self) -> tuple[Goal, ...]:
        return tuple(goal for breach in self.judged.breaches for goal in breach.goals)


# -- the grace --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(0, ()), (9.999, ()), (10, close(MNQ)), (11, close(MNQ))],
    ids=["at once", "just before", "exactly at the end", "after it"],
)
def test_a_position_without_a_stop_is_closed_when_the_grace_is_over(
    seconds: float, wanted: tuple[Goal, ...]
) -> None:
    story = Story().shows(LONG).wait(seconds)

    assert story.goals == wanted
    assert story.reads == bool(wanted)


@pytest.mark.parametrize("holding", [LONG, SHORT], ids=["long", "short"])
def test_it_closes_one_contract_locks_nothing_and_says_why(holding: Holding) -> None:
    (breach,) = Story().shows(holding).wait(10).judged.breaches

    assert (breach.rule, breach.priority, breach.lock) == (NAME, Priority.POSITION, None)
    assert breach.goals == close(MNQ)
    assert breach.why == f"{MNQ} had no stop that covers all of it for 10s"


def test_the_grace_is_as_long_as_it_is_set() -> None:
    story = Story(grace="2m").shows(LONG).wait(119)
    assert (story.goals, story.judged.limit, story.judged.used) == ((), "2m", "0s")

    assert story.wait(1).goals == close(MNQ)
    assert story.judged.used == "2m"


def test_a_flat_account_waits_for_nothing() -> None:
    story = Story().wait(60)

    assert (story.judged.wake, story.judged.breaches, story.reads) == (None, (), 0)
    assert story.judged.used == "0s"


def test_it_asks_to_be_woken_at_the_very_end_of_the_grace() -> None:
    story = Story().shows(LONG)

    assert story.judged.wake == Wake(Clock.WALL, Nanos(START.wall + 10 * SECOND))


# -- what protects ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holding", "orders", "stays"),
    [
        pytest.param(LONG, (order(),), True, id="a stop below a long"),
        pytest.param(SHORT, (order(BUY, "21010"),), True, id="a stop above a short"),
        pytest.param(LONG, (order(kind=OrderType.STOP_LIMIT),), True, id="a stop-limit"),
        pytest.param(LONG, (order(kind=OrderType.TRAILING_STOP),), True, id="a trailing stop"),
        pytest.param(
            LONG, (order(kind=OrderType.TRAILING_STOP, stop=None),), True, id="without a price"
        ),
        pytest.param(LONG, (order(status=OrderStatus.PENDING),), True, id="pending"),
        pytest.param(LONG, (order(status=OrderStatus.SUSPENDED),), True, id="suspended: a bracket"),
        pytest.param(
            LONG, (order(status=OrderStatus.PENDING_CANCELLATION),), False, id="being cancelled"
        ),
        pytest.param(LONG, (order(tag=None),), True, id="placed in the broker's own screen"),
        pytest.param(LONG, (order(tag="RW-1"),), True, id="placed by a program"),
        pytest.param(LONG, (order(BUY, "21010"),), False, id="a stop entry, lesson 92"),
        pytest.param(LONG, (order(stop="21010"),), False, id="on the winning side"),
        pytest.param(
            LONG, (order(stop=None, kind=OrderType.LIMIT),), False, id="a target only, lesson 92"
        ),
        pytest.param(LONG, (order(contract=ES),), False, id="another contract's stop"),
        pytest.param(LONG, (order(account=AccountId(7)),), False, id="another account's stop"),
        pytest.param(LONG, (order(size=1),), False, id="half of it, lesson 95"),
        pytest.param(LONG, (order(size=1), order(size=1, number=2)), True, id="two halves"),
        pytest.param(LONG, (order(size=3),), True, id="more than all of it"),
    ],
)
def test_only_a_stop_that_covers_the_position_stops_the_clock(
    holding: Holding, orders: tuple[OrderSeen, ...], *, stays: bool
) -> None:
    story = Story().shows(holding, orders=orders).wait(60)

    assert story.goals == (() if stays else close(MNQ))


def test_without_full_coverage_a_stop_for_one_contract_is_enough() -> None:
    half = order(size=1)

    assert Story(full_coverage=False).shows(LONG, orders=(half,)).wait(60).goals == ()
    assert Story(full_coverage=False).shows(LONG).wait(10).goals == close(MNQ)


def test_a_stop_in_the_last_moment_saves_the_position() -> None:
    story = Story().shows(LONG).wait(9.999).shows(LONG, orders=(order(),)).wait(60)

    assert (story.goals, story.judged.wake, story.reads) == ((), None, 0)


def test_the_fresh_read_decides_and_may_show_a_stop_that_nobody_told_of() -> None:
    story = Story(silent=True).shows(LONG).wait(10)
    assert (story.goals, story.reads) == ((), 1)

    story.book = replace(story.book, orders=(order(),))
    story.answer().wait(60)
    assert (story.goals, story.judged.wake, story.reads) == ((), None, 1)


# -- when the clock starts --------------------------------------------------------------------


def test_lesson_71_closed_and_opened_again_at_nine_seconds_has_ten_again() -> None:
    again = replace(LONG, position_id=PositionId(2))
    story = Story().shows(LONG).wait(9).shows().shows(again).wait(9.999)
    assert story.goals == ()

    assert story.wait(0.001).goals == close(MNQ)


def test_a_new_position_has_a_new_clock_although_nobody_saw_the_old_one_go() -> None:
    again = replace(LONG, position_id=PositionId(2))

    assert Story().shows(LONG).wait(9).shows(again).wait(9.999).goals == ()


@pytest.mark.parametrize("position_id", [LONG.position_id, PositionId(2)], ids=["same id", "new"])
def test_a_position_that_turns_around_has_a_new_clock(position_id: PositionId) -> None:
    turned = replace(SHORT, position_id=position_id)
    story = Story().shows(LONG).wait(9).shows(turned).wait(9.999)
    assert story.goals == ()

    assert story.wait(0.001).goals == close(MNQ)


def test_a_position_that_grows_beyond_its_stop_starts_the_clock() -> None:
    bigger = priced(MNQ, 3, "21000", "21000")
    story = Story().shows(LONG, orders=(order(),)).wait(60)
    story.shows(bigger, orders=(order(),)).wait(9.999)
    assert story.goals == ()

    assert story.wait(0.001).goals == close(MNQ)


def test_a_naked_position_that_grows_gains_no_time() -> None:
    bigger = priced(MNQ, 3, "21000", "21000")

    assert Story().shows(LONG).wait(9).shows(bigger).wait(1).goals == close(MNQ)


def test_a_partial_exit_down_to_its_stop_ends_the_clock() -> None:
    smaller = priced(MNQ, 1, "21000", "21000")
    half = order(size=1)

    assert (
        Story().shows(LONG, orders=(half,)).wait(9).shows(smaller, orders=(half,)).wait(60).goals
        == ()
    )


def test_the_clock_starts_when_the_last_stop_goes() -> None:
    story = Story().shows(LONG, orders=(order(), order(number=2))).wait(60)
    story.shows(LONG, orders=(order(number=2),)).wait(60)
    assert story.judged.wake is None  # lesson 91: of two stops one went

    story.shows(LONG).wait(9.999)
    assert story.goals == ()
    assert story.wait(0.001).goals == close(MNQ)


def test_time_without_a_stop_counts_only_as_long_as_it_is_unbroken() -> None:
    story = Story()
    for _ in range(5):
        story.shows(LONG).wait(9).shows(LONG, orders=(order(),)).wait(1)

    assert story.goals == ()
    assert story.shows(LONG).wait(10).goals == close(MNQ)


def test_each_contract_has_its_own_clock() -> None:
    other = priced(ES, 1, "6000", "6000")
    story = Story().shows(LONG).wait(6).shows(LONG, other).wait(4)
    assert story.goals == close(MNQ)

    assert story.shows(other).wait(5.999).goals == ()
    assert story.wait(0.001).goals == close(ES)


# -- unknown is never none --------------------------------------------------------------------


def test_a_read_that_left_before_the_end_decides_nothing() -> None:
    story = Story(silent=True).shows(LONG).wait(10)
    story.book = replace(story.book, truth_asked=Nanos(story.now.mono - 1))
    story.wait(1)

    assert story.goals == ()
    assert story.judged.unknown == f"stops of {MNQ} have not been read"
    assert story.reads == 1  # the account tries again by itself


@pytest.mark.parametrize(
    ("on_unknown", "wanted"), [(OnUnknown.CLOSE, close(MNQ)), (OnUnknown.WAIT, ())]
)
def test_lesson_93_after_the_timeout_it_is_done_as_it_is_set(
    on_unknown: OnUnknown, wanted: tuple[Goal, ...]
) -> None:
    story = Story(silent=True, on_unknown=on_unknown, unknown_timeout="30s").shows(LONG)
    assert story.wait(39.999).goals == ()

    story.wait(0.001)
    assert story.goals == wanted
    assert bool(story.judged.unknown) is (on_unknown is OnUnknown.WAIT)
    if wanted:
        why = "may have no stop: the broker has not said for 30s"
        assert story.judged.breaches[0].why == f"{MNQ} {why}"


def test_an_answer_after_the_timeout_still_decides() -> None:
    story = Story(silent=True, on_unknown=OnUnknown.WAIT).shows(LONG).wait(60)
    assert story.goals == ()

    assert story.answer().goals == close(MNQ)


def test_an_account_that_was_never_read_is_not_flat() -> None:
    story = Story().shows(LONG).wait(5)
    story.book = replace(story.book, known=False, holdings=())
    story.wait(1)
    judged = decide(story.params, story.state, story.book, story.now)

    assert judged.unknown
    assert judged.state is story.state


# -- restarts and clocks ----------------------------------------------------------------------


@pytest.mark.parametrize("mono", [1, 50 * SECOND, 10**15], ids=["earlier", "close by", "later"])
def test_the_clock_goes_on_through_a_restart(mono: int) -> None:
    story = Story().shows(LONG).wait(6).restart(mono).wait(3.999)
    assert story.goals == ()

    assert story.wait(0.001).goals == close(MNQ)


@pytest.mark.parametrize("mono", [1, 10**15])
def test_a_grace_that_ended_meanwhile_is_over_at_the_start(mono: int) -> None:
    story = Story(silent=True).shows(LONG).wait(9)
    story.now = story.moved(3600 * SECOND)
    story.silent = False
    story.restart(mono)

    assert (story.goals, story.reads) == (close(MNQ), 1)


@pytest.mark.parametrize("mono", [1, 10**15])
def test_a_restart_between_the_question_and_the_answer_asks_again(mono: int) -> None:
    story = Story(silent=True).shows(LONG).wait(10)
    assert story.reads == 1
    story.silent = False
    story.restart(mono)

    assert story.goals == close(MNQ)


def test_a_clock_set_back_costs_no_more_than_one_grace() -> None:
    story = Story().shows(LONG).wait(5)
    story.now = replace_wall(story.now, -3600)
    story.shows(LONG).wait(9.999)
    assert story.goals == ()

    assert story.wait(0.001).goals == close(MNQ)


def test_a_clock_set_back_after_the_end_changes_nothing_for_long() -> None:
    story = Story(silent=True).shows(LONG).wait(10)
    story.now = replace_wall(story.now, -3)
    story.silent = False
    story.shows(LONG).wait(3)

    assert story.goals == close(MNQ)


def replace_wall(now: Now, seconds: int) -> Now:
    return Now(Nanos(now.wall + seconds * SECOND), now.mono)


# -- a stop instead of the close -------------------------------------------------------------


def placing(**more: Any) -> Story:
    return Story(on_expiry=OnExpiry.PLACE_STOP, stop_ticks=40, **more)


@pytest.mark.parametrize(
    ("holding", "side", "at"),
    [
        (LONG, SELL, "20990"),
        (SHORT, BUY, "21010"),
        (replace(LONG, average=price("21000.1")), SELL, "20990"),
        (replace(SHORT, average=price("21000.1")), BUY, "21010.25"),
    ],
)
def test_place_stop_asks_for_a_stop_so_far_from_the_entry(
    holding: Holding, side: Side, at: str
) -> None:
    story = placing().shows(holding).wait(9.999)
    assert not story.goals

    story.wait(0.001)
    assert story.goals == (
        Goal(
            aim=Aim.PROTECT,
            contract_id=MNQ,
            position_id=holding.position_id,
            side=side,
            stop=price(at),
        ),
    )


def test_place_stop_is_content_once_the_stop_is_there() -> None:
    story = placing().shows(LONG).wait(10)
    assert story.goals
    assert story.shows(LONG, orders=(order(),)).wait(60).goals == ()


def test_place_stop_closes_if_the_market_is_there_already() -> None:
    there = priced(MNQ, 2, "21000", "20990")
    assert placing().shows(there).wait(10).goals == close(MNQ)
    above = priced(MNQ, 2, "21000", "20990.25")
    assert [one.aim for one in placing().shows(above).wait(10).goals] == [Aim.PROTECT]


def test_place_stop_closes_if_there_is_no_price_to_place_it_by() -> None:
    assert placing().shows(priced(MNQ, 2, "21000", None)).wait(10).goals == close(MNQ)


def test_place_stop_closes_if_the_stop_does_not_show_in_time() -> None:
    story = placing(unknown_timeout="10s").shows(LONG).wait(10)
    assert [one.aim for one in story.wait(19.999).goals] == [Aim.PROTECT]
    assert story.wait(0.001).goals == close(MNQ)


def test_place_stop_asks_in_one_piece_for_a_stop_here_and_a_close_there() -> None:
    beyond = priced(ES, 1, "6000", "5980")
    story = placing().shows(LONG, beyond).wait(10)

    assert len(story.judged.breaches) == 1
    assert {(one.aim, one.contract_id) for one in story.goals} == {
        (Aim.PROTECT, MNQ),
        (Aim.FLATTEN, ES),
    }


# -- the rest ---------------------------------------------------------------------------------


def test_it_hears_positions_orders_and_prices() -> None:
    assert RULE.hears == Hears.POSITIONS | Hears.ORDERS | Hears.PRICES


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"grace": "0s"}, "^grace: '0s' is too short"),
        ({"grace": "soon"}, "^grace: 'soon' is no duration"),
        ({"unknown_timeout": "0s"}, "^unknown_timeout: "),
        ({"on_expiry": OnExpiry.PLACE_STOP}, "^stop_ticks: .* needs the distance .* such as 40"),
        ({"stop_ticks": 0}, "^stop_ticks: 0 must be greater than 0"),
    ],
)
def test_a_setting_without_sense_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Params(**settings)


def test_the_defaults_are_ten_seconds_and_full_coverage() -> None:
    params = Params()

    assert (params.grace, params.unknown_timeout, params.full_coverage) == ("10s", "10s", True)
    assert (params.on_expiry, params.on_unknown) == (OnExpiry.CLOSE, OnUnknown.CLOSE)


steps = st.lists(
    st.tuples(
        st.sampled_from([None, LONG, SHORT, replace(LONG, position_id=PositionId(2))]),
        st.sampled_from([(), (order(),), (order(BUY, "21010"),)]),
        st.integers(1, 12_000),
    ),
    max_size=8,
)


@given(steps)
def test_it_closes_exactly_what_has_stood_without_a_stop_for_all_of_the_grace(
    episode: list[tuple[Holding | None, tuple[OrderSeen, ...], int]],
) -> None:
    story = Story()
    bare: tuple[object, int] | None = None  # what stands unprotected, and for how many ms
    for holding, orders, ms in episode:
        held = () if holding is None else (holding,)
        story.shows(*held, orders=orders)
        wanted = SELL if holding is not None and holding.size > 0 else BUY
        if holding is None or any(one.side is wanted for one in orders):
            bare = None
        else:
            which = (holding.position_id, holding.size > 0)
            so_far = bare[1] if bare is not None and bare[0] == which else 0
            bare = (which, so_far + ms)
        story.wait(ms / 1_000)

        assert bool(story.goals) is (bare is not None and bare[1] >= 10_000)
