"""Whether the day's money as we book it is what the balance and the fills' prices say (I11).

From a moment at which nothing is open, the change of the balance is compared with the change of
what the day's trades realized, net of costs.  Money that is paid in or out differs as well.  What
they realized is compared with what their prices make, too.  A balance or a trade may lag by a poll,
so only a difference that stays is an alarm; it ends when all agree again, or with the day.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from actors.model.account_state import State as AccountState
from actors.plan import AccountPlan
from ops.desk.second_opinion import SecondOpinion
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised
from protocol.units import SECOND, USD, AccountId, Nanos, Now, Usd

TOLERANCE_USD = 1.0
STAYS = Nanos(60 * SECOND)
"""How long they may differ: two polls."""


BALANCE = "the balance has moved {:+.2f} away from what the day's trades realized"
PRICES = "what the broker says they realized is {:+.2f} away from what their prices make"


class Base(NamedTuple):
    """Where a comparison begins: a day, and what both said at one moment of it."""

    day: Nanos
    balance: Usd
    realized: Usd


class Drift:
    """The comparisons of one desk's accounts."""

    def __init__(self) -> None:
        self._bases: dict[AccountId, Base] = {}
        self._since: dict[AccountId, Nanos] = {}
        self._raised: set[AccountId] = set()
        self._second = SecondOpinion()

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

    def look(
        self, plans: Iterable[AccountPlan], states: Mapping[str, Any], now: Now
    ) -> Iterator[AlarmRaised | AlarmCleared]:
        """Yield what a person must hear of now; what cannot be compared changes nothing."""
        for plan in plans:
            said = (
                (self.dollars(plan.account_id, states), BALANCE),
                (self._second.dollars(plan.account_id, states), PRICES),
            )
            told = [(dollars, why) for dollars, why in said if dollars is not None]
            off = [one for one in told if abs(one[0]) > TOLERANCE_USD]
            if off or len(told) == len(said):
                yield from self._judge(plan.account_id, off, now.mono)

    def _judge(
        self, account_id: AccountId, off: list[tuple[float, str]], now: Nanos
    ) -> Iterator[AlarmRaised | AlarmCleared]:
        kind = AlarmKind.LEDGER_DIFFERS
        if not off:
            self._since.pop(account_id, None)
            if account_id in self._raised:
                self._raised.discard(account_id)
                yield AlarmCleared(account_id=account_id, kind=kind)
            return
        since = self._since.setdefault(account_id, now)
        if now - since >= STAYS and account_id not in self._raised:
            self._raised.add(account_id)
            what = " and ".join(why.format(dollars) for dollars, why in off)
            why = f"{what}, so a money rule may judge too early or too late"
            yield AlarmRaised(account_id=account_id, kind=kind, why=why)
