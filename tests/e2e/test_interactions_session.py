"""What a session's end does to the other rules, and they to it, with the real SDK.

The end by the clock alone, Sunday's open, the nights in which clocks change and the early close by
themselves: tests/e2e/test_rule_009.py.
"""

from decimal import Decimal

import pytest

from actors.rules import no_stop_loss_grace, trade_frequency_limit
from actors.rules.no_stop_loss_grace import OnExpiry
from protocol.decisions import LockEnded, LockSet
from protocol.lockouts import LockKind
from tests.e2e.conftest import Build
from tests.e2e.invariants import holds, last_trade
from tests.e2e.stand import CANCEL, CLOSE, ES, FIRST, MNQ, MODIFY, PLACE, plan, realized
from tests.e2e.test_hubs import deafen
from tests.e2e.test_interactions import COOL, FREE, LOSS, cooldown, ends, managed
from tests.e2e.test_rule_008 import passes
from tests.e2e.test_rule_009 import DAY, RULE, clock_to, locked_flat, sessions, standing

STAYS = "2026-11-19T14:30:00.000Z"
"""When the next session starts."""


async def test_009_lesson_76_the_end_comes_also_while_nothing_can_be_heard(build: Build) -> None:
    stand = await build(plan(sessions(DAY)))
    await stand.enter("buy", 2, at=21000)
    await deafen(stand)
    since = last_trade(stand)

    clock_to(stand, "2026-11-18T14:58:00")
    await locked_flat(stand)

    assert ends(stand) == {RULE: STAYS}
    assert stand.deeds() == [(CLOSE, MNQ)]
    holds(stand, since=since)


async def test_009_closes_at_a_loss_and_007_cools_down_under_its_lock(build: Build) -> None:
    stand = await build(plan(sessions(DAY), cooldown()), **FREE)
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20975)  # -100.00, which is nobody's business while it is open
    clock_to(stand, "2026-11-18T14:58:00")
    await stand.until(lambda: COOL in ends(stand), "the cooldown")
    await stand.until(stand.idle, "the proof")
    assert stand.holdings() == {}
    assert ends(stand)[RULE] == STAYS

    clock_to(stand, "2026-11-18T15:30:00")
    await stand.until(lambda: stand.decided(LockEnded), "the cooldown's end")

    assert ends(stand) == {RULE: STAYS}
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.holdings() == {}, "the attempt to be closed")


async def test_009_a_cooldown_that_stands_at_the_end_goes_on_and_shields_nothing(
    build: Build,
) -> None:
    often = trade_frequency_limit.Params(per_minute=1, cooldown_minute="45m")
    stand = await build(plan(sessions(DAY), (trade_frequency_limit.NAME, often)))
    clock_to(stand, "2026-11-18T14:45:00")
    await stand.enter("buy", 1, at=21000)
    await stand.sim.order(FIRST, ES, "buy", 1)
    await stand.until(lambda: ends(stand), "the cooldown")
    (until,) = ends(stand).values()
    clock_to(stand, "2026-11-18T14:50:00")
    await stand.until(lambda: RULE in ends(stand), "T-10")
    await stand.until(stand.idle, "the proof")
    assert stand.holdings() == {MNQ: 1, ES: 1}, "what stood at both may stay"

    clock_to(stand, "2026-11-18T14:58:00")
    await stand.until(lambda: stand.holdings() == {}, "T-2")
    await stand.until(stand.idle, "the proof")

    assert ends(stand) == {RULE: STAYS, trade_frequency_limit.NAME: until}
    kinds = {one.lock.rule: one.lock.kind for one in stand.decided(LockSet)}
    assert kinds == {RULE: LockKind.HARD, trade_frequency_limit.NAME: LockKind.COOLDOWN}
    assert stand.deeds().count((CLOSE, MNQ)) == stand.deeds().count((CLOSE, ES)) == 1


async def test_009_and_003_the_day_ends_first_and_the_session_lock_stays(build: Build) -> None:
    stand = await build(plan(sessions(DAY), realized(-200)))
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20950)
    await stand.until(lambda: stand.report().locked, "003")
    await stand.proven()
    clock_to(stand, "2026-11-18T15:00:00")
    await stand.until(lambda: RULE in ends(stand), "the end of the session")
    await stand.until(stand.idle, "the proof")
    assert ends(stand) == {LOSS: "2026-11-18T23:00:00.000Z", RULE: STAYS}

    clock_to(stand, "2026-11-18T17:00:30")
    await stand.until(lambda: LOSS not in ends(stand), "the reset")

    assert ends(stand) == {RULE: STAYS}
    await stand.sim.order(FIRST, MNQ, "buy", 1)
    await stand.until(lambda: stand.holdings() == {}, "the attempt to be closed")
    clock_to(stand, "2026-11-19T08:30:00")
    await stand.until(lambda: ends(stand) == {}, "the start")


