"""Whether the day's money as we book it moves as the broker's balance does (I11).

From a moment at which nothing is open, the change of the balance is compared with the change of
what the day's trades realized, net of costs.  A balance may lag behind its trade by a poll, so only
a difference that stays says something; money that is paid in or out differs as well.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from actors.model.account_state import State as AccountState
from protocol.units import USD, AccountId, Nanos, Usd


class Base(NamedTuple):
    """Where a comparison begins: a day, and what both said at one moment of it."""

    day: Nanos
    balance: Usd
    realized: Usd


class Drift:
    """The comparisons of one desk's accounts."""

    def __init__(self) -> None:
        self._bases: dict[AccountId, Base] = {}

    def dollars(self, account_id: AccountId, states: Mapping[str, Any]) -> float | None:
        """Return how far the balance has moved away; None while there is nothing to compare."""
        state: object = states.get(f"account/{account_id}")
        if not isinstance(state, AccountState) or not (state.known and state.trades_known):
            return None
        balance = state.seen.balance if state.seen is not None else None
        if balance is None:
            return None
        now = Base(state.ledger.started, balance, state.ledger.realized(include_fees=True))
        base = self._bases.get(account_id)
        if base is None or base.day != now.day:
            if state.view.holdings:
                return None
            base = self._bases[account_id] = now
        return ((now.balance - base.balance) - (now.realized - base.realized)) / USD
