"""What is asked of the Gateway by REST, and what counts as an answer.

A read answers with everything it was asked for, or it failed.  A missing list, a row that decode
refuses, a row of another account, a page that came short: each makes the whole read a failure,
because unknown is never flat.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from actors.adapters import decode
from actors.adapters.projectx_answers import GatewayError, Refusal, Withheld, accepted
from actors.adapters.projectx_rest import Rest
from actors.model import budget
from protocol.account_facts import (
    WORKING,
    AccountSeen,
    Instrument,
    Listing,
    OrderSeen,
    PositionSeen,
    TradeSeen,
)
from protocol.answers import RESERVED, Refused
from protocol.commands import Claim
from protocol.units import SECOND, AccountId, ContractId, Nanos

PAGE_ORDERS = 500
PAGES_MAX = 20
CONTRACT_NOT_FOUND = 1


class NoInstrument(GatewayError):
    """The Gateway has no record of the contract that would value it."""


async def accounts(rest: Rest) -> tuple[AccountSeen, ...]:
    """List the login's accounts; a login without any is a failure."""
    found = await _rows(
        rest, "Account/search", {"onlyActiveAccounts": True}, "accounts", decode.account
    )
    if not found:
        raise GatewayError("Account/search: no accounts")
    return found


async def positions(
    rest: Rest, account: AccountId, *, urgent: bool = False
) -> tuple[PositionSeen, ...]:
    """Read an account's open positions: one row for each contract."""
    body: dict[str, object] = {"accountId": account}
    found = await _rows(
        rest, "Position/searchOpen", body, "positions", decode.position, urgent=urgent
    )
    _own(account, found)
    held = [one.contract_id for one in found if one.size]
    if len(held) != len(set(held)):
        raise GatewayError("Position/searchOpen: two rows of one contract")
    return tuple(one for one in found if one.size)


async def orders(rest: Rest, account: AccountId, *, urgent: bool = False) -> tuple[OrderSeen, ...]:
    """Read an account's working orders, suspended ones included, page by page."""
    found: dict[int, OrderSeen] = {}
    for _ in range(PAGES_MAX):
        body: dict[str, object] = {
            "filter": {"accountId": account, "statuses": sorted(WORKING)},
            "pageSize": PAGE_ORDERS,
            "pageOffset": len(found),
            "includeTotalCount": True,
        }
        answer = accepted("Order/v2/query", await rest.send("Order/v2/query", body, urgent=urgent))
        page = _decoded("Order/v2/query", answer, "orders", decode.order)
        _own(account, page)
        before = len(found)
        found.update((one.order_id, one) for one in page)
        total = answer.get("totalCount")
        whole = len(found) >= total if type(total) is int else len(page) < PAGE_ORDERS
        if whole:
            return tuple(found.values())
        if len(found) == before:
            raise GatewayError("Order/v2/query: a page came short")
    raise GatewayError(f"Order/v2/query: more than {PAGES_MAX} pages")


async def trades(rest: Rest, account: AccountId, since: Nanos) -> tuple[TradeSeen, ...]:
    """Read an account's executions since an instant."""
    body: dict[str, object] = {"accountId": account, "startTimestamp": iso(since)}
    found = await _rows(rest, "Trade/search", body, "trades", decode.trade)
    _own(account, found)
    return found


async def truth(
    rest: Rest,
    account: AccountId,
    since: Nanos | None,
    *,
    urgent: bool = False,
    claim: Claim = Claim.AT_ONCE,
) -> tuple[tuple[PositionSeen, ...], tuple[OrderSeen, ...], tuple[TradeSeen, ...] | None]:
    """Read trades, if asked for, then positions and orders at once.

    Trades come first: an exit between the two reads then shows as a position that is gone, and
    never as one that its trade has realized and that is still held, which would count twice.
    Unless there is room for all of it none is asked for: parts would only spend what comes free.
    """
    requests = budget.TRUTH if since is None else budget.DAY
    if not urgent:
        rest.afford(requests)
    elif not rest.turns.take(account, claim, requests, reads=True):
        raise Withheld(RESERVED)
    done = None if since is None else await trades(rest, account, since)
    async with asyncio.TaskGroup() as group:
        held = group.create_task(positions(rest, account, urgent=urgent))
        working = group.create_task(orders(rest, account, urgent=urgent))
        rest.meter.leave_next(budget.TRUTH)
    return held.result(), working.result(), done


async def instrument(rest: Rest, contract: ContractId) -> Instrument:
    """Read a contract's record."""
    endpoint = "Contract/searchById"
    try:
        answer = accepted(endpoint, await rest.send(endpoint, {"contractId": contract}))
    except Refusal as error:
        if error.code == CONTRACT_NOT_FOUND:
            raise NoInstrument(str(error)) from None
        raise
    row = answer.get("contract")
    if not isinstance(row, dict) or row.get("id") != contract:
        raise GatewayError(f"{endpoint}: not the contract asked for")
    found = decode.instrument(row)
    if isinstance(found, Refused):
        raise NoInstrument(f"{endpoint}: {found.why}")
    return found


async def contracts(rest: Rest, text: str) -> tuple[Listing, ...]:
    """Search the contracts for a text, at most 20 of them; without one, list all there are.

    `live` would leave out those that a practice account trades.
    """
    if not text:
        return await _rows(rest, "Contract/available", {"live": False}, "contracts", decode.listing)
    body: dict[str, object] = {"searchText": text, "live": False}
    return await _rows(rest, "Contract/search", body, "contracts", decode.listing)


def iso(instant: Nanos) -> str:
    """Write an instant down to the microsecond, earlier rather than later."""
    seconds, rest = divmod(instant, SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest // 1_000:06d}Z"


async def _rows[T](
    rest: Rest,
    endpoint: str,
    body: dict[str, object],
    key: str,
    read: Callable[[object], T | Refused],
    *,
    urgent: bool = False,
) -> tuple[T, ...]:
    answer = accepted(endpoint, await rest.send(endpoint, body, urgent=urgent))
    return _decoded(endpoint, answer, key, read)


def _decoded[T](
    endpoint: str, answer: dict[str, Any], key: str, read: Callable[[object], T | Refused]
) -> tuple[T, ...]:
    rows = answer.get(key)
    if not isinstance(rows, list):
        raise GatewayError(f"{endpoint}: no list of {key}")
    found: list[T] = []
    for row in rows:
        seen = read(row)
        if isinstance(seen, Refused):
            raise GatewayError(f"{endpoint}: a row was refused: {seen.why}")
        found.append(seen)
    return tuple(found)


def _own(account: AccountId, rows: tuple[PositionSeen | OrderSeen | TradeSeen, ...]) -> None:
    if any(row.account_id != account for row in rows):
        raise GatewayError("a row of another account")
