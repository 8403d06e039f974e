"""What a closing trade has realized already although the position's message still shows it.

Trades and positions come by separate streams.  Between the two messages of one exit its money
would be counted twice: realized by the trade, unrealized in the row that has not changed yet.  A
day's limit must not break by that.

1. A contract's trades tell its size: what was carried into the day, and what was filled since.
2. A closing trade that this life of the position has seen, and whose size the row still shows, is
   unsettled: so much of the row is worth nothing more, for the trade has realized it.
3. The row itself stays as it is shown: what is held is never judged by less than the broker shows.
4. It settles when the row changes, when a read of truth that left later shows the row, or after
   `SETTLE`: then the row counts as a whole again, and the truth is read.
5. The other way round, a row may be seen to shrink before a trade tells what that made: neither
   realized nor unrealized has it then.  So much is untold until the trade comes, or a read of
   trades that left later, or `SETTLE` has gone by twice, with a read of truth in between.
6. What goes on in other contracts makes no wait longer, and something may be untold no longer than
   that without a break: whoever trades on would otherwise keep the day from ever being judged.

What was carried is what truth shows more than the trades explain.  A read asks for the two one
after the other, so another beginning is believed when two reads in a row agree on it.
"""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from actors.model.book import Row
from protocol.account_facts import TradeSeen
from protocol.units import SECOND, ContractId, Nanos

SETTLE = Nanos(2 * SECOND)
"""How long a row may lag behind its trades; observed are milliseconds to a second."""

type Sizes = Mapping[ContractId, int]


