"""A drill on the embedded simulator, and on a practice account of a configuration."""

import asyncio
import json
import os
import pty
import signal
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from actors.adapters import clock
from actors.adapters.storage import Batch
from actors.adapters.store import Store
from actors.lockout import Kept
from ops.desk.marks import Mark, gateway_of, marks_of
from ops.desk.stores import folder
from ops.rehearsal import drill
from ops.rehearsal.configured import at
from ops.rehearsal.practice import Stage
from ops.rehearsal.stages import trading
from ops.sim import actions
from ops.sim.rest_faults import RestFault
from ops.sim.server import SimServer
from protocol.lockouts import Lock, LockKind
from protocol.units import SECOND, AccountId, Nanos, RuleName
from tests.guardian.conftest import Build
from tests.guardian.service import KEY, account, environment, login, riskwarden, run

NAME = "PRACTICE-1001"
ON_IT = ("drill", "--account", NAME, "--json")
YES = ("--yes-place-orders-on", NAME)
STATIONS = ("decision_ms", "request_ms", "answer_ms", "proof_ms")
PLACE, CLOSE = "Order/place", "Position/closeContract"

type Write = Callable[..., str]


@pytest.fixture
async def market(sim: SimServer) -> SimServer:
    """Return a Gateway whose prices move."""
    await sim.do(actions.Walk(contract="MNQ", seconds=600, every_ms=100))
    return sim


def mine() -> str:
    return account(f'name = "{NAME}"')


def left_in(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


def is_idle(sim: SimServer, number: int = 1001) -> bool:
    return not sim.exchange.positions(number) and not sim.exchange.orders(number, (1, 6))


@pytest.mark.timeout(120)
async def test_on_the_simulator_every_round_is_measured_and_enforced() -> None:
    code, out, err = await run("drill", "--rounds", "3", "--json", patience_s=100)

    told = json.loads(out)
    assert code == 0, err
    assert set(told["held"].values()) == {True}
    assert len(told["times"]) == 3
    assert all(one[station] >= 0 for one in told["times"] for station in STATIONS)
    assert told["reaction"]["frame_to_proof"]["max"] < 30_000
    assert told["certificate"]["by_the_service"] is True
    assert told["wire_ms"]["closes"] >= 3
    assert told["wire_ms"]["median"] <= told["wire_ms"]["max"]
    assert told["contract"] == "CON.F.US.MNQ.Z26"


@pytest.mark.timeout(120)
async def test_on_a_practice_account_one_contract_is_opened_and_undone(
    write: Write, market: SimServer, tmp_path: Path
) -> None:
    file = write(login(market.url), mine(), account("id = 1002"))

    code, out, err = await run(*ON_IT[:-1], "--config", file, *YES, patience_s=100)

    assert code == 0, out + err
    (order,) = market.calls.of(PLACE)
    assert order.body == {
        "accountId": 1001,
        "contractId": "CON.F.US.MNQ.Z26",
        "type": 2,
        "side": 0,
        "size": 1,
    }
    assert market.calls.of(CLOSE)
    assert is_idle(market)
    assert not market.calls.of(CLOSE, 1002)
    assert "certificate: account 1001 held nothing" in out
    assert "frame to flat proof" in out
    assert left_in(tmp_path) == ["riskwarden.toml"]
    assert KEY not in out + err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "nobody has confirmed it"),
        (("--yes-place-orders-on", "1001"), "1001 is not the account's name"),
        (("--yes-place-orders-on", "PRACTICE-1002"), "is not the account's name"),
    ],
)
async def test_without_the_right_name_no_order_is_placed(
    write: Write, sim: SimServer, options: tuple[str, ...], why: str
) -> None:
    code, out, err = await run(*ON_IT, "--config", write(login(sim.url), mine()), *options)

    assert code == refusal(out, why) == 3
    assert why in err
    assert f"--yes-place-orders-on {NAME}" in err
    assert not sim.calls.of(PLACE)


