"""Whom a desk guards: what the configuration asks for, and what locks in force still demand.

A lock outlives edits of the configuration, and so do the day's rules.  An account that was taken
out of it is guarded by its rules until the reset, and without rules until its locks end; one that
was put into shadow is enforced until then.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from actors.adapters.storage import Storage
from actors.model.calendar import Calendar
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan, planned
from actors.rules.rule import Mode
from actors.settings import resumed
from config.calendars import load_shipped, shipped
from config.schema import AccountConfig, ServiceConfig
from ops.desk.identities import Identity, known_id
from ops.desk.marks import gateway_of, marks_of
from ops.desk.stores import (
    Lost,
    Opened,
    folder,
    left_behind,
    locks_held,
    open_store,
    retention,
    settings_kept,
)
from protocol.units import AccountId, Nanos

type Known = dict[AccountId, Identity]


class Ward(NamedTuple):
    """An account to guard, its store, and whether only its locks keep it as it is."""

    plan: AccountPlan
    store: Storage
    held: bool
    alarms: tuple[str, ...]
    lost: Lost | None = None
    """Locks may have been lost with its store: it is locked until its next reset."""


def accounts_of(config: ServiceConfig, login: str) -> tuple[AccountConfig, ...]:
    """Return the accounts that are configured under a login."""
    return tuple(account for account in config.accounts if account.login == login)


def identify(account: AccountConfig, known: Known) -> AccountId | None:
    """Return an account's number, from the configuration or from memory."""
    if account.id is not None:
        return AccountId(account.id)
    return known_id(known, account.login, account.name or "")


def numbered(config: ServiceConfig, login: str, known: Known) -> dict[AccountId, AccountConfig]:
    """Return the accounts that are configured under a login and whose number is known.

    Of one that is configured by its number and by its name as well, the first holds: which of the
    two it is only the Gateway tells, so that a file alone cannot be refused over it.
    """
    found: dict[AccountId, AccountConfig] = {}
    for one in accounts_of(config, login):
        if (number := identify(one, known)) is not None:
            found.setdefault(number, one)
    return found


def twice(config: ServiceConfig, login: str, known: Known) -> dict[AccountId, str]:
    """Say of the accounts that are configured more than once that only the first holds."""
    first, said = numbered(config, login, known), dict[AccountId, str]()
    for one in accounts_of(config, login):
        number = identify(one, known)
        if number is not None and one is not first[number]:
            said[number] = (
                f"configured twice, as {first[number].label} and as {one.label}: only the first "
                "holds; join them in one [[accounts]] table"
            )
    return said


def orphans(config: ServiceConfig, known: Known, wall: Nanos) -> dict[str, dict[AccountId, str]]:
    """Return by login the accounts that are configured no more, but bound, and why they are.

    Those whose login is gone too fall to the first one.  While some configured name stands for a
    number that nobody knows, an account without a remembered login might be just that one: it is
    left to the desk that will find out.
    """
    identified = [identify(account, known) for account in config.accounts]
    configured = {number for number in identified if number is not None}
    logins = [login.name for login in config.logins]
    found: dict[str, dict[AccountId, str]] = {}
    data_dir = config.service.data_dir
    for account_id, why in left_behind(data_dir, configured, marks_of(data_dir), wall).items():
        identity = known.get(account_id)
        if identity is None and None in identified:
            continue
        login = identity.login if identity is not None and identity.login in logins else logins[0]
        found.setdefault(login, {})[account_id] = why
    return found


def stand_up(
    config: ServiceConfig, login: str, known: Known, wall: Nanos
) -> tuple[list[Ward], list[AccountConfig]]:
    """Open the stores of everyone a desk guards; return also whose number is not known yet."""
    wards, said = list[Ward](), twice(config, login, known)
    opened = _opening(config, login, wall)
    nameless = [one for one in accounts_of(config, login) if identify(one, known) is None]
    for account_id, account in numbered(config, login, known).items():
        remembered = known.get(account_id)
        name = account.name or (remembered.name if remembered is not None else "")
        ward = _configured(opened(account_id), account, account_id, name, wall)
        if account_id in said:
            ward = ward._replace(alarms=(*ward.alarms, said[account_id]))
        wards.append(ward)
    for account_id, why in orphans(config, known, wall).get(login, {}).items():
        identity = known.get(account_id)
        wards.append(_left_behind(opened(account_id), account_id, identity, why, wall))
    return wards, nameless


def _opening(config: ServiceConfig, login: str, wall: Nanos) -> Callable[[AccountId], Opened]:
    """Return what opens an account's store, and compares it with the marks of the past."""
    data_dir, keep = config.service.data_dir, retention(config.journal)
    gateway = next(gateway_of(one.api_url) for one in config.logins if one.name == login)
    marks = marks_of(data_dir)

    def opened(account_id: AccountId) -> Opened:
        past = marks.past(account_id, gateway, wall)
        return open_store(folder(data_dir, account_id), account_id, keep, past)

    return opened


def wanted_plan(account: AccountConfig, account_id: AccountId, name: str) -> AccountPlan:
    """Return what the configuration asks for."""
    return AccountPlan(
        account_id=account_id,
        name=name,
        mode=account.mode,
        mark=account.mark,
        include_fees=account.include_fees,
        feed=account.feed,
        calendars=calendars(),
        reset=account.reset,
        rules=account.rules,
    )


def _configured(
    opened: Opened, account: AccountConfig, account_id: AccountId, name: str, wall: Nanos
) -> Ward:
    store, wrong, lost = opened
    alarms = [wrong] if wrong else []
    states = store.load_states()
    wanted = wanted_plan(account, account_id, name)
    plan = resumed(settings_kept(states, account_id), wanted, wall)
    held = plan.mode is Mode.SHADOW and bool(locks_held(states, account_id))
    if held:
        plan = replace(plan, mode=Mode.ENFORCE)
        alarms.append("configured as shadow while locked: enforced until its locks end")
    return Ward(plan, store, held, tuple(alarms), lost)


@cache
def calendars() -> tuple[Calendar, ...]:
    """Return every calendar that comes with the product."""
    return tuple(load_shipped(name) for name in shipped())


def _left_behind(
    opened: Opened, account_id: AccountId, identity: Identity | None, why: str, wall: Nanos
) -> Ward:
    """Guard an account by what it was guarded by, until its day and its locks are over."""
    store, wrong, lost = opened
    said = f"not configured any more, but {why}: enforced until that ends"
    name = identity.name if identity is not None else ""
    kept = settings_kept(store.load_states(), account_id)
    plan = AccountPlan(account_id=account_id, name=name, reset=ResetSchedule(), rules={})
    if kept is not None:
        with suppress(msgspec.ValidationError):
            last = planned(kept.held, account_id, name)
            plan = resumed(kept, replace(last, mode=Mode.ENFORCE, rules={}), wall)
    plan = replace(plan, calendars=calendars())
    return Ward(plan, store, held=True, alarms=(said, wrong) if wrong else (said,), lost=lost)
