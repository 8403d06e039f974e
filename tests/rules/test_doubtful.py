"""Which breaches want a second price: those that close an account on one that may be wrong."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from actors.model.money import unrealized
from actors.rules import (
    daily_realized_loss,
    daily_realized_profit,
    daily_unrealized_loss,
    max_unrealized_profit,
)
from actors.rules.daily_unrealized_loss import Scope
from actors.rules.rule import AnyRule, RuleParams
from protocol.book import Holding
from protocol.units import Usd
from tests.rules.books import ES, MNQ, dollars, judge, price, priced, view

LOSS = daily_realized_loss.Params(limit=Decimal(-200))
PROFIT = daily_realized_profit.Params(target=Decimal(200))
WHOLE = daily_unrealized_loss.Params(limit=Decimal(-200), scope=Scope.ACCOUNT)
ONE = daily_unrealized_loss.Params(limit=Decimal(-200))
TARGET = max_unrealized_profit.Params(target=Decimal(200))


def held(mark: str, low: str, high: str, size: int = 2) -> Holding:
    """Return MNQ from 21000 at a mark, with the lowest and highest of bid, ask and last trade."""
    one = priced(MNQ, size, "21000", mark)
    assert one.instrument is not None
    ends = [unrealized(one.instrument, size, one.average, price(text)) for text in (low, high)]
    return replace(one, least=min(ends), most=max(ends))


def doubtful(rule: AnyRule, params: RuleParams, *holdings: Holding, realized: str = "0") -> bool:
    (breach,) = judge(rule, params, view(*holdings, realized=dollars(realized))).breaches
    return breach.doubtful


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param("20949.75", "20950", False, id="all three at the limit or beyond"),
        pytest.param("20950", "20950.25", True, id="the ask is one tick short of it"),
        pytest.param("20500", "21000", True, id="one absurd price among good ones"),
    ],
)
@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_003_doubts_a_combined_breach_that_not_all_prices_bear_out(
    low: str,
    high: str,
    expected: bool,  # noqa: FBT001 - a column
    side: int,
) -> None:
    def turned(text: str) -> str:
        return text if side > 0 else str(42_000 - Decimal(text))

    one = held(turned("20950"), turned(low), turned(high), 2 * side)
    assert doubtful(daily_realized_loss.RULE, LOSS, one) is expected
    assert doubtful(daily_unrealized_loss.RULE, WHOLE, one) is expected
    assert not doubtful(daily_unrealized_loss.RULE, ONE, one), "one position acts at once"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [("21050", "21050.25", False), ("21049.75", "21050", True), ("21000", "21500", True)],
)
def test_013_is_the_mirror(low: str, high: str, expected: bool) -> None:  # noqa: FBT001
    one = held("21050", low, high)
    assert doubtful(daily_realized_profit.RULE, PROFIT, one) is expected
    assert not doubtful(max_unrealized_profit.RULE, TARGET, one)


def test_closed_trades_alone_are_never_doubtful() -> None:
    absurd = held("20500", "20500", "21000")

    assert not doubtful(daily_realized_loss.RULE, LOSS, absurd, realized="-200")
    assert not doubtful(daily_realized_profit.RULE, PROFIT, absurd, realized="200")


def test_what_is_realized_is_counted_with_the_best_of_the_prices() -> None:
    one = held("20975", "20974.75", "20975.25")  # -100.00, at best -99.00

    assert doubtful(daily_realized_loss.RULE, LOSS, one, realized="-100")
    assert not doubtful(daily_realized_loss.RULE, LOSS, one, realized="-101")


def test_every_contract_must_bear_it_out() -> None:
    sure, unsure = held("20960", "20959.75", "20960"), priced(ES, 1, "6000", "5999")
    assert unsure.least is None, "not all of its three prices are known"

    assert doubtful(daily_realized_loss.RULE, LOSS, sure, unsure)
    known = replace(unsure, least=Usd(-500_000), most=Usd(-400_000))
    assert not doubtful(daily_realized_loss.RULE, LOSS, sure, known)
