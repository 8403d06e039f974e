"""`riskwarden status` and `rules` in a terminal: within its width, and with nothing left out."""

import pytest
from msgspec.structs import replace

from ops.commands.status import render
from ops.commands.table import table
from protocol.control import ServiceStatus
from tests.web.test_lines import BUSY
from tests.web.test_view import DESK, RULE

WIDE = replace(
    RULE,
    rule="trade_frequency_limit",
    limit="10 in 60 s, 30 in 1 h, 100 in the session",
    used="2 in 60 s, 2 in 1 h, 2 in the session",
    remaining="8 in 60 s, 28 in 1 h, 98 in the session",
)
BROKEN = replace(RULE, loaded=False, armed=False, enforcing=False, lacks="loaded", since="08:00")
STATUS = ServiceStatus(
    desks=[replace(DESK, alarms=["store_failed: the disk refuses " + "no-place-to-break" * 9])],
    accounts=[replace(BUSY, rules=[WIDE, BROKEN, *BUSY.rules])],
    alarms=["notices do not get through: " + "connection refused, " * 9],
)
FIGURES = {
    *(f"{key} {cell}" for key, cell in (("limit", WIDE.limit), ("used", WIDE.used))),
    f"remaining {WIDE.remaining}",
    "loaded NO",
    "subscribed yes",
    "evaluated 14:59:59",
    "enforcing NO",
}


def words(lines: list[str]) -> str:
    return "".join("".join(lines).split())


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_a_status_fits_the_terminal_and_loses_nothing(width: int) -> None:
    drawn = render(STATUS, width)

    assert max(map(len, drawn)) <= width
    said = words(drawn)
    rules = set(map(words, ([line] for line in table(STATUS.accounts[0].rules))))
    for line in map(words, ([line] for line in render(STATUS))):
        assert line in said or line in rules, line
    for figure in FIGURES:
        assert words([figure]) in said, figure


def test_a_status_names_an_enforcement_as_explain_wants_it_and_says_how_long_it_took() -> None:
    one = replace(BUSY.enforcements[0], id="1001/daily_realized_loss/1")
    open_ = replace(one, id="1001/daily_realized_loss/2", confirmed=None, state="failing")

    said = render(replace(STATUS, accounts=[replace(BUSY, enforcements=[one, open_])]))

    at = "  2026-11-25T14:00:00.000Z "
    assert f"{at}1001/daily_realized_loss/1 confirmed after 363 ms: lost" in said
    assert f"{at}1001/daily_realized_loss/2 failing: lost" in said


def test_a_status_tells_how_a_desks_last_life_ended() -> None:
    again = replace(DESK, restarts=1, last_end="desk main died by signal 9")

    assert "  its last life ended: desk main died by signal 9" in render(
        replace(STATUS, desks=[again])
    )
    assert not any("last life" in line for line in render(STATUS))


def test_a_status_tells_working_orders() -> None:
    assert (
        "  order 1: sell 1 CON.F.US.MNQ.Z26 stop limit at 20700.00 limit 20690.00, working"
        in render(STATUS)
    )


def test_figures_share_a_line_only_if_it_holds_them_all() -> None:
    rule = replace(RULE, used="-450.00", remaining="50.00")
    whole = "  daily_realized_loss: enforce; limit -500.00; used -450.00; remaining 50.00"

    assert table([rule], len(whole))[0] == whole
    assert table([rule], len(whole) - 1)[:4] == [
        "  daily_realized_loss: enforce",
        "    limit -500.00",
        "    used -450.00",
        "    remaining 50.00",
    ]


def test_where_there_is_room_rules_stand_in_columns() -> None:
    plain = render(STATUS)
    widest = max(map(len, plain))

    assert render(STATUS, widest) == plain
    assert table([RULE], 200) == table([RULE])


def test_nobody_commands_the_terminal() -> None:
    hostile = replace(STATUS.accounts[0], name="\x1b[2J\x07evil")

    assert "\x1b" not in "".join(render(replace(STATUS, accounts=[hostile]), 80))
