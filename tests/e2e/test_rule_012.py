"""RULE-012, from a price to the stop that the broker moves."""

from decimal import Decimal
from typing import Any

import pytest

from actors.model.budget import LIMIT, RESERVED
from actors.model.frequency import Count
from actors.model.sessions import Window
from actors.rules import session_block_outside, trade_frequency_limit
from actors.rules.rule import Mode
from actors.rules.session_block_outside import Instrument
from actors.rules.trade_management import NAME, Params, State
from config.calendars import load_shipped
from ops.sim import actions
from ops.sim.model import Order
from protocol.codec import decode_state
from protocol.decisions import EnforcementFailing, VerdictChanged, WouldHave
from protocol.units import PRICE
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import (
    CANCEL,
    CLOSE,
    FIRST,
    MES,
    MNQ,
    MODIFY,
    PLACE,
    Rules,
    Stand,
    plan,
    unrealized,
)

INTERVAL = 5


def managed(**more: Any) -> Rules:
    return NAME, Params(**more)


def order(stand: Stand, number: int) -> Order:
    return stand.sim.exchange.book.orders[number]


def stop_at(stand: Stand, number: int) -> Decimal | None:
    return order(stand, number).stop


async def stop(stand: Stand, side: str, size: int, at: int | str) -> int:
    """Let the trader place a stop in the broker's own screen."""
    placed = await stand.sim.order(FIRST, MNQ, side, size, type="stop", stop=Decimal(at))
    await stand.seen()
    return placed


async def tighten(stand: Stand, number: int, price: str) -> None:
    """Let the trader move a stop in the broker's own screen."""
    await stand.sim.do(actions.Modify(account=FIRST, order=number, stop=Decimal(price)))
    there = int(Decimal(price) * 10**9)
    booked = stand.state().book.orders
    await stand.until(
        lambda: any(one.stop_price == there for one in stand.state().book.orders.values()),
        f"the book to show {price} in {booked}",
    )


async def at(stand: Stand, number: int, price: int | str) -> None:
    await stand.until(lambda: stop_at(stand, number) == Decimal(price), f"the stop at {price}")


async def best(stand: Stand, price: int | str) -> None:
    """Wait until the rule has seen a price."""

    def seen() -> bool:
        state = stand.desk.runtime.states[f"account/{FIRST}/rule/{NAME}"].rule
        assert isinstance(state, State)
        return MNQ in state.tracks and state.tracks[MNQ].best == int(Decimal(price) * 10**9)

    await stand.until(seen, f"the best price to be {price}")


def kept_best(stand: Stand) -> float | None:
    """Return the best price that the disk would give back."""
    found = stand.stores[FIRST].load_states()
    raw = next((raw for path, raw in found.items() if path.endswith(NAME)), None)
    track = None if raw is None else decode_state(raw, State).tracks.get(MNQ)
    return None if track is None else track.best / PRICE


def failed(stand: Stand, command: str) -> int:
    """Return when the desk gave up on an answer."""
    return next(
        one.mono
        for one in stand.told
        if isinstance(one.decision, EnforcementFailing) and command in one.decision.why
    )


def moved_to(stand: Stand) -> list[float]:
    bodies: list[Any] = [call.body for call in stand.calls((MODIFY,), FIRST)]
    return [body["stopPrice"] for body in bodies]


