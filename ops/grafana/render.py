"""A dashboard as the JSON that Grafana (10 or later) imports."""

import json
from typing import Any

from ops.grafana.panels import Board, Kind, Panel, Query, Unit

SCHEMA = 39
WIDE = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
LETTERS = "ABCDEFGH"
GREEN, RED = "green", "red"


def render(board: Board) -> str:
    """Return the file's text."""
    return json.dumps(dashboard(board), indent=2) + "\n"


def dashboard(board: Board) -> dict[str, Any]:
    """Return the dashboard; panels are placed from left to right, then down."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row in board.rows:
        panels.append(_heading(row.title, len(panels) + 1, y))
        y, x, high = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > WIDE:
                x, y, high = 0, y + high, 0
            place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
            panels.append(_panel(panel, len(panels) + 1, place))
            x, high = x + panel.width, max(high, panel.height)
        y += high
    return {
        "uid": f"riskwarden-{board.name}",
        "title": board.title,
        "description": board.text,
        "tags": ["riskwarden"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "refresh": "5s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_source(), *(_variable(name) for name in board.variables)]},
        "links": [
            {
                "type": "dashboards",
                "title": "riskwarden",
                "tags": ["riskwarden"],
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "panels": panels,
    }


def _heading(title: str, number: int, y: int) -> dict[str, Any]:
    place = {"x": 0, "y": y, "w": WIDE, "h": 1}
    return {
        "id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place,
        "panels": [],
    }  # fmt: skip


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind.value,
        "title": panel.title,
        "description": panel.text,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [
            _target(query, letter, panel)
            for query, letter in zip(panel.queries, LETTERS, strict=False)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel.kind),
    }


def _target(query: Query, letter: str, panel: Panel) -> dict[str, Any]:
    return {
        "refId": letter,
        "datasource": SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or panel.title,
        "instant": panel.kind is Kind.STAT,
        "range": panel.kind is not Kind.STAT,
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": GREEN, "value": None}]
    if panel.red_from is not None:
        steps.append({"color": RED, "value": panel.red_from})
    elif panel.red_below is not None:
        steps = [{"color": RED, "value": None}, {"color": GREEN, "value": panel.red_below}]
    found: dict[str, Any] = {
        "unit": panel.unit.value,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "thresholds" if panel.kind is Kind.STAT else "palette-classic"},
    }
    if panel.unit is Unit.DOLLARS:
        found["decimals"] = 2
    return found


def _options(kind: Kind) -> dict[str, Any]:
    if kind is Kind.STAT:
        reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": reduced, "colorMode": "background", "graphMode": "none"}
    if kind is Kind.STATES:
        return {"showValue": "never", "mergeValues": True, "rowHeight": 0.8}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def _source() -> dict[str, Any]:
    found = {"type": "datasource", "name": "datasource", "label": "Prometheus"}
    return {**found, "query": "prometheus"}


def _variable(name: str) -> dict[str, Any]:
    where = '{login=~"$login"}' if name == "account" else ""
    query = f"label_values(riskwarden_account_guarded{where}, {name})"
    return {
        "type": "query",
        "name": name,
        "label": name.capitalize(),
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }
