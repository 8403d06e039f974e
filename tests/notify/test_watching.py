"""What is told of a service, statuses in and notices out."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from config.notify import NotifyEvent
from ops.notify.notice import Notice
from ops.notify.watching import REPEAT_S, Seen, look, whose_day
from protocol.control import ServiceStatus
from tests.notify.statuses import (
    AFTER,
    BEFORE,
    LOCK,
    NEXT_RESET,
    RESET,
    account,
    enforcement,
    rule,
    status,
)

CALM = status()
LOCKED = status(account(locked=True, lockouts=[LOCK]))
BLIND = status(account(state="blind", alarms=["feed_blind: no price of MNQ for 61 s"]))


def told(
    *statuses: ServiceStatus,
    seen: Seen = Seen(),  # noqa: B008  (frozen)
    step_s: float = 0.5,
    walls: Iterable[str] = (),
    shares: tuple[int, ...] = (75, 90),
) -> list[Notice]:
    notices: list[Notice] = []
    times = list(walls) or [BEFORE] * len(statuses)
    for number, one in enumerate(statuses):
        seen, new = look(seen, one, shares, number * step_s, times[number])
        notices += new
    return notices


def events(notices: list[Notice]) -> list[str]:
    return [one.event.value for one in notices]


def test_nothing_is_told_of_a_calm_service() -> None:
    assert told(CALM, CALM, CALM) == []


def test_a_lock_is_told_once_with_scope_cause_figures_and_end() -> None:
    (one,) = told(CALM, LOCKED, LOCKED, LOCKED)

    assert one.event is NotifyEvent.LOCK
    assert "account 1001 PRACTICE-1: LOCKED by daily_realized_loss (account)" in one.title
    assert "-507.84, at or below -500.00" in one.body
    assert "realized -351.84, unrealized -102.00" in one.body
    assert f"Ends at {RESET}" in one.body


def test_a_lock_is_not_told_again_by_a_desk_that_comes_back() -> None:
    stale = status(account(state="stale", locked=True, lockouts=[LOCK]), state="down")
    starting = status(account(state="starting", lockouts=[]), state="starting")

    assert events(told(LOCKED, stale, starting, starting, LOCKED)) == ["lock"]


def test_a_lock_that_was_told_in_an_earlier_life_is_not_told_but_its_end_is() -> None:
    first, _ = look(Seen(), LOCKED, (), 0.0, BEFORE)
    recalled = Seen(told=first.told)

    assert events(told(LOCKED, CALM, seen=recalled)) == ["lock_ended"]


def test_two_locks_are_two_notices() -> None:
    symbol = LOCK.__class__(rule="max_contracts", scope="MNQ", reason="x", since=BEFORE, until=None)
    both = status(account(locked=True, lockouts=[LOCK, symbol]))

    first, second = told(LOCKED, both)

    assert "daily_realized_loss" in first.title
    assert "max_contracts (MNQ)" in second.title
    assert "Ends when its condition ends" in second.body


def test_the_end_of_a_lock_says_what_still_locks() -> None:
    other = LOCK.__class__(rule="store", scope="account", reason="x", since=BEFORE, until=None)
    both = status(account(locked=True, lockouts=[LOCK, other]))
    left = status(account(locked=True, lockouts=[other]))

    *_, ended = told(both, left)

    assert ended.event is NotifyEvent.LOCK_ENDED
    assert "Still locked by store" in ended.body


def test_a_failing_enforcement_is_told_once_however_often_it_fails() -> None:
    failing = status(account(enforcements=[enforcement("failing")]))
    again = status(account(enforcements=[enforcement("requested")]))

    (one,) = told(CALM, failing, again, failing)

    assert one.event is NotifyEvent.ENFORCEMENT_FAILED
    assert "market closed" in one.body
    assert "1001/daily_realized_loss/1" in one.body


@pytest.mark.parametrize("state", ["requested", "confirmed", "withdrawn"])
def test_an_enforcement_that_works_is_not_told_by_itself(state: str) -> None:
    assert told(status(account(enforcements=[enforcement(state)]))) == []


@pytest.mark.parametrize(
    ("alarm", "event"),
    [
        ("feed_blind: no price", "blind"),
        ("cannot_enforce: the account may not trade", "cannot_enforce"),
        ("store_failed: disk full", "alarm"),
    ],
)
def test_an_alarm_is_told_when_it_rises_and_when_it_is_over(alarm: str, event: str) -> None:
    raised = status(account(alarms=[alarm]))

    rose, over = told(CALM, raised, raised, CALM)

    assert [rose.event.value, over.event.value] == [event, event]
    assert alarm.partition(": ")[2] in rose.body
    assert "realized -351.84" in rose.body
    assert "is over" in over.title


def test_an_alarm_that_comes_and_goes_is_told_at_most_once_in_five_minutes() -> None:
    flapping = [BLIND, CALM] * 100

    notices = told(*flapping, step_s=1.0)

    assert [one.title.endswith("is over") for one in notices] == [False, True]


def test_an_alarm_that_came_back_meanwhile_and_stands_is_told_after_five_minutes() -> None:
    standing = [BLIND, CALM, *[BLIND] * int(REPEAT_S + 2)]

    assert len(told(*standing, step_s=1.0)) == 3


def test_an_alarm_does_not_end_because_its_desk_does() -> None:
    stale = status(account(state="stale", alarms=[]), state="down")

    assert events(told(BLIND, stale, stale, BLIND)) == ["blind"]


def test_a_desks_own_alarm_is_told_without_an_account() -> None:
    (one,) = told(CALM, status(alarms=["hubs_lost: the user hub is closed"]))

    assert one.title == "desk main: ALARM hubs_lost"


def test_a_desk_that_died_is_told_with_its_reason() -> None:
    died = status(restarts=1, last_end="desk main died by signal 9")

    (one,) = told(CALM, died, died)

    assert one.event is NotifyEvent.DESK
    assert "died by signal 9" in one.body


def test_a_desk_that_dies_and_dies_is_told_once_in_five_minutes_and_when_it_is_given_up() -> None:
    deaths = [status(restarts=number, last_end="x") for number in range(1, 9)]
    hopeless = status(restarts=9, last_end="x", alarms=["gave up, and tries every 30 s: x"])

    titles = [one.title for one in told(*deaths, hopeless, hopeless)]

    assert [title.partition(": ")[2][:8] for title in titles] == ["died and", "DOES NOT"]


@pytest.mark.parametrize(
    ("used", "share"),
    [("-374.99", None), ("-375.00", 75), ("-449.99", 75), ("-450.00", 90), ("-499.99", 90)],
)
def test_a_share_of_a_limit_is_told_from_its_first_cent(used: str, share: int | None) -> None:
    notices = told(status(account(rules=[rule(used)])))

    assert [one.title.rpartition(": ")[2] for one in notices] == (
        [] if share is None else [f"{share} % of daily_realized_loss is used"]
    )


def test_each_share_is_told_once_a_day_however_the_money_moves() -> None:
    path = ["-380.00", "-300.00", "-380.00", "-460.00", "-380.00", "-460.00"]
    days = [status(account(rules=[rule(used)])) for used in path]
    tomorrow = status(account(rules=[rule("-380.00")], next_reset=NEXT_RESET))

    notices = [one for one in told(*days, tomorrow) if one.event is NotifyEvent.WARNING]

    assert [one.title.rpartition(": ")[2][:4] for one in notices] == ["75 %", "90 %", "75 %"]
    assert "-380.00 of -500.00, 120.00 left" in notices[0].body


@pytest.mark.parametrize(
    "one",
    [
        rule("-500.00"),  # the lock tells it
        rule("-900.00"),
        rule("9 net", "8", "max_contracts"),
        rule("3 net", "4", "no_stop_loss_grace"),  # nothing that is used up
        rule("1 net", "1", "max_contracts"),  # it is used up before there is a share to warn at
        rule("unknown"),
        rule("", ""),
    ],
)
def test_no_share_is_told_of_what_is_past_its_limit_or_has_none(one: object) -> None:
    assert told(status(account(rules=[one]))) == []


def test_a_profit_target_is_a_limit_too() -> None:
    (one,) = told(status(account(rules=[rule("800.00", "1000.00", "daily_realized_profit")])))

    assert "75 % of daily_realized_profit" in one.title


def test_no_shares_no_warnings() -> None:
    assert told(status(account(rules=[rule("-499.00")])), shares=()) == []


def test_a_day_is_summed_up_at_its_reset_by_what_was_last_known_of_it() -> None:
    done = [enforcement("confirmed", 1), enforcement("failing", 2)]
    old = enforcement("confirmed", 3, "2026-11-23T12:00:00.000Z")
    day = account(lockouts=[LOCK], attempts_while_locked=3, enforcements=[old, *done])
    fresh = account(next_reset=NEXT_RESET, realized="0.00", enforcements=[old, *done])

    notices = told(status(day), status(fresh), status(fresh), walls=[BEFORE, AFTER, AFTER])

    (one,) = [found for found in notices if found.event is NotifyEvent.DAY]
    assert RESET in one.title
    assert "realized -351.84" in one.body
    assert "locks at its end: daily_realized_loss" in one.body
    assert "2 enforcements, 1 of them unproven; 3 attempts" in one.body


def test_another_reset_by_a_reload_is_no_end_of_a_day() -> None:
    moved = status(account(next_reset=NEXT_RESET))

    assert told(CALM, moved, walls=[BEFORE, BEFORE]) == []


@pytest.mark.parametrize(
    ("used", "limit", "name", "title", "body"),
    [
        ("5 net", "8", "max_contracts", None, ""),
        ("6 net", "8", "max_contracts", "75 % of max_contracts is used", "6 of 8, 2 left"),
        ("7 net", "8", "max_contracts", "75 % of max_contracts is used", "7 of 8, 1 left"),
        ("8 gross", "8", "max_contracts", "90 % of max_contracts is used", "8 of 8, 0 left"),
        ("0.8 net", "1", "max_contracts", None, ""),
        (
            "3 in 60 s, 9 in 1 h",
            "10 in 60 s, 10 in 1 h",
            "trade_frequency_limit",
            "90 % of trade_frequency_limit (in 1 h) is used",
            "9 of 10, 1 in 1 h left",
        ),
        ("? in 60 s", "10 in 60 s", "trade_frequency_limit", None, ""),
        (
            "MNQ 3, ES 1",
            "MNQ 4, others 8",
            "max_contracts_per_instrument",
            "75 % of max_contracts_per_instrument (MNQ) is used",
            "3 of 4",
        ),
    ],
)
def test_a_share_of_a_count_is_told_as_well(
    used: str, limit: str, name: str, title: str | None, body: str
) -> None:
    left = {"6 net": "2", "7 net": "1", "8 gross": "0"}.get(used, "7 in 60 s, 1 in 1 h")
    one = replace(rule(used, limit, name), remaining=left)

    notices = told(status(account(rules=[one])))

    assert [found.title.rpartition(": ")[2] for found in notices] == ([title] if title else [])
    assert all(body.replace(" in 1 h left", "") in found.body for found in notices)


def test_each_window_of_a_count_is_told_once_a_day() -> None:
    limit, name = "4 in 60 s, 10 in the session", "trade_frequency_limit"
    path = [
        "3 in 60 s, 3 in the session",
        "1 in 60 s, 8 in the session",
        "4 in 60 s, 9 in the session",
    ]
    days = [status(account(rules=[rule(used, limit, name)])) for used in path]

    titles = [one.title.rpartition(": ")[2] for one in told(*days, *days)]

    assert titles == [
        f"75 % of {name} (in 60 s) is used",
        f"75 % of {name} (in the session) is used",
        f"90 % of {name} (in 60 s) is used",
        f"90 % of {name} (in the session) is used",
    ]


def test_what_a_restarted_desk_forgets_of_the_day_is_in_its_summary() -> None:
    morning = status(account(enforcements=[enforcement("failing", 1), enforcement("confirmed", 2)]))
    later = status(account(enforcements=[enforcement("confirmed", 1)]))
    fresh = status(account(next_reset=NEXT_RESET, enforcements=[]))

    notices = told(morning, later, later, fresh, walls=[BEFORE, BEFORE, BEFORE, AFTER])

    (one,) = [found for found in notices if found.event is NotifyEvent.DAY]
    assert "2 enforcements, 0 of them unproven" in one.body


def test_a_day_is_told_apart_from_other_notices() -> None:
    fresh = status(account(next_reset=NEXT_RESET))
    (day,) = told(CALM, fresh, walls=[BEFORE, AFTER])
    (lock,) = told(LOCKED)

    assert whose_day(day.key) == "main/1001"
    assert whose_day(lock.key) is None
