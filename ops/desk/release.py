"""Lets what a step asks of the world out once: when it is on the disk, or when waiting is worse."""

import asyncio
from collections.abc import Callable

from ops.desk.untraced import Leg
from protocol.decisions import AlarmKind

PATIENCE_S = 0.020
"""How long a commit may hold back a risk-reducing call, or the read that proves one."""

type Alarm = Callable[[AlarmKind | None, str], None]


class Release:
    """One batch's way out."""

    def __init__(self, let_out: Callable[[], None], alarm: Alarm, leg: Leg) -> None:
        self._let_out = let_out
        self._alarm = alarm
        self._leg = leg
        self._out = False
        self.patience: asyncio.TimerHandle | None = None

    def committed(self) -> None:
        """Let it out: it is on the disk, and the disk answers."""
        self._alarm(None, "")
        self._release()
        self._leg.written()

    def impatient(self) -> None:
        """Let it out although the disk has not answered."""
        if not self._out:
            self._alarm(AlarmKind.STORE_SLOW, f"a commit takes over {PATIENCE_S * 1_000:.0f} ms")
        self._release()

    def failed(self, error: Exception) -> None:
        """Let it out although the disk refuses it."""
        self._alarm(AlarmKind.STORE_FAILED, f"{type(error).__name__}: {error}")
        self._release()
        self._leg.written(type(error).__name__)

    def _release(self) -> None:
        if self._out:
            return
        self._out = True
        if self.patience is not None:
            self.patience.cancel()
        self._let_out()
