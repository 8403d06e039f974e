"""The market book: what is believed, and which price values a position."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.quotes import FRESH, Quote, marks, plausible, prices
from protocol.market_facts import MarkSource, QuoteSeen
from protocol.units import PRICE, SECOND, ContractId, Nanos, Price

MNQ = ContractId("CON.F.US.MNQ.Z25")
TICK = Price(PRICE // 4)


def price(points: float | None) -> Price | None:
    return None if points is None else Price(round(points * PRICE))


def seen(
    last: float | None = None,
    bid: float | None = None,
    ask: float | None = None,
    at: int | None = None,
) -> QuoteSeen:
    return QuoteSeen(
        contract_id=MNQ,
        last=price(last),
        bid=price(bid),
        ask=price(ask),
        at=None if at is None else Nanos(at),
    )


def second(number: float) -> Nanos:
    return Nanos(round(number * SECOND))


def told(*messages: QuoteSeen) -> Quote:
    """Return the quote after messages that came a second apart, the first at second 1."""
    quote = Quote(contract_id=MNQ)
    for number, message in enumerate(messages, start=1):
        quote = quote.merged(message, second(number))
    return quote


def known(quote: Quote) -> tuple[Price | None, Price | None, Price | None]:
    return quote.last.price, quote.bid.price, quote.ask.price


def test_what_a_message_does_not_carry_stays_with_the_time_it_was_seen() -> None:
    quote = told(seen(last=26000.0), seen(bid=25999.75), seen(ask=26000.25), seen(bid=25999.5))

    assert known(quote) == (price(26000.0), price(25999.5), price(26000.25))
    assert [one.seen for one in (quote.last, quote.bid, quote.ask)] == [
        second(1),
        second(4),
        second(3),
    ]
    assert quote.ignored == 0


def test_the_same_price_again_is_fresh_again() -> None:
    assert told(seen(last=26000.0), seen(last=26000.0)).last.seen == second(2)


@pytest.mark.parametrize("bad", [0.0, -26000.0])
def test_lesson_38_a_price_that_is_none_is_ignored_and_counted(bad: float) -> None:
    quote = told(seen(26000.0, 25999.75, 26000.25), seen(bad, bad, bad))

    assert known(quote) == (price(26000.0), price(25999.75), price(26000.25))
    assert quote.last.seen == second(1)
    assert quote.ignored == 3


def test_a_price_off_the_grid_is_ignored_where_the_grid_is_known() -> None:
    quote = Quote(contract_id=MNQ).merged(seen(last=26000.1), second(1), tick_size=TICK)
    assert (quote.last.price, quote.ignored) == (None, 1)

    quote = quote.merged(seen(last=26000.25), second(2), tick_size=TICK)
    assert (quote.last.price, quote.ignored) == (price(26000.25), 1)
    assert quote.merged(seen(last=26000.1), second(3)).last.price == price(26000.1)


# The band


@pytest.mark.parametrize(
    ("new", "believed"),
    [(27300.0, True), (27300.25, False), (24700.0, True), (24699.75, False), (2600.0, False)],
)
@pytest.mark.parametrize("side", ["last", "bid", "ask"])
def test_a_price_beyond_the_band_waits_for_a_second_print(
    side: str,
    new: float,
    believed: bool,  # noqa: FBT001 - a column
) -> None:
    message = {"last": seen(last=new), "bid": seen(bid=new), "ask": seen(ask=new)}[side]
    start = told(seen(last=26000.0))

    once = start.merged(message, second(2))
    twice = once.merged(message, second(3))

    assert (getattr(once, side).price == price(new)) is believed
    assert once.ignored == (0 if believed else 1)
    assert getattr(twice, side).price == price(new)
    assert twice.ignored == once.ignored


# The first print


@pytest.mark.parametrize(
    ("first", "held_at", "believed"),
    [
        pytest.param(2_600.0, (), True, id="nothing to hold it against"),
        pytest.param(2_600.0, (26_000.0,), False, id="a tenth of what is held"),
        pytest.param(260_000.0, (26_000.0,), False, id="ten times as much"),
        pytest.param(27_300.0, (26_000.0,), True, id="within the band"),
        pytest.param(27_300.25, (26_000.0,), False, id="beyond it"),
        pytest.param(24_699.75, (26_000.0,), False, id="beyond it, below"),
        pytest.param(27_300.25, (26_000.0, 26_500.0), True, id="near another account's average"),
    ],
)
@pytest.mark.parametrize("series", ["last", "bid", "all"])
def test_the_first_print_is_held_against_what_is_held(
    series: str,
    first: float,
    held_at: tuple[float, ...],
    believed: bool,  # noqa: FBT001 - a column
) -> None:
    told_by = {"last": seen(first), "bid": seen(bid=first), "all": seen(first, first, first)}
    averages = tuple(Price(round(one * PRICE)) for one in held_at)
    once = Quote(contract_id=MNQ).merged(told_by[series], second(1), held_at=averages)
    twice = once.merged(told_by[series], second(2), held_at=averages)

    count = 3 if series == "all" else 1
    assert set(known(once)) - {None} == ({price(first)} if believed else set())
    assert (once.prints, once.ignored) == ((1, 0) if believed else (0, count))
    assert set(known(twice)) - {None} == {price(first)}, "the second one counts: markets do jump"
    assert twice.ignored == once.ignored


def test_a_copy_of_a_doubted_first_print_confirms_nothing() -> None:
    held_at = (Price(26_000 * PRICE),)
    quote = Quote(contract_id=MNQ)
    for number in (1, 2):
        quote = quote.merged(seen(last=2600.0, at=7), second(number), held_at=held_at)
    assert (quote.last.price, quote.ignored) == (None, 2)

    quote = quote.merged(seen(last=26_001.0, at=8), second(3), held_at=held_at)
    assert quote.last.price == price(26_001.0)


@pytest.mark.parametrize(
    ("messages", "left"),
    [
        pytest.param([seen(2600.0, 2600.0, 2600.25)], (None, None, None), id="a lone first print"),
        pytest.param(
            [seen(2600.0, 26000.0, 26000.25)], (None, 26000.0, 26000.25), id="what of it is far"
        ),
        pytest.param([seen(26010.0)], (26010.0, None, None), id="near: it stands"),
        pytest.param([seen(2600.0), seen(2601.0)], (2601.0, None, None), id="two stand"),
    ],
)
def test_a_lone_first_print_is_doubted_once_it_is_known_at_what_is_held(
    messages: list[QuoteSeen], left: tuple[float | None, ...]
) -> None:
    quote = told(*messages).held((Price(26_000 * PRICE),))
    assert known(quote) == tuple(map(price, left))

    again = quote.merged(seen(last=2600.5, at=9), second(9))
    assert left[0] is not None or again.last.price == price(2600.5)


def test_the_best_of_bid_ask_and_last_is_not_known_by_one_message_alone() -> None:
    """All of it may be wrong: what would close an account on it waits for the second."""
    first = told(seen(26000.0, 25999.75, 26000.25))
    found = marks(first, MarkSource.LAST, second(1))
    assert (found.long, found.low, found.high) == (price(26000.0), None, None)

    found = marks(first.merged(seen(bid=26000.0), second(2)), MarkSource.LAST, second(2))
    assert (found.low, found.high) == (price(26000.0), price(26000.25))


def test_a_doubted_price_leaves_the_series_to_grow_old() -> None:
    quote = told(seen(last=26000.0), seen(last=2600.0))

    assert (quote.last.price, quote.last.seen) == (price(26000.0), second(1))


def test_a_copy_of_the_doubted_print_confirms_nothing() -> None:
    quote = told(seen(last=26000.0), seen(last=2600.0, at=7), seen(last=2600.0, at=7))
    assert (quote.last.price, quote.ignored) == (price(26000.0), 2)

    assert quote.merged(seen(last=2600.0, at=8), second(4)).last.price == price(2600.0)
    assert quote.merged(seen(last=2610.0, at=7), second(4)).last.price == price(2610.0)


def test_a_good_print_between_them_clears_the_doubt() -> None:
    quote = told(seen(last=26000.0), seen(last=2600.0), seen(last=26001.0), seen(last=2600.0))

    assert (quote.last.price, quote.ignored) == (price(26001.0), 2)


def test_two_wild_prints_that_disagree_confirm_nothing() -> None:
    quote = told(seen(last=26000.0), seen(last=2600.0), seen(last=260000.0))

    assert (quote.last.price, quote.ignored) == (price(26000.0), 2)


def test_sides_may_walk_away_from_an_old_trade() -> None:
    walk = [seen(bid=26000.0 + step * 500.0) for step in range(6)]

    quote = told(seen(last=26000.0), *walk)

    assert (quote.bid.price, quote.ignored) == (price(28500.0), 0)


def test_the_first_price_of_a_series_is_judged_by_the_others() -> None:
    quote = told(seen(bid=25999.75), seen(ask=260000.25), seen(last=2600.0))

    assert known(quote) == (None, price(25999.75), None)
    assert quote.ignored == 2


def test_where_nothing_is_known_anything_is_plausible() -> None:
    assert plausible(Price(1), None, None)
    assert not plausible(Price(1), None, Price(100))


# Marks

FULL = told(seen(26000.0, 25999.75, 26000.5))


@pytest.mark.parametrize(
    ("quote", "source", "now", "long", "short"),
    [
        pytest.param(FULL, MarkSource.LAST, 1, 26000.0, 26000.0, id="last"),
        pytest.param(FULL, MarkSource.LAST, 6, 26000.0, 26000.0, id="last, just fresh"),
        pytest.param(FULL, MarkSource.LAST, 6.1, 26000.125, 26000.125, id="last is old: mid"),
        pytest.param(FULL, MarkSource.MID, 1, 26000.125, 26000.125, id="mid"),
        pytest.param(FULL, MarkSource.MID, 9999, 26000.125, 26000.125, id="mid, last known"),
        pytest.param(FULL, MarkSource.EXIT_SIDE, 1, 25999.75, 26000.5, id="exit side"),
        pytest.param(
            told(seen(last=26000.0)), MarkSource.LAST, 1, 26000.0, 26000.0, id="only last"
        ),
        pytest.param(
            told(seen(last=26000.0)), MarkSource.LAST, 7, None, None, id="only an old last"
        ),
        pytest.param(
            told(seen(last=26000.0)), MarkSource.MID, 1, None, None, id="no sides: no mid"
        ),
        pytest.param(
            told(seen(bid=26000.0)), MarkSource.LAST, 1, None, None, id="one side: no mid"
        ),
        pytest.param(
            told(seen(bid=26000.0)), MarkSource.EXIT_SIDE, 1, 26000.0, None, id="one side, exits"
        ),
        pytest.param(
            told(seen(26000.0, 25999.75, 26000.5), seen(bid=26010.0, ask=26010.5)),
            *(MarkSource.LAST, 2, 26010.25, 26010.25),
            id="sides moved past the last trade: mid",
        ),
        pytest.param(
            told(seen(bid=26010.0, ask=26010.5), seen(last=26000.0)),
            *(MarkSource.LAST, 2, 26000.0, 26000.0),
            id="the trade outside the sides is the newer",
        ),
        pytest.param(Quote(contract_id=MNQ), MarkSource.LAST, 1, None, None, id="nothing known"),
    ],
)
def test_a_mark_is_the_price_asked_for_or_unknown(
    quote: Quote, source: MarkSource, now: float, long: float | None, short: float | None
) -> None:
    found = marks(quote, source, second(now))

    assert (found.contract_id, found.long, found.short) == (MNQ, price(long), price(short))


@pytest.mark.parametrize("source", MarkSource)
def test_a_crossed_book_values_nothing_and_is_counted(source: MarkSource) -> None:
    quote = told(seen(bid=26000.0, ask=26000.25), seen(bid=26000.5))

    assert quote.ignored == 1
    assert marks(quote, source, second(2)).long is None
    assert marks(quote, source, second(2)).short is None
    assert quote.merged(seen(last=26000.5), second(3)).ignored == 1

    mended = quote.merged(seen(ask=26000.75), second(3))
    assert mended.ignored == 1
    assert marks(mended, source, second(3)).long is not None


def test_a_fresh_trade_values_though_the_book_is_crossed() -> None:
    quote = told(seen(26000.25, 26000.0, 26000.25), seen(bid=26000.5))

    assert marks(quote, MarkSource.LAST, second(2)).long == price(26000.25)


def test_a_crossed_book_bears_out_no_trade() -> None:
    wild = told(seen(26000.25, 26000.0, 26000.5), seen(last=26260.0))
    crossed = wild.merged(seen(bid=26000.75), second(3))
    mended = crossed.merged(seen(ask=26001.0), second(4))
    traded = wild.merged(seen(last=26260.25, bid=26000.75), second(3))

    assert (crossed.prints, crossed.bid.price) == (wild.prints, price(26000.75))
    assert (mended.prints, traded.prints) == (wild.prints + 1, wild.prints + 1)


def test_a_first_book_that_is_crossed_is_held_against_the_average_too() -> None:
    quote = told(seen(bid=30000.5, ask=30000.0))

    assert known(quote.held((Price(26000 * PRICE),))) == (None, None, None)


def test_a_locked_book_has_a_mid() -> None:
    quote = told(seen(bid=26000.0, ask=26000.0))

    assert (prices(quote, second(1)).mid, quote.ignored) == (price(26000.0), 0)


@pytest.mark.parametrize(
    ("source", "now", "when"),
    [(MarkSource.LAST, 4, 1), (MarkSource.LAST, 7, 3), (MarkSource.MID, 4, 3)],
)
def test_a_mark_says_when_the_newest_price_behind_it_was_seen(
    source: MarkSource, now: float, when: int
) -> None:
    quote = told(seen(last=26000.0), seen(bid=25999.75), seen(ask=26000.25))

    assert marks(quote, source, second(now)).seen == second(when)


points = st.none() | st.integers(-5, 60_000).map(float)


@given(st.lists(st.builds(seen, points, points, points, at=st.none() | st.integers(0, 3))))
def test_i7_a_bad_price_is_never_a_mark(messages: list[QuoteSeen]) -> None:
    quote = told(*messages)

    for now in (second(len(messages)), Nanos(second(len(messages)) + FRESH + 1)):
        for source in MarkSource:
            found = marks(quote, source, now)
            values = [one for one in (found.long, found.short) if one is not None]
            assert all(one > 0 for one in values)
            if source is MarkSource.EXIT_SIDE and len(values) == 2:
                assert values[0] <= values[1]


@given(st.lists(st.builds(seen, points, points, points)))
def test_every_price_offered_is_believed_or_counted(messages: list[QuoteSeen]) -> None:
    quote = Quote(contract_id=MNQ)
    for number, message in enumerate(messages, start=1):
        after = quote.merged(message, second(number))
        offered = [one for one in (message.last, message.bid, message.ask) if one is not None]
        believed = [one for one in (after.last, after.bid, after.ask) if one.seen == second(number)]
        crossed = after.ignored - quote.ignored - (len(offered) - len(believed))
        assert crossed in (0, 1)
        quote = after
