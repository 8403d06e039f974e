"""The price triggers that rest in the market, as stop orders rest in a book.

A trigger rests in the series that values its positions.  A quote is compared with the nearest low
and the nearest high of each series, however many rest behind them.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from actors.model.quotes import Prices
from protocol.market_facts import MarkSource, Trigger
from protocol.units import AccountId, ContractId, Price, RuleName

TRIGGERS_MAX: Final = 1_000
"""How many triggers one owner may rest: some per contract held, so this is a runaway rule."""


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


class Rung(msgspec.Struct, frozen=True):
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
    ladders = [Ladder()] * len(Series) if rung is None else list(rung.ladders)
    here = [
        [one for one in changes if one.trigger.contract_id == contract_id]
        for changes in (gone, come)
    ]
    for series in {one.series for changes in here for one in changes}:
        off, on = ([one.trigger for one in changes if one.series is series] for changes in here)
        ladders[series] = ladders[series].changed(owner, off, on)
    return tuple(ladders)


def _nearest(ladder: Ladder) -> tuple[Price | None, Price | None]:
    low = ladder.lows[-1][0] if ladder.lows else None
    high = ladder.highs[0][0] if ladder.highs else None
    return low, high


def _level(entry: tuple[Price, Owner]) -> Price:
    return entry[0]
