"""One target's thread: it sends, tries again and waits, so that nobody else has to."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from ops.notify.backlog import Backlog, back_off
from ops.notify.notice import Notice, Target

log = logging.getLogger(__name__)
GAP_S = 3.0
"""Between two messages: what comes meanwhile is joined into the next."""


class Outbox:
    """Notices on their way to one target."""

    def __init__(
        self, target: Target, on_sent: Callable[[Sequence[Notice]], None], *, gap_s: float = GAP_S
    ) -> None:
        self.name = target.name
        self.trouble = ""
        """Why nothing gets through at the moment."""
        self._target = target
        self._on_sent = on_sent
        self._gap_s = gap_s
        self._backlog = Backlog()
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"notify {self.name}", daemon=True)
        self._thread.start()

    def put(self, notice: Notice) -> None:
        """Take a notice; never wait for the target."""
        with self._lock:
            dropped = self._backlog.add(notice, time.monotonic())
        if dropped is not None:
            log.error("%s: too many notices wait, dropped: %s", self.name, dropped.title)
        self._news.set()

    def close(self, within_s: float) -> None:
        """End; what waits may have this long to leave."""
        self._end.set()
        self._news.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        """Send until the end: at the end what waits is tried once more, and not again."""
        while True:
            self._news.wait()
            self._news.clear()
            self._send_all()
            if self._end.is_set():
                return

    def _send_all(self) -> None:
        """Send everything that waits, for as long as that takes."""
        attempt = 0
        while True:
            with self._lock:
                late = self._backlog.expire(time.monotonic())
                letter = self._backlog.letter()
            for one in late:
                log.error("%s: given up after an hour: %s", self.name, one.title)
            if letter is None:
                return
            why = self._try(letter.title, letter.body, urgent=letter.urgent)
            if why:
                attempt += 1
                self._failed(why, attempt)
                pause = back_off(attempt)
            else:
                attempt, pause = 0, self._gap_s
                with self._lock:
                    self._backlog.sent(letter)
                self._arrived([one.notice for one in letter.carries])
            if self._end.wait(pause) and why:
                return

    def _try(self, title: str, body: str, *, urgent: bool) -> str:
        try:
            return self._target.send(title, body, urgent=urgent)
        except Exception as error:  # noqa: BLE001  (a library of a hundred services; none may end the thread)
            return f"it raised {type(error).__name__}"

    def _failed(self, why: str, attempt: int) -> None:
        if not self.trouble:
            log.error("notices do not get through to %s: %s", self.name, why)
        self.trouble = f"{why}, {attempt} attempt{'s' * (attempt > 1)}, {len(self._backlog)} wait"

    def _arrived(self, notices: Sequence[Notice]) -> None:
        if self.trouble:
            log.warning("notices get through to %s again", self.name)
            self.trouble = ""
        for one in notices:
            log.info("told %s: %s", self.name, one.title)
        self._on_sent(notices)
