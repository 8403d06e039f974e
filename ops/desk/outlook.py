"""A desk's report: what its actors say of themselves, and what only its process knows."""

import logging
import os

from msgspec.structs import replace

from actors.adapters import clock
from config.schema import AccountConfig
from ops.desk.desk import Desk
from ops.desk.hearing import ageless
from ops.desk.plans import Ward
from ops.desk.status import History, report
from protocol.control import AccountStatus, DeskReport, DeskStatus
from protocol.words import instant_text

log = logging.getLogger(__name__)


class Outlook:
    """Whom a desk guards, whom it cannot find, and what is wrong with either."""

    def __init__(self, login: str, wards: list[Ward], nameless: list[AccountConfig]) -> None:
        self._login = login
        self._alarms: dict[int | None, list[str]] = {
            ward.plan.account_id: list(ward.alarms) for ward in wards if ward.alarms
        }
        self._nameless = nameless

    @property
    def names(self) -> tuple[str, ...]:
        """Return the configured names that stand for no known account."""
        return tuple(account.name or "" for account in self._nameless)

    def warn(self) -> None:
        """Log the alarms that were raised before there was anyone to raise them."""
        for account_id, alarms in self._alarms.items():
            for alarm in alarms:
                log.error("[%d] ALARM %s", account_id, alarm, extra={"account": account_id})

    def report(
        self, desk: Desk, history: History, spent: int, ping_ms: float | None = None
    ) -> DeskReport:
        """Return how the desk and its accounts stand."""
        told = report(desk, history, self._login, spent, ping_ms)
        accounts = [
            replace(one, alarms=[*self._alarms.get(one.id, ()), *one.alarms])
            for one in told.accounts
        ]
        if not self._nameless:
            return replace(told, accounts=accounts)
        unknown = "the Gateway has not listed exactly one account of this name"
        accounts += [unseen(one, "missing", [unknown]) for one in self._nameless]
        return replace(told, accounts=accounts, armed=False)

    def still(self, told: DeskReport) -> DeskReport:
        """Return a report without what changes by itself, to compare it with another."""
        desk = replace(told.desk, heartbeat=None, calls_last_minute=0, commit_ms=0.0)
        desk = replace(desk, ping_ms=None)
        accounts = [replace(one, feed=ageless(one.feed)) for one in told.accounts]
        return replace(told, desk=desk, accounts=accounts)


def starting(login: str) -> DeskReport:
    """Return the report of a desk that has not stood up yet."""
    desk = DeskStatus(
        login=login,
        state="starting",
        pid=os.getpid(),
        hubs="closed",
        restarts=0,
        refused=0,
        calls_last_minute=0,
        commit_ms=0.0,
        alarms=[],
        heartbeat=instant_text(clock.now().wall),
        checkpoints={},
    )
    return DeskReport(desk=desk, accounts=[], armed=False)


def unseen(account: AccountConfig, state: str, alarms: list[str]) -> AccountStatus:
    """Return the status of an account that no actor stands for."""
    return AccountStatus(
        id=account.id,
        name=account.name or "",
        login=account.login,
        state=state,
        mode=account.mode.value,
        locked=False,
        lockouts=[],
        realized=None,
        unrealized=None,
        positions=[],
        rules=[],
        enforcements=[],
        attempts_while_locked=0,
        next_reset=None,
        alarms=alarms,
    )