@pytest.mark.parametrize(
    ("side", "far", "prices", "stops"),
    [
        ("buy", 20950, (21002.25, 21002.5, 21005, 21010), (21000, 21002.5, 21007.5)),
        ("sell", 21050, (20997.75, 20997.5, 20995, 20990), (21000, 20997.5, 20992.5)),
    ],
    ids=["long", "short"],
)
async def test_012_the_stop_goes_to_the_entry_and_then_behind_the_best_price(
    build: Build, side: str, far: int, prices: Any, stops: Any
) -> None:
    stand = await build(plan(managed()))
    await stand.enter(side, 2, at=21000)
    placed = await stop(stand, "sell" if side == "buy" else "buy", 2, far)

    await stand.price(MNQ, str(prices[0]))
    await stand.price(MNQ, str(prices[1]))
    await at(stand, placed, stops[0])
    await stand.proven()
    for price, wanted in zip(prices[2:], stops[1:], strict=True):
        stand.clock.skip(INTERVAL)
        await stand.price(MNQ, str(price))
        await at(stand, placed, wanted)
    stand.clock.skip(INTERVAL)
    await stand.price(MNQ, str((3 * prices[-1] + prices[-2]) / 4))
    await stand.proven()

    assert moved_to(stand) == [float(one) for one in stops]
    assert {name for name, _ in stand.deeds()} == {MODIFY}
    assert all(call.body["accountId"] == FIRST for call in stand.mutations())  # type: ignore[index]
    assert stand.orders() == {placed: MNQ}
    assert order(stand, placed).size == 2
    assert stand.decided(EnforcementFailing) == []
    holds(stand, stops=True, since=last_trade(stand))


async def test_012_the_traders_own_tighter_stop_is_respected(build: Build) -> None:
    stand = await build(plan(managed()))
    await stand.enter("buy", 2, at=21000)
    placed = await stop(stand, "sell", 2, 20950)
    await stand.price(MNQ, "21002.5")
    await at(stand, placed, 21000)
    await stand.proven()
    await tighten(stand, placed, "21002.25")
    stand.clock.skip(INTERVAL)

    await stand.price(MNQ, "21005")
    await best(stand, "21005")
    await at(stand, placed, "21002.50")
    await stand.price(MNQ, "21008")
    await best(stand, "21008")
    await tighten(stand, placed, "21007.00")
    stand.clock.skip(INTERVAL)
    await stand.price(MNQ, "21009")
    await best(stand, "21009")
    await stand.proven(2)

    assert stop_at(stand, placed) == Decimal(21007)
    assert moved_to(stand) == [21000.0, 21002.5]


async def test_012_the_stop_that_was_moved_takes_the_position_off_and_nothing_is_left(
    build: Build,
) -> None:
    stand = await build(plan(managed()))
    await stand.enter("buy", 2, at=21000)
    placed = await stop(stand, "sell", 2, 20950)
    await stand.price(MNQ, 21010)
    await at(stand, placed, "21007.50")
    since = last_trade(stand)
    await stand.price(MNQ, "21007.50")
    await stand.until(lambda: stand.holdings() == {}, "the stop to fill")
    await stand.seen()

    assert stand.orders() == {}
    holds(stand, stops=True, since=since)


async def test_012_it_is_suspended_in_a_lock_that_leaves_the_position(build: Build) -> None:
    frequent = trade_frequency_limit.Params(per_hour=1, count=Count.ENTRIES, cooldown_hour="30m")
    stand = await build(plan(managed(), (trade_frequency_limit.NAME, frequent)))
    await stand.enter("buy", 1, at=21000)
    placed = await stop(stand, "sell", 2, 20950)
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.state().view.under_lock == (MNQ,), "the lock")
    await stand.seen()
    await stand.price(MNQ, 21010)
    await best(stand, 21010)
    assert (moved_to(stand), stand.holdings()) == ([], {MNQ: 2})

    stand.clock.skip(1_801)
    await at(stand, placed, "21007.50")
    assert len(moved_to(stand)) == 1


