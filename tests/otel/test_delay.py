"""A collector that is gone, or that never answers, delays no decision."""

import asyncio
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from actors.adapters import clock, telemetry
from ops.bench.decide import breaches
from ops.desk.tracing import Tracer
from tests.otel.collector import Collector, Mute
from tests.otel.conftest import Ship

ROUNDS = 30
MORE_MS = 5.0
"""What may lie between two runs on a busy machine; a blocked one would show the timeout of 1 s."""

type Figure = Callable[[str, float], None]


def p99(spans: list[int]) -> float:
    return statistics.quantiles(spans, n=100)[-1] / 1e6


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    def note(name: str, value: float) -> None:
        record_property(name, round(value, 3))
        print(f"{name}: {value:.3f}")  # noqa: T201  (pytest shows it on request)

    return note


def lost(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said of spans that no collector took."""
    return [one.getMessage() for one in caplog.records if one.name == telemetry.__name__]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("state", ["healthy", "killed", "mute"])
async def test_decisions_take_no_longer(
    *,
    tmp_path: Path,
    collector: Collector,
    ship: Ship,
    caplog: pytest.LogCaptureFixture,
    figure: Figure,
    state: str,
) -> None:
    quiet = await breaches(tmp_path / "off", rounds=ROUNDS)
    with ExitStack() as stack:
        url = collector.url
        if state == "killed":
            collector.kill()
        elif state == "mute":
            url = stack.enter_context(Mute()).url
        shipping = ship(url)
        spans = await breaches(tmp_path / "on", Tracer(clock.now, shipping.take), ROUNDS)
        while state != "healthy" and not lost(caplog):
            await asyncio.sleep(0.05)  # it says so when the first batch has timed out
        shipping.close(0.1)

    for name, measured in (("off", quiet), (state, spans)):
        figure(f"{name}, breach to request, p50 ms", statistics.median(measured) / 1e6)
        figure(f"{name}, breach to request, p99 ms", p99(measured))
        figure(f"{name}, breach to request, max ms", max(measured) / 1e6)
    assert statistics.median(spans) / 1e6 < 2 * statistics.median(quiet) / 1e6 + MORE_MS
    assert max(spans) / 1e9 < telemetry.TIMEOUT_S
    assert bool(lost(caplog)) == (state != "healthy"), lost(caplog)
