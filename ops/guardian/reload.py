"""Reload: read the file again, refuse it or pass it on to every desk, and say what came of it.

What was accepted is written beside the data, and desks read it from there: one that is started
again later in the day runs what was accepted, not what somebody is typing into the file.
"""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from actors.adapters import clock
from config.errors import ConfigError, Problem, dotted
from config.load import Loaded, parse, read_text, understand
from config.schema import ServiceConfig
from ops.desk.pipe import Command
from ops.desk.plans import accounts_of
from ops.desk.small_files import replace_file
from ops.guardian.control import Request
from ops.guardian.watch import Watch
from protocol.control import ReloadStatus
from protocol.words import instant_text

log = logging.getLogger(__name__)
ACCEPTED = "accepted.toml"
ANSWER_S = 10.0
LOOK_S = 0.02
RESTART = "restart the service: `riskwarden run`"


class Desks(Protocol):
    """Whom a reload is passed on to."""

    watches: tuple[Watch, ...]

    def add(self, watch: Watch) -> None:
        """Start a desk for another login."""
        ...


class Reload:
    """The configuration that the service runs, and how it gets another."""

    def __init__(self, loaded: Loaded, desks: Desks) -> None:
        self.last: ReloadStatus | None = None
        self._loaded = loaded
        self._desks = desks
        self._serial = 0
        self._runs: set[asyncio.Task[ReloadStatus]] = set()
        self._one_at_a_time = asyncio.Lock()

    @property
    def loaded(self) -> Loaded:
        """Return the configuration that the service runs."""
        return self._loaded

    def hang_up(self) -> None:
        """Reload because of a signal; what came of it is in the log and in the status."""
        run = asyncio.get_running_loop().create_task(self.run())
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)

    async def asked(self, request: Request) -> ReloadStatus:
        """Answer an operator."""
        if request.command != "reload":
            return self._refused([self._problem(f"{request.command} is no command")])
        if not is_same(request.config, self._loaded.file):
            what = f"the service runs another file than {request.config}"
            return self._refused([self._problem(what)])
        return await self.run()

    async def run(self) -> ReloadStatus:
        """Read the file again, and do as it says or leave everything as it is."""
        async with self._one_at_a_time:
            self._serial += 1
            before = self._loaded
            try:
                text = read_text(before.file)
                loaded = understand(parse(text, before.file), before.file)
                beyond_reload(before.config, loaded.config, str(loaded.file))
                accept(loaded, text)
            except ConfigError as error:
                return self._refused(error.problems)
            except OSError as error:
                why = f"cannot be written to {ACCEPTED}: {error.strerror}"
                return self._refused([self._problem(why)])
            self._loaded = loaded
            return await self._pass_on(before, loaded)

    def _problem(self, what: str) -> Problem:
        return Problem(file=str(self._loaded.file), key="", what=what)

    async def _pass_on(self, before: Loaded, loaded: Loaded) -> ReloadStatus:
        """Ask every desk that runs; one that does not will read what was accepted as it starts."""
        asked = [watch for watch in self._desks.watches if watch.is_alive]
        for watch in asked:
            watch.ask(Command("reload", self._serial))
        self._adopt(loaded.config)
        waiting = await self._answers(asked)
        told = [
            watch.reloaded
            for watch in asked
            if watch.reloaded is not None and watch.reloaded.serial == self._serial
        ]
        problems = [one.problem for one in told if one.problem]
        problems += [
            f"desk {one.login} has not answered within {ANSWER_S:.0f} s" for one in waiting
        ]
        changes = [change for one in told for change in one.accounts]
        known = {one.label for one in before.config.accounts}
        added = [one.label for one in loaded.config.accounts if one.label not in known]
        self.last = ReloadStatus(
            serial=self._serial,
            at=instant_text(clock.now().wall),
            accepted=True,
            problems=problems,
            warnings=[f"{one.key}: {one.what}" for one in loaded.warnings],
            accounts=changes,
            added=added,
        )
        say(self.last)
        return self.last

    def _adopt(self, config: ServiceConfig) -> None:
        """Know who is configured now, and start a desk for a login that has none."""
        for watch in self._desks.watches:
            watch.configured = accounts_of(config, watch.login)
        kept = {watch.login for watch in self._desks.watches}
        for login in config.logins:
            accounts = accounts_of(config, login.name)
            if accounts and login.name not in kept:
                self._desks.add(Watch(login.name, accounts))

    async def _answers(self, asked: list[Watch]) -> list[Watch]:
        """Wait for the desks' answers; return those of whom none came."""
        loop = asyncio.get_running_loop()
        end = loop.time() + ANSWER_S
        while True:
            waiting = [one for one in asked if one.awaits(self._serial)]
            if not waiting or loop.time() > end:
                return waiting
            await asyncio.sleep(LOOK_S)

    def _refused(self, problems: Iterable[Problem]) -> ReloadStatus:
        """Have every account write down that nothing changes, and why."""
        said = [rendered(one) for one in problems]
        for watch in self._desks.watches:
            watch.ask(Command("refuse", self._serial, tuple(said)))
        self.last = ReloadStatus(
            serial=self._serial,
            at=instant_text(clock.now().wall),
            accepted=False,
            problems=said,
            warnings=[],
            accounts=[],
            added=[],
        )
        say(self.last)
        return self.last


def accept(loaded: Loaded, text: str) -> None:
    """Write down what the service runs, whole or not at all, for its owner only."""
    replace_file(loaded.config.service.data_dir / ACCEPTED, text.encode())


def is_same(asked: str, file: Path) -> bool:
    """Tell whether a configuration is the one that runs, by whatever name it is called."""
    return Path(asked).resolve() == file.resolve()


def beyond_reload(before: ServiceConfig, after: ServiceConfig, file: str) -> None:
    """Refuse what only a restart can change: where things are, and who is at the broker."""
    logins = {one.name: one for one in after.logins}
    login_of = {one.label: one.login for one in before.accounts}
    changed: list[tuple[str, ...]] = [("service",)] if after.service != before.service else []
    changed += [("notify",)] if after.notify != before.notify else []
    changed += [("logins", f"[{one.name}]") for one in before.logins if logins.get(one.name) != one]
    changed += [
        ("accounts", f"[{one.label}]", "login")
        for one in after.accounts
        if login_of.get(one.label, one.login) != one.login
    ]
    what, why = "a reload cannot change it", "the desks that stand were built on it"
    problems = [
        Problem(file=file, key=dotted(path), what=what, why=why, mend=RESTART) for path in changed
    ]
    if problems:
        raise ConfigError(problems)


def rendered(problem: Problem) -> str:
    """Return a problem in one line."""
    parts = (problem.key or "(the whole file)", problem.what, problem.why, problem.mend)
    place, *rest = (one for one in parts if one)
    return f"{place}: {'; '.join(rest)}"


def say(told: ReloadStatus) -> None:
    """Log what came of it; the accounts' own changes are logged by their desks."""
    if not told.accepted:
        log.error("reload refused, nothing changes: %s", " | ".join(told.problems))
        return
    log.info("reload %d accepted", told.serial)
    for problem in told.problems:
        log.error("reload %d: %s", told.serial, problem)
    for one in told.accounts:
        if one.instead:
            log.error("reload %d: account %d takes nothing: %s", told.serial, one.id, one.instead)
