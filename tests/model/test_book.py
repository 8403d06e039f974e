"""The book against messages that come twice, late, permuted, or not at all."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.book import REMEMBERED_MAX, Book, BookFact
from protocol.account_facts import (
    WORKING,
    Instrument,
    OrderSeen,
    OrderStatus,
    OrderType,
    PositionSeen,
    Side,
)
from protocol.market_facts import Marks
from protocol.units import (
    PRICE,
    SECOND,
    AccountId,
    ContractId,
    Nanos,
    OrderId,
    PositionId,
    Price,
    Usd,
)

ACCOUNT = AccountId(1)
MNQ, ENQ = ContractId("CON.F.US.MNQ.Z25"), ContractId("CON.F.US.ENQ.Z25")


def price(points: float) -> Price:
    return Price(round(points * PRICE))


def position(
    size: int,
    *,
    life: int = 1,
    average: float = 25900.0,
    contract: ContractId = MNQ,
    opened: int | None = None,
) -> PositionSeen:
    """Return a position's message; life n opens n seconds into the day and has the id 100 + n."""
    return PositionSeen(
        account_id=ACCOUNT,
        position_id=PositionId(100 + life),
        contract_id=contract,
        size=size,
        average=price(average),
        opened=Nanos((life if opened is None else opened) * SECOND),
    )


def order(
    status: OrderStatus,
    *,
    number: int = 1,
    updated: int | None = None,
    filled: int = 0,
    size: int = 2,
    stop: float | None = None,
    kind: OrderType = OrderType.MARKET,
) -> OrderSeen:
    return OrderSeen(
        account_id=ACCOUNT,
        order_id=OrderId(number),
        contract_id=MNQ,
        status=status,
        type=kind,
        side=Side.SELL,
        size=size,
        filled=filled,
        stop_price=None if stop is None else price(stop),
        updated=None if updated is None else Nanos(updated),
    )


def fold(*facts: BookFact, book: Book | None = None) -> Book:
    book = book or Book()
    for fact in facts:
        book, _ = book.position(fact) if isinstance(fact, PositionSeen) else book.order(fact)
    return book


def sizes(book: Book) -> dict[ContractId, int]:
    return {contract: row.seen.size for contract, row in book.rows.items()}


# Positions


def test_lesson_30_a_second_update_within_seconds_counts() -> None:
    book, first = Book().position(position(1))
    book, second = book.position(position(2))

    assert (first, second) == (True, True)
    assert sizes(book) == {MNQ: 2}


def test_lesson_30_a_fast_re_entry_is_a_new_life() -> None:
    assert sizes(fold(position(5), position(0), position(4, life=2))) == {MNQ: 4}


def test_lesson_32_the_identical_position_sent_with_a_bracket_changes_nothing() -> None:
    book = fold(position(1))

    assert book.position(position(1)) == (book, False)


def test_a_new_average_of_the_same_size_is_a_change() -> None:
    book, changed = fold(position(2)).position(position(2, average=25901.5))

    assert changed
    assert book.rows[MNQ].seen.average == price(25901.5)
    assert book.rows[MNQ].grew == 1


@pytest.mark.parametrize("average", [25900.0, 0.0, 26000.0], ids=["entry", "zero", "another"])
def test_lessons_36_and_40_size_zero_closes_whatever_else_it_says(average: float) -> None:
    book, changed = fold(position(2)).position(position(0, average=average))

    assert changed
    assert book.rows == {}


def test_a_close_of_another_contract_leaves_this_one() -> None:
    book, changed = fold(position(2)).position(position(0, life=2, contract=ENQ))

    assert not changed
    assert sizes(book) == {MNQ: 2}


def test_a_late_close_of_an_earlier_life_leaves_the_present_one() -> None:
    book, changed = fold(position(2), position(3, life=2)).position(position(0))

    assert not changed
    assert sizes(book) == {MNQ: 3}


