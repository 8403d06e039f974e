"""One life of a desk: stand up, connect, report, and end for a reason.

A process may live several lives.  When it learns that a configured name stands for another account
than it thought, or when the locks end for whose sake alone it guarded somebody, it ends the life
and begins another with new plans.
"""

import asyncio
import logging
import time
from typing import Any

from msgspec.structs import replace

from actors.adapters import clock
from config.schema import AccountConfig, LoginConfig, ServiceConfig
from ops.desk.boot import Progress, judge
from ops.desk.counts import Counts
from ops.desk.desk import Desk
from ops.desk.figures import figures
from ops.desk.inspector import Inspector
from ops.desk.link import Link
from ops.desk.marking import Marking
from ops.desk.marks import gateway_of, marks_of
from ops.desk.names import learn
from ops.desk.narrate import about, line
from ops.desk.opening import Opening, refused
from ops.desk.outcome import Ending, Exit
from ops.desk.outlook import Outlook, starting
from ops.desk.pipe import ReportPipe
from ops.desk.plans import Known, Ward, numbered, stand_up
from ops.desk.protecting import Protecting
from ops.desk.recall import recall_day
from ops.desk.reloads import Reloads, guarded, overtaken
from ops.desk.shipping import Shipping
from ops.desk.status import History
from ops.desk.tracing import Tracer
from protocol.account_facts import AccountSeen
from protocol.control import DeskReport
from protocol.decisions import Checkpoint, Decision
from protocol.units import AccountId, Now, RuleName

log = logging.getLogger(__name__)
REPORT_MIN_S = 0.25
REPORT_SHARE = 20
"""Reports take at most a twentieth of the loop's time."""
QUIET_S = 0.75
"""How long a report that says nothing new may wait."""
STOP_S = 1.1
MARK_S = 0.2
"""How long the last marks of the stores may take before these are closed."""
GUARDED = frozenset({"armed", "blind", "last_resort"})
"""States in which an account is looked after, well or as well as may be."""


