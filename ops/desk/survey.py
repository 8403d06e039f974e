"""A look at a login without guarding it: who is listed, who may trade, what can be valued."""

from collections.abc import Mapping, Sequence

import msgspec

from config.schema import AccountConfig, LoginConfig, ServiceConfig
from config.secrets import Credentials
from ops.desk.counts import Counts
from ops.desk.link import Link
from ops.desk.outcome import Exit
from ops.desk.plans import accounts_of
from ops.desk.products import Catalogue, Named, look_up, named
from protocol.account_facts import AccountSeen
from protocol.answers import (
    InstrumentFailed,
    InstrumentRead,
    LoggedIn,
    LoginFailed,
    TruthFailed,
    TruthRead,
)
from protocol.commands import Login, ReadInstrument, ReadTruth
from protocol.units import AccountId, ContractId, price_text, usd_text

CREDENTIALS_MEND = "check the user name and the API key, and that the API is enabled for them"


class Finding(msgspec.Struct, frozen=True):
    """Something to mend; `code` is the exit code that it deserves."""

    code: Exit
    what: str
    mend: str
    about: str
    """login, accounts, contracts or products."""


class Survey(msgspec.Struct):
    """What one login's Gateway says, and what is wrong with it."""

    login: str
    facts: list[str] = msgspec.field(default_factory=list[str])
    contracts: list[str] = msgspec.field(default_factory=list[str])
    findings: list[Finding] = msgspec.field(default_factory=list[Finding])


async def survey(
    config: ServiceConfig,
    login: LoginConfig,
    credentials: Credentials,
    counts: Counts | None = None,
) -> Survey:
    """Log in and look; change nothing."""
    found = Survey(login.name)
    link = Link(login, credentials, counts)
    await link.load()
    try:
        answer = await link.perform(Login())
        match answer:
            case LoggedIn(accounts=accounts):
                listed = {one.account_id: one for one in accounts}
                configured = accounts_of(config, login.name)
                for account in configured:
                    await _account(link, account, listed, found)
                found.findings += _twice(configured, listed)
                await _products(link, [one for each in configured for one in named(each)], found)
            case LoginFailed(why=why, refused=refused):
                found.findings.append(no_login(login.api_url, why, refused=refused))
            case _:
                pass
    finally:
        await link.close()
    return found


def no_login(api_url: str, why: str, *, refused: bool) -> Finding:
    """Return what a failed login means."""
    if refused:
        what = f"the Gateway at {api_url} refuses the login ({why})"
        return Finding(Exit.GATEWAY, what, CREDENTIALS_MEND, "login")
    what = f"the Gateway at {api_url} cannot be reached ({why})"
    return Finding(Exit.GATEWAY, what, "check api_url and the network", "login")


async def _account(
    link: Link, account: AccountConfig, listed: Mapping[AccountId, AccountSeen], found: Survey
) -> None:
    seen = _find(account, listed)
    if seen is None:
        there = ", ".join(f'{number} "{one.name}"' for number, one in sorted(listed.items()))
        what = f"account {account.label} is not listed; the Gateway lists {there}"
        mend = "correct the account's id or name, or its login"
        found.findings.append(Finding(Exit.CONFIGURATION, what, mend, "accounts"))
        return
    who = f"account {seen.account_id} {seen.name}"
    if seen.can_trade is False:
        what = f"{who} may not trade now: the broker can refuse to close its positions as well"
        mend = "ask the broker, or leave the account out until it may"
        found.findings.append(Finding(Exit.GATEWAY, what, mend, "accounts"))
    answer = await link.perform(ReadTruth(command_id="check", account_id=seen.account_id))
    match answer:
        case TruthRead(positions=positions, orders=orders):
            held, working = len(positions), len(orders)
            money = {True: ", practice", False: ", live money", None: ""}[seen.simulated]
            found.facts.append(f"{who}: {held} open positions, {working} working orders{money}")
            contracts = {one.contract_id for one in positions}
            for contract in sorted(contracts | {one.contract_id for one in orders}):
                await _contract(link, seen.account_id, contract, found)
        case TruthFailed(why=why):
            what = f"{who} cannot be read ({why})"
            mend = "try again, or ask the broker"
            found.findings.append(Finding(Exit.GATEWAY, what, mend, "accounts"))
        case _:
            pass


def _twice(
    configured: Sequence[AccountConfig], listed: Mapping[AccountId, AccountSeen]
) -> list[Finding]:
    """Return the accounts that are configured by their number and by their name as well."""
    first, found = dict[AccountId, str](), list[Finding]()
    for account in configured:
        seen = _find(account, listed)
        if seen is None:
            continue
        if (before := first.setdefault(seen.account_id, account.label)) != account.label:
            what = f"account {seen.account_id} is configured twice, as {before} and as "
            what += f"{account.label}: only the first holds"
            mend = "join them in one [[accounts]] table"
            found.append(Finding(Exit.CONFIGURATION, what, mend, "accounts"))
    return found


async def _products(link: Link, names: list[Named], found: Survey) -> None:
    """Look up every product that a rule names, once."""
    catalogue = Catalogue()
    asked = catalogue.untold(names)
    if not asked:
        return
    why = await look_up(link.perform, asked, catalogue)
    if catalogue.listed:
        found.contracts.append(f"products named and listed: {', '.join(sorted(catalogue.listed))}")
    for one in catalogue.unlisted(names):
        found.findings.append(Finding(Exit.CONFIGURATION, one.what, one.missing.mend, "products"))
    if why:
        untold = ", ".join(catalogue.untold(names))
        what = f"whether the Gateway lists {untold} cannot be told ({why})"
        found.findings.append(Finding(Exit.GATEWAY, what, "try again", "products"))


async def _contract(
    link: Link, account_id: AccountId, contract_id: ContractId, found: Survey
) -> None:
    answer = await link.perform(ReadInstrument(account_id=account_id, contract_id=contract_id))
    match answer:
        case InstrumentRead(instrument=one):
            size, value = price_text(one.tick_size), usd_text(one.tick_value)
            found.contracts.append(f"{contract_id}: a tick of {size} is worth {value}")
        case InstrumentFailed(why=why):
            what = f"{contract_id}, held or working in {account_id}, cannot be valued ({why})"
            mend = "riskwarden would close it at sight: close it yourself, or ask the broker"
            found.findings.append(Finding(Exit.GATEWAY, what, mend, "contracts"))
        case _:
            pass


def _find(account: AccountConfig, listed: Mapping[AccountId, AccountSeen]) -> AccountSeen | None:
    if account.id is not None:
        return listed.get(AccountId(account.id))
    carriers = [seen for seen in listed.values() if seen.name == account.name]
    return carriers[0] if len(carriers) == 1 else None
