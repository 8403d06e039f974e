"""What an account holds, from facts that come twice, late and in any order.

1. The Gateway keeps one row per contract.  A position's message replaces the row, never adds.
2. Lives follow one another: a position id that was closed never comes back, and of two ids of
   one contract the later opened is the one that counts.  A closing message ends its own life and
   earlier ones, never a later one.
3. A final order status is final.  Of two updates of an order the later stands, whichever comes
   first; its filled count never falls.
4. Broker truth outranks all of this: what it shows is there, whatever was heard before.

So every permutation and duplication of an episode's messages ends in the same book.  One thing
is beyond it: positions carry no version, so that two sizes of one life still open, if they come
in the wrong order, can only be told apart by a read of truth.  A copy of what a later message has
replaced is not believed until then.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from actors.model.money import unrealized
from protocol.account_facts import WORKING, Instrument, OrderSeen, OrderStatus, PositionSeen
from protocol.book import Holding
from protocol.market_facts import Marks
from protocol.units import ContractId, Nanos, OrderId, PositionId

REMEMBERED_MAX: Final = 512
"""How many closed positions, and how many finished orders, are kept to recognize their echoes."""

type BookFact = PositionSeen | OrderSeen


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The open position of a contract, and its rank among those that grew."""

    seen: PositionSeen
    grew: int


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """An account's open positions and working orders, and a memory of those that ended."""

    rows: dict[ContractId, Row] = {}
    orders: dict[OrderId, OrderSeen] = {}
    closed: dict[PositionId, None] = {}
    finished: dict[OrderId, None] = {}
    replaced: dict[PositionSeen, None] = {}
    """What was said of lives still open, and is so no more."""

    @property
    def working(self) -> tuple[OrderSeen, ...]:
        """Return the working orders, by id."""
        return tuple(order for _, order in sorted(self.orders.items()))

    def position(self, seen: PositionSeen) -> tuple["Book", bool]:
        """Take a position's message; say whether what is held changed.

        The book returned is the one to keep either way: it may have learnt of an end.  It is
        this very book if there was nothing to learn.
        """
        row = self.rows.get(seen.contract_id)
        if seen.size == 0:
            return self._close(seen, row)
        if seen.position_id in self.closed or (row is not None and row.seen == seen):
            return self, False
        if seen in self.replaced:
            return self, False
        if row is not None and _life(seen) < _life(row.seen):
            return replace(self, closed=_remember(self.closed, seen.position_id)), False
        closed, replaced = self.closed, self.replaced
        if row is not None and row.seen.position_id != seen.position_id:
            closed = _remember(closed, row.seen.position_id)
        elif row is not None:
            replaced = _remember(replaced, row.seen)
        rows = {**self.rows, seen.contract_id: Row(seen=seen, grew=_rank(self.rows, row, seen))}
        return replace(self, rows=rows, closed=closed, replaced=replaced), True

    def revives(self, seen: PositionSeen) -> bool:
        """Tell whether a message shows what is known to be over, and so is ignored.

        It is a late copy, or the position is once more as it was, or the Gateway gave an id twice:
        only a read of truth can tell.
        """
        return seen.size != 0 and (seen.position_id in self.closed or seen in self.replaced)

    def order(self, seen: OrderSeen) -> tuple["Book", bool]:
        """Take an order's message; say whether those that work changed.  Keep the book."""
        if seen.status is OrderStatus.NONE:
            return self, False
        held = self.orders.get(seen.order_id)
        if seen.status not in WORKING:
            if held is None and seen.order_id in self.finished:
                return self, False
            orders = _without(self.orders, seen.order_id)
            finished = _remember(self.finished, seen.order_id)
            return replace(self, orders=orders, finished=finished), held is not None
        if seen.order_id in self.finished:
            return self, False
        merged = seen if held is None else _merged(held, seen)
        if merged == held:
            return self, False
        return replace(self, orders={**self.orders, seen.order_id: merged}), True

    def truth(
        self,
        positions: Iterable[PositionSeen],
        orders: Iterable[OrderSeen],
        later: Iterable[BookFact] = (),
    ) -> "Book":
        """Replace everything by broker truth, and apply again what came after the read was asked.

        What truth does not show is dropped, but not taken for closed for good: a message that
        shows it open is believed again, because a phantom costs a read and a miss costs money.
        """
        shown = sorted((seen for seen in positions if seen.size), key=_life)
        listed = [seen for seen in orders if seen.status in WORKING]
        ids, order_ids = {seen.position_id for seen in shown}, {seen.order_id for seen in listed}
        book = Book(
            rows=_true_rows(self.rows, shown),
            orders={seen.order_id: seen for seen in listed},
            closed={one: None for one in self.closed if one not in ids},
            finished={one: None for one in self.finished if one not in order_ids},
            replaced={one: None for one in self.replaced if one not in shown},
        )
        for fact in later:
            book, _ = book.position(fact) if isinstance(fact, PositionSeen) else book.order(fact)
        return book

    def holdings(
        self,
        instruments: Mapping[ContractId, Instrument],
        marks: Mapping[ContractId, Marks],
        realized: Mapping[ContractId, int] | None = None,
    ) -> tuple[Holding, ...]:
        """Return the open positions by contract, each valued as far as its price is known.

        `realized` counts the contracts of a row that are worth nothing more (see settling).
        """
        gone = realized or {}
        return tuple(
            _valued(
                row,
                instruments.get(contract_id),
                marks.get(contract_id),
                gone.get(contract_id, 0),
            )
            for contract_id, row in sorted(self.rows.items())
        )

    def _close(self, seen: PositionSeen, row: Row | None) -> tuple["Book", bool]:
        """End the life that a message says is over, and any earlier one still in its place."""
        closed = _remember(self.closed, seen.position_id)
        if row is None or not _ends(seen, row.seen):
            return (self if closed is self.closed else replace(self, closed=closed)), False
        rows = _without(self.rows, seen.contract_id)
        return replace(self, rows=rows, closed=_remember(closed, row.seen.position_id)), True


