"""What an account's book is worth at the newest prices, for people.

A rule is told of a price only when it may matter to it, and an account values its book then.  The
eyes of a trader want every tick, so for them the book is valued again, a few times a second.
"""

from msgspec.structs import replace

from actors.market_data import State as MarketState
from actors.model.money import unrealized
from actors.model.quotes import Quote, marks
from actors.plan import AccountPlan
from protocol.book import BookView, Holding
from protocol.units import Now


def live(market: MarketState | None, plan: AccountPlan, view: BookView, now: Now) -> BookView:
    """Return the book at the newest prices; where none is known it stays as it was judged."""
    quotes = market.quotes if market is not None else {}
    holdings = tuple(valued(plan, one, quotes.get(one.contract_id), now) for one in view.holdings)
    return replace(view, holdings=holdings)


def valued(plan: AccountPlan, held: Holding, quote: Quote | None, now: Now) -> Holding:
    """Return a position at the newest price of its contract."""
    if quote is None:
        return held
    newest = marks(quote, plan.mark, now.mono)
    mark = newest.long if held.size > 0 else newest.short
    worth = None
    if mark is not None and held.instrument is not None:
        worth = unrealized(held.instrument, held.size, held.average, mark)
    return replace(held, mark=mark, unrealized=worth)
