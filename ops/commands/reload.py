"""`riskwarden reload`: have the running service read its configuration again."""

from argparse import Namespace

from ops.commands.asking import ask, service_of
from ops.commands.output import put
from ops.desk.outcome import Exit
from ops.guardian.control import Request
from protocol.control import AccountChange, ReloadStatus


def run(args: Namespace) -> int:
    """Ask, and print what came of it."""
    service = service_of(args.config)
    request = Request(command="reload", config=str(args.config.absolute()))
    told = ask(service, request, ReloadStatus)
    put(told, render, as_json=args.json)
    return exit_code(told)


def exit_code(told: ReloadStatus) -> Exit:
    """Return what the answer means for programs."""
    if not told.accepted:
        return Exit.CONFIGURATION
    untaken = any(one.instead for one in told.accounts)
    return Exit.EXCEPTION if told.problems or untaken else Exit.OK


def render(told: ReloadStatus) -> list[str]:
    """Return the answer as lines for people."""
    if not told.accepted:
        many = f"{len(told.problems)} problem{'s' * (len(told.problems) > 1)}"
        return [f"refused, nothing changes: {many}", *(f"  {one}" for one in told.problems)]
    lines = ["accepted: what is stricter applies now, what is looser at the next reset"]
    for one in told.accounts:
        lines += ["", *render_change(one)]
    lines += ["", *(f"account {one}: guarded from now on" for one in told.added)] * bool(told.added)
    lines += [f"warning: {one}" for one in told.warnings]
    lines += [f"PROBLEM: {one}" for one in told.problems]
    return lines


def render_change(one: AccountChange) -> list[str]:
    """Return what an account made of it."""
    if one.instead:
        return [f"account {one.id}: NOT TAKEN", f"  {one.instead}"]
    lines = [f"account {one.id}: {'changed' if one.applied else 'nothing changes now'}"]
    lines += [f"  now    {change}" for change in one.applied]
    if one.waits:
        lines.append(f"  waits for the reset at {one.until}")
        lines += [f"  later  {change}" for change in one.waits]
    return lines