@pytest.mark.parametrize(
    ("hour", "opens"),
    [
        pytest.param("2026-11-18T14", "2026-11-19", id="any-day"),
        pytest.param("2026-11-26T11", "2026-11-27", id="early-close"),
    ],
)
async def test_009_and_008_in_the_last_minutes_stops_are_placed_and_then_go_with_all(
    build: Build, hour: str, opens: str
) -> None:
    grace = no_stop_loss_grace.Params(grace="12m", on_expiry=OnExpiry.PLACE_STOP, stop_ticks=40)
    rules = (sessions(DAY), (no_stop_loss_grace.NAME, grace), managed())
    stand = await standing(build, f"{hour}:40", *rules)
    await stand.start()
    await stand.enter("buy", 2, at=21000)
    clock_to(stand, f"{hour}:51")
    await stand.until(lambda: stand.report().locked, "T-10")
    await passes(stand, 90)  # the grace is over under the lock of the last ten minutes
    await stand.until(stand.orders, "the stop")
    await stand.proven()
    (placed,) = stand.orders()
    await stand.price(MNQ, 21010)
    await stand.seen()
    assert stand.calls((MODIFY,)) == [], "what is managed waits while there is a lock"

    clock_to(stand, f"{hour}:58")
    await stand.until(lambda: (stand.holdings(), stand.orders()) == ({}, {}), "T-2")
    await stand.until(stand.idle, "the proof")

    assert [deed for deed in stand.deeds() if deed[0] == PLACE] == [(PLACE, MNQ)]
    assert {deed for deed in stand.deeds() if deed[0] == CANCEL} <= {(CANCEL, placed)}
    assert ends(stand) == {RULE: f"{opens}T14:30:00.000Z"}
    holds(stand, stops=True, since=last_trade(stand))


async def test_009_before_the_end_008_still_closes_what_loses_its_stop(build: Build) -> None:
    grace = no_stop_loss_grace.NAME, no_stop_loss_grace.Params(grace="2m")
    stand = await build(plan(sessions(DAY), grace))
    await stand.enter("buy", 2, at=21000)
    stop = await stand.sim.order(FIRST, MNQ, "sell", 2, type="stop", stop=Decimal(20950))
    await stand.seen()
    clock_to(stand, "2026-11-18T14:51:00")
    await stand.until(lambda: stand.report().locked, "T-10")
    assert list(stand.orders()) == [stop]

    await stand.sim.cancel(FIRST, stop)
    await stand.seen()
    await passes(stand, 121)
    await stand.proven()

    assert stand.deeds() == [(CLOSE, MNQ)]
    assert ends(stand) == {RULE: "2026-11-18T21:00:00.000Z"}, "the close is of the one contract"


async def test_009_on_sunday_the_week_opens_with_the_cooldown_of_friday_over(build: Build) -> None:
    """A cooldown counts hours, not sessions; the trading day is another one; counts begin anew."""
    often = trade_frequency_limit.Params(per_session=1, cooldown_session="1h")
    rules = (sessions(), (trade_frequency_limit.NAME, often), cooldown())
    stand = await standing(build, "2026-11-13T15:30", *rules, **FREE)
    await stand.start()
    await stand.enter("buy", 2, at=21000)
    await stand.price(MNQ, 20950)
    clock_to(stand, "2026-11-13T15:58:00")
    await stand.until(lambda: COOL in ends(stand), "the loss of the close")
    await stand.until(stand.idle, "the proof")
    clock_to(stand, "2026-11-15T16:59:30")
    await stand.until(lambda: COOL not in ends(stand), "the cooldown's end")
    assert ends(stand) == {RULE: "2026-11-15T23:00:00.000Z"}

    clock_to(stand, "2026-11-15T17:00:00")
    await stand.until(lambda: not stand.report().locked, "the open")
    await stand.enter("buy", 1, at=21000)
    await stand.until(lambda: stand.used(trade_frequency_limit.NAME) == "1 in the session", "one")

    assert stand.holdings() == {MNQ: 1}
    assert not stand.report().locked
