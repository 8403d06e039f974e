"""The real service, as a process of its own, from its start to a clean end."""

import asyncio
import json
import os
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from config.load import Loaded
from ops.desk.lockfile import held_by, holder
from ops.desk.outcome import Ended, Exit
from protocol.control import AccountStatus, ServiceStatus
from protocol.lifecycle import Phase

STOP_S = 5.0
ORPHAN_S = 30.0
"""How long the service goes on if the rehearsal is killed: long enough to close what it opened."""
ASK_S = 2.0
LOOK_S = 0.1
USER, KEY = "PROJECT_X_USERNAME", "PROJECT_X_API_KEY"
"""Where the configurations that are made here say that the secrets stand."""

type Question = Callable[[list[AccountStatus]], bool]
"""Whether the accounts are as somebody waits for them to be."""


class Service:
    """`riskwarden run` on a configuration; out of reach of the terminal's signals.

    Whoever starts it decides when it ends: an interrupt must not take the guard away first.  If he
    is killed it ends by itself, a while later.
    """

    def __init__(
        self,
        file: Path,
        data_dir: Path,
        *,
        secrets: tuple[str, str] | None = None,
        options: Sequence[str] = (),
        orphan_s: float = ORPHAN_S,
    ) -> None:
        """Take the file, its data_dir, and user name and key where the file asks for `USER`."""
        self._command = [sys.executable, "-P", "-m", "ops.cli", "run", "--config", str(file)]
        self._command += [*options, "--orphan-for", f"{orphan_s:g}"]
        self._data_dir = data_dir
        self._more: Mapping[str, str] = (
            {} if secrets is None else {USER: secrets[0], KEY: secrets[1]}
        )
        self._process: asyncio.subprocess.Process | None = None
        self.accounts: list[AccountStatus] = []
        """What `until` was last told of its accounts."""

    async def start(self) -> None:
        """Start the process."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            # Its data_dir goes when it ends: it leaves no mark of it in this user's state.
            env={**os.environ, **self._more, "XDG_STATE_HOME": str(self._data_dir.parent)},
            stdin=asyncio.subprocess.PIPE,  # nothing is ever said: it closes when we are gone
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Return its process number."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_started(self) -> bool:
        """Tell whether there is a process, or was one."""
        return self._process is not None

    @property
    def code(self) -> int | None:
        """Return its exit code; None while it runs."""
        return None if self._process is None else self._process.returncode

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """Yield its log lines as they come."""
        assert self._process is not None
        assert self._process.stderr is not None
        async for raw in self._process.stderr:
            try:
                line: dict[str, Any] = json.loads(raw)
            except ValueError:
                line = {"text": raw.decode(errors="replace").rstrip(), "level": "ERROR"}
            yield line

    async def status(self) -> ServiceStatus | None:
        """Return what it says of itself, None while it does not."""
        raw = await self.get("status")
        return None if raw is None else msgspec.json.decode(raw, type=ServiceStatus)

    async def until(self, is_so: Question, within_s: float) -> bool:
        """Wait until what it says of its accounts is so; tell whether that came in time."""
        end = time.monotonic() + within_s
        while time.monotonic() < end and self.code is None:
            status = await self.status()
            if status is not None and status.accounts:
                self.accounts = status.accounts
                if is_so(self.accounts):
                    return True
            await asyncio.sleep(LOOK_S)
        return False

    async def get(self, path: str) -> bytes | None:
        """Return what it answers; None while it does not."""
        said = holder(self._data_dir / "lock")
        if self._process is None or said is None or said.pid != self.pid or not said.http:
            return None
        return await asyncio.to_thread(fetched, f"http://{said.http}/{path}")

    async def stop(self) -> int:
        """End it as a service manager would; return its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        try:
            return await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            self._process.kill()
            return await self._process.wait()


def refuse_beside(loaded: Loaded, mend: str) -> None:
    """Raise Ended if the service itself runs: two sessions of a login throw each other out."""
    there = held_by(loaded.config.service.data_dir / "lock")
    if there is not None:
        what = f"the service of {loaded.file} is running already (process {there.pid})"
        raise Ended(Exit.EXCEPTION, what, mend)


def is_armed(accounts: list[AccountStatus]) -> bool:
    """Tell whether every account is guarded, and is not blind."""
    return all(one.state == Phase.ARMED for one in accounts)


def fetched(url: str) -> bytes | None:
    """Return what stands at an address of this machine; None if nothing answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=ASK_S) as answer:
            body: bytes = answer.read()
            return body
    except OSError:
        return None
