"""The way from a desk to its collector: what is lost, what is said of it, what is never loaded."""

import subprocess
import sys
import time

import pytest

from actors.adapters import telemetry
from actors.adapters.spans import Context, Span
from ops.desk import shipping
from ops.desk.shipping import Shipping
from tests.otel.collector import Collector, Mute
from tests.otel.conftest import LOOK_S, Ship
from tests.otel.sink import Sink

NONE = "import {0}, sys; sys.exit(any(one.startswith('opentelemetry') for one in sys.modules))"


def span(number: int) -> Span:
    return Span(name="work", context=Context(7, number), start=1, end=2, outcome=f"secret {number}")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == telemetry.__name__]


@pytest.mark.parametrize("module", ["ops.desk.process", "ops.desk.tracing", "ops.guardian.process"])
def test_nothing_of_opentelemetry_is_loaded_without_tracing(module: str) -> None:
    assert subprocess.run([sys.executable, "-c", NONE.format(module)], check=False).returncode == 0


def test_a_collector_that_goes_and_comes_is_said_once_each(
    collector: Collector, sink: Sink, ship: Ship, caplog: pytest.LogCaptureFixture
) -> None:
    one = ship(collector.url)
    one.take(span(1))
    sink.wait(lambda: sink.spans, "the first span")
    collector.process.kill()
    collector.process.wait(5)
    for number in range(2, 5):
        one.take(span(number))
        time.sleep(1.2)

    assert said(caplog) == [f"no collector takes traces at {collector.url}: they are lost"]


def test_secrets_are_taken_out(collector: Collector, sink: Sink) -> None:
    one = Shipping(lambda text: text.replace("secret", "***"), LOOK_S)
    one.begin(collector.url)
    one.take(span(1))

    sink.wait(lambda: sink.spans, "the span")
    assert sink.spans[0].attributes == {"outcome": "*** 1"}
    one.close(5.0)


def test_the_last_spans_leave_before_the_end(collector: Collector, sink: Sink, ship: Ship) -> None:
    one = ship(collector.url)
    for number in range(1, 1_001):
        one.take(span(number))
    one.close(30.0)

    sink.wait(lambda: len(sink.spans) == 1_000, "every span")
    assert {seen.span for seen in sink.spans} == {f"{number:016x}" for number in range(1, 1_001)}


def test_an_end_waits_no_longer_than_it_was_told(ship: Ship) -> None:
    with Mute() as mute:
        one = ship(mute.url)
        for number in range(1, 1_001):
            one.take(span(number))
        time.sleep(20 * LOOK_S)
        begun = time.monotonic()
        one.close(0.3)

        assert time.monotonic() - begun < 3.0, "and not the 8 s until the exporter gives up"


def test_what_waits_is_bounded_and_what_is_lost_is_said(
    collector: Collector, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    one = Shipping(lambda text: text, LOOK_S)
    for number in range(1, shipping.WAITING_MAX + 11):
        one.take(span(number))
    assert one.dropped == 10
    one.begin(collector.url)
    one.close(30.0)

    lost = [record.getMessage() for record in caplog.records if record.name == shipping.__name__]
    assert lost == [f"10 spans were lost: more than {shipping.WAITING_MAX} waited"]
    sink.wait(lambda: len(sink.spans) >= shipping.WAITING_MAX // 2, "the others")
