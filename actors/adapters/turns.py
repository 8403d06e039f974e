"""Whose request of enforcement's leaves, where not all of them can: a login's, by what they claim.

What may not leave now is refused at once and decided on anew, so nothing old is ever sent and no
queue can hang.  Order comes of what each claim leaves to those before it, and of the accounts'
shares: an account that repeats has as many requests a minute as the others that want to repeat.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from actors.model.budget import CROWD, WINDOW, left_for, share
from protocol.commands import Claim
from protocol.units import AccountId

GIVEN_MAX = 1_000
"""Turns that are remembered: a minute has fewer."""


class Given(NamedTuple):
    """A turn that somebody has had."""

    at: int
    account_id: AccountId
    claim: Claim
    requests: int


class Turns:
    """What the accounts of one login have sent in turn in the last minute, and who repeats."""

    def __init__(self, mono: Callable[[], int], spent: Callable[[], int]) -> None:
        self._mono = mono
        self._spent = spent
        self._given: deque[Given] = deque(maxlen=GIVEN_MAX)
        self._rivals: dict[AccountId, int] = {}

    def take(
        self,
        account_id: AccountId,
        claim: Claim,
        requests: int = 1,
        *,
        closes: bool = False,
        reads: bool = False,
    ) -> bool:
        """Tell whether it is an account's turn; if so, it has had it."""
        if claim is Claim.AT_ONCE:
            return True
        now = self._mono()
        self._forget(now - WINDOW)
        if claim is Claim.AGAIN:
            self._rivals[account_id] = now
        crowded = sum(one.requests for one in self._given if one.claim is Claim.FIRST) >= CROWD
        left = left_for(claim, self._spent(), closes=closes, reads=reads, crowded=crowded)
        if claim is Claim.AGAIN:
            left = min(left, share(len(self._rivals)) - self._repeated(account_id))
        if left < requests:
            return False
        self._given.append(Given(now, account_id, claim, requests))
        return True

    def _forget(self, horizon: int) -> None:
        while self._given and self._given[0].at <= horizon:
            self._given.popleft()
        self._rivals = {who: at for who, at in self._rivals.items() if at > horizon}

    def _repeated(self, account_id: AccountId) -> int:
        mine = (one for one in self._given if one.account_id == account_id)
        return sum(one.requests for one in mine if one.claim is Claim.AGAIN)
