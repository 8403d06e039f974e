"""RULE-011: no position and no working order in a product that is blocked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.rules.rule import Hears, Judgement
from actors.rules.symbol_blocks import NAME, RULE, Params, Touched
from protocol.account_facts import OrderSeen, OrderStatus, OrderType, Side
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.units import ContractId
from tests.actors.rig import order
from tests.rules.books import ES, MNQ, NOW, NQ, RTY, holding, view

UNTOUCHED = Touched()
ES_MARCH = ContractId("CON.F.US.EP.H27")


def blocks(*symbols: str) -> Params:
    return Params(symbols=symbols)


def book(*holdings: Holding, orders: tuple[OrderSeen, ...] = ()) -> BookView:
    return replace(view(*holdings), orders=orders)


def judge(params: Params, shown: BookView, state: Touched = UNTOUCHED) -> Judgement[Touched]:
    return RULE.decide(params, state, shown, NOW)


def closed(judged: Judgement[Touched]) -> set[ContractId | None]:
    goals = [goal for breach in judged.breaches for goal in breach.goals]
    assert all(goal.aim is Aim.FLATTEN for goal in goals)
    return {goal.contract_id for goal in goals}


@pytest.mark.parametrize(
    ("symbols", "shown", "contracts"),
    [
        pytest.param(["ES"], book(), set(), id="flat"),
        pytest.param(["ES"], book(holding(ES, 1)), {ES}, id="a long position, by its other name"),
        pytest.param(["EP"], book(holding(ES, -1)), {ES}, id="a short one, by the broker's name"),
        pytest.param(["es"], book(holding(ES, 1)), {ES}, id="in any case"),
        pytest.param(["nq"], book(holding(NQ, 1)), {NQ}, id="NQ is ENQ, in any case"),
        pytest.param(["ES"], book(holding(MNQ, 9), holding(NQ, 1)), set(), id="others"),
        pytest.param(["ES"], book(holding(MNQ, 9), holding(ES, 1)), {ES}, id="others untouched"),
        pytest.param(["NQ"], book(holding(MNQ, 1)), set(), id="NQ is not MNQ"),
        pytest.param(["*NQ"], book(holding(MNQ, 1), holding(NQ, 1)), {MNQ, NQ}, id="a pattern"),
        pytest.param(["m*"], book(holding(MNQ, 1), holding(ES, 1)), {MNQ}, id="micros"),
        pytest.param(["E*"], book(holding(NQ, 1), holding(ES, 1)), {NQ, ES}, id="by either name"),
        pytest.param(["*"], book(holding(MNQ, 1), holding(RTY, 1)), {MNQ, RTY}, id="everything"),
        pytest.param(
            ["ES"],
            book(holding(ES, 1), replace(holding(ES, -1), contract_id=ES_MARCH)),
            {ES, ES_MARCH},
            id="every expiry",
        ),
        pytest.param(["ES"], book(orders=(order(7, ES),)), {ES}, id="a working order"),
        pytest.param(
            ["ES"],
            book(orders=(order(7, ES, status=OrderStatus.PENDING, kind=OrderType.MARKET),)),
            {ES},
            id="a market order on its way",
        ),
        pytest.param(
            ["ES"],
            book(orders=(order(7, ES, side=Side.SELL, kind=OrderType.STOP),)),
            {ES},
            id="a stop order",
        ),
        pytest.param(
            ["ES"],
            book(orders=(order(7, ES, status=OrderStatus.SUSPENDED, parent=6),)),
            {ES},
            id="a suspended bracket",
        ),
        pytest.param(["ES"], book(orders=(order(7, MNQ),)), set(), id="an order elsewhere"),
        pytest.param(
            ["ES", "RTY"],
            book(holding(RTY, 1), orders=(order(7, ES),)),
            {ES, RTY},
            id="two products at once",
        ),
    ],
)
def test_what_must_go(symbols: list[str], shown: BookView, contracts: set[ContractId]) -> None:
    assert closed(judge(blocks(*symbols), shown)) == contracts


def test_a_breach_locks_the_product_without_an_end_and_says_why() -> None:
    (breach,) = judge(blocks("ep", "RTY"), book(holding(ES, 1), holding(MNQ, 1))).breaches

    assert (breach.rule, breach.priority) == (NAME, Priority.POSITION)
    assert breach.goals == (Goal(aim=Aim.FLATTEN, contract_id=ES),)
    assert breach.lock == LockRequest(kind=LockKind.SYMBOL, until=None, scope="ES")
    assert breach.why == "CON.F.US.EP.Z26: ES is blocked"


def test_each_pattern_is_locked_by_itself() -> None:
    judged = judge(blocks("M*", "*NQ", "GC"), book(holding(MNQ, 1)))

    locks = [one.lock for one in judged.breaches]
    assert [lock.scope for lock in locks if lock is not None] == ["M*", "*NQ"]
    assert (judged.limit, judged.used) == ("M*, *NQ, GC", "M*, *NQ")


def test_two_names_of_one_product_are_one_lock() -> None:
    judged = judge(blocks("ES", "EP", "es"), book(holding(ES, 1)))

    assert (judged.limit, len(judged.breaches)) == ("ES", 1)


def test_what_was_tried_stays_locked_when_it_is_gone() -> None:
    first = judge(blocks("ES"), book(holding(ES, 1)))
    then = judge(blocks("ES"), book(), first.state)

    assert then.state is first.state
    assert closed(then) == set()
    assert [one.lock for one in then.breaches] == [one.lock for one in first.breaches]
    assert then.breaches[0].why == "ES is blocked"


def test_what_was_never_tried_is_not_locked() -> None:
    judged = judge(blocks("ES"), book(holding(MNQ, 3)))

    assert (judged.breaches, judged.used, judged.unknown) == ((), "none", None)
    assert judged.state is UNTOUCHED


@pytest.mark.parametrize(
    ("before", "now", "locked"),
    [
        pytest.param(["ES", "RTY"], ["ES", "RTY"], ["ES", "RTY"], id="the same"),
        pytest.param(["ES", "RTY"], ["RTY", "ES"], ["RTY", "ES"], id="in another order"),
        pytest.param(["ES", "RTY"], ["RTY"], ["RTY"], id="one is gone"),
        pytest.param(["ES", "RTY"], ["GC"], [], id="all are gone"),
        pytest.param(["ES"], ["ep"], ["ES"], id="the other name"),
        pytest.param(["ES"], ["E*"], [], id="a wider pattern was not tried yet"),
    ],
)
def test_the_lock_follows_the_configuration(
    before: list[str], now: list[str], locked: list[str]
) -> None:
    tried = judge(blocks(*before), book(holding(ES, 1), holding(RTY, 1))).state
    judged = judge(blocks(*now), book(), tried)

    scopes = [one.lock.scope for one in judged.breaches if one.lock is not None]
    assert scopes == locked


def test_it_hears_positions_and_orders_and_asks_for_nothing() -> None:
    judged = judge(blocks("ES"), book(holding(ES, 1)))

    assert RULE.hears == Hears.POSITIONS | Hears.ORDERS
    assert (judged.triggers, judged.wake, judged.wants_truth) == ((), None, False)


def test_a_position_that_nothing_values_is_closed_too() -> None:
    assert closed(judge(blocks("ES"), book(holding(ES, 1, known=False)))) == {ES}


@pytest.mark.parametrize("symbols", [(), ("",), ("ES", "E S"), ("CON.F.US.EP.Z26",), ("ES?",)])
def test_what_is_no_product_is_refused(symbols: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"^symbols: "):
        Params(symbols=symbols)


CONTRACTS = (MNQ, NQ, ES, RTY)
NAMES = {MNQ: {"MNQ"}, NQ: {"NQ", "ENQ"}, ES: {"ES", "EP"}, RTY: {"RTY"}}
some = st.lists(st.sampled_from(CONTRACTS), unique=True, max_size=4)
named = st.sampled_from(["MNQ", "mnq", "NQ", "enq", "ES", "Ep", "RTY", "GC"])


def shown_book(held: list[ContractId], working: list[ContractId]) -> BookView:
    orders = tuple(order(number, one) for number, one in enumerate(working))
    return book(*(holding(one, -2) for one in held), orders=orders)


books = st.builds(shown_book, some, some)


@given(st.lists(named, min_size=1, max_size=4), st.lists(books, min_size=1, max_size=5))
def test_exactly_what_is_blocked_goes_and_stays_locked(
    symbols: list[str], shown: list[BookView]
) -> None:
    blocked = {one for one in CONTRACTS if NAMES[one] & {name.upper() for name in symbols}}
    state, tried = UNTOUCHED, set[ContractId]()
    for one in shown:
        judged = judge(blocks(*symbols), one, state)
        state = judged.state
        seen = {row.contract_id for row in one.holdings} | {row.contract_id for row in one.orders}
        tried |= seen & blocked

        assert closed(judged) == seen & blocked
        assert len(judged.breaches) == len(tried), "one lock for each product that was tried"
