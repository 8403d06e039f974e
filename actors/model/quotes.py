"""The market's prices, judged before they are believed, and the triggers that rest in them.

1. A message is partial: what it does not carry stays as it was, with the time it was seen.
2. A bad price is no price.  Zero, negative, off the grid or implausibly far: it is ignored and
   counted, so that its series grows old instead of wrong.  Bid above ask makes no mid and no side.
3. A second print confirms what the first made doubtful: markets do jump.
4. A trigger rests in the series that values its positions.  A quote is compared with the nearest
   low and the nearest high of each series, however many rest behind them.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from protocol.market_facts import Marks, MarkSource, QuoteSeen, Trigger
from protocol.units import SECOND, AccountId, ContractId, Nanos, Price, RuleName

FRESH: Final = Nanos(5 * SECOND)
"""How long a last trade values a position before the mid does."""

BAND_PERCENT: Final = 5
"""How far a price may lie from what was known before it wants a second print."""

TRIGGERS_MAX: Final = 1_000
"""How many triggers one owner may rest: some per contract held, so this is a runaway rule."""


class Tape(msgspec.Struct, frozen=True):
    """One series of prices: the last good one and when it was seen, and one in doubt."""

    price: Price | None = None
    seen: Nanos = Nanos(0)
    doubted: Price | None = None
    doubted_at: Nanos | None = None
    """The Gateway's time of the print in doubt: a copy of it confirms nothing."""


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a contract's market; `ignored` counts the prices not believed."""

    contract_id: ContractId
    last: Tape = Tape()
    bid: Tape = Tape()
    ask: Tape = Tape()
    ignored: int = 0

    def merged(
        self, message: QuoteSeen, now_mono: Nanos, *, tick_size: Price | None = None
    ) -> "Quote":
        """Take a partial quote, seen now; with a tick size, prices off the grid are ignored."""
        tapes, ignored = [self.last, self.bid, self.ask], self.ignored
        # The last good trade, or where there was none yet, whichever side is known.
        good = next((one.price for one in tapes if one.price is not None), None)
        for number, price in enumerate((message.last, message.bid, message.ask)):
            if price is None:
                continue
            tape = tapes[number]
            if price <= 0 or (tick_size is not None and price % tick_size):
                ignored += 1
            elif plausible(price, tape.price, good) or _confirms(tape, price, message.at):
                tapes[number] = Tape(price, now_mono)
            else:
                ignored += 1
                tapes[number] = Tape(tape.price, tape.seen, price, message.at)
        last, bid, ask = tapes
        if (bid is not self.bid or ask is not self.ask) and _crossed(bid.price, ask.price):
            ignored += 1
        return Quote(contract_id=self.contract_id, last=last, bid=bid, ask=ask, ignored=ignored)


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
    return Marks(contract_id=quote.contract_id, long=long, short=short, seen=seen)


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


class Owner(NamedTuple):
    """Whose trigger it is."""

    account_id: AccountId
    rule: RuleName


class Series(IntEnum):
    """Where a trigger rests: a position in `Prices`."""

    LAST = 0
    MID = 1
    BID = 2
    ASK = 3


class Rested(NamedTuple):
    """A trigger and the series it rests in."""

    series: Series
    trigger: Trigger


class Ladder(msgspec.Struct, frozen=True):
    """The triggers of one series, each side by rising price: the last low and first high lead."""

    lows: tuple[tuple[Price, Owner], ...] = ()
    highs: tuple[tuple[Price, Owner], ...] = ()

    def reached(self, price: Price) -> set[Owner]:
        """Return the owners whose lows are at or above the price, or highs at or below it."""
        lows = self.lows[bisect_left(self.lows, price, key=_level) :]
        highs = self.highs[: bisect_right(self.highs, price, key=_level)]
        return {owner for _, owner in (*lows, *highs)}

    def changed(self, owner: Owner, gone: list[Trigger], come: list[Trigger]) -> "Ladder":
        """Return the ladder without some of an owner's triggers and with others."""
        lows, highs = list(self.lows), list(self.highs)
        for one in gone:
            if one.low is not None:
                del lows[bisect_left(lows, (one.low, owner))]
            if one.high is not None:
                del highs[bisect_left(highs, (one.high, owner))]
        for one in come:
            if one.low is not None:
                insort(lows, (one.low, owner))
            if one.high is not None:
                insort(highs, (one.high, owner))
        return Ladder(tuple(lows), tuple(highs))


