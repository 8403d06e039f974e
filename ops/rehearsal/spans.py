"""Where the service's own traces go during a rehearsal: an OTLP endpoint that keeps them.

The service is measured by what it says of itself, span by span, and in no other way than in
production: `[service] otlp` in its configuration.
"""

import gzip
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from actors.adapters.spans import PREFIX

HOST = "127.0.0.1"
SPANS_MAX = 100_000
PATH = "/v1/traces"


class Seen(NamedTuple):
    """A span as it arrived; `start` and `end` are nanoseconds since 1970."""

    name: str
    id: str
    parent: str
    start: int
    end: int
    told: dict[str, str]
    """The enforcement that each of its events is about, by the event's name."""


class Endpoint(ThreadingHTTPServer):
    """A server that takes a client's end for no error."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


class Collected:
    """The spans of one service, for as long as the `with` block lasts."""

    def __init__(self) -> None:
        self._spans: list[Seen] = []
        self._lock = Lock()
        collected = self

        class Handler(BaseHTTPRequestHandler):
            """Takes what the exporter posts."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                """Keep the spans, and thank for them."""
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    raw = gzip.decompress(raw)
                if self.path == PATH:
                    collected.take(raw)
                body = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if self.path == PATH else 404)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        self._server = Endpoint((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, raw: bytes) -> None:
        """Keep what a request holds, up to a bound."""
        found = list(spans(ExportTraceServiceRequest.FromString(raw)))
        with self._lock:
            self._spans += found[: SPANS_MAX - len(self._spans)]

    def all(self) -> list[Seen]:
        """Return what has arrived so far."""
        with self._lock:
            return list(self._spans)


def spans(request: ExportTraceServiceRequest) -> Iterator[Seen]:
    """Yield the spans of a request."""
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for one in scope.spans:
                told = {
                    event.name: next(
                        (
                            pair.value.string_value
                            for pair in event.attributes
                            if pair.key == f"{PREFIX}enforcement"
                        ),
                        "",
                    )
                    for event in one.events
                }
                yield Seen(
                    name=one.name,
                    id=one.span_id.hex(),
                    parent=one.parent_span_id.hex(),
                    start=one.start_time_unix_nano,
                    end=one.end_time_unix_nano,
                    told=told,
                )
