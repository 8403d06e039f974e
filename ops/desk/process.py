"""A desk as a process: started by the guardian, one per login, it reports up a pipe and obeys it.

The order of the start is the point.  The stores are opened and the actors stand, locks and all,
before the SDK is loaded and the Gateway is asked anything.
"""

import asyncio
import logging
import os
import signal
import time
from pathlib import Path
from typing import NoReturn

import msgspec

from config.errors import ConfigError
from config.load import Loaded, read_text
from config.schema import LoginConfig
from config.secrets import Credentials, credentials
from config.trial import understand_text
from ops.desk import logs
from ops.desk.counts import Counts
from ops.desk.identities import recall
from ops.desk.inspector import Inspector
from ops.desk.life import Life
from ops.desk.link import Link
from ops.desk.lockfile import HeldError, LockFile, desk_lock
from ops.desk.opening import Opening
from ops.desk.outcome import Ended, Ending, Exit, missing
from ops.desk.pipe import ReportPipe, listen
from ops.desk.reloads import Reloads
from ops.desk.shipping import Shipping
from protocol.decisions import Checkpoint

log = logging.getLogger(__name__)
PREDECESSOR_S = 5.0
"""How long a predecessor may take to end: its guardian was killed, and it is closing its stores."""
SPANS_CLOSE_S = 0.3
"""How long the last spans may take to leave; they are not worth more."""
FOLDER_MODE = 0o700


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk is told on its command line."""

    config: Path
    login: str
    arm_within: float
    json_logs: bool = False
    again: bool = False
    """Whether the login was guarded before in the service's life: it is not refused any more."""
    accepted: Path | None = None
    """Where the guardian has written what it has accepted of the configuration."""
    trial: Path | None = None
    """Where everything is kept when the configuration is only tried."""


def main(orders: Orders) -> NoReturn:
    """Run a desk until it is told to end, or must."""
    pipe = ReportPipe()
    lines = logs.begin(orders.login, as_json=orders.json_logs)
    spans, counts = Shipping(lines.clean), Counts()
    loop = asyncio.new_event_loop()
    try:
        ending = loop.run_until_complete(_live(orders, pipe, lines, spans, counts))
    except ConfigError as error:
        for line in str(error).splitlines():
            log.error("%s", line)  # noqa: TRY400
        many = len(error.problems)
        problems = f"{many} problem{'s' * (many > 1)} in {orders.config}"
        ending = Ending(Exit.CONFIGURATION, f"{problems}; mend what is listed above")
    except Ended as ended:
        ending = ended.ending
    except ImportError as error:
        ending = missing(error)
    except Exception as error:
        log.exception("the desk fails")
        ending = Ending(Exit.EXCEPTION, f"{type(error).__name__}: {error}; see the lines above")
    log.log(logging.ERROR if ending.code else logging.INFO, "%s", ending.message)
    pipe.write(Ending(ending.code, lines.clean(ending.message)))  # the guardian knows no secrets
    spans.close(SPANS_CLOSE_S)
    lines.close()
    # Not through the interpreter's own end: it would wait for threads that wait for a network.
    os._exit(ending.code)


async def _live(
    orders: Orders, pipe: ReportPipe, lines: logs.Lines, spans: Shipping, counts: Counts
) -> Ending:
    say = counts.checkpoints.say
    say(Checkpoint.START, f"desk {orders.login} starts as process {os.getpid()}")
    stop = asyncio.get_running_loop().create_future()
    reloads = Reloads(lambda: _read(orders).config)
    inspector = Inspector(orders.login, asyncio.get_running_loop(), pipe)
    _obey(stop, reloads, inspector)
    began = time.monotonic()
    loaded, login, secrets = _configured(orders, lines)
    count = sum(1 for one in loaded.config.accounts if one.login == orders.login)
    took = (time.monotonic() - began) * 1_000
    say(Checkpoint.CONFIGURATION, f"configuration read in {took:.0f} ms, accounts: {count}")
    _own(loaded.config.service.data_dir, orders.login)
    if loaded.config.service.otlp is not None:
        spans.begin(loaded.config.service.otlp)
    opening = Opening(again=orders.again)
    known = recall(loaded.config.service.data_dir)
    config = loaded.config
    while True:
        life = Life(
            config=config,
            login=login,
            link=Link(login, secrets, counts),
            pipe=pipe,
            stop=stop,
            arm_within=orders.arm_within,
            known=known,
            spans=spans,
            counts=counts,
            reloads=reloads,
            opening=opening,
            inspector=inspector,
        )
        ending = await life.live()
        if ending is not None:
            return ending
        config = life.config


def _obey(stop: "asyncio.Future[str]", reloads: Reloads, inspector: Inspector) -> None:
    """End cleanly on a signal, on the guardian's word, and on its death; reload as it says."""

    def end(why: str) -> None:
        if not stop.done():
            stop.set_result(why)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, f"signal {number.name}")
    listen(loop, end, reloads.ask, inspector.answer)


def _configured(orders: Orders, lines: logs.Lines) -> tuple[Loaded, LoginConfig, Credentials]:
    """Load the configuration, and the secrets of this login only."""
    loaded = _read(orders)
    mine = tuple(one for one in loaded.logins if one.name == orders.login)
    if not mine:
        raise Ended(Exit.CONFIGURATION, f"{orders.config} has no login named {orders.login}")
    alone = loaded._replace(config=msgspec.structs.replace(loaded.config, logins=mine))
    resolved = credentials(alone)
    secrets = resolved.logins[orders.login]
    lines.hide((secrets.username.reveal(), secrets.api_key.reveal()))
    for warning in resolved.warnings:
        log.warning("%s: %s; %s", warning.key, warning.what, warning.mend)
    return loaded, mine[0], secrets


def _read(orders: Orders) -> Loaded:
    """Read what the guardian has accepted; without one, the file itself."""
    file = orders.config.absolute()
    return understand_text(read_text(orders.accepted or file), file, orders.trial)


def _own(data_dir: Path, login: str) -> None:
    """Take the desk's lock; it is held until the process ends."""
    try:
        data_dir.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        (data_dir / "accounts").mkdir(mode=FOLDER_MODE, exist_ok=True)
        LockFile.take(desk_lock(data_dir, login), PREDECESSOR_S)
    except HeldError as error:
        raise Ended(Exit.EXCEPTION, f"{error}, another desk of this login", "end it") from None
    except OSError as error:
        what = f"{data_dir} cannot be used: {error.strerror}"
        raise Ended(
            Exit.CONFIGURATION, what, "choose a data_dir that is yours, with room"
        ) from None
