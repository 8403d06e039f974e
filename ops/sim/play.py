"""Play a scenario's steps at their times."""

import asyncio
import logging

from ops.sim.perform import Refused, perform
from ops.sim.world import World

log = logging.getLogger(__name__)


async def play(world: World, speed: float = 1.0) -> None:
    """Carry out every step, `speed` times as fast as written; for ever if the scenario loops."""
    world.speed = speed
    steps = sorted(world.scenario.steps, key=lambda step: step.at)
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        for step in steps:
            await asyncio.sleep(max(0.0, begun + step.at / speed - loop.time()))
            try:
                perform(world, step)
            except Refused as error:
                log.info("at %g s: the broker refused: %s", step.at, error)
            except (KeyError, ValueError) as error:
                log.warning("at %g s: cannot be done: %s", step.at, error)
        if not (world.scenario.loop and steps):
            return
