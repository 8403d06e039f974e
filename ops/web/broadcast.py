"""Tell everybody who looks at the screen how the service stands, as server-sent events.

The status is taken a few times a second, and only while somebody looks.  It is sent when it has
changed, and once a second whatever happened: a page that hears nothing for three seconds knows
that what it shows is old.  A page that reads too slowly misses the older news, never the newest,
and delays nobody else.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from ops.web.view import Screen, screen
from protocol.control import ServiceStatus

log = logging.getLogger(__name__)
LOOK_S = 0.25
SAY_S = 1.0
HEARTBEAT_S = 5.0
WAITING_MAX = 4
"""News that wait for one page; the oldest goes first."""
PAGES_MAX = 16
"""Pages that look at once: a browser left open on every desk of a house, and no more."""
RETRY = b"retry: 1000\n"
HEARTBEAT = b": heartbeat\n\n"


class Page:
    """One page that looks: the news that wait for it."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque(maxlen=WAITING_MAX)
        self._news = asyncio.Event()
        self._over = False

    def put(self, news: bytes) -> None:
        """Add news; never wait."""
        self._waiting.append(news)
        self._news.set()

    def end(self) -> None:
        """Add no more."""
        self._over = True
        self._news.set()

    async def next(self) -> bytes | None:
        """Return the oldest news, a heartbeat when there are none for long, None at the end."""
        while not self._waiting and not self._over:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), HEARTBEAT_S)
            except TimeoutError:
                return HEARTBEAT
        return None if self._over else self._waiting.popleft()


class Broadcast:
    """The pages that look, and who takes the status for them.

    `edition` is that of the page's own files: a page left open over an upgrade loads itself anew
    when it hears another than its own.
    """

    def __init__(self, status: Callable[[], ServiceStatus], edition: str) -> None:
        self._status = status
        self._edition = edition
        self._pages: set[Page] = set()
        self._looker: asyncio.Task[None] | None = None
        self._over = False

    @property
    def is_full(self) -> bool:
        """Tell whether nobody else may look, for too many do or it is over."""
        return self._over or len(self._pages) >= PAGES_MAX

    async def stream(self) -> AsyncGenerator[bytes]:
        """Yield a page's news for as long as it looks."""
        page = Page()
        self._pages.add(page)
        try:
            yield RETRY + b"event: edition\ndata: %b\n\n" % self._edition.encode()
            page.put(news(self._now()))
            if self._looker is None or self._looker.done():
                self._looker = asyncio.create_task(self._look())
            while (said := await page.next()) is not None:
                yield said
        finally:
            self._pages.discard(page)

    async def close(self) -> None:
        """Let every page go."""
        self._over = True
        for page in self._pages:
            page.end()
        if self._looker is not None:
            self._looker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looker

    def _now(self) -> Screen:
        return screen(self._status(), datetime.now(UTC))

    async def _look(self) -> None:
        """Take the status while anybody looks; what cannot be taken leaves the pages to age."""
        loop = asyncio.get_running_loop()
        told: Screen | None = None
        told_at = 0.0
        while self._pages:
            try:
                shown = self._now()
                still = replace(shown, at="")
                if still != told or loop.time() - told_at >= SAY_S:
                    told, told_at = still, loop.time()
                    self._tell(news(shown))
            except Exception:
                log.exception("the screen cannot be drawn")
            await asyncio.sleep(LOOK_S)

    def _tell(self, said: bytes) -> None:
        for page in self._pages:
            page.put(said)


def news(shown: Screen) -> bytes:
    """Return a screen as one event; JSON has no line ends of its own."""
    return b"event: state\ndata: " + msgspec.json.encode(shown) + b"\n\n"
