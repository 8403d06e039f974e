"""Spans of time as people write them: 90s, 15m, 1h, or 250ms where a moment counts."""

import re
from functools import lru_cache

from protocol.units import MILLISECOND, SECOND, Nanos

DURATION_MAX = Nanos(7 * 24 * 3600 * SECOND)
"""Longer is a misspelt one: nothing here lasts beyond a week."""
SHORTEST = Nanos(SECOND)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_UNITS = {"ms": MILLISECOND} | {unit: count * SECOND for unit, count in _SECONDS.items()}
_FORM = re.compile(r"([0-9]{1,7})(ms|[smh])")
_EXAMPLES = '"90s", "15m" or "1h"'


@lru_cache(maxsize=1_024)
def duration(text: str) -> Nanos:
    """Return a span; raise ValueError("what is wrong; how to mend it")."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"{text!r} is no duration; write it like {_EXAMPLES}")
    span = Nanos(int(form[1]) * _UNITS[form[2]])
    if span > DURATION_MAX:
        raise ValueError(f"{text!r} is longer than a week; write it like {_EXAMPLES}")
    return span


def check_duration(key: str, text: str, *, least: Nanos = SHORTEST) -> None:
    """Raise ValueError("key: what is wrong; how to mend it") for what is no span, or too short."""
    try:
        span = duration(text)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if span < least:
        raise ValueError(f"{key}: {text!r} is too short; write {_EXAMPLES}")


def duration_text(span: Nanos) -> str:
    """Return a span as one would write it, in the largest unit that fits; parts are cut off."""
    seconds = span // SECOND
    if seconds and not seconds % 60:
        return f"{seconds // 60}m" if seconds % 3_600 else f"{seconds // 3_600}h"
    return f"{seconds}s"
