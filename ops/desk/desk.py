"""The desk: feeds inputs to the actors, commits what they cause, and only then lets it out.

Everything that happens is one input in one queue: a hub message, an answer, a tick.  An input is
run to completion; its share of each account goes to the journal thread as one batch; when that is
on the disk its commands leave, each in a task of its own, and their answers are inputs again.

A commit that takes longer than the patience of ops/desk/release.py does not hold back a
risk-reducing call: the call leaves, an alarm says that the store is slow, and the batch is written
when the disk is able.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from actors.adapters import decode
from actors.adapters.clock import Clock
from actors.adapters.journal import JournalThread
from actors.adapters.spans import Context, outcome
from actors.adapters.storage import Batch, Storage
from actors.plan import AccountPlan
from actors.roster import DeskRoster
from actors.runtime import ROOT, Runtime
from actors.turn import Portion, Turn
from ops.desk import routes
from ops.desk.broker import Broker
from ops.desk.clocks import Clocks
from ops.desk.counts import Counts
from ops.desk.intake import Intake, Raw
from ops.desk.pace import BURST_MAX, Pace
from ops.desk.release import PATIENCE_S, Release
from ops.desk.stores import STORE, Lost
from ops.desk.untraced import NOTHING, Leg, Tracing, Untraced
from protocol.answers import LoginFailed, Refused
from protocol.codec import Recorded
from protocol.commands import Mutation, Read
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised, Decision
from protocol.lockouts import LockKind, LockRequest, SetLock
from protocol.message import Message
from protocol.units import SECOND, AccountId, Nanos, Now

log = logging.getLogger(__name__)

UNWRITTEN_MAX = 512
LOOK_S = 1.0
"""The clocks are looked at this often at least, so that a jump is noticed."""
FLUSH_S = 0.05
FLUSHED_MAX = 8
"""Accounts whose uneventful records are written in one flush: the disk stays free for breaches."""
CLOSE_S = 1.0


class Desk:
    """One login's actors at work.  Lives on the event loop's thread."""

    def __init__(
        self,
        plans: tuple[AccountPlan, ...],
        stores: dict[AccountId, Storage],
        clock: Clock,
        on_decision: Callable[[Decision, Now], None],
        on_end: Callable[[str], None],
        *,
        tracing: Tracing | None = None,
        counts: Counts | None = None,
    ) -> None:
        self.plans = plans
        self.clock = clock
        self.began = clock().mono
        self.counts = counts or Counts()
        self.refused = 0
        self.inputs = 0
        self.login_failed: LoginFailed | None = None
        self._stores = stores
        self._on_decision = on_decision
        self._on_end = on_end
        self._tracing = tracing or Untraced()
        self.intake = Intake(self.counts, self._tracing)
        self._scheduled = self._stopping = False
        self._pace = Pace(self.counts.wire)
        self._timer: asyncio.TimerHandle | None = None
        self._flusher: asyncio.TimerHandle | None = None
        self._unwritten: dict[AccountId, list[Recorded]] = {}
        self._unwell: set[tuple[AccountId | None, AlarmKind]] = set()
        self._now = Clocks(clock, self.counts.wire, self)
        self._tasks: set[asyncio.Task[None]] = set()
        stored: dict[str, bytes] = {}
        for store in stores.values():
            stored |= store.load_states()
        self.runtime = Runtime(DeskRoster(plans), stored)
        self._broker: Broker | None = None

    def start(self, broker: Broker, lost: Mapping[AccountId, Lost] | None = None) -> None:
        """Stand the actors up: locks are re-asserted before the broker is asked anything.

        An account that may have lost locks with its store is locked until its next reset.
        """
        self._loop = asyncio.get_running_loop()
        self._broker = broker
        self.journal = JournalThread(self._stores.values(), self._loop, took=self.counts.commit)
        self.journal.start()
        self._flusher = self._loop.call_later(FLUSH_S, self._flush)
        self._commit(self.runtime.start(self._now()))
        for account_id, loss in (lost or {}).items():
            self._lock(account_id, loss)
        self._set_timer()

    def _lock(self, account_id: AccountId, lost: Lost) -> None:
        now = self._now()
        plan = next(one for one in self.plans if one.account_id == account_id)
        until = max(plan.reset.following(now.wall), lost.until or 0)
        request = LockRequest(kind=LockKind.HARD, until=Nanos(until))
        lock = SetLock(rule=STORE, request=request, reason=lost.reason)
        self._commit(self.runtime.input(f"account/{account_id}/lockout", lock, now))

    async def stop(self) -> None:
        """Take no more inputs, flush the journal, let go of the connections."""
        self._stopping = True
        for handle in (self._timer, self._flusher):
            if handle is not None:
                handle.cancel()
        self.intake.clear()
        self._write_some(len(self._unwritten))
        for task in tuple(self._tasks):
            task.cancel()
        left = await asyncio.to_thread(self.journal.stop, CLOSE_S)
        if left:
            log.error("%d batches could not be written before the end", left)
        if self._broker is not None:
            await self._broker.close()
        self.runtime.stop()

    def event(self, event: str, payload: object) -> None:
        """Take a hub event: only enqueue, for the SDK calls this from within its own work."""
        self._enqueue((event, payload))

    def notice(self, message: Message) -> None:
        """Take an answer, or the adapter's word about the connection."""
        spent = self._broker.spent if self._broker is not None else 0
        self._enqueue(routes.priced(message, spent))

    def _enqueue(self, item: Raw | Message, cause: Context | None = None) -> None:
        if self._stopping:
            return  # what it caused could not be written down any more
        if self.intake.put(item, cause) and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._scheduled = False
        for item in self.intake.burst(BURST_MAX):
            messages = decode.hub(*item) if isinstance(item, tuple) else item
            for message in messages if isinstance(messages, tuple) else (messages,):
                self._input(message)
            if self._pace.one_by_one:
                break
        if self.intake and not self._scheduled:
            self._scheduled = True
            self._loop.call_later(self._pace.rest, self._drain)
        self._set_timer()

    def _input(self, message: Message) -> None:
        to = self._destination(message)
        if to is None:
            return
        self.inputs += 1
        self.counts.inputs[type(message)] += 1
        now = self._now()
        self.tick(now)
        before = self.runtime.states.get(to)
        turn = self.runtime.input(to, message, now)
        if self.runtime.states.get(to) is before:
            self.counts.unmoved(message, before)
        self._commit(turn, message=message)

    def _destination(self, message: Message) -> str | None:
        """Return who is to hear a message; None for an account that is not ours."""
        if isinstance(message, LoginFailed):
            self.login_failed = message
        elif isinstance(message, Refused):
            self.refused += 1
            self.counts.refused(message)
            log.warning("refused %s: %s", message.event, message.why)
        desks = routes.desk_actor(message)
        account_id: AccountId | None = getattr(message, "account_id", None)
        if desks is not None or account_id not in self._stores:
            return desks
        return routes.account_actor(account_id, self.runtime.addresses)

    def decided(self, decision: Decision, now: Now) -> None:
        """Say what was decided."""
        self._on_decision(decision, now)

    def tick(self, now: Now) -> None:
        """Deliver what is due."""
        self._commit(*self.runtime.tick(now))

    def tell_all(self, message: Message, now: Now) -> None:
        """Tell the gateway, for those that die of it, and all accounts, before anybody acts."""
        to = ("gateway", *(f"account/{plan.account_id}" for plan in self.plans))
        self._commit(self.runtime.input_all(to, message, now))

    def _set_timer(self) -> None:
        """Wake up when the next tick is due; look at the clocks at least once a second."""
        if self._stopping:
            return
        if self._timer is not None:
            self._timer.cancel()
        wait = self.runtime.wait_ns(self.clock())
        seconds = LOOK_S if wait is None else min(LOOK_S, wait / SECOND)
        self._timer = self._loop.call_later(seconds, self._due)

    def _due(self) -> None:
        self.tick(self._now())
        self._set_timer()

    def _commit(self, *turns: Turn, message: Message | None = None) -> None:
        """Send each account's share to the disk; what it asks of the world waits for that."""
        for turn in turns:
            for path, why in turn.deaths:
                self._now.died(path)
                if path == ROOT:
                    self._on_end(why)
            legs = self._tracing.turned(turn, message)
            for account_id, portion in turn.portions.items():
                leg = legs.get(account_id, NOTHING)
                if portion.mutations:
                    self._pace.decided()
                if account_id is None or account_id not in self._stores:
                    self._release(portion, turn.now, leg)
                    continue
                unwritten = self._unwritten.setdefault(account_id, [])
                unwritten += portion.records
                if portion.urgent or len(unwritten) > UNWRITTEN_MAX:
                    self._write(account_id, portion, turn.now, leg)

    def _write(self, account_id: AccountId, portion: Portion, now: Now, leg: Leg) -> None:
        alarm = partial(self._store_alarm, account_id)
        release = Release(lambda: self._release(portion, now, leg), alarm, leg)
        records = tuple(self._unwritten.pop(account_id, ()))
        batch = Batch(account_id=account_id, records=records, states=tuple(portion.kept.items()))
        if portion.mutations or portion.reads:
            release.patience = self._loop.call_later(PATIENCE_S, release.impatient)
        try:
            self.journal.submit(batch, release.committed, release.failed)
        except Exception as error:  # noqa: BLE001  (nothing about a disk may stop a risk-reducing call)
            release.failed(error)

    def _flush(self) -> None:
        """Write what entered and caused nothing, so that a crash loses little of the story."""
        self._write_some(FLUSHED_MAX)
        self._flusher = self._loop.call_later(FLUSH_S, self._flush)

    def _write_some(self, most: int) -> None:
        for account_id in tuple(self._unwritten)[:most]:
            self._write(account_id, Portion(), self.clock(), NOTHING)

    def _release(self, portion: Portion, now: Now, leg: Leg) -> None:
        """Let out what a step asks of the world: mutations first, before anything is said of it."""
        if portion.mutations:
            self.counts.decision.observe((self.clock().mono - now.mono) / SECOND)
        for command in (*portion.mutations, *portion.reads):
            task = self._loop.create_task(self._perform(command, leg))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if portion.mutations or portion.decisions:
            self._loop.call_soon(self._begun, portion, now, leg)

    def _begun(self, portion: Portion, now: Now, leg: Leg) -> None:
        """Go on, and speak of a step: its requests have begun, for the loop keeps the order."""
        if portion.mutations:
            self._pace.begun()
        with leg.speaking():
            for decision in portion.decisions:
                self._on_decision(decision, now)

    async def _perform(self, command: Mutation | Read, leg: Leg) -> None:
        assert self._broker is not None
        answered, began = leg.asks(command), self.clock().mono
        answer = await self._broker.perform(command)
        self.counts.performed(command, outcome(answer), self.clock().mono - began)
        cause = answered(answer)
        if answer is not None:
            self._enqueue(routes.priced(answer, self._broker.spent), cause)

    def _store_alarm(self, account_id: AccountId, kind: AlarmKind | None, why: str) -> None:
        """Say, once, that the disk is slow or refuses an account, and once that it does no more."""
        now = self.clock()
        slow, failed = (None, AlarmKind.STORE_SLOW), (account_id, AlarmKind.STORE_FAILED)
        if kind is None:
            for who, what in self._unwell & {slow, failed}:
                self._on_decision(AlarmCleared(account_id=who, kind=what), now)
            self._unwell -= {slow, failed}
            return
        mark = failed if kind is AlarmKind.STORE_FAILED else slow
        if mark not in self._unwell:
            self._unwell.add(mark)
            self._on_decision(AlarmRaised(account_id=mark[0], kind=kind, why=why), now)
