"""What happens while nobody hears: at boot, in a gap, on a hub that only looks alive."""

from decimal import Decimal
from typing import Any

import pytest

from actors.adapters.projectx_hubs import Timings
from protocol.decisions import AccountArmed, AlarmCleared, AlarmKind
from protocol.lifecycle import Phase
from tests.e2e.conftest import Build, Figure
from tests.e2e.invariants import alarms, holds, last_trade
from tests.e2e.stand import (
    CLOSE,
    FIRST,
    MES,
    MNQ,
    PARTIAL,
    Stand,
    contracts,
    plan,
    realized,
    unrealized,
)

POSITIONS, ACCOUNTS = ("Position/searchOpen",), ("Account/search",)
WATCHFUL = Timings(ping_every=0.2, ping_answer=0.5)


async def deafen(stand: Stand) -> None:
    """Drop both hubs, and let no connection in."""
    stand.sim.faults.set(refuse_hubs=["user", "market"])
    stand.sim.faults.drop()
    await stand.until(lambda: lost(stand), "the loss to be noticed")


async def heal(stand: Stand) -> None:
    """Let the desk back in, and wait until it is armed again."""
    armed = len(stand.decided(AccountArmed))
    stand.sim.faults.set(refuse_hubs=[])
    await stand.until(lambda: len(stand.decided(AccountArmed)) > armed, "armed again")


def lost(stand: Stand) -> bool:
    return AlarmKind.HUBS_LOST in alarms(stand)


@pytest.mark.parametrize("snapshot", [False, True], ids=["silent", "snapshot"])
async def test_lesson_19_what_happened_in_a_gap_is_read_and_enforced_once(
    build: Build, figure: Figure, *, snapshot: bool
) -> None:
    stand = await build(plan(contracts(5)), snapshot_on_subscribe=snapshot)
    await stand.enter("buy", 2, at=21000)
    await deafen(stand)
    await stand.sim.close(FIRST, MNQ)
    await stand.sim.order(FIRST, MES, "sell", 7)
    stop = await stand.sim.order(FIRST, MES, "buy", 5, type="stop", stop=Decimal(6100))
    since = last_trade(stand)

    at = stand.clock().mono
    await heal(stand)
    figure("hubs allowed to armed again (ms)", (stand.clock().mono - at) / 1e6)
    await stand.proven()

    assert stand.holdings() == {MES: -5}
    assert stand.deeds() == [(PARTIAL, MES)]
    assert list(stand.orders()) == [stop]
    await stand.seen()
    assert alarms(stand, AlarmCleared) == [AlarmKind.HUBS_LOST]
    assert stand.report().realized == "-4.81"  # the gap's costs as well: 13 half-turns
    holds(stand, since=since)


async def test_lesson_19_quotes_flow_again_after_a_gap(build: Build) -> None:
    stand = await build(plan(unrealized(-200)))
    await stand.enter("buy", 2, at=21000)
    await deafen(stand)
    await stand.price(MNQ, 20950)

    await heal(stand)
    assert stand.requested() == []
    await stand.until(lambda: stand.watched(MNQ), "the quotes")
    await stand.price(MNQ, 20950)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]


async def test_i3_lesson_59_a_position_opened_in_a_gap_while_locked_is_closed_and_counted(
    build: Build,
) -> None:
    stand = await build(plan(realized(-200)))
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20950)
    await stand.proven()
    await deafen(stand)

    await stand.sim.order(FIRST, MNQ, "sell", 1)
    await heal(stand)
    await stand.until(lambda: stand.holdings() == {}, "the position to be closed")

    assert stand.report().attempts_while_locked == 1


async def test_a_flatten_under_way_is_finished_without_hubs(build: Build) -> None:
    stand = await build(plan(realized(-200)))
    await stand.enter("buy", 2, at=21000)
    stand.sim.faults.rest(kind="latency", seconds=0.3, endpoint=CLOSE)
    await stand.price(MNQ, 20950)
    await stand.until(stand.mutations, "the close")

    await deafen(stand)
    await stand.proven()

    assert stand.holdings() == {}
    assert stand.deeds() == [(CLOSE, MNQ)]


async def test_a_poll_finds_what_the_hubs_do_not_tell(build: Build) -> None:
    stand = await build(plan(contracts(5)))
    await deafen(stand)
    await stand.sim.order(FIRST, MNQ, "buy", 6)

    stand.clock.skip(15)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}


