"""One account's production actors in one thread: virtual time, and a crash between any two effects.

The kernel plays the desk's composition (commit, then let out), the broker's doors, and the trader.
Its only source of chance is the seed, so a seed is a whole story that repeats itself exactly.
"""

import heapq
from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random

from msgspec.structs import replace

from actors.adapters.storage import Batch, InMemoryStore
from actors.plan import AccountPlan
from actors.roster import DeskRoster
from actors.runtime import ROOT, Runtime
from actors.turn import Portion, Turn
from protocol.account_facts import AccountSeen, OrderType
from protocol.answers import (
    AccountsFailed,
    AccountsRead,
    Answered,
    HubsLost,
    HubsOpened,
    InstrumentFailed,
    InstrumentRead,
    LoggedIn,
    LoginFailed,
    Outcome,
    Refused,
    TruthFailed,
    TruthRead,
)
from protocol.codec import Recorded
from protocol.commands import (
    CancelOrder,
    CloseContract,
    Login,
    ModifyOrder,
    Mutation,
    OpenHubs,
    PartialClose,
    PlaceStop,
    Read,
    ReadAccounts,
    ReadInstrument,
    ReadTruth,
    WatchContract,
)
from protocol.market_facts import QuoteSeen
from protocol.message import Message
from protocol.units import MILLISECOND, SECOND, ContractId, Nanos, Now, Price
from tests.actors.faulty import FaultyRoster
from tests.sim.broker import ACCOUNT, INSTRUMENTS, Broker, Fact, Refusal
from tests.sim.invariants import Invariants
from tests.sim.story import plan_of, start_of
from tests.sim.weather import Fate, Weather

PATH = f"account/{ACCOUNT}"
HOSTILE = 40 * SECOND
CALM = 75 * SECOND
"""Longer than an answer that never comes, a poll, and the back-off of either."""
TRACE = 60
SEEN = AccountSeen(account_id=ACCOUNT, name="practice", can_trade=True)


class Crashed(Exception):
    """The process died here."""


class Life:
    """One process: its actors, its stopwatch, and its connection to the hubs."""

    def __init__(self, runtime: Runtime, mono: int) -> None:
        self.runtime = runtime
        self.mono = mono
        self.hubs = 0
        """The number of the session that is heard; even ones are closed."""
        self.lossy = False
        self.watched: set[ContractId] = set()
        self.unwritten: list[Recorded] = []
        """Records of turns that changed nothing: they ride on the next commit."""


class Parts:
    """A read of truth, put together from what was so at three instants."""

    def __init__(self, read: ReadTruth, asked: Nanos) -> None:
        self._read = read
        self.answer = TruthRead(
            command_id=read.command_id, account_id=ACCOUNT, positions=(), orders=(), asked=asked
        )

    def positions(self, broker: Broker) -> None:
        """Read the positions."""
        self.answer = replace(self.answer, positions=tuple(broker.positions.values()))

    def orders(self, broker: Broker) -> None:
        """Read the working orders."""
        self.answer = replace(self.answer, orders=tuple(broker.orders.values()))

    def trades(self, broker: Broker) -> None:
        """Read the day's trades, if they were asked for."""
        since = self._read.trades_since
        if since is not None:
            trades = tuple(one for one in broker.trades.values() if one.at >= since)
            self.answer = replace(self.answer, trades=trades)


