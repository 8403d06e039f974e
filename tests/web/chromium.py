"""A real browser without a window, driven over its own debugging protocol."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "out" / "screen"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MEND = "install it: `apt-get install chromium` on Debian, or any Chrome in PATH"
ANSWER_S = 20
START_S = 30
SWITCHES = (
    "--headless=new",
    "--no-sandbox",  # as root, as in a container, there is none
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)
KEYS = {"Tab": 9, "Enter": 13, " ": 32}


def binary() -> str:
    """Return a browser's path; without one a newcomer's test is skipped, and one in CI fails."""
    found = next((path for name in NAMES if (path := shutil.which(name)) is not None), None)
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"no Chromium here: {MEND}")
    pytest.skip(f"no Chromium here: {MEND}")


class Tab:
    """One page in the browser."""

    def __init__(self, line: ClientConnection) -> None:
        self.complaints: list[str] = []
        """What the page did wrong: errors, and what its policy forbade."""
        self._line = line
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    async def begin(self) -> None:
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")

    async def call(self, method: str, **params: Any) -> Any:
        """Ask the browser for something, and return what it answers."""
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self._line.send(json.dumps({"id": number, "method": method, "params": params}))
        return await asyncio.wait_for(answer, ANSWER_S)

    async def open(self, url: str) -> None:
        said = await self.call("Page.navigate", url=url)
        assert "errorText" not in said, said

    async def run(self, script: str) -> Any:
        """Run a script in the page, and return its value."""
        said = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def text(self, selector: str) -> str:
        """Return the text of the first element of this kind that can be seen, or nothing."""
        return str(
            await self.run(
                f"[...document.querySelectorAll({json.dumps(selector)})]"
                ".find((one) => one.checkVisibility())?.innerText ?? ''"
            )
        )

    async def press(self, key: str) -> None:
        """Press a key as a person would."""
        told = {"key": key, "code": key.strip() or "Space", "windowsVirtualKeyCode": KEYS[key]}
        sign = {"Enter": {"text": "\r"}, " ": {"text": " "}}.get(key, {})
        await self.call("Input.dispatchKeyEvent", type="keyDown", **told, **sign)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    async def look(self, width: int, height: int, scheme: str, motion: str = "reduce") -> None:
        """Be a window of this size, for eyes that want this scheme."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def picture(self, name: str, *, whole: bool = True, folder: Path = PICTURES) -> Path:
        """Keep a picture of the page."""
        said = await self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        return await asyncio.to_thread(keep, folder / f"{name}.png", base64.b64decode(said["data"]))

    async def _read(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            async for raw in self._line:
                said = json.loads(raw)
                if "id" in said:
                    self._answer(said)
                else:
                    self._hear(said["method"], said["params"])

    def _answer(self, said: dict[str, Any]) -> None:
        answer = self._answers.pop(said["id"])
        if answer.done():
            return
        if "error" in said:
            answer.set_exception(AssertionError(said["error"]))
        else:
            answer.set_result(said["result"])

    def _hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(str(details.get("exception", details).get("description")))
        elif method == "Log.entryAdded" and params["entry"]["level"] in {"error", "warning"}:
            entry = params["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")

    async def close(self) -> None:
        self._reader.cancel()
        await self._line.close()


def keep(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@contextlib.asynccontextmanager
async def browser(folder: Path) -> AsyncGenerator[Tab]:
    """Start a browser with one blank page, and end it and all of its processes."""
    process = await asyncio.create_subprocess_exec(
        *(binary(), *SWITCHES, f"--user-data-dir={folder}", "about:blank"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "HOME": str(folder)},
    )
    try:
        async with connect(await _page(folder), max_size=None, proxy=None) as line:
            tab = Tab(line)
            await tab.begin()
            yield tab
            await tab.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _page(folder: Path) -> str:
    """Return where the blank page listens to its driver."""
    said = folder / "DevToolsActivePort"
    async with asyncio.timeout(START_S), httpx.AsyncClient(trust_env=False) as client:
        while not said.exists() or len(said.read_text("utf-8").splitlines()) < 2:
            await asyncio.sleep(0.05)
        port = said.read_text("utf-8").splitlines()[0]
        while True:
            pages = (await client.get(f"http://127.0.0.1:{port}/json/list")).json()
            for one in pages:
                if one["type"] == "page":
                    return str(one["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)
