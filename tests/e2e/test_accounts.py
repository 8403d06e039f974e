"""Two accounts on one login: what one of them suffers is not the other's affair."""

from typing import Any

import pytest

from actors.enforcer import Enforcer
from actors.lockout import Lockout
from protocol.decisions import AccountArmed, AlarmKind, AlarmRaised
from protocol.lifecycle import Phase
from protocol.message import Message
from protocol.units import AccountId, Now
from tests.e2e.conftest import Build, Figure
from tests.e2e.invariants import alarms
from tests.e2e.stand import (
    CLOSE,
    FIRST,
    MNQ,
    OTHER,
    PARTIAL,
    Stand,
    contracts,
    plan,
    realized,
    unrealized,
)

PLANS = (
    plan(realized(-200), contracts(5)),
    plan(realized(-200), contracts(5), account=OTHER),
)


def hang(stand: Stand) -> None:
    """Let every REST call of the other account hang, from now on."""
    stand.sim.faults.rest(kind="hang", account=OTHER, count=None)


@pytest.mark.fault("account-hangs")
async def test_i13_a_breach_is_enforced_in_its_usual_time_while_the_other_account_hangs(
    build: Build, figure: Figure
) -> None:
    stand = await build(*PLANS)
    await stand.enter("buy", 2, at=21000)
    await stand.enter("buy", 2, at=21000, account=OTHER)
    hang(stand)

    at = stand.clock().mono
    await stand.price(MNQ, 20950)  # both are in breach
    await stand.until(lambda: stand.holdings() == {}, "the first account to be flat")
    await stand.proven()

    took = (stand.mutations()[0].received_ns - at) / 1e6
    figure("quote to close beside a hung account (ms)", took)
    figure("breach to proof beside a hung account (ms)", float(stand.confirmed()[0].took_ms))
    assert took < 2_000, "far from the 5 s that the other one waits"
    assert stand.confirmed()[0].took_ms < 2_000
    assert stand.holdings(OTHER) == {MNQ: 2}
    assert stand.report(OTHER).locked
    assert stand.confirmed(OTHER) == []  # nothing is said that is not proven


@pytest.mark.parametrize("who", [Enforcer, Lockout], ids=["enforcer", "lockout"])
@pytest.mark.fault("actor-crash-loop")
async def test_i13_a_breach_is_enforced_while_the_other_accounts_actors_die_again_and_again(
    build: Build, figure: Figure, monkeypatch: pytest.MonkeyPatch, who: type[Enforcer | Lockout]
) -> None:
    stand = await build(*PLANS)
    await stand.enter("buy", 2, at=21000)
    await stand.enter("buy", 2, at=21000, account=OTHER)
    sound = who.handle

    def handle(self: Any, state: Any, message: Message, now: Now) -> Any:
        assert self._account_id != OTHER, "the test wanted this"
        return sound(self, state, message, now)

    monkeypatch.setattr(who, "handle", handle)

    at = stand.clock().mono
    await stand.price(MNQ, 20950)  # both are in breach
    await stand.proven()
    figure("recovered (s)", (stand.clock().mono - at) / 1e9)
    assert stand.report().locked

    await stand.until(lambda: stand.holdings(OTHER) == {}, "the last resort of the other")
    died = [one.account_id for one in stand.decided(AlarmRaised)
            if one.kind in {AlarmKind.ACTOR_DIED, AlarmKind.ACTOR_GAVE_UP}]  # fmt: skip
    assert set(died) == {OTHER}


async def test_i13_the_hung_account_is_flattened_once_it_answers(build: Build) -> None:
    stand = await build(*PLANS, timeout_seconds=1)
    await stand.enter("buy", 2, at=21000, account=OTHER)
    hang(stand)
    await stand.price(MNQ, 20950)
    await stand.until(lambda: stand.mutations(OTHER), "the close that hangs")

    stand.sim.faults.clear()
    await stand.proven(1, OTHER)

    assert stand.holdings(OTHER) == {}
    assert stand.mutations() == []


async def test_i13_boot_is_not_held_up_by_an_account_that_hangs(
    build: Build, figure: Figure
) -> None:
    stand = await build(*PLANS, idle=True)
    await stand.sim.order(FIRST, MNQ, "buy", 7)
    hang(stand)

    at = stand.clock().mono
    stand.boot()
    await stand.until(lambda: stand.holdings() == {MNQ: 5}, "the breach at start to be undone")
    figure("boot to breach undone beside a hung account (ms)", (stand.clock().mono - at) / 1e6)
    await stand.until(lambda: stand.state().phase is Phase.ARMED, "the first account to be armed")
    figure("boot to armed beside a hung account (ms)", (stand.clock().mono - at) / 1e6)

    assert stand.clock().mono - at < 2e9
    assert stand.state(OTHER).phase is not Phase.ARMED
    before = len(stand.mutations())
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: len(stand.mutations()) > before, "the next breach to be undone")


async def test_boot_of_two_accounts_is_fast(build: Build, figure: Figure) -> None:
    stand = await build(*PLANS, idle=True)

    at = stand.clock().mono
    await stand.start()

    figure("boot to armed, two accounts (ms)", (stand.clock().mono - at) / 1e6)
    await stand.until(lambda: len(stand.decided(AccountArmed)) == 2, "both to say so")
    assert stand.clock().mono - at < 2e9


async def test_lesson_18_each_account_is_judged_by_its_own_rules(build: Build) -> None:
    stand = await build(plan(contracts(2)), plan(contracts(9), account=OTHER))

    await stand.sim.order(FIRST, MNQ, "buy", 4)
    await stand.sim.order(OTHER, MNQ, "buy", 4)
    await stand.proven()
    await stand.seen(OTHER)

    assert stand.holdings() == {MNQ: 2}
    assert stand.holdings(OTHER) == {MNQ: 4}
    assert stand.mutations(OTHER) == []
    assert stand.deeds() == [(PARTIAL, MNQ)]


async def test_an_account_that_is_not_configured_is_left_alone(build: Build) -> None:
    stand = await build(plan(contracts(2)))

    await stand.sim.order(OTHER, MNQ, "buy", 9)
    await stand.sim.order(FIRST, MNQ, "buy", 3)
    await stand.proven()

    assert stand.holdings(OTHER) == {MNQ: 9}
    assert stand.calls(account=OTHER) == []


async def test_lesson_18_an_account_the_gateway_does_not_list_is_an_alarm(build: Build) -> None:
    stand = await build(plan(contracts(2)), plan(contracts(2), account=AccountId(7)), idle=True)

    stand.boot()
    await stand.until(lambda: stand.state().phase is Phase.ARMED, "the listed one to be armed")

    assert alarms(stand) == [AlarmKind.ACCOUNT_MISSING]
    assert [one.account_id for one in stand.decided(AlarmRaised, AccountId(7))] == [7]


async def test_one_quote_enforces_both_accounts(build: Build) -> None:
    stand = await build(plan(unrealized(-200)), plan(unrealized(-200), account=OTHER), copies=3)
    await stand.enter("buy", 2, at=21000)
    await stand.enter("buy", 2, at=21000, account=OTHER)

    await stand.price(MNQ, 20950)
    await stand.proven()
    await stand.proven(1, OTHER)

    assert stand.deeds() == stand.deeds(OTHER) == [(CLOSE, MNQ)]
