"""The past is told, checked and copied while the service goes on, from other processes."""

import json
from pathlib import Path

from ops.sim.server import SimServer
from tests.guardian.conftest import Build
from tests.guardian.service import account, login, lose, run, until


async def test_everything_about_the_past_works_beside_the_running_service(
    service: Build, sim: SimServer, tmp_path: Path
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    await lose(sim)
    await one.locked()

    async def confirmed() -> bool:
        return any(e.state == "confirmed" for e in (await one.account()).enforcements)

    await until(confirmed, 10, lambda: one.log)
    name = (await one.account()).enforcements[-1].id
    config = ("--config", str(one.file))

    explained, why, _ = await run("explain", name, *config)
    replayed, again, _ = await run("replay", "--account", "1001", *config)
    verified, found, _ = await run("verify", *config)
    backed_up, told, _ = await run("backup", "--to", str(tmp_path / "to"), "--json", *config)

    assert (explained, replayed, verified, backed_up) == (0, 0, 0, 0)
    assert "the same decision, bit for bit" in why
    assert "the same, bit for bit" in again
    assert "sound" in found
    assert "pages not checked, a desk writes them" in found
    assert json.loads(told)["accounts"][0]["pages_checked"]
    await sim.order(1001, "MNQ", "buy", 1)

    async def is_flat() -> bool:
        return not sim.exchange.positions(1001)

    await until(is_flat, 5, lambda: one.log)
    assert await one.end() == 0
