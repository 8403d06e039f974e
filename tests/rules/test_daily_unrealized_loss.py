"""RULE-004: close a position once it loses the limit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.headroom import ANY_PRICE
from actors.rules.daily_unrealized_loss import NAME, RULE, Params, Scope
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

LIMIT = Params(limit=Decimal(-300))
ACCOUNT = Params(limit=Decimal(-300), scope=Scope.ACCOUNT)


def closed(params: Params, *holdings: Holding) -> set[ContractId | None]:
    """Return the contracts that a judgement wants flat."""
    breaches = judge(RULE, params, view(*holdings)).breaches
    wanted = [goal for breach in breaches for goal in breach.goals]
    assert all(goal.aim is Aim.FLATTEN for goal in wanted)
    return {goal.contract_id for goal in wanted}


@pytest.mark.parametrize(
    ("params", "holdings", "wanted"),
    [
        pytest.param(LIMIT, [], set(), id="flat"),
        pytest.param(LIMIT, [priced(MNQ, 2, "25900", "25825.25")], set(), id="a tick above"),
        pytest.param(LIMIT, [priced(MNQ, 2, "25900", "25825")], {MNQ}, id="exactly at the limit"),
        pytest.param(LIMIT, [priced(MNQ, 2, "25900", "25824.75")], {MNQ}, id="a tick below"),
        pytest.param(LIMIT, [priced(MNQ, -2, "25900", "25974.75")], set(), id="short, a tick off"),
        pytest.param(LIMIT, [priced(MNQ, -2, "25900", "25975")], {MNQ}, id="short, at the limit"),
        pytest.param(LIMIT, [priced(MNQ, -2, "25900", "25000")], set(), id="short that gains"),
        pytest.param(LIMIT, [priced(RTY, 6, "2400", "2399")], {RTY}, id="another product's tick"),
        pytest.param(
            LIMIT,
            [priced(MNQ, 2, "25900", "25825"), priced(ES, 1, "6000", "5995")],
            {MNQ},
            id="the other stays",
        ),
        pytest.param(
            LIMIT,
            [priced(MNQ, 2, "25900", "25825"), priced(ES, -1, "6000", "6006")],
            {MNQ, ES},
            id="both lose",
        ),
        pytest.param(
            LIMIT,
            [priced(MNQ, 2, "25900", "25825.25"), priced(ES, 1, "6000", "5994.25")],
            set(),
            id="each by itself, though together twice the limit",
        ),
        pytest.param(
            LIMIT,
            [priced(MNQ, 2, "25900", "25825"), priced(ES, 5, "6000", "6100")],
            {MNQ},
            id="another's profit excuses nothing",
        ),
        pytest.param(
            LIMIT,
            [priced(MNQ, 2, "25900", "25825"), priced(ES, 5, "6000", None)],
            {MNQ},
            id="nor does another's missing price",
        ),
        pytest.param(
            ACCOUNT,
            [priced(MNQ, 2, "25900", "25862.50"), priced(ES, 1, "6000", "5997")],
            {MNQ, ES},
            id="account: together at the limit",
        ),
        pytest.param(
            ACCOUNT,
            [priced(MNQ, 2, "25900", "25862.75"), priced(ES, 1, "6000", "5997")],
            set(),
            id="account: together a tick above",
        ),
        pytest.param(
            ACCOUNT,
            [priced(MNQ, 2, "25900", "25800"), priced(ES, 1, "6000", "6003")],
            set(),
            id="account: a profit makes good",
        ),
        pytest.param(
            ACCOUNT,
            [priced(MNQ, 2, "25900", "25000"), priced(ES, 1, "6000", None)],
            set(),
            id="account: a price is missing",
        ),
    ],
)
def test_what_loses_the_limit_is_closed(
    params: Params, holdings: list[Holding], wanted: set[ContractId | None]
) -> None:
    assert closed(params, *holdings) == wanted


def test_a_breach_locks_nothing_and_says_why() -> None:
    breach = judge(RULE, LIMIT, view(priced(MNQ, 2, "25900", "25820"))).breaches[0]

    assert (breach.rule, breach.priority, breach.lock) == (NAME, Priority.POSITION, None)
    assert breach.goals == (Goal(aim=Aim.FLATTEN, contract_id=MNQ),)
    assert breach.why == f"unrealized -320.00 of {MNQ} is at or below -300.00"


@pytest.mark.parametrize(
    ("params", "holdings", "used"),
    [
        pytest.param(LIMIT, [], "0.00", id="flat"),
        pytest.param(LIMIT, [priced(MNQ, 1, "100", None)], "?", id="no price"),
        pytest.param(
            LIMIT,
            [priced(MNQ, 2, "25900", "25890"), priced(ES, 1, "6000", "5999")],
            "-50.00",
            id="the worst position",
        ),
        pytest.param(
            ACCOUNT,
            [priced(MNQ, 2, "25900", "25890"), priced(ES, 1, "6000", "5999")],
            "-90.00",
            id="the sum",
        ),
        pytest.param(LIMIT, [priced(MNQ, 2, "25900", "25910")], "40.00", id="a profit"),
    ],
)
def test_the_figure_shown_is_the_figure_judged(
    params: Params, holdings: list[Holding], used: str
) -> None:
    judged = judge(RULE, params, view(*holdings))

    assert (judged.limit, judged.used) == ("-300.00", used)


@pytest.mark.parametrize(
    ("params", "holdings"),
    [
        pytest.param(LIMIT, [priced(MNQ, 1, "25900", None)], id="no price"),
        pytest.param(LIMIT, [priced(MNQ, 1, "25900", "25900", known=False)], id="no tick value"),
        pytest.param(
            LIMIT,
            [priced(MNQ, 2, "25900", "25900"), priced(ES, 1, "6000", None)],
            id="one of two",
        ),
        pytest.param(
            ACCOUNT,
            [priced(MNQ, 2, "25900", "25900"), priced(ES, 1, "6000", None)],
            id="account: one of two",
        ),
    ],
)
def test_what_cannot_be_judged_is_unknown_and_never_content(
    params: Params, holdings: list[Holding]
) -> None:
    judged = judge(RULE, params, view(*holdings))

    assert judged.unknown == "an open position has no price"
    assert judged.breaches == ()


def test_a_breach_beside_an_unknown_says_both() -> None:
    both = view(priced(MNQ, 2, "25900", "25000"), priced(ES, 1, "6000", None))

    judged = judge(RULE, LIMIT, both)
    assert judged.unknown
    assert judged.breaches


@pytest.mark.parametrize(
    ("params", "holdings", "rested"),
    [
        pytest.param(LIMIT, [priced(MNQ, 2, "25900", "25900")], {MNQ: "25825"}, id="long"),
        pytest.param(LIMIT, [priced(MNQ, -2, "25900", "25900")], {MNQ: "25975"}, id="short"),
        pytest.param(LIMIT, [priced(MNQ, 2, "25900", "26900")], {MNQ: "25825"}, id="in profit"),
        pytest.param(
            LIMIT,
            [priced(MNQ, 2, "25900", "25900"), priced(ES, 1, "6000", "6000")],
            {MNQ: "25825", ES: "5994"},
            id="each its own whole limit",
        ),
        pytest.param(
            LIMIT,
            [priced(MNQ, 2, "25900", "25000"), priced(ES, 1, "6000", "6000")],
            {ES: "5994"},
            id="what is lost already rests nothing",
        ),
        pytest.param(
            ACCOUNT,
            [priced(MNQ, 2, "25900", "25900"), priced(ES, 1, "6000", "6000")],
            {MNQ: "25862.50", ES: "5997"},
            id="account: half each",
        ),
    ],
)
def test_triggers_rest_where_the_loss_reaches_the_limit(
    params: Params, holdings: list[Holding], rested: dict[ContractId, str]
) -> None:
    triggers = judge(RULE, params, view(*holdings)).triggers

    assert {one.contract_id for one in triggers} == set(rested)
    for one in triggers:
        wanted, tick = price(rested[one.contract_id]), instrument(one.contract_id).tick_size
        beyond = Price(wanted - tick if one.short else wanted + tick)
        assert reaches(one, wanted), "the very price is a crossing"
        assert not reaches(one, beyond), "a tick better is none"


def test_it_asks_again_at_the_first_price_there_is() -> None:
    triggers = judge(RULE, LIMIT, view(priced(MNQ, -1, "25900", None))).triggers

    assert triggers == (Trigger(contract_id=MNQ, short=True, low=ANY_PRICE),)


def test_an_average_off_the_grid_is_exact() -> None:
    third = "26000.083333333"

    assert closed(Params(limit=Decimal("-0.50")), priced(MNQ, 3, third, "26000.00")) == {MNQ}
    assert closed(Params(limit=Decimal("-0.51")), priced(MNQ, 3, third, "26000.00")) == set()


def test_it_hears_positions_and_prices() -> None:
    assert RULE.hears == Hears.POSITIONS | Hears.PRICES


@pytest.mark.parametrize("limit", ["0", "300", "NaN", "-Infinity", "-0.00001"])
def test_a_limit_that_is_no_loss_is_refused(limit: str) -> None:
    with pytest.raises(ValueError, match=r"^limit: "):
        Params(limit=Decimal(limit))


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
    Params,
    limit=st.integers(1, 20_000_000).map(lambda parts: Decimal(-parts) / 10_000),
    scope=st.sampled_from(Scope),
)


@given(any_params, any_book)
def test_no_move_of_any_prices_newly_loses_the_limit_without_reaching_a_trigger(
    params: Params, book: tuple[tuple[Holding, Price], ...]
) -> None:
    triggers = judge(RULE, params, view(*(one for one, _ in book))).triggers
    already = closed(params, *(one for one, _ in book))
    marks = {one.contract_id: mark for one, mark in book}
    moved = [holding(one.contract_id, one.size, one.average, mark) for one, mark in book]

    heard = {one.contract_id for one in triggers if reaches(one, marks[one.contract_id])}
    newly = closed(params, *moved) - already
    if params.scope is Scope.POSITION:
        assert newly <= heard
        assert heard - already <= newly, "by itself the trigger is exact"
    else:
        assert heard or not newly


@given(any_params, any_book)
def test_it_closes_exactly_what_is_at_or_below_the_limit(
    params: Params, book: tuple[tuple[Holding, Price], ...]
) -> None:
    holdings = [one for one, _ in book]
    worths = {one.contract_id: one.unrealized or 0 for one in holdings}
    limit = dollars(str(params.limit))
    if params.scope is Scope.ACCOUNT:
        lost = set(worths) if sum(worths.values()) <= limit else set()
    else:
        lost = {one for one, worth in worths.items() if worth <= limit}

    assert closed(params, *holdings) == lost
