"""RULE-002: never more of a product than its own limit."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.rules.max_contracts_per_instrument import NAME, RULE, OnBreach, Params
from actors.rules.rule import Hears
from protocol.account_facts import OrderSeen
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Goal, Priority
from protocol.units import ContractId
from tests.actors.rig import order
from tests.rules.books import ES, MNQ, NQ, RTY, holding, judge, view

CLOSE = OnBreach.CLOSE
MARCH = ContractId("CON.F.US.MNQ.H27")
JUNE = ContractId("CON.F.US.MNQ.M27")


def far(contract_id: ContractId, size: int, grew: int = 1) -> Holding:
    """Return a holding of a later expiry."""
    return replace(holding(MNQ, size, grew=grew), contract_id=contract_id)


def limits(unknown_symbol: str = "block", **named: int) -> Params:
    return Params(limits=named, unknown_symbol=unknown_symbol)


def closing(**named: int) -> Params:
    return Params(limits=named, on_breach=CLOSE)


def keep(contract_id: ContractId, size: int) -> Goal:
    return Goal(aim=Aim.REDUCE, contract_id=contract_id, keep=size)


def close(contract_id: ContractId) -> Goal:
    return Goal(aim=Aim.FLATTEN, contract_id=contract_id)


def withhold(contract_id: ContractId) -> Goal:
    return Goal(aim=Aim.WITHHOLD, contract_id=contract_id)


def goals(params: Params, shown: BookView) -> tuple[Goal, ...]:
    breaches = judge(RULE, params, shown).breaches
    return breaches[0].goals if breaches else ()


def sizes(params: Params, *holdings: Holding) -> list[Goal]:
    """Return what must become of positions."""
    return [one for one in goals(params, view(*holdings)) if one.aim is not Aim.WITHHOLD]


@pytest.mark.parametrize(
    ("params", "holdings", "wanted"),
    [
        pytest.param(limits(MNQ=3), [], [], id="flat"),
        pytest.param(limits(MNQ=3), [holding(MNQ, 2)], [], id="one short of the limit"),
        pytest.param(limits(MNQ=3), [holding(MNQ, 3)], [], id="equal is allowed"),
        pytest.param(limits(MNQ=3), [holding(MNQ, 4)], [keep(MNQ, 3)], id="one over"),
        pytest.param(limits(MNQ=3), [holding(MNQ, -3)], [], id="short, equal"),
        pytest.param(limits(MNQ=3), [holding(MNQ, -4)], [keep(MNQ, 3)], id="short, one over"),
        pytest.param(limits(MNQ=3), [holding(MNQ, 9)], [keep(MNQ, 3)], id="to exactly the limit"),
        pytest.param(
            limits(MNQ=3, ES=1),
            [holding(MNQ, 3), holding(ES, 1)],
            [],
            id="each by itself, equal",
        ),
        pytest.param(
            limits(MNQ=3, ES=1),
            [holding(MNQ, 3), holding(ES, 2)],
            [keep(ES, 1)],
            id="the other is not touched",
        ),
        pytest.param(
            limits(MNQ=3, ES=1),
            [holding(MNQ, 5), holding(ES, -2)],
            [keep(ES, 1), keep(MNQ, 3)],
            id="both are over",
        ),
        pytest.param(limits(ES=1), [holding(ES, 2)], [keep(ES, 1)], id="ES is EP"),
        pytest.param(limits(EP=1), [holding(ES, 2)], [keep(ES, 1)], id="by the broker's name"),
        pytest.param(limits(nq=1), [holding(NQ, 2)], [keep(NQ, 1)], id="NQ is ENQ, in any case"),
        pytest.param(limits(NQ=1, MNQ=5), [holding(MNQ, 5)], [], id="MNQ is not NQ"),
        pytest.param(
            limits(MNQ=3),
            [holding(MNQ, 2, grew=1), far(MARCH, 2, grew=2)],
            [keep(MARCH, 1)],
            id="expiries add up, what grew last goes first",
        ),
        pytest.param(
            limits(MNQ=3),
            [holding(MNQ, 2, grew=2), far(MARCH, 2, grew=1)],
            [keep(MNQ, 1)],
            id="whatever its expiry",
        ),
        pytest.param(
            limits(MNQ=1),
            [holding(MNQ, 2, grew=1), far(MARCH, 1, grew=2), far(JUNE, 1, grew=3)],
            [keep(JUNE, 0), keep(MARCH, 0), keep(MNQ, 1)],
            id="then the next, and the next",
        ),
        pytest.param(
            limits(MNQ=3), [holding(MNQ, 9), far(MARCH, -6)], [], id="a spread cancels out"
        ),
        pytest.param(
            limits(MNQ=3),
            [holding(MNQ, 9, grew=1), far(MARCH, -5, grew=2)],
            [keep(MNQ, 8)],
            id="only the dominating side",
        ),
        pytest.param(limits(MNQ=0), [holding(MNQ, 1)], [close(MNQ)], id="a limit of 0 closes"),
        pytest.param(limits(MNQ=0), [holding(MNQ, -1)], [close(MNQ)], id="shorts too"),
        pytest.param(
            limits(MNQ=0),
            [holding(MNQ, 1, grew=1), far(MARCH, -1, grew=2)],
            [close(MARCH), close(MNQ)],
            id="a limit of 0 allows no spread",
        ),
        pytest.param(closing(MNQ=3), [holding(MNQ, 3)], [], id="close mode, equal"),
        pytest.param(closing(MNQ=3), [holding(MNQ, 4)], [close(MNQ)], id="close the whole"),
        pytest.param(
            closing(MNQ=3),
            [holding(MNQ, 3, grew=1), far(MARCH, 1, grew=2)],
            [close(MARCH)],
            id="close no more than until within",
        ),
        pytest.param(limits(MNQ=3), [holding(ES, 1)], [close(ES)], id="not named: blocked"),
        pytest.param(
            limits("allow", MNQ=3), [holding(ES, 99)], [], id="not named: allowed"
        ),
        pytest.param(limits("limit:2", MNQ=3), [holding(ES, 2)], [], id="not named: equal"),
        pytest.param(
            limits("limit:2", MNQ=3), [holding(ES, -3)], [keep(ES, 2)], id="not named: over"
        ),
        pytest.param(
            limits("limit:2", MNQ=3),
            [holding(ES, 2), holding(RTY, 2)],
            [],
            id="not named: each product by itself",
        ),
        pytest.param(limits("limit:0", MNQ=3), [holding(ES, 1)], [close(ES)], id="limit:0 blocks"),
        pytest.param(
            limits("limit:2", MNQ=3), [holding(MNQ, 3)], [], id="a named one has its own limit"
        ),
    ],
)  # fmt: skip
def test_the_excess_is_what_must_go(
    params: Params, holdings: list[Holding], wanted: list[Goal]
) -> None:
    assert sizes(params, *holdings) == wanted


@pytest.mark.parametrize(
    ("orders", "held_back"),
    [
        pytest.param((), [MNQ], id="of the position's contract, should one come"),
        pytest.param((order(7, MARCH),), [MARCH, MNQ], id="of every expiry"),
        pytest.param((order(7, ES),), [MNQ], id="not of another product"),
    ],
)
def test_orders_that_could_increase_exposure_are_cancelled(
    orders: tuple[OrderSeen, ...], held_back: list[ContractId]
) -> None:
    shown = replace(view(holding(MNQ, 4)), orders=orders)

    wanted = goals(limits(MNQ=3, ES=3), shown)
    assert wanted == (*map(withhold, held_back), keep(MNQ, 3))


def test_within_the_limit_orders_may_work() -> None:
    shown = replace(view(holding(MNQ, 3)), orders=(order(7, MNQ, size=9),))

    assert goals(limits(MNQ=3), shown) == ()


def test_a_breach_locks_nothing_and_says_why() -> None:
    judged = judge(RULE, limits(MNQ=3, RTY=1), view(holding(MNQ, -4), holding(ES, 1)))
    (breach,) = judged.breaches

    assert (breach.rule, breach.priority, breach.lock) == (NAME, Priority.POSITION, None)
    assert breach.why == "no contract of ES may be held; 4 net contracts of MNQ are more than 3"


@pytest.mark.parametrize(
    ("unknown_symbol", "limit"),
    [
        ("block", "ES 1, MNQ 3, others 0"),
        ("limit:2", "ES 1, MNQ 3, others 2"),
        ("allow", "ES 1, MNQ 3, others any"),
    ],
)
def test_the_figures_name_each_product(unknown_symbol: str, limit: str) -> None:
    params = Params(limits={"EP": 1, "mnq": 3}, unknown_symbol=unknown_symbol)
    judged = judge(RULE, params, view(holding(MNQ, -2), far(MARCH, -1), holding(NQ, 1)))

    assert (judged.limit, judged.used) == (limit, "MNQ 3, NQ 1")
    assert judge(RULE, params, view()).used == "0"


def test_a_position_counts_although_nothing_values_it() -> None:
    assert sizes(limits(MNQ=2), holding(MNQ, 3, known=False)) == [keep(MNQ, 2)]


def test_it_hears_every_change_of_a_position_and_rests_no_trigger() -> None:
    judged = judge(RULE, limits(MNQ=2), view(holding(MNQ, 3)))

    assert RULE.hears is Hears.POSITIONS
    assert (judged.triggers, judged.wake, judged.wants_truth) == ((), None, False)


@pytest.mark.parametrize(
    ("named", "unknown_symbol", "key"),
    [
        ({}, "block", "limits"),
        ({"MNQ": -1}, "block", "limits.MNQ"),
        ({"M*": 1}, "block", r"limits.M\*"),
        ({"CON.F.US.EP.Z26": 1}, "block", "limits.CON.F.US.EP.Z26"),
        ({"ES": 1, "ep": 2}, "block", "limits.ep"),
        ({"MNQ": 1}, "blocked", "unknown_symbol"),
        ({"MNQ": 1}, "limit:", "unknown_symbol"),
        ({"MNQ": 1}, "limit:-1", "unknown_symbol"),
        ({"MNQ": 1}, "", "unknown_symbol"),
    ],
)
def test_a_setting_without_sense_is_refused(
    named: dict[str, int], unknown_symbol: str, key: str
) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        Params(limits=named, unknown_symbol=unknown_symbol)


CONTRACTS = (MNQ, MARCH, JUNE, ES, RTY)
any_holdings = st.dictionaries(
    st.sampled_from(CONTRACTS), st.integers(-9, 9).filter(bool), max_size=5
).flatmap(
    lambda book: st.permutations(range(1, len(book) + 1)).map(
        lambda ranks: [
            replace(holding(MNQ, size, grew=rank), contract_id=key)
            for (key, size), rank in zip(book.items(), ranks, strict=True)
        ]
    )
)
any_params = st.builds(
    Params,
    limits=st.dictionaries(st.sampled_from(["MNQ", "EP"]), st.integers(0, 6), min_size=1),
    unknown_symbol=st.sampled_from(["block", "allow", "limit:1", "limit:4"]),
    on_breach=st.sampled_from(OnBreach),
)


def over(params: Params, holdings: list[Holding]) -> set[str]:
    """Count anew, by the specification: the roots of which there is too much."""
    nets: dict[str, int] = defaultdict(int)
    for one in holdings:
        nets[one.contract_id.split(".")[3]] += one.size
    others = {"block": 0, "allow": 10**6, "limit:1": 1, "limit:4": 4}[params.unknown_symbol]
    most = {root: params.limits.get(root, others) for root in nets}
    return {root for root, net in nets.items() if abs(net) > most[root] or most[root] == 0}


@given(any_params, any_holdings)
def test_it_breaches_exactly_when_a_product_is_over_its_limit(
    params: Params, holdings: list[Holding]
) -> None:
    wanted = goals(params, view(*holdings))

    touched = {str(one.contract_id).split(".")[3] for one in wanted}
    assert touched == over(params, holdings)


@given(any_params, any_holdings)
def test_meeting_its_goals_brings_every_product_within_its_limit(
    params: Params, holdings: list[Holding]
) -> None:
    rounds = 0
    while wanted := sizes(params, *holdings):
        left = {one.contract_id: one for one in holdings}
        for goal in wanted:
            assert goal.contract_id is not None
            one = left.pop(goal.contract_id)
            kept = 0 if goal.aim is Aim.FLATTEN else goal.keep
            assert 0 <= kept < abs(one.size), "a goal asks for less, never for more"
            if kept:
                left[goal.contract_id] = replace(one, size=kept if one.size > 0 else -kept)
        holdings, rounds = list(left.values()), rounds + 1

    assert over(params, holdings) == set()
    # Closing a whole expiry may swing a spread to the other side: the rule then speaks again.
    assert rounds <= (1 if params.on_breach is OnBreach.REDUCE else len(CONTRACTS))
