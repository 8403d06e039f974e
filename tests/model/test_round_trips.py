"""Round trips: recorded sessions, scaling, reversals, partial fills, costs, and any order."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.average_price import signed
from actors.model.continued import Continued
from actors.model.ledger import Ledger
from actors.model.round_trips import (
    Basis,
    Closed,
    RoundTrips,
    Sizes,
    Trip,
    add_up,
    carried_over,
    left_standing,
)
from protocol.account_facts import TradeSeen
from protocol.units import Nanos, Usd, usd_text
from tests.model.fills import (
    COSTS,
    ENQ,
    MNQ,
    any_day,
    at,
    fill,
    follow,
    log,
    shuffled,
    valued,
    void,
)


def told(messages: Iterable[TradeSeen], carried: Sizes | None = None) -> RoundTrips:
    """Follow the day as an account does: after each message, the fills that stand then."""
    ledger, following = Ledger(started=at(0)), followed(carried)
    trips = following.over(())
    for one in messages:
        ledger = ledger.book(one)
        trips = following.over(ledger.trades)
    return trips


def at_once(messages: Iterable[TradeSeen]) -> RoundTrips:
    """Follow what stands in the end, as after a restart."""
    return follow(Ledger(started=at(0)).rebuilt(messages).trades)


def followed(carried: Sizes | None = None) -> Continued[TradeSeen, RoundTrips]:
    return Continued(lambda: RoundTrips(carried or {}), RoundTrips.take)


def shown(trips: RoundTrips) -> dict[str, object]:
    """Return all that is known of a day."""
    return {**vars(trips), "orders": trips.closings(Basis.ORDER), "trips": trips.closings()}


def made(trips: RoundTrips, basis: Basis = Basis.ROUND_TRIP) -> list[str]:
    return [usd_text(one.gross) for one in trips.closings(basis)]


T1 = log(("12:21:11", 2, 25900.0), ("12:21:19", -2, 25898.25))
T2 = log(("14:19:41", 1, 25935.5), ("14:20:36", -1, 25926.5))
T3 = log(
    ("14:20:42", 5, 25924.5),
    ("14:20:46", -5, 25925.5),
    ("14:20:50", 4, 25925.5),
    ("14:21:11", -4, 25922.75),
)
T4 = log(
    ("03:36:35", 1, 26259.0),
    ("03:36:48", -1, 26258.75),
    ("03:36:51", 4, 26258.5),
    ("03:37:06", -4, 26254.75),
)
T5 = log(("03:59:49", 5, 26271.5), ("03:59:59", -5, 26270.75))
T6 = valued(
    fill(1, "00:06:36", 1, 26233.25),
    fill(2, "00:06:45", -1, 26233.75),
    fill(3, "00:07:00", 1, 26232.5, product=ENQ),
    fill(4, "00:07:03", -1, 26231.5, product=ENQ),
)
T7 = log(("10:40:39", 1, 26244.25), ("10:40:46", -1, 26242.25))
T8 = log(("12:21:33", 1, 25897.75), ("12:21:37", -1, 25898.25))


@pytest.mark.parametrize(
    ("fills", "closed"),
    [
        pytest.param(T1, [("12:21:11", "12:21:19", 2, "-7.00")], id="T1"),
        pytest.param(T2, [("14:19:41", "14:20:36", 1, "-18.00")], id="T2"),
        pytest.param(
            T3,
            [("14:20:42", "14:20:46", 5, "10.00"), ("14:20:50", "14:21:11", 4, "-22.00")],
            id="T3",
        ),
        pytest.param(
            T4,
            [("03:36:35", "03:36:48", 1, "-0.50"), ("03:36:51", "03:37:06", 4, "-30.00")],
            id="T4",
        ),
        pytest.param(T5, [("03:59:49", "03:59:59", 5, "-7.50")], id="T5"),
        pytest.param(
            T6,
            [("00:06:36", "00:06:45", 1, "1.00"), ("00:07:00", "00:07:03", 1, "-20.00")],
            id="T6",
        ),
        pytest.param(T7, [("10:40:39", "10:40:46", 1, "-4.00")], id="T7"),
        pytest.param(T8, [("12:21:33", "12:21:37", 1, "1.00")], id="T8"),
        pytest.param((*T1, *T1, *T1), [("12:21:11", "12:21:19", 2, "-7.00")], id="T9: echoes"),
    ],
)
@pytest.mark.parametrize("followed", [told, at_once])
def test_a_recorded_session_closes_as_recorded(
    fills: tuple[TradeSeen, ...],
    closed: list[tuple[str, str, int, str]],
    followed: Callable[[Iterable[TradeSeen]], RoundTrips],
) -> None:
    trips = followed(fills)
    seen = [(one.opened, one.closed, one.size, usd_text(one.gross)) for one in trips.closings()]

    assert seen == [(at(opened), at(ended), size, net) for opened, ended, size, net in closed]
    assert trips.under_way == {}


@pytest.mark.parametrize(
    ("fills", "trips", "orders"),
    [
        pytest.param([(1, 26000), (1, 26010), (-2, 26000)], ["-20.00"], ["-20.00"], id="scale in"),
        pytest.param(
            [(2, 26000), (-1, 25990), (-1, 26010)],
            ["0.00"],
            ["-20.00", "20.00"],
            id="scale out: one trip, two orders",
        ),
        pytest.param(
            [(2, 26000), (-1, 25990), (1, 25980), (-2, 25980)],
            ["-60.00"],
            ["-20.00", "-40.00"],
            id="out, in again, out: still one trip",
        ),
        pytest.param(
            [(2, 26000), (-5, 25990), (3, 26000)],
            ["-40.00", "-60.00"],
            ["-40.00", "-60.00"],
            id="a reversal splits into two",
        ),
        pytest.param([(-2, 26000), (2, 25990)], ["40.00"], ["40.00"], id="a short that won"),
        pytest.param([(-1, 26000), (1, 26010)], ["-20.00"], ["-20.00"], id="a short that lost"),
        pytest.param([(2, 26000), (-1, 25990)], [], ["-20.00"], id="not flat yet"),
        pytest.param([(2, 26000)], [], [], id="nothing closed"),
        pytest.param([], [], [], id="nothing at all"),
    ],
)
def test_a_round_trip_is_from_flat_to_flat(
    fills: list[tuple[int, float]], trips: list[str], orders: list[str]
) -> None:
    day = log(*((f"10:00:{second:02}", *one) for second, one in enumerate(fills)))

    assert made(told(day)) == trips
    assert made(told(day), Basis.ORDER) == orders


def test_partial_fills_of_one_order_are_one_closing() -> None:
    day = valued(
        fill(1, 1, 1, 26000, order=7),
        fill(2, 2, 2, 26000, order=7),
        fill(3, 3, -1, 25990, order=8),
        fill(4, 4, -2, 25980, order=8),
    )

    assert made(told(day)) == ["-100.00"]
    assert made(told(day), Basis.ORDER) == ["-100.00"]
    assert made(told(day[:3])) == []
    assert made(told(day[:3]), Basis.ORDER) == ["-20.00"], "what it has closed so far"


def test_a_closing_says_what_it_was() -> None:
    trips = told(valued(fill(1, 10, 2, 26000), fill(2, 20, -2, 25990, order=9)))

    assert tuple(trips.closings()) == (
        Closed(
            contract_id=MNQ.contract_id,
            order_id=fill(2, 0, 1, order=9).order_id,
            trade_id=fill(2, 0, 1).trade_id,
            opened=at(10),
            closed=at(20),
            size=2,
            gross=Usd(-400_000),
            costs=Usd(0),
        ),
    )


@pytest.mark.parametrize(
    ("basis", "net"),
    [
        pytest.param(Basis.ROUND_TRIP, ["-21.48", "-30.74"], id="a trip bears its entries' costs"),
        pytest.param(Basis.ORDER, ["-20.74", "-30.37"], id="an order bears its own"),
    ],
)
def test_costs_are_shared_by_size_where_a_fill_does_both(basis: Basis, net: list[str]) -> None:
    day = valued(
        fill(1, 1, 2, 26000, fees=2 * COSTS),
        fill(2, 2, -3, 25995, fees=3 * COSTS),
        fill(3, 3, 1, 26010, fees=COSTS),
    )
    closings = told(day).closings(basis)

    assert [usd_text(one.net(include_fees=True)) for one in closings] == net
    assert [usd_text(one.net(include_fees=False)) for one in closings] == ["-20.00", "-30.00"]


def test_commissions_are_costs_too() -> None:
    one, other = log(("10:00:00", 1, 26000), ("10:00:01", -1, 26000))
    day = (one, replace(other, fees=Usd(100), commissions=Usd(20)))

    assert [closed.costs for closed in told(day).closings()] == [120]


def test_contracts_are_followed_side_by_side() -> None:
    day = valued(
        fill(1, 1, 1, 26000),
        fill(2, 2, -1, 26000, product=ENQ),
        fill(3, 3, -1, 25990),
        fill(4, 4, 1, 26001, product=ENQ),
    )

    assert [(one.contract_id, usd_text(one.gross)) for one in told(day).closings()] == [
        (MNQ.contract_id, "-20.00"),
        (ENQ.contract_id, "-20.00"),
    ]


@pytest.mark.parametrize("first", [True, False], ids=["void first", "void after"])
def test_a_voided_fill_never_was(*, first: bool) -> None:
    day = log(("10:00:00", 1, 26000), ("10:00:01", -1, 25990), ("10:00:02", -1, 25990))
    messages = (void(day[2]), *day) if first else (*day, void(day[2]), day[2], void(day[2]))

    assert shown(told(messages)) == shown(at_once(messages)) == shown(told(day[:2]))


def test_a_late_fill_is_put_where_it_belongs() -> None:
    assert shown(told((T3[0], T3[3], T3[2], T3[1]))) == shown(told(T3))


def carrying(size: int) -> Sizes:
    return {MNQ.contract_id: size}


def test_a_position_of_the_day_before_is_closed_by_what_closes_it() -> None:
    day = (fill(1, 1, -1, realized=-50_000), fill(2, 2, -1, realized=-70_000), fill(3, 3, 1))
    trips = follow(day, carrying(2))

    assert [(one.opened, one.size, one.gross) for one in trips.closings()] == [(None, 2, -120_000)]
    assert trips.under_way[MNQ.contract_id].opened == at(3)
    assert follow((), carrying(2)).under_way == {MNQ.contract_id: Trip(size=2, opened=None)}


def test_what_was_carried_follows_from_what_is_held_now() -> None:
    day = (fill(1, 1, -1, realized=-50_000), fill(2, 2, -3, product=ENQ))

    filled: Sizes = {}
    for one in day:
        add_up(filled, one)

    assert carried_over({MNQ.contract_id: 1, ENQ.contract_id: -3}, filled) == carrying(2)
    assert carried_over({}, {}) == {}


def test_without_knowing_what_was_carried_a_closing_stands_by_itself() -> None:
    day = (fill(1, 1, -1, realized=-50_000), fill(2, 2, -1, realized=-70_000), fill(3, 3, 1))
    trips = told(day)

    assert [(one.opened, one.gross) for one in trips.closings()] == [
        (None, -50_000),
        (None, -70_000),
    ]
    assert trips.under_way[MNQ.contract_id].size == 1
    assert trips.entries == [day[2].at]


def test_a_round_trip_lasts_over_a_reset() -> None:
    day = log(("16:59:00", 2, 26000), ("16:59:30", -1, 25990), ("17:00:00", -1, 25980))
    trips = follow(day[2:], carrying(1))

    assert [(one.opened, one.size, usd_text(one.gross)) for one in trips.closings()] == [
        (None, 1, "-40.00")
    ]


@given(any_day().flatmap(lambda day: st.tuples(st.just(day), shuffled(day))))
def test_no_order_and_no_repetition_makes_a_difference(
    days: tuple[tuple[TradeSeen, ...], list[TradeSeen]],
) -> None:
    """I16, and that a rebuilt day is the day that was followed."""
    day, messages = days

    assert shown(told(messages)) == shown(told(day)) == shown(at_once(messages))


@given(st.data())
def test_voids_leave_no_trace_wherever_they_come(data: st.DataObject) -> None:
    day = data.draw(any_day())
    gone = data.draw(st.sets(st.sampled_from(day))) if day else set[TradeSeen]()
    messages = data.draw(shuffled([*day, *map(void, gone)]))
    kept = [one for one in day if one not in gone]

    assert shown(told(messages)) == shown(at_once(messages)) == shown(follow(kept))


@pytest.mark.parametrize(
    ("carried", "sizes", "stands"),
    [
        pytest.param(0, (2, 1), 3, id="all that was filled until then"),
        pytest.param(1, (2,), 3, id="and what was carried into the day"),
        pytest.param(0, (2, 1, 4), 3, id="nothing that was added since"),
        pytest.param(0, (2, 1, -1), 2, id="less what was taken off"),
        pytest.param(0, (2, 1, -2, 2), 1, id="which cannot be bought back"),
        pytest.param(0, (2, 1, 4, -5), 2, id="what was added went first"),
        pytest.param(0, (2, 1, -3, 3), 0, id="left and entered again"),
        pytest.param(0, (2, 1, -5, 5), 0, id="turned around and back"),
        pytest.param(0, (-2, -1, -4, 5), -2, id="a short is the mirror"),
        pytest.param(0, (2, -2, 3), 0, id="flat at the trigger"),
    ],
)
def test_what_the_trigger_left_standing(carried: int, sizes: tuple[int, ...], stands: int) -> None:
    fills = tuple(fill(number, number, size) for number, size in enumerate(sizes, start=1))

    stood = left_standing({MNQ.contract_id: carried} if carried else {}, fills, at(2))

    assert stood == ({MNQ.contract_id: stands} if stands else {})


@given(any_day())
def test_no_cent_is_lost_or_made(day: tuple[TradeSeen, ...]) -> None:
    trips = follow(day)
    parts: list[Closed | Trip] = [*trips.closings(), *trips.under_way.values()]

    realized = sum(one.realized or 0 for one in day)
    assert sum(part.gross for part in parts) == realized
    assert sum(one.gross for one in trips.closings(Basis.ORDER)) == realized
    assert sum(part.costs for part in parts) == sum(one.fees for one in day)


@given(any_day())
def test_there_are_as_many_trips_as_returns_to_zero(day: tuple[TradeSeen, ...]) -> None:
    trips = follow(day)
    for product in (MNQ, ENQ):
        held, ends = 0, list[Nanos]()
        for one in (one for one in day if one.contract_id == product.contract_id):
            before, held = held, held + signed(one)
            if before and before * held <= 0:
                ends.append(one.at)
        closed = [one for one in trips.closings() if one.contract_id == product.contract_id]
        left = trips.under_way.get(product.contract_id)

        assert [one.closed for one in closed] == ends
        assert (left.size if left else 0) == held


@given(st.lists(any_day(), max_size=4), st.integers(-3, 3).map(carrying))
def test_following_other_fills_begins_again(
    days: list[tuple[TradeSeen, ...]], carried: Sizes
) -> None:
    following = followed(carried)

    for one in days:
        assert shown(following.over(one)) == shown(follow(one, carried))
