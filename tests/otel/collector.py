"""A real collector process between the desk and the sink, and one that never answers."""

import os
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from random import sample
from threading import Thread
from typing import Self

import pytest

READY_S = 10.0


class Collector:
    """The rotel agent, from its wheel."""

    def __init__(self, folder: Path, backend: str) -> None:
        self._log = folder / "collector.log"
        http, grpc = free_port(), free_port()
        self.url = f"http://127.0.0.1:{http}"
        line = [str(agent()), "start"]
        line += ["--otlp-http-endpoint", f"127.0.0.1:{http}"]
        line += ["--otlp-grpc-endpoint", f"127.0.0.1:{grpc}"]
        line += ["--batch-timeout", "50ms", "--exporter", "otlp"]
        line += ["--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint", backend]
        line += ["--pid-file", str(folder / "collector.pid")]
        # The agent is linked with libpython, wherever the interpreter keeps its own.
        env = {**os.environ, "LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR"))}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(line, env=env, stdout=log, stderr=log)
        try:
            self._wait(http)
        except BaseException:
            self.close()
            raise

    def _wait(self, port: int) -> None:
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                pytest.fail(
                    f"the collector of the rotel wheel does not run on {sys.version}: "
                    f"{self._log.read_text()}"
                )
            try:
                socket.create_connection(("127.0.0.1", port), 0.1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        pytest.fail(f"the collector does not listen after {READY_S} s: {self._log.read_text()}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(5)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(5)


def agent() -> Path:
    """Return the collector's binary; without one there is nothing to test against."""
    found = find_spec("rotel")
    if found is None or found.origin is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        pytest.fail(
            f"no collector for Python {version}: rotel 0.0.1a15 has wheels for 3.12 and 3.13 on "
            "Linux and macOS; run tests/otel there, after `make setup`"
        )
    return Path(found.origin).with_name("rotel-agent")


def free_port() -> int:
    """Return a port below those that the kernel hands out: no other test gets it meanwhile."""
    for port in sample(range(20_000, 30_000), 100):
        with suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port
    raise OSError("a hundred ports were tried, and all were taken")


class Mute:
    """What accepts every connection, and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.accepted: list[socket.socket] = []
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        try:
            while True:
                self.accepted.append(self._listener.accept()[0])
        except OSError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for one in self.accepted:
            one.close()
