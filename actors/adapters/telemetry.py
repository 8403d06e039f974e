"""Spans to a collector: OpenTelemetry, OTLP over HTTP.  Imported by a thread, and only when asked.

Everything here may be slow, for nobody waits: `tell` is called by one thread of its own, and the
SDK sends from another.  A collector that is gone costs the spans that could not be sent, and one
line in the log.
"""

import logging
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version

from opentelemetry.context import Context as Surroundings
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from actors.adapters.spans import Context, Kind, Span, Value, attributes, event

log = logging.getLogger(__name__)
PATH = "/v1/traces"
TIMEOUT_S = 1.0
QUEUE_MAX = 16_384
SCHEDULE_MS = 1_000
BATCH_MAX = 128
"""Spans encoded in one go: no more than some milliseconds during which no other thread runs."""
TEXT_MAX = 500
KINDS = {
    Kind.HEARD: SpanKind.CONSUMER,
    Kind.OWN: SpanKind.INTERNAL,
    Kind.ASKED: SpanKind.CLIENT,
}
SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Telemetry:
    """The way to one collector.  One thread only may use it."""

    def __init__(self, url: str, clean: Callable[[str], str]) -> None:
        # What goes wrong with a collector is said once, below, and not once per batch.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        self._clean = clean
        self._ids = GivenIds()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # what is not worth a span never comes this far
            resource=Resource.create(
                {
                    "service.name": "riskwarden",
                    "service.version": version("riskwarden"),
                    "process.pid": os.getpid(),
                }
            ),
            id_generator=self._ids,
            span_limits=SpanLimits(max_attribute_length=TEXT_MAX),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=url.rstrip("/") + PATH, timeout=TIMEOUT_S)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                Watched(exporter, url),
                max_queue_size=QUEUE_MAX,
                schedule_delay_millis=SCHEDULE_MS,
                max_export_batch_size=BATCH_MAX,
            )
        )
        self._tracer = self._provider.get_tracer("riskwarden.desk")

    def tell(self, span: Span) -> None:
        """Hand a span to the SDK, under the ids it has already."""
        self._ids.given = span.context
        parent = Surroundings()
        if span.parent is not None:
            parent = set_span_in_context(NonRecordingSpan(named(span.parent)), parent)
        started = self._tracer.start_span(
            span.name,
            context=parent,
            kind=KINDS[span.kind],
            attributes=self._cleaned(attributes(span)),
            links=[Link(named(one)) for one in span.links],
            start_time=span.start,
        )
        for decision in span.told:
            name, told = event(decision)
            started.add_event(name, self._cleaned(told), timestamp=span.told_at)
        if span.failed:
            started.set_status(StatusCode.ERROR)
        started.end(span.end)

    def close(self) -> None:
        """Send what is left; it may take seconds, so nobody should wait for it."""
        self._provider.shutdown()

    def _cleaned(self, told: dict[str, Value]) -> dict[str, Value]:
        return {
            name: self._clean(value) if isinstance(value, str) else value
            for name, value in told.items()
        }


class GivenIds(IdGenerator):
    """Ids that were chosen where the work was done: its log lines carry them already."""

    given = Context(trace_id=1, span_id=1)

    def generate_span_id(self) -> int:
        """Return the next span's id."""
        return self.given.span_id

    def generate_trace_id(self) -> int:
        """Return the next trace's id."""
        return self.given.trace_id


class Watched(SpanExporter):
    """An exporter that says once that its collector is gone, and once that it is back."""

    def __init__(self, exporter: OTLPSpanExporter, url: str) -> None:
        self._exporter = exporter
        self._url = url
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch, or lose it."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            if not self._lost:
                log.warning("no collector takes traces at %s: they are lost", self._url)
            self._lost += len(spans)
        elif self._lost:
            log.warning("traces arrive at %s again: %d spans were lost", self._url, self._lost)
            self._lost = 0
        return result

    def shutdown(self) -> None:
        """Let go of the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def named(context: Context) -> SpanContext:
    """Return a context in OpenTelemetry's words."""
    return SpanContext(context.trace_id, context.span_id, is_remote=False, trace_flags=SAMPLED)
