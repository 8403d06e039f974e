"""How much of a limit is used, as bars: read off the texts in which a rule tells its figures.

A rule tells its limit and what is used of it in the words that people read, some in several parts:
"10 in 60 s, 40 in 1 h".  Parts with the same words belong together.  What has no number has no
bar, and what is unknown has a bar that says so: it is never shown as nothing used.
"""

import re
from enum import StrEnum
from typing import NamedTuple

import msgspec

from protocol.control import RuleStatus

NUMBER = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?")
SECONDS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
WAYS_TO_COUNT = frozenset({"net", "gross"})
OTHERS = "others"
NEAR = 0.75
CLOSE = 0.9


class Level(StrEnum):
    """How near a limit is; each has its own word and its own pattern on the screen."""

    CALM = "calm"
    NEAR = "near"
    CLOSE = "close"
    REACHED = "reached"
    UNKNOWN = "unknown"


class Gauge(msgspec.Struct, frozen=True):
    """One bar: `share` is 0 for nothing used and 1 at the limit, None while it is unknown."""

    label: str
    used: str
    limit: str
    left: str
    share: float | None
    level: Level


class Part(NamedTuple):
    """One figure of a text, and the words around it, which say what it is a figure of."""

    value: float
    words: str
    text: str


def gauges(rule: RuleStatus) -> list[Gauge]:
    """Return a rule's bars, none if its limit is nothing that can be used up."""
    limits, used = parts(rule.limit), parts(rule.used)
    if rule.unknown is not None or "?" in rule.used:
        return [Gauge(one.words, "unknown", one.text, "", None, Level.UNKNOWN) for one in limits]
    left = {one.words: one.text for one in parts(rule.remaining)}
    return [_gauge(limit, spent, left.get(limit.words, "")) for limit, spent in pairs(limits, used)]


def pairs(limits: list[Part], used: list[Part]) -> list[tuple[Part, Part]]:
    """Return each limit with what is used of it; a limit for others serves whoever has none."""
    if len(used) == 1 and not used[0].words:
        return [(one, used[0]) for one in limits if one.words != OTHERS]
    own = {one.words: one for one in limits}
    others = own.pop(OTHERS, None)
    spent = {one.words: one for one in used}
    if not used or (others is None and not own.keys() & spent.keys()):
        return []
    found = [(one, spent.get(words, Part(0, words, "0"))) for words, one in own.items()]
    if others is not None:
        rest = [one for one in used if one.words not in own]
        found += [(others._replace(words=one.words), one) for one in rest]
    return found


def parts(text: str) -> list[Part]:
    """Return the figures of a text; a part without one is left out."""
    return [part for one in text.split(", ") if (part := _part(one)) is not None]


def _part(text: str) -> Part | None:
    words = text.split()
    for place, word in enumerate(words):
        form = NUMBER.fullmatch(word)
        if form is not None:
            rest = (*words[:place], *words[place + 1 :])
            return Part(
                float(form[1]) * SECONDS[form[2]],
                " ".join(one for one in rest if one not in WAYS_TO_COUNT),
                word,
            )
    return None


def _gauge(limit: Part, used: Part, left: str) -> Gauge:
    share = used.value / limit.value if limit.value else float(used.value != 0)
    share = round(max(0.0, share), 4)
    return Gauge(limit.words, used.text, limit.text, left, share, level(share))


def level(share: float) -> Level:
    """Return in a word how near the limit is."""
    if share >= 1:
        return Level.REACHED
    if share >= CLOSE:
        return Level.CLOSE
    return Level.NEAR if share >= NEAR else Level.CALM
