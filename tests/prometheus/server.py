"""A real Prometheus with the shipped configuration, aimed at one service."""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from tests.otel.collector import free_port
from tests.prometheus.binaries import ROOT, binary

SHIPPED = ROOT / "ops/prometheus"
READY_S = 30.0


class Prometheus:
    """One server; it ends with the block."""

    def __init__(self, folder: Path, target: str) -> None:
        config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text("utf-8"))
        config["rule_files"] = [str(SHIPPED / name) for name in config["rule_files"]]
        config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
        # A second is ample for the page; a busy test machine has moments in which it is not.
        config["scrape_configs"][0]["scrape_interval"] = "2s"
        config["scrape_configs"][0]["scrape_timeout"] = "2s"
        folder.mkdir()
        self._folder = folder
        self._config = folder / "prometheus.yml"
        self._config.write_text(yaml.safe_dump(config), encoding="utf-8")
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        self._line = [binary("prometheus"), f"--config.file={self._config}"]
        self._line += [f"--storage.tsdb.path={folder / 'data'}", "--log.level=warn"]
        self._line += [f"--web.listen-address=127.0.0.1:{port}"]
        self._process: subprocess.Popen[bytes] | None = None

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("wb") as log:
            env = {**os.environ, "GOMAXPROCS": "1"}
            return subprocess.Popen(self._line, stdout=log, stderr=log, env=env)

    async def __aenter__(self) -> Self:
        self._process = self._start()
        self._client = httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=10)
        try:
            async with asyncio.timeout(READY_S):
                while not await self._ready():
                    assert self._process.poll() is None, self.log
                    await asyncio.sleep(0.1)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        assert self._process is not None
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text("utf-8")

    async def _ready(self) -> bool:
        try:
            return (await self._client.get("/-/ready")).status_code == 200
        except httpx.HTTPError:
            return False

    async def _ask(self, path: str, **params: str) -> Any:
        answer = (await self._client.get(f"/api/v1/{path}", params=params)).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    async def query(self, expr: str) -> list[float]:
        """Return the values that a query has now, those that are numbers."""
        found = (await self._ask("query", query=expr))["result"]
        values = [float(one["value"][1]) for one in found]
        return [value for value in values if value == value]  # noqa: PLR0124  (NaN is not itself)

    async def firing(self) -> set[str]:
        """Return the alerts that fire."""
        alerts = (await self._ask("alerts"))["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    async def targets(self) -> list[str]:
        """Return what is wrong with what is scraped; empty texts where nothing is."""
        return [one["lastError"] for one in (await self._ask("targets"))["activeTargets"]]
