"""What can only be judged with two tables in view."""

from collections import Counter
from typing import Protocol, cast

from actors.model.aliases import by_name, canonical
from actors.model.duration import duration_text
from actors.model.readings import poll_round
from actors.rules import (
    daily_realized_loss,
    daily_unrealized_loss,
    max_contracts,
    max_contracts_per_instrument,
)
from actors.rules.rule import Mode
from config.check_sessions import session_warnings
from config.document import label
from config.errors import Problem, bare, did_you_mean, dotted, printable
from config.read import Reader, Steps, Table
from config.schema import AccountConfig, ServiceConfig
from protocol.units import Nanos

EVERY_DAY = ["*", "*", "*"]


class Warn(Protocol):
    """Takes one warning."""

    def __call__(self, path: Steps, what: str, *, why: str = "", mend: str = "") -> None:
        """Take it."""
        ...


def judge(reader: Reader, document: Table) -> None:
    """Refuse what contradicts itself, in the tables as they were written.

    A table that could not be read has still said its name, and others may refer to it.
    """
    logins = tables(document.get("logins"))
    judge_logins(reader, logins)
    judge_accounts(reader, tables(document.get("accounts")), logins)


def tables(raw: object) -> list[Table]:
    """Return a list's items, with an empty table where there is something else."""
    items = cast("list[object]", raw) if isinstance(raw, list) else []
    return [cast("Table", item) if isinstance(item, dict) else {} for item in items]


def judge_logins(reader: Reader, logins: list[Table]) -> None:
    """Refuse two logins of one name."""
    names = Counter(name for login in logins if isinstance(name := login.get("name"), str))
    for name, count in names.items():
        if count > 1:
            reader.refuse(
                ("logins", f"[{bare(name)}]", "name"),
                f"{count} logins have this name",
                why="an account could mean either",
                mend="give each its own name",
            )


def judge_accounts(reader: Reader, accounts: list[Table], logins: list[Table]) -> None:
    """Refuse accounts named twice or not at all, and those of a login that is not there."""
    known = [name for login in logins if isinstance(name := login.get("name"), str)]
    seen: set[object] = set()
    for number, account in enumerate(accounts, start=1):
        path = ("accounts", f"[{label(account, number)}]")
        login, name, account_id = (account.get(key) for key in ("login", "name", "id"))
        if ("id" in account) == ("name" in account):
            what = "has both id and name" if "id" in account else "has neither id nor name"
            mend = "keep one of them" if "id" in account else 'write id = 1001 or name = "..."'
            reader.refuse(path, what, why="exactly one of them says which account", mend=mend)
        if isinstance(login, str) and known and login not in known:
            reader.refuse(
                (*path, "login"),
                f'no [[logins]] table is named "{printable(login)}"',
                mend=did_you_mean(login, known) or f"known: {', '.join(map(bare, known))}",
            )
        for identity in identities(account_id, login, name):
            if identity in seen:
                reader.refuse(
                    path,
                    "stands in this file more than once",
                    why="two sets of rules would contradict each other",
                    mend="join them in one [[accounts]] table",
                )
            seen.add(identity)


def identities(account_id: object, login: object, name: object) -> list[tuple[object, ...]]:
    """Return what no other account may have: the id, and the name within its login."""
    identity: list[tuple[object, ...]] = []
    if isinstance(account_id, int):
        identity.append((account_id,))
    if isinstance(name, str) and isinstance(login, str):
        identity.append((login, name))
    return identity


def warnings(config: ServiceConfig, file: str) -> tuple[Problem, ...]:
    """Return what may be meant, but surprises most people."""
    found: list[Problem] = []

    def warn(path: Steps, what: str, *, why: str = "", mend: str = "") -> None:
        found.append(Problem(file=file, key=dotted(path), what=what, why=why, mend=mend))

    used = {account.login for account in config.accounts}
    for login in config.logins:
        if login.name not in used:
            warn(("logins", f"[{login.name}]"), "no account uses this login")
    beside = Counter(account.login for account in config.accounts)
    for account in config.accounts:
        warn_of_feed(account, beside[account.login], warn)
        warn_of_shadow(account, warn)
        warn_of_limits(account, warn)
        warn_of_reset(account, warn)
        for where, what, why, mend in session_warnings(account):
            warn(where, what, why=why, mend=mend)
    return tuple(found)


