"""The guardian as a process: one per data_dir, until it is told to end."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from actors.adapters import clock
from config.load import Loaded, read_text
from config.schema import ServiceConfig
from config.trial import understand_text
from ops.desk import logs
from ops.desk.identities import recall
from ops.desk.lockfile import HeldError, Holder, LockFile, desk_lock, held_by
from ops.desk.outcome import Ended, Ending, Exit
from ops.desk.pipe import TRACE
from ops.desk.plans import accounts_of, orphans
from ops.guardian import leftover
from ops.guardian.api import Api, bind
from ops.guardian.child import Child, arguments, environment
from ops.guardian.control import Control, Request
from ops.guardian.guardian import Guardian
from ops.guardian.reload import ACCEPTED, Reload, accept
from ops.guardian.spare import Spare
from ops.guardian.trace import Traces
from ops.guardian.watch import Watch
from ops.notify.notifier import notifier_of

log = logging.getLogger(__name__)
LOCK = "lock"
LOCK_WAIT_S = 0.3
FOLDER_MODE = 0o700
ROOT = 0
OTHERS = 0o077
NOBODY = ""
"""No login: a process in its name inherits no secret."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the guardian is told on its command line."""

    config: Path
    arm_within: float
    json_logs: bool = False
    trial: Path | None = None
    """Where to keep everything, to try the configuration without consequences (config/trial.py)."""
    orphan_s: float | None = None
    """How long to go on once standard input is closed, and so whoever rehearses is gone."""


def main(orders: Orders) -> int:
    """Guard until told to end; return the exit code."""
    os.umask(OTHERS)
    file = orders.config.absolute()
    text = read_text(file)
    loaded = understand_text(text, file, orders.trial)
    lines = logs.begin("guardian", as_json=orders.json_logs)
    try:
        ending = asyncio.run(_guard(orders, loaded, text, lines))
    except Ended as ended:
        ending = ended.ending
    log.log(logging.ERROR if ending.code else logging.INFO, "%s", ending.message)
    lines.close()
    return ending.code


async def _guard(orders: Orders, loaded: Loaded, text: str, lines: logs.Lines) -> Ending:
    for warning in loaded.warnings:
        log.warning("%s: %s", warning.key, warning.what)
    service = loaded.config.service
    lock = _own(service.data_dir)
    with bind(service) as listener:
        host, port = listener.getsockname()[:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lock.note(Holder(pid=os.getpid(), http=address))

        spare = Spare(lambda: environment(reload.loaded.config, NOBODY, os.environ))
        start = _starting(orders, loaded, text, lambda: reload.loaded.config, spare)
        guardian = Guardian(_watches(loaded), start)
        guardian.reload = reload = Reload(loaded, guardian)
        _obey(guardian, reload)
        if orders.orphan_s is not None:
            _end_as_orphan(guardian, orders.orphan_s)
        traces = Traces(guardian)

        async def asked(request: Request) -> msgspec.Struct:
            return await (traces.run() if request.command == TRACE else reload.asked(request))

        api, control = Api(guardian, listener), Control(service.data_dir, asked)
        await control.open()
        log.info("the screen: http://%s/ in a browser, or: riskwarden top", address)
        notifier, secrets = notifier_of(loaded)
        lines.hide(secrets)
        guardian.alarms = notifier.troubles
        watching = asyncio.create_task(notifier.watch(guardian))
        try:
            return await guardian.run()
        finally:
            watching.cancel()
            spare.close()
            notifier.close()
            control.close()
            await api.close()


def _starting(
    orders: Orders, loaded: Loaded, text: str, newest: Callable[[], ServiceConfig], spare: Spare
) -> Callable[[Watch], Awaitable[Child]]:
    """Return what starts a desk: on what was accepted, and not on what stands in the file then."""
    accepted: Path | None = loaded.config.service.data_dir / ACCEPTED
    try:
        accept(loaded, text)
    except OSError as error:
        log.error("ALARM %s cannot be written, desks read %s: %s", ACCEPTED, loaded.file, error)  # noqa: TRY400
        accepted = None

    removals = set[asyncio.Task[None]]()

    async def start(watch: Watch) -> Child:
        lock = desk_lock(loaded.config.service.data_dir, watch.login)
        left = held_by(lock)
        line = arguments(
            loaded.file,
            watch.login,
            orders.arm_within,
            json_logs=orders.json_logs,
            accepted=accepted,
            trial=orders.trial,
            again=watch.was_armed,
        )
        child = await spare.start(line, environment(newest(), watch.login, os.environ))
        if left is not None:
            removal = asyncio.create_task(leftover.remove(lock, left, watch.login))
            removals.add(removal)
            removal.add_done_callback(removals.discard)
        return child

    return start


def _obey(guardian: Guardian, reload: Reload) -> None:
    """End and reload on the usual signals."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        ending = Ending(Exit.OK, f"the guardian ends: signal {number.name}")
        loop.add_signal_handler(number, guardian.end, ending)
    loop.add_signal_handler(signal.SIGHUP, reload.hang_up)


def _end_as_orphan(guardian: Guardian, after_s: float) -> None:
    """End a while after standard input is closed: what a drill had opened can be closed till then.

    Otherwise a rehearsal that is killed would leave a service behind that nobody knows of, and
    its session of the login would throw out the real one.
    """
    loop = asyncio.get_running_loop()
    ending = Ending(Exit.OK, "the guardian ends: whoever started it is gone")

    def closed() -> None:
        loop.remove_reader(sys.stdin)
        loop.call_later(after_s, guardian.end, ending)

    loop.add_reader(sys.stdin, closed)


def _own(data_dir: Path) -> LockFile:
    """Make the data_dir ours, for its owner only."""
    try:
        data_dir.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        _refuse_root(data_dir)
        if (data_dir / LOCK).exists() or not any(data_dir.iterdir()):
            data_dir.chmod(FOLDER_MODE)
        elif data_dir.stat().st_mode & OTHERS:
            log.warning("data_dir: %s is open to other users, and not ours to close", data_dir)
        return LockFile.take(data_dir / LOCK, LOCK_WAIT_S)
    except HeldError as error:
        mend = "stop that one first, or choose another data_dir"
        raise Ended(Exit.EXCEPTION, str(error), mend) from None
    except OSError as error:
        what = f"data_dir: {data_dir} cannot be used: {error.strerror}"
        raise Ended(Exit.CONFIGURATION, what, "choose a folder that is yours, with room") from None


def _refuse_root(data_dir: Path) -> None:
    """Refuse what root would write into another user's store: it would keep that user out."""
    owner = data_dir.stat().st_uid
    if os.geteuid() == ROOT and owner != ROOT:
        what = f"data_dir: {data_dir} belongs to user {owner}, and this is root"
        mend = f"start it as that user: `systemctl start riskwarden`, or `sudo -u '#{owner}' ...`"
        raise Ended(Exit.CONFIGURATION, what, mend)


def _watches(loaded: Loaded) -> tuple[Watch, ...]:
    """Return a watch for each login that has somebody to guard."""
    config = loaded.config
    locked = orphans(config, recall(config.service.data_dir), clock.now().wall)
    return tuple(
        Watch(login.name, accounts_of(config, login.name))
        for login in loaded.logins
        if accounts_of(config, login.name) or login.name in locked
    )
