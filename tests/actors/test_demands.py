"""Demands as a lattice: the strictest target per contract holds, in whatever order they came."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.deeds import Action, Cancel, Close
from actors.model.demands import Demand, keep, merge, met, needed
from protocol.account_facts import OrderSeen, OrderStatus, OrderType, Side
from protocol.book import BookView, Holding
from protocol.enforcement import Aim, Goal, Priority
from protocol.units import ContractId, Nanos, OrderId, RuleName
from tests.actors.rig import ES, FLAT, FLATTEN, MNQ, book, flatten, held, order, reduce

NQ = ContractId("CON.F.US.ENQ.Z26")


def demand(*goals: Goal, rule: str = "r", priority: int = 5, withdrawn: bool = False) -> Demand:
    return Demand(
        enforcement_id=f"1001/{rule}/1",
        rule=RuleName(rule),
        priority=Priority(priority),
        goals=goals,
        why="",
        requested=Nanos(0),
        withdrawn=withdrawn,
    )


@pytest.mark.parametrize(
    ("goals", "view", "actions"),
    [
        pytest.param([FLATTEN], FLAT, (), id="flat already"),
        pytest.param([FLATTEN], book(held(MNQ, 2)), (Close(MNQ, None),), id="close all"),
        pytest.param([FLATTEN], book(held(MNQ, -2)), (Close(MNQ, None),), id="close a short"),
        pytest.param(
            [FLATTEN],
            book(held(ES, 1), held(MNQ, 2), orders=(order(7, ES),)),
            (Close(ES, None), Close(MNQ, None), Cancel(ES, OrderId(7))),
            id="everything, orders too",
        ),
        pytest.param(
            [flatten(MNQ)],
            book(held(ES, 1), held(MNQ, 2), orders=(order(7, ES), order(8, MNQ))),
            (Close(MNQ, None), Cancel(MNQ, OrderId(8))),
            id="one contract, its orders, no other's",
        ),
        pytest.param([reduce(MNQ, 2)], book(held(MNQ, 2)), (), id="equal may stay"),
        pytest.param([reduce(MNQ, 2)], book(held(MNQ, 5)), (Close(MNQ, 3),), id="the excess"),
        pytest.param([reduce(MNQ, 2)], book(held(MNQ, -5)), (Close(MNQ, 3),), id="of a short"),
        pytest.param([reduce(MNQ, 0)], book(held(MNQ, 5)), (Close(MNQ, None),), id="to nothing"),
        pytest.param(
            [reduce(MNQ, 2)], book(held(MNQ, 5), orders=(order(8),)), (Close(MNQ, 3),),
            id="a reduction leaves orders",
        ),
        pytest.param(
            [reduce(MNQ, 2), reduce(MNQ, 3)], book(held(MNQ, 5)), (Close(MNQ, 3),),
            id="the larger of two reductions",
        ),
        pytest.param(
            [reduce(MNQ, 2), flatten(MNQ)], book(held(MNQ, 5)), (Close(MNQ, None),),
            id="a close absorbs a reduction",
        ),
        pytest.param(
            [reduce(MNQ, 2), flatten(ES), FLATTEN], book(held(ES, 1), held(MNQ, 5)),
            (Close(ES, None), Close(MNQ, None)),
            id="close-all absorbs closes and reductions",
        ),
    ],
)  # fmt: skip
def test_what_is_sent_is_the_difference(
    goals: list[Goal], view: BookView, actions: tuple[Action, ...]
) -> None:
    together = (demand(*goals),)
    apart = tuple(demand(goal, rule=str(number)) for number, goal in enumerate(goals))

    assert needed(together, view) == actions
    assert set(needed(apart, view)) == set(actions)


def test_the_more_urgent_demand_is_served_first() -> None:
    view = book(held(ES, 1), held(MNQ, 5))

    both = (demand(reduce(ES, 0), rule="a"), demand(flatten(MNQ), rule="b", priority=1))
    assert needed(both, view) == (Close(MNQ, None), Close(ES, None))


def test_nothing_is_sent_for_a_rule_that_is_content_again() -> None:
    assert needed((demand(FLATTEN, withdrawn=True),), book(held(MNQ, 2))) == ()


@pytest.mark.parametrize(
    ("one", "cancelled"),
    [
        pytest.param(order(8), True, id="open"),
        pytest.param(order(8, status=OrderStatus.PENDING), True, id="pending"),
        pytest.param(order(8, status=OrderStatus.PENDING_CANCELLATION), False, id="being undone"),
        pytest.param(order(8, status=OrderStatus.SUSPENDED), True, id="a bracket without entry"),
        pytest.param(
            order(8, status=OrderStatus.SUSPENDED, parent=7), False, id="goes with its entry"
        ),
        pytest.param(
            order(8, side=Side.SELL, kind=OrderType.MARKET, size=2), False, id="an exit on its way"
        ),
        pytest.param(order(8, side=Side.BUY, kind=OrderType.MARKET, size=2), True, id="an entry"),
        pytest.param(
            order(8, side=Side.SELL, kind=OrderType.MARKET, size=3), True, id="would turn us round"
        ),
        pytest.param(order(8, side=Side.SELL, kind=OrderType.STOP, size=2), True, id="a stop"),
    ],
)  # fmt: skip
def test_which_orders_a_flatten_cancels(one: OrderSeen, *, cancelled: bool) -> None:
    view = book(held(MNQ, 2), orders=(order(7), one))

    assert (Cancel(MNQ, OrderId(8)) in needed((demand(FLATTEN),), view)) is cancelled


@pytest.mark.parametrize("size", [2, 3], ids=["all of it", "more: the row may be an old one"])
def test_nothing_is_closed_on_top_of_a_market_order_against_it_i1(size: int) -> None:
    against = order(8, side=Side.SELL, kind=OrderType.MARKET, size=size)
    actions = needed((demand(FLATTEN),), book(held(MNQ, 2), orders=(against,)))

    assert [one for one in actions if isinstance(one, Close)] == []


def test_a_bracket_goes_by_itself_where_its_entry_may_stay() -> None:
    """The entry lessens what is held; filled, it would let the bracket open anew."""
    entry = order(7, side=Side.SELL, kind=OrderType.LIMIT)
    child = order(8, side=Side.BUY, kind=OrderType.STOP, status=OrderStatus.SUSPENDED, parent=7)
    withhold = Goal(aim=Aim.WITHHOLD, contract_id=MNQ)
    view = book(held(MNQ, 1), orders=(entry, child))

    assert needed((demand(withhold),), view) == (Cancel(MNQ, OrderId(8)),)
    assert met((withhold,), book(held(MNQ, 1), orders=(entry,)))
    everything = (demand(withhold), demand(FLATTEN, rule="other"))
    assert Cancel(MNQ, OrderId(8)) not in needed(everything, view)


@pytest.mark.parametrize(
    ("goals", "view", "so"),
    [
        pytest.param([FLATTEN], FLAT, True, id="flat"),
        pytest.param([FLATTEN], book(known=False), False, id="I2: unknown is never flat"),
        pytest.param([reduce(MNQ, 1)], book(known=False), False, id="I2: nor within"),
        pytest.param([FLATTEN], book(orders=(order(7),)), False, id="I8: an order is left"),
        pytest.param(
            [FLATTEN],
            book(orders=(order(7, status=OrderStatus.PENDING_CANCELLATION),)),
            False,
            id="I8: it may still fill",
        ),
        pytest.param([flatten(MNQ)], book(held(ES, 1), orders=(order(7, ES),)), True, id="others"),
        pytest.param([reduce(MNQ, 2)], book(held(MNQ, -2), orders=(order(7),)), True, id="within"),
        pytest.param([reduce(MNQ, 2)], book(held(MNQ, -3)), False, id="one over"),
    ],
)
def test_when_a_demand_is_met(goals: list[Goal], view: BookView, *, so: bool) -> None:
    assert met(tuple(goals), view) is so


@pytest.mark.parametrize(
    ("before", "asked", "goals"),
    [
        pytest.param([reduce(MNQ, 2)], [reduce(MNQ, 3)], [reduce(MNQ, 3)], id="newest reduction"),
        pytest.param([reduce(MNQ, 2)], [], [], id="content: nothing is needed"),
        pytest.param([FLATTEN], [], [FLATTEN], id="a flatten stands until proven"),
        pytest.param([FLATTEN], [FLATTEN], [FLATTEN], id="the same is the same"),
        pytest.param(
            [flatten(MNQ), reduce(ES, 1)],
            [flatten(ES)],
            [flatten(MNQ), flatten(ES)],
            id="flattens add up",
        ),
    ],
)
def test_a_rule_that_asks_again(before: list[Goal], asked: list[Goal], goals: list[Goal]) -> None:
    assert merge(tuple(before), tuple(asked)) == tuple(goals)


contracts = st.sampled_from((MNQ, ES, NQ))
any_goal = st.one_of(
    st.builds(Goal, aim=st.just(Aim.FLATTEN), contract_id=st.none() | contracts),
    st.builds(Goal, aim=st.just(Aim.REDUCE), contract_id=contracts, keep=st.integers(0, 6)),
)
any_demand = st.builds(
    Demand,
    enforcement_id=st.just("1001/r/1"),
    rule=st.sampled_from("abcdef").map(RuleName),
    priority=st.sampled_from(Priority),
    goals=st.lists(any_goal, min_size=1, max_size=4).map(tuple),
    why=st.just(""),
    requested=st.just(Nanos(0)),
)
any_demands = st.lists(any_demand, max_size=4, unique_by=lambda one: one.rule).map(tuple)
any_order = st.builds(
    order,
    st.integers(1, 6),
    contracts,
    side=st.sampled_from(Side),
    kind=st.sampled_from(OrderType),
    size=st.integers(1, 8),
    status=st.sampled_from(
        (OrderStatus.OPEN, OrderStatus.PENDING_CANCELLATION, OrderStatus.SUSPENDED)
    ),
    parent=st.none() | st.integers(1, 6),
)
any_sizes = st.dictionaries(contracts, st.integers(-8, 8).filter(bool))
any_orders = st.lists(any_order, max_size=4, unique_by=lambda one: one.order_id)


def seen(sizes: dict[ContractId, int], orders: list[OrderSeen]) -> BookView:
    holdings = (held(key, size) for key, size in sorted(sizes.items()))
    return book(*holdings, orders=tuple(orders))


any_view = st.builds(seen, any_sizes, any_orders)


def applied(view: BookView, actions: tuple[Action, ...]) -> BookView:
    """Return the book once the broker has done what was asked of it."""
    closes = {one.contract_id: one.size for one in actions if isinstance(one, Close)}
    gone = {one.order_id for one in actions if isinstance(one, Cancel)}
    left: list[Holding] = []
    for one in view.holdings:
        size = one.size
        if one.contract_id in closes:
            off = closes[one.contract_id]
            off = abs(size) if off is None else off
            size += -off if size > 0 else off
        if size:
            left.append(held(one.contract_id, size))
    return book(*left, orders=tuple(one for one in view.orders if one.order_id not in gone))


@given(any_demands, any_view)
def test_the_order_in_which_demands_came_decides_nothing(
    demands: tuple[Demand, ...], view: BookView
) -> None:
    actions = set(needed(demands, view))

    assert all(set(needed(order, view)) == actions for order in permutations(demands))


@given(any_demands, any_view)
def test_no_action_raises_a_position_or_turns_it_i1(
    demands: tuple[Demand, ...], view: BookView
) -> None:
    after = applied(view, needed(demands, view))

    for one in view.holdings:
        left = after.holding(one.contract_id)
        size = left.size if left is not None else 0
        assert 0 <= (size if one.size > 0 else -size) <= abs(one.size)


@given(any_demands, any_view)
def test_positions_are_brought_to_the_strictest_target_and_no_further(
    demands: tuple[Demand, ...], view: BookView
) -> None:
    resting = tuple(one for one in view.orders if one.type is not OrderType.MARKET)
    view = book(*view.holdings, orders=resting)  # what a market order is about to do counts too
    goals = tuple(goal for one in demands for goal in one.goals)
    after = applied(view, needed(demands, view))

    for one in view.holdings:
        allowed = keep(goals, one.contract_id)
        left = after.holding(one.contract_id)
        wanted = abs(one.size) if allowed is None else min(abs(one.size), allowed)
        assert (abs(left.size) if left is not None else 0) == wanted


@given(any_demands, any_view)
def test_each_position_and_order_has_one_action_at_most_i10(
    demands: tuple[Demand, ...], view: BookView
) -> None:
    keys = [action.key for action in needed(demands, view)]

    assert len(keys) == len(set(keys))


@given(any_demands, any_view)
def test_a_flatten_of_everything_absorbs_all_else(
    demands: tuple[Demand, ...], view: BookView
) -> None:
    everything = demand(FLATTEN, rule="z", priority=1)

    assert set(needed((*demands, everything), view)) == set(needed((everything,), view))


@given(any_demands, any_view)
def test_what_is_met_needs_nothing_done_to_positions(
    demands: tuple[Demand, ...], view: BookView
) -> None:
    if all(met(one.goals, view) for one in demands):
        assert needed(demands, view) == ()


@given(any_demands, any_view)
def test_nothing_outside_the_demands_is_touched_i8(
    demands: tuple[Demand, ...], view: BookView
) -> None:
    goals = [goal for one in demands for goal in one.goals]
    flat = {goal.contract_id for goal in goals if goal.aim is Aim.FLATTEN}

    for action in needed(demands, view):
        if isinstance(action, Cancel):
            assert flat & {None, action.contract_id}
