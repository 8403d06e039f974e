"""What an account hears, for people: its feed in a word, and the ages behind it."""

from msgspec.structs import replace

from actors.account_feed import hearing
from actors.market_data import State as MarketState
from actors.model.account_state import State as AccountState
from actors.model.quotes import Quote, marks
from actors.plan import AccountPlan
from protocol.control import FeedStatus, PriceStatus
from protocol.market_facts import Marks
from protocol.units import SECOND, ContractId, Nanos, Now


def feed(
    plan: AccountPlan, account: AccountState, market: MarketState | None, now: Now
) -> FeedStatus:
    """Return how well an account hears, and how old what it heard is."""
    quotes = market.quotes if market is not None else {}
    asked = account.truth_asked
    return FeedStatus(
        state=hearing(account).value,
        truth_age_s=None if asked is None else (now.mono - asked) // SECOND,
        prices=[_price(plan, one, quotes.get(one), now) for one in account.watched],
    )


def ageless(told: FeedStatus | None) -> FeedStatus | None:
    """Return a feed without what changes by itself, to compare it with another."""
    if told is None:
        return None
    prices = [replace(one, age_s=None, ignored={}) for one in told.prices]
    return replace(told, truth_age_s=None, prices=prices)


def _price(
    plan: AccountPlan, contract_id: ContractId, quote: Quote | None, now: Now
) -> PriceStatus:
    if quote is None:
        return PriceStatus(contract=contract_id, age_s=None)
    seen = last_good(marks(quote, plan.mark, now.mono))
    return PriceStatus(
        contract=contract_id,
        age_s=None if seen is None else (now.mono - seen) // SECOND,
        ignored={one.value: count for one, count in sorted(quote.faults.items())},
    )


def last_good(mark: Marks) -> Nanos | None:
    """Return when the prices behind a mark were seen; None if they make none."""
    return None if mark.long is None and mark.short is None else mark.seen
