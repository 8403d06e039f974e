"""The commands: one file each, with `run(args) -> exit code`."""

import sys
from argparse import Namespace
from importlib import import_module

from config.errors import ConfigError
from ops.desk.outcome import Ended, Exit, missing


def dispatch(args: Namespace) -> int:
    """Run the command that was asked for; nothing foreseen shows a traceback."""
    try:
        code: int = import_module(f"ops.commands.{args.command}").run(args)
        sys.stdout.flush()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return Exit.CONFIGURATION
    except Ended as ended:
        print(f"riskwarden: {ended}", file=sys.stderr)
        return ended.ending.code
    except ImportError as error:
        ending = missing(error)
        print(f"riskwarden: {ending.message}", file=sys.stderr)
        return ending.code
    except BrokenPipeError:
        sys.stdout = None  # whoever read this has seen enough, and Python would complain at its end
        return Exit.OK
    except KeyboardInterrupt:
        return Exit.EXCEPTION
    return code
