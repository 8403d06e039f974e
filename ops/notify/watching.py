"""What is worth telling: the service's status now, compared with what was seen before.

Pure: a table of statuses goes in, notices come out.  A lock is told once in its life, a share of a
limit once a day; an alarm that comes and goes is told at most once in five minutes.  A status that
is stale, or of a desk that is only starting, ends nothing: what it does not mention still stands.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from ops.notify import words
from ops.notify.notice import Notice
from ops.notify.shares import used_parts
from protocol.control import (
    ARMED,
    AccountStatus,
    DeskStatus,
    EnforcementStatus,
    LockoutStatus,
    ServiceStatus,
)
from protocol.decisions import AlarmKind
from protocol.units import SECOND, Nanos
from protocol.words import instant_text

REPEAT_S = 300.0
"""How long the same trouble is not told again."""
TOLD_MAX = 1_000
UP = frozenset({"armed", "degraded"})
KINDS = frozenset(kind.value for kind in AlarmKind)
GAVE_UP = "gave up"
DAY = timedelta(days=1)
DAY_KEY = "day/"
ENFORCEMENTS_MAX = 500
CONFIRMED, FAILING, WITHDRAWN = "confirmed", "failing", "withdrawn"


class Seen(msgspec.Struct, frozen=True):
    """What was seen so far; `told` are keys of what need never be told again, oldest first."""

    told: dict[str, None] = {}
    locks: dict[str, LockoutStatus] = {}
    alarms: dict[str, str] = {}
    raised: dict[str, float] = {}
    restarts: dict[str, int] = {}
    last: dict[str, AccountStatus] = {}


def look(
    seen: Seen, status: ServiceStatus, shares: tuple[int, ...], now: float, wall: str
) -> tuple[Seen, list[Notice]]:
    """Return what is seen now, and what is new of it; `wall` is the instant as the status says."""
    watching = _Watching(seen, now)
    for desk in status.desks:
        watching.desk(desk)
    for account in status.accounts:
        watching.account(account, shares, wall)
    return watching.seen(), watching.notices


class _Watching:
    """One look: copies of what was seen, changed on the way."""

    def __init__(self, seen: Seen, now: float) -> None:
        self.notices: list[Notice] = []
        self._now = now
        self._told, self._locks, self._alarms = dict(seen.told), dict(seen.locks), dict(seen.alarms)
        self._raised = {key: at for key, at in seen.raised.items() if now - at < REPEAT_S}
        self._restarts, self._last = dict(seen.restarts), dict(seen.last)

    def seen(self) -> Seen:
        """Return what is known after it."""
        told = dict.fromkeys(tuple(self._told)[-TOLD_MAX:])
        return Seen(told, self._locks, self._alarms, self._raised, self._restarts, self._last)

    def desk(self, desk: DeskStatus) -> None:
        """Look at a desk."""
        before = self._restarts.get(desk.login, 0)
        self._restarts[desk.login] = desk.restarts
        if desk.restarts > before:
            self._again(words.restarted(f"desk/{desk.login}/restart", desk))
        where = f"desk {desk.login}"
        self._alarm(f"desk/{desk.login}", where, desk.alarms, judged=desk.state in UP)
        for why in desk.alarms:
            if why.startswith(GAVE_UP):
                self._again(words.gave_up(f"desk/{desk.login}/gave_up", desk, why))

    def account(self, account: AccountStatus, shares: tuple[int, ...], wall: str) -> None:
        """Look at an account."""
        who = f"{account.login}/{account.id if account.id is not None else account.name}"
        judged = account.state in ARMED
        self._lock(who, account, judged=judged)
        for one in account.enforcements:
            if one.state == FAILING:
                self._once(words.failing(f"failing/{who}/{one.id}", account, one))
        more = words.figures(account)
        self._alarm(f"account/{who}", words.scope(account), account.alarms, more, judged=judged)
        if not judged:
            return
        self._day(who, account, wall)
        self._shares(who, account, shares)
        if account.next_reset is not None:
            self._remember(who, account)

    def _remember(self, who: str, account: AccountStatus) -> None:
        """Note what a summary tells of the day, and nothing that moves with every price.

        A desk that was restarted may tell of fewer enforcements than were seen.
        """
        last, known = self._last.get(who), account.enforcements
        if last is not None and last.next_reset == account.next_reset:
            known = _merged(last.enforcements, known)
        self._last[who] = replace(
            account,
            enforcements=known,
            unrealized=None,
            positions=[],
            orders=[],
            rules=[],
            feed=None,
        )

    def _lock(self, who: str, account: AccountStatus, *, judged: bool) -> None:
        present = {
            f"lock/{who}/{one.rule}/{one.scope}/{one.since}": one for one in account.lockouts
        }
        for key, lock in present.items():
            self._once(words.locked(key, account, lock))
            self._locks[key] = lock
        if not judged:
            return
        for key in [one for one in self._locks if one.startswith(f"lock/{who}/")]:
            if key not in present:
                self._once(words.unlocked(f"un{key}", account, self._locks.pop(key)))

    def _alarm(
        self, owner: str, where: str, alarms: list[str], more: str = "", *, judged: bool
    ) -> None:
        present = dict(_by_kind(alarms))
        for kind, why in present.items():
            key = f"alarm/{owner}/{kind}"
            if key not in self._alarms and self._again(words.alarmed(key, where, kind, why, more)):
                self._alarms[key] = why
        if not judged:
            return
        for key in [one for one in self._alarms if one.startswith(f"alarm/{owner}/")]:
            kind = key.rpartition("/")[2]
            if kind not in present:
                del self._alarms[key]
                self.notices.append(words.cleared(key, where, kind))

    def _day(self, who: str, account: AccountStatus, wall: str) -> None:
        """Tell how the day went, when its reset has come and the next one is set."""
        last = self._last.get(who)
        if last is None or last.next_reset is None or account.next_reset is None:
            return
        if not last.next_reset <= wall or account.next_reset <= last.next_reset:
            return
        began = _day_before(last.next_reset)
        known = _merged(last.enforcements, account.enforcements)
        day = [one for one in known if began <= one.requested < last.next_reset]
        unproven = [one for one in day if one.state not in (CONFIRMED, WITHDRAWN)]
        key = f"{DAY_KEY}{who}/{last.next_reset}"
        self._once(words.summary(key, last, len(day), len(unproven)))

    def _shares(self, who: str, account: AccountStatus, shares: tuple[int, ...]) -> None:
        for rule in account.rules:
            for part in used_parts(rule):
                crossed = [one for one in sorted(shares) if one <= part.percent]
                what = f"share/{who}/{rule.rule}{part.of and f' {part.of}'}"
                keys = {f"{what}/{one}/{account.next_reset}": one for one in crossed}
                if part.is_within and any(key not in self._told for key in keys):
                    key, share = max(keys.items(), key=lambda one: one[1])
                    self._once(words.warned(key, account, rule, part, share))
                self._told |= dict.fromkeys(keys)

    def _once(self, notice: Notice) -> None:
        if notice.key not in self._told:
            self._told[notice.key] = None
            self.notices.append(notice)

    def _again(self, notice: Notice) -> bool:
        """Tell it, unless the same was told a short while ago; say whether it was."""
        if notice.key in self._raised:
            return False
        self._raised[notice.key] = self._now
        self.notices.append(notice)
        return True


def whose_day(key: str) -> str | None:
    """Return whose summary a notice's key stands for; None for other notices."""
    return key.removeprefix(DAY_KEY).rpartition("/")[0] if key.startswith(DAY_KEY) else None


def _merged(
    before: list[EnforcementStatus], now: list[EnforcementStatus]
) -> list[EnforcementStatus]:
    """Return every enforcement once, as last told, a day's worth."""
    return list({one.id: one for one in (*before, *now)}.values())[-ENFORCEMENTS_MAX:]


def _by_kind(alarms: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each alarm's kind and cause; what the guardian adds of its own has no kind."""
    for text in alarms:
        kind, _, why = text.partition(": ")
        if kind in KINDS:
            yield kind, why


def _day_before(instant: str) -> str:
    """Return the instant a day earlier, written alike."""
    at = datetime.fromisoformat(instant) - DAY
    return instant_text(Nanos(round(at.timestamp()) * SECOND))
