"""Where Prometheus and promtool are, and what to do where they are not."""

import os
import shutil
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FETCHED = ROOT / ".tools/prometheus/usr/bin"
MEND = "run `sh ops/prometheus/fetch.sh` (Debian), or put Prometheus 2.42 or later into PATH"


@cache
def find(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=str(FETCHED))


def binary(name: str) -> str:
    """Return a program's path; without it a newcomer's test is skipped, and one in CI fails."""
    found = find(name)
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"no {name} here: {MEND}")
    pytest.skip(f"no {name} here: {MEND}")