class Settling(msgspec.Struct, frozen=True, kw_only=True):
    """How far each contract's row lags behind its trades."""

    carried: dict[ContractId, int] | None = None
    """Signed sizes from before the day's first trade; None before the first truth."""
    doubted: dict[ContractId, int] | None = None
    """The other beginning that the last read told of."""
    unsettled: dict[ContractId, int] = msgspec.field(default_factory=dict[ContractId, int])
    """How many contracts of each row have been realized already."""
    told_at: dict[ContractId, Nanos] = msgspec.field(default_factory=dict[ContractId, Nanos])
    """Monotonic time of the newest trade that did so."""
    untold: dict[ContractId, int] = msgspec.field(default_factory=dict[ContractId, int])
    """How many contracts rows show gone, and no trade has told of."""
    shrunk_at: dict[ContractId, Nanos] = msgspec.field(default_factory=dict[ContractId, Nanos])
    """Monotonic time of the newest such row."""
    waiting: Nanos = Nanos(0)
    """Monotonic time since when, without a break, something has been untold."""
    late_at: Nanos | None = None
    """When it was late, and the truth was asked for it."""

    @property
    def due(self) -> Nanos | None:
        """Return when the first of what is missing should have come."""
        since = [*self.told_at.values()]
        if self.untold:
            since.append(self.waiting if self.late_at is None else self.late_at)
        return Nanos(min(since) + SETTLE) if since else None

    def told(self, trade: TradeSeen, row: Row | None, filled: Sizes, now: Nanos) -> "Settling":
        """Take a trade that was just booked; `filled` is each contract's sum with it."""
        if trade.voided and row is not None:
            return self.bounded(row, filled)
        if trade.realized is None or trade.voided:
            return self
        return self.heard(trade).lagging(trade, row, filled, now)

    def heard(self, trade: TradeSeen) -> "Settling":
        """Wait no more for a trade that tells what has gone from a row."""
        key = trade.contract_id
        if key not in self.untold:
            return self
        return self.awaiting(_put(self.untold, key, self.untold[key] - trade.size))

    def lagging(self, trade: TradeSeen, row: Row | None, filled: Sizes, now: Nanos) -> "Settling":
        """Note how far the row lags behind a trade."""
        if row is None or trade.at <= row.seen.opened or self.carried is None:
            return self  # it closed an earlier life
        key = trade.contract_id
        size = min(self.unsettled.get(key, 0) + trade.size, self._lag(row, filled))
        if not size:
            return self
        lagging = replace(self, told_at={**self.told_at, key: now})
        return lagging.behind({**self.unsettled, key: size})

    def moved(self, before: Row | None, row: Row | None, filled: Sizes, now: Nanos) -> "Settling":
        """Take a row that changed: another life has nothing to do with what closed the last."""
        if before is None:
            return self
        key = before.seen.contract_id
        settling = self._shrunk(before, row, filled, now)
        if row is not None and row.seen.position_id == before.seen.position_id:
            return settling.bounded(row, filled)
        return settling.behind(_put(self.unsettled, key, 0))

    def bounded(self, row: Row, filled: Sizes) -> "Settling":
        """Take no more off a row than its trades say is gone."""
        key = row.seen.contract_id
        told = self.unsettled.get(key, 0)
        return self.behind(_put(self.unsettled, key, min(told, self._lag(row, filled))))

    def _shrunk(self, before: Row, row: Row | None, filled: Sizes, now: Nanos) -> "Settling":
        """Note what has gone from a row and was not told: it is in what the trades still hold."""
        if self.carried is None or self.doubted is not None:
            return self
        key, sign = before.seen.contract_id, 1 if before.seen.size > 0 else -1
        shown = 0 if row is None else row.seen.size
        same = row is not None and row.seen.position_id == before.seen.position_id
        left = max(0, sign * shown) if same else 0
        gone = abs(before.seen.size) - left - self.unsettled.get(key, 0)
        untold = self.untold.get(key, 0)
        ahead = min(gone, sign * (self._held(key, filled) - shown) - untold)
        if ahead <= 0:
            return self
        waiting = self if self.untold else replace(self, waiting=now)
        noted = replace(waiting, shrunk_at={**self.shrunk_at, key: now})
        return noted.awaiting({**self.untold, key: untold + ahead})

    def shown(
        self,
        before: Mapping[ContractId, Row],
        rows: Mapping[ContractId, Row],
        filled: Sizes | None,
        asked: Nanos,
    ) -> "Settling":
        """Take a read of positions: a row that it shows after the trades were told is whole.

        `filled` is what trades have told of, if this read brings none: it may show more gone.
        """
        settling = self
        for key, row in before.items() if filled is not None else ():
            settling = settling.moved(row, rows.get(key), filled or {}, asked)
        still = {
            key: size
            for key, size in settling.unsettled.items()
            if asked <= settling.told_at.get(key, 0)
            and key in rows
            and rows[key].seen == before[key].seen
        }
        return settling.behind(still)

    def read(self, rows: Mapping[ContractId, Row], filled: Sizes, asked: Nanos) -> "Settling":
        """Take a read of truth that brought trades too: what they leave unexplained was carried."""
        shown = {key: row.seen.size for key, row in rows.items()}
        untold = {
            key: min(size, abs(self._held(key, filled) - shown.get(key, 0)))
            for key, size in self.untold.items()
            if asked <= self.shrunk_at.get(key, 0)
        }
        settling = self.awaiting({key: size for key, size in untold.items() if size})
        carried = {
            key: size
            for key in {*shown, *filled}
            if (size := shown.get(key, 0) - filled.get(key, 0))
        }
        if self.carried is None or carried in (self.carried, self.doubted):
            return replace(settling, carried=carried, doubted=None)
        return replace(settling, doubted=carried)

    def next_day(self, rows: Mapping[ContractId, Row], filled: Sizes) -> "Settling":
        """Begin another day, of which these sums are: what is held now is carried into it.

        What a row still shows of an exit that was told is not: the day before has its money.
        """
        if self.carried is None:
            return self
        begun = Settling().read(rows, filled, Nanos(0))
        if not self.unsettled:
            return begun
        carried = dict(begun.carried or {})
        for key, size in self.unsettled.items():
            carried[key] = carried.get(key, 0) - (size if rows[key].seen.size > 0 else -size)
        carried = {key: size for key, size in carried.items() if size}
        return replace(begun, carried=carried, unsettled=self.unsettled, told_at=self.told_at)

    def overdue(self, now: Nanos) -> "Settling":
        """Wait no more for what should have come by now; what is untold waits for one more read."""
        behind = {
            key: n for key, n in self.unsettled.items() if now < self.told_at.get(key, 0) + SETTLE
        }
        settling = self.behind(behind)
        since = self.waiting if self.late_at is None else self.late_at
        if not self.untold or now < since + SETTLE:
            return settling
        return replace(settling, late_at=now) if self.late_at is None else settling.awaiting({})

    def behind(self, unsettled: dict[ContractId, int]) -> "Settling":
        """Return it with so much of the rows realized already."""
        if unsettled == self.unsettled:
            return self
        since = {key: at for key, at in self.told_at.items() if key in unsettled}
        return replace(self, unsettled=unsettled, told_at=since)

    def awaiting(self, untold: dict[ContractId, int]) -> "Settling":
        """Return it with so much gone of which no trade has told."""
        if untold == self.untold:
            return self
        shrunk = {key: at for key, at in self.shrunk_at.items() if key in untold}
        return replace(
            self, untold=untold, shrunk_at=shrunk, late_at=self.late_at if untold else None
        )

    def _held(self, key: ContractId, filled: Sizes) -> int:
        """Return what is held of a contract by its trades."""
        return (self.carried or {}).get(key, 0) + filled.get(key, 0)

    def _lag(self, row: Row, filled: Sizes) -> int:
        """Return how many contracts a row shows that its trades say are gone."""
        shown, held = row.seen.size, self._held(row.seen.contract_id, filled)
        left = min(abs(shown), abs(held)) if shown * held > 0 else 0
        return abs(shown) - left


def _put(sizes: dict[ContractId, int], key: ContractId, size: int) -> dict[ContractId, int]:
    """Return sizes with another one for a contract; none is listed that is not above zero."""
    others = {one: held for one, held in sizes.items() if one != key}
    return {**others, key: size} if size > 0 else others
