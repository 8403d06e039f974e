"""Faults of single REST calls, chosen by endpoint, by account and by count.

`when` decides whether the call is carried out: a reset `after` is a lost answer, a reset `before` a
lost request.
"""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec

Kind = Literal["latency", "hang", "status", "reset", "reject", "malformed", "empty"]


class RestFault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One fault; `endpoint` may hold wildcards, `count` None means until cleared."""

    kind: Kind
    endpoint: str = "*"
    account: int | None = None
    count: Annotated[int, msgspec.Meta(ge=0)] | None = 1
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    when: Literal["before", "after"] = "before"
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0
    status: int = 500
    retry_after: float | None = None
    code: int = 5
    message: str | None = "Rejected by the simulator."
    body: str = '{"success": true, "errorCode": 0, '

    def hits(self, endpoint: str, account: int | None) -> bool:
        """Say whether this fault is meant for a call."""
        return (
            self.count != 0
            and fnmatchcase(endpoint, self.endpoint.strip("/"))
            and self.account in {None, account}
        )


class RestFaults:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[RestFault] = []

    def add(self, fault: RestFault) -> None:
        """Put a fault in line."""
        self.waiting.append(fault)

    def take(self, endpoint: str, account: int | None) -> RestFault | None:
        """Return the fault of this call, if any, and count it down."""
        for fault in self.waiting:
            if not fault.hits(endpoint, account):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.count is not None:
                fault.count -= 1
            self.waiting = [left for left in self.waiting if left.count != 0]
            return fault
        return None

    def clear(self) -> None:
        """Forget all faults."""
        self.waiting.clear()
