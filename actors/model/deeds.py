"""What may be done to an account: four kinds of deed, and what each may not overlap with.

`key` is what may have one unresolved mutation at a time.  `pace` is what is not repeated too soon:
a stop that has just been moved is not moved again at once, but it can be cancelled at once.
"""

from typing import NamedTuple

from protocol.account_facts import Side
from protocol.units import ContractId, OrderId, PositionId, Price


class Close(NamedTuple):
    """Take this many contracts off a position; None is all of them."""

    contract_id: ContractId
    size: int | None

    @property
    def key(self) -> str:
        """Return the contract's position."""
        return position_key(self.contract_id)

    @property
    def pace(self) -> str:
        """Return the same."""
        return self.key


class Cancel(NamedTuple):
    """Cancel one working order."""

    contract_id: ContractId
    order_id: OrderId

    @property
    def key(self) -> str:
        """Return the order."""
        return order_key(self.order_id)

    @property
    def pace(self) -> str:
        """Return the same."""
        return self.key


class Move(NamedTuple):
    """Move a stop, or make it smaller, or both; None leaves a thing as it is."""

    contract_id: ContractId
    order_id: OrderId
    stop: Price | None
    limit: Price | None = None
    size: int | None = None
    yields: bool = False

    @property
    def key(self) -> str:
        """Return the order."""
        return order_key(self.order_id)

    @property
    def pace(self) -> str:
        """Return the order's changes."""
        return move_pace(self.order_id)


class Place(NamedTuple):
    """Place a stop against a position."""

    contract_id: ContractId
    position_id: PositionId
    side: Side
    size: int
    stop: Price
    yields: bool = False

    @property
    def key(self) -> str:
        """Return the contract's stops of ours."""
        return place_key(self.contract_id)

    @property
    def pace(self) -> str:
        """Return the same."""
        return self.key


type Action = Close | Cancel | Move | Place


def position_key(contract_id: ContractId) -> str:
    """Return the key of what is done to a position."""
    return f"position/{contract_id}"


def order_key(order_id: OrderId) -> str:
    """Return the key of what is done to an order."""
    return f"order/{order_id}"


def move_pace(order_id: OrderId) -> str:
    """Return the pace of an order's changes."""
    return f"move/{order_id}"


def place_key(contract_id: ContractId) -> str:
    """Return the key of the stops that are placed in a contract."""
    return f"stop/{contract_id}"
