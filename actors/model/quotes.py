"""The market's prices, judged before they are believed.

1. A message is partial: what it does not carry stays as it was, with the time it was seen.
2. A bad price is no price.  Zero, negative, off the grid or implausibly far: it is ignored and
   counted, so that its series grows old instead of wrong.  Bid above ask makes no mid and no side,
   and bears out no trade.
3. A second print confirms what the first made doubtful: markets do jump.
4. The first print of a contract is held against what is held of it: the average price.  Far from
   it, it wants a second print as well, whether or not bid, ask and last trade agree.
"""

from typing import Final, NamedTuple

import msgspec

from protocol.market_facts import Fault, Marks, MarkSource, QuoteSeen
from protocol.units import SECOND, ContractId, Nanos, Price

FRESH: Final = Nanos(5 * SECOND)
"""How long a last trade values a position before the mid does."""

BAND_PERCENT: Final = 5
"""How far a price may lie from what was known before it wants a second print."""


class Tape(msgspec.Struct, frozen=True):
    """One series of prices: the last good one and when it was seen, and one in doubt."""

    price: Price | None = None
    seen: Nanos = Nanos(0)
    doubted: Price | None = None
    doubted_at: Nanos | None = None
    """The Gateway's time of the print in doubt: a copy of it confirms nothing."""


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a contract's market; `faults` counts the prices not believed, by reason."""

    contract_id: ContractId
    last: Tape = Tape()
    bid: Tape = Tape()
    ask: Tape = Tape()
    faults: dict[Fault, int] = {}
    prints: int = 0
    """How many messages have borne a price that was believed, copies left out."""
    at: Nanos | None = None
    """The Gateway's time of the newest of them."""

    @property
    def ignored(self) -> int:
        """Count the prices not believed."""
        return sum(self.faults.values())

    def merged(
        self,
        message: QuoteSeen,
        now_mono: Nanos,
        *,
        tick_size: Price | None = None,
        held_at: tuple[Price, ...] = (),
    ) -> "Quote":
        """Take a partial quote, seen now; while no price is known, the averages `held_at` count."""
        tapes, faults = [self.last, self.bid, self.ask], [*message.faults]
        news = borne = False
        near = self._known or held_at
        for number, price in enumerate((message.last, message.bid, message.ask)):
            if price is None:
                continue
            tape = tapes[number]
            if price <= 0:
                faults.append(Fault.NO_PRICE if price else Fault.ZERO)
            elif tick_size is not None and price % tick_size:
                faults.append(Fault.OFF_GRID)
            elif plausible(price, tape.price, *near) or _confirms(tape, price, message.at):
                tapes[number] = Tape(price, now_mono)
                borne, news = True, news or price != tape.price
            else:
                faults.append(Fault.BEYOND_BAND)
                tapes[number] = Tape(tape.price, tape.seen, price, message.at)
        last, bid, ask = tapes
        if (bid is not self.bid or ask is not self.ask) and _crossed(bid.price, ask.price):
            faults.append(Fault.CROSSED)
            borne = borne and last is not self.last  # a crossed book is no price of its own
        fresh = borne and (news or message.at is None or message.at != self.at)
        return Quote(
            contract_id=self.contract_id,
            last=last,
            bid=bid,
            ask=ask,
            faults=_counted(self.faults, faults) if faults else self.faults,
            prints=self.prints + fresh,
            at=message.at if fresh else self.at,
        )

    @property
    def _known(self) -> tuple[Price, ...]:
        """The last good trade, or where there was none yet, whichever side is known."""
        tapes = (self.last, self.bid, self.ask)
        return tuple(one.price for one in tapes if one.price is not None)[:1]

    def held(self, held_at: tuple[Price, ...]) -> "Quote":
        """Return what stands of a lone first print, now that it is held at these averages."""
        tapes = (self.last, self.bid, self.ask)
        wild = [one for one in tapes if one.price and not plausible(one.price, *held_at)]
        if self.prints > 1 or not wild:
            return self
        last, bid, ask = (
            Tape(doubted=one.price, doubted_at=self.at) if one in wild else one for one in tapes
        )
        return Quote(
            contract_id=self.contract_id,
            last=last,
            bid=bid,
            ask=ask,
            faults=_counted(self.faults, [Fault.BEYOND_BAND] * len(wild)),
            prints=self.prints if last.price or bid.price or ask.price else 0,
            at=self.at,
        )


class Prices(NamedTuple):
    """The prices of a contract by the series in which triggers rest; None is unknown."""

    last: Price | None
    mid: Price | None
    bid: Price | None
    ask: Price | None


def plausible(price: Price, *known: Price | None) -> bool:
    """Tell whether a price lies within the band of any price known, or none is known."""
    judged = False
    for one in known:
        if one is not None:
            if abs(price - one) * 100 <= BAND_PERCENT * one:
                return True
            judged = True
    return not judged


def prices(quote: Quote, now_mono: Nanos, fresh: Nanos = FRESH) -> Prices:
    """Return a quote's prices; `last` is what values by the last trade, so it may be the mid."""
    bid, ask = quote.bid.price, quote.ask.price
    if _crossed(bid, ask):
        bid = ask = None
    mid = None if bid is None or ask is None else Price((bid + ask) // 2)
    return Prices(quote.last.price if _by_trade(quote, now_mono, fresh) else mid, mid, bid, ask)


def marks(quote: Quote, source: MarkSource, now_mono: Nanos, fresh: Nanos = FRESH) -> Marks:
    """Return the prices that value long and short positions of the quote's contract."""
    now = prices(quote, now_mono, fresh)
    book = max(quote.bid.seen, quote.ask.seen)
    long, short, seen = now.bid, now.ask, book
    if source is MarkSource.MID:
        long = short = now.mid
    elif source is MarkSource.LAST:
        long = short = now.last
        seen = quote.last.seen if _by_trade(quote, now_mono, fresh) else book
    low = high = None
    last, bid, ask = quote.last.price, now.bid, now.ask
    # All of a single message may be wrong, so a first one is borne out by a second.
    if quote.prints > 1 and last is not None and bid is not None and ask is not None:
        low, high = min(last, bid), max(last, ask)
    return Marks(
        contract_id=quote.contract_id,
        long=long,
        short=short,
        seen=seen,
        low=low,
        high=high,
        prints=quote.prints,
    )


def _counted(before: dict[Fault, int], faults: list[Fault]) -> dict[Fault, int]:
    counts = dict(before)
    for one in faults:
        counts[one] = counts.get(one, 0) + 1
    return counts


def _by_trade(quote: Quote, now_mono: Nanos, fresh: Nanos) -> bool:
    """Tell whether the last trade values: it is fresh, and bid and ask have not moved past it."""
    last, bid, ask = quote.last.price, quote.bid.price, quote.ask.price
    if last is None or now_mono - quote.last.seen > fresh:
        return False
    if bid is None or ask is None or bid > ask or bid <= last <= ask:
        return True
    return quote.last.seen >= max(quote.bid.seen, quote.ask.seen)


def _crossed(bid: Price | None, ask: Price | None) -> bool:
    return bid is not None and ask is not None and bid > ask


def _confirms(tape: Tape, price: Price, at: Nanos | None) -> bool:
    """Tell whether a print bears out the one in doubt, and is not a copy of it."""
    if tape.doubted is None or (at is not None and (at, price) == (tape.doubted_at, tape.doubted)):
        return False
    return plausible(price, tape.doubted)