def test_a_close_of_a_later_life_ends_the_earlier_one_too() -> None:
    book = fold(position(2), position(0, life=2))

    assert book.rows == {}
    assert fold(position(2), book=book) == book


def test_a_closed_life_never_comes_back() -> None:
    book = fold(position(2), position(0))

    assert book.position(position(2)) == (book, False)
    assert book.revives(position(2))
    assert not book.revives(position(0))
    assert not book.revives(position(2, life=2))


def test_a_copy_of_what_was_replaced_waits_for_truth_i16() -> None:
    book = fold(position(2), position(3))

    assert book.position(position(2)) == (book, False)
    assert book.revives(position(2))
    assert not book.revives(position(3))
    assert sizes(book.truth((position(2),), ())) == {MNQ: 2}, "it really is two again"
    assert sizes(fold(position(1), book=book)) == {MNQ: 1}


def test_a_late_message_of_an_earlier_life_is_ignored_for_good() -> None:
    book, changed = fold(position(3, life=2)).position(position(2))

    assert not changed
    assert fold(position(0, life=2), position(2), book=book).rows == {}


def test_lives_opened_in_the_same_instant_are_told_apart_by_their_ids() -> None:
    earlier, later = position(1, life=1, opened=7), position(-2, life=2, opened=7)

    assert sizes(fold(earlier, later)) == sizes(fold(later, earlier)) == {MNQ: -2}


REVERSED = [
    pytest.param((position(-3),), id="one message, same id"),
    pytest.param((position(-3, life=2),), id="one message, new id"),
    pytest.param((position(0), position(-3, life=2)), id="flat, then open"),
    pytest.param((position(-3, life=2), position(0)), id="open, then flat"),
]


@pytest.mark.parametrize("messages", REVERSED)
def test_lesson_79_a_reversal_holds_the_new_side_only(messages: tuple[PositionSeen, ...]) -> None:
    book = fold(position(2), *messages)

    assert sizes(book) == {MNQ: -3}


@pytest.mark.parametrize("messages", REVERSED)
def test_a_reversal_grew_last(messages: tuple[PositionSeen, ...]) -> None:
    book = fold(position(2), position(1, contract=ENQ, life=9), *messages)

    assert book.rows[MNQ].grew > book.rows[ENQ].grew


@pytest.mark.parametrize(
    ("before", "after", "grows"),
    [
        pytest.param(1, 2, True, id="scaled in"),
        pytest.param(-1, -2, True, id="scaled in, short"),
        pytest.param(2, 1, False, id="scaled out"),
        pytest.param(-2, -1, False, id="scaled out, short"),
        pytest.param(3, -1, True, id="flipped to less"),
        pytest.param(-3, 1, True, id="flipped to less, long"),
    ],
)
def test_growth_ranks_last(before: int, after: int, grows: bool) -> None:  # noqa: FBT001 - a column
    book = fold(position(before), position(1, contract=ENQ, life=9))
    rank = book.rows[MNQ].grew

    book = fold(position(after), book=book)

    assert (book.rows[MNQ].grew > rank) is grows
    assert (book.rows[MNQ].grew > book.rows[ENQ].grew) is grows


def test_growing_again_rises_again() -> None:
    ranks = [
        fold(*(position(size) for size in range(1, last + 1))).rows[MNQ].grew for last in (1, 2, 3)
    ]

    assert ranks == [1, 2, 3]


def test_the_memory_of_closed_lives_is_bounded() -> None:
    many = REMEMBERED_MAX + 88
    book = fold(*(position(0, life=number) for number in range(many)))
    book = fold(*(order(OrderStatus.FILLED, number=number) for number in range(many)), book=book)

    assert list(book.closed) == [PositionId(100 + number) for number in range(88, many)]
    assert list(book.finished) == [OrderId(number) for number in range(88, many)]


# Orders


def test_lesson_31_a_second_protective_order_is_another_order() -> None:
    book = fold(
        order(OrderStatus.OPEN, number=2, kind=OrderType.LIMIT),
        order(OrderStatus.OPEN, number=1, kind=OrderType.STOP, stop=25910.5),
    )

    assert [one.order_id for one in book.working] == [1, 2]


