"""`riskwarden sim`: the simulated Gateway, on this machine only."""

import asyncio
import logging
import signal
from argparse import Namespace

from ops.desk.outcome import Ended, Exit
from ops.sim.scenario import ScenarioError
from ops.sim.server import HOST, serve


def run(args: Namespace) -> int:
    """Play a scenario until interrupted."""
    logging.basicConfig(level=logging.WARNING, format="sim: %(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(serve(args.scenario, HOST, args.port, args.speed, as_json=args.json))
    except KeyboardInterrupt:
        return Exit.OK
    except ScenarioError as error:
        raise Ended(Exit.CONFIGURATION, f"sim: {error}") from None
    except OSError as error:
        what = f"sim: port {args.port} cannot be used: {error.strerror}"
        raise Ended(Exit.CONFIGURATION, what, "choose another --port; 0 takes a free one") from None
    return Exit.OK