class Kernel:
    """A run."""

    def __init__(self, seed: int, plan: AccountPlan | None = None) -> None:
        self.random = Random(seed)
        self.weather = Weather(self.random)
        self.plan = plan_of(self.random) if plan is None else plan
        self.wall = start_of(self.random, self.plan)
        self.began = self.wall
        self.drift = self.random.choice((-4, -1, 0, 0, 1))
        self.broker = Broker()
        self.store = InMemoryStore(ACCOUNT)
        self.life: Life | None = None
        self.trace: deque[str] = deque(maxlen=TRACE)
        self.inputs = self.crashes = 0
        self.invariants = Invariants(self)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._serial = 0
        self._transit: list[Callable[[], None]] = []

    # Time

    def run(self) -> None:
        """Play the whole story; raise Violation at the first thing that may not be."""
        self._boot()
        self.at(0, self._trade)
        self.at(0, self._move)
        end = self.wall + HOSTILE
        while self.wall < end:
            self._step(end)
        self._calm()
        end = self.wall + CALM
        while self.wall < end:
            self._step(end)
        self.invariants.at_rest()
        if self.life is not None:
            self.life.runtime.stop()

    def at(self, after: int, what: Callable[[], None]) -> None:
        """Have something happen a while from now."""
        self._serial += 1
        heapq.heappush(self._queue, (self.wall + after, self._serial, what))

    def now(self) -> Now:
        """Return the time as the living process reads it."""
        assert self.life is not None
        return Now(wall=Nanos(self.wall), mono=Nanos(self.wall - self.began + self.life.mono))

    def _step(self, end: int) -> None:
        """Let the next thing happen: an event, or a tick that is due before it."""
        due = self._queue[0][0] if self._queue else end
        wait = None if self.life is None else self.life.runtime.wait_ns(self.now())
        try:
            if self.life is not None and wait is not None and self.wall + wait <= min(due, end):
                self.wall = Nanos(self.wall + wait)
                self._tick(self.life)
                return
            if not self._queue or due > end:
                self.wall = Nanos(end)
                return
            self.wall = Nanos(max(self.wall, due))
            heapq.heappop(self._queue)[2]()
        except Crashed:
            self._crash()

    def _tick(self, life: Life) -> None:
        for turn in life.runtime.tick(self.now()):
            self._commit(turn, "tick")

    # The process

    def _boot(self) -> None:
        stored = self.store.load_states()
        runtime = Runtime(self.roster(), stored)
        self.life = Life(runtime, self.random.randrange(1, 10**6) * SECOND)
        self.invariants.booted(stored)
        try:
            self._commit(runtime.start(self.now()), "boot")
        except Crashed:
            self._crash()

    def roster(self) -> DeskRoster:
        """Return who stands where."""
        return FaultyRoster(self.plan, lambda path, _: self.weather.strikes(path))

    def _crash(self) -> None:
        """End the process here; what it had sent may or may not arrive."""
        assert self.life is not None
        self.note("CRASH")
        self.crashes += 1
        self.life.runtime.stop()
        self.life = None
        self.store = self.store.reopened()
        self._transit = [one for one in self._transit if self.random.random() < 1 / 2]
        self.invariants.crashed()
        self.at(self.random.choice((50, 500, 3_000)) * MILLISECOND, self._boot)

    def deliver(self, life: Life, message: Message) -> None:
        """Hand an input to a process, unless it is gone."""
        if life is not self.life:
            return
        self._tick(life)
        to = PATH
        if isinstance(message, QuoteSeen):
            to = "market_data"
        elif getattr(message, "account_id", None) is None:
            to = "gateway"
        if f"{to}/last_resort" in life.runtime.addresses:
            to = f"{to}/last_resort"
        self.inputs += 1
        self.note(f"-> {message}")
        self.invariants.hears(message)
        self._commit(life.runtime.input(to, message, self.now()), type(message).__name__)

    def _commit(self, turn: Turn, cause: str) -> None:
        """Commit what a turn caused, then let it out; die between any two of these."""
        life = self.life
        assert life is not None
        for death in turn.deaths:
            self.note(f"   DIED {death}")
        for account_id, portion in turn.portions.items():
            if account_id is None:
                continue
            self._die_perhaps(portion)
            life.unwritten += portion.records
            if portion.urgent:
                states = tuple(portion.kept.items())
                batch = Batch(account_id=ACCOUNT, records=tuple(life.unwritten), states=states)
                life.unwritten = []
                self.store.commit(batch)
                self.invariants.committed(portion)
                self._die_perhaps(portion)
            for decision in portion.decisions:
                self.note(f"   {decision}")
        self.invariants.after(turn, cause)
        for portion in turn.portions.values():
            for command in portion.mutations:
                self.note(f"<- {command}")
                self.invariants.released(command)
                self._mutate(command)
                self._die_perhaps(portion)
            for read in portion.reads:
                self._read(read)
                self._die_perhaps(portion)

        if any(path == ROOT for path, _ in turn.deaths):
            raise Crashed  # a desk without its root ends, and its guardian starts another

    def _die_perhaps(self, portion: Portion) -> None:
        if portion.urgent and self.weather.crashes():
            raise Crashed

    def note(self, text: str) -> None:
        """Write a line of the story, to be told if it ends badly."""
        seconds = (self.wall - self.began) / SECOND
        self.trace.append(f"{seconds:9.4f} {text}")

    # The broker's doors

    def _mutate(self, command: Mutation) -> None:
        life, fate = self.life, self.weather.fate()
        assert life is not None
        self.note(f"   {fate}")
        there = self.weather.within(6 * MILLISECOND)
        back = there + self.weather.delay()
        verdict: list[Answered] = []

        def answer() -> None:
            found = verdict[0] if verdict else answered(command, Outcome.UNCERTAIN, "lost")
            self.deliver(life, found)

        def execute() -> None:
            if execute not in self._transit:
                return  # it died with the process that sent it
            self._transit.remove(execute)
            outcome = self._execute(command)
            if fate in (Fate.DONE, Fate.DONE_LATE):
                verdict.append(outcome)

        if fate is Fate.REFUSED:
            verdict.append(answered(command, Outcome.REFUSED, "429"))
        elif fate not in (Fate.LOST, Fate.SILENT_LOST):
            self._transit.append(execute)
            late = fate in (Fate.DONE_LATE, Fate.LOST_LATE)
            if fate is Fate.DONE_LATE:
                verdict.append(answered(command, Outcome.ACCEPTED, ""))
            self.at(back + self.weather.within(SECOND) if late else there, execute)
        if fate not in (Fate.SILENT, Fate.SILENT_LOST):
            self.at(back, answer)

    def _execute(self, command: Mutation) -> Answered:
        at = Nanos(self.wall)
        try:
            match command:
                case CloseContract(contract_id=contract_id):
                    self.tell(self.broker.close(contract_id, None, at))
                case PartialClose(contract_id=contract_id, size=size):
                    self.tell(self.broker.close(contract_id, size, at))
                case CancelOrder(order_id=order_id):
                    self.tell(self.broker.cancel(order_id, at))
                case ModifyOrder():
                    self.tell(self.broker.modify(command, at))
                case PlaceStop():
                    self.tell(self.broker.place(command, at))
        except Refusal as refusal:
            return answered(command, Outcome.REFUSED, str(refusal))
        return answered(command, Outcome.ACCEPTED, "")

    def _read(self, read: Read) -> None:
        life = self.life
        assert life is not None
        delay = self.weather.delay()
        match read:
            case Login():
                failed = LoginFailed(why="503", refused=False)
                self._answer(life, delay, failed, LoggedIn(accounts=(SEEN,)))
            case ReadAccounts():
                self._answer(life, delay, AccountsFailed(why="503"), AccountsRead(accounts=(SEEN,)))
            case ReadInstrument(contract_id=contract_id):
                missing = InstrumentFailed(
                    account_id=ACCOUNT, contract_id=contract_id, why="503", final=False
                )
                there = InstrumentRead(account_id=ACCOUNT, instrument=INSTRUMENTS[contract_id])
                self._answer(life, delay, missing, there)
            case WatchContract(contract_id=contract_id):
                life.watched.add(contract_id)
                self.at(delay, partial(self._quote, contract_id))
            case OpenHubs():
                self.at(delay, lambda: self._open_hubs(life))
            case ReadTruth():
                self._truth(life, read, delay)

    def _answer(self, life: Life, delay: int, bad: Message, good: Message) -> None:
        answer = bad if self.weather.happens(0.1) else good
        self.at(delay, lambda: self.deliver(life, answer))

    def _truth(self, life: Life, read: ReadTruth, delay: int) -> None:
        """Read the parts at different instants, as the adapter does, and answer with all."""
        asked = self.now().mono
        if self.weather.happens(0.12):
            failed = TruthFailed(command_id=read.command_id, account_id=ACCOUNT, why="timed out")
            self.at(delay, lambda: self.deliver(life, failed))
            return
        parts = Parts(read, asked)
        for part in (parts.positions, parts.orders, parts.trades):
            self.at(self.random.randrange(delay), partial(part, self.broker))
        self.at(delay, lambda: self.deliver(life, parts.answer))

    # The hubs

    def _open_hubs(self, life: Life, *, again: bool = False) -> None:
        if life is not self.life:
            return
        if not again and self.weather.happens(0.1):
            self.deliver(life, HubsLost(why="cannot connect"))
            return
        if life.hubs % 2 == 0:
            life.hubs += 1
            life.lossy = False
            self.at(self.weather.within(25 * SECOND), partial(self._lose_hubs, life, life.hubs))
        self.deliver(life, HubsOpened())

    def _lose_hubs(self, life: Life, session: int) -> None:
        """Stop telling, say so after a while, and be back after another."""
        if self.weather.calm:
            return
        life.lossy = True
        silent = self.weather.within(6 * SECOND)

        def lost() -> None:
            assert life.hubs == session
            life.hubs += 1
            self.deliver(life, HubsLost(why="silent"))

        self.at(silent, lost)
        self.at(silent + self.weather.within(4 * SECOND), lambda: self._open_hubs(life, again=True))

    def tell(self, facts: list[Fact]) -> None:
        """Have the hub tell facts: each some time, perhaps twice, perhaps never."""
        for fact in facts:
            self.note(f".. {fact}")
            self._publish(fact)
            if self.weather.happens(0.05):
                self._publish(fact)

    def _publish(self, fact: Fact | QuoteSeen) -> None:
        life = self.life
        if life is None or life.lossy or life.hubs % 2 == 0:
            return
        session = life.hubs
        told: Message = fact
        if not isinstance(fact, QuoteSeen) and self.weather.happens(0.02):
            told = Refused(account_id=ACCOUNT, event=type(fact).__name__, why="strange")

        def arrive() -> None:
            if life.hubs == session and not life.lossy:
                self.deliver(life, told)

        self.at(self.weather.hub_delay(), arrive)

    def _quote(self, contract_id: ContractId) -> None:
        if self.life is not None and contract_id in self.life.watched:
            self._publish(self.broker.quote(contract_id, Nanos(self.wall)))

    # The market and the trader

    def _move(self) -> None:
        if self.weather.calm:
            return
        for contract_id in INSTRUMENTS:
            wild = self.random.random() < 0.02
            ticks = self.random.randint(-80, 80) if wild else self.random.randint(-9, 9)
            self.tell(self.broker.move(contract_id, ticks + self.drift, Nanos(self.wall)))
            self._quote(contract_id)
        self.at(self.weather.within(500 * MILLISECOND), self._move)

    def _trade(self) -> None:
        """Do something rash, locked or not."""
        if self.weather.calm:
            return
        at, dice = Nanos(self.wall), self.random
        contract_id = dice.choice(tuple(INSTRUMENTS))
        signed = dice.choice((-3, -2, -1, -1, 1, 1, 2, 3))
        match dice.choices(("market", "rest", "close", "cancel", "void"), (50, 25, 15, 8, 2))[0]:
            case "market":
                self.tell(self.broker.market(contract_id, signed, at))
            case "rest":
                away = dice.randint(2, 40) * INSTRUMENTS[contract_id].tick_size
                kind = dice.choice((OrderType.LIMIT, OrderType.STOP))
                below = (signed > 0) == (kind is OrderType.LIMIT)
                price = Price(self.broker.prices[contract_id] + (-away if below else away))
                self.tell(self.broker.rest(contract_id, signed, kind, price, at))
            case "close" if contract_id in self.broker.positions:
                self.tell(self.broker.close(contract_id, None, at))
            case "cancel" if self.broker.orders:
                self.tell(self.broker.cancel(dice.choice(tuple(self.broker.orders)), at))
            case "void" if self.broker.trades:
                self.tell(self.broker.void(dice.choice(tuple(self.broker.trades))))
            case _:
                pass
        self.at(self.weather.within(dice.choice((300, 1_500, 4_000)) * MILLISECOND), self._trade)

    def _calm(self) -> None:
        """Let the storm pass: everyone goes home, and everything arrives from now on."""
        self.note("calm")
        self.weather.calm = True
        for seconds in (1, 20, 40):
            for contract_id in INSTRUMENTS:
                self.at(seconds * SECOND, partial(self._quote, contract_id))


def answered(command: Mutation, outcome: Outcome, why: str) -> Answered:
    return Answered(
        command_id=command.command_id, account_id=command.account_id, outcome=outcome, why=why
    )
