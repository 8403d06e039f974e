"""Scenario files: strict to load, and they do what they promise."""

import asyncio
import os
import signal
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.sim import actions
from ops.sim.scenario import FOLDER, ScenarioError, load
from ops.sim.server import SimServer, main, serve
from tests.sim_gateway.leaping import LeapingLoop
from tests.sim_gateway.rig import MNQ, hub, until

OURS = sorted(path.stem for path in FOLDER.glob("*.toml"))
MINIMAL = """
accounts = [{ id = 1, name = "A" }]
contracts = [{ product = "MNQ", expiry = "Z26", price = 21000 }]
"""


@pytest.mark.parametrize("name", OURS)
async def test_ours_load_and_play_to_the_end(name: str) -> None:
    async with SimServer(name, play_steps=True, speed=200) as sim:
        await until(lambda: not sim.world.tasks)

        assert sim.exchange.book.accounts


def test_the_default_is_what_the_manual_says() -> None:
    scenario = load("default")

    assert [row.id for row in scenario.accounts] == [1001, 1002]
    assert (scenario.user, scenario.api_key) == ("trader", "sim-key-0123456789")
    names = {row.product for row in scenario.contracts}
    assert names == {"MNQ", "MES", "ES", "NQ", "RTY", "CL", "GC"}


def test_the_morning_loses_more_than_500_and_goes_on() -> None:
    assert max(step.at for step in load("morning").steps) < 40
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        trades = runner.run(traded("morning", 1001))
    realized, crossed = Decimal(0), 0
    for trade in trades:
        realized += Decimal(str(trade["profitAndLoss"] or 0)) - Decimal(str(trade["fees"]))
        crossed = crossed or (trade["id"] if realized <= -500 else 0)
    assert crossed
    assert any(trade["id"] > crossed and trade["profitAndLoss"] is None for trade in trades)


async def traded(name: str, account: int) -> Any:
    """Return the trades of an account after the last step of a scenario."""
    async with SimServer(name, play_steps=True, speed=100) as sim:
        await until(lambda: not sim.world.tasks)
        return sim.exchange.trades(account, 0, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accounts = 3", "Expected `array`, got `int` - at `$.accounts`"),
        ("colour = 1\n" + MINIMAL, "unknown field `colour`"),
        (MINIMAL + '[[steps]]\ndo = "dance"', "Invalid value 'dance' - at `$.steps[0].do`"),
        (MINIMAL + '[[steps]]\ndo = "clear"\nwhy = 1', "`why` - at `$.steps[0]`"),
        (MINIMAL + "[switches]\ncopies = 7", "$.copies"),
        (MINIMAL + "[switches]\nquake = 7", "unknown field `quake`"),
        (MINIMAL.replace("MNQ", "ZZZ"), "unknown product 'ZZZ'"),
        (MINIMAL.replace('"A" }', '"A" }, { id = 1, name = "B" }'), "same id"),
        ("accounts = [", "Invalid"),
        (MINIMAL + '[[steps]]\ndo = "cancel"\naccount = 2', "account 2 - at `$.steps[0].account`"),
        (
            MINIMAL + '[[steps]]\ndo = "price"\ncontract = "ES"\nprice = 1',
            "no contract 'ES' - at `$.steps[0].contract`",
        ),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)

    with pytest.raises(ScenarioError) as error:
        load(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_a_missing_file_names_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("nowhere.toml", 0, 1) == 2
    assert "ours are: default, desk, morning" in capsys.readouterr().err


async def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    async with SimServer(path) as sim:
        await sim.order(1, "MNQ", "buy", 1)

        assert len(sim.exchange.positions(1)) == 1


async def test_a_glide_reaches_its_price_and_a_walk_repeats_itself() -> None:
    async def prices() -> list[float]:
        async with SimServer() as sim, hub(sim, "market") as wire:
            sim.world.speed = 100
            await wire.invoke("SubscribeContractQuotes", MNQ)
            await sim.do(actions.Walk(contract="MNQ", seconds=2))
            walked = [told["lastPrice"] for _, told in await wire.events(8)]
            await sim.do(actions.Glide(contract="MNQ", to=Decimal(21050), seconds=1))
            return walked + [told["lastPrice"] for _, told in await wire.events(10)]

    first, second = await prices(), await prices()
    assert first == second
    assert len(set(first[:8])) > 1
    assert first[8:] == sorted(first[8:])
    assert first[-1] == 21050.0


async def test_it_listens_on_loopback_only() -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1 only"):
        await serve(host="0.0.0.0")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
async def test_it_runs_as_a_process_until_told_to_end(end: signal.Signals) -> None:
    code = "import sys; from ops.sim.server import main; sys.exit(main('default', 0, 1))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    url = line.split()[3]
    async with httpx.AsyncClient(base_url=url) as http:
        state = (await http.get("/_sim/state")).json()
    os.kill(process.pid, end)

    assert len(state["accounts"]) == 2
    assert await process.wait() == 0
