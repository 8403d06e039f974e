"""One login's desk over all of its lives, and what is published of it."""

from collections.abc import Sequence

from msgspec.structs import replace

from config.schema import AccountConfig
from ops.desk.outcome import Ending, Exit
from ops.desk.outlook import unseen
from ops.desk.pipe import Command
from ops.guardian.child import Child
from ops.guardian.totals import Totals
from protocol.control import ARMED, AccountStatus, DeskReload, DeskReport, DeskStatus
from protocol.lifecycle import Phase

UNREAD = {Phase.STARTING.value, Phase.READING.value}
"""States in which an account knows nothing of what it holds."""
FRESH_S = 3.0
"""How old a report may be to count for readiness."""
HUNG_S = 5.0
"""How long a desk may be silent before it is replaced."""
BOOT_S = 60.0
"""How long until its first word: stores that were not closed are checked, page by page."""
BACK_OFF_S = 0.25
BACK_OFF_MAX_S = 5.0
RETRY_S = 30.0
HOPELESS = frozenset({Exit.CONFIGURATION, Exit.GATEWAY, Exit.DEPENDENCY})
"""Exit codes that another start would only repeat."""


class Watch:
    """What the guardian knows of one login's desk."""

    def __init__(self, login: str, accounts: Sequence[AccountConfig]) -> None:
        self.login = login
        self.child: Child | None = None
        self.ended: Ending | None = None
        """How its last life ended, while there is no new one."""
        self.last_end: str | None = None
        self.restarts = 0
        self.was_armed = False
        self.gave_up: str | None = None
        self.configured = accounts
        """The accounts that the configuration names under it."""
        self._asked: Child | None = None
        self._report: DeskReport | None = None
        self._last: list[AccountStatus] = []
        self.totals = Totals()

    @property
    def name(self) -> str:
        """Return what the supervision tree calls it."""
        return f"desk/{self.login}"

    @property
    def is_alive(self) -> bool:
        """Tell whether its process runs, or hangs."""
        return self.child is not None and self.child.is_alive

    def begins(self, child: Child) -> None:
        """Take note of a new life."""
        self.child, self.ended, self._report = child, None, None
        self.totals.begins()

    def take(self, report: DeskReport) -> None:
        """Take a report; one from before its actors stand says nothing of its accounts.

        Nor does one of an account that has not been read yet say that it holds nothing.
        """
        before = {one.id: one for one in self._last}
        accounts = [remembered(one, before.get(one.id)) for one in report.accounts]
        report = replace(report, accounts=accounts)
        self._report = report
        if report.figures is not None:
            self.totals.take(report.figures)
        if report.accounts:
            self._last = report.accounts
        if any(one.state in ARMED for one in report.accounts):
            self.was_armed = True
        if report.armed:
            self.gave_up = None

    def died(self, code: int) -> Ending:
        """Take note of an end; return its reason."""
        said = self.child.ending if self.child is not None else None
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self.ended = said or Ending(code, f"desk {self.login} died by {how}")
        self.last_end = self.ended.message
        return self.ended

    def failed(self, why: str) -> Ending:
        """Take note of a life that did not begin."""
        self.child, self.ended, self.last_end = None, Ending(Exit.EXCEPTION, why), why
        return self.ended

    def ask(self, said: Command) -> None:
        """Ask its desk something; one that dies meanwhile need not answer."""
        self._asked = self.child
        if self.child is not None:
            self.child.tell(said)

    @property
    def reloaded(self) -> DeskReload | None:
        """Return its desk's last answer to a reload."""
        return None if self._report is None else self._report.reload

    def awaits(self, serial: int) -> bool:
        """Tell whether the desk that was asked has still to answer."""
        if not self.is_alive or self.child is not self._asked:
            return False
        return self.reloaded is None or self.reloaded.serial != serial

    def silence(self, now: float) -> float:
        """Return for how long it has said nothing."""
        if self.child is None:
            return float("inf")
        return now - (self.child.heard or self.child.started)

    def is_hung(self, now: float) -> bool:
        """Tell whether its process must be replaced."""
        if self.child is None or not self.child.is_alive:
            return False
        return self.silence(now) > (BOOT_S if self.child.heard is None else HUNG_S)

    def is_fresh(self, now: float) -> bool:
        """Tell whether what is known of it can be trusted."""
        return self.is_alive and self._report is not None and self.silence(now) <= FRESH_S

    def why_not_ready(self, now: float) -> str | None:
        """Return what keeps it from being ready; None when all of its accounts are armed."""
        if self.ended is not None:
            return f"not running: {self.ended.message}"
        if self._report is None:
            return "starting"
        if not self.is_fresh(now):
            return f"silent for {self.silence(now):.1f} s"
        if not self._report.armed:
            waiting = [text for one in self._report.accounts if (text := unarmed(one))]
            return f"not armed: {', '.join(waiting) or 'starting'}"
        return None

    def accounts(self, now: float) -> list[AccountStatus]:
        """Return its accounts, as last known when it is silent."""
        fresh = self.is_fresh(now)
        if fresh and self._report is not None and self._report.accounts:
            return self._report.accounts
        if self._last:
            return [replace(one, state="stale") for one in self._last]
        return [unseen(one, self._state(now), []) for one in self.configured]

    def desk(self, now: float) -> DeskStatus:
        """Return how its process stands."""
        alarms = list(self._report.desk.alarms) if self._report is not None else []
        if self.ended is not None:
            alarms.append(self.ended.message)
        if self.gave_up is not None:
            alarms.append(f"gave up, and tries every {RETRY_S:.0f} s: {self.gave_up}")
        pid = self.child.pid if self.child is not None and self.child.is_alive else None
        state, said = self._state(now), self._report.desk if self._report is not None else None
        if said is None:
            said = DeskStatus(
                login=self.login,
                state=state,
                pid=pid,
                hubs="closed",
                restarts=0,
                refused=0,
                calls_last_minute=0,
                commit_ms=0.0,
                alarms=[],
                heartbeat=None,
                checkpoints={},
            )
        return replace(
            said,
            state=state,
            pid=pid,
            restarts=self.restarts,
            alarms=alarms,
            last_end=self.last_end,
        )

    def _state(self, now: float) -> str:
        if self.ended is not None:
            return "down"
        if self._report is None:
            return "starting"
        return self._report.desk.state if self.is_fresh(now) else "stale"


def remembered(account: AccountStatus, before: AccountStatus | None) -> AccountStatus:
    """Return an account with what it was last seen to hold, until it has been read again."""
    if account.state not in UNREAD or account.positions or before is None:
        return account
    return replace(account, positions=before.positions, orders=before.orders)


def unarmed(account: AccountStatus) -> str:
    """Return what of an account is not armed: all of it, or some of its rules."""
    name = account.name or str(account.id)
    if account.state not in ARMED:
        return name
    rules = [
        f"{rule.rule} not {rule.lacks} since {rule.since}" for rule in account.rules if rule.lacks
    ]
    return f"{name} ({', '.join(rules)})" if rules else ""
