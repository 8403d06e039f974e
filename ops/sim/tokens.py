"""Issue and judge the session tokens: JWTs whose `exp` a client may read.

A new login does not revoke older tokens.  Tokens follow their own clock (the wall's), because a
client compares `exp` with its own time even when the exchange runs on another date.
"""

import hashlib
import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Literal

import msgspec

Verdict = Literal["good", "unknown", "expired", "revoked"]


def _part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Tokens:
    """Remember every token given out."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._expiry_ns: dict[str, int] = {}
        self._revoked: set[str] = set()

    def issue(self, user: str, ttl_s: float) -> str:
        """Return a new token for a user."""
        now = self._clock()
        expiry_ns = now + int(ttl_s * 1e9)
        header = _part(msgspec.json.encode({"alg": "HS256", "typ": "JWT"}))
        body = {
            "sub": user,
            "iat": now // 10**9,
            "exp": expiry_ns // 10**9,
            "jti": str(len(self._expiry_ns)),
        }
        signed = f"{header}.{_part(msgspec.json.encode(body))}"
        digest = hmac.digest(b"simulator", signed.encode(), hashlib.sha256)
        token = f"{signed}.{_part(digest)}"
        self._expiry_ns[token] = expiry_ns
        return token

    def judge(self, token: str | None) -> Verdict:
        """Say what a token is worth now."""
        if token is None or token not in self._expiry_ns:
            return "unknown"
        if token in self._revoked:
            return "revoked"
        return "good" if self._clock() < self._expiry_ns[token] else "expired"

    def revoke(self) -> int:
        """Revoke every token given out so far; return how many."""
        fresh = set(self._expiry_ns) - self._revoked
        self._revoked |= fresh
        return len(fresh)

    def expire(self) -> int:
        """Let every token given out so far expire now; return how many."""
        now = self._clock()
        for token in self._expiry_ns:
            self._expiry_ns[token] = min(now, self._expiry_ns[token])
        return len(self._expiry_ns)


def bearer(authorization: str | None, query: str | None = None) -> str | None:
    """Return the token of a request: from its header, else from its query."""
    if authorization is not None:
        kind, _, token = authorization.partition(" ")
        if kind.lower() == "bearer" and token:
            return token.strip()
    return query
