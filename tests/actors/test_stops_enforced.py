"""Stops under the enforcer: moved and placed once, in nobody's way, and never left behind."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from actors.model.flights import STOP_RETRY_MAX
from actors.model.pacing import LOOK, QUIET, RETRY_MAX
from actors.model.stops import tag_of
from protocol.account_facts import Instrument, OrderSeen, OrderStatus, OrderType, Side
from protocol.answers import RESERVED, Outcome
from protocol.book import BookView, Holding
from protocol.commands import CancelOrder, CloseContract, ModifyOrder, PlaceStop
from protocol.decisions import EnforcementConfirmed, EnforcementFailing, EnforcementRequested
from protocol.enforcement import Aim, Goal, Priority
from protocol.units import MILLISECOND, PRICE, SECOND, USD, PositionId, Price, RuleName, Usd
from tests.actors.rig import (
    ES,
    FLAT,
    FLATTEN,
    LOSS,
    MNQ,
    START,
    EnforcerBench,
    book,
    flatten,
    held,
    order,
)

ACCEPTED, REFUSED, UNCERTAIN = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNCERTAIN
MANAGED, GRACE, OWN = RuleName("trade_management"), RuleName("no_stop_loss_grace"), RuleName("own")
LOOK_MS, QUIET_MS, RETRY_MAX_MS = (one // MILLISECOND for one in (LOOK, QUIET, RETRY_MAX))
TICK = Price(PRICE // 4)
FIT = Goal(aim=Aim.FIT)


def at(points: int) -> Price:
    return Price(points * PRICE)


def priced(size: int = 2, mark: int = 21_000, grew: int = 1) -> Holding:
    instrument = Instrument(
        contract_id=MNQ, root="MNQ", name="", tick_size=TICK, tick_value=Usd(USD // 2)
    )
    return replace(held(MNQ, size, grew), average=at(21_000), mark=at(mark), instrument=instrument)


def stop(
    number: int,
    points: int,
    *,
    size: int = 2,
    side: Side = Side.SELL,
    tag: str | None = None,
    status: OrderStatus = OrderStatus.OPEN,
) -> OrderSeen:
    there = order(number, side=side, kind=OrderType.STOP, size=size, status=status)
    return replace(there, stop_price=at(points), tag=tag)


def own(number: int, position: int = 1, size: int = 2) -> OrderSeen:
    return replace(stop(number, 20_990, size=size), tag=tag_of(PositionId(position), number))


def goal(aim: Aim, points: int, position: int = 1, side: Side = Side.SELL) -> Goal:
    return Goal(
        aim=aim, contract_id=MNQ, position_id=PositionId(position), side=side, stop=at(points)
    )


def tighten(points: int) -> Goal:
    return goal(Aim.TIGHTEN, points)


PROTECT = goal(Aim.PROTECT, 20_990)
LOOSE = book(priced(mark=21_010), orders=(stop(7, 20_950),))
MOVED = book(priced(mark=21_010), orders=(stop(7, 21_000),))
BARE = book(priced())


def moving(view: BookView = LOOSE) -> EnforcerBench:
    bench = EnforcerBench()
    bench.enforce(tighten(21_000), view=view, rule=MANAGED, priority=Priority.AUTOMATION)
    return bench


def placing(kept: object = None) -> EnforcerBench:
    bench = EnforcerBench(kept)
    bench.enforce(PROTECT, view=BARE, rule=GRACE, priority=Priority.POSITION)
    return bench


def kinds(bench: EnforcerBench) -> list[type]:
    return [type(one) for one in bench.mutations]


# Moving


def test_a_stop_is_moved_at_once_and_one_read_proves_it() -> None:
    bench = moving()
    (move,) = bench.mutations
    assert isinstance(move, ModifyOrder)
    assert (move.order_id, move.stop_price, move.size, move.yields) == (7, at(21_000), None, True)

    bench.answers(ACCEPTED)
    bench.shows(MOVED)
    bench.wait(LOOK_MS)
    bench.truth(MOVED)

    assert len(bench.heard(EnforcementConfirmed)) == 1
    assert len(bench.mutations) == 1
    bench.wait(60_000)
    assert bench.reading() is None, "no more requests are spent on it"


def test_a_hundred_wishes_send_one_move_at_a_time_i10() -> None:
    bench = moving()
    for points in range(21_000, 21_009):
        bench.enforce(tighten(points), view=LOOSE, rule=MANAGED, priority=Priority.AUTOMATION)
        bench.shows(LOOSE)
        bench.wait(10)
    assert len(bench.mutations) == 1

    bench.answers(ACCEPTED)
    bench.shows(MOVED)
    bench.wait(1_000)
    assert len(bench.mutations) == 1, "the next one wants to see what this one has done"
    bench.truth(MOVED)
    assert [one.stop_price for one in bench.mutations if isinstance(one, ModifyOrder)] == [
        at(21_000),
        at(21_008),
    ]


@pytest.mark.parametrize("outcome", [REFUSED, UNCERTAIN])
def test_a_move_without_a_yes_waits_for_a_later_read_i10(outcome: Outcome) -> None:
    bench = moving()
    bench.answers(outcome)
    for _ in range(20):
        bench.shows(LOOSE)
        bench.wait(200)
        if bench.reading() is not None:
            bench.unknown()
    assert len(bench.mutations) == 1

    bench.wait(RETRY_MAX_MS)
    bench.truth(LOOSE)
    bench.wait(1_000)
    assert kinds(bench) == [ModifyOrder, ModifyOrder]


def test_an_accepted_move_that_does_not_show_is_read_before_it_is_sent_again() -> None:
    bench = moving()
    bench.answers(ACCEPTED)
    bench.wait(10_000)
    assert len(bench.mutations) == 1
    bench.truth(LOOSE)
    assert len(bench.mutations) == 2


def test_an_uncertain_move_is_still_in_doubt_after_a_restart_i10() -> None:
    bench = moving()
    bench.answers(UNCERTAIN)
    again = EnforcerBench(bench.kept())
    again.enforce(tighten(21_000), view=LOOSE, rule=MANAGED, priority=Priority.AUTOMATION)
    again.wait(1_000)
    assert again.mutations == []

    again.truth(LOOSE)
    again.wait(1_000)
    assert kinds(again) == [ModifyOrder]


def test_a_move_that_is_refused_is_tried_ever_more_seldom() -> None:
    bench, sent = moving(), [START.mono]
    for _ in range(4 * 600):
        if len(bench.mutations) > len(sent):
            sent.append(bench.now.mono)
        if bench.state.kept.flights:
            bench.answers(REFUSED, "Rejected")
        if bench.reading() is not None:
            bench.truth(LOOSE)
        bench.wait(250)

    gaps = [after - before for before, after in pairwise(sent)]
    assert gaps == sorted(gaps)
    assert STOP_RETRY_MAX <= gaps[-1] < STOP_RETRY_MAX + SECOND
    assert len(bench.heard(EnforcementFailing)) == len(sent) < 20


def test_a_move_that_gives_way_is_no_failure_and_reads_nothing() -> None:
    bench = moving()
    bench.answers(REFUSED, RESERVED)
    bench.wait(RETRY_MAX_MS - 1)
    assert (len(bench.mutations), bench.reads, bench.heard(EnforcementFailing)) == (1, [], [])

    bench.wait(1)
    assert len(bench.mutations) == 2


def test_a_stop_put_off_was_never_sent_so_it_is_no_try_and_stays_under_its_tag() -> None:
    """Four tries are all that a stop has; and a second tag would be a second stop."""
    bench = placing()
    bench.answers(UNCERTAIN)
    bench.wait(LOOK_MS)
    bench.truth(BARE)
    for _ in range(6):
        bench.wait(RETRY_MAX_MS)
        bench.answers(REFUSED, RESERVED)

    stops = [one for one in bench.mutations if isinstance(one, PlaceStop)]
    assert len(stops) == 7
    assert len({one.tag for one in stops}) == 1
    (demand,) = bench.state.kept.demands
    assert demand.attempts == 1


def test_a_stop_that_has_no_room_waits_without_a_request() -> None:
    bench = moving(book(priced(mark=21_000), orders=(stop(7, 20_950),)))
    bench.wait(60_000)
    assert (bench.mutations, bench.reads, bench.timers) == ([], [], {})

    bench.enforce(tighten(21_000), view=LOOSE, rule=MANAGED, priority=Priority.AUTOMATION)
    assert kinds(bench) == [ModifyOrder]


def test_a_goal_is_void_with_another_position() -> None:
    other = book(priced(mark=21_010, grew=2), orders=(stop(7, 20_950),))
    assert moving(other).mutations == []


# Nothing waits for it, and it waits for everything


def test_a_close_leaves_though_a_move_is_in_the_air_i4() -> None:
    bench = moving()
    bench.enforce(FLATTEN, view=LOOSE, rule=LOSS)
    assert kinds(bench) == [ModifyOrder, CloseContract]

    bench.answers(ACCEPTED, which=0)
    assert kinds(bench) == [ModifyOrder, CloseContract, CancelOrder], "the cancel follows at once"


def test_a_close_absorbs_the_move_of_its_stop() -> None:
    bench = EnforcerBench()
    bench.enforce(flatten(MNQ), view=LOOSE, rule=LOSS)
    bench.enforce(tighten(21_000), view=LOOSE, rule=MANAGED, priority=Priority.AUTOMATION)

    assert kinds(bench) == [CloseContract, CancelOrder]


@pytest.mark.parametrize("outcome", [None, UNCERTAIN])
def test_nothing_is_managed_while_another_contract_is_being_closed(
    outcome: Outcome | None,
) -> None:
    view = replace(LOOSE, holdings=(held(ES, 1, 3), *LOOSE.holdings))
    bench = EnforcerBench()
    bench.enforce(flatten(ES), view=view, rule=LOSS)
    if outcome is not None:
        bench.answers(outcome)
    bench.enforce(tighten(21_000), view=view, rule=MANAGED, priority=Priority.AUTOMATION)
    assert kinds(bench) == [CloseContract]

    if outcome is None:
        bench.answers(ACCEPTED)
    bench.shows(LOOSE)
    bench.enforce(tighten(21_000), view=LOOSE, rule=MANAGED, priority=Priority.AUTOMATION)
    if outcome is UNCERTAIN:
        assert kinds(bench) == [CloseContract], "it may still happen"
    bench.wait(LOOK_MS)
    bench.truth(LOOSE)
    bench.wait(QUIET_MS)
    assert kinds(bench) == [CloseContract, ModifyOrder]


# Placing


def test_a_stop_is_placed_under_our_tag() -> None:
    (command,) = placing().mutations
    assert isinstance(command, PlaceStop)
    assert (command.side, command.size, command.stop_price) == (Side.SELL, 2, at(20_990))
    assert command.tag.startswith("riskwarden-stop-1-")
    assert not command.yields


def test_an_accepted_stop_is_not_placed_again_before_a_read() -> None:
    bench = placing()
    bench.answers(ACCEPTED)
    for _ in range(50):
        bench.shows(BARE)
        bench.wait(200)
        if bench.reading() is not None:
            bench.unknown()
    assert len(bench.mutations) == 1


def test_stops_that_are_taken_and_never_show_are_not_heaped_up() -> None:
    bench = placing()
    for _ in range(40):
        bench.answers(ACCEPTED)
        bench.wait(LOOK_MS)
        if bench.reading() is not None:
            bench.truth(BARE)
        bench.wait(10_000)
    assert len(bench.mutations) == 4


def test_a_second_try_after_an_unknown_end_has_the_same_tag() -> None:
    bench = placing()
    bench.answers(UNCERTAIN)
    bench.wait(LOOK_MS)
    bench.truth(BARE)
    bench.wait(1_000)

    first, second = bench.mutations
    assert isinstance(first, PlaceStop)
    assert isinstance(second, PlaceStop)
    assert first.tag == second.tag
    assert first.command_id != second.command_id

    bench.answers(REFUSED, "OrderRejected: Custom tag is already in use.")
    bench.wait(LOOK_MS)
    bench.truth(BARE)
    bench.wait(5_000)
    third = bench.mutations[-1]
    assert isinstance(third, PlaceStop)
    assert third.tag != first.tag, "a tag that was refused is of no more use"


def test_the_tag_in_doubt_survives_a_crash() -> None:
    first = placing()
    again = placing(first.kept())
    assert again.mutations == [], "it may have been placed"
    again.truth(BARE)
    again.wait(1_000)

    assert [one.tag for one in again.mutations if isinstance(one, PlaceStop)] == [
        one.tag for one in first.mutations if isinstance(one, PlaceStop)
    ]


def test_nothing_is_placed_beside_a_close_in_the_air() -> None:
    bench = EnforcerBench()
    bench.enforce(flatten(MNQ), view=BARE, rule=LOSS)
    bench.enforce(PROTECT, view=BARE, rule=GRACE, priority=Priority.POSITION)
    assert kinds(bench) == [CloseContract]


def test_a_close_leaves_though_a_stop_is_being_placed_i4() -> None:
    bench = placing()
    bench.enforce(FLATTEN, view=BARE, rule=LOSS)
    assert kinds(bench) == [PlaceStop, CloseContract]

    late = book(orders=(own(9),))
    bench.shows(late)
    assert kinds(bench) == [PlaceStop, CloseContract, CancelOrder], "it goes as it arrives"


# Taking back: lesson 80


@pytest.mark.parametrize(
    ("view", "deeds"),
    [
        pytest.param(book(priced(), orders=(own(7),)), [], id="as it should be"),
        pytest.param(book(orders=(own(7),)), [(CancelOrder, None)], id="an orphan"),
        pytest.param(
            book(priced(grew=2), orders=(own(7),)), [(CancelOrder, None)], id="of another position"
        ),
        pytest.param(
            book(priced(-2), orders=(own(7),)), [(CancelOrder, None)], id="turned around"
        ),
        pytest.param(book(priced(1), orders=(own(7),)), [(ModifyOrder, 1)], id="too big"),
        pytest.param(
            book(priced(), orders=(own(7), stop(8, 20_980))), [(CancelOrder, None)],
            id="the trader's own is enough",
        ),
        pytest.param(
            book(priced(3), orders=(own(7, size=3), stop(8, 20_980))), [(ModifyOrder, 1)],
            id="the trader's own covers some",
        ),
        pytest.param(
            book(priced(), orders=(own(7), own(8))), [(CancelOrder, None)], id="one too many"
        ),
        pytest.param(
            book(orders=(replace(own(7), status=OrderStatus.PENDING_CANCELLATION),)), [],
            id="on its way out",
        ),
        pytest.param(book(orders=(stop(7, 20_990),)), [], id="an order of the trader's"),
    ],
)  # fmt: skip
def test_what_is_taken_back(view: BookView, deeds: list[tuple[type, int | None]]) -> None:
    bench = EnforcerBench()
    bench.enforce(FIT, view=view, rule=OWN, priority=Priority.POSITION)

    done = [(type(one), getattr(one, "size", None)) for one in bench.mutations]
    assert done == deeds
    assert all(getattr(one, "stop_price", None) is None for one in bench.mutations)


def test_taking_back_is_proven_by_two_reads() -> None:
    bench = EnforcerBench()
    bench.enforce(FIT, view=book(orders=(own(7),)), rule=OWN, priority=Priority.POSITION)
    bench.answers(ACCEPTED)
    bench.shows(FLAT)
    bench.wait(LOOK_MS)
    bench.truth(FLAT)
    assert bench.heard(EnforcementConfirmed) == []
    bench.wait(QUIET_MS)
    bench.truth(FLAT)

    assert len(bench.heard(EnforcementConfirmed)) == 1
    assert len(bench.heard(EnforcementRequested)) == 1


def test_what_a_flatten_cancels_is_not_made_smaller_first_i10() -> None:
    view = book(priced(1), orders=(own(7),))
    bench = EnforcerBench()
    bench.enforce(FIT, view=view, rule=OWN, priority=Priority.POSITION)
    assert kinds(bench) == [ModifyOrder]

    other = EnforcerBench()
    other.enforce(flatten(MNQ), view=view, rule=LOSS, priority=Priority.POSITION)
    other.enforce(FIT, view=view, rule=OWN, priority=Priority.POSITION)
    assert kinds(other) == [CloseContract, CancelOrder]
