"""Valuation against figures that were traded, and the prices at which limits are reached."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.model.money import half_even, loss_price, profit_price, unrealized
from protocol.account_facts import Instrument
from protocol.units import PRICE, ContractId, Price, Usd, usd


def price(text: str) -> Price:
    return Price(round(Decimal(text) * PRICE))


def dollars(text: str) -> Usd:
    return usd(Decimal(text))


def instrument(root: str, tick_size: str, tick_value: str) -> Instrument:
    return Instrument(
        contract_id=ContractId(f"CON.F.US.{root}.Z25"),
        root=root,
        name=f"{root}Z5",
        tick_size=price(tick_size),
        tick_value=dollars(tick_value),
    )


PRODUCTS = {
    one.root: one
    for one in (
        instrument("MNQ", "0.25", "0.50"),
        instrument("ENQ", "0.25", "5.00"),
        instrument("MES", "0.25", "1.25"),
        instrument("EP", "0.25", "12.50"),
        instrument("M2K", "0.10", "0.50"),
        instrument("RTY", "0.10", "5.00"),
        instrument("MYM", "1", "0.50"),
        instrument("YM", "1", "5.00"),
        instrument("CLE", "0.01", "10.00"),
        instrument("GCE", "0.10", "10.00"),
        instrument("ZF", "0.0078125", "7.8125"),
    )
}


@pytest.mark.parametrize(
    ("root", "size", "entry", "mark", "gain"),
    [
        ("MNQ", 2, "25900.00", "25898.25", "-7.00"),
        ("MNQ", 1, "25935.50", "25926.50", "-18.00"),
        ("MNQ", 5, "25924.50", "25925.50", "10.00"),
        ("MNQ", 4, "25925.50", "25922.75", "-22.00"),
        ("MNQ", 4, "26258.50", "26254.75", "-30.00"),
        ("ENQ", 1, "26232.50", "26231.50", "-20.00"),
        ("MNQ", -1, "26000.00", "26010.00", "-20.00"),
        ("MNQ", 2, "21000.00", "20970.00", "-120.00"),
        ("EP", 1, "6000.00", "6010.00", "500.00"),
        ("EP", -1, "5800.00", "5790.00", "500.00"),
        ("RTY", 3, "2400.0", "2399.9", "-15.00"),
        ("MNQ", 3, "26000.083333333333333", "26000.25", "1.00"),
        ("MNQ", 1, "26233.25", "26233.75", "1.00"),
        ("MES", -2, "5800.00", "5799.75", "2.50"),
        ("M2K", 1, "2400.0", "2400.1", "0.50"),
        ("MYM", 1, "42000", "42001", "0.50"),
        ("YM", -1, "42000", "42001", "-5.00"),
        ("CLE", 1, "70.00", "70.01", "10.00"),
        ("GCE", -1, "2650.0", "2649.9", "10.00"),
        ("ZF", 1, "107.5", "107.5078125", "7.8125"),
        ("CLE", 1, "1.00", "-37.63", "-38630.00"),
        ("MNQ", 7, "26000.00", "26000.00", "0.00"),
    ],
)
def test_a_position_is_worth_what_was_booked(
    root: str, size: int, entry: str, mark: str, gain: str
) -> None:
    assert unrealized(PRODUCTS[root], size, price(entry), price(mark)) == dollars(gain)


@pytest.mark.parametrize(
    ("root", "size", "entry", "limit", "at"),
    [
        ("MNQ", 2, "21000.00", "-120.00", "20970.00"),
        ("EP", 1, "6000.00", "-500.00", "5990.00"),
        ("EP", -1, "5800.00", "-500.00", "5810.00"),
        ("RTY", 3, "2400.0", "-15.00", "2399.9"),
    ],
)
def test_a_loss_is_reached_on_its_tick_and_not_one_tick_before(
    root: str, size: int, entry: str, limit: str, at: str
) -> None:
    product = PRODUCTS[root]
    nearer = Price(price(at) + (1 if size > 0 else -1) * product.tick_size)

    trigger = loss_price(product, size, price(entry), dollars(limit))

    # Half of the last digit of money lies between the tick and the trigger.
    assert abs(trigger - price(at)) < product.tick_size // 100
    assert unrealized(product, size, price(entry), price(at)) == dollars(limit)
    assert unrealized(product, size, price(entry), nearer) > dollars(limit)


sizes = st.integers(-500, 500).filter(bool)
prices = st.integers(-100 * PRICE, 100_000 * PRICE).map(Price)
amounts = st.integers(-10_000_000_000, 10_000_000_000).map(Usd)
products = st.sampled_from(list(PRODUCTS.values())) | st.builds(
    Instrument,
    contract_id=st.just(ContractId("CON.F.US.ODD.Z25")),
    root=st.just("ODD"),
    name=st.just("ODDZ5"),
    tick_size=st.integers(1, 50).map(Price),
    tick_value=st.integers(1, 50).map(Usd),
)


@given(products, sizes, prices, prices)
def test_a_value_is_the_exact_one_rounded_once(
    product: Instrument, size: int, average: Price, mark: Price
) -> None:
    exact = Fraction(mark - average, product.tick_size) * product.tick_value * size

    assert unrealized(product, size, average, mark) == round(exact)


@given(products, sizes, prices, amounts)
@example(PRODUCTS["MNQ"], -1, price("26000"), Usd(0))
def test_at_the_loss_price_the_limit_is_reached_and_one_unit_nearer_it_is_not(
    product: Instrument, size: int, average: Price, limit: Usd
) -> None:
    at = loss_price(product, size, average, limit)
    nearer = Price(at + (1 if size > 0 else -1))

    assert unrealized(product, size, average, at) <= limit
    assert unrealized(product, size, average, nearer) > limit


@given(products, sizes, prices, amounts)
@example(PRODUCTS["MNQ"], -1, price("26000"), Usd(0))
def test_at_the_profit_price_the_target_is_reached_and_one_unit_nearer_it_is_not(
    product: Instrument, size: int, average: Price, target: Usd
) -> None:
    at = profit_price(product, size, average, target)
    nearer = Price(at - (1 if size > 0 else -1))

    assert unrealized(product, size, average, at) >= target
    assert unrealized(product, size, average, nearer) < target


@given(sizes, prices, prices, st.integers(0, PRICE))
def test_a_price_further_in_favour_is_never_worth_less(
    size: int, average: Price, mark: Price, further: int
) -> None:
    better = Price(mark + further if size > 0 else mark - further)
    product = PRODUCTS["CLE"]

    assert unrealized(product, size, average, better) >= unrealized(product, size, average, mark)


@given(sizes, prices, prices)
def test_long_and_short_mirror_each_other(size: int, average: Price, mark: Price) -> None:
    product = PRODUCTS["MNQ"]

    assert unrealized(product, size, average, mark) == -unrealized(product, -size, average, mark)


@given(st.integers(), st.integers(min_value=1))
def test_half_even_is_the_rounding_of_the_banks(numerator: int, denominator: int) -> None:
    assert half_even(numerator, denominator) == round(Fraction(numerator, denominator))
