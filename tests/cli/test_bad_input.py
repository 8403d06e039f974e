"""Each thing that an operator gets wrong: a clear message, and the exit code that goes with it."""

from collections.abc import Callable

import pytest

from ops.sim.rest_faults import RestFault
from ops.sim.server import SimServer
from tests.cli.conftest import Command
from tests.guardian.service import KEY, account, login, run, run_without

NOWHERE = "http://127.0.0.1:1"
WRONG_KEY = "not-the-key-9876543210"

type Write = Callable[..., str]


@pytest.mark.parametrize("asked", [("check",), ("run",)])
@pytest.mark.parametrize(
    ("parts", "what", "mend"),
    [
        pytest.param(
            (login(NOWHERE), account(more="limt = 5")),
            "limt",
            "known",
            id="unknown key",
        ),
        pytest.param(
            (login(NOWHERE), account('id = "1001"')),
            "accounts[",
            "a whole number",
            id="wrong type",
        ),
        pytest.param(
            (login(NOWHERE), account().replace('"UTC"', '"America/Chicgo"')),
            "America/Chicgo",
            "America/Chicago",
            id="bad zone",
        ),
        pytest.param(
            (login(NOWHERE, key=WRONG_KEY), account()),
            "is not env:NAME, file:PATH or credential:NAME",
            "env:PROJECT_X_API_KEY",
            id="a secret in the file",
        ),
    ],
)
def test_a_bad_configuration_is_named_with_its_remedy(  # noqa: PLR0917  (a table's columns)
    command: Command, write: Write, asked: tuple[str], parts: tuple[str], what: str, mend: str
) -> None:
    code, out, err = command(*asked, "--config", write(*parts))

    assert code == 3
    assert what in out + err
    assert mend in out + err
    assert WRONG_KEY not in out + err
    assert "Traceback" not in err


def test_a_missing_secret_is_named(
    command: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROJECT_X_API_KEY", raising=False)

    code, out, _ = command("check", "--config", write(login(NOWHERE), account()))

    assert code == 3
    assert "the environment variable PROJECT_X_API_KEY is not set" in out


async def test_a_missing_secret_ends_the_service(write: Write) -> None:
    file = write(login(NOWHERE, key="env:PROJECT_X_NO_KEY"), account())

    code, _, err = await run("run", "--config", file)

    assert code == 3
    assert "PROJECT_X_NO_KEY is not set" in err
    assert "mend what is listed above" in err.splitlines()[-1]


async def test_an_unreachable_gateway_ends_the_service(write: Write) -> None:
    file = write(login(NOWHERE), account())

    code, _, err = await run("run", "--config", file, "--arm-within", "1")

    assert code == 4
    assert "could not be reached for 1 s" in err.splitlines()[-1]
    assert "check api_url and the network" in err.splitlines()[-1]
    assert "Traceback" not in err


async def test_a_wrong_key_ends_the_service(write: Write, sim: SimServer) -> None:
    file = write(login(sim.url), account())

    code, _, err = await run("run", "--config", file, PROJECT_X_API_KEY=WRONG_KEY)

    assert code == 4
    assert "refused it" in err.splitlines()[-1]
    assert "check the user name and the API key" in err.splitlines()[-1]
    assert WRONG_KEY not in err
    assert "Traceback" not in err


async def test_an_unknown_account_ends_the_service(write: Write, sim: SimServer) -> None:
    file = write(login(sim.url), account("id = 7"), account('name = "PRACTICE-7"'))

    code, _, err = await run("run", "--config", file)

    assert code == 3
    last = err.splitlines()[-1]
    assert 'none of the configured accounts (7, \\"PRACTICE-7\\")' in last
    assert '1001 \\"PRACTICE-1001\\", 1002 \\"PRACTICE-1002\\"' in last


async def test_a_desk_that_nothing_arms_is_stalled(write: Write, sim: SimServer) -> None:
    sim.faults.rest_faults.add(RestFault(kind="status", endpoint="Position/*", count=None))
    file = write(login(sim.url), account())

    code, out, err = await run("desk", "--login", "main", "--config", file, "--arm-within", "1.5")

    assert code == 2
    assert "no account is armed yet" in err.splitlines()[-1]
    assert KEY not in out + err


async def test_check_connect_looks_at_accounts_and_contracts(write: Write) -> None:
    async with SimServer("desk") as sim:
        await sim.order(1001, "GC", "buy", 1)
        file = write(
            login(sim.url),
            login(sim.url, "wrong", "env:WRONG_KEY"),
            login(NOWHERE, "nowhere"),
            account(),
            account("id = 1003"),
            account("id = 1002", "wrong"),
            account("id = 1004", "nowhere"),
        )
        code, out, err = await run("check", "--connect", "--config", file, WRONG_KEY=WRONG_KEY)
        alone = write(login(sim.url), account('name = "NOBODY"'))
        missing, told, _ = await run("check", "--connect", "--config", alone)

    assert code == 4
    assert "account 1001 LEADER-1001: 1 open positions" in out
    assert "held or working in 1001, cannot be valued" in out
    assert "account 1003 SHUT-1003 may not trade now" in out
    assert "refuses the login" in out
    assert "cannot be reached" in out
    assert WRONG_KEY not in out + err
    assert KEY not in out + err
    assert "Traceback" not in err
    assert missing == 3
    assert 'account "NOBODY" is not listed; the Gateway lists 1001 "LEADER-1001"' in told


async def test_an_account_by_number_and_by_name_is_found_out(write: Write, sim: SimServer) -> None:
    file = write(login(sim.url), account(), account('name = "PRACTICE-1001"'))

    code, out, _ = await run("check", "--connect", "--config", file)

    assert code == 3
    assert 'account 1001 is configured twice, as 1001 and as "PRACTICE-1001"' in out
    assert "mend: join them in one [[accounts]] table" in out


@pytest.mark.parametrize(
    ("module", "asked"),
    [("uvicorn", "run"), ("lmdb", "run"), ("project_x_py", "desk --login main")],
)
async def test_a_missing_dependency_is_one_line(
    write: Write, sim: SimServer, module: str, asked: str
) -> None:
    file = write(login(sim.url), account())
    arguments = [*asked.split(), "--config", file]

    code, err = await run_without(module, arguments)

    assert code == 5
    assert f"{module} cannot be imported" in err.splitlines()[-1]
    assert "make setup" in err.splitlines()[-1]
    assert "Traceback" not in err