def warn_of_feed(account: AccountConfig, beside: int, warn: Warn) -> None:
    """Note a limit on the truth's age that one poll late would already exceed."""
    least = Nanos(2 * poll_round(beside))
    if account.feed.truth_span < least:
        warn(
            ("accounts", f"[{account.label}]", "feed", "truth_age"),
            f"{account.feed.truth_age} is shorter than two polls",
            why=f"with {beside} accounts on the login each is read every "
            f"{duration_text(poll_round(beside))}, so it would be called blind for no reason",
            mend=f'write truth_age = "{duration_text(least)}" or more',
        )


def warn_of_shadow(account: AccountConfig, warn: Warn) -> None:
    """Note what is watched and not enforced."""
    path = ("accounts", f"[{account.label}]")
    remedy = 'write mode = "enforce" when you trust it'
    if account.mode is Mode.SHADOW:
        warn((*path, "mode"), "shadow: nothing is enforced on this account", mend=remedy)
        return
    for name, rule in account.rules.items():
        if rule.mode is Mode.SHADOW:
            warn((*path, "rules", name, "mode"), "shadow: this rule is not enforced", mend=remedy)


def warn_of_limits(account: AccountConfig, warn: Warn) -> None:
    """Note limits that another rule reaches first."""
    path = ("accounts", f"[{account.label}]", "rules")
    rules = account.rules
    realized = rules.get(daily_realized_loss.NAME)
    unrealized = rules.get(daily_unrealized_loss.NAME)
    if (
        isinstance(realized, daily_realized_loss.Params)
        and isinstance(unrealized, daily_unrealized_loss.Params)
        and realized.combined
        and unrealized.limit <= realized.limit
    ):
        warn(
            (*path, daily_unrealized_loss.NAME, "limit"),
            f"{unrealized.limit} is no tighter than the day's {realized.limit}",
            why="the combined check of daily_realized_loss fires first: it counts open losses too",
            mend="choose a smaller loss here, or leave this rule out",
        )
    counted = rules.get(max_contracts.NAME)
    if isinstance(counted, max_contracts.Params):
        warn_of_products(account, counted, warn)


def warn_of_products(account: AccountConfig, total: max_contracts.Params, warn: Warn) -> None:
    """Note products that may hold more than the whole account may, by what they weigh there."""
    products = account.rules.get(max_contracts_per_instrument.NAME)
    if not isinstance(products, max_contracts_per_instrument.Params):
        return
    path = ("accounts", f"[{account.label}]", "rules", max_contracts_per_instrument.NAME)
    weights = by_name(total.weights)
    over: dict[Steps, int] = {
        ("limits", bare(name)): limit
        for name, limit in products.limits.items()
        if limit * weights.get(canonical(name), 1) > total.limit
    }
    if (others := products.others) is not None and others > total.limit and not weights:
        over["unknown_symbol",] = others
    gross = total.count is max_contracts.Count.GROSS
    for place, limit in over.items():
        warn(
            (*path, *place),
            f"{limit} is more than the {total.limit} that max_contracts allows over all products",
            why="it is never reached" if gross else "it is reached with a hedge alone",
            mend="choose a smaller number here, or a bigger one there",
        )


def warn_of_reset(account: AccountConfig, warn: Warn) -> None:
    """Note trading days that are longer than others expect."""
    if account.reset.at.split()[2:] != EVERY_DAY:
        warn(
            ("accounts", f"[{account.label}]", "reset", "at"),
            "does not end a trading day every day",
            why="a loss limit then counts over several days, and a lock lasts as long",
            mend='"0 17 * * *" ends one every day',
        )
