"""A desk's actors with a broker that does at once what it is asked: for what actors do together."""

from collections import deque

from msgspec.structs import replace

from actors.plan import AccountPlan
from actors.roster import DeskRoster
from actors.runtime import Runtime
from actors.turn import Turn
from protocol.account_facts import AccountSeen
from protocol.answers import (
    RESERVED,
    AccountsRead,
    Answered,
    HubsOpened,
    InstrumentFailed,
    InstrumentRead,
    LoggedIn,
    Outcome,
    TruthFailed,
    TruthRead,
)
from protocol.codec import encode_state
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
    SearchContracts,
    WatchContract,
)
from protocol.decisions import Decision
from protocol.market_facts import QuoteSeen
from protocol.message import Message
from protocol.units import MILLISECOND, ContractId, Nanos
from tests.actors.rig import START, later
from tests.sim.broker import ACCOUNT, INSTRUMENTS, Broker, Fact, Refusal

PATH = f"account/{ACCOUNT}"
FOUND = AccountSeen(account_id=ACCOUNT, name="practice", can_trade=True)


class Desk:
    """Actors, a loyal broker, and virtual time."""

    def __init__(
        self,
        plan: AccountPlan,
        roster: DeskRoster | None = None,
        stored: dict[str, bytes] | None = None,
        broker: Broker | None = None,
        found: AccountSeen = FOUND,
        *,
        truth_kept: bool = False,
    ) -> None:
        self.broker = Broker() if broker is None else broker
        self.found = found
        self.now = START
        self.decisions: list[Decision] = []
        self.mutations: list[Mutation] = []
        self.deaths: list[tuple[str, str]] = []
        self.unvalued: set[ContractId] = set()
        self.unread: dict[ContractId, bool] = {}
        """Contracts whose record cannot be read now, and whether the Gateway is asked at all."""
        self.truth_fails = False
        self.truth_kept = truth_kept
        """Whether reads that are not urgent are refused by our own budget, and never leave."""
        self.stored = {} if stored is None else stored
        self._mail: deque[Message] = deque()
        self.runtime = Runtime(DeskRoster((plan,)) if roster is None else roster, self.stored)
        self._take(self.runtime.start(self.now))
        self._settle()

    def trade(self, contract_id: ContractId, signed: int) -> None:
        """Have the trader fill a market order, and the hub tell of it."""
        self.tell(self.broker.market(contract_id, signed, self.now.wall))

    def move(self, contract_id: ContractId, ticks: int) -> None:
        """Move the market."""
        self.tell(self.broker.move(contract_id, ticks, self.now.wall))
        self.hear(self.broker.quote(contract_id, self.now.wall))

    def tell(self, facts: list[Fact]) -> None:
        for fact in facts:
            self.hear(fact)

    def hear(self, message: Message) -> None:
        """Put something in, and let everything it causes happen."""
        self._mail.append(message)
        self._settle()

    def wait(self, ms: int) -> None:
        """Let time pass, tick by tick."""
        end = later(self.now, ms * MILLISECOND)
        while True:
            left = end.mono - self.now.mono
            wait = self.runtime.wait_ns(self.now)
            step = left if wait is None else min(left, wait)
            self.now = later(self.now, step)
            for turn in self.runtime.tick(self.now):
                self._take(turn)
            self._settle()
            if wait is None or wait >= left:
                return

    def said[D: Decision](self, kind: type[D]) -> list[D]:
        return [one for one in self.decisions if isinstance(one, kind)]

    def _settle(self) -> None:
        while self._mail:
            message = self._mail.popleft()
            to = PATH if getattr(message, "account_id", None) is not None else "gateway"
            if isinstance(message, QuoteSeen):
                to = "market_data"
            resort = f"{to}/last_resort"
            to = resort if resort in self.runtime.addresses else to
            self._take(self.runtime.input(to, message, self.now))

    def _take(self, turn: Turn) -> None:
        self.deaths += turn.deaths
        for portion in turn.portions.values():
            self.stored |= {path: encode_state(kept) for path, kept in portion.kept.items()}
            self.decisions += portion.decisions
            for command in portion.mutations:
                self.mutations.append(command)
                self._mail.append(self._execute(command))
            for read in portion.reads:
                self._mail.extend(self._read(read))

    def _execute(self, command: Mutation) -> Message:
        at, outcome, why = self.now.wall, Outcome.ACCEPTED, ""
        try:
            match command:
                case CloseContract():
                    self._mail.extend(self.broker.close(command.contract_id, None, at))
                case PartialClose(size=size):
                    self._mail.extend(self.broker.close(command.contract_id, size, at))
                case CancelOrder():
                    self._mail.extend(self.broker.cancel(command.order_id, at))
                case ModifyOrder():
                    self._mail.extend(self.broker.modify(command, at))
                case PlaceStop():
                    self._mail.extend(self.broker.place(command, at))
        except Refusal as refusal:
            outcome, why = Outcome.REFUSED, str(refusal)
        return Answered(command_id=command.command_id, account_id=ACCOUNT, outcome=outcome, why=why)

    def _read(self, read: Read) -> list[Message]:
        match read:
            case Login():
                return [LoggedIn(accounts=(self._listed(),))]
            case ReadAccounts():
                return [AccountsRead(accounts=(self._listed(),))]
            case OpenHubs():
                return [HubsOpened()]
            case WatchContract(contract_id=contract_id):
                return [self.broker.quote(contract_id, self.now.wall)]
            case ReadInstrument(contract_id=contract_id):
                return [self._record(contract_id)]
            case SearchContracts(text=text):
                raise AssertionError(f"an actor searched for {text}")
            case ReadTruth(command_id=command_id) if self.truth_fails:
                return [TruthFailed(command_id=command_id, account_id=ACCOUNT, why="503")]
            case ReadTruth(command_id=command_id, urgent=False) if self.truth_kept:
                failed = TruthFailed(command_id=command_id, account_id=ACCOUNT, why=RESERVED)
                return [replace(failed, asked=False)]
            case ReadTruth(command_id=command_id, trades_since=since):
                return [self._truth(command_id, since)]

    def _record(self, contract_id: ContractId) -> Message:
        read = InstrumentRead(account_id=ACCOUNT, instrument=INSTRUMENTS[contract_id])
        failed = InstrumentFailed(
            account_id=ACCOUNT, contract_id=contract_id, why="no tick value", final=True
        )
        asked = self.unread.get(contract_id)
        if asked is not None:
            return replace(failed, why="503" if asked else "kept", final=False, asked=asked)
        return failed if contract_id in self.unvalued else read

    def _listed(self) -> AccountSeen:
        return replace(self.found, asked=self.now.mono)

    def _truth(self, command_id: str, since: Nanos | None) -> TruthRead:
        every = self.broker.trades.values()
        return TruthRead(
            command_id=command_id,
            account_id=ACCOUNT,
            positions=tuple(self.broker.positions.values()),
            orders=tuple(self.broker.orders.values()),
            trades=None if since is None else tuple(one for one in every if one.at >= since),
            asked=self.now.mono,
        )
