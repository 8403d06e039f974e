"""Whoever may not look into the data_dir is told so: by every command, and in one line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.sim.server import SimServer
from tests.cli.conftest import Command
from tests.guardian.conftest import Build, service
from tests.guardian.service import account, environment, login
from tests.guardian.test_ways_around import UNPRIVILEGED

__all__ = ["service"]
NOWHERE = "http://127.0.0.1:1"

type Barred = Callable[[str], Path]
type Write = Callable[..., str]


@pytest.fixture
def barred(tmp_path: Path) -> Iterator[Barred]:
    """Return what makes a folder that nobody but a privileged user may look into."""
    made: list[Path] = []

    def bar(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o000)
        made.append(folder)
        return folder

    yield bar
    for folder in made:
        folder.chmod(0o700)


def told(*arguments: str) -> tuple[int, str, str]:
    line = [*UNPRIVILEGED, sys.executable, "-P", "-m", "ops.cli", *arguments]
    done = subprocess.run(
        line, capture_output=True, text=True, check=False, timeout=30, env=environment()
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("below", ["", "/below/that"])
@pytest.mark.parametrize(
    "asked",
    [
        "verify",
        "replay --account 1001",
        "explain 1001/daily_realized_loss/1",
        "backup --to elsewhere",
    ],
)
def test_the_past_of_another_user_is_not_nothing(barred: Barred, asked: str, below: str) -> None:
    folder = f"{barred('theirs')}{below}"

    code, out, err = told(*asked.split(), "--data", folder)

    assert (code, out) == (3, "")
    assert f"{folder} cannot be looked into: Permission denied" in err
    assert "as the user of the service" in err


def test_the_doctor_looks_on_where_it_may_not_look(barred: Barred, write: Write) -> None:
    file = Path(write(login(NOWHERE), account()))
    folder = barred("theirs") / "below"
    text = file.read_text("utf-8").replace("[service]\n", f'[service]\ndata_dir = "{folder}"\n')
    file.write_text(text, encoding="utf-8")

    code, out, err = told("doctor", "--offline", "--config", str(file))

    assert (code, err) == (3, "")
    assert f"PROBLEM data folder: {folder} cannot be looked into: Permission denied" in out
    assert "request budget" in out


@pytest.mark.parametrize("name", ["check", "run", "doctor --offline"])
def test_a_secret_in_another_users_folder_is_named(barred: Barred, write: Write, name: str) -> None:
    secret = barred("theirs") / "key"

    file = write(login(NOWHERE, key=f"file:{secret}"), account())
    code, out, err = told(*name.split(), "--config", file)

    assert code == 3
    assert f"{secret} cannot be read: Permission denied" in out + err


def test_whatever_else_may_not_be_read_is_named(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: object) -> int:
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setattr("ops.commands.rules.run", run)

    code, out, err = command("rules", "--json")

    assert code == 1
    assert "riskwarden: /somewhere: Permission denied; run this as the user" in err
    assert json.loads(out)["code"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes where it may not")
def test_root_starts_nothing_in_another_users_folder(tmp_path: Path, write: Write) -> None:
    """It would leave files there that keep the service out."""
    folder = tmp_path / "var"
    folder.mkdir()
    os.chown(folder, 65_534, 65_534)

    code, _, err = told("run", "--config", write(login(NOWHERE), account()))

    assert code == 3
    assert f"{folder} belongs to user 65534, and this is root" in err
    assert "systemctl start riskwarden" in err
    assert list(folder.iterdir()) == []


async def test_a_service_of_another_user_is_not_said_not_to_run(
    sim: SimServer, service: Build
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    port = str((await one.get("livez")).url.port)
    text = one.file.read_text("utf-8").replace("127.0.0.1:0", f"127.0.0.1:{port}")
    one.file.write_text(text, encoding="utf-8")
    one.data_dir.chmod(0o000)
    try:
        asked = [told(command, "--config", str(one.file)) for command in ("reload", "trace")]
        _, examined, _ = told("doctor", "--offline", "--config", str(one.file))
    finally:
        one.data_dir.chmod(0o700)

    for code, out, err in asked:
        assert (code, out) == (1, "")
        assert "the service may not be asked: Permission denied" in err
        assert "as the user of the service" in err
    assert f"a service answers at 127.0.0.1:{port}, and it cannot be told whose" in examined