async def test_a_poll_finds_what_is_opened_while_the_hubs_have_never_opened(
    build: Build,
) -> None:
    stand = await build(plan(contracts(5)), idle=True, refuse_hubs=["user", "market"])
    stand.boot()
    await stand.until(lambda: stand.state().phase is Phase.EVALUATED, "the first judgement")
    await stand.until(lambda: lost(stand), "the alarm")
    await stand.sim.order(FIRST, MNQ, "buy", 6)

    stand.clock.skip(15)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}


async def test_polls_give_way_while_the_minutes_requests_are_short(build: Build) -> None:
    stand = await build(plan(contracts(5)))
    for _ in range(120):
        await stand.broker._rest.meter.acquire()
    reads, lists = len(stand.calls(POSITIONS)), len(stand.calls(ACCOUNTS))

    stand.clock.skip(15)
    await stand.until(lambda: len(stand.calls(ACCOUNTS)) > lists, "the poll")
    await stand.sim.order(FIRST, MNQ, "buy", 6)  # while a breach is enforced all the same
    await stand.until(lambda: stand.holdings() == {MNQ: 5}, "the breach to be undone")

    assert len(stand.calls(POSITIONS)) == reads or stand.mutations()[0].received_ns < min(
        one.received_ns for one in stand.calls(POSITIONS)[reads:]
    )


@pytest.mark.parametrize("lose", ["position", "order", "trade"])
async def test_a_poll_finds_what_a_lost_message_would_have_told(build: Build, lose: str) -> None:
    stand = await build(plan(contracts(5)), lose={lose: 9})
    await stand.sim.order(FIRST, MNQ, "buy", 5)
    await stand.sim.order(FIRST, MNQ, "buy", 1)

    stand.clock.skip(61)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}


async def test_lesson_41_what_is_opened_between_the_first_read_and_the_hubs_is_seen(
    build: Build,
) -> None:
    stand = await build(plan(contracts(5)), idle=True, refuse_hubs=["user", "market"])
    stand.boot()
    await stand.until(lambda: stand.state().phase is Phase.EVALUATED, "the first judgement")
    await stand.sim.order(FIRST, MNQ, "buy", 6)

    await heal(stand)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}


async def test_lesson_41_what_is_opened_during_the_very_reads_is_seen(build: Build) -> None:
    stand = await build(plan(contracts(5)), idle=True)
    stand.sim.faults.rest(
        endpoint="Position/searchOpen", kind="latency", seconds=0.2, when="after", count=None
    )
    stand.boot()
    await stand.until(lambda: stand.calls(("Position/searchOpen",)), "the first read")
    await stand.sim.order(FIRST, MNQ, "buy", 6)
    reads = len(stand.calls(("Position/searchOpen",)))
    await stand.until(lambda: len(stand.calls(("Position/searchOpen",))) > reads, "the second")
    await stand.sim.order(FIRST, MNQ, "buy", 1)

    await stand.armed()
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}


@pytest.mark.parametrize("hub", ["user", "market"])
async def test_a_hub_that_only_looks_alive_is_found_out(build: Build, hub: str) -> None:
    stand = await build(plan(contracts(5), realized(-200)), timings=WATCHFUL)
    stand.sim.faults.set(half_open_hubs=[hub])
    await stand.sim.order(FIRST, MNQ, "buy", 6)
    await stand.until(lambda: lost(stand), "the silence to be noticed")

    stand.sim.faults.set(half_open_hubs=[])
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}


@pytest.mark.parametrize("how", ["drop", "close", "close_with_error", "logout", "revoked"])
async def test_lesson_19_the_hubs_come_back_however_they_went(build: Build, how: str) -> None:
    stand = await build(plan(contracts(5)))
    match how:
        case "logout":
            stand.sim.faults.log_out()
        case "revoked":
            stand.sim.faults.revoke_tokens()
            stand.sim.faults.drop()
        case _:
            manner: Any = "reset" if how == "drop" else how
            stand.sim.faults.drop("both", manner)
    await stand.until(lambda: lost(stand), "the loss to be noticed")
    await stand.until(lambda: len(stand.decided(AccountArmed)) == 2, "armed again")

    await stand.sim.order(FIRST, MNQ, "buy", 6)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}


async def test_lesson_20_a_token_that_expires_is_renewed(build: Build) -> None:
    stand = await build(plan(contracts(5)))
    stand.sim.faults.expire_tokens()

    await stand.sim.order(FIRST, MNQ, "buy", 6)
    await stand.proven()

    assert stand.holdings() == {MNQ: 5}
