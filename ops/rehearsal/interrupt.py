"""An interrupt ends a rehearsal by way of its own end: the service is stopped, the account flat."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from ops.desk.outcome import Ended, Exit


async def interruptible[T](play: Coroutine[Any, Any, T], what: str, so: str) -> T:
    """Play; once interrupted it still ends in good order, and a second time changes nothing.

    Then raise Ended: `what` was ended, and how it is now.
    """
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(play)
    asked: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        if not asked:
            asked.append(number)
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        name = asked[0].name if asked else "a cancellation"
        raise Ended(Exit.EXCEPTION, f"{what} was ended by {name}", so) from None
