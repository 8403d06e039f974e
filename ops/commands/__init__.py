"""The commands: one file each, with `run(args) -> exit code`."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module

import msgspec

from config.errors import ConfigError, Problem
from ops.desk.outcome import Ended, Ending, Exit, missing

ANOTHER_USER = "run this as the user of the service"


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """Why a command has no answer, for programs."""

    code: int
    error: str
    problems: Sequence[Problem] = ()


def dispatch(args: Namespace) -> int:
    """Run the command that was asked for; nothing foreseen shows a traceback."""
    try:
        code: int = import_module(f"ops.commands.{args.command}").run(args)
        sys.stdout.flush()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return failed(args, Ending(Exit.CONFIGURATION, str(error)), error.problems)
    except Ended as ended:
        print(f"riskwarden: {ended}", file=sys.stderr)
        return failed(args, ended.ending)
    except PermissionError as error:
        ending = Ending(Exit.EXCEPTION, f"{error.filename}: {error.strerror}; {ANOTHER_USER}")
        print(f"riskwarden: {ending.message}", file=sys.stderr)
        return failed(args, ending)
    except ImportError as error:
        ending = missing(error)
        print(f"riskwarden: {ending.message}", file=sys.stderr)
        return failed(args, ending)
    except BrokenPipeError:
        sys.stdout = None  # whoever read this has seen enough, and Python would complain at its end
        return Exit.OK
    except KeyboardInterrupt:
        return Exit.EXCEPTION
    return code


def failed(args: Namespace, ending: Ending, problems: Sequence[Problem] = ()) -> int:
    """Return the exit code; a program that asked for JSON gets a document in any case."""
    if getattr(args, "json", False):
        told = Failed(code=ending.code, error=ending.message, problems=problems)
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told)).decode() + "\n")
    return ending.code
