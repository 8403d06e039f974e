"""RULE-012: the stop of a position in profit moves toward the market, and never away from it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.stops import misfits, moves, tag_of
from actors.rules.rule import Hears, Judgement
from actors.rules.trade_management import NAME, RULE, Params, State, Track, decide
from protocol.account_facts import OrderSeen, OrderStatus, OrderType, Side
from protocol.book import BookView, Holding
from protocol.codec import decode_state, encode_state
from protocol.enforcement import Aim, Breach, Goal, Priority
from protocol.market_facts import Trigger
from protocol.schedule import Clock
from protocol.units import SECOND, ContractId, Nanos, Now, OrderId, PositionId, Price
from tests.rules.books import ACCOUNT, ES, MNQ, price, priced, view

BUY, SELL = Side.BUY, Side.SELL
START = Now(wall=Nanos(1_800_000_000 * SECOND), mono=Nanos(50 * SECOND))
TICK = price("0.25")


def stop(
    at: str | None,
    side: Side = SELL,
    *,
    number: int = 1,
    size: int = 2,
    filled: int = 0,
    kind: OrderType = OrderType.STOP,
    limit: str | None = None,
    status: OrderStatus = OrderStatus.OPEN,
    contract: ContractId = MNQ,
    tag: str | None = None,
) -> OrderSeen:
    return OrderSeen(
        account_id=ACCOUNT,
        order_id=OrderId(number),
        contract_id=contract,
        status=status,
        type=kind,
        side=side,
        size=size,
        filled=filled,
        stop_price=None if at is None else price(at),
        limit_price=None if limit is None else price(limit),
        tag=tag,
    )


class Story:
    """A position whose market moves; each step asks the rule as its triggers would."""

    def __init__(
        self,
        size: int = 2,
        average: str = "21000",
        *,
        stops: tuple[OrderSeen, ...] | None = None,
        **settings: Any,
    ) -> None:
        self.params = Params(**settings)
        self.now = START
        self.state = State()
        self.size, self.average, self.position = size, average, 1
        at = "20950" if size > 0 else "21050"
        own = (stop(at, SELL if size > 0 else BUY, size=abs(size)),)
        self.stops = own if stops is None else stops
        self.under_lock: tuple[ContractId, ...] = ()
        self.mark = average
        self.judged: Judgement[State] = self.ask()

    @property
    def book(self) -> BookView:
        held = replace(
            priced(MNQ, self.size, self.average, self.mark), position_id=PositionId(self.position)
        )
        return replace(view(held), orders=self.stops, under_lock=self.under_lock)

    def ask(self) -> Judgement[State]:
        self.judged = decide(self.params, self.state, self.book, self.now)
        if self.judged.state == self.state:
            assert self.judged.state is self.state, "nothing new is written to the disk"
        self.state = self.judged.state
        return self.judged

    def moves(self, *marks: str) -> "Story":
        for mark in marks:
            self.mark = mark
            self.ask()
        return self

    def wait(self, seconds: float) -> "Story":
        span = round(seconds * SECOND)
        self.now = Now(Nanos(self.now.wall + span), Nanos(self.now.mono + span))
        self.ask()
        return self

    def obeyed(self) -> "Story":
        """Let the broker do what is asked."""
        for goal in self.goals:
            for move in moves(goal, self.book):
                self.stops = tuple(
                    replace(one, stop_price=move.stop, size=move.size or one.size)
                    if one.order_id == move.order_id
                    else one
                    for one in self.stops
                )
        self.ask()
        return self

    def restart(self) -> "Story":
        self.state = decode_state(encode_state(self.state), State)
        self.ask()
        return self

    @property
    def goals(self) -> tuple[Goal, ...]:
        return tuple(goal for breach in self.judged.breaches for goal in breach.goals)

    @property
    def target(self) -> str | None:
        prices = [one.stop for one in self.goals if one.aim is Aim.TIGHTEN]
        assert len(prices) <= 1
        return None if not prices or prices[0] is None else text(prices[0])

    @property
    def track(self) -> Track:
        return self.state.tracks[MNQ]

    @property
    def triggers(self) -> tuple[str | None, str | None]:
        (one,) = self.judged.triggers
        low = None if one.low is None else text(one.low)
        return low, None if one.high is None else text(one.high)


def text(at: Price) -> str:
    return f"{at / 10**9:.2f}"


# Breakeven


@pytest.mark.parametrize(
    ("size", "average", "mark", "target"),
    [
        pytest.param(2, "21000", "21002.25", None, id="nine ticks"),
        pytest.param(2, "21000", "21002.50", "21000.00", id="ten ticks"),
        pytest.param(-2, "21000", "20997.75", None, id="nine ticks, short"),
        pytest.param(-2, "21000", "20997.50", "21000.00", id="ten ticks, short"),
        pytest.param(3, "21000.08333", "21002.50", None, id="off the grid, not quite ten"),
        pytest.param(3, "21000.08333", "21002.75", "21000.00", id="off the grid, away: down"),
        pytest.param(-3, "21000.08333", "20997.50", "21000.25", id="off the grid, away: up"),
        pytest.param(2, "21000", "20990", None, id="in loss"),
    ],
)
def test_012_breakeven_moves_the_stop_to_the_entry_at_its_trigger_and_not_before(
    size: int, average: str, mark: str, target: str | None
) -> None:
    story = Story(size, average, trailing=False).moves(mark)

    assert story.target == target


@pytest.mark.parametrize(("size", "mark", "target"), [(2, "21002.50", "21000.50"),
                                                      (-2, "20997.50", "20999.50")])  # fmt: skip
def test_012_breakeven_may_lie_some_ticks_in_profit(size: int, mark: str, target: str) -> None:
    assert Story(size, offset_ticks=2, trailing=False).moves(mark).target == target


def test_012_breakeven_stays_due_though_the_price_goes_back() -> None:
    story = Story(trailing=False).moves("21003").obeyed()
    assert story.target is None
    assert story.moves("21001", "21003", "21050").target is None


# Trailing


@pytest.mark.parametrize(
    ("size", "mark", "target"),
    [
        pytest.param(2, "21004.75", None, id="nineteen ticks"),
        pytest.param(2, "21005", "21002.50", id="twenty ticks"),
        pytest.param(2, "21010", "21007.50", id="forty"),
        pytest.param(-2, "20995.25", None, id="nineteen ticks, short"),
        pytest.param(-2, "20995", "20997.50", id="twenty ticks, short"),
        pytest.param(-2, "20990", "20992.50", id="forty, short"),
    ],
)
def test_012_trailing_follows_the_best_price_from_its_activation_on(
    size: int, mark: str, target: str | None
) -> None:
    assert Story(size, breakeven=False).moves(mark).target == target


def test_012_the_tighter_of_the_two_counts() -> None:
    assert Story(distance_ticks=30).moves("21005").target == "21000.00"
    assert Story(distance_ticks=5).moves("21005").target == "21003.75"


def test_012_a_mark_between_ticks_is_rounded_away_from_the_market() -> None:
    assert Story(breakeven=False).moves("21005.125").target == "21002.50"
    assert Story(-2, breakeven=False).moves("20994.875").target == "20997.50"


def test_012_the_stop_stays_when_the_price_goes_back() -> None:
    story = Story().moves("21010").obeyed()
    assert text(story.stops[0].stop_price or Price(0)) == "21007.50"
    assert story.wait(60).moves("21009", "21008", "21009").target is None


def test_012_a_long_way_up_and_down_moves_the_stop_step_by_step() -> None:
    story = Story()
    seen: list[str] = []
    for tick in (*range(60), *range(60, 0, -1), *range(80)):
        story.moves(text(Price(price("21000") + tick * TICK)))
        if story.target is not None:
            seen.append(story.target)
            story.obeyed()
        story.wait(10)

    assert seen[0] == "21000.00"
    assert len(seen) == len(set(seen)) > 50
    assert seen == sorted(seen, key=float)


# The market is never crossed


def test_012_a_stop_that_would_cross_the_market_waits_until_there_is_room() -> None:
    story = Story(trailing=False).moves("21003", "21000")
    assert story.target is None, "at the entry there is no room for a stop at the entry"
    assert story.moves("21000.25").target == "21000.00"


def test_012_without_a_price_nothing_is_moved_and_it_says_so() -> None:
    held = priced(MNQ, 2, "21000", None)
    judged = decide(Params(), State(), replace(view(held), orders=(stop("20950"),)), START)

    assert judged.breaches == ()
    assert judged.unknown == f"{MNQ} has no price"
    assert judged.triggers


# Whose stop, and which


@pytest.mark.parametrize(
    ("stops", "moved"),
    [
        pytest.param((stop("20950"),), {1}, id="the stop there is"),
        pytest.param((stop("21001"),), set(), id="one that is tighter is respected"),
        pytest.param((stop("21000"),), set(), id="one that is there already"),
        pytest.param((stop("20950", kind=OrderType.STOP_LIMIT),), {1}, id="a stop-limit"),
        pytest.param((stop("20950", kind=OrderType.TRAILING_STOP),), set(), id="the broker's own"),
        pytest.param((stop("20950", status=OrderStatus.SUSPENDED),), set(), id="asleep"),
        pytest.param((stop("20950", status=OrderStatus.PENDING),), {1}, id="pending"),
        pytest.param((stop("20950", status=OrderStatus.PENDING_CANCELLATION),), set(), id="going"),
        pytest.param((stop("20950", filled=1),), set(), id="one that is being filled"),
        pytest.param((stop(None),), set(), id="one whose price is not known"),
        pytest.param((stop("21100", BUY),), set(), id="a stop entry on the position's side"),
        pytest.param((stop("20950", contract=ES),), set(), id="another contract's"),
        pytest.param(
            (stop("20950", number=1, size=1), stop("20940", number=2, size=1)), {1, 2},
            id="two halves",
        ),
        pytest.param(
            (stop("21001", number=1, size=1), stop("20940", number=2, size=1)), {2},
            id="the half that is looser",
        ),
        pytest.param(
            (stop("20990", number=1), stop("20940", number=2)), {1},
            id="of two that are each enough, the nearer: both there would be too much",
        ),
        pytest.param(
            (stop("21001", number=1), stop("20940", number=2)), set(),
            id="a tighter one covers it all, so the other stays behind",
        ),
    ],
)  # fmt: skip
def test_012_which_stops_are_moved(stops: tuple[OrderSeen, ...], moved: set[int]) -> None:
    story = Story(stops=stops, trailing=False).moves("21003")

    asked = {one.order_id for goal in story.goals for one in moves(goal, story.book)}
    assert asked == moved


def test_012_an_oversize_stop_is_made_as_small_as_the_position_while_it_is_moved() -> None:
    story = Story(size=1, stops=(stop("20950", size=3),), trailing=False).moves("21003")
    (goal,) = story.goals

    (move,) = moves(goal, story.book)
    assert (move.size, text(move.stop or Price(0))) == (1, "21000.00")


def test_012_a_stop_limit_keeps_its_distance_to_its_limit() -> None:
    there = stop("20950", kind=OrderType.STOP_LIMIT, limit="20949")
    story = Story(stops=(there,), trailing=False).moves("21003")
    (goal,) = story.goals

    (move,) = moves(goal, story.book)
    assert text(move.limit or Price(0)) == "20999.00"


def test_012_without_a_stop_it_says_so_once_for_each_position() -> None:
    story = Story(stops=())
    assert story.judged.unknown is None, "nothing is due yet"
    said = {story.moves(at).judged.unknown for at in ("21003", "21006", "21020", "21003")}

    assert said == {f"{MNQ} has no stop to move"}
    assert story.goals == ()
    story.position = 2
    assert story.moves("21000").judged.unknown is None


def test_012_it_is_suspended_for_what_a_lock_covers() -> None:
    story = Story()
    story.under_lock = (MNQ,)
    assert story.moves("21010").goals == ()
    bare = Story(stops=(), auto_stop_ticks=40)
    assert bare.goals, "a first stop"
    bare.under_lock = (MNQ,)
    assert bare.moves("21001").goals == (), "is not placed either"
    story.under_lock = (ES,)
    story.ask()
    assert story.target == "21007.50", "the best price was followed all the same"


# When


def test_012_a_stop_moves_once_in_an_interval_and_then_at_once_to_the_newest() -> None:
    story = Story(min_interval="5s").moves("21005").obeyed()
    assert story.moves("21006", "21008").target is None
    wake = story.judged.wake
    assert wake is not None
    assert (wake.clock, wake.at) == (Clock.WALL, START.wall + 5 * SECOND)

    assert story.wait(4.999).target is None
    assert story.wait(0.001).target == "21005.50"


def test_012_what_was_asked_stands_until_it_is_so() -> None:
    story = Story(min_interval="5s").moves("21005")
    assert story.moves("21006", "21008").target == "21002.50"
    assert story.wait(5).target == "21005.50"
    assert story.wait(60).target == "21005.50"


def test_012_it_moves_by_a_step_at_least() -> None:
    story = Story(step_ticks=4, min_interval="1s").moves("21005").obeyed().wait(5)
    assert story.moves("21005.75").target is None
    assert story.moves("21006").target == "21003.50"


def test_012_a_clock_that_is_set_back_holds_nothing_up() -> None:
    story = Story().moves("21005").obeyed()
    story.now = Now(Nanos(START.wall - 3_600 * SECOND), story.now.mono)
    assert story.moves("21008").target == "21005.50"


@pytest.mark.parametrize(
    ("size", "marks", "low", "high"),
    [
        pytest.param(2, (), None, "21002.50", id="breakeven"),
        pytest.param(-2, (), "20997.50", None, id="breakeven, short"),
        pytest.param(2, ("21003",), None, "21005.00", id="trailing begins"),
        pytest.param(2, ("21005",), None, "21005.25", id="the next tick"),
        pytest.param(-2, ("20995",), "20994.75", None, id="the next tick, short"),
        pytest.param(2, ("21010", "21008"), None, "21010.25", id="beyond the best"),
    ],
)
def test_012_between_its_triggers_no_quote_is_looked_at(
    size: int, marks: tuple[str, ...], low: str | None, high: str | None
) -> None:
    story = Story(size)
    for mark in marks:
        story.moves(mark).obeyed().wait(10)

    assert story.triggers == (low, high)


def test_012_the_next_trigger_is_a_whole_step_away() -> None:
    story = Story(step_ticks=4).moves("21005").obeyed()
    assert story.triggers == (None, "21006.00")


def test_012_a_move_that_waits_hears_of_a_market_that_comes_back() -> None:
    story = Story(min_interval="1m").moves("21005").obeyed().moves("21008")
    (one,) = story.judged.triggers

    assert one.high == price("21008.25")
    assert one.low == price("21005.75") - 1, "a stop at 21005.50 needs a market at 21005.75"


# Lives


def test_012_the_best_price_is_that_of_one_position_and_survives_a_restart() -> None:
    story = Story(stops=()).moves("21010").restart().moves("21008.50")
    story.stops = (stop("20950"),)
    story.ask()
    assert story.target == "21007.50"

    story.position = 2
    story.ask()
    assert text(story.track.best) == "21008.50"
    assert story.target == "21006.00"


def test_012_a_position_that_turns_around_under_its_id_starts_anew() -> None:
    story = Story().moves("21010")
    story.size = -2
    story.ask()
    assert text(story.track.best) == "21010.00"


def test_012_a_position_that_grows_is_measured_anew_and_one_that_shrinks_is_not() -> None:
    story = Story().moves("21010", "21009")
    story.size = 1
    story.ask()
    assert text(story.track.best) == "21010.00"
    story.size, story.average = 3, "21006"
    story.ask()
    assert text(story.track.best) == "21009.00"


def test_012_what_is_gone_is_forgotten() -> None:
    story = Story().moves("21010")
    judged = decide(story.params, story.state, view(), story.now)
    assert judged.state.tracks == {}
    assert judged.triggers == ()


# A stop of its own


def test_012_an_auto_stop_is_off_unless_it_is_asked_for() -> None:
    assert Story(stops=()).goals == ()


@pytest.mark.parametrize(("size", "average", "at"), [(2, "21000.1", "20990.00"),
                                                    (-2, "21000.1", "21010.25")])  # fmt: skip
def test_012_an_auto_stop_is_asked_for_as_a_position_opens_without_one(
    size: int, average: str, at: str
) -> None:
    story = Story(size, average, stops=(), auto_stop_ticks=40)
    (goal,) = story.goals

    assert (goal.aim, text(goal.stop or Price(0))) == (Aim.PROTECT, at)
    assert goal.side is (SELL if size > 0 else BUY)


def test_012_an_auto_stop_is_not_asked_for_twice_though_the_trader_takes_it_away() -> None:
    story = Story(stops=(), auto_stop_ticks=40)
    story.stops = (stop("20990"),)
    assert story.ask().breaches == ()
    story.stops = ()
    assert story.ask().breaches == ()
    story.size = 3
    story.ask()
    assert [one.aim for one in story.goals] == [Aim.PROTECT]


def test_012_a_stop_of_ours_goes_with_its_position() -> None:
    own = stop("20990", tag=tag_of(PositionId(1), 7))
    story = Story(stops=(own,), auto_stop_ticks=40)
    assert misfits(story.book) == ()
    story.position = 2
    assert [type(one).__name__ for one in misfits(story.book)] == ["Cancel"]


# Settings, and the shape of what it asks


def test_012_it_asks_as_automation_and_locks_nothing() -> None:
    story = Story().moves("21005")
    goal = Goal(
        aim=Aim.TIGHTEN,
        contract_id=MNQ,
        position_id=PositionId(1),
        side=SELL,
        stop=price("21002.50"),
    )

    assert story.judged.breaches == (
        Breach(
            rule=NAME,
            priority=Priority.AUTOMATION,
            goals=(goal,),
            why=f"{MNQ}: its stop to 21002.50",
        ),
    )
    assert RULE.priority is Priority.AUTOMATION
    assert RULE.hears == Hears.POSITIONS | Hears.ORDERS | Hears.PRICES


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"trigger_ticks": 0}, "trigger_ticks"),
        ({"activation_ticks": -1}, "activation_ticks"),
        ({"distance_ticks": 0}, "distance_ticks"),
        ({"step_ticks": 0}, "step_ticks"),
        ({"auto_stop_ticks": 0}, "auto_stop_ticks"),
        ({"offset_ticks": 10}, "offset_ticks"),
        ({"offset_ticks": -1}, "offset_ticks"),
        ({"min_interval": "0s"}, "min_interval"),
        ({"breakeven": False, "trailing": False}, "breakeven"),
    ],
)
def test_012_settings_that_cannot_be_meant_are_refused(settings: Any, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        Params(**settings)


# The property


@given(
    long=st.booleans(),
    entry=st.integers(84_000 * 3 - 30, 84_000 * 3 + 30),
    walk=st.lists(st.integers(-25, 25), min_size=1, max_size=60),
    start=st.integers(1, 60),
    trigger=st.integers(1, 15),
    activation=st.integers(1, 30),
    distance=st.integers(1, 20),
    step=st.integers(1, 5),
    lags=st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_property_012_a_stop_never_loosens_and_never_crosses_the_market(
    *,
    long: bool,
    entry: int,
    walk: list[int],
    start: int,
    trigger: int,
    activation: int,
    distance: int,
    step: int,
    lags: list[bool],
) -> None:
    """The entry lies anywhere between ticks; the broker obeys at once, or a step later."""
    sign = 1 if long else -1
    params = Params(
        trigger_ticks=trigger,
        activation_ticks=activation,
        distance_ticks=distance,
        step_ticks=step,
        min_interval="1s",
    )
    average = Price(entry * TICK // 3)
    mark = Price(entry // 3 * TICK)
    at = Price(mark - sign * start * TICK)
    side = SELL if long else BUY
    there = replace(stop("1", side), stop_price=at)
    state, now = State(), START
    for number, change in enumerate(walk):
        mark = Price(mark + change * TICK)
        if (mark - at) * sign <= 0:
            return  # the stop has filled
        held = priced(MNQ, 2 * sign, "1", "1")
        held = replace(held, average=average, mark=mark)
        book = replace(view(held), orders=(there,))
        now = Now(Nanos(now.wall + SECOND), Nanos(now.mono + SECOND))
        judged = decide(params, state, book, now)
        state = judged.state
        check_triggers(judged.triggers, held)
        for breach in judged.breaches:
            for goal in breach.goals:
                for move in moves(goal, book):
                    assert move.stop is not None
                    assert (move.stop - at) * sign > 0, "it loosens"
                    assert (mark - move.stop) * sign >= TICK, "it crosses the market"
                    assert move.stop % TICK == 0, "it lies off the grid"
                    if lags[number]:
                        at = move.stop
        there = replace(there, stop_price=at)


def check_triggers(triggers: tuple[Trigger, ...], held: Holding) -> None:
    """A trigger that the market has reached would fire on every quote."""
    assert held.mark is not None
    for one in triggers:
        assert one.high is None or one.high > held.mark
        assert one.low is None or one.low < held.mark
