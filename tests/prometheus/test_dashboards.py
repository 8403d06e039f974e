"""The dashboards' JSON: generated, whole, and asking for what there is."""

import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.grafana.__main__ import FOLDER
from ops.grafana.boards import BOARDS
from ops.grafana.render import SOURCE, WIDE, render
from protocol.metrics import METRICS, Metric
from tests.prometheus import boards
from tests.prometheus.binaries import binary
from tests.prometheus.promql import names
from tests.prometheus.test_alerts import ALERTS, RECORDED

NAMES = [board.name for board in BOARDS]


@pytest.mark.parametrize("board", BOARDS, ids=NAMES)
def test_what_is_committed_is_what_is_generated(board: Any) -> None:
    text = (FOLDER / f"{board.name}.json").read_text("utf-8")

    assert text == render(board), "run `python -m ops.grafana`"


def test_every_dashboard_is_one_of_ours() -> None:
    assert sorted(one.stem for one in FOLDER.glob("*.json")) == sorted(NAMES)
    assert len({boards.read(name)["uid"] for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_panels_have_numbers_places_and_a_source(name: str) -> None:
    whole = boards.read(name)
    every = whole["panels"]

    assert [one["id"] for one in every] == list(range(1, len(every) + 1))
    assert whole["templating"]["list"][0]["type"] == "datasource"
    for one in boards.panels(name):
        assert one["datasource"] == SOURCE
        assert one["description"].endswith(".")
        assert one["targets"]
        refs = [target["refId"] for target in one["targets"]]
        assert refs == sorted(set(refs))
        assert len({target["legendFormat"] for target in one["targets"]}) == len(refs)
        assert 0 <= one["gridPos"]["x"] < one["gridPos"]["x"] + one["gridPos"]["w"] <= WIDE
    for one, other in combinations((one["gridPos"] for one in every), 2):
        assert apart(one, other), (one, other)


def apart(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] + one["w"] <= other["x"]
        or other["x"] + other["w"] <= one["x"]
        or one["y"] + one["h"] <= other["y"]
        or other["y"] + other["h"] <= one["y"]
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_variables_that_are_used_are_there(name: str) -> None:
    whole = boards.read(name)
    there = {one["name"] for one in whole["templating"]["list"]} - {"datasource"}
    exprs = [t["expr"] for panel in boards.panels(name) for t in panel["targets"]]
    used = {one for one in ("login", "account") if any(f"${one}" in expr for expr in exprs)}

    assert used == there


@pytest.mark.parametrize("asked", boards.asked(), ids=lambda one: one.place)
def test_a_query_asks_for_what_is_told(asked: boards.Asked) -> None:
    wanted = names(asked.expr) or {"ALERTS"}

    assert wanted <= {*METRICS, *RECORDED, "ALERTS"}


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_every_metric_is_looked_at_by_somebody(metric: Metric) -> None:
    unseen = {"riskwarden_build_info", "riskwarden_would_have_total", "riskwarden_resets_total",
              "riskwarden_rule_limit_usd", "riskwarden_desk_gave_up",
              "riskwarden_guardian_heartbeat_timestamp_seconds"}  # fmt: skip
    recording = yaml.safe_load((FOLDER.parent / "prometheus/rules.yml").read_text("utf-8"))
    exprs = [rule["expr"] for group in recording["groups"] for rule in group["rules"]]
    exprs += [rule["expr"] for rule in ALERTS.values()]
    exprs += [one.expr for one in boards.asked()]

    seen = {name for expr in exprs for name in names(expr)}
    assert metric.name in seen | unseen


def test_promtool_accepts_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": one.expr} for number, one in enumerate(boards.asked())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    line = [binary("promtool"), "check", "rules", str(file)]
    done = subprocess.run(line, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_promtool_would_find_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yml"
    rule = {"record": "query:0", "expr": "rate(riskwarden_events_total)"}
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": [rule]}]}))

    line = [binary("promtool"), "check", "rules", str(file)]
    assert subprocess.run(line, check=False, capture_output=True).returncode != 0


def test_the_runbook_sends_nobody_to_a_panel_that_is_not_there() -> None:
    titles = {panel["title"] for name in NAMES for panel in boards.panels(name)}
    titles |= {name.capitalize() for name in NAMES}
    named: dict[str, str] = {}
    for page in (FOLDER.parent / "runbook").glob("*.md"):
        lines = page.read_text("utf-8").splitlines()[3:]
        named |= dict.fromkeys(
            re.findall(r"\*([^*]+)\*", " ".join(map(str.strip, lines))), page.name
        )

    assert named
    assert {title: page for title, page in named.items() if title not in titles} == {}
