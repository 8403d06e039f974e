"""The products of a desk's rules, looked up as it starts and as its configuration changes.

A product that the Gateway does not list refuses the start while nothing is at stake: every account
is flat, without working orders and without locks, and nothing was guarded in the service's life
before.  In every other case it is an alarm, and guarding goes on.  Until that is decided, for a few
seconds at most, no account is reported as armed; what happens meanwhile is judged and enforced.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from actors.model.account_state import State as AccountState
from actors.model.account_state import in_force
from actors.model.budget import spare
from config.schema import AccountConfig
from ops.desk.link import Link
from ops.desk.outcome import Ending, Exit
from ops.desk.products import Catalogue, Named, Perform, Unlisted, look_up, named
from ops.desk.status import Alarms
from protocol.answers import RESERVED, ContractsFailed
from protocol.commands import SearchContracts
from protocol.control import ARMED, DeskReport
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised, Decision
from protocol.lifecycle import Phase
from protocol.message import Message
from protocol.units import AccountId, Now

log = logging.getLogger(__name__)
PATIENCE_S = 5.0
"""How long after the login the start may wait for what the Gateway says of products."""
RETRY_S = 1.0
RETRY_MAX_S = 60.0
KIND = AlarmKind.PRODUCT_UNKNOWN

type Accounts = Mapping[AccountId, AccountConfig]


class Opening:
    """One for a desk's process: what was looked up, and whether its start is decided."""

    def __init__(self, *, again: bool) -> None:
        self.is_open = not again
        """Whether the start can still be refused."""
        self._catalogue = Catalogue()
        self._task: asyncio.Task[str] | None = None
        self._fails = 0
        self._next = 0.0
        self._why = ""

    @property
    def searching(self) -> "tuple[asyncio.Task[str], ...]":
        """Return what is being looked up: when it is done there is something to decide."""
        return () if self._task is None else (self._task,)

    def tend(self, link: Link, accounts: Iterable[AccountConfig]) -> None:
        """Have looked up what was not yet, once the login stands."""
        if self._task is not None:
            if not self._task.done():
                return
            self._told(outcome(self._task))
            self._task = None
        untold = self._catalogue.untold(_named(accounts))
        if untold and link.logged_in_at is not None and time.monotonic() >= self._next:
            search = look_up(_yielding(link), untold, self._catalogue)
            self._task = asyncio.get_running_loop().create_task(search)

    def end(self) -> None:
        """Look nothing up any more in this life of the desk: its line is about to close."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def decide(
        self,
        accounts: Accounts,
        nameless: tuple[str, ...],
        waited_s: float | None,
        states: Mapping[str, object],
        now: Now,
    ) -> list[Unlisted]:
        """Return why the start is refused; nothing while that is open, or if it is not.

        `nameless` are accounts whose number is not known, `waited_s` the time since the login,
        `states` what the desk's actors know.
        """
        if not self.is_open or waited_s is None:
            return []
        names = _named(accounts.values())
        late = waited_s > PATIENCE_S
        if (nameless or self._catalogue.untold(names)) and not late:
            return []
        unlisted = self._catalogue.unlisted(names)
        guarded = [state for state in states.values() if isinstance(state, AccountState)]
        if unlisted and not late and not all(one.known for one in guarded):
            return []
        self.is_open = False
        if (
            nameless
            or len(guarded) < len(accounts)
            or not all(at_rest(one, now) for one in guarded)
        ):
            return []
        return unlisted

    def alarms(self, accounts: Accounts, raised: Alarms) -> list[Decision]:
        """Return the alarms to raise and to clear; none before the start is decided."""
        said: list[Decision] = []
        for account_id, account in accounts.items() if not self.is_open else ():
            why = "; ".join(map(str, self._catalogue.unlisted(named(account))))
            stands = raised.get((account_id, KIND))
            if why and why != stands:
                said.append(AlarmRaised(account_id=account_id, kind=KIND, why=why))
            elif stands is not None and not why:
                said.append(AlarmCleared(account_id=account_id, kind=KIND))
        return said

    def shown(self, report: DeskReport) -> DeskReport:
        """Return a report in which nobody is armed yet while the start can still be refused."""
        if not self.is_open:
            return report
        waiting = Phase.EVALUATED.value
        accounts = [
            replace(one, state=waiting) if one.state in ARMED else one for one in report.accounts
        ]
        return replace(report, accounts=accounts, armed=False)

    def _told(self, why: str) -> None:
        if not why:
            self._fails, self._why = 0, ""
            return
        if why != self._why:
            log.warning("products named in the rules cannot be looked up, tried again: %s", why)
        pause = min(RETRY_S * (1 << min(self._fails, 6)), RETRY_MAX_S)
        self._fails, self._why, self._next = self._fails + 1, why, time.monotonic() + pause


def outcome(task: "asyncio.Task[str]") -> str:
    """Return why a search left something untold; a mistake of ours ends no desk."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("the search fails", exc_info=error)
        return f"{type(error).__name__}: {error}"
    return "it was given up" if task.cancelled() else task.result()


def refused(login: str, unlisted: Iterable[Unlisted]) -> Ending:
    """Say why a desk does not start."""
    told = " | ".join(map(str, unlisted))
    return Ending(Exit.CONFIGURATION, f"login {login}: the start is refused: {told}")


def at_rest(state: AccountState, now: Now) -> bool:
    """Tell whether an account is known to hold nothing, to have no order at work and no lock."""
    exposed = state.view.holdings or state.view.orders
    return state.known and not exposed and not in_force(state, now)


def _named(accounts: Iterable[AccountConfig]) -> list[Named]:
    return [one for account in accounts for one in named(account)]


def _yielding(link: Link) -> Perform:
    """Return what searches, and leaves the minute's requests to whoever needs them more."""

    async def search(command: SearchContracts) -> Message | None:
        if not spare(link.spent):
            return ContractsFailed(text=command.text, why=RESERVED)
        return await link.perform(command)

    return search
