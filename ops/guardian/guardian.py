"""Keep one desk per login running: the policy is actors/tree.py's, this carries it out.

A desk that ends is started again, at first at once and then more slowly.  When it ends too often
the guardian gives up hope, says so, and goes on trying for ever: an account without a desk is
unprotected.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from actors.supervision import Deaths, GiveUp, RestartThese, on_death
from actors.tree import guardian as desks_of
from ops.desk.outcome import Ending, Exit
from ops.guardian.child import Child
from ops.guardian.notify import tell
from ops.guardian.reload import Reload
from ops.guardian.watch import BACK_OFF_MAX_S, BACK_OFF_S, HOPELESS, RETRY_S, Watch
from protocol.control import ServiceStatus
from protocol.units import Nanos

log = logging.getLogger(__name__)
LOOK_S = 0.5
LATE_S = 1.0
"""When we were held up for longer than this, silence may be ours: listen again first."""
STOP_S = 1.5
KILL_S = 0.3


class Guardian:
    """The desks of one configuration."""

    def __init__(
        self, watches: tuple[Watch, ...], start: Callable[[Watch], Awaitable[Child]]
    ) -> None:
        self.watches = watches
        self.reload: Reload | None = None
        self.alarms: Callable[[], list[str]] = list
        """What the guardian itself has to say, beside its desks."""
        self._start = start
        self._policy = desks_of(tuple(watch.login for watch in watches))
        self._deaths = Deaths()
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._ending = Ending(Exit.OK, "the guardian ends")

    def end(self, ending: Ending) -> None:
        """Ask for the end; the first reason counts."""
        if not self._stopping.is_set():
            self._ending = ending
            self._stopping.set()

    async def run(self) -> Ending:
        """Keep the desks running until asked to end."""
        loop = asyncio.get_running_loop()
        for watch in self.watches:
            self._employ(watch)
        looker = loop.create_task(self._look())
        looker.add_done_callback(self._failed)
        tell("READY=1")
        await self._stopping.wait()
        tell("STOPPING=1")
        looker.cancel()
        await self._stop(self._keepers)
        return self._ending

    def now(self) -> float:
        """Return the time by which the desks' silence is measured."""
        return asyncio.get_running_loop().time()

    def add(self, watch: Watch) -> None:
        """Keep another desk running from now on."""
        self.watches = (*self.watches, watch)
        self._policy = desks_of(tuple(one.login for one in self.watches))
        self._employ(watch)

    def _employ(self, watch: Watch) -> None:
        keeper = asyncio.get_running_loop().create_task(self._keep(watch))
        keeper.add_done_callback(self._failed)
        self._keepers.append(keeper)

    def status(self) -> ServiceStatus:
        """Return how the whole service stands."""
        now = self.now()
        return ServiceStatus(
            accounts=[one for watch in self.watches for one in watch.accounts(now)],
            desks=[watch.desk(now) for watch in self.watches],
            reload=self.reload.last if self.reload is not None else None,
            alarms=self.alarms(),
        )

    def checks(self) -> dict[str, str | None]:
        """Return by desk what keeps it from being ready, None where nothing does."""
        now = self.now()
        return {watch.name: watch.why_not_ready(now) for watch in self.watches}

    async def _keep(self, watch: Watch) -> None:
        """Start a desk again and again."""
        while not self._stopping.is_set():
            ending = await self._one_life(watch)
            if self._stopping.is_set():
                return
            log.error("desk %s ended: %s", watch.login, ending.message)
            wait_s = self._verdict(watch, ending)
            watch.restarts += 1
            await self._pause(wait_s)

    async def _one_life(self, watch: Watch) -> Ending:
        """Start a desk, listen to it to its end, and return the reason."""
        try:
            child = await self._start(watch)
        except OSError as error:
            return watch.failed(f"desk {watch.login} cannot be started: {error}")
        watch.begins(child)
        if self._stopping.is_set():
            child.stop()
        return watch.died(await child.listen(watch.take))

    def _verdict(self, watch: Watch, ending: Ending) -> float:
        """Decide what a death means, and return how long to wait for the next life."""
        if ending.code in HOPELESS and not watch.was_armed:
            if not any(other.is_alive for other in self.watches):
                self.end(ending)
            log.error("ALARM desk %s never came up: trying every %.0f s", watch.login, RETRY_S)
            return RETRY_S
        now = Nanos(time.monotonic_ns())
        self._deaths, directive = on_death(self._policy, self._deaths, watch.name, now)
        match directive:
            case RestartThese(names):
                assert names == (watch.name,), "desks share nothing: one for one"
                count = sum(1 for name, _ in self._deaths.at if name == watch.name)
                return min(BACK_OFF_S * (1 << (count - 1)), BACK_OFF_MAX_S)
            case GiveUp():
                watch.gave_up = ending.message
                log.error("ALARM desk %s ends too often: trying every %.0f s", watch.login, RETRY_S)
            case _:
                pass
        return RETRY_S

    async def _look(self) -> None:
        """Replace desks that hang; tell the service manager that somebody looks."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(LOOK_S)
            now = loop.time()
            late, before = now - before - LOOK_S, now
            tell("WATCHDOG=1")
            for watch in self.watches if late < LATE_S else ():
                if watch.child is not None and watch.is_hung(now):
                    silent = watch.silence(now)
                    log.error("ALARM desk %s silent for %.1f s: killed", watch.login, silent)
                    watch.child.kill()

    async def _pause(self, wait_s: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), wait_s)
        except TimeoutError:
            return

    async def _stop(self, keepers: "list[asyncio.Task[None]]") -> None:
        """Ask every desk to end, and end those that do not."""
        children = [watch.child for watch in self.watches if watch.child is not None]
        for child in children:
            child.stop()
        _, late = await asyncio.wait(keepers, timeout=STOP_S)
        if late:
            for child in children:
                child.kill()
            _, late = await asyncio.wait(late, timeout=KILL_S)
        for task in late:
            task.cancel()

    def _failed(self, task: "asyncio.Task[None]") -> None:
        """End with an error of our own: whoever started us must start another."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("the guardian fails", exc_info=error)
            self.end(Ending(Exit.EXCEPTION, f"the guardian fails: {error}"))
