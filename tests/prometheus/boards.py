"""The dashboards as they are committed, and their queries as Grafana would send them."""

import json
from typing import Any, NamedTuple

from ops.grafana.__main__ import FOLDER
from ops.grafana.boards import BOARDS

VARIABLES = {"$__rate_interval": "1m", "$login": ".*", "$account": ".*"}


class Asked(NamedTuple):
    """A query, and where it stands."""

    place: str
    expr: str


def read(name: str) -> dict[str, Any]:
    text = (FOLDER / f"{name}.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in read(name)["panels"] if panel["type"] != "row"]


def asked() -> list[Asked]:
    """Return every query of every panel, with the variables put in."""
    found: list[Asked] = []
    for board in BOARDS:
        for panel in panels(board.name):
            for target in panel["targets"]:
                expr: str = target["expr"]
                for name, value in VARIABLES.items():
                    expr = expr.replace(name, value)
                place = f"{board.name}/{panel['title']}/{target['refId']}"
                found.append(Asked(place, expr))
    return found
