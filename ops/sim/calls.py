"""Remember every REST call received, and hold callers to the Gateway's rate limit."""

import time
from collections import deque

import msgspec

CALLS_MAX = 100_000


class Call(msgspec.Struct, kw_only=True):
    """One call as it was received, and what became of it."""

    serial: int
    endpoint: str
    body: object
    account: int | None
    received_ns: int
    wall_ns: int
    answered_ns: int | None = None
    status: int | None = None
    code: int | None = None
    outcome: str = "pending"


class Calls:
    """The log of calls, oldest first, bounded."""

    def __init__(self) -> None:
        self.log: deque[Call] = deque(maxlen=CALLS_MAX)
        self._serial = 0

    def open(self, endpoint: str, body: object, account: int | None) -> Call:
        """Note a call on arrival."""
        self._serial += 1
        call = Call(
            serial=self._serial,
            endpoint=endpoint,
            body=body,
            account=account,
            received_ns=time.monotonic_ns(),
            wall_ns=time.time_ns(),
        )
        self.log.append(call)
        return call

    def of(self, endpoint: str, account: int | None = None) -> list[Call]:
        """Return the calls of one endpoint, and of one account if given."""
        return [
            call
            for call in self.log
            if call.endpoint == endpoint and account in {None, call.account}
        ]

    def clear(self) -> None:
        """Forget the log; serials go on growing."""
        self.log.clear()


def close(call: Call, outcome: str, status: int | None = None, code: int | None = None) -> None:
    """Note how a call ended."""
    call.answered_ns = time.monotonic_ns()
    call.outcome, call.status, call.code = outcome, status, code


class RateLimit:
    """A sliding window over all endpoints, per session token."""

    def __init__(self) -> None:
        self._times: dict[str | None, deque[float]] = {}

    def allows(self, token: str | None, most: int, window_s: float) -> float | None:
        """Count a call and return None, or return the seconds until one is allowed again."""
        if most == 0:
            return None
        now = time.monotonic()
        times = self._times.setdefault(token, deque())
        while times and times[0] <= now - window_s:
            times.popleft()
        if len(times) >= most:
            return times[0] + window_s - now
        times.append(now)
        return None

    def clear(self) -> None:
        """Start all windows anew."""
        self._times.clear()
