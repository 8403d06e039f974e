"""How fast a desk takes its inputs: in bursts, and one by one while a request is on its way out.

A request is not to wait for what came in behind its breach.  It leaves once the disk has it, and
the thread that writes gets to run against a busy loop every 5 ms only; then the HTTP client has it
take a dozen turns of the loop to its socket, and a burst of inputs lasts 60 ms.
"""

import asyncio

from actors.adapters.wire_figures import WireFigures

BURST_MAX = 256
"""Inputs taken before the loop may do something else, such as write to a socket."""
REST_S = 0.001
"""Between inputs while a request is on its way out."""
LEAVING_MAX_S = 0.5
"""A request that takes longer to its socket waits for a login or a connection, not for the loop."""


class Pace:
    """Knows whether a request is on its way out."""

    def __init__(self, wire: WireFigures) -> None:
        self._wire = wire
        self._deciding = 0
        self._begun = 0.0

    @property
    def one_by_one(self) -> bool:
        """Say whether to leave the loop to others after each input."""
        if self._deciding:
            return True
        if not self._wire.leaving:
            return False
        return asyncio.get_running_loop().time() < self._begun + LEAVING_MAX_S

    @property
    def rest(self) -> float:
        """Return for how many seconds to leave the loop to others."""
        return REST_S if self.one_by_one else 0.0

    def decided(self) -> None:
        """Note a step whose requests wait for the disk."""
        self._deciding += 1

    def begun(self) -> None:
        """Note that its requests have begun."""
        self._deciding -= 1
        self._begun = asyncio.get_running_loop().time()
