"""Records, batches and stores that fail, for the tests of this folder."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import lmdb

from actors.adapters.store import Batch, Store
from protocol.codec import Recorded, decode_state
from protocol.decisions import AlarmKind, AlarmRaised
from protocol.market_facts import QuoteSeen
from protocol.message import Message
from protocol.units import AccountId, ContractId, Nanos, Now, Price

ACCOUNT = AccountId(1001)
OTHER = AccountId(1002)
ROOT = Path(__file__).parents[2]


def decision(number: int, account_id: AccountId = ACCOUNT) -> Recorded:
    message = AlarmRaised(account_id=account_id, kind=AlarmKind.STORE_SLOW, why=f"no. {number}")
    return recorded(number, message)


def quote(number: int) -> Recorded:
    return recorded(number, QuoteSeen(contract_id=ContractId("MNQ"), last=Price(number)))


def recorded(number: int, message: Message) -> Recorded:
    at = Nanos(number)
    return Recorded(now=Now(wall=at, mono=at), actor="enforcer", entered=False, message=message)


def batch(number: int, account_id: AccountId = ACCOUNT) -> Batch:
    """Build a step whose record and state carry the same number: half of it would show."""
    return Batch(account_id, (decision(number, account_id),), (("counter", {"n": number}),))


def unencodable(account_id: AccountId = ACCOUNT) -> Batch:
    return Batch(account_id, (decision(0),), (("rule/broken", object()),))


def whys(store: Store, after: int = 0) -> list[str]:
    found = [record for _, record in store.replay(after) if isinstance(record, Recorded)]
    return [str(getattr(record.message, "why", "")) for record in found]


def counter(store: Store) -> int:
    return decode_state(store.load_states()["counter"], dict[str, int])["n"]


def in_another_process(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a script of Python, with what the other tests import."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


class SickStore(Store):
    """A store on a disk whose health a test decides."""

    error: Exception | None = None
    """Raised instead of writing, for as long as it is set."""
    late_error: Exception | None = None
    """Raised once, after everything was written: the disk lied."""
    groups: list[int]

    def commit_many(self, batches: Sequence[Batch]) -> int:
        if self.error is not None:
            raise self.error
        newest = super().commit_many(batches)
        self.groups = [*getattr(self, "groups", []), len(batches)]
        return newest

    def _write(self, group: object) -> int:
        newest = super()._write(group)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        error, self.late_error = self.late_error, None
        if error is not None:
            raise error
        return newest


PANIC = lmdb.PanicError("disk")
