"""When an account is blind: prices or truth too old while something is held that trades now."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.feed import (
    ALWAYS,
    LOOK,
    LOOK_BLIND,
    Feed,
    FeedPolicy,
    OnBlind,
    fresh,
    heard,
    lapses,
    next_look,
    open_since,
)
from config.calendars import load_shipped
from protocol.market_facts import Marks
from protocol.units import SECOND, ContractId, Nanos, Now, Price
from tests.rules.books import MNQ, NQ, priced

CALENDARS = (load_shipped("cme_equity"),)
GOLD = ContractId("CON.F.US.GCE.Z26")
POLICY = FeedPolicy()
HOUR = 3_600


def now(chicago: str = "2026-11-18T09:00", mono: float = 100_000) -> Now:
    wall = datetime.fromisoformat(chicago).replace(tzinfo=ZoneInfo("America/Chicago"))
    return Now(wall=Nanos(int(wall.timestamp()) * SECOND), mono=second(mono))


def second(number: float) -> Nanos:
    return Nanos(round(number * SECOND))


def ago(at: Now, seconds: float) -> Nanos:
    return Nanos(at.mono - second(seconds))


def missing(at: Now, truth: float = 1, **ages: float) -> list[ContractId | None]:
    names = {"mnq": MNQ, "nq": NQ, "gold": GOLD}
    feed = Feed(heard={names[key]: ago(at, age) for key, age in ages.items()})
    return [one.contract_id for one in lapses(POLICY, CALENDARS, feed, ago(at, truth), at)]


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        pytest.param({}, [], id="flat"),
        pytest.param({"truth": 9999}, [], id="flat: the truth may be as old as it likes"),
        pytest.param({"mnq": 59.9}, [], id="a price just young enough"),
        pytest.param({"mnq": 60}, [MNQ], id="a price at its limit"),
        pytest.param({"mnq": 60, "nq": 1}, [MNQ], id="one of two"),
        pytest.param({"mnq": 61, "nq": 99}, [NQ, MNQ], id="both"),
        pytest.param({"mnq": 1, "truth": 89.9}, [], id="truth just young enough"),
        pytest.param({"mnq": 1, "truth": 90}, [None], id="truth at its limit"),
        pytest.param({"mnq": 60, "truth": 90}, [MNQ, None], id="price and truth"),
    ],
)
def test_what_is_older_than_its_limit_is_missing(
    ages: dict[str, float], expected: list[ContractId | None]
) -> None:
    assert missing(now(), **ages) == expected


@pytest.mark.parametrize(
    ("chicago", "blind"),
    [
        pytest.param("2026-11-18T15:59", True, id="a minute before the close"),
        pytest.param("2026-11-18T16:00", False, id="the daily halt"),
        pytest.param("2026-11-18T16:59", False, id="its last minute"),
        pytest.param("2026-11-21T12:00", False, id="a Saturday"),
        pytest.param("2026-12-25T10:00", False, id="a holiday"),
        pytest.param("2026-11-26T12:30", False, id="after an early close"),
        pytest.param("2028-03-01T10:00", True, id="past the calendar's end: rather an alarm"),
    ],
)
def test_no_price_is_missed_while_the_exchange_is_closed(chicago: str, *, blind: bool) -> None:
    at = now(chicago)

    assert (missing(at, truth=5_000, mnq=5 * HOUR) == [MNQ, None]) is blind
    assert missing(at, gold=5 * HOUR) == [GOLD], "no calendar is known for it"


def test_after_the_opening_prices_are_given_their_time() -> None:
    assert missing(now("2026-11-18T17:00"), mnq=HOUR) == []
    at = now("2026-11-18T17:00")
    later = Now(wall=Nanos(at.wall + second(59)), mono=at.mono)
    assert missing(later, mnq=HOUR) == []
    later = Now(wall=Nanos(at.wall + second(60)), mono=at.mono)
    assert missing(later, mnq=HOUR) == [MNQ]


def test_truth_that_was_never_read_is_missed_from_the_first_position_on() -> None:
    at = now()

    def found(held: float) -> list[ContractId | None]:
        feed = Feed(heard={MNQ: ago(at, held)})
        return [one.contract_id for one in lapses(POLICY, CALENDARS, feed, None, at)]

    assert found(59) == []
    assert found(90) == [MNQ, None]


def test_the_hours_of_an_exchange_count_on_the_stopwatch() -> None:
    at = now("2026-11-18T18:00")

    assert open_since(CALENDARS, MNQ, at) == ago(at, HOUR)
    assert open_since(CALENDARS, MNQ, now("2026-11-18T16:30")) is None
    assert open_since(CALENDARS, GOLD, at) == open_since((), MNQ, at) == ALWAYS


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        pytest.param(None, 100, id="never a price"),
        pytest.param(Marks(contract_id=MNQ, long=Price(1), short=Price(1), seen=second(170)), 170,
                     id="a price"),
        pytest.param(Marks(contract_id=MNQ, long=None, short=None, seen=second(170)), 100,
                     id="prices that make no mark"),
        pytest.param(Marks(contract_id=MNQ, long=Price(1), short=Price(1), seen=second(90)), 100,
                     id="one from before it was held"),
    ],
)  # fmt: skip
def test_a_contract_is_heard_when_it_has_a_good_price(mark: Marks | None, expected: float) -> None:
    marked = mark is not None and mark.long is not None
    held = priced(MNQ, 2, "21000", "21000" if marked else None)
    marks = {} if mark is None else {MNQ: mark}

    assert heard({MNQ: second(100)}, [held], marks, now(mono=200)) == {MNQ: second(expected)}
    assert heard({}, [held], {}, now(mono=200)) == {MNQ: second(200)}, "just opened"
    assert heard({NQ: second(100)}, [], marks, now(mono=200)) == {}, "flat is heard of no more"


@pytest.mark.parametrize(
    ("ages", "seconds"),
    [
        pytest.param({"mnq": 1}, 5, id="all is well"),
        pytest.param({"mnq": 57}, 3, id="a price nears its limit"),
        pytest.param({"mnq": 1, "truth": 88}, 2, id="the truth does"),
        pytest.param({"mnq": 59.999}, 0.1, id="a moment before"),
        pytest.param({"mnq": 61}, 1, id="blind: soon again"),
        pytest.param({"mnq": 121}, 5, id="blind for long"),
        pytest.param({}, 5, id="flat"),
    ],
)
def test_the_next_look_is_when_something_may_change(ages: dict[str, float], seconds: float) -> None:
    at = now()
    feed = Feed(heard={MNQ: ago(at, ages["mnq"])} if "mnq" in ages else {})
    truth = ages.get("truth", 1)

    assert next_look(POLICY, CALENDARS, feed, ago(at, truth), at) == second(seconds)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_i7_blind_is_noticed_within_a_look_of_its_limit(price_s: int, truth_s: int) -> None:
    at = now()
    feed = Feed(heard={MNQ: ago(at, price_s)})
    wait = next_look(POLICY, CALENDARS, feed, ago(at, truth_s), at)
    later = Now(wall=Nanos(at.wall + wait), mono=Nanos(at.mono + wait))

    assert LOOK_BLIND // 10 <= wait <= LOOK
    blind = bool(lapses(POLICY, CALENDARS, feed, ago(at, truth_s), at))
    if not blind and lapses(POLICY, CALENDARS, feed, ago(at, truth_s), later):
        over = min(later.mono - feed.heard[MNQ] - POLICY.quote_span,
                   later.mono - ago(at, truth_s) - POLICY.truth_span, key=abs)  # fmt: skip
        assert abs(over) <= LOOK_BLIND // 10


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"quote_age": "9s"}, "quote_age: '9s' is too short"),
        ({"quote_age": "soon"}, "quote_age: 'soon' is no duration"),
        ({"truth_age": "29s"}, "truth_age: '29s' is too short"),
        ({"confirm": "6s"}, "confirm: '6s' would leave a loss running"),
        ({"confirm": "5001ms"}, "confirm: '5001ms' would"),
        ({"confirm": "-1s"}, "confirm: '-1s' is no duration"),
    ],
)
def test_limits_that_make_no_sense_are_refused(keys: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        FeedPolicy(**keys)


def test_a_lapse_says_what_how_old_and_what_the_limit_is() -> None:
    at = now()
    feed = Feed(heard={MNQ: ago(at, 61.7)})
    told = [str(one) for one in lapses(POLICY, CALENDARS, feed, ago(at, 90), at)]

    assert told == [
        "CON.F.US.MNQ.Z26 has had no good price for 61 s (limit 60s)",
        "the broker's truth is 90 s old (limit 90s)",
    ]


@pytest.mark.parametrize(
    ("price_s", "truth_s", "young"),
    [(1, 1, True), (59, 89, True), (60, 1, False), (1, 90, False), (None, 1, False),
     (1, None, False)],
)  # fmt: skip
def test_only_what_is_there_and_young_is_fresh(
    price_s: float | None,
    truth_s: float | None,
    young: bool,  # noqa: FBT001 - a column
) -> None:
    at = now()
    held = priced(MNQ, 2, "21000", None if price_s is None else "21000")
    marks = {} if price_s is None else {
        MNQ: Marks(contract_id=MNQ, long=Price(1), short=Price(1), seen=ago(at, price_s))
    }  # fmt: skip
    truth = None if truth_s is None else ago(at, truth_s)

    assert fresh(POLICY, [held], marks, truth, at) is young
    assert fresh(POLICY, [], {}, truth, at) is (truth_s in (1, 89)), "flat: no price is needed"


def test_of_two_policies_the_stricter_keys_hold_and_confirm_waits_for_the_reset() -> None:
    held = FeedPolicy(on_blind=OnBlind.PAUSE, quote_age="60s", truth_age="2m", confirm="1s")
    wanted = FeedPolicy(on_blind=OnBlind.ALARM, quote_age="30s", truth_age="1h", confirm="0s")

    assert held.stricter(wanted) == FeedPolicy(
        on_blind=OnBlind.PAUSE, quote_age="30s", truth_age="2m", confirm="1s"
    )
    assert wanted.stricter(held).on_blind is OnBlind.PAUSE
    assert held.stricter(replace(wanted, on_blind=OnBlind.FLATTEN)).on_blind is OnBlind.FLATTEN
