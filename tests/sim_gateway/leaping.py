"""A loop whose clock leaps to the next timer instead of waiting for it."""

import asyncio
import selectors
from typing import override


class Leap(selectors.DefaultSelector):
    """Looks at what is ready, and takes the time to be over where nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout is not None:
            self.time += max(0.0, timeout)
        return ready


class LeapingLoop(asyncio.SelectorEventLoop):
    """Plays minutes at once, and in the same order however busy the machine is."""

    def __init__(self) -> None:
        self._leap = Leap()
        super().__init__(self._leap)

    @override
    def time(self) -> float:
        """Return the seconds that were leapt."""
        return self._leap.time
