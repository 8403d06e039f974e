"""`riskwarden smoke`: whether the real service comes up here, and hears the Gateway."""

import asyncio
from argparse import Namespace

from config.load import load
from ops.commands.output import put
from ops.desk.outcome import Exit
from ops.rehearsal.interrupt import interruptible
from ops.rehearsal.service import refuse_beside
from ops.rehearsal.smoke import Smoked, smoke

MENDS = {
    Exit.EXCEPTION: "the lines above are its own; `riskwarden run` shows all of them",
    Exit.STALLED: "is this machine busy? try a longer --within; else look at the lines above",
    Exit.CONFIGURATION: "`riskwarden check` says all that is wrong with it",
    Exit.GATEWAY: "`riskwarden check --connect` says what the Gateway objects to",
    Exit.DEPENDENCY: "run `make setup`",
}


def run(args: Namespace) -> int:
    """Try it; the exit code is the service's own, or 2 if nothing was heard in time."""
    loaded = None if args.config is None else load(args.config)
    if loaded is not None:
        refuse_beside(loaded, "ask it: `riskwarden status`; or stop it first")
    play = smoke(loaded, args.within)
    found = asyncio.run(interruptible(play, "the smoke", "its service is stopped"))
    put(found, rendered, as_json=args.json)
    return found.code


def rendered(found: Smoked) -> list[str]:
    """Return what came of it as lines for people."""
    lines = [f"{took:6.2f} s  {step.replace('_', ' ')}" for step, took in found.steps.items()]
    if found.code:
        lines += [f"  it said: {line}" for line in found.said]
    lines.append(f"{'ok' if not found.code else 'NOT OK'}: {found.why}")
    return [*lines, f"  mend: {MENDS[found.code]}"] if found.code else lines
