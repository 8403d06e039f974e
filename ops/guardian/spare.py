"""One desk in waiting for all logins: whichever is needed next begins with everything imported.

Only one that has said it is ready is used, and only if it takes its order.  Without one, a desk is
started as ever.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from ops.desk.spare import Order
from ops.guardian.child import Child

log = logging.getLogger(__name__)
CALM_S = 5.0
"""From a desk's start to that of the next in waiting: whichever starts needs the processor."""


class Spare:
    """The desk in waiting; `environ` is what it waits with: nobody's secrets."""

    def __init__(self, environ: Callable[[], Mapping[str, str]]) -> None:
        self._environ = environ
        self._child: Child | None = None
        self._warming: asyncio.Task[None] | None = None

    async def start(self, arguments: list[str], environ: Mapping[str, str]) -> Child:
        """Return a desk with these arguments: the one in waiting, or else a new process."""
        child, self._child = self._child, None
        if self._warming is None or self._warming.done():
            self._warming = asyncio.get_running_loop().create_task(self._warm())
        if child is not None and child.is_alive:
            if await _takes(child, Order(arguments, dict(environ))):
                return child
            log.warning("process %d was in waiting, and does not answer: killed", child.pid)
        return await Child.start(arguments, environ)

    def close(self) -> None:
        """Have nobody wait any more."""
        if self._warming is not None:
            self._warming.cancel()
        if self._child is not None:
            self._child.kill()

    async def _warm(self) -> None:
        await asyncio.sleep(CALM_S)
        try:
            child = await Child.start(["spare"], self._environ())
        except OSError as error:
            log.warning("no desk is in waiting: %s", error)
            return
        try:
            ready = await child.is_ready()
        except asyncio.CancelledError:
            child.kill()
            raise
        if ready:
            self._child = child
            log.info("process %d is in waiting, should a desk have to be replaced", child.pid)
        else:
            log.warning("no desk is in waiting: process %d ended", child.pid)


async def _takes(child: Child, order: Order) -> bool:
    """Tell whether the one in waiting is that desk from here on; else it is killed."""
    taken = False
    try:
        taken = await child.begins(order)
    finally:
        if not taken:
            child.kill()
    return taken
