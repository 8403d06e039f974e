"""RULE-003: end the day once it has lost the limit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.model.headroom import ANY_PRICE
from actors.model.ledger import Ledger
from actors.rules.daily_realized_loss import NAME, RULE, Params
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

LIMIT = Params(limit=Decimal(-500))
ALONE = Params(limit=Decimal(-500), combined=False)


@pytest.mark.parametrize(
    ("params", "realized", "holdings", "breached", "used"),
    [
        pytest.param(LIMIT, "0", [], False, "0.00", id="a quiet day"),
        pytest.param(LIMIT, "-499.9999", [], False, "-499.9999", id="a hair above the limit"),
        pytest.param(LIMIT, "-500", [], True, "-500.00", id="exactly at the limit"),
        pytest.param(LIMIT, "-500.01", [], True, "-500.01", id="below"),
        pytest.param(LIMIT, "2000", [], False, "2000.00", id="a good day"),
        pytest.param(
            LIMIT,
            "-494",
            [priced(MNQ, 2, "25900", "25898.75")],
            False,
            "-499.00",
            id="together, a tick above",
        ),
        pytest.param(
            LIMIT,
            "-494",
            [priced(MNQ, 2, "25900", "25898.50")],
            True,
            "-500.00",
            id="together, exactly at the limit",
        ),
        pytest.param(
            LIMIT,
            "-494",
            [priced(MNQ, -2, "25900", "25901.50")],
            True,
            "-500.00",
            id="together, short",
        ),
        pytest.param(
            LIMIT,
            "-494",
            [priced(MNQ, -2, "25900", "25898.50")],
            False,
            "-488.00",
            id="a short that gains",
        ),
        pytest.param(
            LIMIT,
            "-300",
            [priced(ES, 1, "6000", "5997.50"), priced(MNQ, 5, "26000", "25992.50")],
            True,
            "-500.00",
            id="two positions lose together",
        ),
        pytest.param(
            LIMIT,
            "-400",
            [priced(ES, 1, "6000", "5996.00"), priced(MNQ, 5, "26000", "26010.25")],
            False,
            "-497.50",
            id="one makes good for the other",
        ),
        pytest.param(
            LIMIT,
            "-520",
            [priced(MNQ, 5, "26000", "26100")],
            True,
            "-520.00",
            id="an open profit excuses no realized loss",
        ),
        pytest.param(
            ALONE,
            "-494",
            [priced(MNQ, 2, "25900", "25800")],
            False,
            "-494.00",
            id="combined off: open losses do not count",
        ),
        pytest.param(ALONE, "-500", [], True, "-500.00", id="combined off, at the limit"),
        pytest.param(
            LIMIT,
            "-500",
            [priced(MNQ, 1, "25900", None)],
            True,
            "-500.00",
            id="at the limit, whatever the unknown price",
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

    assert (bool(judged.breaches), judged.limit, judged.used) == (breached, "-500.00", used)
    assert judged.unknown is None


def test_a_breach_flattens_everything_and_locks_until_the_reset() -> None:
    breach = judge(RULE, LIMIT, view(realized=dollars("-500"))).breaches[0]

    assert (breach.rule, breach.priority) == (NAME, Priority.HARD_LOCKOUT)
    assert breach.goals == (Goal(aim=Aim.FLATTEN),)
    assert breach.lock == LockRequest(kind=LockKind.HARD, until=RESET, scope=None)
    assert breach.why == "realized -500.00 is at or below -500.00"


@pytest.mark.parametrize(
    ("realized", "holdings"),
    [
        pytest.param(None, [], id="trades have not been read"),
        pytest.param(None, [priced(MNQ, 1, "25900", "1")], id="nor does an open loss decide"),
        pytest.param(Usd(0), [priced(MNQ, 1, "25900", None)], id="no price"),
        pytest.param(Usd(0), [priced(MNQ, 1, "25900", "25900", known=False)], id="no tick value"),
        pytest.param(
            Usd(0),
            [priced(MNQ, 1, "25900", None), priced(ES, 1, "6000", "6000")],
            id="one price of two",
        ),
    ],
)
def test_what_cannot_be_judged_is_unknown_and_never_content(
    realized: Usd | None, holdings: list[Holding]
) -> None:
    judged = judge(RULE, LIMIT, view(*holdings, realized=realized))

    assert judged.unknown
    assert judged.breaches == ()


def test_it_asks_again_at_the_first_price_there_is() -> None:
    blind = view(priced(MNQ, 1, "25900", None), priced(ES, -1, "6000", "6000"))

    assert judge(RULE, LIMIT, blind).triggers == (
        Trigger(contract_id=ES, short=True, low=ANY_PRICE),
        Trigger(contract_id=MNQ, short=False, low=ANY_PRICE),
    )


def test_an_unvalued_contract_rests_nothing_until_its_record_comes() -> None:
    blind = view(priced(MNQ, 1, "25900", "25900", known=False))

    assert judge(RULE, LIMIT, blind).triggers == ()


@pytest.mark.parametrize(
    ("params", "realized", "holdings", "rested"),
    [
        pytest.param(LIMIT, "0", [], {}, id="flat"),
        pytest.param(ALONE, "0", [priced(MNQ, 2, "25900", "25900")], {}, id="combined off"),
        pytest.param(
            LIMIT, "0", [priced(MNQ, 2, "25900", "25900")], {MNQ: "25775"}, id="all is left"
        ),
        pytest.param(
            LIMIT, "0", [priced(MNQ, 2, "25900", "25850")], {MNQ: "25775"}, id="wherever it is now"
        ),
        pytest.param(
            LIMIT, "-494", [priced(MNQ, 2, "25900", "25900")], {MNQ: "25898.50"}, id="little left"
        ),
        pytest.param(
            LIMIT, "100", [priced(MNQ, 2, "25900", "25900")], {MNQ: "25750"}, id="more than all"
        ),
        pytest.param(
            LIMIT, "0", [priced(MNQ, -2, "25900", "25900")], {MNQ: "26025"}, id="a short rests high"
        ),
        pytest.param(
            LIMIT,
            "0",
            [priced(MNQ, 2, "25900", "25900"), priced(ES, -1, "6000", "6000")],
            {MNQ: "25837.50", ES: "6005"},
            id="two share what is left",
        ),
        pytest.param(
            LIMIT,
            "0",
            [priced(MNQ, 2, "25900", "25925"), priced(ES, -1, "6000", "6000")],
            {MNQ: "25850", ES: "6006"},
            id="an open profit is shared too",
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
        beyond = Price(wanted + (tick if not one.short else -tick))
        assert reaches(one, wanted), "the very price is a crossing"
        assert not reaches(one, beyond), "a tick better is none"


def test_a_breach_rests_no_trigger() -> None:
    lost = view(priced(MNQ, 2, "25900", "25000"))

    judged = judge(RULE, LIMIT, lost)
    assert judged.breaches
    assert judged.triggers == ()


@pytest.mark.parametrize(("include_fees", "breached"), [(True, True), (False, False)])
def test_costs_can_tip_the_day(*, include_fees: bool, breached: bool) -> None:
    ledger = Ledger(started=Nanos(0)).book(lost("-499.30", fees="0.50", commissions="0.20"))
    realized = ledger.realized(include_fees=include_fees)

    assert bool(judge(RULE, LIMIT, view(realized=realized)).breaches) is breached


def test_with_an_exit_that_was_not_told_yet_only_closed_trades_are_sure() -> None:
    rest = priced(MNQ, 2, "25900", "25640")
    judged = judge(RULE, LIMIT, replace(view(rest), untold=(ES,)))
    assert judged.breaches == ()
    assert judged.unknown == f"what was closed of {ES} has not been told yet"

    (breach,) = judge(RULE, LIMIT, replace(view(realized=dollars("-500")), untold=(ES,))).breaches
    assert breach.lock is not None
    assert judge(RULE, LIMIT, view(rest)).breaches != ()


def test_it_hears_trades_positions_and_prices() -> None:
    assert RULE.hears == Hears.LEDGER | Hears.POSITIONS | Hears.PRICES


@pytest.mark.parametrize("limit", ["0", "1", "NaN", "-Infinity", "-500.00001"])
def test_a_limit_that_is_no_loss_is_refused(limit: str) -> None:
    with pytest.raises(ValueError, match=r"^limit: "):
        Params(limit=Decimal(limit))


def lost(realized: str, *, fees: str, commissions: str) -> TradeSeen:
    return TradeSeen(
        account_id=ACCOUNT,
        trade_id=TradeId(1),
        contract_id=MNQ,
        order_id=OrderId(1),
        side=Side.SELL,
        size=1,
        price=price("25900"),
        realized=dollars(realized),
        fees=dollars(fees),
        commissions=dollars(commissions),
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
any_limit = st.integers(1, 20_000_000).map(lambda cents: Params(limit=Decimal(-cents) / 10_000))


@given(any_limit, any_money, any_book)
def test_no_move_of_any_prices_reaches_the_limit_without_reaching_a_trigger(
    params: Params, realized: Usd, book: tuple[tuple[Holding, Price], ...]
) -> None:
    before = judge(RULE, params, view(*(one for one, _ in book), realized=realized))
    moved = [holding(one.contract_id, one.size, one.average, mark) for one, mark in book]
    after = judge(RULE, params, view(*moved, realized=realized))
    marks = {one.contract_id: mark for one, mark in book}

    heard = any(reaches(trigger, marks[trigger.contract_id]) for trigger in before.triggers)
    assert before.breaches or heard or not after.breaches


@given(any_limit, any_money, any_position(MNQ))
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


@given(any_limit, any_money, any_book)
def test_it_breaches_exactly_when_the_sum_is_at_or_below_the_limit(
    params: Params, realized: Usd, book: tuple[tuple[Holding, Price], ...]
) -> None:
    worths = [one.unrealized for one, _ in book if one.unrealized is not None]
    limit = params.limit * 10_000

    judged = judge(RULE, params, view(*(one for one, _ in book), realized=realized))
    assert bool(judged.breaches) is (min(realized, realized + sum(worths)) <= limit)
