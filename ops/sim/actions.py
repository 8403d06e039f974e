"""Everything that can be done to the simulated world, as data: by HTTP, by a scenario or in Python.

Contracts may be named by id, by the Gateway's root (EP) or by the trader's symbol (ES).
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from ops.sim.faults import Manner, Which
from ops.sim.rest_faults import RestFault

Positive = Annotated[int, msgspec.Meta(gt=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
TYPE_NAMES = Literal[
    "limit", "market", "stop_limit", "stop", "trailing_stop", "join_bid", "join_ask"
]


def _tag(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]


class Action(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag=_tag):
    """A step of a scenario happens `at` seconds after its start."""

    at: Seconds = 0


class Price(Action):
    """Push a price; bid and ask are a tick away unless given."""

    contract: str
    price: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None
    volume: int = 1


class Glide(Action):
    """Walk straight from the last price to another in some seconds."""

    contract: str
    to: Decimal
    seconds: Seconds
    every_ms: Annotated[float, msgspec.Meta(gt=0)] = 100


class Walk(Action):
    """Wander at random, by the scenario's seed, up to `ticks` a step and around no trend."""

    contract: str
    seconds: Seconds
    every_ms: Annotated[float, msgspec.Meta(gt=0)] = 250
    ticks: Positive = 2


class Burst(Action):
    """Push `count` prices as fast as `per_second`, a tick up and a tick down in turn."""

    contract: str
    count: Positive
    per_second: Positive


class Quote(Action):
    """Send a quote as it stands, without moving the market."""

    contract: str
    data: dict[str, object]


class Order(Action):
    """A trader's order, from the broker's own screen; brackets in ticks."""

    account: int
    contract: str
    side: Literal["buy", "sell"]
    size: Positive
    type: TYPE_NAMES = "market"
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail: Decimal | None = None
    tag: str | None = None
    stop_ticks: int | None = None
    target_ticks: int | None = None
    chunks: list[Positive] = msgspec.field(default_factory=list[Positive])


class Close(Action):
    """The trader closes a position, or `size` of it; `cancel_orders` also clears the contract."""

    account: int
    contract: str
    size: Positive | None = None
    cancel_orders: bool = False


class Cancel(Action):
    """The trader cancels an order, or all of the account's if none is named."""

    account: int
    order: int | None = None


class Modify(Action):
    """The trader changes an order."""

    account: int
    order: int
    size: Positive | None = None
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail: Decimal | None = None


class Fill(Action):
    """Fill some of a live order by decree."""

    order: int
    size: Positive
    price: Decimal


class Void(Action):
    """Void a trade; without an id, the account's last."""

    trade: int | None = None
    account: int | None = None


class Fault(Action):
    """Throw switches, line up a REST fault, or both; `seconds` limits the switches."""

    set: dict[str, object] = msgspec.field(default_factory=dict[str, object])
    seconds: Seconds | None = None
    rest: RestFault | None = None


class Resend(Action):
    """Send an account's positions again, unchanged or with another average price."""

    account: int
    average: Decimal | None = None


class Message(Action):
    """Send any user message as it stands: `data` is the whole argument."""

    account: int
    target: str
    data: dict[str, object]


class Clear(Action):
    """Clear all faults."""


class Drop(Action):
    """End hub connections."""

    hub: Which = "both"
    manner: Manner = "reset"


class Logout(Action):
    """Send GatewayLogout."""

    hub: Which = "both"


class Revoke(Action):
    """Revoke all tokens given out so far."""


class Expire(Action):
    """Let all tokens given out so far expire."""


class Account(Action):
    """Change fields of an account, or add one if it is new."""

    account: int
    name: str | None = None
    balance: Decimal | None = None
    can_trade: bool | None = None
    is_visible: bool | None = None
    simulated: bool | None = None
    follower: bool | None = None


class Contract(Action):
    """List another contract, or change how one is published."""

    root: str
    expiry: str
    price: Decimal | None = None
    active: bool = True
    published: Literal["full", "null", "missing", "zero"] = "full"


Step = (
    Price
    | Glide
    | Walk
    | Burst
    | Quote
    | Order
    | Close
    | Cancel
    | Modify
    | Fill
    | Void
    | Fault
    | Resend
    | Message
    | Clear
    | Drop
    | Logout
    | Revoke
    | Expire
    | Account
    | Contract
)
KINDS: tuple[type[Action], ...] = Step.__args__
NAMES = tuple(str(kind.__struct_config__.tag) for kind in KINDS)
