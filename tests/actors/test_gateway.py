"""The gateway: the order of start-up, and how a connection that goes is taken up again."""

import heapq
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
from msgspec.structs import replace

from actors.behaviour import Step
from actors.gateway import PEACE, READING_MAX, RETRY_MAX, Gateway
from actors.gateway_state import BEFORE_HUBS, CATCH_UP, State
from actors.model.budget import LAST, LIMIT, RESERVED, RESERVED_MAX, WINDOW
from actors.model.readings import POLL, poll_round
from protocol.account_facts import AccountSeen
from protocol.answers import (
    AccountsFailed,
    AccountsRead,
    HubsLost,
    HubsOpened,
    LoggedIn,
    LoginFailed,
    Refused,
)
from protocol.commands import Login, OpenHubs, Read, ReadAccounts
from protocol.decisions import AlarmCleared, AlarmKind, AlarmRaised
from protocol.effects import Ask, Effect, Journal, Send, Wake
from protocol.lifecycle import AccountFound, Arm, Burden, Died, Evaluated, Resync
from protocol.message import Message
from protocol.schedule import ClockJumped, ClockSkewed, Tick
from protocol.units import MILLISECOND, SECOND, AccountId, Nanos, Now
from tests.actors.rig import START, later

ONE, TWO = AccountId(1), AccountId(2)


def seen(*accounts: AccountId) -> tuple[AccountSeen, ...]:
    return tuple(AccountSeen(account_id=one, name=f"practice {one}") for one in accounts)


class GatewayBench:
    """A gateway with its accounts, and what it did at each message."""

    def __init__(self, *accounts: AccountId, locked: frozenset[AccountId] = frozenset()) -> None:
        self.logic = Gateway(accounts or (ONE, TWO))
        self.locked = locked
        self.now: Now = START
        self.heard: list[Effect] = []
        self.state: State
        self._take(self.logic.begin(None, self.now))

    def tell(self, message: Message) -> list[Effect]:
        return self._take(self.logic.handle(self.state, message, self.now))

    def wait(self, nanos: int) -> list[Effect]:
        self.now = later(self.now, nanos)
        return self.tell(Tick())

    def _take(self, step: Step[State]) -> list[Effect]:
        """Take a step, and let the accounts that were found say what is at stake."""
        self.state = step.state
        self.heard += step.effects
        effects = list(step.effects)
        for account_id in numbers(sent(effects, AccountFound)):
            locked = account_id in self.locked
            effects += self.tell(Burden(account_id=account_id, requests=0, locked=locked))
        return effects


def asked(effects: list[Effect]) -> list[type[Read]]:
    return [type(one.command) for one in effects if isinstance(one, Ask)]


def sent(effects: list[Effect], kind: type[Message]) -> list[str]:
    return [one.to for one in effects if isinstance(one, Send) and isinstance(one.message, kind)]


def numbers(paths: list[str]) -> list[AccountId]:
    return [AccountId(int(one.removeprefix("account/"))) for one in paths]


def alarms(effects: list[Effect]) -> list[tuple[AlarmKind, bool]]:
    said = [one.decision for one in effects if isinstance(one, Journal)]
    return [
        (one.kind, isinstance(one, AlarmRaised))
        for one in said
        if isinstance(one, AlarmRaised | AlarmCleared)
    ]


def connected(*accounts: AccountId) -> GatewayBench:
    accounts = accounts or (ONE, TWO)
    bench = GatewayBench(*accounts)
    bench.tell(LoggedIn(accounts=seen(*accounts)))
    for one in accounts:
        bench.tell(Evaluated(account_id=one))
    effects = bench.tell(HubsOpened())
    while read := sent(effects, Resync):
        for one in numbers(read):
            bench.tell(Evaluated(account_id=one))
        if not bench.state.readings.waiting:
            break
        bench.now = later(bench.now, CATCH_UP)
        effects = bench.tell(AccountsRead(accounts=()))
    return bench


