"""The `riskwarden` command: which command is meant, and nothing else.

A command's module is imported when it is called for, so that `--help` is there at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

CONFIG = "riskwarden.toml"
CONFIG_VARIABLE = "RISKWARDEN_CONFIG"
CONFIGURATION_ERROR = 3
ARM_WITHIN_S = 60.0
SMOKE_S = 8.0
SOAK_MIN = 10.0
ROUNDS_MAX = 20
HIDDEN = "'desk', 'spare', "
"""How a list of choices shows the commands that are the guardian's alone."""
PORT_MAX = 65_535


class Parser(argparse.ArgumentParser):
    """A parser whose complaints end with our code for a configuration error, not with 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line."""
        self.print_usage(sys.stderr)
        self.exit(CONFIGURATION_ERROR, f"{self.prog}: {message.replace(HIDDEN, '')}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        speak(sys.stdout)
    args = parser().parse_args(argv)
    module = import_module("ops.commands")
    code: int = module.dispatch(args)
    return code


def speak(stream: TextIOWrapper) -> None:
    """Have a name that a terminal cannot show end nothing; files and programs read UTF-8."""
    if stream.isatty():
        stream.reconfigure(errors="backslashreplace")
    else:
        stream.reconfigure(encoding="utf-8")


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    top = Parser(
        prog="riskwarden",
        description="Guards futures accounts: undoes what their own risk rules forbid.",
        epilog="exit codes: 0 ok, 1 exception, 2 stalled, 3 configuration error, 4 Gateway error, "
        "5 missing dependency",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    configured = Parser(add_help=False)
    configured.add_argument(
        "--config",
        type=Path,
        default=Path(os.environ.get(CONFIG_VARIABLE) or CONFIG),
        metavar="F",
        help=f"the configuration file (default: ${CONFIG_VARIABLE}, else {CONFIG})",
    )
    _add_running(commands, configured)
    _add_questions(commands, configured)
    _add_past(commands, configured)
    _add_tools(commands)
    _add_drill(commands, configured)
    _add_rehearsals(commands)
    return top


def _add_running(commands: "argparse._SubParsersAction[Parser]", configured: Parser) -> None:
    running = Parser(add_help=False)
    running.add_argument(
        "--json",
        "--json-logs",
        dest="json_logs",
        action="store_true",
        help="log lines for programs, also on a terminal",
    )
    running.add_argument("--trial", type=Path, help=argparse.SUPPRESS)  # for `smoke`
    running.add_argument(
        "--arm-within",
        type=seconds,
        default=ARM_WITHIN_S,
        metavar="S",
        help="seconds until a desk that does not come up counts as stalled (default: %(default)g)",
    )
    run = commands.add_parser(
        "run", parents=[configured, running], help="guard the configured accounts"
    )
    run.add_argument("--orphan-for", type=seconds, help=argparse.SUPPRESS)  # for rehearsals
    desk = commands.add_parser("desk", parents=[configured, running])  # for the guardian alone
    desk.add_argument("--login", required=True)
    desk.add_argument("--accepted", type=Path)
    desk.add_argument("--again", action="store_true")
    commands.add_parser("spare")


def _add_past(commands: "argparse._SubParsersAction[Parser]", configured: Parser) -> None:
    past = Parser(add_help=False, parents=[configured])
    past.add_argument(
        "--data", type=Path, metavar="DIR", help="the service's data_dir, instead of --config"
    )
    past.add_argument("--json", action="store_true", help="for programs")
    explain = commands.add_parser(
        "explain", parents=[past], help="why an enforcement was, and what it did"
    )
    explain.add_argument("enforcement", metavar="ENFORCEMENT", help="as `status` names it")
    replay = commands.add_parser(
        "replay", parents=[past], help="run a day's journal again: same decisions?"
    )
    replay.add_argument(
        "--account", type=int, required=True, metavar="ID", help="the account's number"
    )
    span = replay.add_mutually_exclusive_group()
    span.add_argument(
        "--day", type=day, metavar="D", help="the date on which it ends (default: the newest)"
    )
    span.add_argument("--whole", action="store_true", help="everything that is kept")
    verify = commands.add_parser("verify", parents=[past], help="is the database what was written?")
    verify.add_argument("--account", type=int, metavar="ID", help="this one only")
    backup = commands.add_parser(
        "backup", parents=[past], help="copy the database, while the service runs"
    )
    backup.add_argument("--to", type=Path, required=True, metavar="DIR", help="where copies go")


def _add_questions(commands: "argparse._SubParsersAction[Parser]", configured: Parser) -> None:
    check = commands.add_parser(
        "check", parents=[configured], help="say what is wrong, if anything"
    )
    check.add_argument(
        "--connect",
        action="store_true",
        help="also log in: look at accounts and products",
    )
    check.add_argument("--json", action="store_true", help="for programs")
    status = commands.add_parser("status", parents=[configured], help="how the service stands")
    status.add_argument("--json", action="store_true", help="for programs")
    top = commands.add_parser(
        "top", parents=[configured], help="how it stands, drawn anew each second"
    )
    top.add_argument("--json", action="store_true", help="for programs, once")
    trace = commands.add_parser(
        "trace", parents=[configured], help="what the running service is at: actors, tasks, threads"
    )
    trace.add_argument("--json", action="store_true", help="for programs")
    reload = commands.add_parser(
        "reload", parents=[configured], help="have the running service read its configuration again"
    )
    reload.add_argument("--json", action="store_true", help="for programs")
    doctor = commands.add_parser(
        "doctor", parents=[configured], help="is everything right for a live day? (1: warnings)"
    )
    doctor.add_argument("--offline", action="store_true", help="do not ask the Gateway")
    doctor.add_argument("--json", action="store_true", help="for programs")
    notify = commands.add_parser(
        "notify", parents=[configured], help="send a test message to whom [notify] names"
    )
    notify.add_argument("deed", choices=["test"], help="the only thing there is to do by hand")
    notify.add_argument("--json", action="store_true", help="for programs")


def _add_tools(commands: "argparse._SubParsersAction[Parser]") -> None:
    rules = commands.add_parser("rules", help="list the rules and their settings")
    rules.add_argument(
        "--config",
        type=Path,
        metavar="F",
        help="show the rules of the service that runs by this file instead, and whether each is "
        "enabled, loaded, subscribed, evaluated and enforcing",
    )
    rules.add_argument("--json", action="store_true", help="for programs")
    sim = commands.add_parser("sim", help="run a simulated Gateway on this machine")
    sim.add_argument(
        "--scenario", default="default", help="a name or a file (default: %(default)s)"
    )
    sim.add_argument(
        "--port", type=port, default=9000, help="default: %(default)s; 0 takes a free one"
    )
    sim.add_argument("--speed", type=seconds, default=1.0, help="how many times as fast")
    sim.add_argument("--json", action="store_true", help="say where it listens for programs")
    demo = commands.add_parser(
        "demo", help="watch it protect an account, against the simulated Gateway"
    )
    demo.add_argument("--json", action="store_true", help="only what came of it, for programs")


def _add_drill(commands: "argparse._SubParsersAction[Parser]", configured: Parser) -> None:
    drill = commands.add_parser(
        "drill", parents=[configured], help="break a rule on purpose, and measure what follows"
    )
    drill.add_argument(
        "--account",
        metavar="NAME",
        help="on this practice account of --config, instead of the simulator's: a real order of "
        "one contract is placed for each round, after you have typed the account's name",
    )
    drill.add_argument(
        "--yes-place-orders-on", metavar="NAME", help="the account's name, instead of typing it"
    )
    drill.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help="how often, up to 20 (default: 10 on the simulator, 1 on a practice account)",
    )
    drill.add_argument("--json", action="store_true", help="for programs")


def _add_rehearsals(commands: "argparse._SubParsersAction[Parser]") -> None:
    soak = commands.add_parser(
        "soak", help="run it under load for a while: what grows, what is lost?"
    )
    soak.add_argument(
        "--minutes", type=seconds, default=SOAK_MIN, metavar="N", help="default: %(default)g"
    )
    soak.add_argument("--json", action="store_true", help="for programs")
    smoke = commands.add_parser("smoke", help="does it come up here, and hear the Gateway?")
    smoke.add_argument(
        "--config",
        type=Path,
        metavar="F",
        help="try this configuration, in shadow and in a folder of its own, instead of the "
        "simulator's",
    )
    smoke.add_argument(
        "--within",
        type=seconds,
        default=SMOKE_S,
        metavar="S",
        help="seconds to the first event or account snapshot (default: %(default)g)",
    )
    smoke.add_argument("--json", action="store_true", help="for programs")


def seconds(text: str) -> float:
    """Read a positive number."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def rounds(text: str) -> int:
    """Read how often a drill breaks its rule."""
    number = int(text)
    if not 1 <= number <= ROUNDS_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not 1 to {ROUNDS_MAX}")
    return number


def day(text: str) -> date:
    """Read a date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date; write it as 2026-11-18") from None


def port(text: str) -> int:
    """Read a port."""
    number = int(text)
    if not 0 <= number <= PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return number


if __name__ == "__main__":
    sys.exit(main())
