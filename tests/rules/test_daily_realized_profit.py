"""RULE-013: end the day once it has made the target."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.headroom import ANY_PRICE
from actors.model.ledger import Ledger
from actors.rules.daily_realized_loss import RULE as MIRROR
from actors.rules.daily_realized_loss import Params as MirrorParams
from actors.rules.daily_realized_profit import NAME, RULE, Params
from actors.rules.rule import Hears
from protocol.account_facts import Side, TradeSeen
from protocol.book import Holding
from protocol.enforcement import Aim, Goal, Priority
from protocol.lockouts import LockKind, LockRequest
from protocol.market_facts import Trigger
from protocol.units import ContractId, Nanos, OrderId, Price, TradeId, Usd
from tests.rules.books import (
    ACCOUNT,
    ES,
    MNQ,
    NQ,
    RESET,
    RTY,
    dollars,
    holding,
    instrument,
    judge,
    price,
    priced,
    view,
)

TARGET = Params(target=Decimal(500))
ALONE = Params(target=Decimal(500), combined=False)


@pytest.mark.parametrize(
    ("params", "realized", "holdings", "breached", "used"),
    [
        pytest.param(TARGET, "0", [], False, "0.00", id="a quiet day"),
        pytest.param(TARGET, "499.9999", [], False, "499.9999", id="a hair below the target"),
        pytest.param(TARGET, "500", [], True, "500.00", id="exactly at the target"),
        pytest.param(TARGET, "500.01", [], True, "500.01", id="above"),
        pytest.param(TARGET, "-2000", [], False, "-2000.00", id="a bad day"),
        pytest.param(
            TARGET,
            "494",
            [priced(MNQ, 2, "25900", "25901.25")],
            False,
            "499.00",
            id="together, a tick below",
        ),
        pytest.param(
            TARGET,
            "494",
            [priced(MNQ, 2, "25900", "25901.50")],
            True,
            "500.00",
            id="together, exactly at the target",
        ),
        pytest.param(
            TARGET,
            "494",
            [priced(MNQ, -2, "25900", "25898.50")],
            True,
            "500.00",
            id="together, short",
        ),
        pytest.param(
            TARGET,
            "494",
            [priced(MNQ, -2, "25900", "25901.50")],
            False,
            "488.00",
            id="a short that loses",
        ),
        pytest.param(
            TARGET,
            "300",
            [priced(ES, 1, "6000", "6002.50"), priced(MNQ, 5, "26000", "26007.50")],
            True,
            "500.00",
            id="two positions win together",
        ),
        pytest.param(
            TARGET,
            "400",
            [priced(ES, 1, "6000", "6004.00"), priced(MNQ, 5, "26000", "25989.75")],
            False,
            "497.50",
            id="one costs what the other makes",
        ),
        pytest.param(
            TARGET,
            "520",
            [priced(MNQ, 5, "26000", "25900")],
            True,
            "520.00",
            id="an open loss hides no realized profit",
        ),
        pytest.param(
            TARGET,
            "-200",
            [priced(ES, 1, "6000", "6014")],
            True,
            "500.00",
            id="an open profit makes good a lost morning, and more",
        ),
        pytest.param(
            ALONE,
            "494",
            [priced(MNQ, 2, "25900", "26900")],
            False,
            "494.00",
            id="combined off: open profits do not count",
        ),
        pytest.param(ALONE, "500", [], True, "500.00", id="combined off, at the target"),
        pytest.param(
            ALONE,
            "0",
            [priced(MNQ, 2, "25900", None)],
            False,
            "0.00",
            id="combined off: no price is needed",
        ),
        pytest.param(
            TARGET,
            "500",
            [priced(MNQ, 1, "25900", None)],
            True,
            "500.00",
            id="at the target, whatever the unknown price",
        ),
    ],
)
def test_the_day_is_judged(
    params: Params,
    realized: str,
    holdings: list[Holding],
    breached: bool,  # noqa: FBT001 - a column
    used: str,
) -> None:
    judged = judge(RULE, params, view(*holdings, realized=dollars(realized)))

    assert (bool(judged.breaches), judged.limit, judged.used) == (breached, "500.00", used)
    assert judged.unknown is None


@pytest.mark.parametrize(
    ("realized", "holdings", "why"),
    [
        pytest.param("500", [], "realized 500.00 is at or above 500.00", id="closed"),
        pytest.param(
            "480",
            [priced(MNQ, 2, "25900", "25905")],
            "realized 480.00 and unrealized 20.00 are 500.00, at or above 500.00",
            id="together",
        ),
    ],
)
def test_a_breach_flattens_everything_and_locks_until_the_reset(
    realized: str, holdings: list[Holding], why: str
) -> None:
    breach = judge(RULE, TARGET, view(*holdings, realized=dollars(realized))).breaches[0]

    assert (breach.rule, breach.priority) == (NAME, Priority.HARD_LOCKOUT)
    assert breach.goals == (Goal(aim=Aim.FLATTEN),)
    assert breach.lock == LockRequest(kind=LockKind.HARD, until=RESET, scope=None)
    assert breach.why == why


@pytest.mark.parametrize(
    ("realized", "holdings"),
    [
        pytest.param(None, [], id="trades have not been read"),
        pytest.param(None, [priced(MNQ, 1, "25900", "29000")], id="nor does an open profit decide"),
        pytest.param(Usd(0), [priced(MNQ, 1, "25900", None)], id="no price"),
        pytest.param(Usd(0), [priced(MNQ, 1, "25900", "25900", known=False)], id="no tick value"),
        pytest.param(
            Usd(0),
            [priced(MNQ, 1, "25900", None), priced(ES, 1, "6000", "6100")],
            id="one price of two",
        ),
    ],
)
def test_what_cannot_be_judged_is_unknown_and_never_content(
    realized: Usd | None, holdings: list[Holding]
) -> None:
    judged = judge(RULE, TARGET, view(*holdings, realized=realized))

    assert judged.unknown
    assert judged.breaches == ()


def test_it_asks_again_at_the_first_price_there_is() -> None:
    blind = view(priced(MNQ, 1, "25900", None), priced(ES, -1, "6000", "6000"))

    assert judge(RULE, TARGET, blind).triggers == (
        Trigger(contract_id=ES, short=True, low=ANY_PRICE),
        Trigger(contract_id=MNQ, short=False, low=ANY_PRICE),
    )


def test_an_unvalued_contract_rests_nothing_until_its_record_comes() -> None:
    blind = view(priced(MNQ, 1, "25900", "25900", known=False))

    assert judge(RULE, TARGET, blind).triggers == ()


@pytest.mark.parametrize(
    ("params", "realized", "holdings", "rested"),
    [
        pytest.param(TARGET, "0", [], {}, id="flat"),
        pytest.param(ALONE, "0", [priced(MNQ, 2, "25900", "25900")], {}, id="combined off"),
        pytest.param(
            TARGET, "0", [priced(MNQ, 2, "25900", "25900")], {MNQ: "26025"}, id="all is left"
        ),
        pytest.param(
            TARGET, "0", [priced(MNQ, 2, "25900", "25950")], {MNQ: "26025"}, id="wherever it is now"
        ),
        pytest.param(
            TARGET, "494", [priced(MNQ, 2, "25900", "25900")], {MNQ: "25901.50"}, id="little left"
        ),
        pytest.param(
            TARGET, "-100", [priced(MNQ, 2, "25900", "25900")], {MNQ: "26050"}, id="more than all"
        ),
        pytest.param(
            TARGET, "0", [priced(MNQ, -2, "25900", "25900")], {MNQ: "25775"}, id="a short rests low"
        ),
        pytest.param(
            TARGET,
            "0",
            [priced(MNQ, 2, "25900", "25900"), priced(ES, -1, "6000", "6000")],
            {MNQ: "25962.50", ES: "5995"},
            id="two share what is left",
        ),
        pytest.param(
            TARGET,
            "0",
            [priced(MNQ, 2, "25900", "25875"), priced(ES, -1, "6000", "6000")],
            {MNQ: "25950", ES: "5994"},
            id="an open loss is shared too",
        ),
    ],
)
def test_triggers_rest_where_the_shares_are_used_up(
    params: Params, realized: str, holdings: list[Holding], rested: dict[ContractId, str]
) -> None:
    judged = judge(RULE, params, view(*holdings, realized=dollars(realized)))

    assert {one.contract_id for one in judged.triggers} == set(rested)
    for one in judged.triggers:
        wanted = price(rested[one.contract_id])
        tick = instrument(one.contract_id).tick_size
        short_of = Price(wanted + tick if one.short else wanted - tick)
        assert reaches(one, wanted), "the very price is a crossing"
        assert not reaches(one, short_of), "a tick short of it is none"


def test_a_breach_rests_no_trigger() -> None:
    judged = judge(RULE, TARGET, view(priced(MNQ, 2, "25900", "26900")))

    assert judged.breaches
    assert judged.triggers == ()


@pytest.mark.parametrize(("include_fees", "breached"), [(True, False), (False, True)])
def test_costs_can_keep_the_day_from_its_target(*, include_fees: bool, breached: bool) -> None:
    ledger = Ledger(started=Nanos(0)).book(made("500.69", fees="0.50", commissions="0.20"))
    realized = ledger.realized(include_fees=include_fees)

    assert bool(judge(RULE, TARGET, view(realized=realized)).breaches) is breached


def test_a_voided_profit_does_not_count() -> None:
    trade = made("600", fees="0", commissions="0")
    ledger = Ledger(started=Nanos(0)).book(trade)
    assert judge(RULE, TARGET, view(realized=ledger.realized(include_fees=True))).breaches

    ledger = ledger.book(made("600", fees="0", commissions="0", voided=True))
    assert not judge(RULE, TARGET, view(realized=ledger.realized(include_fees=True))).breaches


def test_profit_and_loss_read_one_ledger() -> None:
    """Lesson 45: two rules each added a trade to the one ledger, and it counted twice."""
    ledger = Ledger(started=Nanos(0))
    for number, realized in enumerate(("260", "-10", "249.99")):
        ledger = ledger.book(made(realized, fees="0", commissions="0", number=number))
    book = view(realized=ledger.realized(include_fees=True))

    shown = {judge(RULE, TARGET, book).used, judge(MIRROR, MIRRORED, book).used}
    assert shown == {"499.99"}


def test_both_can_be_far_from_their_amounts_and_rest_on_either_side() -> None:
    book = view(priced(MNQ, 2, "25900", "25900"))
    rested = (*judge(RULE, TARGET, book).triggers, *judge(MIRROR, MIRRORED, book).triggers)

    assert rested == (
        Trigger(contract_id=MNQ, short=False, high=rested[0].high),
        Trigger(contract_id=MNQ, short=False, low=rested[1].low),
    )


def test_with_an_exit_that_was_not_told_yet_only_closed_trades_are_sure() -> None:
    rest = priced(MNQ, 2, "25900", "26160")
    judged = judge(RULE, TARGET, replace(view(rest), untold=(ES,)))
    assert judged.breaches == ()
    assert judged.unknown == f"what was closed of {ES} has not been told yet"

    (breach,) = judge(RULE, TARGET, replace(view(realized=dollars("500")), untold=(ES,))).breaches
    assert breach.lock is not None
    assert judge(RULE, TARGET, view(rest)).breaches != ()


def test_it_hears_trades_positions_and_prices() -> None:
    assert RULE.hears == Hears.LEDGER | Hears.POSITIONS | Hears.PRICES
    assert (RULE.code, RULE.priority) == ("RULE-013", Priority.HARD_LOCKOUT)


@pytest.mark.parametrize("target", ["0", "-1", "NaN", "sNaN", "Infinity", "500.00001"])
def test_a_target_that_is_no_profit_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"^target: "):
        Params(target=Decimal(target))


MIRRORED = MirrorParams(limit=Decimal(-500))


def made(
    realized: str, *, fees: str, commissions: str, number: int = 1, voided: bool = False
) -> TradeSeen:
    return TradeSeen(
        account_id=ACCOUNT,
        trade_id=TradeId(number),
        contract_id=MNQ,
        order_id=OrderId(1),
        side=Side.SELL,
        size=1,
        price=price("25900"),
        realized=dollars(realized),
        fees=dollars(fees),
        commissions=dollars(commissions),
        voided=voided,
        at=Nanos(1),
    )


def reaches(trigger: Trigger, mark: Price) -> bool:
    low = trigger.low is not None and mark <= trigger.low
    return low or (trigger.high is not None and mark >= trigger.high)


prices = st.integers(1, 60_000_000_000_000).map(Price)
ticks = st.integers(-2_000, 2_000)


@st.composite
def any_position(draw: st.DrawFn, contract_id: ContractId) -> tuple[Holding, Price]:
    """Draw a position at one mark, and another mark that the market moves to."""
    size = draw(st.integers(-9, 9).filter(bool))
    average, tick = Price(draw(prices) + 10**12), instrument(contract_id).tick_size
    mark, moved = (Price(average + draw(ticks) * tick + draw(st.integers(0, 9))) for _ in "ab")
    return holding(contract_id, size, average, mark), moved


any_book = st.sets(st.sampled_from((MNQ, NQ, ES, RTY)), min_size=1).flatmap(
    lambda held: st.tuples(*map(any_position, sorted(held)))
)
any_money = st.integers(-30_000_000, 30_000_000).map(Usd)
any_target = st.integers(1, 20_000_000).map(lambda parts: Params(target=Decimal(parts) / 10_000))


@given(any_target, any_money, any_book)
def test_no_move_of_any_prices_reaches_the_target_without_reaching_a_trigger(
    params: Params, realized: Usd, book: tuple[tuple[Holding, Price], ...]
) -> None:
    before = judge(RULE, params, view(*(one for one, _ in book), realized=realized))
    moved = [holding(one.contract_id, one.size, one.average, mark) for one, mark in book]
    after = judge(RULE, params, view(*moved, realized=realized))
    marks = {one.contract_id: mark for one, mark in book}

    heard = any(reaches(trigger, marks[trigger.contract_id]) for trigger in before.triggers)
    assert before.breaches or heard or not after.breaches


@given(any_target, any_money, any_position(MNQ))
def test_of_one_position_the_trigger_is_exact(
    params: Params, realized: Usd, book: tuple[Holding, Price]
) -> None:
    one, mark = book
    before = judge(RULE, params, view(one, realized=realized))
    if before.breaches:
        return
    moved = holding(one.contract_id, one.size, one.average, mark)
    after = judge(RULE, params, view(moved, realized=realized))

    assert reaches(before.triggers[0], mark) is bool(after.breaches)


@given(any_target, any_money, any_book)
def test_it_breaches_exactly_when_the_sum_is_at_or_above_the_target(
    params: Params, realized: Usd, book: tuple[tuple[Holding, Price], ...]
) -> None:
    worths = [one.unrealized for one, _ in book if one.unrealized is not None]
    target = params.target * 10_000

    judged = judge(RULE, params, view(*(one for one, _ in book), realized=realized))
    assert bool(judged.breaches) is (max(realized, realized + sum(worths)) >= target)


@given(any_target, any_money, any_book)
def test_it_is_the_loss_rule_of_the_opposite_day(
    params: Params, realized: Usd, book: tuple[tuple[Holding, Price], ...]
) -> None:
    opposite = [holding(one.contract_id, -one.size, one.average, one.mark) for one, _ in book]
    mirrored = MirrorParams(limit=-params.target)

    judged = judge(RULE, params, view(*(one for one, _ in book), realized=realized))
    mirror = judge(MIRROR, mirrored, view(*opposite, realized=Usd(-realized)))
    assert bool(judged.breaches) is bool(mirror.breaches)