def test_lesson_90_a_modified_stop_has_its_new_price() -> None:
    book = fold(order(OrderStatus.OPEN, stop=25910.5, updated=1))

    book, changed = book.order(order(OrderStatus.OPEN, stop=25920.0, updated=2))

    assert changed
    assert [one.stop_price for one in book.working] == [price(25920.0)]


def test_lesson_91_cancelling_the_target_leaves_the_stop() -> None:
    stop, target = (order(OrderStatus.OPEN, number=number) for number in (1, 2))

    book, changed = fold(stop, target).order(order(OrderStatus.CANCELLED, number=2))

    assert changed
    assert book.working == (stop,)


@pytest.mark.parametrize("status", sorted(WORKING))
def test_an_order_works_in_every_status_from_which_it_can_fill(status: OrderStatus) -> None:
    book, changed = Book().order(order(status))

    assert changed
    assert book.working == (order(status),)


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - WORKING - {OrderStatus.NONE}))
def test_a_final_status_is_final(status: OrderStatus) -> None:
    book, changed = fold(order(OrderStatus.OPEN, updated=1)).order(order(status, updated=2))

    assert changed
    assert book.working == ()
    assert book.order(order(OrderStatus.OPEN, updated=9)) == (book, False)
    assert book.order(order(status, updated=2)) == (book, False)


def test_i16_an_end_told_twice_is_no_news() -> None:
    book = fold(position(2), order(OrderStatus.OPEN), position(0), order(OrderStatus.FILLED))

    assert book.position(position(0))[0] is book
    assert book.order(order(OrderStatus.FILLED))[0] is book


def test_a_status_that_says_nothing_is_ignored() -> None:
    assert Book().order(order(OrderStatus.NONE)) == (Book(), False)


def test_the_identical_order_changes_nothing() -> None:
    book = fold(order(OrderStatus.OPEN, updated=1))

    assert book.order(order(OrderStatus.OPEN, updated=1)) == (book, False)


def test_an_older_update_is_ignored() -> None:
    book = fold(order(OrderStatus.OPEN, stop=25920.0, updated=2))

    assert book.order(order(OrderStatus.PENDING, stop=25910.5, updated=1)) == (book, False)


def test_an_update_without_a_time_is_newer_and_keeps_the_time_known() -> None:
    book = fold(
        order(OrderStatus.PENDING, stop=25910.5, updated=2), order(OrderStatus.OPEN, stop=25920.0)
    )

    assert book.working == (order(OrderStatus.OPEN, stop=25920.0, updated=2),)
    assert book.order(order(OrderStatus.OPEN, stop=25900.0, updated=1)) == (book, False)


def test_a_timed_update_follows_an_untimed_one() -> None:
    book = fold(order(OrderStatus.PENDING), order(OrderStatus.OPEN, updated=1))

    assert book.working == (order(OrderStatus.OPEN, updated=1),)


def test_partial_fills_rise_and_never_fall() -> None:
    book = fold(order(OrderStatus.OPEN, filled=1, updated=1))
    book, changed = book.order(order(OrderStatus.OPEN, filled=2, updated=2))
    assert changed

    book = fold(order(OrderStatus.OPEN, filled=1, updated=3), book=book)

    assert [one.filled for one in book.working] == [2]


def test_what_an_older_update_saw_filled_is_not_lost() -> None:
    book = fold(order(OrderStatus.OPEN, updated=2), order(OrderStatus.OPEN, filled=1, updated=1))

    assert book.working == (order(OrderStatus.OPEN, filled=1, updated=2),)


# Permutations

