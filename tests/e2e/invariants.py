"""What must hold of everything that was asked of the Gateway, whatever went wrong meanwhile."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

from ops.sim.calls import Call
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised
from protocol.units import AccountId
from tests.e2e.stand import CANCEL, FIRST, MODIFY, PLACE, Stand

READS = ("Position/searchOpen", "Order/v2/query")


def holds(stand: Stand, account: AccountId = FIRST, *, since: int = 0, stops: bool = False) -> None:
    """Check I1 and I10 of an account; trades up to the id `since` were the trader's affair.

    With `stops`, stops may be placed and moved: their own tests say how.
    """
    if not stops:
        never_opens(stand, account)
    one_at_a_time(stand, account)
    never_grows(stand, account, since)


def alarms(stand: Stand, kind: type[AlarmRaised | AlarmCleared] = AlarmRaised) -> list[AlarmKind]:
    """Return the alarms raised (or cleared), but for what the disk of this machine is to blame."""
    return [one.kind for one in stand.decided(kind) if one.kind is not AlarmKind.STORE_SLOW]


def last_trade(stand: Stand) -> int:
    """Return the id of the newest trade."""
    return max(stand.sim.exchange.book.trades, default=0)


def never_opens(stand: Stand, account: AccountId = FIRST) -> None:
    """I1: no order is ever placed or changed; the only deeds are closes and cancels."""
    assert stand.calls(("Order/place", "Order/modify"), account) == []


def one_at_a_time(stand: Stand, account: AccountId = FIRST) -> None:
    """I10: a deed leaves only when the one before it for its position or order is resolved.

    One whose answer did not come, or said nothing, is resolved by a read that left later.
    """
    by_key: dict[object, list[Call]] = defaultdict(list)
    for call in stand.mutations(account):
        by_key[key_of(call)].append(call)
    for calls in by_key.values():
        for before, after in pairwise(calls):
            assert before.answered_ns is not None, "a second deed while the first is unanswered"
            assert before.answered_ns <= after.received_ns, "two deeds at once"
            if before.outcome not in {"answered", "refused"}:
                assert read_between(stand, account, before, after), (
                    "a deed sent again without a look"
                )


def key_of(call: Call) -> object:
    """Return what a deed is done to: a position, an order, or the stops of a contract."""
    body: Any = call.body
    if call.endpoint in (CANCEL, MODIFY):
        return body["orderId"]
    return (call.endpoint == PLACE, body["contractId"])


def read_between(stand: Stand, account: AccountId, before: Call, after: Call) -> bool:
    """Say whether positions and orders were read between two calls, and the answer had come."""
    start, end = before.answered_ns or 0, after.received_ns
    reads = [
        call
        for call in stand.calls(READS, account)
        if call.received_ns >= start and call.answered_ns is not None and call.answered_ns <= end
    ]
    return {call.endpoint for call in reads if call.status == 200} == set(READS)


def never_grows(stand: Stand, account: AccountId, since: int) -> None:
    """I1: after the trade `since`, no position grows or turns."""
    held: dict[str, int] = defaultdict(int)
    for trade_id, trade in sorted(stand.sim.exchange.book.trades.items()):
        if trade.account_id != account:
            continue
        before = held[trade.contract_id]
        after = held[trade.contract_id] = before + trade.size * trade.side.sign
        if trade_id > since:
            assert abs(after) < abs(before), f"{before} became {after} in {trade.contract_id}"
            assert after * before >= 0, f"{before} turned into {after} in {trade.contract_id}"
