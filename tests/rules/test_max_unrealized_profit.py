"""RULE-005: take a position's profit once it has made the target."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.headroom import ANY_PRICE
from actors.rules.daily_unrealized_loss import RULE as MIRROR
from actors.rules.daily_unrealized_loss import Params as MirrorParams
from actors.rules.max_unrealized_profit import NAME, RULE, Params
from actors.rules.rule import Hears
from protocol.book import Holding
from protocol.enforcement import Aim, Goal, Priority
from protocol.market_facts import Trigger
from protocol.units import ContractId, Price
from tests.rules.books import (
    ES,
    MNQ,
    NQ,
    RTY,
    dollars,
    holding,
    instrument,
    judge,
    price,
    priced,
    view,
)

TARGET = Params(target=Decimal(300))


def closed(params: Params, *holdings: Holding) -> set[ContractId | None]:
    """Return the contracts that a judgement wants flat."""
    breaches = judge(RULE, params, view(*holdings)).breaches
    wanted = [goal for breach in breaches for goal in breach.goals]
    assert all(goal.aim is Aim.FLATTEN for goal in wanted)
    return {goal.contract_id for goal in wanted}


@pytest.mark.parametrize(
    ("holdings", "wanted"),
    [
        pytest.param([], set(), id="flat"),
        pytest.param([priced(MNQ, 2, "25900", "25974.75")], set(), id="a tick below"),
        pytest.param([priced(MNQ, 2, "25900", "25975")], {MNQ}, id="exactly at the target"),
        pytest.param([priced(MNQ, 2, "25900", "25975.25")], {MNQ}, id="a tick above"),
        pytest.param([priced(MNQ, 2, "25900", "25000")], set(), id="a loss is not its business"),
        pytest.param([priced(MNQ, -2, "25900", "25825.25")], set(), id="short, a tick off"),
        pytest.param([priced(MNQ, -2, "25900", "25825")], {MNQ}, id="short, at the target"),
        pytest.param([priced(MNQ, -2, "25900", "25800")], {MNQ}, id="short, beyond"),
        pytest.param([priced(MNQ, -2, "25900", "26900")], set(), id="a short that loses"),
        pytest.param([priced(RTY, 6, "2400", "2401")], {RTY}, id="another product's tick"),
        pytest.param(
            [priced(MNQ, 2, "25900", "25975"), priced(ES, 1, "6000", "6005")],
            {MNQ},
            id="the other stays",
        ),
        pytest.param(
            [priced(MNQ, 2, "25900", "25975"), priced(ES, -1, "6000", "5994")],
            {MNQ, ES},
            id="both win",
        ),
        pytest.param(
            [priced(MNQ, 2, "25900", "25974.75"), priced(ES, 1, "6000", "6005.75")],
            set(),
            id="each by itself, though together twice the target",
        ),
        pytest.param(
            [priced(MNQ, 2, "25900", "25975"), priced(ES, 5, "6000", "5900")],
            {MNQ},
            id="another's loss excuses nothing",
        ),
        pytest.param(
            [priced(MNQ, 2, "25900", "25975"), priced(ES, 5, "6000", None)],
            {MNQ},
            id="nor does another's missing price",
        ),
        pytest.param(
            [priced(MNQ, 2, "25900", "25975"), priced(ES, 5, "6000", "6100", known=False)],
            {MNQ},
            id="nor does a contract without a value",
        ),
    ],
)
def test_what_makes_the_target_is_closed(
    holdings: list[Holding], wanted: set[ContractId | None]
) -> None:
    assert closed(TARGET, *holdings) == wanted


def test_a_breach_locks_nothing_and_says_why() -> None:
    breach = judge(RULE, TARGET, view(priced(MNQ, 2, "25900", "25980"))).breaches[0]

    assert (breach.rule, breach.priority, breach.lock) == (NAME, Priority.POSITION, None)
    assert breach.goals == (Goal(aim=Aim.FLATTEN, contract_id=MNQ),)
    assert breach.why == f"unrealized 320.00 of {MNQ} is at or above 300.00"


@pytest.mark.parametrize(
    ("holdings", "used"),
    [
        pytest.param([], "0.00", id="flat"),
        pytest.param([priced(MNQ, 1, "100", None)], "?", id="no price"),
        pytest.param(
            [priced(MNQ, 2, "25900", "25910"), priced(ES, 1, "6000", "6001")],
            "50.00",
            id="the best position",
        ),
        pytest.param(
            [priced(MNQ, 2, "25900", "25890"), priced(ES, 1, "6000", "5999")],
            "-40.00",
            id="the lesser loss",
        ),
        pytest.param(
            [priced(MNQ, 2, "25900", "25910"), priced(ES, 1, "6000", None)],
            "40.00",
            id="the best that is known",
        ),
    ],
)
def test_the_figure_shown_is_the_figure_judged(holdings: list[Holding], used: str) -> None:
    judged = judge(RULE, TARGET, view(*holdings))

    assert (judged.limit, judged.used) == ("300.00", used)


@pytest.mark.parametrize(
    "holdings",
    [
        pytest.param([priced(MNQ, 1, "25900", None)], id="no price"),
        pytest.param([priced(MNQ, 1, "25900", "25900", known=False)], id="no tick value"),
        pytest.param(
            [priced(MNQ, 2, "25900", "25900"), priced(ES, 1, "6000", None)],
            id="one of two",
        ),
    ],
)
def test_what_cannot_be_judged_is_unknown_and_never_content(holdings: list[Holding]) -> None:
    judged = judge(RULE, TARGET, view(*holdings))

    assert judged.unknown == "an open position has no price"
    assert judged.breaches == ()


def test_a_breach_beside_an_unknown_says_both() -> None:
    both = view(priced(MNQ, 2, "25900", "26900"), priced(ES, 1, "6000", None))

    judged = judge(RULE, TARGET, both)
    assert judged.unknown
    assert judged.breaches


@pytest.mark.parametrize(
    ("holdings", "rested"),
    [
        pytest.param([priced(MNQ, 2, "25900", "25900")], {MNQ: "25975"}, id="long"),
        pytest.param([priced(MNQ, -2, "25900", "25900")], {MNQ: "25825"}, id="short"),
        pytest.param([priced(MNQ, 2, "25900", "24900")], {MNQ: "25975"}, id="in loss"),
        pytest.param(
            [priced(MNQ, 2, "25900", "25900"), priced(ES, 1, "6000", "6000")],
            {MNQ: "25975", ES: "6006"},
            id="each its own whole target",
        ),
        pytest.param(
            [priced(MNQ, 2, "25900", "26900"), priced(ES, -1, "6000", "6000")],
            {ES: "5994"},
            id="what has made it already rests nothing",
        ),
    ],
)
def test_triggers_rest_where_the_profit_reaches_the_target(
    holdings: list[Holding], rested: dict[ContractId, str]
) -> None:
    triggers = judge(RULE, TARGET, view(*holdings)).triggers

    assert {one.contract_id for one in triggers} == set(rested)
    for one in triggers:
        wanted, tick = price(rested[one.contract_id]), instrument(one.contract_id).tick_size
        short_of = Price(wanted + tick if one.short else wanted - tick)
        assert reaches(one, wanted), "the very price is a crossing"
        assert not reaches(one, short_of), "a tick short of it is none"


def test_it_asks_again_at_the_first_price_there_is() -> None:
    triggers = judge(RULE, TARGET, view(priced(MNQ, -1, "25900", None))).triggers

    assert triggers == (Trigger(contract_id=MNQ, short=True, low=ANY_PRICE),)


def test_an_average_off_the_grid_is_exact() -> None:
    third = "26000.083333333"

    assert closed(Params(target=Decimal("1.00")), priced(MNQ, 3, third, "26000.25")) == {MNQ}
    assert closed(Params(target=Decimal("1.01")), priced(MNQ, 3, third, "26000.25")) == set()


def test_it_hears_positions_and_prices() -> None:
    assert RULE.hears == Hears.POSITIONS | Hears.PRICES
    assert (RULE.code, RULE.priority) == ("RULE-005", Priority.POSITION)


@pytest.mark.parametrize("target", ["0", "-300", "NaN", "sNaN", "Infinity", "0.00001"])
def test_a_target_that_is_no_profit_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"^target: "):
        Params(target=Decimal(target))


def reaches(trigger: Trigger, mark: Price) -> bool:
    low = trigger.low is not None and mark <= trigger.low
    return low or (trigger.high is not None and mark >= trigger.high)


@st.composite
def any_position(draw: st.DrawFn, contract_id: ContractId) -> tuple[Holding, Price]:
    """Draw a position at one mark, and another mark that the market moves to."""
    size = draw(st.integers(-9, 9).filter(bool))
    average = Price(draw(st.integers(10**12, 6 * 10**13)))
    tick = instrument(contract_id).tick_size
    steps = st.integers(-2_000, 2_000)
    mark, moved = (Price(average + draw(steps) * tick + draw(st.integers(0, 9))) for _ in "ab")
    return holding(contract_id, size, average, mark), moved


any_book = st.sets(st.sampled_from((MNQ, NQ, ES, RTY)), min_size=1).flatmap(
    lambda held: st.tuples(*map(any_position, sorted(held)))
)
any_params = st.builds(
    Params, target=st.integers(1, 20_000_000).map(lambda parts: Decimal(parts) / 10_000)
)


@given(any_params, any_book)
def test_a_move_of_prices_newly_makes_the_target_exactly_when_it_reaches_a_trigger(
    params: Params, book: tuple[tuple[Holding, Price], ...]
) -> None:
    triggers = judge(RULE, params, view(*(one for one, _ in book))).triggers
    already = closed(params, *(one for one, _ in book))
    marks = {one.contract_id: mark for one, mark in book}
    moved = [holding(one.contract_id, one.size, one.average, mark) for one, mark in book]

    heard = {one.contract_id for one in triggers if reaches(one, marks[one.contract_id])}
    assert heard - already == closed(params, *moved) - already


@given(any_params, any_book)
def test_it_closes_exactly_what_is_at_or_above_the_target(
    params: Params, book: tuple[tuple[Holding, Price], ...]
) -> None:
    holdings = [one for one, _ in book]
    target = dollars(str(params.target))

    made = {one.contract_id for one in holdings if (one.unrealized or 0) >= target}
    assert closed(params, *holdings) == made


@given(any_params, any_book)
def test_it_closes_what_the_loss_rule_closes_of_the_opposite_book(
    params: Params, book: tuple[tuple[Holding, Price], ...]
) -> None:
    opposite = [holding(one.contract_id, -one.size, one.average, one.mark) for one, _ in book]
    lost = judge(MIRROR, MirrorParams(limit=-params.target), view(*opposite)).breaches

    contracts = {goal.contract_id for breach in lost for goal in breach.goals}
    assert closed(params, *(one for one, _ in book)) == contracts
