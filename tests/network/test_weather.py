"""Any weather, drawn from a seed, on any line, for as long as it lasts: then all is as it must be.

A failing seed is its own reproduction: `pytest tests/network/test_weather.py -k seed7`.
"""

import asyncio
import os
import random
from decimal import Decimal

import pytest

from tests.e2e.conftest import Figure
from tests.e2e.invariants import never_opens, one_at_a_time
from tests.e2e.stand import FIRST, MNQ, contracts, plan
from tests.network.conftest import Build, LinedStand

LIMIT = 5
SOAKS = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
SEEDS = range(500) if SOAKS else range(3)
ROUNDS = 40 if SOAKS else 8
POLL_S = 15


def turn(stand: LinedStand, draw: random.Random) -> None:
    """Change something: a line's weather, its connections, the Gateway's mood, or nothing."""
    line = draw.choice(stand.lines)
    match draw.randrange(9):
        case 0:
            line.set(held=draw.choice([["up"], ["down"], ["up", "down"]]))
        case 1:
            line.set(latency_s=draw.uniform(0, 0.4))
        case 2:
            line.set(bytes_per_s=draw.uniform(5_000, 100_000))
        case 3:
            line.set(refuse=True)
            line.reset()
        case 4:
            line.set(reset_after=draw.randrange(1, 5_000))
            line.reset()
        case 5:
            line.abandon()
        case 6:
            stand.sim.faults.revoke_tokens()
        case 7:
            status = draw.choice([429, 500, 503])
            when = draw.choice(["before", "after"])
            stand.sim.faults.rest(kind="status", status=status, when=when, count=3)
        case _:
            stand.weather()


async def trade(stand: LinedStand, draw: random.Random) -> None:
    """Let the trader do as he likes, also what he may not."""
    side = draw.choice(["buy", "sell"])
    if draw.random() < 0.7:
        await stand.sim.order(FIRST, MNQ, side, draw.randrange(1, 9))
    else:
        away = Decimal(20_000 if side == "buy" else 22_000)
        await stand.sim.order(FIRST, MNQ, side, 1, type="limit", limit=away)


@pytest.mark.timeout(14_400 if SOAKS else 60)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed{seed}")
@pytest.mark.fault("any-weather")
async def test_after_any_weather_the_limit_holds_and_the_book_is_the_brokers(
    build: Build, figure: Figure, seed: int
) -> None:
    draw = random.Random(seed)
    stand = await build(plan(contracts(LIMIT)))
    for _ in range(ROUNDS):
        turn(stand, draw)
        if draw.random() < 0.5:
            await trade(stand, draw)
        await asyncio.sleep(draw.uniform(0, 0.6))

    begun = stand.seconds()
    stand.weather()
    stand.sim.faults.clear()
    states = stand.desk.runtime.states
    await stand.until(lambda: states["gateway"].hubs == "open", "open hubs")
    stand.clock.skip(POLL_S)

    def well() -> bool:
        held = abs(stand.holdings().get(MNQ, 0))
        return held <= LIMIT and stand.idle() and states["gateway"].hubs == "open"

    await stand.until(well, "the limit to hold")
    await stand.seen()
    figure("recovered (s)", stand.seconds() - begun - POLL_S)
    assert abs(stand.holdings().get(MNQ, 0)) <= LIMIT
    never_opens(stand)
    one_at_a_time(stand)