@pytest.mark.parametrize(
    ("account", "product", "moved"),
    [
        pytest.param(("08:30", "15:00"), ("08:30", "09:15"), [], id="the product's own lock"),
        pytest.param(("08:30", "09:15"), ("08:30", "15:00"), [21007.5], id="a lock of the others"),
    ],
)
async def test_012_a_lock_of_some_products_suspends_it_for_these(
    build: Build, account: tuple[str, str], product: tuple[str, str], moved: list[float]
) -> None:
    own = {"MNQ": Instrument(windows=(Window(*product),))}
    hours = session_block_outside.Params(
        calendar=load_shipped("cme_equity"), windows=(Window(*account),), instruments=own
    )
    stand = await build(plan(managed(), (session_block_outside.NAME, hours)))
    await stand.enter("buy", 2, at=21000)
    await stop(stand, "sell", 2, 20950)
    stand.clock.skip(6 * 60)
    await stand.until(lambda: stand.report().lockouts, "ten minutes before the end")

    await stand.price(MNQ, 21010)
    await best(stand, 21010)
    await stand.until(stand.idle, "what it asks for")

    assert (moved_to(stand), stand.holdings()) == (moved, {MNQ: 2})


async def test_012_it_is_suspended_while_anything_is_being_closed(build: Build) -> None:
    stand = await build(plan(managed(), unrealized(-50)), timeout_seconds=2.0)
    await stand.enter("buy", 2, at=21000)
    placed = await stop(stand, "sell", 2, 20950)
    await stand.enter("buy", 1, contract=MES, at=6000)
    stand.sim.faults.rest(kind="hang", endpoint=CLOSE, when="after", count=1)
    await stand.price(MES, 5980)
    await stand.until(lambda: stand.calls((CLOSE,)), "the close")
    await stand.price(MNQ, 21010)
    await best(stand, 21010)
    await at(stand, placed, "21007.50")
    await stand.proven(2)

    (move,) = stand.calls((MODIFY,))
    assert move.received_ns > failed(stand, "CloseContract")
    assert stand.holdings() == {MNQ: 2}
    holds(stand, stops=True, since=last_trade(stand))


async def test_012_a_close_takes_the_stop_with_it_though_it_is_being_moved(build: Build) -> None:
    stand = await build(plan(managed(), unrealized(-50)), timeout_seconds=2.0)
    await stand.enter("buy", 2, at=21000)
    placed = await stop(stand, "sell", 2, 20900)
    stand.sim.faults.rest(kind="hang", endpoint=MODIFY, when="after", count=1)
    await stand.price(MNQ, "21002.50")
    await stand.until(lambda: stand.calls((MODIFY,)), "the move")
    since = last_trade(stand)
    stand.sim.exchange.book.orders[placed].stop = Decimal(20900)
    await stand.price(MNQ, 20970)
    await stand.proven()

    assert (stand.holdings(), stand.orders()) == ({}, {})
    assert (CLOSE, MNQ) in stand.deeds()
    assert stand.calls((CLOSE,))[0].received_ns < failed(stand, "ModifyOrder")
    holds(stand, stops=True, since=since)


async def test_012_the_best_price_survives_a_crash(build: Build) -> None:
    stand = await build(plan(managed()))
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 21010)
    await best(stand, 21010)
    await stand.until(lambda: kept_best(stand) == 21010, "it to be on the disk")
    await stand.crash()
    await stand.price(MNQ, "21008.25")
    placed = await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20950))
    await stand.start()
    await stand.price(MNQ, "21008.50")

    await at(stand, placed, "21007.50")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["reset", "hang"])
async def test_012_an_answer_that_does_not_come_is_looked_for_and_not_sent_blindly(
    build: Build, kind: str, when: str
) -> None:
    stand = await build(plan(managed(trailing=False)), timeout_seconds=1.0)
    await stand.enter("buy", 2, at=21000)
    placed = await stop(stand, "sell", 2, 20950)
    stand.sim.faults.rest(kind=kind, endpoint=MODIFY, when=when, count=1)

    await stand.price(MNQ, "21002.50")
    await at(stand, placed, 21000)
    await stand.proven()

    assert len(moved_to(stand)) == (2 if when == "before" else 1)
    holds(stand, stops=True, since=last_trade(stand))