@pytest.mark.parametrize(("typed", "placed"), [(NAME, 1), ("practice-1001", 0), ("", 0)])
async def test_the_name_may_be_typed(
    write: Write, market: SimServer, typed: str, placed: int
) -> None:
    line = riskwarden(*ON_IT, "--config", write(login(market.url), mine()))
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *line, stdin=theirs, stdout=PIPE, stderr=PIPE, env=environment()
        )
        assert process.stderr is not None
        asked = await asyncio.wait_for(process.stderr.readuntil(b"to go on: "), 30)
        os.write(ours, f"{typed}\n".encode())
        out, err = await asyncio.wait_for(process.communicate(), 90)
    finally:
        os.close(ours)
        os.close(theirs)

    assert json.loads(out).get("name") == (NAME if placed else None)
    assert b"1 market order of 1 MNQZ6" in asked
    assert b"on account 1001 PRACTICE-1001" in asked
    assert (process.returncode, len(market.calls.of(PLACE))) == (3 - 3 * placed, placed), out + err
    assert (b"no order was placed" in err) is not bool(placed)


def refusal(out: str, why: str) -> int:
    """Return the code of a refusal that says why, to programs too."""
    told = json.loads(out)
    assert why in told["error"]
    return cast("int", told["code"])


async def unsimulated(sim: SimServer) -> None:
    sim.exchange.set_account(1001, {"simulated": False})


async def shut(sim: SimServer) -> None:
    await sim.do(actions.Account(account=1001, can_trade=False))


async def holding(sim: SimServer) -> None:
    await sim.order(1001, "MES", "buy", 1)


async def working(sim: SimServer) -> None:
    await sim.order(1001, "MES", "buy", 1, type="limit", limit=5_000)


async def fresh(sim: SimServer) -> None:
    await sim.order(1001, "MES", "buy", 1)
    await sim.close(1001, "MES")


@pytest.mark.parametrize(
    ("prepare", "code", "why"),
    [
        (unsimulated, 3, "does not call account 1001 PRACTICE-1001 simulated"),
        (shut, 4, "may not trade now"),
        (holding, 3, "holds 1 positions and 0 working orders"),
        (working, 3, "holds 0 positions and 1 working orders"),
        (fresh, 3, "has traded within the last 2 minutes"),
    ],
)
async def test_an_account_that_is_real_or_busy_is_refused(
    write: Write, sim: SimServer, prepare: Callable[[SimServer], object], code: int, why: str
) -> None:
    await prepare(sim)  # type: ignore[misc]

    ended, out, err = await run(*ON_IT, "--config", write(login(sim.url), mine()), *YES)

    assert ended == refusal(out, why) == code
    assert why in err
    assert not sim.calls.of(PLACE)
    assert not sim.calls.of(CLOSE)


async def test_a_locked_account_is_refused(write: Write, sim: SimServer, tmp_path: Path) -> None:
    who = AccountId(1001)
    lock = Lock(
        account_id=who,
        kind=LockKind.HARD,
        rule=RuleName("daily_realized_loss"),
        scope=None,
        reason="lost 500",
        since=Nanos(SECOND),
        until=None,
    )
    path = folder(tmp_path / "var", who)
    path.mkdir(parents=True)
    store = Store.open(path, who)
    store.commit(Batch(account_id=who, states=(("account/1001/lockout", Kept((lock,))),)))
    store.close()

    code, _, err = await run(*ON_IT, "--config", write(login(sim.url), mine()), *YES)

    assert code == 3
    assert "account 1001 is locked by daily_realized_loss: lost 500" in err
    assert not sim.calls.of(PLACE)


async def test_a_lock_of_a_store_that_is_gone_is_remembered(
    write: Write, sim: SimServer, tmp_path: Path
) -> None:
    now = clock.now().wall
    mark = Mark(
        account=1001,
        gateway=gateway_of(sim.api_url),
        data_dir=str(tmp_path / "elsewhere"),
        generation=1,
        seq=7,
        at=now,
        day_ends=Nanos(now + 3_600 * SECOND),
        locked_until=Nanos(now + 3_600 * SECOND),
    )
    marks = marks_of(tmp_path / "elsewhere")
    marks.write(mark)

    code, _, err = await run(*ON_IT, "--config", write(login(sim.url), mine()), *YES)

    assert code == 3
    assert "account 1001 is locked until 20" in err
    assert not sim.calls.of(PLACE)


