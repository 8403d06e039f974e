"""The records of a login's contracts: each is read once, however many of its accounts ask.

A record says what a tick is and is worth, which does not change while a contract lives.  A hundred
accounts that hold one contract would otherwise spend half of the minute's requests on the same
answer.  Only a record is kept: a failure, and the word that there is none, are asked for again.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from protocol.account_facts import Instrument
from protocol.units import ContractId

RECORDS_MAX = 1_024
"""More contracts than any login trades; beyond it the oldest is read again."""


class Records:
    """What is known, and what is being read."""

    def __init__(self, read: Callable[[ContractId], Coroutine[Any, Any, Instrument]]) -> None:
        self._read = read
        self._known: dict[ContractId, Instrument] = {}
        self._under_way: dict[ContractId, asyncio.Task[Instrument]] = {}

    async def of(self, contract: ContractId) -> Instrument:
        """Return a contract's record; raise what the read raised, for all who waited for it."""
        known = self._known.get(contract)
        if known is not None:
            return known
        task = self._under_way.get(contract)
        if task is None:
            task = asyncio.create_task(self._read(contract), name=f"record/{contract}")
            self._under_way[contract] = task
            task.add_done_callback(partial(self._done, contract))
        return await asyncio.shield(task)

    def _done(self, contract: ContractId, task: asyncio.Task[Instrument]) -> None:
        del self._under_way[contract]
        if task.cancelled() or task.exception() is not None:
            return
        self._known[contract] = task.result()
        if len(self._known) > RECORDS_MAX:
            del self._known[next(iter(self._known))]
