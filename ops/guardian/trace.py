"""A trace of the whole service: every desk is asked at once, and whoever is silent is named."""

import asyncio
from typing import Protocol

from actors.adapters import clock
from ops.desk.pipe import TRACE, Command
from ops.desk.vitals import process
from ops.guardian.watch import Watch
from protocol.trace import DeskTrace, ServiceTrace
from protocol.words import instant_text

ANSWER_S = 3.0
LOOK_S = 0.02


class Desks(Protocol):
    """Who is asked."""

    watches: tuple[Watch, ...]


class Traces:
    """The questions so far."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._serial = 0

    async def run(self) -> ServiceTrace:
        """Ask, wait for the answers or a while, and tell."""
        self._serial += 1
        serial, watches = self._serial, self._desks.watches
        for watch in watches:
            if watch.child is not None:
                watch.child.tell(Command(TRACE, serial))
        told = await self._answers(watches, serial)
        return ServiceTrace(
            at=instant_text(clock.now().wall),
            guardian=process(asyncio.get_running_loop()),
            desks=[told[watch.login] for watch in watches if watch.login in told],
            silent=[watch.login for watch in watches if watch.login not in told],
        )

    async def _answers(self, watches: tuple[Watch, ...], serial: int) -> dict[str, DeskTrace]:
        loop = asyncio.get_running_loop()
        end = loop.time() + ANSWER_S
        while True:
            told = {
                watch.login: watch.child.trace
                for watch in watches
                if watch.child is not None
                and watch.child.trace is not None
                and watch.child.trace.serial == serial
            }
            alive = {watch.login for watch in watches if watch.is_alive}
            if not alive - set(told) or loop.time() > end:
                return told
            await asyncio.sleep(LOOK_S)
