"""The screen in a terminal, as text."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ops.web.lines import BAR, Span, coloured, countdown, folded, lines, plain
from ops.web.view import Screen, forgotten
from protocol.control import (
    EnforcementStatus,
    FeedStatus,
    OrderStatus,
    PositionStatus,
)
from tests.web.test_view import ACCOUNT, DESK, LOCK, NOW, RULE, shown

MNQ = "CON.F.US.MNQ.Z26"
BUSY = replace(
    ACCOUNT,
    lockouts=[replace(LOCK, until="2026-11-25T23:30:00.000Z")],
    rules=[
        replace(RULE, used="-450.00", remaining="50.00"),
        replace(RULE, rule="max_contracts", limit="8", used="?", unknown="not read"),
        replace(RULE, rule="auth_loss_guard", limit="may trade", used="may trade"),
    ],
    positions=[
        PositionStatus(
            contract=MNQ, side="long", size=2, average="21000.00", mark=None, unrealized=None
        )
    ],
    orders=[
        OrderStatus(
            id=1,
            contract=MNQ,
            side="sell",
            type="stop_limit",
            size=2,
            filled=1,
            limit="20690.00",
            stop="20700.00",
        )
    ],
    enforcements=[
        EnforcementStatus(
            id="1",
            rule="daily_realized_loss",
            requested="2026-11-25T14:00:00.000Z",
            confirmed="2026-11-25T14:00:00.363Z",
            state="confirmed",
            why="lost",
        )
    ],
    feed=FeedStatus(state="live", truth_age_s=2, prices=[]),
    alarms=["store: slow"],
    waits=["rules.max_contracts.limit: 8 -> 9"],
)


def text(screen: Screen, lost_s: float | None = None) -> str:
    return "\n".join(plain(one) for one in lines(screen, NOW, lost_s))


def test_everything_that_the_page_shows_stands_in_the_terminal_too() -> None:
    said = text(shown(BUSY))

    for part in (
        "1 of 1 accounts protected",
        "desk main: armed  hubs open, no ping, heard 0.5 s ago, 0 restarts",
        " LOCKED  PRACTICE 1001",
        "ALARM store: slow",
        "locked by daily realized loss: 08:30:00 left",
        f"[{'#' * 18}..]  90% CLOSE  -450.00 of -500.00, 50.00 left",
        f"[{'?' * BAR}] unknown: not read",
        "may trade",
        "waits for the next reset: rules.max_contracts.limit: 8 -> 9",
        "long 2 MNQ Z26 at 21000.00, now no price: unknown",
        "sell 1 MNQ Z26 stop limit at 20700.00 limit 20690.00, working",
        "feed live, positions read 2 s ago",
        "Daily realized loss, proven after 363 ms: lost",
    ):
        assert part in said
    assert "STALE" not in said


def test_a_silent_service_is_stale_and_nothing_is_armed() -> None:
    said = text(forgotten(shown()), 4.2)

    assert "STALE  no word from the service for 4 s" in said
    assert "UNKNOWN  PRACTICE" in said
    assert "last known: ARMED" in said


def test_a_silent_desk_is_stale() -> None:
    said = text(shown(desk=replace(DESK, state="stale")))

    assert "STALE  desk main does not answer: its accounts are not protected" in said
    assert "NOT PROTECTED  PRACTICE" in said


def test_a_line_is_cut_to_the_terminal_and_nobody_else_commands_it() -> None:
    hostile = replace(ACCOUNT, name="\x1b[2J\x07evil")
    screen = shown(hostile)

    for width in (20, 80, 200):
        for line in lines(screen, NOW):
            drawn = coloured(line, width)
            for code in ("0", "1", "2", "32", "1;32"):
                drawn = drawn.replace(f"\x1b[{code}m", "")
            assert "\x1b" not in drawn
            assert len(drawn) <= width
    assert "?[2J?evil" in text(screen)


def test_whoever_wants_no_colour_still_sees_what_is_bold_and_what_is_reversed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Span("LOCKED", "locked"), Span(" STALE ", "shout"), Span("....", "near")
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[1;33mLOCKED" in coloured(line, 80)

    monkeypatch.setenv("NO_COLOR", "1")

    assert coloured(line, 80) == "\x1b[1mLOCKED\x1b[0m\x1b[1;7m STALE \x1b[0m...."


@pytest.mark.parametrize("width", [5, 20, 40, 80, 200])
def test_what_is_wider_than_the_terminal_goes_on_in_the_next_row(width: int) -> None:
    said = "store_failed: the disk refuses " + "what-has-no-place-to-break" * 4
    screen = shown(replace(BUSY, alarms=[said]))

    for line in lines(screen, NOW):
        rows = [plain(row) for row in folded(line, width)]
        assert [len(row) <= width for row in rows] == [True] * len(rows)
        assert "".join("".join(rows).split()) == "".join(plain(line).split())
        assert all(row.startswith("    ") and row.strip() for row in rows[1:])
        assert len(rows) == 1 or len(plain(line)) > width


def test_a_limit_in_a_narrow_terminal_has_its_figures_below_its_name() -> None:
    (line,) = [one for one in lines(shown(BUSY), NOW) if "[" in plain(one) and "of" in plain(one)]

    rows = [plain(row).rstrip() for row in folded(line, 40)]

    assert rows[0] == "  Daily realized loss"
    assert rows[1].startswith("    [")
    assert "%" in rows[1]


def test_a_countdown_says_zero_only_when_the_time_has_come() -> None:
    until = (NOW + timedelta(days=1, seconds=1)).isoformat()

    assert countdown(until, NOW) == "1 d 00:00:01"
    assert countdown(until, NOW + timedelta(days=1, milliseconds=999)) == "00:00:01"
    assert countdown(until, NOW + timedelta(days=1, seconds=1)) == "00:00:00"
    assert countdown(until, NOW + timedelta(days=9)) == "00:00:00"