def test_the_order_of_start_up() -> None:
    bench = GatewayBench()
    assert asked(bench.heard) == [Login]

    effects = bench.tell(LoggedIn(accounts=seen(ONE, TWO)))
    assert sent(effects, AccountFound) == ["account/1", "account/2"]
    assert asked(effects) == []

    assert asked(bench.tell(Evaluated(account_id=ONE))) == [], "hubs wait for every account"
    effects = bench.tell(Evaluated(account_id=TWO))
    assert asked(effects) == [OpenHubs]
    assert sent(effects, Arm) == []

    effects = bench.tell(HubsOpened())
    assert sent(effects, Resync) == ["account/1", "account/2"], "the gap before them is read"
    assert sent(effects, Arm) == []

    assert sent(bench.tell(Evaluated(account_id=TWO)), Arm) == ["account/2"]
    assert sent(bench.tell(Evaluated(account_id=ONE)), Arm) == ["account/1"]


def test_an_account_that_does_not_answer_holds_up_nobody_for_long_i13() -> None:
    bench = GatewayBench()
    bench.tell(LoggedIn(accounts=seen(ONE, TWO)))
    bench.tell(Evaluated(account_id=ONE))
    assert asked(bench.wait(READING_MAX - 1)) == []
    assert asked(bench.wait(1)) == [OpenHubs]

    bench.tell(HubsOpened())
    assert sent(bench.tell(Evaluated(account_id=ONE)), Arm) == ["account/1"]
    assert sent(bench.tell(Evaluated(account_id=TWO)), Arm) == ["account/2"], "late, but armed"


def test_an_account_that_is_not_listed_is_an_alarm_and_holds_up_nobody() -> None:
    bench = GatewayBench()
    effects = bench.tell(LoggedIn(accounts=seen(ONE)))
    assert alarms(effects) == [(AlarmKind.ACCOUNT_MISSING, True)]
    assert asked(bench.tell(Evaluated(account_id=ONE))) == [OpenHubs]

    bench.tell(HubsOpened())
    effects = bench.tell(AccountsRead(accounts=seen(ONE, TWO)))
    assert alarms(effects) == [(AlarmKind.ACCOUNT_MISSING, False)]
    assert sent(effects, AccountFound) == ["account/2"]


