"""The Gateway's doors as the desk finds them: mutations, reads and hubs, each with its bad days."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.adapters import decode
from protocol.account_facts import AccountSeen
from protocol.answers import (
    RESERVED,
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
from protocol.commands import (
    CancelOrder,
    Claim,
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
    SearchContracts,
    WatchContract,
)
from protocol.market_facts import QuoteSeen
from protocol.message import Message
from protocol.units import MILLISECOND, SECOND, ContractId, Nanos, OrderId
from tests.sim import wire
from tests.sim.broker import INSTRUMENTS, JUNK, Broker, Fact, Refusal
from tests.sim.hearing import TRUE_PRICES, Heard
from tests.sim.weather import Fate

if TYPE_CHECKING:
    from tests.sim.kernel import Kernel, Life

type Told = Fact | QuoteSeen | AccountSeen


class Parts:
    """A read of truth, put together from what was so at three instants."""

    def __init__(self, read: ReadTruth, asked: Nanos) -> None:
        self._read = read
        self.answer = TruthRead(
            command_id=read.command_id,
            account_id=read.account_id,
            positions=(),
            orders=(),
            asked=asked,
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


class Doors:
    """Everything between a desk and the broker."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._weather = kernel.weather
        self._transit: list[Callable[[], None]] = []
        self._mute_until = 0

    # Mutations

    def cut(self) -> None:
        """Lose some of what was on its way as its process died; the rest arrives."""
        dice = self._kernel.random
        self._transit = [one for one in self._transit if dice.random() < 1 / 2]

    def mutate(self, command: Mutation) -> None:
        """Take a mutation, and see what becomes of it."""
        life, fate = self._kernel.life, self._weather.fate()
        assert life is not None
        if self._gives_way(command.claim):
            not_now = answered(command, Outcome.REFUSED, RESERVED)
            self._kernel.at(0, lambda: self._kernel.deliver(life, not_now))
            return
        if self._weather.hangs(command.account_id):
            fate = self._kernel.random.choice((Fate.SILENT, Fate.SILENT_LOST))
        self._kernel.note("  ", fate)
        there = self._weather.within(6 * MILLISECOND)
        back = there + self._weather.delay()
        verdict: list[Answered] = []

        def answer() -> None:
            found = verdict[0] if verdict else answered(command, Outcome.UNCERTAIN, "lost")
            self._kernel.deliver(life, found)

        def execute() -> None:
            if execute not in self._transit:
                return  # it died with the process that sent it
            self._transit.remove(execute)
            outcome = self._execute(command, fate)
            if fate in (Fate.DONE, Fate.DONE_LATE, Fate.FILLS_LATE):
                verdict.append(outcome)

        if fate is Fate.REFUSED:
            verdict.append(answered(command, Outcome.REFUSED, "429"))
        elif fate not in (Fate.LOST, Fate.SILENT_LOST):
            self._transit.append(execute)
            late = fate in (Fate.DONE_LATE, Fate.LOST_LATE)
            if fate is Fate.DONE_LATE:
                verdict.append(answered(command, Outcome.ACCEPTED, ""))
            self._kernel.at(back + self._weather.within(SECOND) if late else there, execute)
        if fate not in (Fate.SILENT, Fate.SILENT_LOST):
            self._kernel.at(back, answer)

    def _execute(self, command: Mutation, fate: Fate) -> Answered:
        at, broker = Nanos(self._kernel.time), self._kernel.brokers[command.account_id]
        if not broker.can_trade and self._weather.happens(0.3):
            return answered(command, Outcome.REFUSED, "AccountRejected")
        try:
            match command:
                case CloseContract(contract_id=contract_id):
                    self._close(broker, contract_id, None, fate)
                case PartialClose(contract_id=contract_id, size=size):
                    self._close(broker, contract_id, size, fate)
                case CancelOrder(order_id=order_id):
                    self.tell(broker.cancel(order_id, at))
                case ModifyOrder():
                    self.tell(broker.modify(command, at))
                case PlaceStop():
                    self.tell(broker.place(command, at))
        except Refusal as refusal:
            return answered(command, Outcome.REFUSED, str(refusal))
        return answered(command, Outcome.ACCEPTED, "")

    def _close(self, broker: Broker, contract_id: ContractId, size: int | None, fate: Fate) -> None:
        at = Nanos(self._kernel.time)
        if fate is not Fate.FILLS_LATE:
            late = fate in (Fate.DONE_LATE, Fate.LOST_LATE)
            self.tell(broker.close(contract_id, size, at, late=late))
            return
        order_id, facts = broker.close_later(contract_id, size, at)
        self.tell(facts)

        def fill(order_id: OrderId = order_id) -> None:
            self.tell(broker.complete(order_id, Nanos(self._kernel.time)))

        self._kernel.at(self._weather.within(300 * MILLISECOND), fill)

    def _gives_way(self, claim: Claim) -> bool:
        """Tell whether our own budget puts off what enforcement asks."""
        mono = self._kernel.now().mono
        off = not self._weather.calm and self._kernel.twists.gives_way(claim, mono)
        if off:
            self._kernel.happened.add("spent")
        return off

    # Reads

    def read(self, read: Read) -> None:
        """Take a read; it fails now and then."""
        life = self._kernel.life
        assert life is not None
        delay = self._weather.delay()
        match read:
            case Login():
                failed = LoginFailed(why="503", refused=False)
                self._answer(life, delay, failed, LoggedIn(accounts=self._listed()))
            case ReadAccounts():
                listed = AccountsRead(accounts=self._listed())
                failure = AccountsFailed(why="503", asked=self._is_asked())
                self._answer(life, delay, failure, listed)
            case ReadInstrument(contract_id=contract_id):
                asked = self._is_asked()
                missing = InstrumentFailed(
                    account_id=read.account_id,
                    contract_id=contract_id,
                    why="503" if asked else "kept for enforcement",
                    final=False,
                    asked=asked,
                )
                there = InstrumentRead(
                    account_id=read.account_id, instrument=INSTRUMENTS[contract_id]
                )
                worthless = replace(missing, why="no tick value", final=True)
                good = worthless if contract_id == JUNK else there
                self._answer(life, delay, missing, good)
            case SearchContracts(text=text):
                raise AssertionError(f"an actor searched for {text}")
            case WatchContract(contract_id=contract_id):
                life.watched.add(contract_id)
                self._kernel.at(delay, partial(self._kernel.street.quote, contract_id))
            case OpenHubs():
                self._kernel.at(delay, lambda: self._open_hubs(life))
            case ReadTruth():
                self._truth(life, read, delay)

    def _is_asked(self) -> bool:
        """Tell whether what fails now was asked of the Gateway, or kept back by our own budget."""
        return self._kernel.now().mono // SECOND % 2 == 0

    def _listed(self) -> tuple[AccountSeen, ...]:
        seen = [self.account(one.account_id) for one in self._kernel.plans]
        asked = self._kernel.now().mono
        listed = (one for one in seen if not self._weather.happens(0.03))
        return tuple(replace(one, asked=asked) for one in listed)

    def account(self, account_id: int) -> AccountSeen:
        """Return an account as it is listed or pushed; now and then it does not say all."""
        broker = next(one for key, one in self._kernel.brokers.items() if key == account_id)
        says = not self._weather.happens(0.05)
        return AccountSeen(
            account_id=broker.account_id,
            name=f"practice {account_id}",
            can_trade=broker.can_trade if says else None,
            simulated=True,
        )

    def _answer(self, life: "Life", delay: int, bad: Message, good: Message) -> None:
        answer = bad if self._weather.happens(0.1) else good
        self._kernel.at(delay, lambda: self._kernel.deliver(life, answer))

    def _truth(self, life: "Life", read: ReadTruth, delay: int) -> None:
        """Read the parts at different instants, as the adapter does, and answer with all."""
        asked = self._kernel.now().mono
        if read.urgent and self._gives_way(read.claim):
            late = TruthFailed(
                command_id=read.command_id, account_id=read.account_id, why=RESERVED, asked=False
            )
            self._kernel.at(0, lambda: self._kernel.deliver(life, late))
            return
        if self._weather.hangs(read.account_id) and self._kernel.random.random() < 0.5:
            delay = 5 * SECOND
        if self._weather.happens(0.12):
            failed = TruthFailed(
                command_id=read.command_id,
                account_id=read.account_id,
                why="timed out",
                asked=read.urgent or self._is_asked(),
            )
            self._kernel.at(delay, lambda: self._kernel.deliver(life, failed))
            return
        parts, broker = Parts(read, asked), self._kernel.brokers[read.account_id]
        for part in (parts.positions, parts.orders, parts.trades):
            self._kernel.at(self._kernel.random.randrange(delay), partial(part, broker))
        self._kernel.at(delay, lambda: self._kernel.deliver(life, parts.answer))

    # The hubs

    def mute(self, span: int) -> None:
        """Have the user hub say nothing for a while, though it is open and answers pings."""
        self._kernel.note("--", f"mute for {span / SECOND:.0f} s")
        self._mute_until = self._kernel.time + span

    def _open_hubs(self, life: "Life", *, again: bool = False) -> None:
        if life is not self._kernel.life:
            return
        if not again and self._weather.happens(0.1):
            self._kernel.deliver(life, HubsLost(why="cannot connect"))
            return
        if life.hubs % 2 == 0:
            life.hubs += 1
            life.lossy = False
            session = life.hubs
            self._kernel.at(
                self._weather.within(25 * SECOND), lambda: self._go_silent(life, session)
            )
        self._kernel.deliver(life, HubsOpened())

    def _go_silent(self, life: "Life", session: int) -> None:
        """Stop telling; after a while that is noticed."""
        if self._weather.calm or life.hubs != session:
            return
        life.lossy = True
        silent = self._weather.within(6 * SECOND)
        self._kernel.at(silent, lambda: self.lose_hubs(life, session))

    def lose_hubs(self, life: "Life", session: int) -> None:
        """Say that a session is over, and be back after a while."""
        if life.hubs != session or session % 2 == 0 or life is not self._kernel.life:
            return
        life.hubs += 1
        self._kernel.deliver(life, HubsLost(why="silent"))
        back = self._weather.within(4 * SECOND)
        self._kernel.at(back, lambda: self._open_hubs(life, again=True))

    def tell(self, facts: list[Fact]) -> None:
        """Have the hub tell facts: each some time, perhaps twice, perhaps never."""
        for fact in facts:
            self._kernel.note("..", fact)
            self.publish(fact)
            if self._weather.happens(0.05):
                self.publish(fact)

    def publish(self, fact: Told, *, nonsense: bool = False) -> None:
        """Put a fact on the hub; a price that is none can be told by those that are known."""
        life = self._kernel.life
        if life is None or life.lossy or life.hubs % 2 == 0:
            return
        if self._kernel.time < self._mute_until and not isinstance(fact, QuoteSeen):
            self._kernel.happened.add("mute")
            return
        session = life.hubs
        told = self._worded(fact)
        if told is None:
            return

        def arrive() -> None:
            if isinstance(fact, QuoteSeen) and nonsense > (fact.contract_id in life.quoted):
                return
            if life.hubs == session and not life.lossy:
                if isinstance(fact, QuoteSeen) and life is self._kernel.life:
                    self._note(life, fact, nonsense=nonsense)
                for one in told:
                    self._kernel.deliver(life, one)

        self._kernel.at(self._weather.hub_delay(), arrive)

    def _note(self, life: "Life", quote: QuoteSeen, *, nonsense: bool) -> None:
        """Note what a life is told of the market; a misprint is a price like any other to it."""
        if nonsense:
            return
        now = self._kernel.now().mono
        heard = life.heard.setdefault(quote.contract_id, Heard())
        heard.at = now
        if quote.last in self._kernel.street.misprints:
            heard.misprint = now
            life.misprints.append(now)
            for watch in self._kernel.watches.values():
                watch.hearing.misprinted(quote.contract_id)
            return
        prices = [one for one in (quote.last, quote.bid, quote.ask) if one is not None]
        heard.true = [*heard.true, *prices][-TRUE_PRICES:]
        heard.misprint = None
        if quote.last is not None:
            life.quoted.add(quote.contract_id)

    def _worded(self, fact: Told) -> tuple[Message, ...] | None:
        """Return a fact as the desk hears it: as it is, through decode, or as one it refused."""
        dice = self._kernel.random
        if not isinstance(fact, QuoteSeen) and self._weather.happens(0.02):
            whose = fact.account_id if dice.random() < 0.8 else None
            return (Refused(account_id=whose, event=type(fact).__name__, why="strange"),)
        if not self._weather.happens(self._weather.odd_shapes):
            return (fact,)
        heard = decode.hub(*wire.payload(fact, dice))
        return heard if isinstance(heard, tuple) else (heard,)


def answered(command: Mutation, outcome: Outcome, why: str) -> Answered:
    return Answered(
        command_id=command.command_id, account_id=command.account_id, outcome=outcome, why=why
    )
