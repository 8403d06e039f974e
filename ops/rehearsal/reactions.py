"""How fast: from the message on the wire that broke a rule to the close that reached the broker."""

import math
import time
from collections import deque
from typing import NamedTuple

from ops.sim.calls import Call
from ops.sim.model import Event
from ops.sim.server import SimServer

MUTATIONS = ("Position/closeContract", "Position/partialCloseContract", "Order/cancel")
CANCEL = "cancel"
NANOS_A_MS = 1_000_000
SENT_MAX = 256


class Reaction(NamedTuple):
    """One mutation that reached the simulated broker, and how long after its cause."""

    account: int
    what: str
    ms: float


class Reactions:
    """Watches the simulator's two ends: what it sends, and what it receives."""

    def __init__(self, sim: SimServer) -> None:
        self._sim = sim
        self._sent: dict[int | str, deque[int]] = {}
        self._serial = 0
        self.all: list[Reaction] = []
        sim.world.delivery.on_sent = self._note

    def new(self) -> list[Reaction]:
        """Return the mutations received since the last look."""
        fresh = [
            self._reaction(call)
            for call in self._sim.calls.log
            if call.serial > self._serial and call.endpoint in MUTATIONS
        ]
        if self._sim.calls.log:
            self._serial = self._sim.calls.log[-1].serial
        self.all += fresh
        return fresh

    def closes(self) -> list[float]:
        """Return how long after its cause each close came in milliseconds, the quickest first."""
        return sorted(one.ms for one in self.all if one.what != CANCEL and not math.isnan(one.ms))

    def _note(self, event: Event) -> None:
        self._sent.setdefault(event.key, deque(maxlen=SENT_MAX)).append(time.monotonic_ns())

    def _reaction(self, call: Call) -> Reaction:
        """Measure from the newest message of the account or its contract before the call."""
        body = call.body if isinstance(call.body, dict) else {}
        keys = (body.get("contractId", ""), call.account or 0)
        before = [at for key in keys for at in self._sent.get(key, ()) if at <= call.received_ns]
        ms = (call.received_ns - max(before)) / NANOS_A_MS if before else float("nan")
        return Reaction(call.account or 0, call.endpoint.split("/")[1], ms)


def spread(closes: list[float]) -> dict[str, float]:
    """Return how many there are, their median, 99th percentile and maximum; nothing of none."""
    if not closes:
        return {}
    late = closes[int((len(closes) - 1) * 0.99)]
    figures = {"median": closes[len(closes) // 2], "p99": late, "max": closes[-1]}
    return {"closes": len(closes), **{name: round(ms, 1) for name, ms in figures.items()}}
