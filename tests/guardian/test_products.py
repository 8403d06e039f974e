"""Products that only the configuration names: looked up by `check --connect` and at the start."""

import asyncio
import os
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from ops.sim import actions
from ops.sim.rest_faults import RestFault
from ops.sim.server import SimServer
from protocol.control import AccountStatus
from tests.guardian.conftest import Build
from tests.guardian.service import MNQ, Service, account, login, lose, run, until

COUNT = "[accounts.rules.max_contracts]\nlimit = 5\nweights = {{ {} = 0.1 }}\n"
LOSS = "[accounts.rules.daily_realized_loss]\nlimit = -500\n"
EVERY_PLACE = """
[accounts.rules.max_contracts]
limit = 5
weights = { OJ = 0.1, ES = 1 }
[accounts.rules.max_contracts_per_instrument]
limits = { MNK = 2, ep = 1 }
[accounts.rules.symbol_blocks]
symbols = ["XYZ9", "Q*", "*"]
[accounts.rules.session_block_outside]
calendar = "cme_equity"
[accounts.rules.session_block_outside.instruments.ZB]
windows = [{ start = "08:30", end = "15:00" }]
"""
LIMITS = "[accounts.rules.max_contracts_per_instrument]\n"
BLOCKS = "[accounts.rules.symbol_blocks]\n"
SEARCH, ALL = "Contract/search", "Contract/available"
KIND = "product_unknown"


def rules(product: str) -> str:
    return COUNT.format(product) + LOSS


async def list_t_notes(sim: SimServer) -> None:
    """Have the simulator list a product whose root is not what traders call it."""
    await sim.do(actions.Contract(root="OJ", expiry="Z26", price=Decimal(110)))


def write(folder: Path, *parts: str) -> str:
    return str(Service(folder, *parts).file)


async def alarmed(one: Service, number: int = 1001) -> AccountStatus:
    """Wait until the alarm stands, and return the account."""

    async def is_so() -> bool:
        return any(each.startswith(KIND) for each in (await one.account(number)).alarms)

    await until(is_so, 15, lambda: one.log)
    return await one.account(number)


# check --connect


async def test_check_says_where_each_stands_what_is_nearest_and_how_to_mend_it(
    tmp_path: Path, sim: SimServer
) -> None:
    await list_t_notes(sim)
    file = write(tmp_path, login(sim.url), account(rules=EVERY_PLACE))

    code, out, _ = await run("check", "--connect", "--config", file)

    assert code == 3
    lines = [line.strip() for line in out.splitlines()]
    found = {one: lines[at + 1] for at, one in enumerate(lines) if one.startswith("PROBLEM")}
    path, lists = "PROBLEM accounts[1001].rules", "the Gateway lists no product"
    every = "CL, ES, GC, MES, MNQ, NQ, OJX (OJ), RTY"
    one_of_these = "mend: write one of these, or take it out"
    nothing = "so this holds for nothing"
    assert found == {
        f"{path}.max_contracts.weights.OJ: {lists} OJ, {nothing}; it lists it as OJX "
        "(CON.F.US.OJX.Z26, Orange Juice: December 2026)": "mend: write OJX",
        f"{path}.max_contracts_per_instrument.limits.MNK: {lists} MNK, {nothing}; the nearest that "
        "it lists is MNQ (CON.F.US.MNQ.Z26, Micro E-mini Nasdaq-100: December 2026)": "mend: write "
        "MNQ if that is meant, else take it out",
        f"{path}.symbol_blocks.symbols: {lists} XYZ9, {nothing}; it lists {every}": one_of_these,
        f"{path}.session_block_outside.instruments.ZB: {lists} ZB, {nothing}; it lists {every}": (
            one_of_these
        ),
    }
    assert "products named and listed: ES" in lines


async def test_check_searches_once_for_each_product_of_a_login(
    tmp_path: Path, sim: SimServer
) -> None:
    both = COUNT.format("ES") + "[accounts.rules.symbol_blocks]\nsymbols = ['EP', 'es', 'mnq']\n"
    file = write(
        tmp_path, login(sim.url), account(rules=both), account("id = 1002", rules=rules("EP"))
    )

    code, out, _ = await run("check", "--connect", "--config", file)

    assert code == 0, out
    texts = [call.body for call in sim.calls.of(SEARCH)]
    assert texts == [{"searchText": one, "live": False} for one in ("ES", "MNQ")]
    assert sim.calls.of(ALL) == [], "all were found"


@pytest.mark.parametrize("endpoint", [SEARCH, ALL])
async def test_check_does_not_take_silence_for_an_answer(
    tmp_path: Path, sim: SimServer, endpoint: str
) -> None:
    sim.faults.rest_faults.add(RestFault(kind="status", endpoint=endpoint, count=None))
    file = write(tmp_path, login(sim.url), account(rules=rules("ZZ")))

    code, out, _ = await run("check", "--connect", "--config", file)

    assert code == 4
    assert "PROBLEM whether the Gateway lists ZZ cannot be told (" in out
    assert "lists no product" not in out


async def test_check_names_no_product_where_no_rule_does(tmp_path: Path, sim: SimServer) -> None:
    code, out, _ = await run(
        "check", "--connect", "--config", write(tmp_path, login(sim.url), account())
    )

    assert code == 0, out
    assert sim.calls.of(SEARCH) == sim.calls.of(ALL) == []


