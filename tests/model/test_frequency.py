"""Counting: what is counted, when it leaves its window, and when each count next falls."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.frequency import (
    HOUR,
    MINUTE,
    Count,
    Frequency,
    Tally,
    frequency,
    instants,
)
from actors.model.ledger import Ledger
from actors.model.round_trips import RoundTrips
from protocol.account_facts import TradeSeen
from protocol.units import Nanos
from tests.model.fills import ENQ, MNQ, any_day, at, fill, follow, log, shuffled, valued, void

ENTRIES, ORDERS, FILLS, TRIPS = Count.ENTRIES, Count.ORDERS, Count.FILLS, Count.ROUND_TRIPS
START = at(0)


def stood(messages: Iterable[TradeSeen]) -> RoundTrips:
    """Follow the fills that stand after these messages."""
    return follow(Ledger(started=at(0)).rebuilt(messages).trades)


def seconds(fills: tuple[TradeSeen, ...], count: Count) -> list[float]:
    return [one / 1e9 for one in instants(stood(fills), count)]


T1 = log(("12:21:11", 2, 25900.0), ("12:21:19", -2, 25898.25))
T3 = log(
    ("14:20:42", 5, 25924.5),
    ("14:20:46", -5, 25925.5),
    ("14:20:50", 4, 25925.5),
    ("14:21:11", -4, 25922.75),
)
PARTIAL = valued(
    fill(1, 1, 1, order=7),
    fill(2, 2, 1, order=7),
    fill(3, 3, 1, order=7),
    fill(4, 4, -1, order=8),
    fill(5, 5, -2, order=8),
)
ADDED = valued(fill(1, 1, 1), fill(2, 2, 1), fill(3, 3, -1), fill(4, 4, 1), fill(5, 5, -2))
REVERSED = valued(fill(1, 1, 2), fill(2, 2, -5), fill(3, 3, 3))
PARTLY_REVERSED = valued(
    fill(1, 1, 2), fill(2, 2, -1, order=9), fill(3, 3, -1, order=9), fill(4, 4, -1, order=9)
)
BOTH = valued(fill(1, 1, 1), fill(2, 2, -1, product=ENQ), fill(3, 3, -1), fill(4, 4, 1))


@pytest.mark.parametrize(
    ("fills", "count", "wanted"),
    [
        pytest.param((), ENTRIES, [], id="nothing"),
        pytest.param(PARTIAL, ENTRIES, [1], id="an entry in parts, at its first"),
        pytest.param(PARTIAL, ORDERS, [1, 4], id="orders: the exit too"),
        pytest.param(PARTIAL, FILLS, [1, 2, 3, 4, 5], id="fills: each"),
        pytest.param(PARTIAL, TRIPS, [5], id="round trips: when flat"),
        pytest.param(ADDED, ENTRIES, [1, 2, 4], id="what increases exposure is an entry"),
        pytest.param(ADDED, TRIPS, [5], id="scaling in and out is one trip"),
        pytest.param(REVERSED, ENTRIES, [1, 2], id="a reversal is an entry"),
        pytest.param(REVERSED, TRIPS, [2, 3], id="and ends a trip"),
        pytest.param(
            PARTLY_REVERSED, ENTRIES, [1, 4], id="an order is an entry from its first opening fill"
        ),
        pytest.param(BOTH, ENTRIES, [1, 2, 4], id="each contract by itself"),
        pytest.param((*T1, *T1), FILLS, [44471, 44479], id="echoes do not count"),
        pytest.param((*T1, void(T1[0])), FILLS, [44479], id="nor do voided fills"),
    ],
)
def test_what_is_counted(fills: tuple[TradeSeen, ...], count: Count, wanted: list[float]) -> None:
    assert seconds(fills, count) == wanted


def test_an_exit_from_a_position_of_the_day_before_is_no_entry() -> None:
    day = (fill(1, 1, -1, realized=-50_000), fill(2, 2, -1, realized=10_000), fill(3, 3, 1))

    for carried in ({MNQ.contract_id: 2}, None):
        assert instants(follow(day, carried), ENTRIES) == [at(3)]


def test_an_opening_half_turn_is_an_entry_whatever_the_sizes_say() -> None:
    """Fills were missed: the broker says that it opened, and the broker knows."""
    missed = (fill(1, 1, 1), fill(2, 5, -1))

    assert instants(follow(missed), ENTRIES) == [at(1), at(5)]


@pytest.mark.parametrize(
    ("entries", "now", "minute", "hour", "session"),
    [
        pytest.param([], 0, (0, None), (0, None), 0, id="nothing yet"),
        pytest.param([10], 10, (1, 70), (1, 3610), 1, id="at once"),
        pytest.param([10], 69.999999999, (1, 70), (1, 3610), 1, id="a nanosecond before it leaves"),
        pytest.param([10], 70, (0, None), (1, 3610), 1, id="exactly 60.000 s old has left"),
        pytest.param([10], 3609.999999999, (0, None), (1, 3610), 1, id="the hour likewise, before"),
        pytest.param([10], 3610, (0, None), (0, None), 1, id="exactly an hour old has left"),
        pytest.param([10], 90_000, (0, None), (0, None), 1, id="the session keeps it"),
        pytest.param([10, 30, 50], 60, (3, 70), (3, 3610), 3, id="the oldest leaves first"),
        pytest.param([10, 30, 50], 75, (2, 90), (3, 3610), 3, id="then the next"),
        pytest.param([10, 10, 10], 69, (3, 70), (3, 3610), 3, id="three at one instant"),
        pytest.param([10, 10, 10], 70, (0, None), (3, 3610), 3, id="leave together"),
        pytest.param([10, 71], 70, (1, 131), (2, 3610), 2, id="the broker's clock is ahead"),
    ],
)
def test_the_windows_roll(
    entries: list[float],
    now: float,
    minute: tuple[int, float | None],
    hour: tuple[int, float | None],
    session: int,
) -> None:
    def tally(count: int, falls: float | None) -> Tally:
        return Tally(count, None if falls is None else at(falls))

    assert frequency(tuple(map(at, entries)), START, at(now)) == Frequency(
        tally(*minute), tally(*hour), Tally(session, None)
    )


@pytest.mark.parametrize(
    ("session", "count"),
    [
        pytest.param(9, 3, id="before all"),
        pytest.param(10, 3, id="its very start is in it"),
        pytest.param(10.000000001, 2, id="what came before is not"),
        pytest.param(31, 0, id="after all"),
    ],
)
def test_the_session_is_half_open(session: float, count: int) -> None:
    counted = frequency((at(10), at(20), at(30)), at(session), at(40))

    assert counted.session == Tally(count, None)
    assert counted.minute.count == 3, "a rolling window asks for no session"


def test_the_recorded_minute_of_fast_re_entries() -> None:
    trips = follow(T3)
    now = at("14:21:11")
    counts = [frequency(instants(trips, count), START, now).minute for count in Count]

    assert dict(zip(Count, counts, strict=True)) == {
        ENTRIES: Tally(2, at("14:21:42")),
        ORDERS: Tally(4, at("14:21:42")),
        FILLS: Tally(4, at("14:21:42")),
        TRIPS: Tally(2, at("14:21:46")),
    }


moments = st.lists(st.integers(0, 4_000 * 10**9).map(Nanos), max_size=30).map(
    lambda drawn: tuple(sorted(drawn))
)


@given(moments, st.integers(0, 8_000 * 10**9).map(Nanos), st.integers(0, 10**12).map(Nanos))
def test_a_count_is_what_is_younger_and_falls_when_it_says(
    happened: tuple[Nanos, ...], now: Nanos, session: Nanos
) -> None:
    counted = frequency(happened, session, now)

    assert counted.session.count == sum(one >= session for one in happened)
    for window, tally in ((MINUTE, counted.minute), (HOUR, counted.hour)):
        assert tally.count == sum(now - one < window for one in happened)
        assert (tally.falls is None) == (tally.count == 0)
        if tally.falls is not None:
            assert tally.falls > now
            just_before = frequency(happened, session, Nanos(tally.falls - 1))
            then = frequency(happened, session, tally.falls)
            index = 0 if window == MINUTE else 1
            before, after = ((one.minute, one.hour)[index] for one in (just_before, then))
            assert before.count == tally.count > after.count


@given(
    any_day().flatmap(lambda day: st.tuples(st.just(day), shuffled(day))), st.sampled_from(Count)
)
def test_counts_depend_on_no_order_and_no_repetition(
    days: tuple[tuple[TradeSeen, ...], list[TradeSeen]], count: Count
) -> None:
    day, messages = days

    assert instants(stood(messages), count) == instants(stood(day), count)


@given(any_day())
def test_an_entry_is_an_order_of_which_some_fill_realized_nothing_or_reversed(
    day: tuple[TradeSeen, ...],
) -> None:
    opening = {one.order_id for one in day if one.realized is None}
    trips = follow(day)

    assert len(opening) <= len(trips.entries) <= len({one.order_id for one in day})
    assert len(instants(trips, ENTRIES)) <= len(instants(trips, ORDERS)) <= len(day)
