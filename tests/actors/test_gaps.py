"""A login of many accounts after a gap: who is read at once, and what the others say meanwhile."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from actors.account_feed import hearing
from actors.model.account_state import State
from actors.model.budget import DAY, LAST, LIMIT
from actors.model.feed import FeedState
from actors.model.schedule import ResetSchedule
from actors.plan import AccountPlan
from actors.roster import DeskRoster
from actors.rules import daily_realized_loss, max_contracts
from actors.runtime import Runtime
from actors.turn import Turn
from protocol.account_facts import AccountSeen
from protocol.answers import AccountsRead, HubsLost, HubsOpened, InstrumentRead, LoggedIn, TruthRead
from protocol.commands import ReadAccounts, ReadInstrument, ReadTruth
from protocol.lifecycle import Phase
from protocol.lockouts import LockKind, LockRequest, SetLock
from protocol.schedule import Tick
from protocol.units import SECOND, AccountId, Now, RuleName
from tests.actors.rig import START, later
from tests.sim.broker import INSTRUMENTS, MNQ, Broker

COUNT, LOSS = max_contracts.NAME, daily_realized_loss.NAME


class Many:
    """A desk of many accounts whose reads are answered when the test says so."""

    def __init__(self, accounts: int) -> None:
        plan = AccountPlan(
            account_id=AccountId(0),
            name="practice",
            reset=ResetSchedule(),
            rules={
                COUNT: max_contracts.Params(limit=5),
                LOSS: daily_realized_loss.Params(limit=Decimal(-500)),
            },
        )
        self.numbers = tuple(AccountId(one) for one in range(1, accounts + 1))
        self.brokers = {one: Broker(one) for one in self.numbers}
        self.now: Now = START
        self.asked: list[ReadTruth] = []
        """What is not answered yet."""
        self.lists = 0
        self.runtime = Runtime(
            DeskRoster(tuple(replace(plan, account_id=one) for one in self.numbers)), {}
        )
        self._take(self.runtime.start(self.now))

    def state(self, account_id: AccountId) -> State:
        found: State = self.runtime.states[f"account/{account_id}"]
        return found

    def tell(self, to: str, message: object) -> None:
        self._take(self.runtime.input(to, message, self.now))  # type: ignore[arg-type]

    def listed(self) -> tuple[AccountSeen, ...]:
        return tuple(AccountSeen(account_id=one, name="x", can_trade=True) for one in self.numbers)

    def answer(self) -> list[AccountId]:
        """Answer every read, and return whose they were."""
        answered, self.asked = self.asked, []
        for read in answered:
            broker = self.brokers[read.account_id]
            truth = TruthRead(
                command_id=read.command_id,
                account_id=read.account_id,
                positions=tuple(broker.positions.values()),
                orders=tuple(broker.orders.values()),
                trades=None if read.trades_since is None else tuple(broker.trades.values()),
                asked=self.now.mono,
            )
            self.tell(f"account/{read.account_id}", truth)
        return [read.account_id for read in answered]

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now = later(self.now, SECOND)
            for turn in self.runtime.tick(self.now):
                self._take(turn)

    def armed(self) -> set[AccountId]:
        return {one for one in self.numbers if self.state(one).phase is Phase.ARMED}

    def bring_up(self) -> None:
        """Log in, open the hubs, and read everybody."""
        self.tell("gateway", LoggedIn(accounts=self.listed()))
        self.tell("gateway", Tick())
        self.wait(1)
        self.tell("gateway", HubsOpened())
        while len(self.armed()) < len(self.numbers):
            assert self.answer(), "nobody is read, and somebody waits"
            self.tell("gateway", AccountsRead(accounts=self.listed(), spent=0))
        self.answer()

    def _take(self, turn: Turn) -> None:
        for portion in turn.portions.values():
            for read in portion.reads:
                match read:
                    case ReadTruth():
                        self.asked.append(read)
                    case ReadInstrument(account_id=account_id, contract_id=contract_id):
                        record = InstrumentRead(
                            account_id=account_id, instrument=INSTRUMENTS[contract_id]
                        )
                        self.tell(f"account/{account_id}", record)
                    case ReadAccounts():
                        self.lists += 1
                    case _:
                        pass


@pytest.mark.parametrize("accounts", [1, 5, 20, 100])
def test_after_a_gap_those_at_stake_are_read_at_once_and_the_others_say_gap(accounts: int) -> None:
    desk = Many(accounts)
    holder, locked = desk.numbers[-1], desk.numbers[len(desk.numbers) // 2]
    desk.brokers[holder].market(MNQ, 2, desk.now.wall)
    desk.bring_up()
    request = LockRequest(kind=LockKind.HARD, until=None)
    lock = SetLock(rule=RuleName("x"), request=request, reason="y")
    desk.tell(f"account/{locked}/lockout", lock)
    assert desk.asked == []

    desk.tell("gateway", HubsLost(why="silent"))
    assert {hearing(desk.state(one)) for one in desk.numbers} == {FeedState.GAP}
    desk.tell("gateway", HubsOpened(spent=50))
    read = [one.account_id for one in desk.asked]

    assert set(read[:2]) == {holder, locked}
    assert all(one.trades_since is not None for one in desk.asked), "trades first, in one read"
    assert len(read) * DAY <= LIMIT - LAST - 50
    assert len(read) == accounts or accounts > 20
    desk.answer()
    left = set(desk.numbers) - set(read)
    assert {hearing(desk.state(one)) for one in left} <= {FeedState.GAP}
    assert {hearing(desk.state(one)) for one in read} == {FeedState.LIVE}

    while left:
        desk.wait(10)
        assert desk.lists, "it is asked what the minute has left"
        desk.tell("gateway", AccountsRead(accounts=desk.listed(), spent=0))
        left -= set(desk.answer())
    assert desk.armed() == set(desk.numbers)
    assert {hearing(desk.state(one)) for one in desk.numbers} == {FeedState.LIVE}


def test_who_waits_to_be_read_keeps_what_it_knew_and_is_never_taken_for_flat() -> None:
    desk = Many(100)
    holders = desk.numbers[:60]
    for one in holders:
        desk.brokers[one].market(MNQ, 2, desk.now.wall)
    desk.bring_up()
    desk.tell("gateway", HubsLost(why="silent"))
    desk.tell("gateway", HubsOpened(spent=0))

    waiting = set(holders) - {one.account_id for one in desk.asked}
    assert waiting, "there is no room for sixty"
    for one in waiting:
        assert [held.size for held in desk.state(one).view.holdings] == [2]
        assert hearing(desk.state(one)) is FeedState.GAP


def test_an_account_is_unknown_until_its_first_turn_comes() -> None:
    desk = Many(100)
    desk.tell("gateway", LoggedIn(accounts=desk.listed()))
    desk.wait(1)
    desk.tell("gateway", HubsOpened())
    desk.answer()

    unread = [one for one in desk.numbers if not desk.state(one).known]
    assert unread
    for one in unread:
        assert desk.state(one).phase is Phase.READING
        assert hearing(desk.state(one)) is FeedState.GAP
        assert desk.state(one).view.realized is None