class Life:
    """What a desk knows and does between a beginning and an end."""

    def __init__(
        self,
        *,
        config: ServiceConfig,
        login: LoginConfig,
        link: Link,
        pipe: ReportPipe,
        stop: "asyncio.Future[str]",
        arm_within: float,
        known: Known,
        spans: Shipping,
        counts: Counts,
        reloads: Reloads,
        opening: Opening,
        inspector: Inspector,
    ) -> None:
        self.config = config
        """The newest configuration: a reload replaces it."""
        self.login = login
        self.link = link
        self.known = known
        self.counts = counts
        self._pipe = pipe
        self._stop = stop
        self._reloads = reloads
        self._opening = opening
        self._inspector = inspector
        self._arm_within = arm_within
        self._tracer = Tracer(clock.now, spans.take) if spans.is_on else None
        self._began = time.monotonic()
        self._gave_up: str | None = None
        self._armed = False
        self._running = False
        self._reported: DeskReport | None = None
        self._reported_at = 0.0
        self._rest_s = REPORT_MIN_S
        self._history = History()
        self._protecting = Protecting()
        self._learnt: dict[AccountId, AccountSeen] | None = None

    async def live(self) -> Ending | None:
        """Live until there is a reason to end; None asks for another life."""
        standing = asyncio.create_task(asyncio.to_thread(self._stand_up))
        while not standing.done():
            self._pipe.write(starting(self.login.name))
            await asyncio.wait(
                (standing, self._stop), timeout=QUIET_S, return_when=asyncio.FIRST_COMPLETED
            )
            if self._stop.done():
                return Ending(Exit.OK, f"the desk ends: {self._stop.result()}")
        wards, nameless = standing.result()
        self._outlook = Outlook(self.login.name, wards, nameless)
        self._outlook.warn()
        plans = tuple(ward.plan for ward in wards)
        stores = {ward.plan.account_id: ward.store for ward in wards}
        self._desk = Desk(
            plans,
            stores,
            clock.now,
            self._decided,
            self._given_up,
            tracing=self._tracer,
            counts=self.counts,
        )
        self.counts.expect(plans)
        self.link.on_event, self.link.on_notice = self._desk.event, self._desk.notice
        lost = {ward.plan.account_id: ward.lost for ward in wards if ward.lost is not None}
        self._marking = self._to_mark(wards)
        self._desk.start(self.link, lost)
        self._inspector.desk = self._desk
        self._marking.start()
        loading = asyncio.create_task(self.link.load())
        try:
            ending = await self._go_on(loading, wards)
        finally:
            clean = await self._end(loading)
        if ending is None and not clean:
            return Ending(Exit.EXCEPTION, "the stores could not be closed to be opened again")
        return ending

    def _stand_up(self) -> tuple[list[Ward], list[AccountConfig]]:
        """Open the stores and read the day back: beside the loop, for large ones take long."""
        wards, nameless = stand_up(self.config, self.login.name, self.known, clock.now().wall)
        recall_day(wards, self._history)
        return wards, nameless

    def _to_mark(self, wards: list[Ward]) -> Marking:
        marks = marks_of(self.config.service.data_dir)
        return Marking(marks, gateway_of(self.login.api_url), wards)

    async def _go_on(self, loading: "asyncio.Task[None]", wards: list[Ward]) -> Ending | None:
        while not self._stop.done():
            if loading.done():
                loading.result()
            ending = self._products()
            if ending is None:
                self._report()
                self.link.said_events.speak()
                ending = self._judge()
            if ending is not None:
                return ending
            if self._is_overtaken(wards):
                return None
            if self._reloads.heard.is_set():
                self._reload(wards)
            await self._rest()
        return Ending(Exit.OK, f"the desk ends: {self._stop.result()}")

    async def _rest(self) -> None:
        """Wait a little, but let neither the end nor a reload wait."""
        heard = asyncio.ensure_future(self._reloads.heard.wait())
        news: list[asyncio.Future[Any]] = [self._stop, heard, *self._opening.searching]
        await asyncio.wait(news, timeout=self._rest_s, return_when=asyncio.FIRST_COMPLETED)
        heard.cancel()

    def _reload(self, wards: list[Ward]) -> None:
        """Ask every account to be guarded by the newest configuration."""
        accounts = guarded((ward.plan for ward in wards), self._desk.runtime.addresses)
        self.config, wishes = self._reloads.begin(
            self.config, self.login.name, self.known, accounts
        )
        for wish in wishes:
            self._desk.notice(wish)

    async def _end(self, loading: "asyncio.Task[None]") -> bool:
        """Flush the journal and let go; whoever hangs is left behind."""
        loading.cancel()
        self._opening.end()
        await asyncio.to_thread(self._marking.stop, MARK_S)
        try:
            await asyncio.wait_for(self._desk.stop(), STOP_S)
        except TimeoutError:
            log.error("not everything could be closed within %.1f s", STOP_S)  # noqa: TRY400
            return False
        return not self._desk.journal.is_alive

    def _judge(self) -> Ending | None:
        if self._gave_up is not None:
            return Ending(Exit.EXCEPTION, f"the desk gave up: {self._gave_up}")
        if not self._desk.journal.is_alive:
            return Ending(Exit.EXCEPTION, "the journal's threads are gone")
        if self._pipe.is_broken:
            return Ending(Exit.OK, "the desk ends: nobody takes its reports")
        listed = self.link.listed
        return judge(
            Progress(
                asking_s=since(self.link.loaded_at) or 0.0,
                logged_in_s=since(self.link.logged_in_at),
                arm_within=self._arm_within,
                refused=self.link.refused,
                why=self.link.why,
                api_url=self.login.api_url,
                login=self.login.name,
                listed=None if listed is None else {n: seen.name for n, seen in listed.items()},
                guarded=frozenset(plan.account_id for plan in self._desk.plans),
                nameless=self._outlook.names,
                armed=self._armed,
            )
        )

    def _products(self) -> Ending | None:
        """Look up what the rules name; refuse the start over it, or raise an alarm."""
        accounts = numbered(self.config, self.login.name, self.known)
        self._opening.tend(self.link, accounts.values())
        waited, now = since(self.link.logged_in_at), self._desk.clock()
        states, names = self._desk.runtime.states, self._outlook.names
        unlisted = self._opening.decide(accounts, names, waited, states, now)
        if unlisted:
            return refused(self.login.name, unlisted)
        for decision in self._opening.alarms(accounts, self._history.alarms):
            self._decided(decision, now)
        return None

    def _is_overtaken(self, wards: list[Ward]) -> bool:
        """Tell whether other plans would be made today than were made at the start."""
        listed = self.link.listed
        if listed is not None and listed is not self._learnt:
            self._learnt = listed
            if learn(self.config, self.login.name, self.known, listed):
                log.info("the Gateway told whose names are configured: standing up again")
                return True
        return self._reloads.is_idle and overtaken(
            wards, self.config, self.login.name, self.known, self._desk.runtime.states
        )

    def _report(self) -> None:
        """Tell the guardian what is new, or at least that we live."""
        began, desk = time.monotonic(), self._desk
        drift = self.counts.drift.look(desk.plans, desk.runtime.states, desk.clock())
        for alarm in (*drift, *self._marking.look()):
            self._decided(alarm, desk.clock())
        report = self._outlook.report(desk, self._history, self.link.spent, self.link.ping_ms)
        accounts, said = self._protecting.look(
            report.accounts, self._configured(), self._history.alarms, self._desk.clock()
        )
        armed = report.armed and not any(rule.lacks for one in accounts for rule in one.rules)
        report = replace(report, accounts=accounts, armed=armed, reload=self._reloads.told)
        for decision in said:
            self._decided(decision, self._desk.clock())
        self._armed = self._armed or any(one.state in GUARDED for one in accounts)
        report = self._opening.shown(report)
        still = self._outlook.still(report)
        if still != self._reported or began - self._reported_at >= QUIET_S:
            counted = figures(self._desk, self._history, self.link.spent)
            self._pipe.write(replace(report, figures=counted))
            self._reported, self._reported_at = still, began
        if report.armed and not self._running:
            self._running = True
            took = began - self._began
            say = self.counts.checkpoints.say
            say(Checkpoint.RUNNING, f"running, all accounts armed {took:.1f} s after the start")
        took = time.monotonic() - began
        self._rest_s = min(max(REPORT_MIN_S, REPORT_SHARE * took), QUIET_S)

    def _configured(self) -> dict[AccountId, tuple[RuleName, ...]]:
        """Return the rules that the newest configuration names, once every account has heard it."""
        if not self._reloads.is_idle:
            return {}
        accounts = numbered(self.config, self.login.name, self.known)
        return {number: tuple(one.rules) for number, one in accounts.items()}

    def _decided(self, decision: Decision, now: Now) -> None:
        self._history.take(decision, now)
        self._reloads.take(decision)
        self._marking.take(decision)
        said = line(decision)
        self.counts.decided(decision, self._desk.runtime.states)
        if said.checkpoint is not None:
            self.counts.checkpoints.passed(said.checkpoint)
        log.log(said.level, "%s", said, extra=about(decision))

    def _given_up(self, why: str) -> None:
        self._gave_up = why


def since(instant: float | None) -> float | None:
    """Return the seconds since an instant, None if it has not come."""
    return None if instant is None else time.monotonic() - instant
