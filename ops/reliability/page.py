"""The page: every fault of the catalogue beside what the tests of it found."""

from collections.abc import Sequence

from ops.reliability.catalogue import GROUPS, Fault
from ops.reliability.trials import Trial

DETECTED, RECOVERED = "detected (s)", "recovered (s)"
HEAD = """\
# Reliability: the faults that are tried, and how each ends

Made by `make reliability` from the runs of the tests that are marked with a fault; do not edit it.
Everything is real but the Gateway, which is the simulated one: the SDK, the sockets, the processes,
the disk. "Held" means: what went wrong was noticed within its named time (and what a busy machine
may add), it healed, no breach was missed, no deed was done twice, no exposure grew.

The named times are real life's. The tests shorten the adapter's waits some ten times (a request has
1 s, a hub 1 s to be found silent), and skip the time between polls; the figures are theirs, the
worst of all runs of a fault, in seconds. A figure is of one machine on one day: compare, do not
quote.
"""
COLUMNS = "| fault | what goes wrong | noticed | runs | noticed after | healed after | result |"
ELSE = ("## What else was measured", "", "| fault | figure | worst |", "|---|---|---:|")
RULE = "|---|---|---|---:|---:|---:|---|"


def render(trials: Sequence[Trial]) -> str:
    """Return the page."""
    parts = [HEAD]
    for title, faults in GROUPS.items():
        rows = [row(fault, [one for one in trials if one.fault == fault.name]) for fault in faults]
        parts.append("\n".join([f"## {title}", "", COLUMNS, RULE, *rows, ""]))
    parts.append(figures(trials))
    return "\n".join(parts)


def row(fault: Fault, trials: Sequence[Trial]) -> str:
    """Return a fault's line."""
    failed = sum(not one.held for one in trials)
    result = "not run" if not trials else f"**{failed} FAILED**" if failed else "held"
    cells = (
        f"`{fault.name}`",
        fault.what,
        fault.noticed,
        str(len(trials)),
        worst(trials, DETECTED),
        worst(trials, RECOVERED),
        result,
    )
    return f"| {' | '.join(cells)} |"


def worst(trials: Sequence[Trial], figure: str) -> str:
    """Return the largest of a figure, or a dash."""
    values = [one.figures[figure] for one in trials if figure in one.figures]
    return f"{max(values):.2f}" if values else "-"


def figures(trials: Sequence[Trial]) -> str:
    """Return whatever else was measured."""
    found: dict[tuple[str, str], float] = {}
    for one in trials:
        for name, value in one.figures.items():
            if name not in {DETECTED, RECOVERED}:
                found[one.fault, name] = max(value, found.get((one.fault, name), value))
    ordered = sorted(found.items())
    lines = [f"| `{fault}` | {name} | {value:g} |" for (fault, name), value in ordered]
    return "\n".join([*ELSE, *lines, ""])