async def test_012_a_refused_move_is_told_and_tried_again_ever_later(build: Build) -> None:
    stand = await build(plan(managed(trailing=False)))
    await stand.enter("buy", 2, at=21000)
    placed = await stop(stand, "sell", 2, 20950)
    stand.sim.faults.rest(kind="reject", code=3, endpoint=MODIFY, count=2)

    await stand.price(MNQ, "21002.50")
    await at(stand, placed, 21000)
    await stand.proven()

    assert len(moved_to(stand)) == 3
    assert ["Rejected" in one.why for one in stand.decided(EnforcementFailing)] == [True, True]


async def test_012_a_bracket_is_moved_and_its_target_stays(build: Build) -> None:
    stand = await build(plan(managed()))
    await stand.price(MNQ, 21000)
    await stand.sim.order(FIRST, MNQ, "buy", 2, stop_ticks=100, target_ticks=400)
    await stand.seen()
    await stand.until(lambda: stand.watched(MNQ), "quotes")
    children = {one.type.name: one for one in stand.sim.exchange.book.working.values()}
    assert set(children) == {"STOP", "LIMIT"}

    await stand.price(MNQ, 21010)
    await at(stand, children["STOP"].order_id, "21007.50")
    await stand.proven()
    await stand.price(MNQ, "21007.50")
    await stand.until(lambda: stand.holdings() == {}, "the stop to fill")

    assert stand.orders() == {}
    assert len(moved_to(stand)) == 1


async def test_012_without_a_stop_it_says_so_once(build: Build) -> None:
    stand = await build(plan(managed()))
    await stand.enter("buy", 2, at=21000)
    for price in (21003, 21006, 21010, 21020):
        await stand.price(MNQ, price)
        await best(stand, price)
        stand.clock.skip(INTERVAL)

    def said() -> list[str | None]:
        return [one.unknown for one in stand.decided(VerdictChanged) if one.rule == NAME]

    await stand.until(lambda: f"{MNQ} has no stop to move" in said(), "its word")
    assert said().count(f"{MNQ} has no stop to move") == 1
    assert stand.mutations() == []


async def test_i15_012_a_shadow_moves_nothing_and_says_what_it_would(build: Build) -> None:
    stand = await build(plan(managed(mode=Mode.SHADOW, auto_stop_ticks=40)))
    await stand.enter("buy", 2, at=21000)
    await stop(stand, "sell", 2, 20950)
    await stand.price(MNQ, 21010)
    await stand.until(lambda: len(stand.decided(WouldHave)) > 1, "its word")

    assert "its stop to 21007.50" in stand.decided(WouldHave)[-1].why
    assert stand.mutations() == []


async def test_012_it_leaves_the_requests_that_others_need(build: Build) -> None:
    stand = await build(plan(managed(trailing=False)))
    await stand.enter("buy", 2, at=21000)
    placed = await stop(stand, "sell", 2, 20950)
    for _ in range(LIMIT - RESERVED):
        await stand.broker._rest.meter.acquire()

    await stand.price(MNQ, "21002.50")
    await stand.until(lambda: stand.requested() == [NAME], "the wish")
    stand.clock.skip(6)
    await stand.price(MNQ, "21002.75")
    await stand.until(lambda: not stand.desk._tasks, "the desk to be idle")
    assert moved_to(stand) == []

    stand.clock.skip(60)
    await at(stand, placed, 21000)
    assert stand.decided(EnforcementFailing) == []


# A stop of its own


@pytest.mark.parametrize(("side", "where"), [("buy", "20990"), ("sell", "21010")])
async def test_012_an_auto_stop_is_placed_once_and_then_moved(
    build: Build, side: str, where: str
) -> None:
    stand = await build(plan(managed(auto_stop_ticks=40)))
    await stand.enter(side, 2, at=21000)
    await stand.until(stand.orders, "the stop")
    await stand.seen()
    await stand.proven()
    (placed,) = stand.orders()
    there = order(stand, placed)

    assert [name for name, _ in stand.deeds()] == [PLACE]
    assert (there.stop, there.size, there.type.name) == (Decimal(where), 2, "STOP")
    assert there.tag is not None
    assert there.tag.startswith("riskwarden-stop-")
    await stand.price(MNQ, 21010 if side == "buy" else 20990)
    await at(stand, placed, "21007.50" if side == "buy" else "20992.50")
    await stand.price(MNQ, "21007.50" if side == "buy" else "20992.50")
    await stand.until(lambda: stand.holdings() == {}, "the stop to fill")
    await stand.seen()
    assert stand.orders() == {}
    holds(stand, stops=True, since=last_trade(stand))