BRACKETS = (
    order(OrderStatus.OPEN, number=2, kind=OrderType.STOP, stop=25910.5, updated=10),
    order(OrderStatus.OPEN, number=3, kind=OrderType.LIMIT, updated=20),
    order(OrderStatus.CANCELLED, number=2, kind=OrderType.STOP, stop=25910.5, updated=50),
    order(OrderStatus.CANCELLED, number=3, kind=OrderType.LIMIT, updated=50),
)
TIMELINES: dict[str, tuple[BookFact, ...]] = {
    "T1": (
        order(OrderStatus.FILLED, number=1, filled=2),
        position(2),
        order(OrderStatus.FILLED, number=4, filled=2),
        position(0),
    ),
    "T2": (
        order(OrderStatus.FILLED, number=1, filled=1),
        position(1, average=25935.5),
        *BRACKETS,
        order(OrderStatus.FILLED, number=4, filled=1),
        position(0, average=25935.5),
    ),
    "T7": (
        position(1, average=26244.25),
        order(OrderStatus.OPEN, number=2, kind=OrderType.STOP, stop=26242.25, updated=1),
        order(OrderStatus.FILLED, number=2, kind=OrderType.STOP, stop=26242.25, updated=2),
        position(0, average=26244.25),
    ),
    "T8": (
        order(OrderStatus.PENDING, number=1, updated=1),
        order(OrderStatus.OPEN, number=1, updated=2, filled=1),
        order(OrderStatus.FILLED, number=1, updated=3, filled=1),
        position(1, average=25897.75),
        position(0, average=25897.75),
    ),
    "T1, entry only": (
        order(OrderStatus.OPEN, number=1, updated=1),
        order(OrderStatus.FILLED, number=1, filled=2, updated=2),
        position(2),
        position(2),
    ),
    "T2, stop still working": (
        order(OrderStatus.FILLED, number=1, filled=1),
        position(1),
        order(OrderStatus.PENDING, number=2, kind=OrderType.STOP, stop=25900.0, updated=10),
        order(OrderStatus.OPEN, number=2, kind=OrderType.STOP, stop=25910.5, updated=30),
    ),
    "T3": (position(5), position(0), position(4, life=2), position(0, life=2)),
    "T3, second entry open": (position(5), position(0), position(-4, life=2)),
}


@pytest.mark.parametrize("timeline", [name for name, facts in TIMELINES.items() if len(facts) < 6])
def test_i16_every_permutation_ends_in_the_same_book(timeline: str) -> None:
    facts = TIMELINES[timeline]

    for shuffled in permutations(facts):
        assert fold(*shuffled) == fold(*facts)


@given(st.sampled_from(sorted(TIMELINES)), st.data())
def test_i16_lesson_42_every_permutation_and_duplication_ends_in_the_same_book(
    timeline: str, data: st.DataObject
) -> None:
    facts = TIMELINES[timeline]
    copies = [fact for fact in facts for _ in range(data.draw(st.integers(1, 3)))]

    assert fold(*data.draw(st.permutations(copies))) == fold(*facts)


@pytest.mark.parametrize("timeline", ["T1", "T2", "T3", "T7", "T8"])
def test_an_episode_that_ended_leaves_nothing_open(timeline: str) -> None:
    book = fold(*TIMELINES[timeline])

    assert (book.rows, book.orders) == ({}, {})


# Truth


def test_truth_replaces_everything() -> None:
    stop = order(OrderStatus.OPEN, number=2)
    book = fold(position(2), order(OrderStatus.OPEN))

    book = book.truth(
        (position(-1, life=2, contract=ENQ), position(0)),
        (stop, order(OrderStatus.FILLED, number=3), order(OrderStatus.NONE, number=4)),
    )

    assert sizes(book) == {ENQ: -1}
    assert book.working == (stop,)


def test_truth_revives_what_was_said_to_be_over() -> None:
    book = fold(position(2), position(0), order(OrderStatus.CANCELLED))

    book = book.truth((position(2),), (order(OrderStatus.OPEN),))

    assert sizes(book) == {MNQ: 2}
    assert book.working == (order(OrderStatus.OPEN),)
    assert sizes(fold(position(1), book=book)) == {MNQ: 1}


