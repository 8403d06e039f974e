"""Tasks whose outcome nobody waits for."""

import asyncio
from typing import Any


def retrieve(task: asyncio.Future[Any]) -> None:
    """Take a task's error, so that nobody complains that nobody did."""
    if not task.cancelled():
        task.exception()
