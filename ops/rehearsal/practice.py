"""Whom a drill may trade on: a practice account that is asked for by name, idle and unlocked.

Everything else is refused, before anything is started.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from actors.adapters import clock
from config.load import Loaded
from config.schema import AccountConfig, LoginConfig
from ops.desk.marks import gateway_of, marks_of
from ops.desk.outcome import Ended, Exit
from ops.desk.stores import folder, locks_held
from ops.past.folders import reading
from ops.rehearsal.trader import Contract, Row, Trader
from protocol.units import AccountId
from protocol.words import instant_text

IDLE = timedelta(minutes=2)
"""Trades of the last minutes would count towards the drill's own trading day."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """Where a drill takes place, and with what."""

    account: AccountId
    name: str
    contract: Contract
    gateway: str


def chosen(loaded: Loaded, name: str) -> tuple[AccountConfig, LoginConfig]:
    """Return the configured account of that name or number, and its login."""
    found = [one for one in loaded.config.accounts if name in {one.name, str(one.id)}]
    if not found:
        there = ", ".join(one.label for one in loaded.config.accounts)
        what = f"{loaded.file} has no account {name}"
        raise Ended(Exit.CONFIGURATION, what, f"it has {there}")
    account = found[0]
    return account, next(one for one in loaded.config.logins if one.name == account.login)


async def stage(loaded: Loaded, account: AccountConfig, trader: Trader, gateway: str) -> Stage:
    """Return the account, once nothing speaks against trading on it."""
    row = _listed(account, await trader.accounts())
    number, name = AccountId(row["id"]), str(row["name"])
    who = f"account {number} {name}"
    if row.get("simulated") is not True:
        what = f"the Gateway does not call {who} simulated"
        raise Ended(Exit.CONFIGURATION, what, "a drill places orders: name a practice account")
    if row.get("canTrade") is not True:
        raise Ended(Exit.GATEWAY, f"{who} may not trade now", "ask the broker, or take another")
    refuse_locked(loaded, number, gateway)
    await refuse_busy(trader, number, who)
    return Stage(account=number, name=name, contract=await trader.smallest(), gateway=gateway)


def _listed(account: AccountConfig, rows: list[Row]) -> Row:
    found = [row for row in rows if account.id == row["id"] or account.name == row["name"]]
    if len(found) != 1:
        there = ", ".join(f'{row["id"]} "{row["name"]}"' for row in rows)
        what = f"account {account.label} is not listed; the Gateway lists {there}"
        raise Ended(Exit.CONFIGURATION, what, "correct the account's id or name, or its login")
    return found[0]


def refuse_locked(loaded: Loaded, account: AccountId, api_url: str) -> None:
    """Raise Ended if the service's store, or a mark of one, says that the account is locked.

    A drill is no way round a lock.
    """
    data_dir, now = loaded.config.service.data_dir, clock.now().wall
    held: list[str] = []
    if folder(data_dir, account).is_dir():
        with reading(data_dir, account) as store:
            locks = locks_held(store.load_states(), account)
        found = [one for one in locks if one.until is None or one.until > now]
        held += [f"by {one.rule}: {one.reason}" for one in found]
    for mark in marks_of(data_dir).past(account, gateway_of(api_url), now):
        if mark is not None and mark.locked_until is not None and mark.locked_until > now:
            held.append(f"until {instant_text(mark.locked_until)}, says a mark of its store")
    if held:
        what = f"account {account} is locked {held[0]}"
        raise Ended(Exit.CONFIGURATION, what, "wait for the lock's end, or take another account")


async def refuse_busy(trader: Trader, account: AccountId, who: str) -> None:
    """Raise Ended if an account holds anything, or has traded just now."""
    held, working = await trader.held(account), await trader.working(account)
    if held or working:
        what = f"{who} holds {len(held)} positions and {len(working)} working orders"
        raise Ended(Exit.CONFIGURATION, what, "close and cancel them, or take another account")
    since = (datetime.now(UTC) - IDLE).isoformat()
    if await trader.traded(account, since):
        what = f"{who} has traded within the last {IDLE.seconds // 60} minutes"
        raise Ended(Exit.CONFIGURATION, what, "wait that long, so that only the drill is measured")
