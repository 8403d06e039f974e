from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ops.cli import main
from ops.sim.server import SimServer

type Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with SimServer() as server:
        yield server


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return what runs a command here; it returns the exit code, and what was printed."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Return what writes a configuration file and returns its path."""

    def written(*parts: str) -> str:
        path = tmp_path / "riskwarden.toml"
        path.write_text('[service]\nhttp = "127.0.0.1:0"\n' + "".join(parts), encoding="utf-8")
        return str(path)

    return written
