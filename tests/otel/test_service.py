"""The real service with tracing on: its desk's log lines and its traces name each other."""

import json
from pathlib import Path

from ops.sim.server import SimServer
from tests.guardian.service import KEY, Service, account, login, lose
from tests.otel.collector import Collector
from tests.otel.sink import Sink


async def test_log_lines_carry_the_trace_that_the_collector_has(
    tmp_path: Path, collector: Collector, sink: Sink
) -> None:
    async with SimServer() as sim:
        one = Service(tmp_path, f'otlp = "{collector.url}"\n', login(sim.url), account())
        await one.start()
        try:
            await one.armed()
            await lose(sim)
            await one.locked()
            await sink.until(lambda: sink.telling("EnforcementConfirmed"), "the certificate")
        finally:
            assert await one.end() == 0

    lines = [json.loads(line) for line in one.log.splitlines() if line.startswith("{")]
    told = {line["trace"]: line["text"] for line in lines if "locked by" in line["text"]}
    lock = next(seen for seen in sink.telling("LockSet"))
    assert list(told) == [lock.trace]
    proofs = [line["trace"] for line in lines if "confirmed" in line["text"]]
    assert proofs == [lock.trace]
    assert all("trace" not in line for line in lines if line.get("checkpoint") in {1, 2, 5})
    assert KEY not in repr(sink.spans)