def test_a_login_is_tried_for_ever_ever_more_slowly() -> None:
    bench = GatewayBench()
    waits: list[int] = []
    for _ in range(8):
        bench.tell(LoginFailed(why="503", refused=False))
        start = bench.now.mono
        while asked(bench.wait(SECOND // 4)) != [Login]:
            pass
        waits.append((bench.now.mono - start) // SECOND)

    assert waits == sorted(waits)
    assert waits[0] == 1
    assert waits[-1] == RETRY_MAX // SECOND
    raised = [one for one in alarms(bench.heard) if one == (AlarmKind.CANNOT_ENFORCE, True)]
    assert len(raised) == 1
    effects = bench.tell(LoggedIn(accounts=seen(ONE, TWO)))
    assert (AlarmKind.CANNOT_ENFORCE, False) in alarms(effects)


def test_hubs_that_cannot_be_opened_are_tried_again() -> None:
    bench = GatewayBench()
    bench.tell(LoggedIn(accounts=seen(ONE)))
    bench.tell(Evaluated(account_id=ONE))
    bench.tell(HubsLost(why="refused"))

    assert asked(bench.wait(2 * SECOND)) == [OpenHubs]


def test_a_second_answer_to_a_login_does_not_forget_that_the_hubs_are_tried_again() -> None:
    """An earlier life of the gateway had asked as well."""
    bench = GatewayBench()
    bench.tell(LoggedIn(accounts=seen(ONE, TWO)))
    bench.tell(Evaluated(account_id=ONE))
    bench.tell(Evaluated(account_id=TWO))
    bench.tell(HubsLost(why="cannot connect"))
    bench.tell(LoggedIn(accounts=seen(ONE, TWO)))

    assert OpenHubs in asked(bench.wait(2 * SECOND))


def test_hubs_that_could_not_be_opened_before_the_login_are_opened_after_it() -> None:
    """A list that an earlier life had asked for came first, and the login took a second try."""
    bench = GatewayBench()
    bench.tell(AccountsRead(accounts=seen(ONE)))
    assert OpenHubs in asked(bench.tell(Evaluated(account_id=ONE)))
    bench.tell(LoginFailed(why="503", refused=False))
    bench.tell(HubsLost(why="cannot connect"))
    bench.wait(2 * SECOND)
    bench.tell(LoggedIn(accounts=seen(ONE)))

    assert OpenHubs in asked(bench.wait(2 * SECOND))


def test_after_every_gap_the_truth_is_read_again_lesson_19() -> None:
    bench = connected()
    assert alarms(bench.tell(HubsLost(why="silent"))) == [(AlarmKind.HUBS_LOST, True)]
    effects = bench.tell(HubsOpened())

    assert alarms(effects) == [(AlarmKind.HUBS_LOST, False)]
    assert sent(effects, Resync) == ["account/1", "account/2"]


def test_a_fight_for_the_login_is_an_alarm_until_the_hubs_have_stayed_open() -> None:
    bench = connected()
    effects = bench.tell(HubsLost(why="another session", contested=True))
    assert alarms(effects) == [(AlarmKind.LOGIN_CONTESTED, True), (AlarmKind.HUBS_LOST, True)]
    assert alarms(bench.tell(HubsOpened())) == [(AlarmKind.HUBS_LOST, False)]

    bench.wait(PEACE - 1)
    assert alarms(bench.tell(AccountsRead(accounts=seen(ONE, TWO)))) == []
    bench.wait(1)
    effects = bench.tell(AccountsRead(accounts=seen(ONE, TWO)))
    assert alarms(effects) == [(AlarmKind.LOGIN_CONTESTED, False)]


def test_truth_is_read_as_a_matter_of_course() -> None:
    bench = connected()
    assert asked(bench.wait(POLL - 1)) == []
    assert asked(bench.wait(1)) == [ReadAccounts]

    effects = bench.tell(AccountsRead(accounts=seen(ONE, TWO), spent=10))
    assert sent(effects, Resync) == ["account/1", "account/2"]
    assert asked(bench.wait(POLL)) == [ReadAccounts]


@pytest.mark.parametrize(("room", "polled"), [(4, 2), (3, 1), (2, 1), (1, 0), (0, 0), (-50, 0)])
def test_polls_give_way_to_enforcement(room: int, polled: int) -> None:
    bench = connected()
    effects = bench.tell(AccountsRead(accounts=seen(ONE, TWO), spent=LIMIT - RESERVED - room))

    assert len(sent(effects, Resync)) == polled


@pytest.mark.parametrize(
    ("burdens", "kept"),
    [
        pytest.param((0, 0), RESERVED, id="flat: enough for what may come"),
        pytest.param((19, 19), RESERVED, id="little is held"),
        pytest.param((60, 40), 100, id="what a flatten of both would take"),
        pytest.param((90, 90), RESERVED_MAX, id="never so much that nobody looks"),
    ],
)
def test_polls_leave_what_flattening_everything_would_take(
    burdens: tuple[int, int], kept: int
) -> None:
    bench = connected()
    for account, requests in zip((ONE, TWO), burdens, strict=True):
        bench.tell(Burden(account_id=account, requests=requests))

    enough = bench.tell(AccountsRead(accounts=seen(ONE, TWO), spent=LIMIT - kept - 4))
    short = bench.tell(AccountsRead(accounts=seen(ONE, TWO), spent=LIMIT - kept))

    assert len(sent(enough, Resync)) == 2
    assert sent(short, Resync) == []


def test_who_had_to_give_way_is_polled_next() -> None:
    bench = connected()
    bench.tell(AccountsRead(accounts=seen(ONE, TWO), spent=LIMIT - RESERVED - 2))

    effects = bench.tell(AccountsRead(accounts=seen(ONE, TWO), spent=LIMIT - RESERVED - 2))
    assert sent(effects, Resync) == ["account/2"]


@pytest.mark.parametrize(
    ("accounts", "every", "most"),
    [(1, 15, 13), (5, 15, 52), (6, 30, 30), (20, 30, 94), (60, 90, 94), (100, 150, 94)],
)
def test_polls_keep_within_the_request_budget(accounts: int, every: int, most: int) -> None:
    """5 accounts every 15 s, 20 every 30 s, more in turns; whether they may trade every 30 s."""
    numbers = tuple(AccountId(one) for one in range(1, accounts + 1))
    bench = connected(*numbers)
    spent: list[tuple[int, int]] = []
    polled: dict[str, list[int]] = {f"account/{one}": [] for one in numbers}
    with_trades = dict.fromkeys(polled, 0)
    began = bench.now.mono
    while bench.now.mono < began + 1_500 * SECOND:
        asking = asked(bench.wait(15 * SECOND)) == [ReadAccounts]
        if not asking:
            continue
        second = (bench.now.mono - began) // SECOND
        minute = sum(cost for at, cost in spent if at > second - 60) + 1
        effects = bench.tell(AccountsRead(accounts=seen(*numbers), spent=minute))
        cost = 1
        for effect in effects:
            if isinstance(effect, Send) and isinstance(effect.message, Resync):
                polled[effect.to].append(second)
                with_trades[effect.to] += effect.message.trades
                cost += 3 if effect.message.trades else 2
        spent.append((second, cost))

    lists = [at for at, _ in spent]
    assert {after - before for before, after in pairwise(lists)} == {min(every, 30)}
    for times in polled.values():
        assert {after - before for before, after in pairwise(times)} == {every}
    assert poll_round(accounts) == every * SECOND
    assert all(count >= 1_500 // every // 5 for count in with_trades.values())
    minutes = [sum(cost for at, cost in spent if end - 60 < at <= end) for end in lists]
    assert max(minutes) <= most


def test_accounts_that_cannot_be_listed_are_an_alarm_not_missing_i2() -> None:
    bench = connected()

    effects = bench.tell(AccountsFailed(why="503"))
    assert alarms(effects) == [(AlarmKind.TRUTH_UNKNOWN, True)]
    assert sent(bench.tell(AccountsRead(accounts=seen(ONE, TWO))), AccountFound) == []


def test_an_account_that_was_restarted_is_brought_up_to_the_others() -> None:
    bench = connected()
    effects = bench.tell(Died(name="account/2", why="KeyError"))
    assert sent(effects, AccountFound) == ["account/2"]

    assert sent(bench.tell(Evaluated(account_id=TWO)), Arm) == ["account/2"]


def test_an_account_that_was_restarted_hears_of_the_clocks_before_it_is_found_i5() -> None:
    """It would take ours for right otherwise, and end locks and its day by it."""
    bench = connected()
    bench.tell(ClockSkewed(ahead=Nanos(3_600 * SECOND)))
    effects = bench.tell(Died(name="account/2", why="KeyError"))

    to_it = [one.message for one in effects if isinstance(one, Send) and one.to == "account/2"]
    assert [type(one) for one in to_it] == [ClockSkewed, AccountFound, Resync]
    assert to_it[0] == ClockSkewed(ahead=Nanos(3_600 * SECOND))


def test_what_an_earlier_life_began_neither_opens_nor_closes_this_ones_hubs() -> None:
    bench = GatewayBench(ONE)
    assert Ask(OpenHubs(accounts=())) not in bench.tell(Evaluated(account_id=ONE))
    bench.tell(HubsLost(why="cannot connect"))

    bench.tell(LoggedIn(accounts=seen(ONE)))
    assert Ask(OpenHubs(accounts=(ONE,))) in bench.tell(Evaluated(account_id=ONE))


def test_after_a_clock_jumped_the_accounts_are_read_at_once() -> None:
    bench = GatewayBench(ONE)
    assert bench.tell(ClockJumped(by=Nanos(9 * SECOND))) == [], "not before the login"
    bench.tell(LoggedIn(accounts=seen(ONE)))

    assert bench.tell(ClockJumped(by=Nanos(9 * SECOND))) == [Ask(ReadAccounts())]


def test_a_restarted_account_is_not_told_again_what_the_list_once_said_i2() -> None:
    bench = connected()
    listed = tuple(replace(one, can_trade=True) for one in seen(ONE, TWO))
    bench.tell(AccountsRead(accounts=listed))
    effects = bench.tell(Died(name="account/2", why="KeyError"))

    (found,) = [
        one.message.seen
        for one in effects
        if isinstance(one, Send) and isinstance(one.message, AccountFound)
    ]
    assert found.can_trade is None, "the hub may have said otherwise since"
    assert asked(effects) == [ReadAccounts]


def test_a_list_without_any_account_is_read_again() -> None:
    bench = GatewayBench()
    bench.tell(LoggedIn(accounts=()))

    assert asked(bench.wait(POLL)) == [ReadAccounts]
    assert sent(bench.tell(AccountsRead(accounts=seen(ONE))), AccountFound) == ["account/1"]


class Minute:
    """What a login's last minute has spent, as its meter counts."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.worst = 0

    def spend(self, requests: int, at: int) -> int:
        self.sent += [at] * requests
        spent = sum(1 for one in self.sent if at - WINDOW < one <= at)
        self.worst = max(self.worst, spent)
        return spent


class Line(GatewayBench):
    """A gateway whose accounts are read as the adapter does, each request counted."""

    TRIP = 100 * MILLISECOND

    def __init__(self, *accounts: AccountId, locked: frozenset[AccountId] = frozenset()) -> None:
        self.minute = Minute()
        self.order: list[AccountId] = []
        """Who was told to be read after a gap, in order."""
        self.armed: set[AccountId] = set()
        self._due: list[tuple[int, int, Callable[[], object]]] = []
        self._serial = 0
        super().__init__(*accounts, locked=locked)

    def run(self, nanos: int) -> None:
        end = self.now.mono + nanos
        while self._due and self._due[0][0] <= end:
            at, _, what = heapq.heappop(self._due)
            self.now = later(self.now, at - self.now.mono)
            what()
        self.now = later(self.now, end - self.now.mono)

    def gap(self) -> None:
        """Lose the hubs and have them again."""
        self.order, self.armed = [], set()
        self.tell(HubsLost(why="silent"))
        self.tell(HubsOpened(spent=self.minute.spend(0, self.now.mono)))

    def _take(self, step: Step[State]) -> list[Effect]:
        effects = super()._take(step)
        for effect in step.effects:
            match effect:
                case Wake(mono=at) if at is not None:
                    self._at(at - self.now.mono, lambda: self.tell(Tick()))
                case Ask(command):
                    self.minute.spend(1, self.now.mono)
                    self._at(self.TRIP, partial(self._answer, command))
                case Send(to=to, message=Resync(gap=gap, trades=trades)):
                    self._read(numbers([to])[0], gap=gap, trades=trades)
                case Send(to=to, message=Arm()):
                    self.armed |= set(numbers([to]))
                case _:
                    pass
        return effects

    def _at(self, after: int, what: Callable[[], object]) -> None:
        self._serial += 1
        heapq.heappush(self._due, (self.now.mono + after, self._serial, what))

    def _answer(self, command: Read) -> None:
        spent = self.minute.spend(0, self.now.mono)
        listed = seen(*self.logic._accounts)
        match command:
            case Login():
                self.tell(LoggedIn(accounts=listed, spent=spent))
            case OpenHubs():
                self.tell(HubsOpened(spent=spent))
            case _:
                self.tell(AccountsRead(accounts=listed, spent=spent))

    def _read(self, account_id: AccountId, *, gap: bool, trades: bool) -> None:
        """Read trades, then positions and orders at once."""
        if gap:
            self.order.append(account_id)
        self.minute.spend(1 if trades else 0, self.now.mono)
        self._at(self.TRIP, lambda: self.minute.spend(2, self.now.mono))
        if gap:
            self._at(2 * self.TRIP, lambda: self.tell(Evaluated(account_id=account_id)))


MANY = [(1, 1), (5, 1), (20, 1), (60, 70), (100, 150)]
"""Accounts, and the seconds within which all of them are armed."""


@pytest.mark.parametrize(("accounts", "within"), MANY)
def test_at_the_start_all_are_read_within_the_minutes_requests_and_in_bounded_time(
    accounts: int, within: int
) -> None:
    everybody = tuple(AccountId(one) for one in range(1, accounts + 1))
    login = Line(*everybody)
    login.run((within + 2) * SECOND)

    assert login.armed == set(everybody)
    assert login.minute.worst <= LIMIT - LAST


@pytest.mark.parametrize(("accounts", "within"), MANY)
@pytest.mark.parametrize("held", [0, 3, 40])
def test_after_a_gap_who_is_at_stake_is_read_first_and_the_minute_is_kept(
    accounts: int, within: int, held: int
) -> None:
    everybody = tuple(AccountId(one) for one in range(1, accounts + 1))
    login = Line(*everybody)
    login.run(400 * SECOND)
    guarded = everybody[-held:] if held else ()
    for one in guarded:
        login.tell(Burden(account_id=one, requests=7 if one % 2 else 0, locked=not one % 2))
    login.minute.worst = 0

    login.gap()
    login.run(within * SECOND)

    assert login.minute.worst <= LIMIT - LAST
    assert login.armed == set(everybody)
    assert sorted(login.order) == list(everybody), "each of them once"
    assert set(login.order[: len(guarded)]) == set(guarded)


def test_who_waits_after_a_gap_is_not_taken_for_read_by_what_was_asked_before_it() -> None:
    everybody = tuple(AccountId(one) for one in range(1, 101))
    login = Line(*everybody)
    login.run(400 * SECOND)
    login.gap()
    waiting = set(login.state.readings.waiting)
    assert waiting

    for one in sorted(waiting):
        assert sent(login.tell(Evaluated(account_id=one)), Arm) == []
    assert set(login.state.readings.waiting) == waiting


def test_the_locked_are_read_before_the_hubs_open_and_the_rest_as_the_minute_allows() -> None:
    everybody = tuple(AccountId(one) for one in range(1, 101))
    locked = frozenset(everybody[-30:])
    login = Line(*everybody, locked=locked)
    login.run(150 * MILLISECOND)

    assert set(login.order) <= locked
    assert len(login.order) == BEFORE_HUBS
    login.run(200 * SECOND)
    assert login.armed == set(everybody)


@pytest.mark.parametrize("apart", [50 * MILLISECOND, SECOND, 3 * SECOND])
def test_gaps_that_follow_one_another_never_go_beyond_the_minute(apart: int) -> None:
    everybody = tuple(AccountId(one) for one in range(1, 21))
    login = Line(*everybody)
    login.run(120 * SECOND)
    for _ in range(20):
        login.gap()
        login.run(apart)

    assert login.minute.worst <= LIMIT - LAST
    login.run(75 * SECOND)
    assert login.armed == set(everybody)


def test_a_payload_that_was_refused_has_all_read_again_as_there_is_room() -> None:
    bench = connected(*(AccountId(one) for one in range(1, 101)))
    bench.tell(AccountsFailed(why="503", spent=LIMIT - RESERVED - 10))

    effects = bench.tell(Refused(account_id=None, event="?", why="?"))

    assert sent(effects, Resync) == ["account/1", "account/2", "account/3"]
    assert len(bench.state.readings.waiting) == 97