async def test_lesson_80_012_an_auto_stop_goes_when_the_position_does(build: Build) -> None:
    stand = await build(plan(managed(auto_stop_ticks=40)))
    await stand.enter("buy", 2, at=21000)
    await stand.until(stand.orders, "the stop")
    await stand.proven()
    (placed,) = stand.orders()

    await stand.sim.close(FIRST, MNQ)
    await stand.until(lambda: stand.orders() == {}, "the stop to go")
    await stand.proven(2)

    assert stand.deeds() == [(PLACE, MNQ), (CANCEL, placed)]
    assert stand.holdings() == {}


async def test_012_an_auto_stop_shrinks_with_the_position_and_grows_by_another(
    build: Build,
) -> None:
    stand = await build(plan(managed(auto_stop_ticks=40)))
    await stand.enter("buy", 3, at=21000)
    await stand.until(stand.orders, "the stop")
    await stand.proven()
    (placed,) = stand.orders()

    await stand.sim.order(FIRST, MNQ, "sell", 2)
    await stand.until(lambda: order(stand, placed).size == 1, "the stop to shrink")
    await stand.proven(2)
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: len(stand.orders()) == 2, "a second stop")
    await stand.proven(3)

    sizes = [order(stand, one).size for one in stand.orders()]
    assert sizes == [1, 1]
    assert [name for name, _ in stand.deeds()] == [PLACE, MODIFY, PLACE]


async def test_012_an_auto_stop_gives_way_to_the_traders_own(build: Build) -> None:
    stand = await build(plan(managed(auto_stop_ticks=40)))
    await stand.enter("buy", 2, at=21000)
    await stand.until(stand.orders, "the stop")
    await stand.proven()
    own = await stop(stand, "sell", 2, 20980)
    await stand.until(lambda: list(stand.orders()) == [own], "ours to go")
    await stand.proven(2)

    assert stand.holdings() == {MNQ: 2}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["reset", "hang"])
async def test_012_an_auto_stop_whose_answer_was_lost_is_there_once(
    build: Build, kind: str, when: str
) -> None:
    stand = await build(plan(managed(auto_stop_ticks=40)), timeout_seconds=1.0)
    stand.sim.faults.rest(kind=kind, endpoint=PLACE, when=when, count=1)
    await stand.enter("buy", 2, at=21000)
    await stand.until(stand.orders, "the stop")
    await stand.proven()

    assert len(stand.orders()) == 1
    tags = {call.body["customTag"] for call in stand.calls((PLACE,))}  # type: ignore[index]
    assert len(tags) == 1, "a second try is under the same tag"
    holds(stand, stops=True, since=last_trade(stand))


async def test_lesson_80_012_a_stop_placed_as_the_desk_died_is_found_and_goes(
    build: Build,
) -> None:
    stand = await build(plan(managed(auto_stop_ticks=40)), timeout_seconds=2.0)
    stand.sim.faults.rest(kind="hang", endpoint=PLACE, when="after", count=1)
    await stand.enter("buy", 2, at=21000)
    await stand.until(stand.orders, "the stop")
    await stand.crash()
    await stand.sim.close(FIRST, MNQ)
    assert len(stand.orders()) == 1, "an orphan"
    await stand.start()
    await stand.until(lambda: stand.orders() == {}, "the orphan to go")

    assert stand.holdings() == {}
