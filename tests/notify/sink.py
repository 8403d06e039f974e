"""A webhook on this machine: real HTTP, answers as told, keeps what it was sent."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Sink:
    """Takes what apprise's json:// sends, and heartbeats."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        """What was taken; what was refused is only counted."""
        self.calls: list[tuple[str, str]] = []
        self.refused = 0
        self.status = 200
        self.open = threading.Event()
        self.open.set()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                sink.calls.append(("POST", self.path))
                sink.open.wait(30)
                self.answer()
                if sink.status >= 400:
                    sink.refused += 1
                elif body:
                    sink.posts.append(json.loads(body))

            def do_GET(self) -> None:
                sink.calls.append(("GET", self.path))
                self.answer()

            def answer(self) -> None:
                self.send_response(sink.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str = "hook-secret-4711") -> str:
        return f"json://127.0.0.1:{self.port}/{path}"

    def titles(self) -> list[str]:
        return [post["title"] for post in self.posts]

    def text(self) -> str:
        return "\n".join(f"{post['title']}\n{post['message']}" for post in self.posts)


def until(condition: Callable[[], object], timeout_s: float = 15) -> None:
    """Wait for something that another thread brings about."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s} s"
        time.sleep(0.02)
