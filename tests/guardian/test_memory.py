"""What a service remembers from one start to the next, whatever became of its configuration."""

import stat

import msgspec

from ops.sim.server import SimServer
from tests.guardian.conftest import Build
from tests.guardian.service import Service, account, login, lose, until


async def lock(one: Service, sim: SimServer, *numbers: int) -> None:
    await one.start()
    await one.armed()
    for number in numbers:
        await lose(sim, number)
        await one.locked(number)


async def test_an_account_by_name_is_locked_again_before_the_gateway_is_asked(
    service: Build,
) -> None:
    async with SimServer() as sim:
        one = service(login(sim.url), account('name = "PRACTICE-1001"'))
        await lock(one, sim, 1001)
        assert await one.end() == 0
    identities = one.data_dir / "identities.json"
    assert msgspec.json.decode(identities.read_bytes()) == [
        {"id": 1001, "login": "main", "name": "PRACTICE-1001"}
    ]
    assert stat.S_IMODE(identities.stat().st_mode) == 0o600

    await one.start()  # and no Gateway is there any more
    await one.locked()
    told = await one.account()
    assert told.name == "PRACTICE-1001"
    assert told.state == "starting"
    assert (await one.get("readyz")).status_code == 503


async def test_a_lock_outlives_edits_of_the_configuration(service: Build, sim: SimServer) -> None:
    one = service(login(sim.url), account(), account("id = 1002"))
    await lock(one, sim, 1001, 1002)
    assert await one.end() == 0

    one.configure(login(sim.url), account("id = 1002", more='mode = "shadow"'))
    await one.start()
    await one.armed()
    await one.locked(1001)
    removed, shadowed = await one.account(1001), await one.account(1002)
    assert [one.rule for one in removed.rules] == ["daily_realized_loss"]
    assert removed.waits == ["rules.daily_realized_loss: removed"]
    assert "not configured any more" in removed.alarms[0]
    assert shadowed.mode == "enforce"
    assert shadowed.waits == ["mode: enforce -> shadow"]

    await sim.order(1001, "MNQ", "buy", 1)
    await sim.order(1002, "MNQ", "buy", 1)

    async def are_flat() -> bool:
        return not sim.exchange.positions(1001) + sim.exchange.positions(1002)

    await until(are_flat, 3)


async def test_two_logins_fail_alone(service: Build, sim: SimServer) -> None:
    one = service(
        login(sim.url),
        login(sim.url, "wrong", "env:WRONG_KEY"),
        account(),
        account("id = 1002", "wrong"),
    )
    await one.start(WRONG_KEY="not-the-key-9876543210")

    async def has_one_of_two() -> bool:
        desks = {desk.login: desk.state for desk in (await one.status()).desks}
        return desks == {"main": "armed", "wrong": "down"}

    await until(has_one_of_two, 20, lambda: one.log)
    await lose(sim)
    await one.locked()
    told = await one.status()
    assert any("refused it" in alarm for alarm in told.desks[1].alarms)
    assert (await one.get("readyz")).json()["checks"]["desk/main"]["ok"]
    assert not (await one.get("readyz")).json()["ready"]
    assert await one.end() == 0
    assert "not-the-key-9876543210" not in one.log
