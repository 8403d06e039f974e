"""Instants in words: the one way a time is written for people and their tools."""

from datetime import UTC, datetime

from protocol.units import MILLISECOND, SECOND, Nanos


def instant_text(at: Nanos) -> str:
    """Return an instant as UTC ISO text with milliseconds."""
    seconds, rest = divmod(at, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // MILLISECOND:03d}Z"
