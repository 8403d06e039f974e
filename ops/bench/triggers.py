"""Measure what a quote costs against resting triggers: `python -m ops.bench.triggers`."""

from collections.abc import Callable
from time import perf_counter

from actors.model.quotes import Quote, prices
from actors.model.triggers import Owner, TriggerBook
from protocol.market_facts import MarkSource, QuoteSeen, Trigger
from protocol.units import PRICE, AccountId, ContractId, Nanos, Price, RuleName

CONTRACTS = tuple(ContractId(f"CON.F.US.{root}.Z26") for root in ("MNQ", "ENQ", "MES", "EP", "M2K"))
OWNERS = (100, 1_000)
ROUNDS = 200_000
COMPARED_PER_SECOND_MIN = 200_000
BASE = 26_000
POINT = Price(PRICE)
START = Nanos(1)


def main() -> None:
    """Print the figures for a hundred owners and for a thousand, and the verdict."""
    for owners in OWNERS:
        book = resting(owners)
        rate = per_second(compare, book, ROUNDS)
        print(f"{owners:5d} owners x {len(CONTRACTS)} contracts, each with a low and a high")
        verdict = "within" if rate >= COMPARED_PER_SECOND_MIN else "MISSES"
        print(f"  compared, none crossed {rate:12,.0f} /s  {verdict} {COMPARED_PER_SECOND_MIN:,}")
        rate = per_second(take, book, ROUNDS // 4)
        print(f"  merged and compared    {rate:12,.0f} /s")
        rate = per_second(cross, book, 1_000)
        print(f"  every owner crossed    {rate:12,.0f} /s")
        rate = per_second(replace, book, 2_000)
        print(f"  triggers replaced      {rate:12,.0f} /s")


def triggers(number: int) -> tuple[Trigger, ...]:
    """Return what an owner rests: a low and a high on every contract, no two owners' the same."""
    away = Price((100 + number) * POINT)
    return tuple(
        Trigger(
            contract_id=contract,
            short=bool(number % 2),
            low=Price(BASE * POINT - away),
            high=Price(BASE * POINT + away),
        )
        for contract in CONTRACTS
    )


def owner(number: int) -> Owner:
    """Return one of the owners."""
    return Owner(AccountId(number), RuleName("daily_realized_loss"))


def resting(owners: int) -> TriggerBook:
    """Return a book in which every owner rests its triggers, by each source in turn."""
    book, sources = TriggerBook(), tuple(MarkSource)
    for number in range(owners):
        book = book.rest(owner(number), triggers(number), sources[number % len(sources)])
    return book


def quote_seen(number: int) -> QuoteSeen:
    """Return a full quote that walks about, but reaches nothing."""
    last = Price(BASE * POINT + (number % 41 - 20) * POINT)
    return QuoteSeen(
        contract_id=CONTRACTS[number % len(CONTRACTS)],
        last=last,
        bid=Price(last - POINT),
        ask=Price(last + POINT),
    )


SEEN = tuple(quote_seen(number) for number in range(41 * len(CONTRACTS)))
QUOTES = {one: Quote(contract_id=one) for one in CONTRACTS}
PRICES = tuple(prices(QUOTES[one.contract_id].merged(one, START), START, Nanos(1)) for one in SEEN)
CRASH = prices(
    Quote(contract_id=CONTRACTS[0]).merged(
        QuoteSeen(contract_id=CONTRACTS[0], last=POINT, bid=POINT, ask=POINT), START
    ),
    START,
)


def compare(book: TriggerBook, number: int) -> None:
    """Compare one quote's prices."""
    at = number % len(SEEN)
    assert not book.crossed(SEEN[at].contract_id, PRICES[at])


def take(book: TriggerBook, number: int) -> None:
    """Take one quote from the message to the comparison."""
    message = SEEN[number % len(SEEN)]
    quote = QUOTES[message.contract_id].merged(message, START)
    QUOTES[message.contract_id] = quote
    assert not book.crossed(message.contract_id, prices(quote, START))


def cross(book: TriggerBook, _: int) -> None:
    """Cross every owner at once."""
    assert len(book.crossed(CONTRACTS[0], CRASH)) == len(book.owned)


def replace(book: TriggerBook, number: int) -> None:
    """Move all triggers of one owner."""
    book.rest(owner(number % len(book.owned)), triggers(number + 1), MarkSource.LAST)


def per_second(step: Callable[[TriggerBook, int], None], book: TriggerBook, rounds: int) -> float:
    """Return how many steps a second runs, the loop included."""
    start = perf_counter()
    for number in range(rounds):
        step(book, number)
    return rounds / (perf_counter() - start)


if __name__ == "__main__":
    main()
