"""Every behaviour of the real Gateway that is unproven, as a switch with a default.

A switch that changes *what* the exchange says is read by the exchange; one that changes how and
when it is said is read by the wire.  Faults of single REST calls are in `rest_faults`.
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

HubName = Literal["user", "market"]
Stream = Literal["order", "trade", "position", "account", "quote", "market_trade", "depth"]
Permille = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Copies = Annotated[int, msgspec.Meta(ge=1, le=3)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Millis = Annotated[float, msgspec.Meta(ge=0, le=600_000)]


class Switches(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Hold all switches; the defaults are the best-behaved Gateway."""

    # money
    fees_per_side: Decimal = Decimal("0.37")
    commissions_per_side: Decimal | None = None
    # fills
    fill_at: Literal["last", "touch"] = "last"
    fill_delay_ms: Millis = 0
    fill_chunk_max: Count = 0
    stop_slip: Literal["none", "gap"] = "none"
    stop_trigger: Literal["stays_stop", "becomes_market"] = "stays_stop"
    # order messages
    pending_first: bool = False
    terminal_order_action: Literal[1, 2] = 1
    sibling_cancel: Literal["auto", "none", "late"] = "auto"
    flat_cancels_brackets: Literal["none", "auto", "late"] = "none"
    late_cancel_ms: Millis = 200
    # position messages
    flat: Literal["removed", "type0", "keep_type", "removed_as_was"] = "removed"
    reversal: Literal["two", "one", "same_id"] = "two"
    resend_position_on_bracket: bool = False
    # what the broker refuses
    follower_close: Literal["refuse", "accept"] = "refuse"
    untradable_close: Literal["accept", "refuse"] = "accept"
    close_while_pending: Literal["refuse", "overshoot"] = "refuse"
    # delivery
    copies: Copies = 1
    order_of_streams: list[Stream] = msgspec.field(default_factory=list[Stream])
    shuffle_streams: bool = False
    delay_ms: dict[Stream, Millis] = msgspec.field(default_factory=dict[Stream, Millis])
    lose: dict[Stream, Count] = msgspec.field(default_factory=dict[Stream, Count])
    wrapped: bool = True
    string_ids: bool = False
    null_update_timestamp: bool = False
    snapshot_on_subscribe: bool = False
    answers_after_events: bool = False
    clock_offset_ms: float = 0
    # quotes
    quote_symbol: Literal["prefixed", "bare"] = "prefixed"
    quote_fields: list[str] | None = None
    quote_last: Literal["true", "zero", "missing"] = "true"
    quote_crossed: bool = False
    quote_time_jitter_ms: Millis = 0
    quotes_silent: bool = False
    market_trade_as_list: bool = False
    # REST as a whole
    rate_limit: Count = 200
    rate_window_s: float = 60
    retry_after: bool = False
    token_ttl_s: float = 86_400
    # connections
    refuse_hubs: list[HubName] = msgspec.field(default_factory=list[HubName])
    mute_hubs: list[HubName] = msgspec.field(default_factory=list[HubName])
    half_open_hubs: list[HubName] = msgspec.field(default_factory=list[HubName])
    reusable_ids: bool = False
    keepalive_s: float = 15
    frozen: bool = False


def changed(changes: dict[str, object]) -> dict[str, object]:
    """Check changes as a whole and return the decoded values; raise on a bad name or value."""
    checked = msgspec.convert(changes, Switches, strict=False)
    return {name: getattr(checked, name) for name in changes}
