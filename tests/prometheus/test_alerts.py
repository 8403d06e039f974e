"""The scrape configuration, the rules and the alerts: judged by promtool, and against our code."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.schema import Service
from ops.desk.clocks import TOLERANCE
from ops.guardian.exposition import render
from protocol.decisions import AlarmKind
from protocol.metrics import METRICS, Bars, Series, Shape
from protocol.units import SECOND
from tests.prometheus.binaries import ROOT, binary
from tests.prometheus.promql import names

FOLDER = ROOT / "ops/prometheus"
CASES = Path(__file__).with_name("alerts_test.yml")
PAGES = sorted(one.stem for one in (ROOT / "ops/runbook").glob("*.md") if one.stem != "README")
INDEX = (ROOT / "ops/runbook/README.md").read_text("utf-8")
HEADINGS = ["## Meaning", "## Look at", "## Do", "## Undo"]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in read(FOLDER / name)["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}
RECORDED = {rule["record"] for rule in rules("rules.yml")}


def promtool(*arguments: str, text: str | None = None) -> None:
    line = [binary("promtool"), *arguments]
    done = subprocess.run(line, check=False, capture_output=True, text=True, input=text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lint" not in done.stderr, done.stderr


def test_the_scrape_configuration_and_its_rules_are_valid() -> None:
    promtool("check", "config", "--lint-fatal", str(FOLDER / "prometheus.yml"))


@pytest.mark.xdist_group("promtool")
def test_every_alert_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", str(CASES))


def test_promtool_accepts_the_page_of_every_metric() -> None:
    series = [
        Series(one.name, tuple("x" for _ in one.labels), 1)
        for one in METRICS.values()
        if one.shape is not Shape.HISTOGRAM
    ]
    bars = [
        Bars(one.name, tuple("x" for _ in one.labels), (1,) * (len(one.bounds) + 1), 1.5)
        for one in METRICS.values()
        if one.shape is Shape.HISTOGRAM
    ]
    promtool("check", "metrics", text=render(series, bars))


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    fires: set[str] = set()
    silent: set[str] = set()
    for test in read(CASES)["tests"]:
        for one in test["alert_rule_test"]:
            (fires if one["exp_alerts"] else silent).add(one["alertname"])

    assert fires == set(ALERTS)
    assert set(ALERTS) - silent == {"RiskwardenHeartbeat"}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_bad_it_is_and_has_its_page(alert: str) -> None:
    rule = ALERTS[alert]
    text = rule["annotations"]
    page = ROOT / text["runbook_url"]

    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    assert set(text) == {"summary", "description", "runbook_url"}
    assert page.stem == re.sub(r"(?<!^)(?=[A-Z])", "-", alert.removeprefix("Riskwarden")).lower()
    lines = page.read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("## ")] == HEADINGS
    assert rule["labels"]["severity"] in lines[2] or rule["labels"]["severity"] == "none"


def test_every_page_is_of_an_alert() -> None:
    assert sorted(Path(one["annotations"]["runbook_url"]).stem for one in ALERTS.values()) == PAGES


def test_pages_lead_to_pages_that_exist() -> None:
    for page in (ROOT / "ops/runbook").glob("*.md"):
        for link in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"


@pytest.mark.parametrize("name", ["rules.yml", "alerts.yml"])
def test_what_is_asked_for_is_what_is_told(name: str) -> None:
    asked = {one for rule in rules(name) for one in names(rule["expr"])}

    assert asked
    assert {one for one in asked if one not in RECORDED and one not in METRICS} == set()


def test_alarms_are_asked_for_by_names_that_exist() -> None:
    text = (FOLDER / "alerts.yml").read_text("utf-8")
    kinds = {kind for one in re.findall(r'kind[=!]~?"([^"]+)"', text) for kind in one.split("|")}

    assert kinds
    assert kinds - {kind.value for kind in AlarmKind} == set()


def test_no_kind_of_alarm_is_left_without_an_alert() -> None:
    excepted = re.search(r'kind!~"([^"]+)"', ALERTS["RiskwardenAlarmStands"]["expr"])
    assert excepted is not None
    others = {name: one["expr"] for name, one in ALERTS.items() if name != "RiskwardenAlarmStands"}
    listened = {kind for expr in others.values() for one in re.findall(r'kind=~?"([^"]+)"', expr)
                for kind in one.split("|")}  # fmt: skip
    seen_otherwise = {
        "feed_blind": "riskwarden_account_feed",
        "hubs_lost": "riskwarden_hubs_open",
        "ledger_differs": "riskwarden_ledger_drift_usd",
        "rule_not_armed": "riskwarden_rule_armed",
    }

    assert set(excepted[1].split("|")) - listened == set(seen_otherwise)
    for metric in seen_otherwise.values():
        assert any(metric in expr for expr in others.values())


def test_every_kind_of_alarm_stands_in_the_runbook() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| \[[\w-]+\]\([\w-]+\.md\) \|$", INDEX, re.MULTILINE)

    assert rows == sorted(kind.value for kind in AlarmKind)


def test_alarms_that_are_sentences_stand_in_the_runbook_as_they_begin() -> None:
    modules = ("desk/stores.py", "desk/plans.py", "guardian/watch.py", "notify/notifier.py")
    code = "".join((ROOT / "ops" / one).read_text("utf-8") for one in modules)
    rows = INDEX.split("| begins with |")[1].splitlines()
    begin = [one for row in rows for one in re.findall(r"`([^`]+)`", row.split(" | ")[0])]

    assert len(begin) > len(modules)
    assert [one for one in begin if f'"{one}' not in code] == []


def test_it_scrapes_where_the_service_answers() -> None:
    (job,) = read(FOLDER / "prometheus.yml")["scrape_configs"]

    assert job["static_configs"] == [{"targets": [Service().http]}]
    assert "metrics_path" not in job  # Prometheus asks for /metrics by itself


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            lambda: ALERTS["RiskwardenClockSkew"]["annotations"]["description"], id="alert"
        ),
        pytest.param(lambda: (ROOT / "ops/runbook/clock-skew.md").read_text("utf-8"), id="page"),
        pytest.param(
            lambda: (ROOT / "ops/adr/0016-two-clocks-end-a-lock.md").read_text("utf-8"), id="record"
        ),
    ],
)
def test_all_that_speaks_of_the_clocks_names_the_alarms_ten_seconds(
    text: Callable[[], str],
) -> None:
    assert TOLERANCE == 10 * SECOND
    assert f"abs(riskwarden_clock_skew_seconds) > {TOLERANCE // SECOND} or" in str(
        ALERTS["RiskwardenClockSkew"]["expr"]
    )
    assert "more than ten seconds" in " ".join(text().split())
    assert "two seconds" not in text()
