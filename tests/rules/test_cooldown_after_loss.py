"""RULE-007: cool down after a closing that lost too much."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.round_trips import Basis
from actors.rules.cooldown_after_loss import NAME, RULE, Params
from actors.rules.rule import Hears, Wake
from protocol.account_facts import TradeSeen
from protocol.enforcement import Aim, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.schedule import Clock
from protocol.units import SECOND, Usd
from tests.model.fills import ENQ, MNQ, any_day, at, fill
from tests.rules.books import dollars
from tests.rules.days import Session, day, ends

TIERS = Params()
"""-100 for 5 minutes, -200 for 15, -300 for 30."""


def trip(number: int, second: float, made: str, **more: Any) -> tuple[TradeSeen, TradeSeen]:
    """Return one lot bought two seconds before, and sold for what it made."""
    return (
        fill(2 * number, second - 2, 1, **more),
        fill(2 * number + 1, second, -1, realized=dollars(made), **more),
    )


def until(params: Params, fills: tuple[TradeSeen, ...], now: float, **fields: Any) -> float | None:
    return Session(RULE, params).until(day(*fills, **fields), now)


@pytest.mark.parametrize(
    ("made", "seconds"),
    [
        pytest.param("250", None, id="a profit"),
        pytest.param("0", None, id="nothing"),
        pytest.param("-99.99", None, id="a cent above the first tier"),
        pytest.param("-100", 300, id="exactly at the first"),
        pytest.param("-100.01", 300, id="a cent below it"),
        pytest.param("-199.99", 300, id="a cent above the second"),
        pytest.param("-200", 900, id="exactly at the second"),
        pytest.param("-299.99", 900, id="a cent above the third"),
        pytest.param("-300", 1800, id="exactly at the third"),
        pytest.param("-5000", 1800, id="beyond the largest"),
    ],
)
def test_the_largest_tier_met_says_how_long(made: str, seconds: float | None) -> None:
    end = None if seconds is None else 1000 + seconds

    assert until(TIERS, trip(1, 1000, made), 1000) == end
    if end is not None:
        assert until(TIERS, trip(1, 1000, made), 1100) == end, "from the closing, not from now"
        assert until(TIERS, trip(1, 1000, made), end - 0.001) == end
        assert until(TIERS, trip(1, 1000, made), end) is None, "at its end it is over"


@pytest.mark.parametrize(
    ("second", "made", "end"),
    [
        pytest.param(1100, "-50", 1900, id="no tier: nothing"),
        pytest.param(1100, "-199.99", 1900, id="a smaller loss: nothing"),
        pytest.param(1800, "-150", 1900, id="a smaller loss that would end later: nothing"),
        pytest.param(1100, "-200", 1900, id="as big a loss: nothing"),
        pytest.param(1100, "-200.01", 2000, id="a bigger loss of the same tier"),
        pytest.param(1100, "-300", 2900, id="a bigger loss of a larger tier"),
        pytest.param(1900, "-100", 2200, id="as it is over, any loss that meets a tier"),
    ],
)
def test_a_bigger_loss_during_a_cooldown_makes_it_longer(
    second: float, made: str, end: float
) -> None:
    fills = (*trip(1, 1000, "-200"), *trip(2, second, made))

    assert until(TIERS, fills, min(1900, second)) == end


def test_a_bigger_loss_never_makes_it_shorter() -> None:
    params = Params(tiers={"30m": Decimal(-100), "40m": Decimal(-500)})
    fills = (*trip(1, 1000, "-100"), *trip(2, 1001, "-600"))

    assert until(params, fills, 1001) == 1001 + 2400


OUT = (
    fill(1, 990, 3),
    fill(2, 1000, -1, realized=dollars("-60"), order=8),
    fill(3, 1001, -1, realized=dollars("-60"), order=8),
    fill(4, 1002, -1, realized=dollars("-90"), order=9),
)


@pytest.mark.parametrize(
    ("basis", "told", "end"),
    [
        pytest.param(Basis.ROUND_TRIP, 2, None, id="round trip: not flat yet"),
        pytest.param(Basis.ROUND_TRIP, 3, None, id="round trip: still not"),
        pytest.param(Basis.ROUND_TRIP, 4, 1002 + 900, id="round trip: flat, -210 in all"),
        pytest.param(Basis.ORDER, 2, None, id="order: its first fill, -60"),
        pytest.param(Basis.ORDER, 3, 1001 + 300, id="order: its second makes it -120"),
        pytest.param(Basis.ORDER, 4, 1001 + 300, id="order: the other one, -90, meets no tier"),
    ],
)
def test_partial_fills_add_up_to_one_closing(basis: Basis, told: int, end: float | None) -> None:
    assert until(Params(basis=basis), OUT[:told], 1002) == end


def test_partial_fills_of_one_order_count_once_and_by_their_sum() -> None:
    params, session = Params(basis=Basis.ORDER), Session(RULE, Params(basis=Basis.ORDER))
    fills = (
        fill(1, 990, 2),
        fill(2, 1000, -1, realized=dollars("-100"), order=8),
        fill(3, 1010, -1, realized=dollars("-100"), order=8),
    )

    assert session.until(day(*fills[:2]), 1000) == 1300
    assert session.until(day(*fills), 1010) == 1910
    assert until(params, fills, 1010) == 1910


@pytest.mark.parametrize(
    ("fills", "end"),
    [
        pytest.param(
            (fill(1, 990, 2), fill(2, 1000, -5, realized=dollars("-100"))), 1300, id="turned round"
        ),
        pytest.param(
            (fill(1, 990, -2), fill(2, 1000, 2, realized=dollars("-100"))), 1300, id="a short"
        ),
        pytest.param(
            (
                fill(1, 980, 1),
                fill(2, 981, 1, product=ENQ),
                fill(3, 1000, -1, realized=dollars("-60")),
                fill(4, 1000, -1, realized=dollars("-60"), product=ENQ),
            ),
            None,
            id="each contract by itself",
        ),
        pytest.param(
            (*trip(1, 999, "-60"), *trip(2, 1003, "-60")), None, id="each round trip by itself"
        ),
        pytest.param(
            (
                fill(1, 980, 2),
                fill(2, 990, -1, realized=dollars("-250")),
                fill(3, 1000, -1, realized=dollars("180")),
            ),
            None,
            id="what it won back counts",
        ),
    ],
)
def test_a_closing_is_from_flat_to_flat(fills: tuple[TradeSeen, ...], end: float | None) -> None:
    assert until(TIERS, fills, 1005) == end


@pytest.mark.parametrize(("fees", "end"), [(True, 1300), (False, None)])
def test_costs_count_if_the_account_says_so(*, fees: bool, end: float | None) -> None:
    fills = trip(1, 1000, "-99", fees=dollars("0.50"))

    assert until(TIERS, fills, 1000, include_fees=fees) == end


def test_a_position_from_the_day_before_is_judged_when_it_is_closed() -> None:
    carried = {MNQ.contract_id: 2}
    fills = (
        fill(1, 1000, -1, realized=dollars("-60")),
        fill(2, 1010, -1, realized=dollars("-60")),
    )
    session = Session(RULE, TIERS)

    assert session.until(day(carried=carried), 900) is None
    assert session.until(day(*fills[:1], carried=carried), 1000) is None
    assert session.until(day(*fills, carried=carried), 1010) == 1310


@pytest.mark.parametrize("lag", [0.05, 30.0])
def test_a_position_message_that_comes_first_or_late_changes_nothing(lag: float) -> None:
    opened, closed = trip(1, 1000, "-150")
    session = Session(RULE, TIERS)
    session.ask(day(), 900)

    session.ask(day(shows={MNQ.contract_id: 1}), 998 - lag)
    session.ask(day(opened), 998)
    session.ask(day(opened, shows={}), 1000 - 0.05)
    assert session.until(day(opened, closed), 1000) == 1300
    late = Session(RULE, TIERS)
    late.ask(day(opened), 998)
    assert late.until(day(opened, closed, shows={MNQ.contract_id: 1}), 1000) == 1300


def test_a_beginning_that_was_believed_wrongly_is_mended() -> None:
    """The first book lacked a fill: what followed would never have been flat again."""
    opened, closed = trip(1, 1000, "-150")
    session = Session(RULE, TIERS)

    session.ask(day(shows={MNQ.contract_id: 1}), 990)
    assert session.until(day(opened, closed), 1000) is None
    assert session.until(day(opened, closed), 1002) == 1300


def test_lesson_65_a_restart_keeps_the_cooldown_and_counts_no_closing_again() -> None:
    book = day(*trip(1, 1000, "-150"))
    before = Session(RULE, TIERS)
    before.ask(book, 1000)

    assert before.until(book, 1200) == 1300
    assert Session(RULE, TIERS).until(book, 1200) == 1300
    assert before.until(book, 1300) is None
    assert Session(RULE, TIERS).until(book, 1300) is None


def test_lesson_67_a_cooldown_goes_on_over_the_reset() -> None:
    session = Session(RULE, TIERS)
    session.ask(day(*trip(1, 1000, "-150")), 1000)

    assert session.until(day(day="2026-11-24"), 1200) == 1300
    assert session.until(day(day="2026-11-24"), 1300) is None


def test_a_breach_flattens_and_cools_down() -> None:
    judged = Session(RULE, TIERS).ask(day(*trip(1, 1000, "-150")), 1000)

    (breach,) = judged.breaches
    assert (breach.rule, breach.priority) == (NAME, Priority.COOLDOWN)
    assert breach.goals == (Goal(aim=Aim.FLATTEN),)
    assert breach.lock == LockRequest(kind=LockKind.COOLDOWN, until=at(1300))
    assert breach.why == (
        f"a round trip of {MNQ.contract_id} made -150.00, at or below -100.00: cool down for 5m"
    )
    assert judged.wake == Wake(Clock.WALL, at(1300))


def test_without_flatten_positions_stay() -> None:
    params = Params(flatten=False, basis=Basis.ORDER)

    (breach,) = Session(RULE, params).ask(day(*trip(1, 1000, "-150")), 1000).breaches

    assert breach.goals == ()
    assert breach.why.startswith("an order of ")


def test_the_figure_shown_is_the_last_closing() -> None:
    session = Session(RULE, TIERS)

    judged = session.ask(day(), 900)
    assert (judged.limit, judged.used) == (
        "-100.00 for 5m, -200.00 for 15m, -300.00 for 30m",
        "0.00",
    )
    assert session.ask(day(*trip(1, 1000, "-20.5")), 1000).used == "-20.50"


def test_an_unread_day_is_unknown_and_ends_no_cooldown() -> None:
    session = Session(RULE, TIERS)
    session.ask(day(*trip(1, 1000, "-150")), 1000)

    judged = session.ask(day(realized=None), 1100)
    assert judged.unknown == "the day's trades have not been read"
    assert ends(judged) == 1300
    assert session.until(day(*trip(1, 1000, "-150"), shows={}, known=False), 1100) == 1300


def test_it_hears_fills_and_positions() -> None:
    assert RULE.hears == Hears.FILLS | Hears.POSITIONS
    assert (RULE.code, RULE.priority) == ("RULE-007", Priority.COOLDOWN)


@pytest.mark.parametrize(
    ("tiers", "key"),
    [
        pytest.param({}, "tiers", id="none"),
        pytest.param({"5m": "100"}, "tiers.5m", id="a profit"),
        pytest.param({"5m": "0"}, "tiers.5m", id="zero"),
        pytest.param({"5m": "-0.00001"}, "tiers.5m", id="less than there is"),
        pytest.param({"5": "-100"}, "tiers.5", id="no unit"),
        pytest.param({"0s": "-100"}, "tiers.0s", id="no time"),
        pytest.param({"5m": "-200", "15m": "-100"}, "tiers.15m", id="longer for less"),
        pytest.param({"5m": "-100", "15m": "-100"}, "tiers.15m", id="longer for as much"),
        pytest.param({"60s": "-100", "1m": "-200"}, "tiers.1m", id="one time twice"),
    ],
)
def test_what_makes_no_sense_is_refused(tiers: dict[str, str], key: str) -> None:
    with pytest.raises(ValueError, match=rf"^{key}: "):
        Params(tiers={span: Decimal(loss) for span, loss in tiers.items()})


any_tiers = st.lists(st.integers(1, 300), min_size=1, max_size=3, unique=True).map(
    lambda found: {f"{n}m": Decimal(-loss) for n, loss in enumerate(sorted(found), start=1)}
)
any_params = st.builds(Params, tiers=any_tiers, basis=st.sampled_from(Basis), flatten=st.booleans())


@given(any_params, any_day())
def test_no_cooldown_ever_ends_earlier_i5(params: Params, fills: tuple[TradeSeen, ...]) -> None:
    session, end = Session(RULE, params), 0.0
    for number, one in enumerate(fills, start=1):
        found = session.until(day(*fills[:number]), one.at / SECOND)
        assert end <= one.at / SECOND or (found is not None and found >= end)
        end = found or end


@given(any_params.filter(lambda one: one.basis is Basis.ROUND_TRIP), any_day())
def test_told_one_by_one_or_at_once_after_a_restart_it_is_the_same_cooldown(
    params: Params, fills: tuple[TradeSeen, ...]
) -> None:
    session = Session(RULE, params)
    for number, one in enumerate(fills, start=1):
        session.ask(day(*fills[:number]), one.at / SECOND)
    now = fills[-1].at / SECOND if fills else 0

    assert session.until(day(*fills), now) == until(params, fills, now)


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(-400, 100)), max_size=8))
def test_it_cools_down_exactly_as_the_log_of_round_trips_says(
    log: list[tuple[int, int]],
) -> None:
    fills, now, end, worst = list[TradeSeen](), 1000, 0, 0
    for number, (gap, made) in enumerate(log, start=1):
        now += gap + 2
        fills += trip(number, now, str(made))
        span = next((s for loss, s in ((-300, 1800), (-200, 900), (-100, 300)) if made <= loss), 0)
        if span and (now >= end or made < worst):
            end, worst = max(end, now + span), made

    assert until(TIERS, tuple(fills), now) == (end if end > now else None)
    assert sum(one.realized or Usd(0) for one in fills) == sum(10_000 * made for _, made in log)
