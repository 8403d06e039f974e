"""Enforcement that is refused again and again: it never stops, and it never eats the minute.

Five accounts' enforcers under virtual time, and a broker that refuses every deed, as a closed
market does.
"""

import heapq
from collections import deque

import pytest
from msgspec.structs import replace

from actors.enforcer import Enforcer
from actors.model.budget import LIMIT, TRUTH, WINDOW
from protocol.answers import Answered, Outcome
from protocol.commands import CancelOrder, ReadTruth
from protocol.effects import Ask, Effect, Perform, Send
from protocol.enforcement import Enforce, Priority, TruthSeen
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
                self._spend(1)
                if not isinstance(command, CancelOrder):
                    self.closes += 1
                no = Answered(command_id=command.command_id, account_id=AccountId(who),
                              outcome=Outcome.REFUSED, why="ContractNotActive")  # fmt: skip
                self._at(self.now.mono + self.trip, who, no)
            case Ask(ReadTruth(command_id=command_id)):
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
def test_i4_of_more_accounts_nothing_but_two_tries_and_their_reads_goes_beyond_the_minute(
    accounts: int,
) -> None:
    gateway = Refusals(accounts)
    gateway.run(600)

    assert gateway.worst <= accounts * (2 * 13 + 7 * TRUTH)


def test_a_first_try_and_its_repeat_wait_for_no_budget() -> None:
    gateway = Refusals(5)
    gateway.run(1)

    assert gateway.closes == 2 * 3 * 5
