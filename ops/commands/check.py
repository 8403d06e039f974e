"""`riskwarden check`: everything that is wrong with a configuration, before it matters."""

import asyncio
import logging
from argparse import Namespace
from collections.abc import Sequence

import msgspec

from actors.adapters import clock
from config.check_sessions import calendar_warnings
from config.errors import ConfigError, Problem, render_text
from config.load import Loaded, load
from config.secrets import Credentials, credentials, notify_secrets
from ops.commands.output import put
from ops.desk.outcome import Exit
from ops.desk.survey import Survey, survey


class Report(msgspec.Struct, kw_only=True):
    """What was found, for programs."""

    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()
    gateway: Sequence[Survey] = ()


def run(args: Namespace) -> int:
    """Check, print and return the worst of it."""
    report = Report()
    try:
        loaded = load(args.config)
        calendars = calendar_warnings(loaded.config, str(loaded.file), clock.now().wall)
        report.warnings = (*loaded.warnings, *calendars)
        notify_secrets(loaded.config.notify, loaded.file)
        resolved = credentials(loaded)
        report.warnings = (*report.warnings, *resolved.warnings)
    except ConfigError as error:
        report.problems = error.problems
    else:
        if args.connect:
            report.gateway = asyncio.run(surveys(loaded, resolved.logins))
    put(report, lambda it: rendered(it, str(args.config)), as_json=args.json)
    return verdict(report)


async def surveys(loaded: Loaded, secrets: dict[str, Credentials]) -> list[Survey]:
    """Look at every login at once; what is found is told at the end, and not logged."""
    logging.disable(logging.CRITICAL)
    return await asyncio.gather(
        *(survey(loaded.config, login, secrets[login.name]) for login in loaded.logins)
    )


def verdict(report: Report) -> int:
    """Return the exit code: what the reader can mend here comes before what the Gateway says."""
    codes = {finding.code for one in report.gateway for finding in one.findings}
    if report.problems:
        codes.add(Exit.CONFIGURATION)
    return min(codes, default=Exit.OK)


def rendered(report: Report, file: str) -> list[str]:
    """Return the report as lines for people."""
    lines: list[str] = []
    if report.problems:
        lines.append(render_text(report.problems))
    if report.warnings:
        lines.append(render_text(report.warnings, "warning"))
    if not report.problems:
        lines.append(f"{file}: nothing is wrong with it")
    for one in report.gateway:
        lines += ["", f"login {one.login}", *(f"  {fact}" for fact in (*one.facts, *one.contracts))]
        for finding in one.findings:
            lines += [f"  PROBLEM {finding.what}", f"    mend: {finding.mend}"]
    return lines
