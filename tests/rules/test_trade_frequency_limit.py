"""RULE-006: cool down after too many trades in a minute, an hour or a session."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.frequency import Count
from actors.rules.cooldown import SETTLE, WAIT_MAX
from actors.rules.rule import Hears, Wake
from actors.rules.trade_frequency_limit import NAME, RULE, Params, When
from protocol.account_facts import TradeSeen
from protocol.enforcement import Aim, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.schedule import Clock
from protocol.units import SECOND
from tests.model.fills import ENQ, MNQ, any_day, at, fill, log, valued, void
from tests.rules.days import Session, day, ends, held

HOUR = 3600


def entries(*seconds: float) -> tuple[TradeSeen, ...]:
    """Return one lot bought at each of these times."""
    return tuple(fill(number, second, 1) for number, second in enumerate(seconds, start=1))


def until(params: Params, fills: tuple[TradeSeen, ...], now: float, **fields: Any) -> float | None:
    return Session(RULE, params).until(day(*fills, **fields), now)


MINUTE = Params(per_minute=3)


@pytest.mark.parametrize(
    ("params", "seconds", "now", "end"),
    [
        pytest.param(MINUTE, (), 100, None, id="none"),
        pytest.param(MINUTE, (100, 110, 120), 120, None, id="the limit itself is allowed"),
        pytest.param(MINUTE, (100, 110, 120, 130), 130, 190, id="one more is not"),
        pytest.param(MINUTE, (100, 110, 120, 159.999), 160, 219.999, id="59.999 s old: counts"),
        pytest.param(MINUTE, (100, 110, 120, 160), 160, None, id="exactly 60.000 s old has left"),
        pytest.param(MINUTE, (100, 110, 120, 130), 189.999, 190, id="until its end"),
        pytest.param(MINUTE, (100, 110, 120, 130), 190, None, id="at its end it is over"),
        pytest.param(MINUTE, (100, 110, 120, 130), 150, 190, id="from the trigger, not from now"),
        pytest.param(MINUTE, (100, 110, 120, 130, 140), 150, 190, id="an attempt adds nothing"),
        pytest.param(
            MINUTE, (100, 150, 160, 170, 180, 240), 240, None, id="over, and few enough again"
        ),
        pytest.param(
            MINUTE, (100, 110, 120, 130, 150, 160, 170, 190.5), 191, 250.5,
            id="over, and too many still: the next one does it",
        ),
        pytest.param(
            MINUTE, (100, 110, 120, 130, 150, 160, 170), 191, None,
            id="over, and too many still: not by itself",
        ),
        pytest.param(
            Params(per_minute=3, trigger=When.REACH), (100, 110), 110, None, id="reach: below"
        ),
        pytest.param(
            Params(per_minute=3, trigger=When.REACH), (100, 110, 120), 120, 180, id="reach: at it"
        ),
        pytest.param(
            Params(per_minute=1, trigger=When.REACH), (100,), 100, 160, id="reach: the first"
        ),
        pytest.param(
            Params(per_minute=1, cooldown_minute="90s"), (100, 101), 101, 191, id="its own time"
        ),
        pytest.param(
            Params(per_hour=2), (100, 2000, 3699.999), 3700, 3699.999 + 1800, id="the hour"
        ),
        pytest.param(
            Params(per_hour=2), (100, 2000, 3700), 3700, None, id="exactly 3600 s old has left"
        ),
        pytest.param(
            Params(per_hour=2, cooldown_hour="15m"), (1, 2, 3), 3, 903, id="the hour's own time"
        ),
        pytest.param(
            Params(per_session=2), (100, 9000, 20_000), 20_000, 23_600, id="the session"
        ),
        pytest.param(
            Params(per_session=1, cooldown_session="2h"), (1, 2), 2, 7202, id="the session's time"
        ),
        pytest.param(
            Params(per_session=2), (100, 200, 300, 4000), 4000, 7600, id="each later one again"
        ),
        pytest.param(
            Params(per_minute=1, per_hour=1), (100, 101), 101, 1901, id="of two the latest end wins"
        ),
        pytest.param(
            Params(per_minute=1, per_hour=1, per_session=1), (100, 101), 101, 3701, id="of three"
        ),
        pytest.param(
            Params(per_minute=1, per_hour=2), (100, 101, 150), 150, 1950,
            id="an attempt while the minute cools down may fill the hour",
        ),
        pytest.param(
            Params(per_minute=1, per_hour=1, cooldown_minute="10m", cooldown_hour="10m"),
            (100, 101, 650), 705, None, id="an attempt within both makes neither longer",
        ),
    ],
)  # fmt: skip
def test_when_it_cools_down_and_until_when(
    params: Params, seconds: tuple[float, ...], now: float, end: float | None
) -> None:
    assert until(params, entries(*seconds), now) == end


@pytest.mark.parametrize(
    ("began", "now", "end"),
    [
        pytest.param(None, 400, 4000, id="no sessions: the day counts"),
        pytest.param(100, 400, 4000, id="the session's first moment counts"),
        pytest.param(100.001, 400, None, id="what was before it does not"),
        pytest.param(500, 500, None, id="a session that has just begun"),
    ],
)
def test_with_009_the_session_begins_with_the_accounts_session(
    began: float | None, now: float, end: float | None
) -> None:
    session = None if began is None else at(began)

    assert until(Params(per_session=3), entries(100, 200, 300, 400), now, session=session) == end


def test_minute_and_hour_do_not_ask_when_the_session_began() -> None:
    assert until(MINUTE, entries(100, 110, 120, 130), 130, session=at(125)) == 190


ROUND = log(("00:01:40", 1, 26000), ("00:01:41", -1, 26000))
PARTIAL = valued(
    fill(1, 100, 1, order=7), fill(2, 101, 2, order=7), fill(3, 102, -3, order=8), fill(4, 103, 1)
)
TURN = valued(fill(1, 100, 1), fill(2, 101, -3), fill(3, 102, 2))


@pytest.mark.parametrize(
    ("count", "fills", "number"),
    [
        pytest.param(Count.ENTRIES, PARTIAL, 2, id="entries: partial fills once, exits never"),
        pytest.param(Count.ORDERS, PARTIAL, 3, id="orders: exits too"),
        pytest.param(Count.FILLS, PARTIAL, 4, id="fills: each"),
        pytest.param(Count.ROUND_TRIPS, PARTIAL, 1, id="round trips: what is flat again"),
        pytest.param(Count.ENTRIES, ROUND, 1, id="entries: in and out"),
        pytest.param(Count.ENTRIES, TURN, 2, id="entries: turning round is one"),
        pytest.param(Count.ROUND_TRIPS, TURN, 2, id="round trips: turning round ends one"),
        pytest.param(
            Count.ENTRIES, (fill(1, 100, 1), fill(2, 100, 1, product=ENQ)), 2, id="all contracts"
        ),
    ],
)  # fmt: skip
def test_what_is_counted(count: Count, fills: tuple[TradeSeen, ...], number: int) -> None:
    judged = Session(RULE, Params(per_session=9, count=count)).ask(day(*fills), 104)
    assert judged.used == f"{number} in the session"

    assert until(Params(per_session=number, count=count), fills, 104) is None
    assert until(Params(per_session=number, count=count, trigger=When.REACH), fills, 104)


def test_a_breach_locks_cooling_and_lets_positions_stay() -> None:
    (breach,) = Session(RULE, MINUTE).ask(day(*entries(100, 110, 120, 130)), 130).breaches

    assert (breach.rule, breach.priority, breach.goals) == (NAME, Priority.COOLDOWN, ())
    assert breach.lock == LockRequest(kind=LockKind.COOLDOWN, until=at(190))
    assert breach.why == "4 entries in 60 s are more than 3: cool down for 1m"


def test_with_flatten_everything_goes() -> None:
    params = Params(per_minute=1, trigger=When.REACH, count=Count.ROUND_TRIPS, flatten=True)

    (breach,) = Session(RULE, params).ask(day(*ROUND), 101).breaches

    assert breach.goals == (Goal(aim=Aim.FLATTEN),)
    assert breach.why == "1 round trips in 60 s are as many as 1: cool down for 1m"


def test_the_figures_are_those_of_the_windows_that_have_a_limit() -> None:
    params = Params(per_minute=3, per_hour=12, per_session=40)
    session, book = Session(RULE, params), day(*entries(100, 3000, 3590, 3599))

    judged = session.ask(book, 3600)
    assert judged.limit == "3 in 60 s, 12 in 1 h, 40 in the session"
    assert judged.used == "2 in 60 s, 4 in 1 h, 4 in the session"
    assert judged.wake == Wake(Clock.WALL, at(3650)), "a figure falls by itself"
    assert session.ask(book, 3650).used == "1 in 60 s, 4 in 1 h, 4 in the session"
    assert session.ask(book, 3700).used == "0 in 60 s, 3 in 1 h, 4 in the session"
    assert session.ask(book, 9000).wake is None


def test_it_asks_again_when_the_cooldown_ends() -> None:
    session, book = Session(RULE, Params(per_session=1)), day(*entries(100, 101))

    assert session.ask(book, 101).wake == Wake(Clock.WALL, at(3701))
    assert session.ask(book, 3701).breaches == ()


def test_a_restart_changes_nothing() -> None:
    book = day(*entries(100, 110, 120, 130))
    before = Session(RULE, MINUTE)
    before.ask(book, 130)

    assert before.until(book, 150) == 190
    assert Session(RULE, MINUTE).until(book, 150) == 190, "nor does a state that was lost"
    assert Session(RULE, MINUTE).until(book, 200) is None, "what was over is over"


def test_a_state_that_says_nothing_new_is_the_same_state() -> None:
    session, book = Session(RULE, MINUTE), day(*entries(100, 110))
    before = session.ask(book, 110).state

    assert session.ask(book, 130).state is before


def test_lesson_67_a_reset_begins_the_counts_anew_and_leaves_the_cooldown() -> None:
    session = Session(RULE, Params(per_session=2))
    session.ask(day(*entries(100, 110, 120)), 120)

    after = session.ask(day(shows={MNQ.contract_id: 3}, day="2026-11-24"), 600)

    assert ends(after) == 3720
    assert after.used == "0 in the session"


def test_an_unread_day_is_unknown_and_ends_no_cooldown() -> None:
    session = Session(RULE, MINUTE)
    session.ask(day(*entries(100, 110, 120, 130)), 130)

    judged = session.ask(day(realized=None), 140)
    assert (judged.unknown, judged.used) == ("the day's trades have not been read", "?")
    assert ends(judged) == 190
    assert Session(RULE, MINUTE).ask(day(realized=None), 140).breaches == ()


def test_a_voided_trade_counts_no_more_and_unlocks_nothing() -> None:
    fills = entries(100, 110, 120, 130)
    session = Session(RULE, MINUTE)
    session.ask(day(*fills), 130)

    judged = session.ask(day(*fills[:3]), 140)
    assert judged.used == "3 in 60 s"
    assert ends(judged) == 190
    assert until(MINUTE, fills[:3], 140) is None
    assert void(fills[3]).voided


def test_it_waits_for_the_book_to_show_what_the_fills_say() -> None:
    fills = entries(100, 110, 120, 130)
    session = Session(RULE, MINUTE)
    session.ask(day(*fills[:3]), 120)

    late = session.ask(day(*fills, shows={MNQ.contract_id: 3}), 130)
    assert late.breaches == ()
    assert late.wake == Wake(Clock.WALL, at(130 + SETTLE / SECOND))
    assert session.until(day(*fills), 130.01) == 190


def test_it_does_not_wait_long_and_never_where_it_flattens() -> None:
    fills = entries(100, 110, 120, 130)
    behind = day(*fills, shows={MNQ.contract_id: 3})
    session = Session(RULE, MINUTE)
    session.ask(day(*fills[:3]), 120)

    session.ask(behind, 130)
    assert session.until(behind, 132) == 190
    flattening = Session(RULE, Params(per_minute=3, flatten=True))
    flattening.ask(day(*fills[:3]), 120)
    assert flattening.until(behind, 130) == 190


def test_it_waits_not_for_ever_for_the_book_of_one_who_trades_on() -> None:
    """A fill every half a second, and each position a little more than that later."""
    session = Session(RULE, MINUTE)
    session.ask(day(), 99)
    fills = entries(*(100 + number / 2 for number in range(120)))
    began = None
    for number, one in enumerate(fills, start=1):
        for shown, after in ((number - 2, 0), (number - 1, 0.1)):
            book = day(*fills[:number], shows={MNQ.contract_id: shown} if shown > 0 else {})
            breaches = session.ask(book, one.at / SECOND + after).breaches
            if breaches and began is None:
                began = one.at + round(after * SECOND), breaches[0].stays

    assert began == (fills[0].at + WAIT_MAX, {MNQ.contract_id: 4})


def test_a_clock_that_is_set_back_does_not_end_that_wait() -> None:
    fills = entries(100, 110, 120, 130)
    session = Session(RULE, MINUTE)
    session.ask(day(*fills[:3]), 120)

    session.ask(day(*fills, shows={MNQ.contract_id: 3}), 133)
    assert session.until(day(*fills, shows={MNQ.contract_id: 2}), 131) is None


def test_it_waits_for_the_trade_of_an_exit_also_where_the_machine_slept() -> None:
    fills = entries(100, 110, 120, 130)
    session = Session(RULE, MINUTE)
    session.ask(day(*fills[:3]), 120)

    left = day(*fills, shows={MNQ.contract_id: 3}, untold=(MNQ.contract_id,))
    session.ask(left, 131)
    assert session.until(left, 140) is None
    (breach,) = session.ask(day(*fills, fill(5, 130.5, -1)), 140.1).breaches
    assert breach.stays == {MNQ.contract_id: 3}


def test_what_may_stay_is_what_stood_at_the_trigger() -> None:
    fills = (*entries(100, 110, 120, 130, 140), fill(6, 150, -2))
    (breach,) = Session(RULE, MINUTE).ask(day(*fills), 160).breaches
    assert breach.stays == {MNQ.contract_id: 3}, "4 at the fourth, and of 5 two have left"

    flattening = Session(RULE, Params(per_minute=3, flatten=True))
    (breach,) = flattening.ask(day(*fills), 160).breaches
    assert breach.stays is None


def test_it_waits_for_the_position_that_follows_another_like_it() -> None:
    fills = valued(fill(1, 100, 2), fill(2, 110, -2), fill(3, 110.02, 2))
    session = Session(RULE, Params(per_minute=1))
    earlier = held(MNQ.contract_id, 2, at(100))

    session.ask(day(fills[0]), 100)
    late = session.ask(day(*fills, holdings=(earlier,)), 110.03)
    assert late.breaches == (), "as many as the fills say, but not these"
    (breach,) = session.ask(day(*fills), 110.1).breaches
    assert breach.stays == {MNQ.contract_id: 2}


def test_a_running_cooldown_does_not_flicker_while_the_book_lags() -> None:
    fills = entries(100, 110, 120, 130, 140)
    session = Session(RULE, MINUTE)
    session.ask(day(*fills[:4]), 130)

    assert session.until(day(*fills, shows={MNQ.contract_id: 4}), 140) == 190


def test_what_was_held_before_the_day_is_no_entry_when_it_is_closed() -> None:
    closing = fill(1, 100, -2, realized=-10_000)
    judged = Session(RULE, MINUTE).ask(day(closing, carried={MNQ.contract_id: 2}), 100)

    assert judged.used == "0 in 60 s"
    turned = fill(1, 100, -3, realized=-10_000)
    judged = Session(RULE, MINUTE).ask(day(turned, carried={MNQ.contract_id: 2}), 100)
    assert judged.used == "1 in 60 s"


def test_it_hears_fills_and_positions() -> None:
    assert RULE.hears == Hears.FILLS | Hears.POSITIONS
    assert (RULE.code, RULE.priority) == ("RULE-006", Priority.COOLDOWN)


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        pytest.param({}, "per_minute", id="no window at all"),
        pytest.param({"per_minute": 0}, "per_minute", id="zero"),
        pytest.param({"per_hour": -1}, "per_hour", id="negative"),
        pytest.param({"per_session": 0}, "per_session", id="zero a session"),
        pytest.param({"per_minute": 1, "cooldown_minute": "60"}, "cooldown_minute", id="no unit"),
        pytest.param({"per_minute": 1, "cooldown_hour": "0s"}, "cooldown_hour", id="nothing"),
        pytest.param(
            {"per_minute": 1, "per_hour": 1, "cooldown_minute": "31m"}, "cooldown_hour",
            id="minute longer than hour",
        ),
        pytest.param(
            {"per_hour": 1, "per_session": 1, "cooldown_hour": "61m"}, "cooldown_session",
            id="hour longer than session",
        ),
        pytest.param(
            {"per_minute": 1, "per_session": 1, "cooldown_minute": "2h"}, "cooldown_session",
            id="minute longer than session",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(keys: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=rf"^{key}: "):
        Params(**keys)


def test_equal_cooldowns_are_allowed_and_a_window_without_limit_is_not_judged() -> None:
    Params(per_minute=1, per_hour=1, per_session=1, cooldown_minute="30m", cooldown_session="30m")
    Params(per_minute=1, cooldown_minute="45m")


any_params = st.builds(
    Params,
    per_minute=st.integers(1, 4),
    per_hour=st.none() | st.integers(1, 6),
    per_session=st.none() | st.integers(1, 8),
    count=st.sampled_from(Count),
    trigger=st.sampled_from(When),
    cooldown_minute=st.sampled_from(("1s", "5s", "60s")),
)


@given(any_params, any_day())
def test_no_cooldown_ever_ends_earlier_i5(params: Params, fills: tuple[TradeSeen, ...]) -> None:
    session, end = Session(RULE, params), 0.0
    for number, one in enumerate(fills, start=1):
        found = session.until(day(*fills[:number]), one.at / SECOND)
        assert end <= one.at / SECOND or (found is not None and found >= end)
        end = found or end


@given(any_params, any_day())
def test_told_one_by_one_or_at_once_after_a_restart_it_is_the_same_cooldown(
    params: Params, fills: tuple[TradeSeen, ...]
) -> None:
    session = Session(RULE, params)
    for number, one in enumerate(fills, start=1):
        session.ask(day(*fills[:number]), one.at / SECOND)
    now = fills[-1].at / SECOND if fills else 0

    assert session.until(day(*fills), now) == until(params, fills, now)


@given(st.lists(st.integers(0, 400), max_size=30, unique=True), st.integers(1, 4))
def test_it_locks_for_exactly_the_trades_that_were_too_many(found: list[int], most: int) -> None:
    seconds = sorted(found)
    end = 0
    for one in seconds:
        if one >= end and sum(one - 60 < other <= one for other in seconds) > most:
            end = one + 60

    last = seconds[-1] if seconds else 0
    for now in (last, last + 59, last + 60, max(end, last)):
        locked = until(Params(per_minute=most), entries(*seconds), now)
        assert locked == (end if end > now else None)