# The start


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(COUNT.format("ZZ") + LOSS, id="a weight"),
        pytest.param(f"{LIMITS}limits = {{ MNK = 2, ES = 1 }}\n{LOSS}", id="a limit"),
        pytest.param(f'{BLOCKS}symbols = ["XYZ9"]\n{LOSS}', id="a symbol"),
    ],
)
async def test_a_start_that_was_refused_goes_on_once_the_file_is_mended(
    service: Build, sim: SimServer, wrong: str
) -> None:
    one = service(login(sim.url), account(rules=wrong))
    code, out, err = await run("run", "--config", str(one.file))
    assert code == 3, out + err

    one.configure(login(sim.url), account(rules=rules("ES")))
    await one.start()
    await one.armed()


async def test_a_start_is_refused_while_nothing_is_at_stake(tmp_path: Path, sim: SimServer) -> None:
    await list_t_notes(sim)
    file = write(tmp_path, login(sim.url), account(rules=rules("OJ")), account("id = 1002"))

    code, out, err = await run("run", "--config", file)

    assert code == 3, out + err
    last = err.splitlines()[-1]
    assert "login main: the start is refused: accounts[1001].rules.max_contracts.weights.OJ" in last
    assert "it lists it as OJX" in last
    assert "write OJX" in last
    assert "Traceback" not in err
    assert sim.calls.of("Position/closeContract") == []


async def test_a_login_that_is_refused_leaves_the_others_guarded(
    service: Build, sim: SimServer
) -> None:
    one = service(
        login(sim.url, "wrong"),
        login(sim.url),
        account(of="wrong", rules=rules("ZZ")),
        account("id = 1002"),
    )
    await one.start()

    async def is_decided() -> bool:
        desks = {desk.login: desk for desk in (await one.status()).desks}
        return (desks["wrong"].state, desks["main"].state) == ("down", "armed")

    await until(is_decided, 20, lambda: one.log)
    (desk,) = [each for each in (await one.status()).desks if each.login == "wrong"]
    assert "the start is refused: accounts[1001].rules.max_contracts.weights.ZZ" in desk.alarms[0]
    assert (await one.get("readyz")).status_code == 503
    await lose(sim, 1002)
    await one.locked(1002)


async def test_a_start_searches_once_for_each_product(service: Build, sim: SimServer) -> None:
    one = service(
        login(sim.url), account(rules=rules("EP")), account("id = 1002", rules=rules("ES"))
    )
    await one.start()
    await one.armed()
    await asyncio.sleep(1)

    assert [call.body for call in sim.calls.of(SEARCH)] == [{"searchText": "ES", "live": False}]
    assert sim.calls.of(ALL) == []
    assert (await one.account()).alarms == []


async def test_whoever_holds_something_is_guarded_whatever_is_written(
    service: Build, sim: SimServer
) -> None:
    await sim.price(MNQ, 21_000)
    await sim.order(1002, MNQ, "buy", 1)
    one = service(
        login(sim.url), account(rules=rules("ZZ")), account("id = 1002", rules=rules("MNQ"))
    )
    await one.start()
    await one.armed()

    (alarm,) = (await alarmed(one)).alarms
    assert alarm.startswith(f"{KIND}: accounts[1001].rules.max_contracts.weights.ZZ: the Gateway")
    assert (await one.account(1002)).alarms == []
    await lose(sim, 1002)
    await one.locked(1002)
    assert await one.end() == 0


async def test_whoever_has_an_order_at_work_is_guarded(service: Build, sim: SimServer) -> None:
    await sim.price(MNQ, 21_000)
    await sim.order(1001, MNQ, "buy", 1, type="limit", limit=20_000)
    one = service(login(sim.url), account(rules=rules("ZZ")))
    await one.start()
    await one.armed()

    assert (await alarmed(one)).state == "armed"


async def test_whoever_is_locked_stays_guarded(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account(rules=LOSS))
    await one.start()
    await one.armed()
    await lose(sim)
    await one.locked()
    assert await one.end() == 0

    one.configure(login(sim.url), account(rules=rules("ZZ")))
    await one.start()
    await one.armed()
    assert (await alarmed(one)).locked


async def test_a_gateway_that_does_not_answer_refuses_no_start(
    service: Build, sim: SimServer
) -> None:
    sim.faults.rest_faults.add(RestFault(kind="status", endpoint="Contract/search", count=None))
    one = service(login(sim.url), account(rules=rules("ZZ")))
    await one.start()
    await one.armed()

    assert (await one.account()).alarms == []
    assert "cannot be looked up, tried again" in one.log
    sim.faults.clear()
    assert (await alarmed(one)).state == "armed", "told late, and guarded"


async def test_a_desk_that_is_started_again_is_not_refused(service: Build, sim: SimServer) -> None:
    await sim.price(MNQ, 21_000)
    await sim.order(1001, MNQ, "buy", 1)
    one = service(login(sim.url), account(rules=rules("ZZ")))
    await one.start()
    await one.armed()
    await alarmed(one)
    await sim.close(1001, MNQ)
    pid = await one.desk_pid()
    await asyncio.sleep(1)

    os.kill(pid, signal.SIGKILL)

    async def is_anew() -> bool:
        desk = (await one.status()).desks[0]
        return desk.pid not in {None, pid} and desk.state == "armed"

    await until(is_anew, 20, lambda: one.log)
    assert (await alarmed(one)).state == "armed"


async def test_a_reload_raises_the_alarm_and_ends_it(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account(rules=rules("MNQ")))
    await one.start()
    await one.armed()

    one.configure(login(sim.url), account(rules=rules("ZZ")))
    await run("reload", "--config", str(one.file))
    (alarm,) = (await alarmed(one)).alarms
    assert "weights.ZZ" in alarm

    one.configure(login(sim.url), account(rules=rules("MES")))
    await run("reload", "--config", str(one.file))

    async def is_over() -> bool:
        return (await one.account()).alarms == []

    await until(is_over, 15, lambda: one.log)
