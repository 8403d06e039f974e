"""A terminal that cannot show every letter ends no command, and programs are always told UTF-8."""

import os
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest

from tests.guardian.service import account, login

NAME = "K\N{LATIN SMALL LETTER A WITH DIAERESIS}the \N{ROCKET}"
ENCODINGS = {
    "ascii": rb"K\xe4the \U0001f680",
    "cp1252": b"K\xe4the \\U0001f680",
    "utf-8": NAME.encode(),
}
SECRETS = {"PROJECT_X_USERNAME": "trader", "PROJECT_X_API_KEY": "0123456789" * 2}


def check(config: str, encoding: str, out: int, *options: str) -> bytes:
    """Have a configuration checked, its text going there; return what was printed, if here."""
    command = [sys.executable, "-m", "ops.cli", "check", "--config", config, *options]
    around = {**os.environ, **SECRETS, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, check=False, env=around)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0
    return done.stdout or b""


@pytest.fixture
def config(write: Callable[..., str]) -> str:
    named = account(f'name = "{NAME}"', more='mode = "shadow"')
    return write(login("http://127.0.0.1:1"), named)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lesson_103_a_terminal_shows_what_it_can(config: str, encoding: str) -> None:
    screen, terminal = os.openpty()
    try:
        check(config, encoding, terminal)
        assert ENCODINGS[encoding] in os.read(screen, 65_536)
    finally:
        os.close(terminal)
        os.close(screen)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lesson_103_a_file_gets_utf_8(config: str, encoding: str) -> None:
    assert NAME.encode() in check(config, encoding, subprocess.PIPE)
    told = check(config, encoding, subprocess.PIPE, "--json")
    assert NAME in str(msgspec.json.decode(told))
