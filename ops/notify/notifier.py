"""The notifier: looks at what the guardian publishes, and hands what is new to the threads.

It takes part in nothing.  Whatever goes wrong here is an alarm in the status and a line in the log.
What was told is remembered in the data folder, so that a restart does not tell it again.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from actors.adapters import clock
from config.errors import ConfigError
from config.load import Loaded
from config.notify import NotifyConfig
from config.secrets import NotifySecrets, notify_secrets
from ops.desk.small_files import replace_file
from ops.notify.apprise_target import MISSING, AppriseTarget, is_installed
from ops.notify.days import Diary
from ops.notify.heartbeat import Heartbeat
from ops.notify.notice import Notice, Target
from ops.notify.outbox import Outbox
from ops.notify.watching import Seen, look, whose_day
from protocol.codec import decode_json
from protocol.control import ServiceStatus
from protocol.words import instant_text

log = logging.getLogger(__name__)
TOLD = "told.json"
LOOK_S = 0.5
CLOSE_S = 0.3


class Guarding(Protocol):
    """Whom the notifier looks at."""

    def status(self) -> ServiceStatus:
        """Return how the whole service stands."""
        ...

    def checks(self) -> dict[str, str | None]:
        """Return by desk what keeps it from being ready."""
        ...


class Notifier:
    """Everything that tells people, for as long as the guardian runs."""

    def __init__(
        self,
        config: NotifyConfig,
        targets: Sequence[Target],
        heartbeat: Heartbeat | None,
        data_dir: Path,
        problems: Sequence[str] = (),
    ) -> None:
        self._config = config
        self._heartbeat = heartbeat
        self._file = data_dir / TOLD
        self._problems = list(problems)
        self._diary = Diary(data_dir)
        self._seen = Seen(told=dict.fromkeys(recalled(self._file)), last=self._diary.recalled())
        self._pending: set[str] = set()
        self._lock = threading.Lock()
        self._outboxes = [Outbox(target, self._sent) for target in targets]

    def troubles(self) -> list[str]:
        """Return why somebody may not hear of something."""
        through = [
            f"notices do not get through to {one.name}: {one.trouble}"
            for one in self._outboxes
            if one.trouble
        ]
        if self._heartbeat is not None and self._heartbeat.trouble:
            through.append(f"the dead-man monitor cannot be called: {self._heartbeat.trouble}")
        return [*self._problems, *through]

    def look(self, status: ServiceStatus, *, well: bool) -> None:
        """Look once, and tell what is new."""
        if self._heartbeat is not None:
            self._heartbeat.say(well=well)
        if not self._outboxes:
            return
        wall = instant_text(clock.now().wall)
        shares = self._config.shares
        now = time.monotonic()
        seen, notices = look(self._seen, status, shares, now, wall)
        wanted = [one for one in notices if one.event in self._config.events]
        with self._lock:
            self._pending |= {one.key for one in wanted}
            self._seen = seen
            untold = {who for key in self._pending if (who := whose_day(key)) is not None}
        self._diary.keep(seen.last, untold, now)
        for one in wanted:
            for outbox in self._outboxes:
                outbox.put(one)

    async def watch(self, guarding: Guarding) -> None:
        """Look again and again."""
        failed = False
        while True:
            try:
                well = all(why is None for why in guarding.checks().values())
                self.look(guarding.status(), well=well)
            except Exception:
                if not failed:
                    log.exception("the notifier fails: nobody may be told of what comes")
                    self._problems.append("the notifier fails; its log line says why")
                failed = True
            await asyncio.sleep(LOOK_S)

    def close(self) -> None:
        """End; what waits may leave, if it is quick."""
        if self._heartbeat is not None:
            self._heartbeat.close()
        end = time.monotonic() + CLOSE_S
        for one in self._outboxes:
            one.close(max(0.0, end - time.monotonic()))

    def _sent(self, notices: Sequence[Notice]) -> None:
        """Remember what has reached somebody; called by the outboxes' threads."""
        with self._lock:
            self._pending -= {one.key for one in notices}
            told = [key for key in self._seen.told if key not in self._pending]
            try:
                replace_file(self._file, msgspec.json.encode(told), synced=False)
            except OSError as error:
                log.warning("%s cannot be written, a restart may tell it again: %s", TOLD, error)


def recalled(file: Path) -> list[str]:
    """Return what an earlier life has told; nothing if that cannot be read."""
    try:
        return decode_json(file.read_bytes(), list[str])
    except (OSError, msgspec.MsgspecError):
        return []


def notifier_of(loaded: Loaded) -> tuple[Notifier, list[str]]:
    """Return the configured notifier, and the secrets to keep out of the log.

    What it lacks is an alarm and no reason not to guard.
    """
    config, problems = loaded.config.notify, list[str]()
    secrets = NotifySecrets()
    try:
        secrets = notify_secrets(config, loaded.file)
    except ConfigError as error:
        problems += [f"nobody is told anything: {one.key} {one.what}" for one in error.problems]
    if secrets.urls and not is_installed():
        problems.append(f"nobody is told anything: {MISSING}")
    for problem in problems:
        log.error("ALARM %s", problem)
    targets = [AppriseTarget(url, number) for number, url in enumerate(secrets.urls, start=1)]
    beat = secrets.heartbeat
    heartbeat = (
        None if beat is None else Heartbeat(beat, config.heartbeat_s, config.heartbeat_method)
    )
    data_dir = loaded.config.service.data_dir
    hidden = [one.reveal() for one in (*secrets.urls, *([beat] if beat is not None else []))]
    return Notifier(
        config, targets if is_installed() else [], heartbeat, data_dir, problems
    ), hidden
