"""One actor's logic on a workbench: messages in, virtual time, and everything it did laid out."""

from typing import Any

from msgspec.structs import replace

from actors.behaviour import Behaviour, Orphan, Step
from actors.enforcer import Enforcer
from protocol.account_facts import OrderSeen, OrderStatus, OrderType, Side
from protocol.answers import Answered, Outcome
from protocol.book import BookView, Holding
from protocol.codec import decode_state, encode_state
from protocol.commands import Mutation, Read, ReadTruth
from protocol.decisions import Decision
from protocol.effects import Ask, Effect, Journal, Perform, Send
from protocol.enforcement import (
    Aim,
    BookChanged,
    Enforce,
    Goal,
    Priority,
    TruthSeen,
    TruthUnknown,
)
from protocol.message import Message
from protocol.schedule import StartTimer, TimerFired
from protocol.units import (
    MILLISECOND,
    AccountId,
    ContractId,
    Nanos,
    Now,
    OrderId,
    PositionId,
    Price,
    RuleName,
    Usd,
)

ACCOUNT = AccountId(1001)
MNQ = ContractId("CON.F.US.MNQ.Z26")
ES = ContractId("CON.F.US.EP.Z26")
LOSS = RuleName("daily_realized_loss")
COUNT = RuleName("max_contracts")
START = Now(wall=Nanos(1_800_000_000 * 10**9), mono=Nanos(5 * 10**9))


def later(now: Now, nanos: int) -> Now:
    return Now(wall=Nanos(now.wall + nanos), mono=Nanos(now.mono + nanos))


def held(contract_id: ContractId, size: int, grew: int = 1) -> Holding:
    return Holding(
        position_id=PositionId(grew),
        contract_id=contract_id,
        size=size,
        average=Price(0),
        opened=Nanos(0),
        grew=grew,
        instrument=None,
        mark=None,
        unrealized=None,
    )


def order(
    number: int,
    contract_id: ContractId = MNQ,
    *,
    side: Side = Side.BUY,
    kind: OrderType = OrderType.LIMIT,
    size: int = 1,
    status: OrderStatus = OrderStatus.OPEN,
    parent: int | None = None,
) -> OrderSeen:
    return OrderSeen(
        account_id=ACCOUNT,
        order_id=OrderId(number),
        contract_id=contract_id,
        status=status,
        type=kind,
        side=side,
        size=size,
        parent_id=None if parent is None else OrderId(parent),
    )


def book(*holdings: Holding, orders: tuple[OrderSeen, ...] = (), known: bool = True) -> BookView:
    return BookView(
        account_id=ACCOUNT,
        known=known,
        day="2027-01-15",
        next_reset=Nanos(START.wall + 10**15),
        realized=Usd(0),
        holdings=holdings,
        orders=orders,
    )


FLAT = book()
FLATTEN = Goal(aim=Aim.FLATTEN)


def flatten(contract_id: ContractId) -> Goal:
    return Goal(aim=Aim.FLATTEN, contract_id=contract_id)


def reduce(contract_id: ContractId, keep: int) -> Goal:
    return Goal(aim=Aim.REDUCE, contract_id=contract_id, keep=keep)


class Bench:
    """Runs a behaviour, moves time, and fires the timers it sets."""

    def __init__(self, logic: Behaviour[Any], kept: Any = None, now: Now = START) -> None:
        self.logic = logic
        self.now = now
        self.timers: dict[str, StartTimer] = {}
        self.said: list[Decision] = []
        self.sent: list[tuple[str, Message]] = []
        self.mutations: list[Mutation] = []
        self.reads: list[Read] = []
        self.state: Any = None
        self._apply(logic.begin(kept, now))

    def tell(self, message: Message) -> None:
        self._apply(self.logic.handle(self.state, message, self.now))

    def wait(self, ms: int) -> None:
        """Let time pass, and fire what comes due on the way."""
        target = later(self.now, ms * MILLISECOND)
        while due := min(self.timers.values(), key=lambda one: one.deadline, default=None):
            if due.deadline > target.mono:
                break
            self.now = later(self.now, max(0, due.deadline - self.now.mono))
            del self.timers[due.name]
            fired = TimerFired(name=due.name, purpose=due.purpose, deadline=due.deadline)
            self.tell(fired)
        self.now = target

    def kept(self) -> Any:
        """Return what the disk would give back to another process."""
        assert self.logic.kept is not None
        kept = decode_state(encode_state(self.logic.keep(self.state)), self.logic.kept)
        return kept.orphaned() if isinstance(kept, Orphan) else kept

    def _apply(self, step: Step[Any]) -> None:
        self.state = step.state
        for effect in step.effects:
            self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send("timer", StartTimer() as timer):
                self.timers[timer.name] = timer
            case Send(to, message):
                self.sent.append((to, message))
            case Journal(decision):
                self.said.append(decision)
            case Perform(command):
                self.mutations.append(command)
            case Ask(command):
                self.reads.append(command)
            case _:
                raise AssertionError(effect)


class EnforcerBench(Bench):
    """An enforcer, with the world it sees spoken in few words."""

    def __init__(self, kept: Any = None, now: Now = START) -> None:
        super().__init__(Enforcer(ACCOUNT), kept, now)

    def enforce(
        self, *goals: Goal, view: BookView, rule: RuleName = LOSS, priority: int = 1
    ) -> None:
        enforce = Enforce(
            rule=rule, priority=Priority(priority), goals=goals, why="so it is", view=view
        )
        self.tell(enforce)

    def shows(self, view: BookView) -> None:
        self.tell(BookChanged(view=replace(view)))

    def answers(self, outcome: Outcome, why: str = "", which: int = -1) -> None:
        command_id = self.mutations[which].command_id
        answered = Answered(command_id=command_id, account_id=ACCOUNT, outcome=outcome, why=why)
        self.tell(answered)

    def reading(self) -> str | None:
        """Return the read that waits for its answer."""
        found: str | None = self.state.reading
        return found

    def truth(
        self, view: BookView, asked: Nanos | None = None, read: BookView | None = None
    ) -> None:
        """Answer the read under way: with what is so now, or was so when it left."""
        command_id = self.reading()
        assert command_id is not None, "nothing was asked"
        seen = TruthSeen(
            command_id=command_id,
            view=replace(view),
            read=replace(view if read is None else read),
            asked=self.now.mono if asked is None else asked,
        )
        self.tell(seen)

    def unknown(self) -> None:
        command_id = self.reading()
        assert command_id is not None, "nothing was asked"
        self.tell(TruthUnknown(command_id=command_id, why="timed out"))

    def heard(self, *kinds: type[Decision]) -> list[Decision]:
        return [one for one in self.said if isinstance(one, kinds)]

    @property
    def last_read(self) -> ReadTruth:
        read = self.reads[-1]
        assert isinstance(read, ReadTruth)
        return read
