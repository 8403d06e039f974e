"""What the screen shows: a service's status, judged for whoever looks at it for one second.

Each account gets one word.  It is the worst that is true of it, and ARMED only if nothing is
missing: an account whose desk is silent is NOT PROTECTED, whatever was last known of it.
"""

from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from ops.web.gauges import Gauge, gauges
from protocol.control import AccountStatus, DeskStatus, RuleStatus, ServiceStatus

OLD_S = 3.0
"""How old a desk's last word may be."""
SHADOW = "shadow"
ON_THE_WAY = {
    "starting": "waits for the broker's first word",
    "reading": "reads positions, orders and trades",
    "evaluated": "rules have judged, the broker's hubs are not open yet",
}
UNPROTECTED = {
    "stale": "its desk does not answer: this is what was last known",
    "down": "its desk does not run",
    "missing": "the Gateway does not list it",
    "last_resort": "its actors are gone: everything is closed and cancelled, and no rule judges",
}


class RuleView(msgspec.Struct, frozen=True):
    """A rule with its bars, and in a few words whether it protects."""

    status: RuleStatus
    title: str
    standing: str
    gauges: list[Gauge]


class AccountView(msgspec.Struct, frozen=True):
    """An account with its word; `tone` is how the word is drawn."""

    status: AccountStatus
    who: str
    word: str
    tone: str
    why: str
    rules: list[RuleView]


class DeskView(msgspec.Struct, frozen=True):
    """A desk, and in words why what is known of it is old, if it is."""

    status: DeskStatus
    age_s: float | None
    gone: str | None


class Screen(msgspec.Struct, frozen=True):
    """The whole screen at an instant."""

    at: str
    summary: str
    accounts: list[AccountView]
    desks: list[DeskView]


def screen(status: ServiceStatus, now: datetime) -> Screen:
    """Return what is shown of a status."""
    desks = [_desk(one, now) for one in status.desks]
    gone = {one.status.login for one in desks if one.gone is not None}
    accounts = [_account(one, is_gone=one.login in gone) for one in status.accounts]
    safe = sum(one.tone in {"armed", "locked"} for one in accounts)
    return Screen(
        at=now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        summary=f"{safe} of {len(accounts)} accounts protected",
        accounts=accounts,
        desks=desks,
    )


def forgotten(shown: Screen) -> Screen:
    """Return a screen of which nobody says any more that it is so."""
    accounts = [
        replace(one, word="UNKNOWN", tone="unknown", why=f"last known: {one.word}")
        for one in shown.accounts
    ]
    return replace(shown, summary="nobody says whether you are protected", accounts=accounts)


def _account(account: AccountStatus, *, is_gone: bool) -> AccountView:
    word, tone, why = judged(account, is_gone=is_gone)
    return AccountView(
        status=account,
        who=account.name or f"account {account.id}",
        word=word,
        tone=tone,
        why=why,
        rules=[_rule(one) for one in account.rules],
    )


def judged(account: AccountStatus, *, is_gone: bool) -> tuple[str, str, str]:
    """Return an account's word, how it is drawn, and what it means just now."""
    if is_gone or account.state in UNPROTECTED:
        why = UNPROTECTED.get(account.state, UNPROTECTED["stale"])
        return "NOT PROTECTED", "unprotected", why
    if account.state in ON_THE_WAY:
        return "NOT PROTECTED", "unprotected", f"not yet: {ON_THE_WAY[account.state]}"
    if account.state == "blind":
        why = "prices or the broker's truth are too old to judge by"
        return "BLIND", "blind", why
    if account.state != "armed":
        return "NOT PROTECTED", "unprotected", f"state {account.state}"
    if any(one.scope == "account" for one in account.lockouts):
        return "LOCKED", "locked", "whatever you open is closed at once"
    if missing := [title(one.rule) for one in account.rules if one.lacks]:
        return "PARTLY ARMED", "blind", f"not protecting: {', '.join(missing)}"
    if account.mode == SHADOW:
        return "SHADOW", "shadow", "only notes what it would have done: nothing is closed or locked"
    return "ARMED", "armed", at_work(account.rules)


def at_work(rules: list[RuleStatus]) -> str:
    """Return what an armed account's rules do just now, and which of them do less."""
    unsure = [title(one.rule) for one in rules if one.unknown is not None]
    noting = [title(one.rule) for one in rules if one.mode == SHADOW]
    if not unsure and not noting:
        return "every rule judges and acts"
    less = [f"cannot judge just now: {', '.join(unsure)}"] if unsure else []
    less += [f"only noted: {', '.join(noting)}"] if noting else []
    return "; ".join(less)


def _rule(rule: RuleStatus) -> RuleView:
    return RuleView(rule, title(rule.rule), standing(rule), gauges(rule))


def title(rule: str) -> str:
    """Return a rule's name as people say it."""
    return rule.replace("_", " ").capitalize()


def standing(rule: RuleStatus) -> str:
    """Return whether a rule protects, and if not, what is missing."""
    if rule.enforcing:
        return "enforcing"
    if rule.armed:
        return "shadow, only notes" if rule.mode == SHADOW else "judges, but nobody acts"
    if not rule.enabled:
        return "not in force"
    if not rule.loaded:
        return "not running"
    if not rule.subscribed:
        return "hears nothing"
    return "has not judged" if rule.evaluated is None else "judged too long ago"


def _desk(desk: DeskStatus, now: datetime) -> DeskView:
    age = None
    if desk.heartbeat is not None:
        age = round((now - datetime.fromisoformat(desk.heartbeat)).total_seconds(), 1)
    return DeskView(desk, age, gone(desk, age))


def gone(desk: DeskStatus, age_s: float | None) -> str | None:
    """Return why nobody hears a desk; None if it is heard, or starts for the first time."""
    if desk.state == "down":
        return "does not run"
    if desk.state == "starting" and desk.restarts and desk.hubs == "closed":
        return "has died and starts again"
    if desk.state == "stale" or (age_s is not None and age_s > OLD_S):
        return "does not answer"
    return None
