"""Where to rest price triggers, so that a sum of positions cannot fall through a limit unseen.

The money left before the limit is split evenly over the positions.  If each position stays within
its share the sum stays above the limit, so a breach must cross at least one share's price; the
rule is then asked again, and rests new triggers nearer by.  With one position the share is the
whole, and the trigger is exact.
"""

from actors.model.money import loss_price
from protocol.book import Holding
from protocol.market_facts import Trigger
from protocol.units import Price, Usd

ANY_PRICE = Price(1 << 62)
"""Above every price: a trigger resting here fires on the first one."""


def triggers(holdings: tuple[Holding, ...], headroom: Usd | None) -> tuple[Trigger, ...]:
    """Return a trigger per position; with a price missing, ask again at the first one."""
    rested: list[Trigger] = []
    for one in holdings:
        short = one.size < 0
        if one.instrument is None:
            continue  # asked again when the contract's record arrives
        if headroom is None or one.unrealized is None:
            rested.append(Trigger(contract_id=one.contract_id, short=short, low=ANY_PRICE))
            continue
        share = headroom // len(holdings)
        price = loss_price(one.instrument, one.size, one.average, Usd(one.unrealized - share))
        low, high = (None, price) if short else (price, None)
        rested.append(Trigger(contract_id=one.contract_id, short=short, low=low, high=high))
    return tuple(rested)
