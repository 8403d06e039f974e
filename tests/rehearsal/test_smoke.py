"""Each way in which a first try can go, and the exit code that it deserves."""

import asyncio
import json
import signal
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

import pytest

from config.load import load, parse
from config.trial import on_trial
from ops.desk.lockfile import holder
from ops.sim.rest_faults import RestFault
from ops.sim.server import SimServer
from tests.guardian.conftest import Build
from tests.guardian.service import (
    KEY,
    account,
    environment,
    is_running,
    login,
    riskwarden,
    run,
)

NOWHERE = "http://127.0.0.1:1"
PATIENT = ("--within", "25")
"""This machine may be busy; what ends early ends early all the same."""

type Write = Callable[..., str]


def left_in(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


async def test_the_simulator_is_heard() -> None:
    code, out, err = await run("smoke", "--json", *PATIENT)

    told = json.loads(out)
    assert code == 0, err
    assert set(told["steps"]) >= {"start", "configuration", "connected", "snapshot"}
    assert told["within_s"] == 25


async def test_a_configuration_is_tried_and_nothing_is_left_of_it(
    write: Write, sim: SimServer, tmp_path: Path
) -> None:
    await sim.order(1001, "MNQ", "buy", 2)
    file = write(login(sim.url), account(rules="[accounts.rules.max_contracts]\nlimit = 1\n"))

    code, out, err = await run("smoke", "--config", file, *PATIENT)

    assert code == 0, out + err
    assert out.splitlines()[-1] == "ok: it starts, logs in and hears the Gateway"
    assert left_in(tmp_path) == ["riskwarden.toml"]
    (held,) = sim.exchange.positions(1001)
    assert held["size"] == 2, "a trial changes nothing at the broker"
    assert not sim.calls.of("Position/partialCloseContract")


async def test_beside_the_running_service_it_is_refused(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await one.start()

    code, _, err = await run("smoke", "--config", str(one.file))

    assert code == 1
    assert "is running already" in err
    assert "riskwarden status" in err


async def test_silence_is_stalled(write: Write, sim: SimServer) -> None:
    sim.faults.rest_faults.add(RestFault(kind="status", endpoint="Position/*", count=None))
    file = write(login(sim.url), account())

    code, out, _ = await run("smoke", "--config", file, "--within", "6")

    assert code == 2
    assert "nothing was heard within 6 s; it came as far as:" in out
    assert "mend:" in out


async def test_a_bad_configuration_is_named(write: Write) -> None:
    code, _, err = await run("smoke", "--config", write(login(NOWHERE), account(more="limt = 1")))

    assert code == 3
    assert "limt" in err


async def test_a_missing_secret_is_a_configuration_error(write: Write) -> None:
    file = write(login(NOWHERE, key="env:PROJECT_X_NO_KEY"), account())

    code, out, _ = await run("smoke", "--config", file, *PATIENT)

    assert code == 3
    assert "PROJECT_X_NO_KEY is not set" in out
    assert "riskwarden check" in out


@pytest.mark.parametrize("refuses", [True, False])
async def test_a_gateway_that_refuses_or_is_not_there(
    write: Write,
    sim: SimServer,
    refuses: bool,  # noqa: FBT001
) -> None:
    file = write(login(sim.url if refuses else NOWHERE), account())
    wait = PATIENT if refuses else ("--within", "12")

    code, out, _ = await run("smoke", "--config", file, *wait, PROJECT_X_API_KEY="not-the-key-987")

    assert code == 4
    assert ("refused it" if refuses else "could not be reached") in out
    assert "not-the-key-987" not in out
    assert "riskwarden check --connect" in out


@pytest.mark.parametrize("module", ["lmdb", "project_x_py"])
async def test_a_missing_dependency_is_named(tmp_path: Path, module: str) -> None:
    gone = f"raise ModuleNotFoundError('No module named {module}', name='{module}')\n"
    (tmp_path / f"{module}.py").write_text(gone, encoding="utf-8")

    code, out, _ = await run("smoke", *PATIENT, PYTHONPATH=str(tmp_path))

    assert code == 5
    assert f"{module} cannot be imported" in out
    assert "make setup" in out


def test_a_trial_is_quiet_harmless_and_elsewhere(write: Write, tmp_path: Path) -> None:
    head = 'otlp = "http://127.0.0.1:4318"\n[notify]\nurls = ["env:HOOK"]\n'
    file = Path(
        write(head, login(NOWHERE), account(), account("id = 1002", more='mode = "enforce"'))
    )
    document = parse(file.read_text(encoding="utf-8"), file)

    tried = on_trial(document, tmp_path / "elsewhere")

    assert "notify" not in tried
    assert tried["service"] == {"data_dir": str(tmp_path / "elsewhere"), "http": "127.0.0.1:0"}
    assert [one["mode"] for one in tried["accounts"]] == ["shadow", "shadow"]  # type: ignore[attr-defined]
    assert load(file).config.notify.urls, "the configuration itself is left as it was"
    assert KEY not in str(tried)


@pytest.mark.parametrize("odd", [{"service": 1}, {"accounts": 2}, {"accounts": [3]}, {}])
def test_a_trial_leaves_what_is_no_table_to_be_refused(odd: dict[str, object]) -> None:
    tried = on_trial(odd, Path("elsewhere"))

    assert {key: tried[key] for key in odd} == odd


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupt_leaves_no_service_behind(
    write: Write, sim: SimServer, tmp_path: Path, number: signal.Signals
) -> None:
    sim.faults.rest_faults.add(RestFault(kind="status", endpoint="Position/*", count=None))
    file, temporary = write(login(sim.url), account()), tmp_path / "tmp"
    temporary.mkdir()
    line = riskwarden("smoke", "--config", file, "--within", "30")
    process = await asyncio.create_subprocess_exec(
        *line, stderr=PIPE, env=environment(TMPDIR=str(temporary))
    )
    pid = None
    while pid is None:
        await asyncio.sleep(0.05)
        said = [holder(one) for one in temporary.glob("*/var/lock")]
        pid = next((one.pid for one in said if one is not None), None)
    process.send_signal(number)

    _, err = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 1
    assert f"the smoke was ended by {number.name}; its service is stopped" in err.decode()
    assert not is_running(pid)
    assert left_in(temporary) == []
