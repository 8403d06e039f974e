"""Whether what the broker says its trades made is what their prices make: our own calculation.

Compared are round trips, from flat to flat, for only there every way to match exits with entries
comes to the same.  A position from the day before has an entry that the day's trades do not tell,
so its contract is left out until it is flat; so are contracts whose record was never read.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from actors.model.account_state import State as AccountState
from actors.model.average_price import AveragePrice, signed
from actors.model.continued import Continued
from actors.model.ledger import Ledger
from actors.model.round_trips import Sizes, carried_over
from protocol.account_facts import Instrument, TradeSeen
from protocol.units import USD, AccountId, ContractId, Usd

type Instruments = Mapping[ContractId, Instrument]


class Trips:
    """The day's fills of one account so far: by how much the trips that ended differ."""

    def __init__(self, carried: Sizes, instruments: Instruments) -> None:
        self.differs = Usd(0)
        """Theirs less ours."""
        self._instruments = instruments
        self._carried = dict(carried)
        self._positions: dict[ContractId, AveragePrice] = {}
        self._open: dict[ContractId, int] = {}

    def take(self, fill: TradeSeen) -> None:
        """Follow one more fill, later than those before."""
        contract_id, size = fill.contract_id, signed(fill)
        before = self._carried.get(contract_id, 0)
        if before:
            after = before + size
            self._carried[contract_id] = after if before * after > 0 else 0
            if before * after < 0:  # the rest opens a trip of the day's own
                self._positions[contract_id] = AveragePrice().filled(after, fill.price)[0]
            return
        instrument = self._instruments.get(contract_id)
        if instrument is None:
            return
        position = self._positions.get(contract_id, AveragePrice())
        after_it, closing = position.filled(size, fill.price)
        self._positions[contract_id] = after_it
        ours = closing.gross(instrument) if closing is not None else 0
        off = self._open.get(contract_id, 0) + (fill.realized or 0) - ours
        ended = position.size * after_it.size <= 0
        self._open[contract_id] = 0 if ended else off
        if ended:
            self.differs = Usd(self.differs + off)


class Opinion(NamedTuple):
    """What was worked out for an account, and of what."""

    ledger: Ledger
    trades: tuple[TradeSeen, ...]
    """The ledger's, oldest first."""
    carried: Sizes
    instruments: Instruments
    fold: Continued[TradeSeen, Trips]


class SecondOpinion:
    """The calculations of one desk's accounts, each gone on with as its day grows."""

    def __init__(self) -> None:
        self._opinions: dict[AccountId, Opinion] = {}

    def dollars(self, account_id: AccountId, states: Mapping[str, Any]) -> float | None:
        """Return what the broker booked beyond our own; None while there is nothing to compare."""
        state: object = states.get(f"account/{account_id}")
        if not isinstance(state, AccountState) or not (state.known and state.trades_known):
            return None
        held = {one.contract_id: one.size for one in state.view.holdings}
        carried = carried_over(held, state.ledger.sizes)
        before, instruments = self._opinions.get(account_id), state.instruments
        if before is None or (before.carried, before.instruments) != (carried, instruments):
            fold = Continued(lambda: Trips(carried, instruments), Trips.take)
        else:
            fold = before.fold
        trades = in_order(state.ledger, before)
        self._opinions[account_id] = Opinion(state.ledger, trades, carried, instruments, fold)
        return fold.over(trades).differs / USD


def in_order(ledger: Ledger, before: Opinion | None) -> tuple[TradeSeen, ...]:
    """Return a ledger's trades, oldest first; most often it is the one before, or one more."""
    if before is None:
        return ledger.trades
    if ledger is before.ledger:
        return before.trades
    return ledger.trades_since(before.ledger, before.trades)
