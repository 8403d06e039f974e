"""Where the collector sends to: an OTLP/HTTP endpoint that keeps what it gets, in plain words."""

import asyncio
import gzip
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

PATIENCE_S = 20.0


class Event(NamedTuple):
    """What happened within a span."""

    name: str
    attributes: dict[str, object]


class Seen(NamedTuple):
    """A span as it arrived."""

    name: str
    trace: str
    span: str
    parent: str
    links: list[tuple[str, str]]
    attributes: dict[str, object]
    events: list[Event]
    start: int
    end: int
    failed: bool
    service: object


class Server(ThreadingHTTPServer):
    """A server to whom a killed client is no news."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class Sink:
    """A trace backend for one test."""

    def __init__(self) -> None:
        self.agents: set[str] = set()
        self.spans: list[Seen] = []
        self._arrived = Condition()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    raw = gzip.decompress(raw)
                sink.take(str(self.headers.get("User-Agent")), self.path, raw)
                body = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, agent: str, path: str, raw: bytes) -> None:
        assert path == "/v1/traces"
        found = list(spans(ExportTraceServiceRequest.FromString(raw)))
        with self._arrived:
            self.agents.add(agent)
            self.spans += found
            self._arrived.notify_all()

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until the spans so far fulfil a condition."""
        end = time.monotonic() + PATIENCE_S
        with self._arrived:
            while not condition():
                left = end - time.monotonic()
                assert left > 0, f"waited in vain for {what}\n{self.story()}"
                self._arrived.wait(min(left, 0.2))

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait likewise, while the desk and the Gateway on this loop go on."""
        await asyncio.to_thread(self.wait, condition, what)

    def named(self, name: str) -> list[Seen]:
        return [one for one in self.spans if one.name == name]

    def telling(self, event: str) -> list[Seen]:
        """Return the spans with such an event."""
        return [one for one in self.spans if any(it.name == event for it in one.events)]

    def trace(self, of: Seen) -> list[Seen]:
        """Return a whole trace, in the order of its starts."""
        return sorted((one for one in self.spans if one.trace == of.trace), key=lambda s: s.start)

    def above(self, of: Seen) -> list[str]:
        """Return the names from a span up to its root."""
        by_id = {one.span: one for one in self.trace(of)}
        names = [of.name]
        while of.parent:
            of = by_id[of.parent]
            names.append(of.name)
        return names

    def story(self) -> str:
        ordered = sorted(self.spans, key=lambda one: (one.trace, one.start))
        return "\n".join(
            f"{one.trace[:6]} {one.span[:6]} < {one.parent[:6] or 'root  '} {one.name} "
            f"{[event.name for event in one.events]}"
            for one in ordered
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def spans(request: ExportTraceServiceRequest) -> Iterable[Seen]:
    for resource in request.resource_spans:
        service = plain(resource.resource.attributes).get("service.name")
        for scope in resource.scope_spans:
            for one in scope.spans:
                yield Seen(
                    name=one.name,
                    trace=one.trace_id.hex(),
                    span=one.span_id.hex(),
                    parent=one.parent_span_id.hex(),
                    links=[(it.trace_id.hex(), it.span_id.hex()) for it in one.links],
                    attributes=plain(one.attributes),
                    events=[Event(it.name, plain(it.attributes)) for it in one.events],
                    start=one.start_time_unix_nano,
                    end=one.end_time_unix_nano,
                    failed=one.status.code == one.status.STATUS_CODE_ERROR,
                    service=service,
                )


def plain(pairs: Iterable[KeyValue]) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        found[pair.key.removeprefix("riskwarden.")] = getattr(pair.value, kind or "string_value")
    return found
