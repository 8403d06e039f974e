"""The real service, as a process of its own, on a configuration made for the occasion."""

import asyncio
import json
import os
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ops.sim.server import SimServer

USERNAME = "trader"
API_KEY = "sim-key-0123456789"
CONFIG = """\
[service]
data_dir = "var"
http = "127.0.0.1:{http}"

[[logins]]
name = "demo"
username = "env:PROJECT_X_USERNAME"
api_key = "env:PROJECT_X_API_KEY"
api_url = "{sim}/api"
user_hub_url = "{sim}/hubs/user"
market_hub_url = "{sim}/hubs/market"
{accounts}"""
ACCOUNT = """
[[accounts]]
login = "demo"
id = {account}
reset = {{ at = "{minute} {hour} * * *", zone = "UTC" }}
[accounts.rules.max_contracts]
limit = 8
[accounts.rules.daily_unrealized_loss]
limit = -300
[accounts.rules.daily_realized_loss]
limit = {limit}
"""
STOP_S = 5.0


class Service:
    """`riskwarden run` on the simulator, from start to a clean end."""

    def __init__(self, folder: Path, sim: SimServer, accounts: tuple[int, ...], limit: int) -> None:
        self._port = free_port()
        self._file = folder / "riskwarden.toml"
        # Half a day away, so that no reset falls into the demonstration.
        reset = datetime.now(UTC) + timedelta(hours=12)
        tables = [
            ACCOUNT.format(account=one, minute=reset.minute, hour=reset.hour, limit=limit)
            for one in accounts
        ]
        text = CONFIG.format(http=self._port, sim=sim.url, accounts="".join(tables))
        self._file.write_text(text, encoding="utf-8")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process."""
        command = (sys.executable, "-m", "ops.cli", "run", "--config", str(self._file))
        self._process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, "PROJECT_X_USERNAME": USERNAME, "PROJECT_X_API_KEY": API_KEY},
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """Yield its log lines as they come."""
        assert self._process is not None
        assert self._process.stderr is not None
        async for raw in self._process.stderr:
            try:
                yield json.loads(raw)
            except ValueError:
                yield {"text": raw.decode(errors="replace").rstrip(), "level": "ERROR"}

    async def status(self) -> dict[str, Any] | None:
        """Return what it says of itself, None while it does not."""
        return await asyncio.to_thread(self._ask)

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

    @property
    def ended(self) -> bool:
        """Tell whether it has ended by itself."""
        return self._process is not None and self._process.returncode is not None

    def _ask(self) -> dict[str, Any] | None:
        url = f"http://127.0.0.1:{self._port}/status"
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                status: dict[str, Any] = json.load(answer)
                return status
        except OSError:
            return None


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
