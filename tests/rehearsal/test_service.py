"""The service of a rehearsal outlives its rehearsal no longer than it takes to clean up."""

import asyncio
import sys
import time
from pathlib import Path

from ops.sim.server import SimServer
from tests.guardian.service import Service as Written
from tests.guardian.service import account, children, environment, is_running, login, until

ORPHAN_S = 2.0
REHEARSE = """
import asyncio, sys
from pathlib import Path
from ops.rehearsal.service import Service

async def rehearse(file, data_dir, orphan_s):
    service = Service(Path(file), Path(data_dir), orphan_s=float(orphan_s))
    await service.start()
    while await service.status() is None:
        await asyncio.sleep(0.05)
    print("up", flush=True)
    await asyncio.sleep(600)

asyncio.run(rehearse(*sys.argv[1:]))
"""


async def test_a_rehearsal_that_is_killed_leaves_no_service_behind(
    tmp_path: Path, sim: SimServer
) -> None:
    """A service that nobody knows of would fight the real one for its session."""
    file = Written(tmp_path, login(sim.url), account()).file
    arguments = (str(file), str(tmp_path / "var"), str(ORPHAN_S))
    rehearsal = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", REHEARSE, *arguments),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    assert rehearsal.stdout is not None
    assert await rehearsal.stdout.readline() == b"up\n"
    (guardian,) = children(rehearsal.pid)
    others = children(guardian)

    killed = time.monotonic()
    rehearsal.kill()
    await rehearsal.wait()

    async def is_gone() -> bool:
        return not any(map(is_running, (guardian, *others)))

    await until(is_gone, 20)
    assert time.monotonic() - killed >= ORPHAN_S, "it may still have had something to close"
