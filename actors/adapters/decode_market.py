"""Quotes as messages: partial by nature, so each price is read on its own.

A quote whose bid lies above its ask values nothing: both are then taken as not said, and the mark
stands or goes stale by the rules of whoever keeps it.  The same goes for a number that is no price.
Why a price is none is noted, so that it can be counted; a field of another kind refuses the quote.
"""

from actors.adapters.decode_fields import Odd, Raw, contract_id, instant, price
from protocol.market_facts import Fault, QuoteSeen
from protocol.units import ContractId, Price

SYMBOL_KEYS = ("contractId", "contract_id", "symbol", "symbolId")


def quote(row: Raw, contract: object) -> QuoteSeen:
    """Read a quote of the contract that its envelope names, or else of the one it names itself."""
    faults: list[Fault] = []
    if "bestBid" in row or "bestAsk" in row or "lastPrice" in row:
        last = _price(row, "lastPrice", faults)
        bid, ask = _price(row, "bestBid", faults), _price(row, "bestAsk", faults)
    else:  # as the SDK rewrites it
        last = _price(row, "last_price", faults)
        bid, ask = _price(row, "bid", faults), _price(row, "ask", faults)
    if bid is not None and ask is not None and bid > ask:
        bid = ask = None
        faults.append(Fault.CROSSED)
    at = instant(row, "timestamp")
    return QuoteSeen(
        contract_id=_named(row, contract),
        last=last,
        bid=bid,
        ask=ask,
        at=instant(row, "lastUpdated") if at is None else at,
        faults=tuple(faults),
    )


def _price(row: Raw, key: str, faults: list[Fault]) -> Price | None:
    """Read a price; one that the message carries and that is none is a fault."""
    value = row.get(key)
    if value is None:
        return None
    try:
        found = price(row, key)
    except Odd:
        if type(value) not in (int, float):
            raise
        faults.append(Fault.NO_PRICE)
        return None
    if found is None:
        faults.append(Fault.ZERO)
    return found


def _named(row: Raw, contract: object) -> ContractId:
    if contract is not None and contract != "unknown":  # the SDK's word for a quote without one
        return contract_id({"contractId": contract})
    for key in SYMBOL_KEYS:
        if row.get(key) is not None:
            return contract_id(row, key)
    raise Odd("a quote names no contract")
