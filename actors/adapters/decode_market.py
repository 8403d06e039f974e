"""Quotes as messages: partial by nature, so each price is read on its own.

A quote whose bid lies above its ask values nothing: both are then taken as not said, and the mark
stands or goes stale by the rules of whoever keeps it.
"""

from actors.adapters.decode_fields import Odd, Raw, contract_id, instant, price
from protocol.market_facts import QuoteSeen
from protocol.units import ContractId

SYMBOL_KEYS = ("contractId", "contract_id", "symbol", "symbolId")


def quote(row: Raw, contract: object) -> QuoteSeen:
    """Read a quote of the contract that its envelope names, or else of the one it names itself."""
    if "bestBid" in row or "bestAsk" in row or "lastPrice" in row:
        last, bid, ask = price(row, "lastPrice"), price(row, "bestBid"), price(row, "bestAsk")
    else:  # as the SDK rewrites it
        last, bid, ask = price(row, "last_price"), price(row, "bid"), price(row, "ask")
    if bid is not None and ask is not None and bid > ask:
        bid = ask = None
    at = instant(row, "timestamp")
    return QuoteSeen(
        contract_id=_named(row, contract),
        last=last,
        bid=bid,
        ask=ask,
        at=instant(row, "lastUpdated") if at is None else at,
    )


def _named(row: Raw, contract: object) -> ContractId:
    if contract is not None and contract != "unknown":  # the SDK's word for a quote without one
        return contract_id({"contractId": contract})
    for key in SYMBOL_KEYS:
        if row.get(key) is not None:
            return contract_id(row, key)
    raise Odd("a quote names no contract")
