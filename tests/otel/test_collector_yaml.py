"""The configuration for the official collector: well-formed, consistent, and no key misspelt.

The collector itself is not at hand here; `otelcol-contrib validate` is the operator's last word.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.load import understand
from tests.config.test_keys import BASE

FILE = Path(__file__).parents[2] / "ops/otel/collector.yaml"
CONFIG: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
SECTIONS = ("extensions", "receivers", "processors", "exporters")
OWN_METRICS = {"pull": {"exporter": {"prometheus": {"host": None, "port": None}}}}
SERVICE = {
    "extensions": None,
    "pipelines": {"traces": {"receivers": None, "processors": None, "exporters": None}},
    "telemetry": {
        "logs": {"level": None},
        "metrics": {"level": None, "readers": OWN_METRICS},
    },
}
# By kind: what stands before the slash of a component's name.
KNOWN: dict[str, Any] = {
    "health_check": {"endpoint": None},
    "file_storage": {"directory": None, "create_directory": None},
    "otlp": {"protocols": {"http": {"endpoint": None}}},
    "memory_limiter": {"check_interval": None, "limit_mib": None, "spike_limit_mib": None},
    "batch": {"timeout": None, "send_batch_size": None, "send_batch_max_size": None},
    "file": {
        "path": None,
        "create_directory": None,
        "append": None,
        "rotation": {"max_megabytes": None, "max_days": None, "max_backups": None},
    },
    "otlp_http": {
        "endpoint": None,
        "sending_queue": {"storage": None, "queue_size": None},
        "retry_on_failure": {"max_elapsed_time": None},
    },
}


def unknown(found: Any, known: Any, place: str) -> Iterator[str]:
    """Name every key that is not among the known ones."""
    if isinstance(found, list) and known is not None:
        for one in found:
            yield from unknown(one, known, place)
    elif isinstance(found, dict):
        for key, value in found.items():
            if not isinstance(known, dict) or key not in known:
                yield f"{place}.{key}"
            else:
                yield from unknown(value, known[key], f"{place}.{key}")


def problems(config: dict[str, Any]) -> list[str]:
    """Return what is wrong: keys nobody knows, and names that nothing or nobody stands for."""
    found = [key for key in config if key not in {*SECTIONS, "service"}]
    found += unknown(config["service"], SERVICE, "service")
    for section in SECTIONS:
        for name, component in config[section].items():
            found += unknown(component, KNOWN.get(name.partition("/")[0]), f"{section}.{name}")
    used = {section: set[str]() for section in SECTIONS}
    used["extensions"] |= set(config["service"]["extensions"])
    for pipeline in config["service"]["pipelines"].values():
        for section, names in pipeline.items():
            if section in used:
                used[section] |= set(names)
    for section, names in used.items():
        found += [f"{section}: {name}" for name in names ^ set(config[section])]
    storage = config["exporters"]["otlp_http/backend"]["sending_queue"]["storage"]
    return found + [name for name in (storage,) if name not in used["extensions"]]


def test_every_key_is_known_and_every_name_stands_for_something() -> None:
    assert problems(CONFIG) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("send_batch_size", "send_batchsize"),
        ("otlp_http/backend:", "otlphttp/backend:"),
        ("[memory_limiter, batch]", "[memory_limiter, batching]"),
        ("storage: file_storage/queue", "storage: file_storage"),
        ("  logs:", "  log:"),
        ("max_elapsed_time", "max_elapsed"),
    ],
)
def test_the_check_finds_a_mistake(old: str, new: str) -> None:
    text = FILE.read_text("utf-8")
    assert old in text

    try:
        found = problems(yaml.safe_load(text.replace(old, new)))
    except KeyError:
        return
    assert found


def test_it_listens_on_this_machine_only() -> None:
    listening = re.findall(r"(?:endpoint|host): (\S+)", FILE.read_text("utf-8"))

    assert listening
    assert [one for one in listening if "127.0.0.1" not in one] == []


def test_it_listens_where_the_comment_tells_the_desk_to_send() -> None:
    written = re.findall(r'otlp = "(\S+)"', FILE.read_text("utf-8"))
    document = deepcopy(BASE)
    document["service"] = {"otlp": written[0]}

    service = understand(document, FILE).config.service
    assert service.otlp == f"http://{CONFIG['receivers']['otlp']['protocols']['http']['endpoint']}"


def test_a_backend_that_is_away_loses_nothing() -> None:
    backend = CONFIG["exporters"]["otlp_http/backend"]

    assert backend["retry_on_failure"]["max_elapsed_time"] == "0s"
    assert CONFIG["exporters"]["file/traces"]["append"] is True
