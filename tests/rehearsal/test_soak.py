"""A short soak for real, and what is made of its samples."""

import json

import pytest

from ops.rehearsal.scraped import Scraped
from ops.rehearsal.verdict import Size, grew, growth, kept
from protocol import metrics
from tests.guardian.service import run

CALM = f"""\
# HELP whatever
{metrics.EVENTS.name}{{login="main",kind="quote_seen"}} 12
{metrics.EVENTS.name}{{login="main",kind="trade_seen"}} 3
{metrics.ENFORCEMENTS.name}{{login="main",account="1",rule="max_contracts",state="confirmed"}} 2
{metrics.ENFORCEMENTS.name}{{login="main",account="1",rule="max_contracts",state="failed"}} 1
{metrics.DESK_RESTARTS.name}{{login="main"}} 0
{metrics.DECISION.name}_bucket{{login="main",le="0.01"}} 90
{metrics.DECISION.name}_bucket{{login="main",le="0.25"}} 100
{metrics.DECISION.name}_bucket{{login="main",le="+Inf"}} 100
{metrics.TIME_TO_FLAT.name}_bucket{{login="main",rule="max_contracts",le="1"}} 5
{metrics.TIME_TO_FLAT.name}_bucket{{login="main",rule="symbol_blocks",le="1"}} 4
{metrics.TIME_TO_FLAT.name}_bucket{{login="main",rule="max_contracts",le="+Inf"}} 5
{metrics.TIME_TO_FLAT.name}_bucket{{login="main",rule="symbol_blocks",le="+Inf"}} 5
"""


def size(memory: float | None = 70.0, descriptors: int = 30, tasks: int = 12) -> Size:
    return Size(memory_mib=memory, descriptors=descriptors, tasks=tasks, threads=4)


@pytest.mark.timeout(180)
async def test_a_short_soak_keeps_every_promise() -> None:
    code, out, err = await run("soak", "--minutes", "0.25", "--json", patience_s=150)

    told = json.loads(out)
    assert (code, told["why"]) == (0, ""), err + out
    assert set(told["held"].values()) == {True}
    assert told["events"] > 500
    assert told["orders"] > 3
    assert len(told["samples"]) >= 8
    assert [one["process"] for one in told["growth"]] == ["desk", "guardian"]
    assert told["samples"][-1]["desk"]["tasks"] > 3
    assert "events/s" in err, "it tells how it goes"


def test_sums_and_quantiles_are_over_all_labels() -> None:
    read = Scraped(CALM)

    assert read.total(metrics.EVENTS.name) == 15
    assert read.total(metrics.ENFORCEMENTS.name, state="confirmed") == 2
    assert read.total("riskwarden_nothing") == 0
    assert read.quantile(metrics.DECISION.name, 0.5) == 0.01
    assert read.quantile(metrics.DECISION.name, 0.99) == 0.25
    assert read.quantile(metrics.TIME_TO_FLAT.name, 0.99) == float("inf")
    assert read.quantile("riskwarden_nothing", 0.5) is None


def test_growth_compares_the_warm_with_the_end() -> None:
    sizes = [size(memory) for memory in (10, 50, 70, 70, 71, 72, 75, 76)]

    found = growth("desk", sizes)

    assert found.memory_mib == (70, 75.5)
    assert found.descriptors == (30, 30)
    assert growth("desk", [size(None)]).memory_mib is None
    assert growth("desk", [size()]).tasks == (12, 12)


@pytest.mark.parametrize(
    ("end", "broken"),
    [
        (size(), None),
        (size(memory=77.9), None),
        (size(memory=79.0), "memory"),
        (size(tasks=40), "tasks"),
        (size(descriptors=60), "descriptors"),
        (size(memory=None), None),
    ],
)
def test_what_grows_too_much_breaks_its_promise(end: Size, broken: str | None) -> None:
    found = [growth("desk", [*[size()] * 6, end, end])]

    held = kept(found, Scraped(CALM.replace('le="1"} 4', 'le="1"} 5')), 1.0, is_over=True, code=0)

    assert [name.split()[0] for name, kept_ in held.items() if not kept_] == (
        [] if broken is None else [broken]
    )


@pytest.mark.parametrize(
    ("text", "is_over", "code", "broken"),
    [
        (CALM, True, 0, "99 % flat"),
        (CALM.replace('_restarts_total{login="main"} 0', '_restarts_total{login="main"} 1'),
         True, 0, "no desk"),
        (CALM + f'{metrics.QUOTES_DROPPED.name}{{login="main"}} 1\n', True, 0, "no price"),
        (CALM + f'{metrics.ALARMS_RAISED.name}{{kind="feed_blind"}} 1\n', True, 0, "no account"),
        (CALM + f'{metrics.REFUSED.name}{{login="main"}} 1\n', True, 0, "no payload"),
        (CALM.replace('le="0.25"} 100', 'le="0.25"} 90'), True, 0, "99 % of decisions"),
        ("", True, 0, "99 % of decisions"),
        (CALM, False, 0, "every breach"),
        (CALM, True, 1, "the service ended"),
    ],
)  # fmt: skip
def test_each_promise_can_be_broken(text: str, is_over: bool, code: int, broken: str) -> None:  # noqa: FBT001
    held = kept([growth("desk", [size()])], Scraped(text), 1.0, is_over=is_over, code=code)

    assert any(name.startswith(broken) for name, kept_ in held.items() if not kept_)


def test_nothing_known_grew() -> None:
    assert not grew(None, 0)
    assert grew((1, 3), 1)
