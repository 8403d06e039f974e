"""A small configuration that loads, to be bent by each test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.errors import ConfigError, Problem
from config.load import load

SERVICE = ""
LOGIN = """
name = "main"
username = "env:PROJECT_X_USERNAME"
api_key = "env:PROJECT_X_API_KEY"
"""
ACCOUNT = """
login = "main"
id = 1001
"""
RULES = """
[accounts.rules.daily_realized_loss]
limit = -500
"""

type Write = Callable[..., Path]
type Judge = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a configuration file with some of its parts replaced, and something at its end."""

    def written(
        *,
        service: str = SERVICE,
        login: str = LOGIN,
        account: str = ACCOUNT,
        rules: str = RULES,
        end: str = "",
    ) -> Path:
        path = tmp_path / "riskwarden.toml"
        parts = ("[service]", service, "[[logins]]", login, "[[accounts]]", account, rules, end)
        path.write_text("\n".join(parts), encoding="utf-8")
        return path

    return written


@pytest.fixture
def judge(write: Write) -> Judge:
    """Return the problems of a configuration, none if it loads."""

    def judged(**parts: Any) -> tuple[Problem, ...]:
        try:
            load(write(**parts))
        except ConfigError as error:
            return error.problems
        return ()

    return judged
