"""Reloads as a desk sees them: what was asked, what was read, what the accounts made of it.

One for the process, since a change of who is guarded ends one of its lives and begins another.
The settings themselves are taken by each account (actors/settings.py); here is only who asks whom,
and what is answered once it is on the disk.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Container, Iterable
from typing import Any, NamedTuple

from msgspec.structs import replace

from actors.plan import AccountPlan, settings_of
from actors.rules.rule import Mode
from actors.tree import SETTINGS
from config.errors import ConfigError
from config.schema import ServiceConfig
from ops.desk.pipe import Command
from ops.desk.plans import Known, Ward, numbered, wanted_plan
from protocol.control import AccountChange, DeskReload
from protocol.decisions import ConfigurationRefused, ConfigurationTaken, Decision
from protocol.message import Message
from protocol.settings import Reconfigure, RefuseSettings
from protocol.units import AccountId
from protocol.words import instant_text

log = logging.getLogger(__name__)
PATIENCE_S = 5.0
"""How long an account may take to answer; one that dies meanwhile never does."""
WHOLE_TREE = ("mode", "reset")
"""Keys of an account that all of its actors are built on: they change as it stands up anew."""
RESORT = {
    Mode.ENFORCE: "everything is closed and cancelled, and no rule judges",
    Mode.SHADOW: "no rule judges, and being in shadow nothing is closed",
}
"""What holds of an account whose actors are gone."""
UNTIL = "until the service is restarted, which takes this configuration in"


class Guarded(NamedTuple):
    """An account of a desk, and whether its actors live: those of one in last resort do not."""

    plan: AccountPlan
    lives: bool


def guarded(plans: Iterable[AccountPlan], addresses: Container[str]) -> list[Guarded]:
    """Return the accounts of a desk on which these actors live."""
    return [Guarded(plan, f"account/{plan.account_id}/{SETTINGS}" in addresses) for plan in plans]


class Reloads:
    """What the guardian asked last, and how far it has come."""

    def __init__(self, read: Callable[[], ServiceConfig]) -> None:
        self.heard = asyncio.Event()
        self.told: DeskReload | None = None
        """The answer, once every account has given its own."""
        self._read = read
        self._asked: deque[Command] = deque()
        self._serial = 0
        self._open: set[AccountId] = set()
        self._changes: dict[AccountId, AccountChange] = {}
        self._problem = ""
        self._late = 0.0

    @property
    def is_idle(self) -> bool:
        """Tell whether every account has answered: until then nobody may be stood up anew."""
        return not self._open or time.monotonic() > self._late

    def ask(self, command: Command) -> None:
        """Note what the guardian asks."""
        self._asked.append(command)
        self.heard.set()

    def begin(
        self,
        config: ServiceConfig,
        login: str,
        known: Known,
        accounts: Collection[Guarded],
    ) -> tuple[ServiceConfig, list[Message]]:
        """Return the configuration from now on, and what to tell the accounts of a desk.

        An account that does not live can take nothing: it is answered for here, and will take it
        as it is stood up again.
        """
        command, config_read = self._asked.popleft(), config
        if not self._asked:
            self.heard.clear()
        self._serial, self._problem, self._changes = command.serial, "", {}
        self._late = time.monotonic() + PATIENCE_S
        messages: list[Message] = []
        if command.command == "reload":
            try:
                config_read = self._read()
            except (ConfigError, OSError) as error:
                self._problem = f"what was accepted cannot be read back: {error}"
                log.error("%s", self._problem)  # noqa: TRY400
            else:
                messages = list(wishes(config_read, login, known, accounts))
                self._changes = {
                    plan.account_id: resorted(plan) for plan, lives in accounts if not lives
                }
        else:
            messages = [
                RefuseSettings(account_id=plan.account_id, problems=command.problems)
                for plan, lives in accounts
                if lives
            ]
        self._open = {one.account_id for one in messages}  # type: ignore[attr-defined]
        self._close()
        return config_read, messages

    def take(self, decision: Decision) -> None:
        """Note what an account has decided, and written down."""
        match decision:
            case ConfigurationTaken(on="reload", account_id=account_id):
                self._changes[account_id] = change(decision)
            case ConfigurationRefused(account_id=account_id):
                pass
            case _:
                return
        self._open.discard(account_id)
        self._close()

    def _close(self) -> None:
        if self._open:
            return
        changes = [self._changes[number] for number in sorted(self._changes)]
        self.told = DeskReload(serial=self._serial, accounts=changes, problem=self._problem)


def wishes(
    config: ServiceConfig, login: str, known: Known, accounts: Iterable[Guarded]
) -> Iterable[Reconfigure]:
    """Yield what each guarded account is asked to be guarded by; one taken out by no rules."""
    configured = numbered(config, login, known)
    for plan, lives in accounts:
        if not lives:
            continue
        account = configured.get(plan.account_id)
        if account is None:
            wanted = settings_of(replace(plan, rules={}))
        else:
            wanted = settings_of(wanted_plan(account, plan.account_id, plan.name))
        yield Reconfigure(account_id=plan.account_id, wanted=wanted)


def overtaken(
    wards: list[Ward], config: ServiceConfig, login: str, known: Known, states: dict[str, Any]
) -> bool:
    """Tell whether other accounts, modes or days are to be guarded than stand here."""
    configured = set(numbered(config, login, known))
    if configured - {ward.plan.account_id for ward in wards}:
        return True
    return any(is_outdated(ward, configured, states) for ward in wards)


def is_outdated(ward: Ward, configured: set[AccountId], states: dict[str, Any]) -> bool:
    """Tell whether an account must stand up anew, or not at all any more.

    When its locks end is for the lockout actor to say: it goes by two clocks.
    """
    account_id = ward.plan.account_id
    path = f"account/{account_id}"
    locks, kept = states.get(f"{path}/lockout"), states.get(f"{path}/{SETTINGS}")
    if locks is None or kept is None:
        return False
    is_locked = bool(locks.locks)
    if account_id not in configured:
        over = not is_locked and not kept.held.rules
    elif ward.held:
        over = not is_locked
    else:
        before = ward.plan.settings
        over = before is not None and any(
            before.held.account[key] != kept.held.account[key] for key in WHOLE_TREE
        )
    if over:
        log.warning("[%d] what kept it as it was is over: as configured again", account_id)
    return over


def resorted(plan: AccountPlan) -> AccountChange:
    """Return the answer for an account in last resort, which cannot give one."""
    what = f"its actors are gone, and it is in last resort: {RESORT[plan.mode]}, {UNTIL}"
    return AccountChange(id=plan.account_id, applied=[], waits=[], until=None, instead=what)


def change(taken: ConfigurationTaken) -> AccountChange:
    """Return an account's answer for people and programs."""
    return AccountChange(
        id=taken.account_id,
        applied=list(taken.applied),
        waits=list(taken.waits),
        until=None if taken.until is None else instant_text(taken.until),
    )
