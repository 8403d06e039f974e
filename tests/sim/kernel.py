"""A desk's production actors in one thread: virtual time, and a crash between any two effects.

The kernel plays the desk's composition (ops/desk/desk.py): commit, then let out; look at the
clocks.  tests/sim/doors.py plays the Gateway, tests/sim/street.py the traders and the market.  The
only source of chance is the seed, so a seed is a whole story that repeats itself exactly.
"""

import heapq
from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random

from msgspec.structs import replace

from actors import settings
from actors.account_life import SUPERVISION
from actors.adapters.storage import Batch, InMemoryStore
from actors.adapters.wire_figures import Dated, WireFigures
from actors.plan import AccountPlan, settings_of
from actors.roster import DeskRoster
from actors.runtime import ROOT, Runtime
from actors.turn import Portion, Turn
from ops.desk.clocks import JUMP, TOLERANCE, Skew
from ops.desk.desk import LOOK_S
from ops.desk.routes import account_actor, desk_actor
from ops.desk.stores import settings_kept
from protocol.answers import AccountsRead, InstrumentRead, LoggedIn, TruthRead
from protocol.codec import Recorded
from protocol.lockouts import SetLock
from protocol.message import Message
from protocol.schedule import ClockJumped, ClockSkewed
from protocol.settings import Reconfigure
from protocol.units import MILLISECOND, SECOND, AccountId, ContractId, Nanos, Now
from tests.actors.faulty import FaultyRoster
from tests.sim import hours
from tests.sim.asking import Asking
from tests.sim.broker import Broker, Exchange
from tests.sim.disk import PATIENCE, Disk, Write
from tests.sim.doors import Doors
from tests.sim.hearing import Heard
from tests.sim.invariants import Invariants
from tests.sim.story import NOON, plan_of, plans_of, start_of
from tests.sim.street import Street
from tests.sim.twists import Twists, another, policy
from tests.sim.weather import Weather

HOSTILE = 30 * SECOND
CALM = 75 * SECOND
"""Longer than an answer that never comes, a poll, and the back-off of either."""
TRACE = 80
LOOK = int(LOOK_S * SECOND)
INEXACT = 3 * SECOND
"""By how much the desk may misjudge the Gateway's clock: whole seconds, and news under 2 s."""
BEHIND, BEHIND_MAX = 0.02, 3
"""The chance that an actor fails with messages behind it, and how often: with the weather's own
faults that is no more than an account has patience for.  The desk's actors have less."""
DATED = (LoggedIn, AccountsRead, TruthRead, InstrumentRead)
"""Answers that the Gateway dates."""


class Crashed(Exception):
    """The process died here."""


class Life:
    """One process: its actors, its stopwatch, and its connection to the hubs."""

    def __init__(self, runtime: Runtime, mono: int, began: int) -> None:
        self.runtime = runtime
        self.mono = mono
        self.began = began
        self.slept = 0
        self.hubs = 0
        """The number of the session that is heard; even ones are closed."""
        self.lossy = False
        self.watched: set[ContractId] = set()
        self.quoted: set[ContractId] = set()
        """Contracts of which the market data actor knows a true price."""
        self.heard: dict[ContractId, Heard] = {}
        self.misprints: list[int] = []
        """When wrong prices came that may be believed."""
        self.last: Now | None = None
        self.wire = WireFigures()
        self.skew = Skew(self.wire)
        self.unwritten: dict[AccountId, list[Recorded]] = {}
        """Records of turns that changed nothing: they ride on the next commit."""


