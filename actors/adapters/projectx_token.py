"""What a session token says about itself: only when it ends, and that unverified."""

from base64 import urlsafe_b64decode

import msgspec

JWT_PARTS = 3


class _Claims(msgspec.Struct):
    exp: float


def expiry(token: str) -> float | None:
    """Return the Unix time at which a JWT ends, or None if it does not say."""
    parts = token.split(".")
    if len(parts) != JWT_PARTS:
        return None
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        return msgspec.json.decode(urlsafe_b64decode(padded), type=_Claims).exp
    except (ValueError, msgspec.MsgspecError):
        return None
