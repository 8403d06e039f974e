"""What an account holds, as its rules see it: one immutable view per input."""

import msgspec

from protocol.account_facts import Instrument, OrderSeen, TradeSeen
from protocol.units import AccountId, ContractId, Nanos, PositionId, Price, Usd


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """An open position and what it is worth; `unrealized` None is unknown, never zero.

    What a closing trade has realized is no longer in `unrealized`, although `size` still shows it
    until the position's own message comes.
    """

    position_id: PositionId
    contract_id: ContractId
    size: int
    average: Price
    opened: Nanos
    grew: int
    """Rises each time the size grows: the highest grew last."""
    instrument: Instrument | None
    mark: Price | None
    unrealized: Usd | None
    least: Usd | None = None
    """Its worth at whichever of bid, ask and last trade is worst for it; None unless all three are
    known."""
    most: Usd | None = None
    """The same at whichever is best."""
    priced: Nanos | None = None
    """Monotonic time of the newest price behind the mark."""
    prints: int = 0
    """How many messages of its market have borne a price."""


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    """An account at one instant: holdings, working orders, the day's realized money.

    `known` is False until the first broker truth, and from a failed read to the next good one.
    `realized` is None until the day's trades have been read.
    """

    account_id: AccountId
    known: bool
    day: str
    next_reset: Nanos
    realized: Usd | None
    holdings: tuple[Holding, ...] = ()
    orders: tuple[OrderSeen, ...] = ()
    fills: tuple[TradeSeen, ...] = ()
    """The day's trades that stand, oldest first."""
    include_fees: bool = True
    """Whether what a trade cost counts towards what it made."""
    can_trade: bool | None = None
    """What the Gateway last said of the account; None if it has not."""
    truth_asked: Nanos | None = None
    """Monotonic time at which the newest read of truth left; the hub's word may be newer."""
    session: Nanos | None = None
    """When the session began that runs or ended last; None if no rule says when sessions are."""
    confirm: Nanos = Nanos(0)
    """How long a price on which everything would be closed waits for a second one."""
    under_lock: tuple[ContractId, ...] = ()
    """The contracts held that a lock covers, be it the account's or their own."""
    ahead: Nanos = Nanos(0)
    """How far this machine's clock is ahead of the Gateway's, by which fills are dated."""
    untold: tuple[ContractId, ...] = ()
    """Contracts of which something has been closed and no trade has told yet what that made."""

    def holding(self, contract_id: ContractId) -> Holding | None:
        """Return the open position of a contract, if there is one."""
        for one in self.holdings:
            if one.contract_id == contract_id:
                return one
        return None

    @property
    def unrealized(self) -> Usd | None:
        """Return the sum over all holdings; one unknown makes the sum unknown."""
        total = 0
        for one in self.holdings:
            if one.unrealized is None:
                return None
            total += one.unrealized
        return Usd(total)
