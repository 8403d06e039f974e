"""What a soak's samples say: what grew, how fast it was, and which promises were kept.  Pure."""

from collections.abc import Callable, Sequence
from statistics import median

import msgspec

from ops.rehearsal.scraped import Scraped
from protocol import metrics
from protocol.decisions import AlarmKind
from protocol.trace import ProcessTrace

WARM_SHARE = 0.25
"""The share of the samples after which a process has everything that it needs."""
MEMORY_GROWTH_MAX_MIB, AN_HOUR_MIB = 8.0, 4.0
"""Beyond the first, what an hour's trades may add: the day's are remembered until its reset."""
TASKS_GROWTH_MAX, DESCRIPTORS_GROWTH_MAX = 12, 8
DECISION_P99_MAX_S, FLAT_P99_MAX_S = 0.25, 3.0
DIGITS = 2


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """One process at one moment."""

    memory_mib: float | None
    descriptors: int | None
    tasks: int
    threads: int


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """The service at one moment, `at_s` after the load began."""

    at_s: float
    events: int
    desk: Size
    guardian: Size
    waiting: int


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """What a process had when it was warm, and at the end; medians of a quarter of the time."""

    process: str
    memory_mib: tuple[float, float] | None
    descriptors: tuple[float, float] | None
    tasks: tuple[float, float]


class Soaked(msgspec.Struct, kw_only=True):
    """What came of it; seconds unless the name says otherwise."""

    minutes: float
    held: dict[str, bool]
    events: int
    events_a_second: float
    orders: int
    enforced: int
    locks: int
    resets: int
    growth: list[Growth]
    decision_p50_s: float | None
    decision_p99_s: float | None
    flat_p50_s: float | None
    flat_p99_s: float | None
    wire_ms: dict[str, float]
    """From a message on the wire to the request at the Gateway: median, p99, max."""
    why: str
    samples: list[Sample]


def size(one: ProcessTrace) -> Size:
    """Return how large a process is."""
    return Size(
        memory_mib=one.memory_mib,
        descriptors=one.descriptors,
        tasks=len(one.tasks),
        threads=len(one.threads),
    )


def growth(name: str, sizes: Sequence[Size]) -> Growth:
    """Return medians of the first warm quarter of the samples, and of the last."""
    quarter = max(1, int(len(sizes) * WARM_SHARE))
    warm, last = sizes[quarter : 2 * quarter] or sizes[:1], sizes[-quarter:]

    def both(of: Callable[[Size], float | None]) -> tuple[float, float] | None:
        found = [[value for one in part if (value := of(one)) is not None] for part in (warm, last)]
        if not all(found):
            return None
        before, after = (round(median(values), DIGITS) for values in found)
        return before, after

    tasks = both(lambda one: one.tasks)
    assert tasks is not None, "there are samples"
    return Growth(
        process=name,
        memory_mib=both(lambda one: one.memory_mib),
        descriptors=both(lambda one: one.descriptors),
        tasks=tasks,
    )


def grew(pair: tuple[float, float] | None, most: float) -> bool:
    """Tell whether a figure grew by more than it may; one that is unknown did not."""
    return pair is not None and pair[1] - pair[0] > most


def kept(
    found: Sequence[Growth], last: Scraped, minutes: float, *, is_over: bool, code: int
) -> dict[str, bool]:
    """Return which promises were kept."""
    decision = last.quantile(metrics.DECISION.name, 0.99)
    flat = last.quantile(metrics.TIME_TO_FLAT.name, 0.99)
    memory = round(MEMORY_GROWTH_MAX_MIB + AN_HOUR_MIB * minutes / 60, 1)
    tasks = TASKS_GROWTH_MAX
    return {
        "every breach was undone and proven": is_over,
        "no desk was started again": not last.total(metrics.DESK_RESTARTS.name),
        "no account was blind": not last.total(
            metrics.ALARMS_RAISED.name, kind=AlarmKind.FEED_BLIND.value
        ),
        "no price was dropped": not last.total(metrics.QUOTES_DROPPED.name),
        "no payload was refused": not last.total(metrics.REFUSED.name),
        f"memory grew by {memory:g} MiB at most": not any(
            grew(one.memory_mib, memory) for one in found
        ),
        f"tasks grew by {tasks} at most": not any(grew(one.tasks, tasks) for one in found),
        f"descriptors grew by {DESCRIPTORS_GROWTH_MAX} at most": not any(
            grew(one.descriptors, DESCRIPTORS_GROWTH_MAX) for one in found
        ),
        f"99 % of decisions within {DECISION_P99_MAX_S:g} s": decision is not None
        and decision <= DECISION_P99_MAX_S,
        f"99 % flat and proven within {FLAT_P99_MAX_S:g} s": flat is not None
        and flat <= FLAT_P99_MAX_S,
        "the service ended cleanly": code == 0,
    }
