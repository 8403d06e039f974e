"""The texts of notices: scope, cause, figures, and what ends it."""

from config.notify import NotifyEvent
from ops.notify.notice import Notice
from ops.notify.shares import Part
from protocol.control import (
    AccountStatus,
    DeskStatus,
    EnforcementStatus,
    LockoutStatus,
    RuleStatus,
)
from protocol.decisions import AlarmKind

OTHERWISE = "It clears by itself when it is right again; `riskwarden status` shows it."
ENDS: dict[str, str] = {
    AlarmKind.CANNOT_ENFORCE: "riskwarden goes on trying. Close it by hand at the broker, now.",
    AlarmKind.FEED_BLIND: "Ends when prices and truth come again. Watch the position yourself.",
    AlarmKind.TRUTH_UNKNOWN: "Ends when the account is read again; unknown is not flat.",
    AlarmKind.CONTRACT_UNREAD: "Ends when the record is there; until then rules about money cannot "
    "judge what is held of it. Watch the position yourself.",
    AlarmKind.HUBS_LOST: "Ends when the hubs are back; positions are polled meanwhile.",
    AlarmKind.LOGIN_CONTESTED: "Ends when the other session of this login is closed.",
    AlarmKind.RULE_NOT_ARMED: "Until it ends, this rule protects nothing.",
    AlarmKind.LEDGER_DIFFERS: "Compare with the broker's figures. Ends when both agree again, "
    "or with the day; money paid in or out raises it too.",
    AlarmKind.STORE_FAILED: "Make room on the disk, or mend it.",
    AlarmKind.MARK_FAILED: "Mend the folder; `riskwarden doctor` says how. Ends when marks can be "
    "written again.",
    AlarmKind.CALENDAR_ENDS: "Ends with a newer calendar: update riskwarden or your own file.",
    AlarmKind.PRODUCT_UNKNOWN: "Mend the name in the configuration, then `riskwarden reload`.",
    AlarmKind.ACCOUNT_MISSING: "Ends when the broker lists the account again.",
}
"""What ends an alarm, or what to do until then."""
EVENTS = {
    AlarmKind.CANNOT_ENFORCE.value: NotifyEvent.CANNOT_ENFORCE,
    AlarmKind.FEED_BLIND.value: NotifyEvent.BLIND,
}
"""The alarms that have an event of their own."""


def scope(account: AccountStatus) -> str:
    """Return what people call an account."""
    known = "" if account.id is None else str(account.id)
    return f"account {f'{known} {account.name}'.strip()}"


def figures(account: AccountStatus) -> str:
    """Return an account's money and what it holds."""
    held = ", ".join(f"{one.side} {one.size} {one.contract}" for one in account.positions)
    money = (
        f"realized {account.realized or 'unknown'}, unrealized {account.unrealized or 'unknown'}"
    )
    return f"{money}, {f'holds {held}' if held else 'no position known'}"


def locked(key: str, account: AccountStatus, lock: LockoutStatus) -> Notice:
    """Tell of a lock."""
    end = f"at {lock.until}" if lock.until is not None else "when its condition ends"
    return Notice(
        key=key,
        event=NotifyEvent.LOCK,
        title=f"{scope(account)}: LOCKED by {lock.rule} ({lock.scope})",
        body=f"{lock.reason}\n{figures(account)}\nSince {lock.since}. Ends {end}, by nothing else.",
    )


def unlocked(key: str, account: AccountStatus, lock: LockoutStatus) -> Notice:
    """Tell of a lock's end."""
    others = ", ".join(one.rule for one in account.lockouts)
    still = f"Still locked by {others}." if others else "Nothing locks it any more."
    return Notice(
        key=key,
        event=NotifyEvent.LOCK_ENDED,
        title=f"{scope(account)}: the lock of {lock.rule} ({lock.scope}) has ended",
        body=f"It stood since {lock.since}. {still}",
    )


def failing(key: str, account: AccountStatus, one: EnforcementStatus) -> Notice:
    """Tell of an enforcement that did not do."""
    return Notice(
        key=key,
        event=NotifyEvent.ENFORCEMENT_FAILED,
        title=f"{scope(account)}: enforcement of {one.rule} FAILED, and is tried again",
        body=f"{one.why}\n{figures(account)}\nRequested {one.requested} ({one.id}). "
        "Ends when the broker's own reads prove it; if in doubt close by hand.",
    )


def warned(key: str, account: AccountStatus, rule: RuleStatus, part: Part, share: int) -> Notice:
    """Tell of a limit that is nearly used up, or of one part of it."""
    of = f" ({part.of})" if part.of else ""
    acts = "" if rule.enforcing else " It only watches (shadow, or not armed)."
    return Notice(
        key=key,
        event=NotifyEvent.WARNING,
        title=f"{scope(account)}: {share} % of {rule.rule}{of} is used",
        body=f"{part.used} of {part.limit}, {part.left} left.{acts}\n{figures(account)}\n"
        f"The day ends at {account.next_reset or 'a reset that is not known yet'}.",
    )


def alarmed(key: str, where: str, kind: str, why: str, more: str = "") -> Notice:
    """Tell of an alarm."""
    lines = (why, more, ENDS.get(kind, OTHERWISE))
    return Notice(
        key=key,
        event=EVENTS.get(kind, NotifyEvent.ALARM),
        title=f"{where}: ALARM {kind}",
        body="\n".join(line for line in lines if line),
    )


def cleared(key: str, where: str, kind: str) -> Notice:
    """Tell of an alarm's end."""
    return Notice(
        key=key,
        event=EVENTS.get(kind, NotifyEvent.ALARM),
        title=f"{where}: {kind} is over",
        body="It is right again.",
    )


def restarted(key: str, desk: DeskStatus) -> Notice:
    """Tell of a desk that died."""
    why = desk.last_end or "it gave no reason"
    return Notice(
        key=key,
        event=NotifyEvent.DESK,
        title=f"desk {desk.login}: died and is started again",
        body=f"{why}\n{desk.restarts} restarts since the service began. Its accounts are "
        "unprotected until they are armed again; locks come back first.",
    )


def gave_up(key: str, desk: DeskStatus, why: str) -> Notice:
    """Tell of a desk that ends too often."""
    return Notice(
        key=key,
        event=NotifyEvent.DESK,
        title=f"desk {desk.login}: DOES NOT STAY UP, its accounts are unprotected",
        body=f"{why}\nEnds when it is armed again. Look at the log, and do not trade meanwhile.",
    )


def summary(key: str, last: AccountStatus, enforced: int, failed: int) -> Notice:
    """Tell how a trading day went, by what was last known of it."""
    locks = ", ".join(one.rule for one in last.lockouts) or "none"
    return Notice(
        key=key,
        event=NotifyEvent.DAY,
        title=f"{scope(last)}: the day ended at {last.next_reset}",
        body=f"realized {last.realized or 'unknown'}; locks at its end: {locks}; "
        f"{enforced} enforcements, {failed} of them unproven; "
        f"{last.attempts_while_locked} attempts to trade while locked",
    )
