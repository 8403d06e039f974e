"""Enforcement that is refused again and again: it never stops, and it never eats the minute.

Five accounts' enforcers under virtual time, and a broker that refuses every deed, as a closed
market does.
"""

import heapq
from collections import deque

import pytest
from msgspec.structs import replace

from actors.adapters.turns import Turns
from actors.enforcer import Enforcer
from actors.model.budget import CLOSES, LAST, LIMIT, TRUTH, WINDOW
from protocol.answers import RESERVED, Answered, Outcome
from protocol.commands import CancelOrder, ReadTruth
from protocol.effects import Ask, Effect, Perform, Send
from protocol.enforcement import Enforce, Priority, TruthSeen, TruthUnknown
from protocol.message import Message
from protocol.schedule import Purpose, StartTimer, TimerFired
from protocol.units import MILLISECOND, SECOND, AccountId, ContractId, Nanos, Now, RuleName
from tests.actors.rig import ES, FLATTEN, MNQ, book, held, order

NQ = ContractId("CON.F.US.ENQ.Z26")

ROUND_TRIP = 200 * MILLISECOND
LADEN = book(
    held(MNQ, 2), held(ES, -1), held(NQ, 1), orders=tuple(order(number) for number in range(10))
)


WISH = Enforce(
    rule=RuleName("r"), priority=Priority.HARD_LOCKOUT, goals=(FLATTEN,), why="", view=LADEN
)


class Refusals:
    """Enforcers, and a Gateway that says no to them until it opens."""

    def __init__(self, accounts: int, trip: int = ROUND_TRIP) -> None:
        self.trip = trip
        self.now = Now(wall=Nanos(0), mono=Nanos(10 * SECOND))
        self.sent: deque[int] = deque()
        self.worst = 0
        self.closes = 0
        self.tries = [0] * accounts
        self.turns = Turns(lambda: self.now.mono, self.spent)
        self._end = int(self.now.mono)
        self._due: list[tuple[int, int, int, Message]] = []
        self._serial = 0
        self._timers: dict[int, Nanos] = {}
        self._logic = [Enforcer(AccountId(one)) for one in range(accounts)]
        self._states = [one.begin(None, self.now).state for one in self._logic]
        for one in range(accounts):
            self._tell(one, WISH)

    def run(self, seconds: int) -> None:
        end = self._end = self._end + seconds * SECOND
        while self._due and self._due[0][0] <= end:
            at, _, who, message = heapq.heappop(self._due)
            self.now = Now(wall=Nanos(at), mono=Nanos(at))
            self._tell(who, message)

    def _at(self, at: int, who: int, message: Message) -> None:
        self._serial += 1
        heapq.heappush(self._due, (max(at, self.now.mono), self._serial, who, message))

    def _tell(self, who: int, message: Message) -> None:
        if isinstance(message, Answered):
            message = replace(message, spent=self.spent())
        if isinstance(message, TimerFired) and self._timers[who] != message.deadline:
            return  # one that was set anew
        step = self._logic[who].handle(self._states[who], message, self.now)
        self._states[who] = step.state
        for effect in step.effects:
            self._effect(who, effect)

    def _effect(self, who: int, effect: Effect) -> None:
        match effect:
            case Perform(command):
                closes = not isinstance(command, CancelOrder)
                if not self.turns.take(AccountId(who), command.claim, closes=closes):
                    not_now = Answered(command_id=command.command_id, account_id=AccountId(who),
                                       outcome=Outcome.REFUSED, why=RESERVED)  # fmt: skip
                    self._at(self.now.mono, who, not_now)
                    return
                self._spend(1)
                if not isinstance(command, CancelOrder):
                    self.closes += 1
                    self.tries[who] += 1
                no = Answered(command_id=command.command_id, account_id=AccountId(who),
                              outcome=Outcome.REFUSED, why="ContractNotActive")  # fmt: skip
                self._at(self.now.mono + self.trip, who, no)
            case Ask(ReadTruth(command_id=command_id, claim=claim)):
                if not self.turns.take(AccountId(who), claim, TRUTH, reads=True):
                    unread = TruthUnknown(command_id=command_id, why=RESERVED, asked=False)
                    self._at(self.now.mono, who, unread)
                    return
                self._spend(TRUTH)
                seen = TruthSeen(command_id=command_id, view=LADEN, read=LADEN,
                                 asked=self.now.mono)  # fmt: skip
                self._at(self.now.mono + self.trip, who, seen)
            case Send(to="timer", message=StartTimer(name=name, deadline=deadline)):
                self._timers[who] = deadline
                fired = TimerFired(name=name, purpose=Purpose.ENFORCER, deadline=deadline)
                self._at(deadline, who, fired)
            case _:
                pass

    def _spend(self, requests: int) -> None:
        self.sent.extend([self.now.mono] * requests)
        self.worst = max(self.worst, self.spent())

    def spent(self) -> int:
        while self.sent and self.sent[0] <= self.now.mono - WINDOW:
            self.sent.popleft()
        return len(self.sent)


@pytest.mark.parametrize("accounts", [1, 2, 5])
@pytest.mark.parametrize("trip_ms", [5, 50, 200])
def test_i4_thirteen_deeds_refused_for_long_leave_the_minute_and_never_stop(
    accounts: int, trip_ms: int
) -> None:
    """Before it was spread: 225 requests a minute for one account, 1,125 for five."""
    gateway = Refusals(accounts, trip_ms * MILLISECOND)
    for _ in range(10):
        before = gateway.closes
        gateway.run(60)
        assert gateway.closes - before >= 3 * accounts, "each position is tried each minute"

    assert gateway.worst <= LIMIT


@pytest.mark.parametrize("accounts", [10, 20])
@pytest.mark.parametrize("trip_ms", [5, 200])
def test_i4_many_accounts_refused_for_long_keep_within_the_minute_and_each_goes_on_trying(
    accounts: int, trip_ms: int
) -> None:
    """Before there were turns: 390 requests in a minute for ten accounts, 780 for twenty."""
    gateway = Refusals(accounts, trip_ms * MILLISECOND)
    assert gateway.closes == 3 * accounts, "first closes all leave at once"
    for _ in range(5):
        before = list(gateway.tries)
        gateway.run(180)
        assert all(now > was for now, was in zip(gateway.tries, before, strict=True))

    assert gateway.worst <= LIMIT


@pytest.mark.parametrize(("accounts", "kept"), [(5, LAST), (10, LAST), (20, CLOSES)])
def test_i4_accounts_that_are_refused_for_long_leave_room_for_a_newcomer_at_any_time(
    accounts: int, kept: int
) -> None:
    """A position with two orders is nine requests; of so many accounts' room at least closes."""
    gateway = Refusals(accounts)
    gateway.run(64)  # the first minute of so many is everybody's first
    for _ in range(120):
        gateway.run(5)
        assert gateway.spent() <= LIMIT - kept


def test_a_first_try_and_its_repeat_wait_for_no_budget() -> None:
    gateway = Refusals(5)
    gateway.run(1)

    assert gateway.closes == 2 * 3 * 5
