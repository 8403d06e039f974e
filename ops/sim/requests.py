"""The bodies of the REST calls, and the answers: one function per endpoint, no transport.

Each takes the world and the decoded body and returns the fields of the envelope.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from ops.sim import render
from ops.sim.model import Data, Outcome, Status
from ops.sim.placing import Change, Wish
from ops.sim.world import World


class InvalidBody(ValueError):
    """A body that the Gateway would answer with 400."""


class Login(msgspec.Struct, rename="camel"):
    """Ask for a token."""

    user_name: str = ""
    api_key: str = ""


class AccountSearch(msgspec.Struct, rename="camel"):
    """Ask for accounts."""

    only_active_accounts: bool = False


class ContractSearch(msgspec.Struct, rename="camel"):
    """Ask for contracts by text."""

    search_text: str = ""
    live: bool = False


class ContractsAvailable(msgspec.Struct, rename="camel"):
    """Ask for every contract that can be traded."""

    live: bool


class ContractById(msgspec.Struct, rename="camel"):
    """Ask for one contract."""

    contract_id: str


class OfAccount(msgspec.Struct, rename="camel"):
    """Ask for something of one account."""

    account_id: int


class OfPeriod(msgspec.Struct, rename="camel"):
    """Ask for something of one account and time."""

    account_id: int
    start_timestamp: datetime
    end_timestamp: datetime | None = None
    contract_id: str | None = None


class Filter(msgspec.Struct, rename="camel"):
    """Say which orders."""

    account_id: int
    statuses: list[int] | None = None
    contract_id: str | None = None


class OrderQuery(msgspec.Struct, rename="camel"):
    """Ask for a page of orders."""

    filter: Filter
    page_size: int = 50
    page_offset: int = 0
    include_total_count: bool = False


class CloseBody(msgspec.Struct, rename="camel"):
    """Ask to close a position."""

    account_id: int
    contract_id: str


class PartialCloseBody(CloseBody):
    """Ask to close some of a position."""

    size: int


class CancelBody(msgspec.Struct, rename="camel"):
    """Ask to cancel an order."""

    account_id: int
    order_id: int


def read[T](body: object, kind: type[T]) -> T:
    """Return a body as its type."""
    try:
        return msgspec.convert(body, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidBody(str(error)) from error


def good(**fields: Any) -> Data:
    """Return a successful envelope."""
    return {"success": True, "errorCode": 0, "errorMessage": None, **fields}


def bad(code: int, message: str | None, **fields: Any) -> Data:
    """Return an unsuccessful envelope: HTTP 200 all the same."""
    return {"success": False, "errorCode": code, "errorMessage": message, **fields}


def _done(outcome: Outcome) -> Data:
    fields = {} if outcome.order_id is None else {"orderId": outcome.order_id}
    return bad(outcome.code, outcome.message, **fields) if outcome.code else good(**fields)


def log_in(world: World, body: object) -> Data:
    """Auth/loginKey."""
    login, scenario = read(body, Login), world.scenario
    if (login.user_name, login.api_key) != (scenario.user, scenario.api_key):
        return bad(3, "Invalid credentials.", token=None)
    token = world.tokens.issue(login.user_name, world.faults.switches.token_ttl_s)
    return good(token=token)


def validate(world: World, _: object) -> Data:
    """Auth/validate."""
    ttl_s = world.faults.switches.token_ttl_s
    return good(newToken=world.tokens.issue(world.scenario.user, ttl_s))


def log_out(_: World, __: object) -> Data:
    """Auth/logout."""
    return good()


def accounts(world: World, body: object) -> Data:
    """Account/search; an invisible account is not listed among the active."""
    only_active = read(body, AccountSearch).only_active_accounts
    found = world.exchange.book.accounts.values()
    return good(
        accounts=[
            render.account_data(account)
            for account in found
            if account.is_visible or not only_active
        ]
    )


def contracts(world: World, body: object) -> Data:
    """Contract/search."""
    return good(contracts=world.exchange.search_contracts(read(body, ContractSearch).search_text))


def available(world: World, body: object) -> Data:
    """Contract/available."""
    read(body, ContractsAvailable)
    return good(contracts=world.exchange.available_contracts())


def contract(world: World, body: object) -> Data:
    """Contract/searchById."""
    found = world.exchange.book.contracts.get(read(body, ContractById).contract_id)
    if found is None:
        return bad(1, "Contract not found.", contract=None)
    return good(contract=render.contract_data(found))


def positions(world: World, body: object) -> Data:
    """Position/searchOpen."""
    account_id = read(body, OfAccount).account_id
    if account_id not in world.exchange.book.accounts:
        return bad(1, "Account not found.", positions=[])
    return good(positions=world.exchange.positions(account_id))


def open_orders(world: World, body: object) -> Data:
    """Order/searchOpen: never the suspended ones."""
    account_id = read(body, OfAccount).account_id
    if account_id not in world.exchange.book.accounts:
        return bad(1, "Account not found.", orders=[])
    return good(orders=world.exchange.orders(account_id, (Status.OPEN, Status.PENDING)))


def _nanos(when: datetime) -> int:
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1000


def orders(world: World, body: object) -> Data:
    """Order/search: by creation time."""
    asked = read(body, OfPeriod)
    if asked.account_id not in world.exchange.book.accounts:
        return bad(1, "Account not found.", orders=[])
    since = render.stamp(_nanos(asked.start_timestamp))
    until = render.stamp(_nanos(asked.end_timestamp)) if asked.end_timestamp else "9999"
    found = world.exchange.orders(asked.account_id)
    return good(orders=[row for row in found if since <= str(row["creationTimestamp"]) <= until])


def query_orders(world: World, body: object) -> Data:
    """Order/v2/query: by state, in pages."""
    asked = read(body, OrderQuery)
    wanted = asked.filter
    if wanted.account_id not in world.exchange.book.accounts:
        return bad(1, "Account not found.", orders=[])
    found = world.exchange.orders(wanted.account_id, wanted.statuses, wanted.contract_id)
    page = found[asked.page_offset : asked.page_offset + asked.page_size]
    count = {"totalCount": len(found)} if asked.include_total_count else {}
    return good(orders=page, **count)


def trades(world: World, body: object) -> Data:
    """Trade/search."""
    asked = read(body, OfPeriod)
    if asked.account_id not in world.exchange.book.accounts:
        return bad(1, "Account not found.", trades=[])
    until = _nanos(asked.end_timestamp) if asked.end_timestamp else None
    found = world.exchange.trades(asked.account_id, _nanos(asked.start_timestamp), until)
    return good(trades=[row for row in found if asked.contract_id in {None, row["contractId"]}])


def place(world: World, body: object) -> Data:
    """Order/place."""
    wish = read(body, Wish)
    return _done(world.act(lambda ex, now: ex.place(wish, now, by_api=True)))


def cancel(world: World, body: object) -> Data:
    """Order/cancel."""
    asked = read(body, CancelBody)
    return _done(
        world.act(lambda ex, now: ex.cancel(asked.account_id, asked.order_id, now, by_api=True))
    )


def modify(world: World, body: object) -> Data:
    """Order/modify."""
    change = read(body, Change)
    return _done(world.act(lambda ex, now: ex.modify(change, now, by_api=True)))


def close(world: World, body: object) -> Data:
    """Position/closeContract."""
    asked = read(body, CloseBody)
    return _done(
        world.act(lambda ex, now: ex.close(asked.account_id, asked.contract_id, now, by_api=True))
    )


def close_some(world: World, body: object) -> Data:
    """Position/partialCloseContract."""
    asked = read(body, PartialCloseBody)
    return _done(
        world.act(
            lambda ex, now: ex.close(
                asked.account_id, asked.contract_id, now, size=asked.size, by_api=True
            )
        )
    )


Endpoint = Callable[[World, object], Data]
ENDPOINTS: dict[str, Endpoint] = {
    "Auth/loginKey": log_in,
    "Auth/validate": validate,
    "Auth/logout": log_out,
    "Account/search": accounts,
    "Contract/search": contracts,
    "Contract/available": available,
    "Contract/searchById": contract,
    "Position/searchOpen": positions,
    "Position/closeContract": close,
    "Position/partialCloseContract": close_some,
    "Order/search": orders,
    "Order/searchOpen": open_orders,
    "Order/v2/query": query_orders,
    "Order/place": place,
    "Order/cancel": cancel,
    "Order/modify": modify,
    "Trade/search": trades,
}