def test_what_came_after_the_read_was_asked_is_applied_on_top() -> None:
    later = (position(0), order(OrderStatus.FILLED), position(1, life=2))

    book = fold(position(2), *later).truth((position(2),), (order(OrderStatus.OPEN),), later)

    assert sizes(book) == {MNQ: 1}
    assert book.working == ()


def test_lesson_41_a_position_opened_while_the_read_was_under_way_is_kept() -> None:
    book = fold(position(2)).truth((), (), (position(2),))

    assert sizes(book) == {MNQ: 2}


def test_truth_remembers_what_ended_and_believes_what_it_only_missed() -> None:
    book = fold(position(1), position(0), position(2, life=2)).truth((), ())

    assert fold(position(1), book=book).rows == {}
    assert sizes(fold(position(2, life=2), book=book)) == {MNQ: 2}


def test_truth_keeps_the_ranks_of_what_did_not_grow() -> None:
    other = ContractId("CON.F.US.EP.Z25")
    held = (position(1, contract=ENQ, life=5), position(3))
    book = fold(*held)

    book = book.truth((*held, position(1, contract=other, life=9)), ())
    assert [book.rows[one].grew for one in (ENQ, MNQ, other)] == [1, 2, 3]

    book = book.truth((position(2, contract=ENQ, life=5), position(1)), ())
    assert [book.rows[one].grew for one in (ENQ, MNQ)] == [3, 2]


def test_of_two_rows_for_one_contract_the_later_opened_stands() -> None:
    book = Book().truth((position(1, life=2), position(-3)), ())

    assert sizes(book) == {MNQ: 1}


def test_a_book_that_changed_leaves_the_one_before_it_as_it_was() -> None:
    book = fold(position(2), order(OrderStatus.OPEN))
    fold(position(0), order(OrderStatus.FILLED), book=book)
    book.truth((), ())

    assert sizes(book) == {MNQ: 2}
    assert len(book.working) == 1


# Holdings


def test_holdings_are_valued_by_the_mark_of_their_side() -> None:
    instruments = {
        one: Instrument(
            contract_id=one,
            root=root,
            name=root,
            tick_size=price(0.25),
            tick_value=Usd(tick),
        )
        for one, root, tick in ((MNQ, "MNQ", 5_000), (ENQ, "ENQ", 50_000))
    }
    marks = {
        MNQ: Marks(contract_id=MNQ, long=price(25898.25), short=price(25899.0), seen=Nanos(1)),
        ENQ: Marks(contract_id=ENQ, long=price(25900.0), short=price(25901.0), seen=Nanos(1)),
    }
    book = fold(position(2), position(-1, contract=ENQ, life=2))

    short, long = book.holdings(instruments, marks)

    assert (short.contract_id, short.mark, short.unrealized) == (ENQ, price(25901.0), -200_000)
    assert (long.contract_id, long.mark, long.unrealized) == (MNQ, price(25898.25), -70_000)
    assert (long.position_id, long.opened, long.grew) == (101, SECOND, 1)


def test_without_price_or_economics_a_worth_is_unknown_and_never_zero() -> None:
    book = fold(position(2))
    instrument = Instrument(
        contract_id=MNQ, root="MNQ", name="MNQZ5", tick_size=price(0.25), tick_value=Usd(5_000)
    )
    marks = Marks(contract_id=MNQ, long=None, short=price(25900.0), seen=Nanos(1))
    priced = replace(marks, long=price(25900.0))

    assert [one.unrealized for one in book.holdings({}, {MNQ: priced})] == [None]
    assert [one.unrealized for one in book.holdings({MNQ: instrument}, {})] == [None]
    assert [one.unrealized for one in book.holdings({MNQ: instrument}, {MNQ: marks})] == [None]
    assert [one.unrealized for one in book.holdings({MNQ: instrument}, {MNQ: priced})] == [0]
    assert Book().holdings({MNQ: instrument}, {MNQ: priced}) == ()
