"""The heartbeat to a dead-man monitor: it is called while all is well, and notices when it is not.

Nothing on this machine can tell that this machine is off, asleep or without a network.  A service
elsewhere can: it expects a call every so often, and raises the alarm itself.
"""

import logging
import threading
import time

import httpx

from config.notify import HeartbeatMethod
from config.secrets import Secret

log = logging.getLogger(__name__)
LOOK_S = 0.25
FRESH_S = 5.0
"""How old the guardian's own word may be: one that hangs vouches for nobody."""
TIMEOUT_S = 5.0
RETRY_S = 5.0
OK_BELOW = 400


class Heartbeat:
    """Calls the monitor, in a thread of its own."""

    def __init__(self, url: Secret, every_s: float, method: HeartbeatMethod) -> None:
        self.trouble = ""
        self._url = url
        self._every_s = every_s
        self._method = method.value.upper()
        self._well: float | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def say(self, *, well: bool) -> None:
        """Take the guardian's word on whether every account is guarded now."""
        self._well = time.monotonic() if well else None

    def close(self) -> None:
        """Call no more: the monitor then says that the service is gone, and so it is."""
        self._end.set()

    def _run(self) -> None:
        due = 0.0
        while not self._end.wait(LOOK_S):
            now, well = time.monotonic(), self._well
            if now < due or well is None or now - well > FRESH_S:
                continue
            why = self._call()
            if why and not self.trouble:
                log.error("the dead-man monitor cannot be called: %s", why)
            elif self.trouble and not why:
                log.warning("the dead-man monitor is called again")
            self.trouble = why
            due = now + (min(RETRY_S, self._every_s) if why else self._every_s)

    def _call(self) -> str:
        try:
            answer = httpx.request(self._method, self._url.reveal(), timeout=TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__  # its text may hold the address
        return "" if answer.status_code < OK_BELOW else f"it answers {answer.status_code}"
