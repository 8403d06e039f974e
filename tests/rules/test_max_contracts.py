"""RULE-001: never more than so many contracts over the whole account."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.rules.max_contracts import NAME, RULE, Count, OnBreach, Params
from actors.rules.rule import Hears
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Goal, Priority
from protocol.units import ContractId
from tests.rules.books import ES, MNQ, NQ, RTY, holding, judge, view

CLOSE = OnBreach.CLOSE
GROSS = Count.GROSS
MICRO = {"MNQ": Decimal("0.1")}


def minis(*names: str) -> Params:
    """Return a limit of 20 micros, with minis that count as ten by one of these names."""
    return Params(limit=20, weights=dict.fromkeys(names, Decimal(10)))


def reduce(contract_id: ContractId, keep: int) -> Goal:
    return Goal(aim=Aim.REDUCE, contract_id=contract_id, keep=keep)


def close(contract_id: ContractId) -> Goal:
    return Goal(aim=Aim.FLATTEN, contract_id=contract_id)


def goals(params: Params, *holdings: Holding) -> tuple[Goal, ...]:
    breaches = judge(RULE, params, view(*holdings)).breaches
    return breaches[0].goals if breaches else ()


@pytest.mark.parametrize(
    ("params", "holdings", "wanted"),
    [
        pytest.param(Params(limit=5), [], (), id="flat"),
        pytest.param(Params(limit=5), [holding(MNQ, 4)], (), id="one short of the limit"),
        pytest.param(Params(limit=5), [holding(MNQ, 5)], (), id="equal is allowed"),
        pytest.param(Params(limit=5), [holding(MNQ, 6)], (reduce(MNQ, 5),), id="one over"),
        pytest.param(Params(limit=5), [holding(MNQ, -5)], (), id="short, equal"),
        pytest.param(Params(limit=5), [holding(MNQ, -6)], (reduce(MNQ, 5),), id="short, one over"),
        pytest.param(
            Params(limit=5),
            [holding(MNQ, 3, grew=1), holding(ES, 3, grew=2)],
            (reduce(ES, 2),),
            id="what grew last goes first",
        ),
        pytest.param(
            Params(limit=5),
            [holding(MNQ, 3, grew=2), holding(ES, 3, grew=1)],
            (reduce(MNQ, 2),),
            id="what grew last goes first, whatever its name",
        ),
        pytest.param(
            Params(limit=2),
            [holding(MNQ, 3, grew=1), holding(ES, 1, grew=3), holding(NQ, 2, grew=2)],
            (reduce(ES, 0), reduce(NQ, 0), reduce(MNQ, 2)),
            id="then the next, and the next",
        ),
        pytest.param(
            Params(limit=5), [holding(MNQ, 9), holding(ES, -4)], (), id="a hedge cancels out"
        ),
        pytest.param(
            Params(limit=5), [holding(MNQ, 9)], (reduce(MNQ, 5),), id="a hedge leg is closed"
        ),
        pytest.param(
            Params(limit=5),
            [holding(MNQ, 9, grew=1), holding(ES, -3, grew=2)],
            (reduce(MNQ, 8),),
            id="the hedge grew last and is left alone: it is on the other side",
        ),
        pytest.param(
            Params(limit=5),
            [holding(MNQ, -9, grew=1), holding(ES, 3, grew=2)],
            (reduce(MNQ, 8),),
            id="the same with the short side dominating",
        ),
        pytest.param(
            Params(limit=5, count=GROSS),
            [holding(MNQ, 3), holding(ES, -2)],
            (),
            id="gross, equal",
        ),
        pytest.param(
            Params(limit=5, count=GROSS),
            [holding(MNQ, 3, grew=1), holding(ES, -3, grew=2)],
            (reduce(ES, 2),),
            id="gross: a hedge counts, and is cut if it grew last",
        ),
        pytest.param(
            Params(limit=5, on_breach=CLOSE), [holding(MNQ, 5)], (), id="close mode, equal"
        ),
        pytest.param(
            Params(limit=5, on_breach=CLOSE), [holding(MNQ, 6)], (close(MNQ),), id="close the whole"
        ),
        pytest.param(
            Params(limit=5, on_breach=CLOSE),
            [holding(MNQ, 5, grew=1), holding(ES, 1, grew=2)],
            (close(ES),),
            id="close no more than until within",
        ),
        pytest.param(
            Params(limit=2, on_breach=CLOSE),
            [holding(MNQ, 2, grew=1), holding(ES, 1, grew=3), holding(NQ, 1, grew=2)],
            (close(ES), close(NQ)),
            id="close the next as well",
        ),
        pytest.param(Params(limit=1, weights=MICRO), [holding(MNQ, 10)], (), id="ten micros"),
        pytest.param(
            Params(limit=1, weights=MICRO),
            [holding(MNQ, 11)],
            (reduce(MNQ, 10),),
            id="eleven micros are more than one",
        ),
        pytest.param(
            Params(limit=2, weights=MICRO),
            [holding(NQ, 2, grew=2), holding(MNQ, 1, grew=1)],
            (reduce(NQ, 1),),
            id="a tenth too much costs a whole mini if the mini grew last",
        ),
        pytest.param(
            Params(limit=2, weights=MICRO),
            [holding(NQ, 3, grew=1), holding(MNQ, 5, grew=2)],
            (reduce(MNQ, 0), reduce(NQ, 2)),
            id="micros first, then the mini",
        ),
        pytest.param(minis("ES"), [holding(ES, 2)], (), id="ES is EP, equal"),
        pytest.param(minis("ES"), [holding(ES, 3)], (reduce(ES, 2),), id="ES is EP, one over"),
        pytest.param(minis("EP"), [holding(ES, -3)], (reduce(ES, 2),), id="by the broker's name"),
        pytest.param(minis("es"), [holding(ES, 3)], (reduce(ES, 2),), id="in any case"),
        pytest.param(minis("NQ"), [holding(NQ, 3)], (reduce(NQ, 2),), id="NQ is ENQ"),
        pytest.param(minis("ENQ"), [holding(NQ, 3)], (reduce(NQ, 2),), id="ENQ is NQ"),
        pytest.param(minis("NQ"), [holding(MNQ, 20)], (), id="NQ is not its micro"),
        pytest.param(
            replace(minis("ES"), on_breach=CLOSE),
            [holding(ES, 3)],
            (close(ES),),
            id="ES is EP, closed",
        ),
    ],
)
def test_the_excess_is_what_must_go(
    params: Params, holdings: list[Holding], wanted: tuple[Goal, ...]
) -> None:
    assert goals(params, *holdings) == wanted


def test_a_breach_locks_nothing_and_says_why() -> None:
    breach = judge(RULE, Params(limit=2), view(holding(MNQ, -3))).breaches[0]

    assert (breach.rule, breach.priority, breach.lock) == (NAME, Priority.POSITION, None)
    assert breach.why == "3 net contracts are more than 2"


@pytest.mark.parametrize(
    ("params", "used"),
    [
        (Params(limit=9), "2 net"),
        (Params(limit=9, count=GROSS), "8 gross"),
        (Params(limit=9, weights={"MNQ": Decimal("0.10")}), "2.5 net"),
        (Params(limit=9, weights={"MNQ": Decimal(2)}), "7 net"),
    ],
)
def test_the_figure_shown_is_the_figure_judged(params: Params, used: str) -> None:
    judged = judge(RULE, params, view(holding(MNQ, 5), holding(ES, -3)))

    assert (judged.limit, judged.used) == ("9", used)


def test_a_position_counts_although_nothing_values_it() -> None:
    unvalued = holding(MNQ, 3, known=False)

    assert goals(Params(limit=2), unvalued) == (reduce(MNQ, 2),)


def test_it_hears_every_change_of_a_position_and_rests_no_trigger() -> None:
    assert RULE.hears is Hears.POSITIONS
    assert judge(RULE, Params(limit=2), view(holding(MNQ, 3))).triggers == ()


@pytest.mark.parametrize(
    ("given_params", "key"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": 1, "weights": {"MNQ": Decimal(0)}}, "weights.MNQ"),
        ({"limit": 1, "weights": {"MNQ": Decimal("NaN")}}, "weights.MNQ"),
        ({"limit": 1, "weights": {"ES": Decimal(10), "EP": Decimal(1)}}, "weights.EP"),
        ({"limit": 1, "weights": {"nq": Decimal(10), "NQ": Decimal(1)}}, "weights.NQ"),
        ({"limit": 1, "weights": {"M*": Decimal(1)}}, r"weights.M\*"),
    ],
)
def test_a_setting_without_sense_is_refused(given_params: dict[str, object], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        Params(**given_params)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


NAMES = {MNQ: "MNQ", NQ: "NQ", ES: "es", RTY: "RTY"}
CONTRACTS = tuple(NAMES)
sizes = st.integers(-12, 12).filter(bool)
any_holdings = st.dictionaries(st.sampled_from(CONTRACTS), sizes, max_size=4).flatmap(
    lambda book: st.permutations(range(1, len(book) + 1)).map(
        lambda ranks: [
            holding(key, size, grew=rank)
            for (key, size), rank in zip(book.items(), ranks, strict=True)
        ]
    )
)
any_weights = st.dictionaries(
    st.sampled_from(["MNQ", "NQ", "es", "RTY"]),
    st.sampled_from([Decimal("0.1"), Decimal("0.25"), Decimal(1), Decimal(3)]),
)
any_params = st.builds(
    Params,
    limit=st.integers(1, 9),
    count=st.sampled_from(Count),
    on_breach=st.sampled_from(OnBreach),
    weights=any_weights,
)


def count(params: Params, book: BookView) -> Decimal:
    """Count anew, by the specification."""
    signed = [
        one.size * params.weights.get(NAMES[one.contract_id], Decimal(1)) for one in book.holdings
    ]
    return abs(sum(signed, Decimal(0))) if params.count is Count.NET else sum(map(abs, signed))  # type: ignore[return-value]


def after(book: BookView, wanted: tuple[Goal, ...]) -> BookView:
    """Return the book once the goals are met."""
    left = {one.contract_id: one for one in book.holdings}
    for goal in wanted:
        assert goal.contract_id is not None
        one = left.pop(goal.contract_id)
        kept = 0 if goal.aim is Aim.FLATTEN else goal.keep
        assert 0 <= kept < abs(one.size), "a goal asks for less, never for more or for nothing"
        if kept:
            left[goal.contract_id] = replace(one, size=kept if one.size > 0 else -kept)
    return view(*left.values())


@given(any_params, any_holdings)
def test_it_breaches_exactly_when_the_count_is_over_the_limit(
    params: Params, holdings: list[Holding]
) -> None:
    book = view(*holdings)

    assert bool(judge(RULE, params, book).breaches) is (count(params, book) > params.limit)


@given(any_params, any_holdings)
def test_meeting_its_goals_brings_the_count_within_the_limit(
    params: Params, holdings: list[Holding]
) -> None:
    book = view(*holdings)
    # A contract heavier than the limit can swing the net to the other side, and so can closing a
    # whole position: the rule then speaks again.  It is content after as many rounds as positions.
    rounds = 0
    while (wanted := goals(params, *book.holdings)) != ():
        book, rounds = after(book, wanted), rounds + 1

    assert count(params, book) <= params.limit
    assert rounds <= max(1, len(holdings))
    heaviest = max(params.weights.values(), default=Decimal(1))
    if params.on_breach is OnBreach.REDUCE and heaviest <= params.limit:
        assert rounds <= 1


@given(any_params, any_holdings)
def test_reducing_takes_no_more_than_it_must(params: Params, holdings: list[Holding]) -> None:
    params = replace(params, on_breach=OnBreach.REDUCE)
    book = view(*holdings)
    wanted = goals(params, *holdings)
    if not wanted:
        return
    *before, last = wanted

    assert all(goal.keep == 0 for goal in before), "the newest goes wholly before the next"
    one_less = (*before, replace(last, keep=last.keep + 1))
    kept = {one.contract_id: abs(one.size) for one in book.holdings}
    spared = tuple(goal for goal in one_less if goal.keep < kept[goal.contract_id or MNQ])
    assert count(params, after(book, spared)) > params.limit


@given(any_params, any_holdings)
def test_only_the_dominating_side_is_touched_and_the_newest_first(
    params: Params, holdings: list[Holding]
) -> None:
    book = view(*holdings)
    touched = [book.holding(goal.contract_id or MNQ) for goal in goals(params, *holdings)]
    ranks = [one.grew for one in touched if one is not None]

    assert ranks == sorted(ranks, reverse=True)
    if params.count is Count.NET and touched:
        assert len({one.size > 0 for one in touched if one is not None}) == 1
