"""What a session token says about itself: only when it ends, and that unverified."""

from base64 import urlsafe_b64decode

import msgspec

from protocol.codec import decode_json

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
        return decode_json(urlsafe_b64decode(padded), _Claims).exp
    except (ValueError, msgspec.MsgspecError):
        return None
