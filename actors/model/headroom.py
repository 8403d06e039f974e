"""Where to rest price triggers, so that a sum of positions cannot reach a bound unseen.

The money left before the bound is split evenly over the positions.  If each position stays within
its share the sum stays on this side of the bound, so a breach must cross at least one share's
price; the rule is then asked again, and rests new triggers nearer by.  With one position the
share is the whole, and the trigger is exact.
"""

from enum import IntEnum

from actors.model.money import loss_price, profit_price
from protocol.book import Holding
from protocol.market_facts import Trigger
from protocol.units import Price, Usd

ANY_PRICE = Price(1 << 62)
"""Above every price: a trigger resting here fires on the first one."""


class Toward(IntEnum):
    """On which side a bound lies; the value is the sign of money that moves toward it."""

    LOSS = -1
    PROFIT = 1

    def reached(self, money: Usd, bound: Usd) -> bool:
        """Tell whether money is at the bound or beyond it."""
        return self.left(money, bound) <= 0

    def left(self, money: Usd, bound: Usd) -> Usd:
        """Return what money may still move before it is at the bound."""
        return Usd((bound - money) * self)


def triggers(
    holdings: tuple[Holding, ...], headroom: Usd | None, toward: Toward = Toward.LOSS
) -> tuple[Trigger, ...]:
    """Return a trigger per position; with a price missing, ask again at the first one."""
    price_at = loss_price if toward is Toward.LOSS else profit_price
    rested: list[Trigger] = []
    for one in holdings:
        short = one.size < 0
        if one.instrument is None:
            continue  # asked again when the contract's record arrives
        if headroom is None or one.unrealized is None:
            rested.append(Trigger(contract_id=one.contract_id, short=short, low=ANY_PRICE))
            continue
        share = headroom // len(holdings)
        worth = Usd(one.unrealized + toward * share)
        price = price_at(one.instrument, one.size, one.average, worth)
        low, high = (price, None) if (toward is Toward.LOSS) != short else (None, price)
        rested.append(Trigger(contract_id=one.contract_id, short=short, low=low, high=high))
    return tuple(rested)
