"""Polls that have given way for too long: who is read all the same, and what is said of it."""

import pytest

from actors.gateway_state import CATCH_UP, LISTED_MAX
from actors.model.budget import LIMIT, RESERVED
from actors.model.readings import POLL, POLL_BATCH, POLL_MANY, poll_round
from protocol.answers import RESERVED as WHY
from protocol.answers import AccountsFailed, AccountsRead, Refused
from protocol.commands import ReadAccounts
from protocol.decisions import AlarmKind, AlarmRaised
from protocol.effects import Effect, Journal, Send
from protocol.lifecycle import Burden, Resync
from protocol.message import Message
from protocol.units import SECOND, AccountId
from tests.actors.test_gateway import GatewayBench, alarms, asked, connected, numbers, seen, sent

STORM = LIMIT - RESERVED
"""What a minute has spent in which enforcement leaves nothing to polls."""
FIVE = tuple(AccountId(one) for one in range(1, 6))
TWENTY = tuple(AccountId(one) for one in range(1, 21))
HUNDRED = tuple(AccountId(one) for one in range(1, 101))


def logged_in(accounts: tuple[AccountId, ...]) -> GatewayBench:
    """Return a login whose accounts have all just been read after the hubs opened."""
    bench = connected(*accounts)
    assert not bench.state.readings.waiting
    return bench


def listed(bench: GatewayBench, spent: int = STORM) -> list[Effect]:
    return bench.tell(AccountsRead(accounts=seen(*bench.state.found), spent=spent))


def poll(bench: GatewayBench, answer: Message) -> list[AccountId]:
    """Let the next poll come, answer it so, and return who is read."""
    while ReadAccounts not in asked(bench.wait(SECOND)):
        pass
    return numbers(sent(bench.tell(answer), Resync))


def storm(bench: GatewayBench) -> AccountsRead:
    return AccountsRead(accounts=seen(*bench.state.found), spent=STORM)


def readings(effects: list[Effect]) -> list[Resync]:
    heard = [one.message for one in effects if isinstance(one, Send)]
    return [one for one in heard if isinstance(one, Resync)]


@pytest.mark.parametrize("accounts", [FIVE, TWENTY])
def test_who_has_given_way_once_is_read_at_the_next_poll_whatever_was_spent(
    accounts: tuple[AccountId, ...],
) -> None:
    bench = logged_in(accounts)

    rounds = [poll(bench, storm(bench)) for _ in range(6)]

    assert rounds == [[], list(accounts)] * 3


def test_such_a_read_costs_as_little_as_can_be_and_the_next_poll_is_planned_with_it() -> None:
    bench = logged_in(FIVE)
    poll(bench, storm(bench))
    bench.wait(POLL)

    effects = listed(bench)

    assert readings(effects) == [Resync(gap=False, trades=False)] * 5
    assert bench.state.readings.spent >= STORM + 2 * 5


def test_those_at_stake_come_first_then_who_was_read_longest_ago() -> None:
    bench = logged_in(FIVE)
    bench.tell(Burden(account_id=FIVE[3], requests=7))
    bench.tell(Burden(account_id=FIVE[4], requests=0, locked=True))
    poll(bench, storm(bench))

    assert poll(bench, storm(bench)) == [FIVE[3], FIVE[4], *FIVE[:3]]


def test_of_many_accounts_a_batch_is_read_at_a_time_and_nobody_waits_for_long() -> None:
    bench = logged_in(HUNDRED)
    last: dict[AccountId, int] = dict.fromkeys(HUNDRED, bench.now.mono)
    longest = 0
    began = bench.now.mono
    while bench.now.mono < began + 1_000 * SECOND:
        read = poll(bench, storm(bench))
        assert len(read) <= POLL_BATCH
        for one in read:
            longest = max(longest, bench.now.mono - last[one])
            last[one] = bench.now.mono
    longest = max(longest, *(bench.now.mono - at for at in last.values()))

    assert longest <= 2 * poll_round(len(HUNDRED))


def test_who_was_read_in_its_turn_is_not_read_twice() -> None:
    bench = logged_in(TWENTY)
    room = AccountsRead(accounts=seen(*TWENTY), spent=STORM - 10)
    first = poll(bench, room)
    assert 0 < len(first) < len(TWENTY)

    assert sorted((*first, *poll(bench, room))) == list(TWENTY)


def test_a_payload_of_nobody_knows_whom_does_not_stop_polls_while_nothing_is_left() -> None:
    """All are to be read anew, as there is room; and while they wait nobody is polled."""
    bench = logged_in(FIVE)
    listed(bench)
    bench.tell(Refused(account_id=None, event="?", why="?"))
    assert set(bench.state.readings.waiting) == set(FIVE)

    read: list[AccountId] = []
    began = bench.now.mono
    while not read:
        read = poll(bench, storm(bench))

    assert set(read) == set(FIVE)
    assert bench.now.mono - began <= 2 * POLL


@pytest.mark.parametrize(
    "failed",
    [
        pytest.param(AccountsFailed(why="503", spent=10), id="the Gateway does not list"),
        pytest.param(AccountsFailed(why=WHY, spent=LIMIT, asked=False), id="nothing is left"),
    ],
)
def test_a_list_that_is_not_there_does_not_keep_accounts_from_being_read(
    failed: AccountsFailed,
) -> None:
    bench = logged_in(FIVE)
    read: list[AccountId] = []
    began = bench.now.mono
    while not read:
        read = poll(bench, failed)

    assert read == list(FIVE)
    assert bench.now.mono - began <= 2 * POLL


def test_a_list_put_off_by_our_own_budget_is_late_and_asked_for_again_soon() -> None:
    bench = logged_in(TWENTY)
    bench.wait(POLL_MANY)
    effects = bench.tell(AccountsFailed(why=WHY, spent=LIMIT, asked=False))

    assert alarms(effects) == []
    assert asked(bench.wait(CATCH_UP - 1)) == []
    assert asked(bench.wait(1)) == [ReadAccounts]


def test_a_list_put_off_for_too_long_is_unknown_and_the_true_cause_is_said() -> None:
    bench = logged_in(TWENTY)
    listed(bench)
    at = bench.now.mono
    said: list[Effect] = []
    while not alarms(said):
        said = bench.wait(SECOND)
        if ReadAccounts in asked(said):
            said = bench.tell(AccountsFailed(why=WHY, spent=LIMIT, asked=False))

    assert LISTED_MAX <= bench.now.mono - at <= LISTED_MAX + CATCH_UP
    (raised,) = [one.decision for one in said if isinstance(one, Journal)]
    assert isinstance(raised, AlarmRaised)
    assert raised.kind is AlarmKind.TRUTH_UNKNOWN
    assert raised.why == f"the accounts were last listed 90 s ago or more: {WHY}"
    assert alarms(listed(bench)) == [(AlarmKind.TRUTH_UNKNOWN, False)]
