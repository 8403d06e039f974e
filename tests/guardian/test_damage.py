"""A lock outlives its database: whatever is done to the file, the account comes back locked."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.sim.server import SimServer
from tests.guardian.conftest import Build
from tests.guardian.service import account, login, lose, until

WHOLE = 4_096


def flip_the_lock(data: bytes) -> bytes:
    """Flip one bit in each place where the lock's reason stands."""
    return data.replace(b"realized", b"realizee")


def flip_anywhere(data: bytes) -> bytes:
    """Flip a bit in every hundredth byte or so, the first pages included."""
    draw, damaged = random.Random(3), bytearray(data)
    for place in draw.sample(range(len(damaged)), len(damaged) // 100):
        damaged[place] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def cut_in_half(data: bytes) -> bytes:
    """Lose the second half."""
    return data[: len(data) // 2 // WHOLE * WHOLE]


def empty(_: bytes) -> bytes:
    """Leave zeros."""
    return bytes(3 * WHOLE)


@pytest.mark.parametrize("damage", [flip_the_lock, flip_anywhere, cut_in_half, empty])
async def test_i5_a_locked_account_comes_back_locked_from_a_damaged_store(
    service: Build, sim: SimServer, damage: Callable[[bytes], bytes]
) -> None:
    one = service(login(sim.url), account())
    await one.start()
    await one.armed()
    await lose(sim)
    await one.locked()
    assert await one.end() == 0
    folder = one.data_dir / "accounts" / "1001"
    data = folder / "data.mdb"
    data.write_bytes(damage(data.read_bytes()))

    await one.start()
    await one.locked()
    await one.armed()
    await sim.order(1001, "MNQ", "buy", 1)

    async def is_flat() -> bool:
        return not sim.exchange.positions(1001)

    await until(is_flat, 5, lambda: one.log)
    told = await one.account()
    assert "store" in {lock.rule for lock in told.lockouts}
    assert any("the store was damaged: locked until the next reset" in it for it in told.alarms)
    page = (await one.get("metrics")).text
    assert 'riskwarden_lockouts{login="main",account="1001",rule="store"} 1' in page
    assert copies(folder) == ["1001.corrupt-1"]
    assert await one.end() == 0


def copies(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.parent.glob("*.corrupt-*"))
