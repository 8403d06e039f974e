from collections.abc import AsyncIterator

import httpx
import pytest

from ops.sim.server import SimServer
from tests.sim_gateway.rig import Sdk, log_in


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with SimServer() as server:
        yield server


@pytest.fixture
async def http(sim: SimServer) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {await log_in(sim)}"}
    async with httpx.AsyncClient(base_url=sim.url, headers=headers, timeout=5) as client:
        yield client


@pytest.fixture
async def sdk(sim: SimServer) -> AsyncIterator[Sdk]:
    kit = Sdk(sim)
    async with kit.client:
        await kit.client.authenticate()
        yield kit