async def test_a_drill_leaves_no_lock_behind(
    write: Write, market: SimServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    file = write(login(market.url), mine())

    code, out, err = await run(*ON_IT, "--config", file, *YES, patience_s=100)

    assert code == 0, out + err
    assert left_in(tmp_path) == ["riskwarden.toml"]


async def test_beside_the_running_service_it_is_refused(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account())
    await one.start()

    code, _, err = await run(*ON_IT, "--config", str(one.file), *YES)

    assert code == 1
    assert "two sessions of one login throw each other out" in err


async def test_an_account_that_is_not_configured_is_refused(write: Write, sim: SimServer) -> None:
    file = write(login(sim.url), account("id = 1002"))

    code, _, err = await run(*ON_IT, "--config", file, *YES)

    assert code == 3
    assert "has no account PRACTICE-1001; it has 1002" in err


async def test_a_confirmation_without_an_account_is_refused() -> None:
    code, _, err = await run("drill", *YES)

    assert code == 3
    assert "goes with --account" in err


async def test_a_gateway_that_is_not_there_is_named(write: Write) -> None:
    code, _, err = await run(*ON_IT, "--config", write(login("http://127.0.0.1:1"), mine()), *YES)

    assert code == 4
    assert "Auth/loginKey failed" in err
    assert "riskwarden check --connect" in err


async def test_an_order_that_is_refused_ends_flat_and_is_no_success(
    write: Write, market: SimServer
) -> None:
    market.faults.rest(
        RestFault(kind="reject", endpoint=PLACE, message="Outside trading hours", count=None)
    )
    file = write(login(market.url), mine())

    code, out, err = await run(*ON_IT, "--config", file, *YES, patience_s=100)

    told = json.loads(out)
    assert code == 1
    assert "Outside trading hours" in told["why"]
    assert told["certificate"]["by_the_service"] is True
    assert "Traceback" not in err
    assert is_idle(market)


@pytest.mark.timeout(120)
async def test_what_the_service_cannot_close_the_drill_itself_closes(
    market: SimServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "ENFORCED_S", 3.0)
    monkeypatch.setattr(drill, "GRACE_LOOKS", 2)
    market.faults.rest(RestFault(kind="reject", endpoint=CLOSE, message="no", count=None))
    who, secrets = at(market, drill.LOGIN)
    told: list[str] = []

    async with trading(who, secrets) as trader:
        contract = await trader.smallest()
        found = Stage(account=AccountId(1001), name=NAME, contract=contract, gateway=market.url)
        ends = asyncio.create_task(drill.Drill(found, trader, 1, told.append).run(who, secrets))
        while not any("not enforced within 3 s" in line for line in told):
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
        assert not ends.done(), "it does not end before the account is flat"
        market.faults.clear()
        came = await ends

    assert not came.is_enforced
    assert came.certificate.by_the_service is False
    assert "not enforced within 3 s" in came.why
    assert is_idle(market)


@pytest.mark.timeout(120)
async def test_an_interrupt_in_the_middle_ends_flat(write: Write, market: SimServer) -> None:
    file = write(login(market.url), mine())
    line = riskwarden(*ON_IT, "--config", file, *YES)
    process = await asyncio.create_subprocess_exec(
        *line, stdout=PIPE, stderr=PIPE, env=environment()
    )
    while not market.calls.of(PLACE):
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    await asyncio.sleep(0.3)
    process.send_signal(signal.SIGTERM)

    out, err = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 1
    assert b"the drill was ended by SIGINT" in err
    assert refusal(out.decode(), "the drill was ended by SIGINT") == 1
    assert is_idle(market)
