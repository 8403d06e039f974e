"""Takes a desk's spans to the collector, without the desk ever noticing how that goes.

The desk's thread appends to a queue and wakes nobody: a thread of its own looks there twice a
second, so that its work does not fall into the milliseconds in which something is enforced.  The
SDK is loaded at its first look, when the desk has had time to start.  What the collector cannot
take is lost, oldest news first kept.
"""

import importlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from actors.adapters.spans import Span

log = logging.getLogger(__name__)
ADAPTER = "actors.adapters.telemetry"
WAITING_MAX = 16_384
FIRST_LOOK_S = 2.0
LOOK_S = 0.5
YIELD_S = 0.0002
"""Between two spans: whoever waits for the interpreter gets it."""


class Shipping:
    """The spans of one process, on their way."""

    def __init__(self, clean: Callable[[str], str], look_s: float = LOOK_S) -> None:
        self.dropped = 0
        self._clean = clean
        self._look_s = look_s
        self._waiting: deque[Span] = deque()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, url: str) -> None:
        """Send from now on what is taken."""
        self._thread = threading.Thread(target=self._ship, args=(url,), name="traces", daemon=True)
        self._thread.start()

    @property
    def is_on(self) -> bool:
        """Tell whether anybody wants spans."""
        return self._thread is not None

    def take(self, span: Span) -> None:
        """Take a span; never wait."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(span)
        else:
            self.dropped += 1

    def close(self, within_s: float) -> None:
        """Send what waits, as far as that goes within this time."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(within_s)

    def _ship(self, url: str) -> None:
        try:
            self._closing.wait(min(FIRST_LOOK_S, 4 * self._look_s))
            telemetry = importlib.import_module(ADAPTER).Telemetry(url, self._clean)
            while not self._closing.wait(self._look_s):
                self._tell(telemetry.tell)
            self._tell(telemetry.tell)
            telemetry.close()
        except Exception:
            log.exception("traces cannot be sent: the desk goes on without")

    def _tell(self, tell: Callable[[Span], None]) -> None:
        for _ in range(len(self._waiting)):
            tell(self._waiting.popleft())
            if not self._closing.is_set():
                time.sleep(YIELD_S)
        if self.dropped:
            log.warning("%d spans were lost: more than %d waited", self.dropped, WAITING_MAX)
            self.dropped = 0
