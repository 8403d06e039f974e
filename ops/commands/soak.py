"""`riskwarden soak`: the real service under load for a while, and what grew meanwhile."""

import asyncio
import sys
from argparse import Namespace

from ops.commands.output import put
from ops.desk.outcome import Exit
from ops.rehearsal.interrupt import interruptible
from ops.rehearsal.soak import soak
from ops.rehearsal.verdict import Growth, Soaked


def run(args: Namespace) -> int:
    """Soak; 0 only if every promise was kept."""
    out = sys.stderr if args.json else sys.stdout
    play = soak(args.minutes, lambda text: print(text, file=out, flush=True))
    soaked = asyncio.run(interruptible(play, "the soak", "its service is stopped"))
    put(soaked, rendered, as_json=args.json)
    return Exit.OK if all(soaked.held.values()) else Exit.EXCEPTION


def rendered(it: Soaked) -> list[str]:
    """Return what came of it as lines for people."""
    rate, many = f"{it.events_a_second:,.0f} a second", f"{it.enforced:,} enforcements proven"
    half, nearly = within(it.decision_p50_s), within(it.decision_p99_s)
    flat, late = within(it.flat_p50_s), within(it.flat_p99_s)
    lines = [
        "",
        f"{it.events:,} events in {it.minutes:g} min, {rate}; {it.orders:,} orders, {many},",
    ]
    lines += [f"{it.locks} locks, {it.resets} resets"]
    lines += [f"decisions: half within {half}, 99 % within {nearly}"]
    lines += [f"flat and proven: half within {flat}, 99 % within {late}"]
    if it.wire_ms:
        ms = it.wire_ms
        lines.append(
            f"from the wire to the Gateway: {ms['closes']:.0f} closes, median {ms['median']:.1f} ms"
            f", 99 % {ms['p99']:.1f} ms, at most {ms['max']:.1f} ms"
        )
    lines += [line for one in it.growth for line in grown(one)]
    lines += ["", *(f"{'yes' if kept else 'NO '}  {what}" for what, kept in it.held.items())]
    return [*lines, f"it ended early: {it.why}"] if it.why else lines


def within(bound: float | None) -> str:
    """Return the bound of a distribution's bar."""
    return "?" if bound is None else f"{bound * 1_000:g} ms"


def grown(one: Growth) -> list[str]:
    """Return what became of a process, warm against the end."""
    pairs = {"MiB": one.memory_mib, "descriptors": one.descriptors, "tasks": one.tasks}
    told = ", ".join(
        f"{name} {pair[0]:g} to {pair[1]:g}" if pair is not None else f"{name} unknown"
        for name, pair in pairs.items()
    )
    return [f"{one.process}: {told}"]
