"""The guardian's /metrics over the real service: what it says, and that it never takes it back."""

import os
import re
import signal
import subprocess
import sys

import pytest

from actors.model.feed import FeedState
from ops.guardian import standing
from ops.sim.server import SimServer
from protocol import metrics
from protocol.control import FeedStatus
from protocol.metrics import METRICS, Metric, Shape
from tests.guardian.conftest import Build
from tests.guardian.service import KEY, Service, account, login, lose, until

RULE = "daily_realized_loss"
LINE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LOADED = "import {0}, sys; print(*(one for one in ('uvicorn', 'starlette') if one in sys.modules))"

type Page = dict[tuple[str, str], float]


async def page(one: Service) -> Page:
    response = await one.get("metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = [
        LINE.fullmatch(line) for line in response.text.splitlines() if not line.startswith("#")
    ]
    assert all(found)
    return {(match[1], match[2] or ""): float(match[3]) for match in found if match}


def labels(*values: object, of: Metric) -> str:
    pairs = zip(of.labels, values, strict=True)
    return ",".join(f'{name}="{value}"' for name, value in pairs)


def at(told: Page, metric: Metric, *values: object) -> float:
    return told[metric.name, labels(*values, of=metric)]


def grown(told: Page) -> Page:
    """Return what may never become less."""
    counting = {one.name for one in METRICS.values() if one.shape is Shape.COUNTER}
    return {
        (name, which): value
        for (name, which), value in told.items()
        if name in counting or name.endswith(("_bucket", "_count"))
    }


def never_back(before: Page, after: Page) -> None:
    lost = {key: (value, after.get(key)) for key, value in grown(before).items()
            if after.get(key, -1.0) < value}  # fmt: skip
    assert lost == {}


@pytest.mark.timeout(120)
async def test_a_lock_is_counted_and_a_killed_desk_takes_nothing_back(
    service: Build, sim: SimServer
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    await lose(sim)
    await one.locked()

    async def proven() -> bool:
        told = await page(one)
        confirmed = (metrics.ENFORCEMENTS.name, labels("main", 1001, RULE, "confirmed",
                     of=metrics.ENFORCEMENTS))  # fmt: skip
        return told.get(confirmed) == 1

    await until(proven, 10, lambda: one.log)
    before = await page(one)
    status = await one.account()
    assert status.realized is not None
    assert at(before, metrics.REALIZED, "main", 1001) == float(status.realized)
    assert at(before, metrics.REMAINING, "main", 1001, RULE) == float(status.realized) + 500
    assert at(before, metrics.ACCOUNT_LOCKED, "main", 1001) == 1
    assert at(before, metrics.LOCKOUTS, "main", 1001, RULE) == 1
    assert at(before, metrics.UNPROVEN, "main", 1001) == 0
    assert at(before, metrics.DESK_UP, "main") == at(before, metrics.HUBS_OPEN, "main") == 1
    assert [at(before, metrics.FEED, "main", 1001, one.value) for one in FeedState] == [1, 0, 0]
    assert at(before, metrics.CHECKPOINT, "main", "running") == 1
    assert abs(at(before, metrics.CLOCK_SKEW, "main")) < 2

    os.kill(await one.desk_pid(), signal.SIGKILL)

    without: Page = {}

    async def down() -> bool:
        nonlocal without  # the next page may be of the next desk
        without = await page(one)
        never_back(before, without)
        return at(without, metrics.DESK_UP, "main") == 0

    await until(down, 10, lambda: one.log)
    assert (metrics.REALIZED.name, labels("main", 1001, of=metrics.REALIZED)) not in without
    assert not [key for key in without if key[0] == metrics.FEED.name], "it would be old"
    assert at(without, metrics.ACCOUNT_GUARDED, "main", 1001) == 0
    assert at(without, metrics.ACCOUNT_LOCKED, "main", 1001) == 1  # it holds, whoever is there

    async def back() -> bool:
        told = await page(one)
        never_back(before, told)
        return at(told, metrics.ACCOUNT_GUARDED, "main", 1001) == 1

    await until(back, 20, lambda: one.log)
    after = await page(one)
    assert at(after, metrics.DESK_RESTARTS, "main") == 1
    assert at(after, metrics.CHECKPOINT, "main", "start") == 2
    assert at(after, metrics.EVENTS, "main", "quote_seen") >= 1
    assert KEY not in (await one.get("metrics")).text
    assert (await one.get("metrics", host="evil.example")).status_code == 400


async def test_every_label_is_one_that_was_foreseen(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account(), account("id = 1002"))
    await one.start()
    await one.armed()

    told = await page(one)
    pairs = {pair for _, which in told for pair in re.findall(r'(\w+)="([^"]*)"', which)}
    known = {name for metric in METRICS.values() for name in metric.labels} | {"le"}
    assert {name for name, _ in pairs} <= known
    assert {value for name, value in pairs if name == "login"} == {"main"}
    assert {value for name, value in pairs if name == "account"} == {"1001", "1002"}
    assert {value for name, value in pairs if name == "rule"} == {RULE}


@pytest.mark.parametrize("module", ["ops.desk.process", "ops.desk.figures"])
def test_a_desk_loads_no_server(module: str) -> None:
    line = [sys.executable, "-c", LOADED.format(module)]
    assert subprocess.run(line, check=True, capture_output=True, text=True).stdout.split() == []


@pytest.mark.parametrize("state", list(FeedState))
def test_a_feed_is_in_one_state_of_three(state: FeedState) -> None:
    feed = FeedStatus(state=state.value, truth_age_s=None, prices=[])

    told = {one.labels[2]: one.value for one in standing._feed(feed, ("main", "1001"))}

    assert told == {one.value: float(one is state) for one in FeedState}
