"""Resting triggers against a naive search through all of them."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.quotes import Prices
from actors.model.triggers import TRIGGERS_MAX, Owner, TriggerBook
from protocol.market_facts import MarkSource, Trigger
from protocol.units import AccountId, ContractId, Price, RuleName

MNQ, ENQ = ContractId("CON.F.US.MNQ.Z25"), ContractId("CON.F.US.ENQ.Z25")


def owner(number: int, rule: str = "daily_unrealized_loss") -> Owner:
    return Owner(AccountId(number), RuleName(rule))


def trigger(
    *,
    low: int | None = None,
    high: int | None = None,
    short: bool = False,
    contract: ContractId = MNQ,
) -> Trigger:
    return Trigger(
        contract_id=contract,
        short=short,
        low=None if low is None else Price(low),
        high=None if high is None else Price(high),
    )


def at(
    last: int | None = None, mid: int | None = None, bid: int | None = None, ask: int | None = None
) -> Prices:
    return Prices(*(None if one is None else Price(one) for one in (last, mid, bid, ask)))


def rested(
    *triggers: Trigger, source: MarkSource = MarkSource.LAST, number: int = 1
) -> TriggerBook:
    return TriggerBook().rest(owner(number), triggers, source)


@pytest.mark.parametrize(
    ("price", "crosses"),
    [(99, True), (100, True), (101, False), (199, False), (200, True), (201, True)],
)
def test_a_trigger_is_crossed_at_or_below_its_low_and_at_or_above_its_high(
    price: int,
    crosses: bool,  # noqa: FBT001 - a column
) -> None:
    book = rested(trigger(low=100, high=200))

    assert (book.crossed(MNQ, at(last=price)) == (owner(1),)) is crosses


@pytest.mark.parametrize(
    ("source", "short", "now"),
    [
        (MarkSource.LAST, False, at(last=100)),
        (MarkSource.LAST, True, at(last=100)),
        (MarkSource.MID, False, at(mid=100)),
        (MarkSource.MID, True, at(mid=100)),
        (MarkSource.EXIT_SIDE, False, at(bid=100)),
        (MarkSource.EXIT_SIDE, True, at(ask=100)),
    ],
)
def test_a_trigger_hears_the_series_that_values_its_positions(
    source: MarkSource,
    short: bool,  # noqa: FBT001 - a column
    now: Prices,
) -> None:
    book = rested(trigger(low=100, short=short), source=source)
    deaf = Prices(*(Price(100) if one is None else None for one in now))

    assert book.crossed(MNQ, now) == (owner(1),)
    assert book.crossed(MNQ, deaf) == ()


def test_lesson_39_another_contract_s_quote_crosses_nothing() -> None:
    assert rested(trigger(low=100)).crossed(ENQ, at(last=50)) == ()


def test_an_unknown_price_crosses_nothing() -> None:
    assert rested(trigger(low=100, high=1)).crossed(MNQ, at()) == ()


def test_new_triggers_replace_those_before_on_every_contract() -> None:
    book = rested(trigger(low=100), trigger(high=200, contract=ENQ))
    book = book.rest(owner(1), (trigger(low=90),), MarkSource.EXIT_SIDE)

    assert book.crossed(MNQ, at(last=95)) == ()
    assert book.crossed(ENQ, at(last=300)) == ()
    assert book.crossed(MNQ, at(bid=90)) == (owner(1),)


def test_an_owner_without_triggers_leaves_nothing_behind() -> None:
    book = rested(trigger(low=100, high=200), trigger(low=5, contract=ENQ))

    assert book.rest(owner(1), (), MarkSource.LAST) == TriggerBook()


def test_the_same_triggers_again_change_nothing() -> None:
    book = rested(trigger(low=100), trigger(low=90, contract=ENQ))

    same = (trigger(low=90, contract=ENQ), trigger(low=100), trigger(low=100))
    assert book.rest(owner(1), same, MarkSource.LAST) is book


def test_a_change_leaves_the_book_before_it_as_it_was() -> None:
    book = rested(trigger(low=100))
    book.rest(owner(1), (), MarkSource.LAST)
    book.rest(owner(2), (trigger(low=100),), MarkSource.LAST)

    assert book.crossed(MNQ, at(last=100)) == (owner(1),)


def test_every_owner_crossed_is_named_once_in_one_order() -> None:
    levels = {owner(2): 100, owner(1, "z"): 120, owner(1, "a"): 110, owner(3): 90}
    for order in permutations(levels):
        book = TriggerBook()
        for one in order:
            rests = (trigger(low=levels[one]), trigger(low=levels[one] + 1, high=1_000))
            book = book.rest(one, rests, MarkSource.LAST)

        assert book.crossed(MNQ, at(last=95)) == (owner(1, "a"), owner(1, "z"), owner(2))


def test_an_owner_that_runs_away_is_our_mistake() -> None:
    many = tuple(trigger(low=number) for number in range(TRIGGERS_MAX + 1))

    with pytest.raises(AssertionError):
        rested(*many)


levels = st.none() | st.integers(1, 30)
contracts = st.sampled_from([MNQ, ENQ])
triggers = st.builds(trigger, low=levels, high=levels, short=st.booleans(), contract=contracts)
changes = st.tuples(
    st.integers(1, 4), st.lists(triggers, max_size=4), st.sampled_from(list(MarkSource))
)


def reaches(one: Trigger, source: MarkSource, now: Prices) -> bool:
    """Say it again, naively."""
    exit_side = now.ask if one.short else now.bid
    by_source = {MarkSource.LAST: now.last, MarkSource.MID: now.mid}
    price = by_source.get(source, exit_side)
    if price is None:
        return False
    return (one.low is not None and price <= one.low) or (
        one.high is not None and price >= one.high
    )


@given(st.lists(changes), st.builds(at, levels, levels, levels, levels), contracts)
def test_the_owners_crossed_are_those_a_full_search_finds(
    history: list[tuple[int, list[Trigger], MarkSource]], now: Prices, contract: ContractId
) -> None:
    book, naive = TriggerBook(), dict[Owner, tuple[list[Trigger], MarkSource]]()
    for number, rests, source in history:
        book = book.rest(owner(number), tuple(rests), source)
        naive[owner(number)] = (rests, source)

    assert book.crossed(contract, now) == tuple(
        sorted(
            one
            for one, (rests, source) in naive.items()
            if any(rest.contract_id == contract and reaches(rest, source, now) for rest in rests)
        )
    )


@given(st.lists(changes))
def test_the_book_depends_on_what_rests_and_not_on_how_it_came_to(
    history: list[tuple[int, list[Trigger], MarkSource]],
) -> None:
    book, naive = TriggerBook(), dict[Owner, tuple[tuple[Trigger, ...], MarkSource]]()
    for number, rests, source in history:
        book = book.rest(owner(number), tuple(rests), source)
        naive[owner(number)] = (tuple(rests), source)

    anew = TriggerBook()
    for one, (resting, source) in sorted(naive.items()):
        anew = anew.rest(one, resting, source)
    assert book == anew