class Kernel:
    """A run."""

    def __init__(self, seed: int, plans: tuple[AccountPlan, ...] | None = None) -> None:
        self.random = Random(seed)
        self.weather = Weather(self.random)
        self.twists = Twists(seed)
        self.plans = self.twists.plans(plans_of(self.random) if plans is None else plans)
        self.time = start_of(self.random, self.plans[0])
        """By the broker's clock, which nobody sets."""
        self.hours = self.twists.dice("hours")
        self.moment = Nanos(0)
        """When windows begin and end."""
        if "hours" in self.twists:
            self.moment, self.time = hours.start(self.hours)
            self.plans = tuple(hours.timed(one, self.moment, self.hours) for one in self.plans)
        self.wanted = {one.account_id: one for one in self.plans}
        """What the configuration says now; what is in force may be tighter."""
        self.began = self.time
        self.shift = self.twists.shift()
        """By how much the desk's wall clock is wrong."""
        self.exchange = Exchange()
        self.exchange.turns_in_two = self.random.random() < 0.5
        self.exchange.frees = self.random.random() < 0.7
        self.brokers = {one.account_id: Broker(one.account_id, self.exchange) for one in self.plans}
        self.disks = {one.account_id: Disk(one.account_id) for one in self.plans}
        if len(self.plans) > 1 and self.random.random() < 0.2:
            self.weather.hanging = self.plans[-1].account_id
        self.watches = {one.account_id: Invariants(self, one) for one in self.plans}
        self.reached = 0
        """The latest instant that was ever believed to have passed."""
        self.life: Life | None = None
        self.awake_at = 0
        self._trace: deque[tuple[int, str, object]] = deque(maxlen=TRACE)
        self.inputs = self.crashes = 0
        self.happened: set[str] = set()
        """Parts of twists that were played."""
        self._behind_dice = self.twists.dice("behind")
        self._last_words: set[str] = set()
        """Lockouts that have heard that a rule is given up."""
        self._behind: dict[str, int] = {}
        """How often each actor may still fail just as others wait for it."""
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._serial = 0
        self.doors = Doors(self)
        self.street = Street(self)

    # Time

    @property
    def wall(self) -> int:
        """Return the time by the desk's calendar."""
        return self.time + self.shift

    @property
    def agreed(self) -> int:
        """Return the latest instant of which the desk may believe that both clocks have passed it.

        Without the Gateway's clock, or if the difference is within tolerance, it is the desk's own.
        """
        if "skew" not in self.twists or self.shift <= TOLERANCE + INEXACT:
            return self.wall
        return self.time + INEXACT

    @property
    def asleep(self) -> bool:
        """Tell whether the desk's machine sleeps."""
        return self.time < self.awake_at

    @property
    def store(self) -> InMemoryStore:
        """Return the first account's journal and states."""
        return self.disks[self.plans[0].account_id].store

    def run(self) -> None:
        """Play the whole story; raise Violation at the first thing that may not be."""
        self._boot()
        self.street.open()
        self._forecast()
        self._play(HOSTILE)
        self._calm()
        self._play(CALM)
        for watch in self.watches.values():
            watch.at_rest()
        if self.life is not None:
            self.life.runtime.stop()

    def _play(self, span: int) -> None:
        end = self.time + span
        while self.time < end:
            self._step(end)

    def at(self, after: int, what: Callable[[], None]) -> None:
        """Have something happen in the world a while from now."""
        self._serial += 1
        heapq.heappush(self._queue, (self.time + after, self._serial, what))

    def later(self, life: Life, after: int, what: Callable[[], None]) -> None:
        """Have a process do something a while from now, if it still lives; asleep it does not."""

        def do() -> None:
            if life is not self.life:
                return
            if self.asleep:
                self.later(life, self.awake_at - self.time + 1, what)
                return
            what()

        self.at(after, do)

    def now(self) -> Now:
        """Return the time as the living process reads it."""
        assert self.life is not None
        mono = self.time - self.life.began + self.life.mono - self.life.slept
        return Now(wall=Nanos(self.wall), mono=Nanos(mono))

    def _step(self, end: int) -> None:
        """Let the next thing happen: an event, or a tick that is due before it."""
        due = self._queue[0][0] if self._queue else end
        wait: int | None = None
        if self.life is not None and not self.asleep:
            wait = self.life.runtime.wait_ns(self.now())
        try:
            if self.life is not None and wait is not None and self.time + wait <= min(due, end):
                self.time = Nanos(self.time + wait)
                self._tick(self.life)
                return
            if not self._queue or due > end:
                self.time = Nanos(end)
                return
            self.time = Nanos(max(self.time, due))
            heapq.heappop(self._queue)[2]()
        except Crashed:
            self._crash()

    def _tick(self, life: Life) -> None:
        """Look at the clocks, then deliver what is due, as a desk does before each input."""
        now = self.now()
        self.reached = max(self.reached, self.agreed)
        last, life.last = life.last, now
        jump = 0 if last is None else (now.wall - last.wall) - (now.mono - last.mono)
        if "skew" in self.twists or "nap" in self.twists:
            self._compare(life, now, jump)
        for turn in life.runtime.tick(now):
            self._commit(life, turn, "tick")
        if abs(jump) > JUMP:
            self.note("--", f"the clock jumped by {jump / SECOND:.1f} s")
            self._tell_all(life, ClockJumped(by=Nanos(jump)), now)

    def _compare(self, life: Life, now: Now, jump: int) -> None:
        """Tell how far the clock is ahead of the Gateway's, before anything ends by it."""
        if abs(jump) > JUMP:
            life.skew.jumped(now)
        news = life.skew.news(now)
        if news is None:
            return
        if news.ahead:
            self.happened.add("ahead")
        self.note("--", f"ahead by {news.ahead / SECOND:.0f} s")
        self._tell_all(life, news, now)

    def _tell_all(self, life: Life, news: ClockSkewed | ClockJumped, now: Now) -> None:
        everyone = ("gateway", *(f"account/{one.account_id}" for one in self.plans))
        there = [one for one in everyone if one in life.runtime.addresses]
        self._commit(life, life.runtime.input_all(there, news, now), "clocks")

    def _look(self, life: Life) -> None:
        self._tick(life)
        self.later(life, LOOK, partial(self._look, life))

    # What happens to the machine

    def _forecast(self) -> None:
        """Draw when the machine, its clock, its disks and its guardian will be at odds."""
        weather, within = self.weather, self.weather.within
        for _ in range(weather.kills):
            self.at(within(HOSTILE), self._kill)
        for _ in range(weather.sleeps):
            self.at(within(HOSTILE // 2), lambda: self._sleep(within(8 * SECOND)))
        free = self.began == NOON or "skew" in self.twists
        for _ in range(weather.jumps if free else 0):
            by = self.random.choice((-1, 1)) * self.random.randrange(2 * SECOND, 600 * SECOND)
            self.at(within(HOSTILE), partial(self._jump, by))
        for _ in range(weather.disk_outages):
            self.at(within(HOSTILE), self._break_disk)
        self._twist()

    def _twist(self) -> None:
        """Draw what only some runs have, each from its own stream."""
        if "reload" in self.twists:
            dice = self.twists.dice("reloads")
            for _ in range(dice.randint(1, 4)):
                self.at(dice.randrange(HOSTILE), partial(self._reload, dice))
        if "skew" in self.twists and self.shift:
            dice = self.twists.dice("set")
            to = dice.choice((0, 0, self.shift, -self.shift, 2 * self.shift))
            self.at(dice.randrange(HOSTILE), lambda: self._jump(to - self.shift))
        reset = self.plans[0].reset.following(self.time) - self.time
        if "nap" in self.twists and reset < HOSTILE:
            begins, ends = self.twists.nap(reset)
            self.at(begins, partial(self._sleep, ends - begins))
        if "mute" in self.twists:
            dice = self.twists.dice("mute")
            begins, span = dice.randrange(HOSTILE), dice.choice((10, 30, 600)) * SECOND
            self.at(begins, partial(self.doors.mute, span))
        dice = self.twists.dice("doom")
        for doomed in self.twists.doomed(self.plans):
            self.at(dice.randrange(HOSTILE * 2 // 3), partial(self.weather.doom, doomed))

    def _reload(self, dice: Random) -> None:
        """Have the operator write other settings, and the guardian tell the desk of them."""
        plan = self.wanted[dice.choice(self.plans).account_id]
        wanted = another(plan, plan_of(dice, plan.account_id), dice)
        if "feed" in self.twists:
            wanted = replace(wanted, feed=policy(dice))
        if "hours" in self.twists and dice.random() < 2 / 3:
            wanted = hours.timed(wanted, self.moment, self.hours)
        self.wanted[plan.account_id] = wanted
        if self.life is not None:
            self._reconfigure(self.life, plan.account_id)

    def _reconfigure(self, life: Life, account_id: AccountId) -> None:
        """Tell the desk of the configuration."""
        wanted = settings_of(self.wanted[account_id])
        self.deliver(life, Reconfigure(account_id=account_id, wanted=wanted))

    def _kill(self) -> None:
        """Have the guardian kill a desk that it takes for hung."""
        if self.life is not None:
            raise Crashed

    def _sleep(self, span: int) -> None:
        life = self.life
        if life is None or self.asleep:
            return
        self.note("--", f"asleep for {span / SECOND:.1f} s")
        self.awake_at = self.time + span
        self.happened |= {"nap"} if span > TOLERANCE else set()
        life.lossy = True  # whatever comes over the hubs meanwhile is lost with their sockets
        session = life.hubs

        def wake() -> None:
            if life is self.life:
                life.slept += span
                self._tick(life)
                self.doors.lose_hubs(life, session)

        self.at(span, wake)

    def _jump(self, by: int) -> None:
        self.shift += by

    def _break_disk(self) -> None:
        disk = self.disks[self.random.choice(self.plans).account_id]
        disk.well_at = self.time + self.random.choice((5, 60, 1_500)) * MILLISECOND
        disk.refuses = self.random.random() < 0.5

    # The process

    def _boot(self) -> None:
        if self.asleep:
            self.at(self.awake_at - self.time, self._boot)
            return
        stored: dict[str, bytes] = {}
        for account_id, disk in self.disks.items():
            states = disk.store.load_states()
            self.watches[account_id].booted(states)
            stored |= states
        runtime = Runtime(self.roster(stored), stored)
        self.life = Life(runtime, self.random.randrange(1, 10**6) * SECOND, self.time)
        try:
            self._commit(self.life, runtime.start(self.now()), "boot")
            self._look(self.life)
        except Crashed:
            self._crash()

    def roster(self, stored: dict[str, bytes]) -> DeskRoster:
        """Return who stands where: by what is configured, or by what was held tighter before."""
        plans = tuple(
            settings.resumed(settings_kept(stored, one), wanted, Nanos(self.wall))
            for one, wanted in self.wanted.items()
        )
        how = partial(Asking, self.watches)
        return FaultyRoster(plans, self._strikes, how)

    def _strikes(self, path: str, message: Message) -> bool:
        """Tell whether an actor fails on a message."""
        if self.weather.strikes(path) or self._of_the_last_word(path, message):
            return True
        if "behind" not in self.twists or self.weather.calm or self.life is None:
            return False
        left = self._behind.setdefault(path, BEHIND_MAX if path.count("/") > 1 else 1)
        if not left or path == ROOT or self._behind_dice.random() > BEHIND:
            return False
        if not self.life.runtime.mailboxes()[path]:
            return False
        self._behind[path] = left - 1
        self.happened.add("behind")
        return True

    def _of_the_last_word(self, path: str, message: Message) -> bool:
        """Tell whether a lockout fails on the lock for a rule that is given up, said once."""
        if not isinstance(message, SetLock) or message.rule != SUPERVISION or self.weather.calm:
            return False
        first = path not in self._last_words
        self._last_words.add(path)
        return first and self._behind_dice.random() < 3 / 4

    def _crash(self) -> None:
        """End the process here; what it had sent may or may not arrive."""
        assert self.life is not None
        self.note("--", "CRASH")
        self.crashes += 1
        self.life.runtime.stop()
        self.life = None
        for disk in self.disks.values():
            disk.replaced()
        self.doors.cut()
        for watch in self.watches.values():
            watch.crashed()
        self.at(self.random.choice((50, 500, 3_000)) * MILLISECOND, self._boot)

    def deliver(self, life: Life, message: Message) -> None:
        """Hand an input to a process, unless it is gone; one that sleeps has it when it wakes."""
        if life is not self.life:
            return
        if self.asleep:
            self.later(life, self.awake_at - self.time + 1, partial(self.deliver, life, message))
            return
        if isinstance(message, DATED):
            life.wire.dated = Dated(Nanos((self.time // SECOND + 1) * SECOND), self.now().mono)
        self._tick(life)
        to = desk_actor(message)
        account_id: AccountId | None = getattr(message, "account_id", None)
        if to is None:
            if account_id not in self.watches:
                return
            to = account_actor(account_id, life.runtime.addresses)
        self.inputs += 1
        self.note("->", message)
        for watch in self.watches.values():
            watch.hears(message)
        turn = life.runtime.input(to, message, self.now())
        died = any(path.startswith(f"account/{account_id}") for path, _ in turn.deaths)
        if isinstance(message, Reconfigure) and died:  # no answer comes: the operator asks again
            self.later(life, SECOND, partial(self._reconfigure, life, message.account_id))
        self._commit(life, turn, type(message).__name__)

    def _commit(self, life: Life, turn: Turn, cause: str) -> None:
        """Commit what a turn caused, then let it out; die between any two of these."""
        for death in turn.deaths:
            self.note("  ", f"DIED {death}")
            if death[0] == "gateway":
                life.skew.forgotten()
            if death[0] == "market_data":
                life.quoted.clear()
        for watch in self.watches.values():
            watch.after(turn, cause)
        for account_id, portion in turn.portions.items():
            if account_id is None:
                self._let_out(portion, turn.now)
                continue
            life.unwritten.setdefault(account_id, []).extend(portion.records)
            if portion.urgent:
                self._die_perhaps(portion)
                self._write(life, account_id, portion, turn.now)
        if any(path == ROOT for path, _ in turn.deaths):
            raise Crashed  # a desk without its root ends, and its guardian starts another

    def _write(self, life: Life, account_id: AccountId, portion: Portion, now: Now) -> None:
        """Write a share; a disk that does not answer holds nothing back beyond patience."""
        disk, watch = self.disks[account_id], self.watches[account_id]
        states = tuple(portion.kept.items())
        records = tuple(life.unwritten.pop(account_id, ()))
        batch = Batch(account_id=account_id, records=records, states=states)
        write = Write(
            batch,
            partial(watch.committed, portion),
            partial(self._let_out, portion, now),
        )
        first = not disk.waiting
        disk.waiting.append(write)
        if disk.well_at <= self.time:
            disk.land()
            self._die_perhaps(portion)
            write.let_out()
            return
        if first:
            self.later(life, disk.well_at - self.time, partial(self._recover, disk))
            if disk.refuses:
                write.let_out()
        if portion.mutations or portion.reads:
            self.later(life, PATIENCE, write.let_out)

    def _recover(self, disk: Disk) -> None:
        group = tuple(disk.waiting)
        disk.land()
        for write in group:
            write.let_out()

    def _let_out(self, portion: Portion, now: Now) -> None:
        for decision in portion.decisions:
            self.note("  ", decision)
        for command in portion.mutations:
            self.note("<-", command)
            self.watches[command.account_id].leaves(command, now)
            self.doors.mutate(command)
            self._die_perhaps(portion)
        for read in portion.reads:
            self.doors.read(read)
            self._die_perhaps(portion)

    def _die_perhaps(self, portion: Portion) -> None:
        if portion.urgent and self.weather.crashes():
            raise Crashed

    def note(self, mark: str, what: object) -> None:
        """Keep what happens for the story; it is put into words when that is told."""
        self._trace.append((self.time - self.began, mark, what))

    @property
    def story(self) -> tuple[str, ...]:
        """Return how it ended, one line for each of the last things that happened."""
        return tuple(f"{at / SECOND:9.4f} {mark} {what}" for at, mark, what in self._trace)

    def _calm(self) -> None:
        """Let the storm pass: everyone goes home, and everything arrives from now on."""
        self.note("--", "calm")
        self.weather.calm = True
        self.street.close()