def _life(seen: PositionSeen) -> tuple[Nanos, PositionId]:
    """Return what orders the lives of a contract: when they opened, then by id."""
    return (seen.opened, seen.position_id)


def _ends(closing: PositionSeen, held: PositionSeen) -> bool:
    return closing.position_id == held.position_id or _life(held) < _life(closing)


def _rank(rows: Mapping[ContractId, Row], row: Row | None, seen: PositionSeen) -> int:
    """Return the rank of a row after a message: the highest of all if its size grew or flipped.

    A rank starts anew with a life, so that the same book results whether the message that ended
    the life before came first or not.
    """
    same_life = row is not None and row.seen.position_id == seen.position_id
    if row is not None and same_life:
        flipped = (row.seen.size > 0) != (seen.size > 0)
        if not flipped and abs(seen.size) <= abs(row.seen.size):
            return row.grew
    others = (one.grew for key, one in rows.items() if same_life or key != seen.contract_id)
    return max(others, default=0) + 1


def _true_rows(
    held: Mapping[ContractId, Row], shown: Iterable[PositionSeen]
) -> dict[ContractId, Row]:
    """Return the rows of truth: those that did not grow keep their rank, the others follow."""
    newest = {seen.contract_id: seen for seen in shown}
    before = {
        key: held[key]
        for key, seen in newest.items()
        if key in held and held[key].seen.position_id == seen.position_id
    }
    rows = dict(before)
    for key, seen in newest.items():
        rows[key] = Row(seen=seen, grew=_rank(rows, before.get(key), seen))
    return rows


def _merged(held: OrderSeen, seen: OrderSeen) -> OrderSeen:
    """Return the later of two updates of an order, with the most that either saw filled.

    An update without a time counts as newer, and leaves the time of the last that had one.
    """
    stale = seen.updated is not None and held.updated is not None and seen.updated < held.updated
    latest = held if stale else seen
    updated = held.updated if latest.updated is None else latest.updated
    return replace(latest, filled=max(held.filled, seen.filled), updated=updated)


def _valued(row: Row, instrument: Instrument | None, marks: Marks | None, realized: int) -> Holding:
    """Return a position with its worth, or with None where a price or an economy is unknown."""
    seen = row.seen
    left = abs(seen.size) - realized
    mark = None if marks is None else marks.long if seen.size > 0 else marks.short
    worth = least = most = None
    if instrument is not None and mark is not None:
        size = left if seen.size > 0 else -left
        worth = unrealized(instrument, size, seen.average, mark)
        if marks is not None and marks.low is not None and marks.high is not None:
            ends = (marks.low, marks.high)
            worths = [unrealized(instrument, size, seen.average, one) for one in ends]
            least, most = min(worths), max(worths)
    return Holding(
        position_id=seen.position_id,
        contract_id=seen.contract_id,
        size=seen.size,
        average=seen.average,
        opened=seen.opened,
        grew=row.grew,
        instrument=instrument,
        mark=mark,
        unrealized=worth,
        least=least,
        most=most,
        priced=None if mark is None or marks is None else marks.seen,
        prints=0 if marks is None else marks.prints,
    )


def _remember[K](memory: dict[K, None], key: K) -> dict[K, None]:
    """Return the memory with one more key; the oldest goes when it is full."""
    if key in memory:
        return memory
    longer = memory.copy()  # four times as fast as {**memory}, which fills a new one key by key
    longer[key] = None
    if len(longer) > REMEMBERED_MAX:
        del longer[next(iter(longer))]
    return longer


def _without[K, V](rows: dict[K, V], key: K) -> dict[K, V]:
    return {one: row for one, row in rows.items() if one != key}
