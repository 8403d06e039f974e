"""`riskwarden doctor`: everything that has to be right before the first live day."""

import asyncio
from argparse import Namespace
from pathlib import Path

import msgspec

from actors.adapters import clock
from config.secrets import Credentials
from ops.commands.output import put
from ops.doctor import disk, gateway, marks, ports, settings, sleep
from ops.doctor.finding import Checked, Verdict, note, verdict

SHOWN = {
    Verdict.OK: "ok      ",
    Verdict.NOTE: "note    ",
    Verdict.UNKNOWN: "unknown ",
    Verdict.WARNING: "WARNING ",
    Verdict.PROBLEM: "PROBLEM ",
}
MARGIN = " " * 8


class Report(msgspec.Struct, frozen=True):
    """Every check, for programs."""

    code: int
    checks: list[Checked]


def run(args: Namespace) -> int:
    """Look at everything, print it, and return the worst of it."""
    checks = asyncio.run(examined(args.config, offline=args.offline))
    code = verdict(checks)
    put(Report(code, checks), lambda report: render(report.checks), as_json=args.json)
    return code


async def examined(file: Path, *, offline: bool) -> list[Checked]:
    """Return every check, in the order in which one would mend them."""
    loaded, found = settings.read(file)
    if loaded is None:
        return [*found, await asyncio.to_thread(sleep.check)]
    now = clock.now().wall
    secrets: dict[str, Credentials]
    secrets, told = settings.secrets_of(loaded)
    found += told
    found += settings.notices(loaded)
    found += settings.calendars(loaded, now)
    found += settings.zones(loaded.config, now)
    found += await asyncio.to_thread(disk.check, loaded.config)
    found += await asyncio.to_thread(marks.check, loaded.config)
    found.append(await asyncio.to_thread(sleep.check))
    found.append(await asyncio.to_thread(ports.check, loaded.config.service))
    found += settings.requests(loaded.config)
    found += settings.brackets(loaded.config)
    if offline:
        found.append(note("login", "the Gateway was not asked (--offline)"))
        return found
    return [*found, *await gateway.check(loaded, secrets)]


def render(checks: list[Checked]) -> list[str]:
    """Return the checks as lines for people; reasons only where there is something to do."""
    lines: list[str] = []
    for one in checks:
        lines.append(f"{SHOWN[one.verdict]}{one.check}: {one.what}")
        if one.verdict is not Verdict.OK:
            lines += [f"{MARGIN}  why:  {one.why}"] * bool(one.why)
            lines += [f"{MARGIN}  mend: {one.mend}"] * bool(one.mend)
    count = {kind: sum(one.verdict is kind for one in checks) for kind in Verdict}
    lines.append(
        f"checks: {len(checks)}, problems: {count[Verdict.PROBLEM]}, "
        f"warnings: {count[Verdict.WARNING]}, cannot be told from here: {count[Verdict.UNKNOWN]}"
    )
    return lines