class Rung(NamedTuple):
    """The ladders of a contract, and the nearest prices of each: what a quote is compared with."""

    nearest: tuple[tuple[Price | None, Price | None], ...]
    ladders: tuple[Ladder, ...]


class TriggerBook(msgspec.Struct, frozen=True, kw_only=True):
    """Every owner's resting triggers, sorted so that a quote that reaches none costs the same."""

    rungs: dict[ContractId, Rung] = {}
    owned: dict[Owner, frozenset[Rested]] = {}

    def rest(
        self, owner: Owner, triggers: tuple[Trigger, ...], source: MarkSource
    ) -> "TriggerBook":
        """Rest an owner's triggers in place of those it had; none takes it out."""
        assert len(triggers) <= TRIGGERS_MAX, "a rule rests a few triggers per contract held"
        rested = frozenset(Rested(_series(source, short=one.short), one) for one in triggers)
        before = self.owned.get(owner, frozenset())
        if rested == before:
            return self
        gone, come = before - rested, rested - before
        rungs = dict(self.rungs)
        for contract_id in {one.trigger.contract_id for one in gone | come}:
            ladders = _ladders(rungs.pop(contract_id, None), owner, contract_id, gone, come)
            if any(one.lows or one.highs for one in ladders):
                rungs[contract_id] = Rung(tuple(_nearest(one) for one in ladders), ladders)
        owned = {**self.owned, owner: rested}
        if not rested:
            del owned[owner]
        return TriggerBook(rungs=rungs, owned=owned)

    def crossed(self, contract_id: ContractId, now: Prices) -> tuple[Owner, ...]:
        """Return the owners of every trigger that the prices reach, by account and rule."""
        rung = self.rungs.get(contract_id)
        if rung is None:
            return ()
        owners: set[Owner] = set()
        for price, (low, high), ladder in zip(now, rung.nearest, rung.ladders, strict=True):
            if price is None:
                continue
            if (low is not None and price <= low) or (high is not None and price >= high):
                owners |= ladder.reached(price)
        return tuple(sorted(owners))


def _series(source: MarkSource, *, short: bool) -> Series:
    """Return the series that values the long or the short positions of a source."""
    match source:
        case MarkSource.LAST:
            return Series.LAST
        case MarkSource.MID:
            return Series.MID
        case MarkSource.EXIT_SIDE:
            return Series.ASK if short else Series.BID


def _ladders(
    rung: Rung | None,
    owner: Owner,
    contract_id: ContractId,
    gone: Iterable[Rested],
    come: Iterable[Rested],
) -> tuple[Ladder, ...]:
    """Return a contract's ladders after an owner's changes; those it did not touch stay."""
    ladders: list[Ladder] = []
    before = (Ladder(),) * len(Series) if rung is None else rung.ladders
    for series, ladder in zip(Series, before, strict=True):
        here = (series, contract_id)
        off, on = (
            [one for at, one in changes if (at, one.contract_id) == here]
            for changes in (gone, come)
        )
        ladders.append(ladder.changed(owner, off, on) if off or on else ladder)
    return tuple(ladders)


def _nearest(ladder: Ladder) -> tuple[Price | None, Price | None]:
    low = ladder.lows[-1][0] if ladder.lows else None
    high = ladder.highs[0][0] if ladder.highs else None
    return low, high


def _level(entry: tuple[Price, Owner]) -> Price:
    return entry[0]
