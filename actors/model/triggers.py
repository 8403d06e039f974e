"""The price triggers that rest in the market, as stop orders rest in a book.

A trigger rests in the series that values its positions.  A quote is compared with the nearest low
and the nearest high of each series, however many rest behind them.
"""

from bisect import bisect_left, bisect_right
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


type Side = tuple[tuple[Price, Owner], ...]
"""The triggers of one series on one side, by rising price."""


class Ladder(msgspec.Struct, frozen=True):
    """The triggers of one series, each side by rising price: the last low and first high lead."""

    lows: Side = ()
    highs: Side = ()

    def reached(self, price: Price) -> set[Owner]:
        """Return the owners whose lows are at or above the price, or highs at or below it."""
        lows = self.lows[bisect_left(self.lows, price, key=_level) :]
        highs = self.highs[: bisect_right(self.highs, price, key=_level)]
        return {owner for _, owner in (*lows, *highs)}

    def without(self, owner: Owner, one: Trigger) -> "Ladder":
        """Return the ladder without one of an owner's triggers."""
        return Ladder(_without(self.lows, one.low, owner), _without(self.highs, one.high, owner))

    def beside(self, owner: Owner, one: Trigger) -> "Ladder":
        """Return the ladder with another of an owner's triggers."""
        return Ladder(_beside(self.lows, one.low, owner), _beside(self.highs, one.high, owner))


class Rung(msgspec.Struct, frozen=True):
    """The ladders of a contract, and the nearest prices of each: what a quote is compared with."""

    nearest: tuple[tuple[Price | None, Price | None], ...]
    ladders: tuple[Ladder, ...]


NOTHING = ((None, None),) * len(Series)
"""The nearest prices of a contract in which nothing rests."""


class TriggerBook(msgspec.Struct, frozen=True, kw_only=True):
    """Every owner's resting triggers, sorted so that a quote that reaches none costs the same."""

    rungs: dict[ContractId, Rung] = {}
    owned: dict[Owner, dict[Trigger, Series]] = {}
    """What each owner rests, and in which series."""

    def rest(
        self, owner: Owner, triggers: tuple[Trigger, ...], source: MarkSource
    ) -> "TriggerBook":
        """Rest an owner's triggers in place of those it had; none takes it out."""
        assert len(triggers) <= TRIGGERS_MAX, "a rule rests a few triggers per contract held"
        rested = {one: _series(source, short=one.short) for one in triggers}
        before = self.owned.get(owner, {})
        if rested == before:
            return self
        ladders: dict[ContractId, list[Ladder]] = {}
        for old, new, change in (
            (before, rested, Ladder.without),
            (rested, before, Ladder.beside),
        ):
            for one, series in old.items():
                if new.get(one) is not series:
                    its = ladders.setdefault(one.contract_id, self._ladders(one.contract_id))
                    its[series] = change(its[series], owner, one)
        rungs = dict(self.rungs)
        for contract_id, its in ladders.items():
            rungs[contract_id] = Rung(tuple(map(_nearest, its)), tuple(its))
            if rungs[contract_id].nearest == NOTHING:
                del rungs[contract_id]
        owned = {**self.owned, owner: rested}
        if not rested:
            del owned[owner]
        return TriggerBook(rungs=rungs, owned=owned)

    def _ladders(self, contract_id: ContractId) -> list[Ladder]:
        """Return a contract's ladders, by series."""
        rung = self.rungs.get(contract_id)
        return [Ladder()] * len(Series) if rung is None else list(rung.ladders)

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


def _without(side: Side, price: Price | None, owner: Owner) -> Side:
    if price is None:
        return side
    at = bisect_left(side, (price, owner))
    return side[:at] + side[at + 1 :]


def _beside(side: Side, price: Price | None, owner: Owner) -> Side:
    if price is None:
        return side
    at = bisect_left(side, (price, owner))
    return (*side[:at], (price, owner), *side[at:])


def _nearest(ladder: Ladder) -> tuple[Price | None, Price | None]:
    low = ladder.lows[-1][0] if ladder.lows else None
    high = ladder.highs[0][0] if ladder.highs else None
    return low, high


def _level(entry: tuple[Price, Owner]) -> Price:
    return entry[0]
